"""Settings of tables that are told as they were given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import Clients

KEY: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}


@pytest.fixture
def dynamodb(clients: Clients) -> Any:
    return clients("dynamodb")


def test_class_and_encryption_are_kept(dynamodb: Any) -> None:
    table_class = "STANDARD_INFREQUENT_ACCESS"
    made = dynamodb.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST", TableClass=table_class, **KEY)
    assert made["TableDescription"]["TableClassSummary"]["TableClass"] == table_class
    dynamodb.update_table(TableName="kept", SSESpecification={"Enabled": True})
    found = dynamodb.describe_table(TableName="kept")["Table"]
    assert found["SSEDescription"]["SSEType"] == "KMS"
    dynamodb.update_table(TableName="kept", SSESpecification={"Enabled": False})
    assert "SSEDescription" not in dynamodb.describe_table(TableName="kept")["Table"]


def test_a_table_on_demand_has_no_capacity(dynamodb: Any) -> None:
    units = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 3}
    dynamodb.create_table(TableName="moved", ProvisionedThroughput=units, **KEY)
    dynamodb.update_table(TableName="moved", BillingMode="PAY_PER_REQUEST")
    found = dynamodb.describe_table(TableName="moved")["Table"]["ProvisionedThroughput"]
    assert (found["ReadCapacityUnits"], found["WriteCapacityUnits"]) == (0, 0)


def test_a_stream_follows_a_disabled_one(dynamodb: Any) -> None:
    enabled = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    dynamodb.create_table(TableName="told", BillingMode="PAY_PER_REQUEST", StreamSpecification=enabled, **KEY)
    first = dynamodb.describe_table(TableName="told")["Table"]["LatestStreamArn"]
    dynamodb.update_table(TableName="told", StreamSpecification={"StreamEnabled": False})
    dynamodb.update_table(TableName="told", StreamSpecification=enabled)
    assert dynamodb.describe_table(TableName="told")["Table"]["LatestStreamArn"] != first


def test_a_tag_is_there_once(dynamodb: Any) -> None:
    made = dynamodb.create_table(TableName="tagged", BillingMode="PAY_PER_REQUEST", **KEY)
    arn = made["TableDescription"]["TableArn"]
    for value in ("one", "two"):
        dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": value}])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "two"}]
