"""Log groups, as a template makes them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Unsupported
from tests.templates.types.conftest import STACK_ID, Bench


def test_a_log_group_keeps_its_events_as_long_as_the_template_says(bench: Bench) -> None:
    given = {"RetentionInDays": 14, "Tags": [{"Key": "team", "Value": "shop"}], "LogGroupClass": "STANDARD"}
    group = bench.create("AWS::Logs::LogGroup", given, "Orders")
    name = bench.ref(group)
    assert name.startswith("shop-Orders-")
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{name}"
    assert bench.attributes(group) == {"Arn": f"{arn}:*"}
    logs = bench.client("logs")

    def retention() -> int | None:
        [found] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return found.get("retentionInDays")  # type: ignore[no-any-return]

    assert retention() == 14
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert (tags["team"], tags["project"]) == ("shop", "coldstart")
    assert tags["aws:cloudformation:stack-id"] == STACK_ID
    group = bench.update(group, {"RetentionInDays": 30})
    assert retention() == 30
    assert "team" not in logs.list_tags_for_resource(resourceArn=arn)["tags"]
    group = bench.update(group, {})
    assert retention() is None
    bench.delete(group)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_a_second_group_of_a_name_is_refused(bench: Bench) -> None:
    bench.create("AWS::Logs::LogGroup", {"LogGroupName": "/shop/orders"})
    with pytest.raises(ClientError, match="AlreadyExists"):
        bench.create("AWS::Logs::LogGroup", {"LogGroupName": "/shop/orders"})


def test_another_class_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(Unsupported, match="LogGroupClass INFREQUENT_ACCESS"):
        bench.create("AWS::Logs::LogGroup", {"LogGroupClass": "INFREQUENT_ACCESS"})


def test_nobody_but_aws_sets_tags_of_aws(bench: Bench) -> None:
    logs = bench.sandbox.gateway.client("logs", bench.sandbox.gateway.learner)
    with pytest.raises(ClientError, match="is not valid"):
        logs.create_log_group(logGroupName="mine", tags={"aws:cloudformation:stack-name": "none"})
