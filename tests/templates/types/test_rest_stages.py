"""Deployments and stages of REST APIs, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Unsupported
from tests.templates.types.conftest import Bench
from tests.templates.types.test_rest_apis import body

LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:access"


@pytest.fixture
def api(bench: Bench) -> str:
    return bench.create("AWS::ApiGateway::RestApi", {"Body": body()}).physical_id


def test_a_stage_has_its_settings_and_gives_them_back(bench: Bench, api: str) -> None:
    client = bench.client("apigateway")
    deployment = bench.create("AWS::ApiGateway::Deployment", {"RestApiId": api, "Description": "one"})
    assert bench.attributes(deployment) == {"DeploymentId": bench.ref(deployment)}
    given: dict[str, Any] = {"RestApiId": api, "StageName": "Prod", "DeploymentId": deployment.physical_id}
    everywhere = {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 5, "MetricsEnabled": "true"}
    more = {
        "Description": "d",
        "Variables": {"a": "1", "b": 2},
        "TracingEnabled": True,
        "CacheClusterEnabled": False,
        "MethodSettings": [
            everywhere,
            {"HttpMethod": "GET", "ResourcePath": "/~1orders~1{id}", "ThrottlingBurstLimit": "3"},
            {"HttpMethod": "GET", "ResourcePath": "/orders", "ThrottlingBurstLimit": 4},
            {"HttpMethod": "GET", "ResourcePath": "/", "ThrottlingBurstLimit": 6},
        ],
        "AccessLogSetting": {"DestinationArn": LOGS, "Format": "$context.requestId"},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    stage = bench.create("AWS::ApiGateway::Stage", {**given, **more})
    assert bench.ref(stage) == "Prod"
    found = client.get_stage(restApiId=api, stageName="Prod")
    assert {key: each.get("throttlingBurstLimit") for key, each in found["methodSettings"].items()} == {
        "*/*": None,
        "~1orders~1{id}/GET": 3,
        "~1orders/GET": 4,
        "~1/GET": 6,
    }
    assert found["methodSettings"]["*/*"]["metricsEnabled"] is True
    assert (found["variables"], found["tracingEnabled"], found["tags"]["team"]) == ({"a": "1", "b": "2"}, True, "shop")
    assert found["accessLogSettings"] == {"destinationArn": LOGS, "format": "$context.requestId"}
    with pytest.raises(ClientError, match="Active stages"):
        bench.delete(deployment)
    other = bench.create("AWS::ApiGateway::Deployment", {"RestApiId": api})
    changed = {"MethodSettings": [everywhere], "Variables": {"b": "3"}, "DeploymentId": other.physical_id}
    stage = bench.update(stage, {**given, **changed})
    found = client.get_stage(restApiId=api, stageName="Prod")
    assert (found["deploymentId"], found["variables"]) == (other.physical_id, {"b": "3"})
    assert (found["description"], found["tracingEnabled"]) == ("", False)
    assert {key for key, each in found["methodSettings"].items() if each} == {"*/*"}
    assert "accessLogSettings" not in found
    assert "team" not in found["tags"]
    bench.delete(deployment)
    bench.delete(stage)
    bench.delete(other)
    assert client.get_deployments(restApiId=api)["items"] == []


def test_a_cache_is_refused_by_name(bench: Bench, api: str) -> None:
    deployment = bench.create("AWS::ApiGateway::Deployment", {"RestApiId": api})
    given = {"RestApiId": api, "StageName": "Prod", "DeploymentId": deployment.physical_id}
    with pytest.raises(Unsupported, match="CacheClusterEnabled"):
        bench.create("AWS::ApiGateway::Stage", {**given, "CacheClusterEnabled": True})


def test_a_deployment_may_bring_its_stage(bench: Bench, api: str) -> None:
    client = bench.client("apigateway")
    described = {"Description": "d", "ThrottlingRateLimit": 7, "Variables": {"a": "1"}}
    given = {"RestApiId": api, "StageName": "dev"}
    first = bench.create("AWS::ApiGateway::Deployment", {**given, "StageDescription": described}, "One")
    found = client.get_stage(restApiId=api, stageName="dev")
    assert (found["deploymentId"], found["description"]) == (first.physical_id, "d")
    assert (found["methodSettings"]["*/*"]["throttlingRateLimit"], found["variables"]) == (7.0, {"a": "1"})
    first = bench.update(first, {**given, "StageDescription": {"ThrottlingRateLimit": 8}})
    found = client.get_stage(restApiId=api, stageName="dev")
    assert (found["methodSettings"]["*/*"]["throttlingRateLimit"], found["description"]) == (8.0, "")
    second = bench.create("AWS::ApiGateway::Deployment", given, "Two")
    bench.delete(first)
    assert client.get_stage(restApiId=api, stageName="dev")["deploymentId"] == second.physical_id
    second = bench.update(second, {**given, "StageName": "test", "Description": "renamed"})
    names = {each["stageName"] for each in client.get_stages(restApiId=api)["item"]}
    assert names == {"dev", "test"}
    client.delete_stage(restApiId=api, stageName="dev")
    bench.delete(second)
    assert client.get_stages(restApiId=api)["item"] == []


def test_the_accounts_role_stays_when_the_resource_goes(bench: Bench) -> None:
    iam = bench.client("iam")
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        '"Principal":{"Service":"apigateway.amazonaws.com"}}]}'
    )
    role = iam.create_role(RoleName="api-logs", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    pushes = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    iam.attach_role_policy(RoleName="api-logs", PolicyArn=pushes)
    account = bench.create("AWS::ApiGateway::Account", {"CloudWatchRoleArn": role}, "Logs")
    assert bench.ref(account).startswith("shop-Logs-")
    assert bench.attributes(account) == {"Id": bench.ref(account)}
    bench.delete(account)
    assert bench.client("apigateway").get_account()["cloudwatchRoleArn"] == role
