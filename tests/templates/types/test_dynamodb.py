"""Tables, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed, Unsupported
from tests.templates.types.conftest import Bench

KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
PLAIN: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": KEY,
    "BillingMode": "PAY_PER_REQUEST",
}


def _index(name: str, attribute: str) -> dict[str, Any]:
    schema = [{"AttributeName": attribute, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}


def _indexed(*attributes: str) -> dict[str, Any]:
    defined = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", *attributes)]
    indexes = [_index(f"by-{name}", name) for name in attributes]
    return {**PLAIN, "AttributeDefinitions": defined, "GlobalSecondaryIndexes": indexes}


def _table(bench: Bench, name: str) -> Any:
    return bench.client("dynamodb").describe_table(TableName=name)["Table"]


def test_a_table_has_all_that_the_template_gives_and_loses_what_it_no_longer_gives(bench: Bench) -> None:
    given = {
        **PLAIN,
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
        "SSESpecification": {"SSEEnabled": True},
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "Tags": [{"Key": "team", "Value": "shop"}],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "ContributorInsightsSpecification": {"Enabled": False},
    }
    table = bench.create("AWS::DynamoDB::Table", given, "Orders")
    name = bench.ref(table)
    assert name.startswith("shop-Orders-")
    arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    attributes = bench.attributes(table)
    assert attributes["Arn"] == arn
    assert attributes["StreamArn"].startswith(f"{arn}/stream/")
    found = _table(bench, name)
    assert found["SSEDescription"]["Status"] == "ENABLED"
    assert found["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert found["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    client = bench.client("dynamodb")
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "shop", "project": "coldstart"}

    def recovery() -> Any:
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return backups["PointInTimeRecoveryDescription"]

    assert recovery()["RecoveryPeriodInDays"] == 7
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        bench.delete(table)
    table = bench.update(table, PLAIN)
    found = _table(bench, name)
    assert found["DeletionProtectionEnabled"] is False
    assert "SSEDescription" not in found
    assert "StreamSpecification" not in found
    assert found["TableClassSummary"]["TableClass"] == "STANDARD"
    assert recovery()["PointInTimeRecoveryStatus"] == "DISABLED"
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert {tag["Key"] for tag in tags} == {"project"}
    assert bench.attributes(table) == {"Arn": arn}
    bench.delete(table)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        _table(bench, name)


def test_another_view_of_changes_is_another_stream(bench: Bench) -> None:
    table = bench.create("AWS::DynamoDB::Table", {**PLAIN, "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}})
    first = bench.attributes(table)["StreamArn"]
    table = bench.update(table, {**PLAIN, "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"}})
    assert _table(bench, table.physical_id)["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert bench.attributes(table)["StreamArn"] != first


def test_a_tag_that_changes_is_there_once(bench: Bench) -> None:
    table = bench.create("AWS::DynamoDB::Table", {**PLAIN, "Tags": [{"Key": "team", "Value": "one"}]})
    bench.update(table, {**PLAIN, "Tags": [{"Key": "team", "Value": "two"}]})
    tags = bench.client("dynamodb").list_tags_of_resource(ResourceArn=bench.attributes(table)["Arn"])["Tags"]
    assert [tag["Value"] for tag in tags if tag["Key"] == "team"] == ["two"]


def test_capacity_follows_the_billing_mode(bench: Bench) -> None:
    provisioned = {
        **{name: value for name, value in PLAIN.items() if name != "BillingMode"},
        "ProvisionedThroughput": {"ReadCapacityUnits": "5", "WriteCapacityUnits": 2},
    }
    table = bench.create("AWS::DynamoDB::Table", provisioned)
    units = _table(bench, table.physical_id)["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (5, 2)
    table = bench.update(table, PLAIN)
    found = _table(bench, table.physical_id)
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert found["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    table = bench.update(table, provisioned)
    found = _table(bench, table.physical_id)
    assert found["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert found["ProvisionedThroughput"]["ReadCapacityUnits"] == 5


def test_indexes_come_and_go_one_at_a_time(bench: Bench) -> None:
    table = bench.create("AWS::DynamoDB::Table", _indexed("customer"))
    table = bench.update(table, _indexed("customer", "day"))
    found = _table(bench, table.physical_id)
    assert {index["IndexName"] for index in found["GlobalSecondaryIndexes"]} == {"by-customer", "by-day"}
    assert {one["AttributeName"] for one in found["AttributeDefinitions"]} == {"id", "customer", "day"}
    with pytest.raises(Failed, match="Cannot perform more than one GSI creation or deletion in a single update"):
        bench.update(table, PLAIN)
    table = bench.update(table, _indexed("day"))
    found = _table(bench, table.physical_id)
    assert [index["IndexName"] for index in found["GlobalSecondaryIndexes"]] == ["by-day"]


@pytest.mark.parametrize(
    "after",
    [
        {
            **PLAIN,
            "AttributeDefinitions": [{"AttributeName": "other", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
        },
        {**PLAIN, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}]},
    ],
)
def test_another_key_needs_another_table(bench: Bench, after: dict[str, Any]) -> None:
    table = bench.create("AWS::DynamoDB::Table", PLAIN)
    with pytest.raises(Failed) as failed:
        bench.update(table, after)
    assert failed.value.code == "NotUpdatable"


def test_a_resource_policy_is_put_and_taken_off(bench: Bench) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": "dynamodb:GetItem",
                "Resource": "*",
            }
        ],
    }
    table = bench.create("AWS::DynamoDB::Table", {**PLAIN, "ResourcePolicy": {"PolicyDocument": policy}})
    client, arn = bench.client("dynamodb"), bench.attributes(table)["Arn"]
    assert json.loads(client.get_resource_policy(ResourceArn=arn)["Policy"]) == policy
    bench.update(table, PLAIN)
    with pytest.raises(ClientError, match="PolicyNotFound"):
        client.get_resource_policy(ResourceArn=arn)


def test_insights_are_refused_by_name(bench: Bench) -> None:
    with pytest.raises(Unsupported, match="ContributorInsightsSpecification"):
        bench.create("AWS::DynamoDB::Table", {**PLAIN, "ContributorInsightsSpecification": {"Enabled": True}})
