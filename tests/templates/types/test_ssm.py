"""Parameters, as a template makes them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import STACK_ID, Bench


def test_a_parameter_is_put_changed_and_deleted(bench: Bench) -> None:
    given = {
        "Name": "/shop/limit",
        "Type": "String",
        "Value": "10",
        "Description": "of orders",
        "Tags": {"team": "shop"},
    }
    parameter = bench.create("AWS::SSM::Parameter", given)
    assert bench.ref(parameter) == "/shop/limit"
    attributes = bench.attributes(parameter)
    assert (attributes["Type"], attributes["Value"]) == ("String", "10")
    ssm = bench.client("ssm")
    assert ssm.get_parameter(Name="/shop/limit")["Parameter"]["Value"] == "10"

    def tags() -> dict[str, str]:
        found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/limit")["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert tags()["team"] == "shop"
    assert tags()["aws:cloudformation:stack-id"] == STACK_ID
    parameter = bench.update(parameter, {"Name": "/shop/limit", "Type": "String", "Value": "20"})
    assert ssm.get_parameter(Name="/shop/limit")["Parameter"]["Value"] == "20"
    [found] = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/shop/limit"]}])["Parameters"]
    assert not found.get("Description")
    assert "team" not in tags()
    assert bench.attributes(parameter)["Value"] == "20"
    bench.delete(parameter)
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name="/shop/limit")


def test_a_parameter_without_a_name_has_one(bench: Bench) -> None:
    parameter = bench.create("AWS::SSM::Parameter", {"Type": "StringList", "Value": "a,b"}, "Stages")
    assert bench.ref(parameter).startswith("CFN-Stages-")
    with pytest.raises(ClientError, match="AlreadyExists"):
        bench.create("AWS::SSM::Parameter", {"Name": bench.ref(parameter), "Type": "String", "Value": "c"})
