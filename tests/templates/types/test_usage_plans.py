"""Usage plans and API keys, as a template makes them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import Bench
from tests.templates.types.test_rest_apis import body


@pytest.fixture(scope="module")
def api(bench: Bench) -> str:
    """An API with a stage `Prod`."""
    api = bench.create("AWS::ApiGateway::RestApi", {"Body": body()}).physical_id
    bench.create("AWS::ApiGateway::Deployment", {"RestApiId": api, "StageName": "Prod"})
    return api


def test_a_plan_has_its_limits_and_its_stages(bench: Bench, api: str) -> None:
    client = bench.client("apigateway")
    given = {
        "Description": "d",
        "ApiStages": [{"ApiId": api, "Stage": "Prod"}],
        "Quota": {"Limit": "100", "Period": "DAY"},
        "Throttle": {"RateLimit": 5, "BurstLimit": 2},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    plan = bench.create("AWS::ApiGateway::UsagePlan", given, "Plan")
    assert bench.attributes(plan) == {"Id": bench.ref(plan)}
    found = client.get_usage_plan(usagePlanId=plan.physical_id)
    assert found["name"].startswith("shop-Plan-")
    assert (found["quota"]["limit"], found["throttle"]) == (100, {"rateLimit": 5.0, "burstLimit": 2})
    assert found["tags"]["team"] == "shop"
    with pytest.raises(ClientError, match="usage plan"):
        client.delete_rest_api(restApiId=api)
    plan = bench.update(plan, {"UsagePlanName": "named", "Throttle": {"RateLimit": 6, "BurstLimit": 2}})
    found = client.get_usage_plan(usagePlanId=plan.physical_id)
    assert (found["name"], found["description"], found["apiStages"]) == ("named", "", [])
    assert (found.get("quota"), found["throttle"]["rateLimit"]) == (None, 6.0)
    plan = bench.update(plan, {"UsagePlanName": "named", "ApiStages": given["ApiStages"]})
    found = client.get_usage_plan(usagePlanId=plan.physical_id)
    assert ([each["stage"] for each in found["apiStages"]], found.get("throttle")) == (["Prod"], None)
    bench.delete(plan)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(plan)


def test_a_key_and_its_place_in_a_plan(bench: Bench, api: str) -> None:
    client = bench.client("apigateway")
    plan = bench.create("AWS::ApiGateway::UsagePlan", {"UsagePlanName": "keys"})
    stages = [{"RestApiId": api, "StageName": "Prod"}]
    given = {"Value": "a-value-of-twenty-five-chars", "StageKeys": stages}
    key = bench.create("AWS::ApiGateway::ApiKey", {**given, "Enabled": True, "Description": "d"}, "Key")
    assert bench.attributes(key) == {"APIKeyId": bench.ref(key)}
    found = client.get_api_key(apiKey=key.physical_id, includeValue=True)
    assert (found["value"], found["enabled"]) == (given["Value"], True)
    assert found["name"].startswith("shop-Key-")
    assert found["stageKeys"] == [f"{api}/Prod"]
    key = bench.update(key, {"Value": given["Value"], "Tags": [{"Key": "team", "Value": "shop"}]})
    found = client.get_api_key(apiKey=key.physical_id)
    assert (found["enabled"], found["description"], found["stageKeys"]) == (False, "", [])
    assert found["tags"]["team"] == "shop"
    named = {"UsagePlanId": plan.physical_id, "KeyId": key.physical_id, "KeyType": "API_KEY"}
    member = bench.create("AWS::ApiGateway::UsagePlanKey", named)
    assert bench.ref(member) == bench.attributes(member)["Id"] == f"{key.physical_id}:{plan.physical_id}"
    items = client.get_usage_plan_keys(usagePlanId=plan.physical_id)["items"]
    assert [each["id"] for each in items] == [key.physical_id]
    bench.delete(member)
    assert client.get_usage_plan_keys(usagePlanId=plan.physical_id)["items"] == []
    bench.delete(key)
    bench.delete(plan)
