"""HTTP APIs and their parts, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Unsupported
from tests.templates.types.conftest import STACK_ID, Bench

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"


def body(path: str = "/orders", **more: Any) -> dict[str, Any]:
    """A definition as SAM writes it."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": URI}
    operation = {"x-amazon-apigateway-integration": integration, "responses": {}}
    return {
        "openapi": "3.0.1",
        "info": {"version": "1.0", "title": "shop"},
        "paths": {path: {"get": operation}},
        "tags": [{"name": "httpapi:createdBy", "x-amazon-apigateway-tag-value": "SAM"}],
        **more,
    }


def routes(bench: Bench, api: str) -> list[str]:
    return sorted(each["RouteKey"] for each in bench.client("apigatewayv2").get_routes(ApiId=api)["Items"])


def test_an_api_has_its_settings_its_tags_and_its_address(bench: Bench) -> None:
    cors = {"AllowOrigins": ["https://shop.example"], "MaxAge": 60}
    given = {"Name": "orders", "ProtocolType": "HTTP", "Description": "d", "CorsConfiguration": cors}
    api = bench.create("AWS::ApiGatewayV2::Api", {**given, "Tags": {"team": "shop"}})
    found = bench.client("apigatewayv2").get_api(ApiId=bench.ref(api))
    assert (found["Name"], found["Description"], found["CorsConfiguration"]) == ("orders", "d", cors)
    assert (found["Tags"]["team"], found["Tags"]["aws:cloudformation:stack-id"]) == ("shop", STACK_ID)
    assert bench.attributes(api)["ApiEndpoint"] == found["ApiEndpoint"]
    assert bench.attributes(api)["ApiId"] == bench.ref(api)
    bench.update(api, {"Name": "orders-2", "ProtocolType": "HTTP"})
    found = bench.client("apigatewayv2").get_api(ApiId=api.physical_id)
    assert (found["Name"], found.get("Description", ""), found.get("CorsConfiguration")) == ("orders-2", "", None)
    assert "team" not in found["Tags"]
    bench.delete(api)
    with pytest.raises(ClientError, match="NotFound"):
        bench.client("apigatewayv2").get_api(ApiId=api.physical_id)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(api)


def test_an_api_is_made_from_a_definition_and_made_anew_from_a_changed_one(bench: Bench) -> None:
    cors = {"allowOrigins": ["*"]}
    given = {"Body": body(**{"x-amazon-apigateway-cors": cors}), "FailOnWarnings": True}
    api = bench.create("AWS::ApiGatewayV2::Api", {**given, "Description": "the template's"})
    found = bench.client("apigatewayv2").get_api(ApiId=api.physical_id)
    assert (found["Name"], found["Description"]) == ("shop", "the template's")
    assert found["CorsConfiguration"] == {"AllowOrigins": ["*"]}
    assert found["Tags"]["httpapi:createdBy"] == "SAM"
    assert routes(bench, api.physical_id) == ["GET /orders"]
    api = bench.update(api, {"Body": body("/returns")})
    found = bench.client("apigatewayv2").get_api(ApiId=api.physical_id)
    assert routes(bench, api.physical_id) == ["GET /returns"]
    assert found.get("CorsConfiguration") is None


def test_a_definition_may_lie_in_a_bucket(bench: Bench) -> None:
    s3 = bench.client("s3")
    s3.create_bucket(Bucket="definitions")
    s3.put_object(Bucket="definitions", Key="api.yaml", Body="openapi: 3.0.1\ninfo: {title: kept}\npaths: {}\n")
    place = {"Bucket": "definitions", "Key": "api.yaml"}
    api = bench.create("AWS::ApiGatewayV2::Api", {"BodyS3Location": place})
    assert bench.client("apigatewayv2").get_api(ApiId=api.physical_id)["Name"] == "kept"
    with pytest.raises(ClientError, match="NoSuchKey"):
        bench.create("AWS::ApiGatewayV2::Api", {"BodyS3Location": {**place, "Key": "absent"}})


def test_a_target_makes_a_whole_api(bench: Bench) -> None:
    given = {"Name": "quick", "ProtocolType": "HTTP", "Target": FUNCTION, "RouteKey": "GET /quick"}
    api = bench.create("AWS::ApiGatewayV2::Api", given)
    assert routes(bench, api.physical_id) == ["GET /quick"]
    stages = bench.client("apigatewayv2").get_stages(ApiId=api.physical_id)["Items"]
    assert [each["StageName"] for each in stages] == ["$default"]


def test_websocket_apis_are_refused_by_name(bench: Bench) -> None:
    with pytest.raises(Unsupported, match="WEBSOCKET"):
        bench.create("AWS::ApiGatewayV2::Api", {"Name": "chat", "ProtocolType": "WEBSOCKET"})


def test_the_parts_of_an_api(bench: Bench) -> None:
    client = bench.client("apigatewayv2")
    api = bench.create("AWS::ApiGatewayV2::Api", {"Name": "parts", "ProtocolType": "HTTP"}).physical_id
    given: dict[str, Any] = {"ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION}
    given["PayloadFormatVersion"] = "2.0"
    integration = bench.create("AWS::ApiGatewayV2::Integration", {**given, "TimeoutInMillis": "1000"})
    assert bench.attributes(integration) == {"IntegrationId": bench.ref(integration)}
    integration = bench.update(integration, given)
    found = client.get_integration(ApiId=api, IntegrationId=integration.physical_id)
    assert (found["TimeoutInMillis"], found["PayloadFormatVersion"]) == (30000, "2.0")

    lambda_authorizer = {
        "ApiId": api,
        "Name": "door",
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": URI,
        "AuthorizerPayloadFormatVersion": "2.0",
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerResultTtlInSeconds": 60,
    }
    authorizer = bench.create("AWS::ApiGatewayV2::Authorizer", lambda_authorizer)
    authorizer = bench.update(authorizer, {**lambda_authorizer, "AuthorizerResultTtlInSeconds": None})
    found = client.get_authorizer(ApiId=api, AuthorizerId=bench.attributes(authorizer)["AuthorizerId"])
    assert found["AuthorizerResultTtlInSeconds"] == 0

    open_route = {"ApiId": api, "RouteKey": "GET /orders", "Target": f"integrations/{integration.physical_id}"}
    closed = {**open_route, "AuthorizationType": "CUSTOM", "AuthorizerId": authorizer.physical_id}
    route = bench.create("AWS::ApiGatewayV2::Route", closed)
    with pytest.raises(ClientError, match="Conflict"):
        bench.delete(authorizer)
    route = bench.update(route, open_route)
    found = client.get_route(ApiId=api, RouteId=bench.attributes(route)["RouteId"])
    assert (found["RouteKey"], found["AuthorizationType"]) == ("GET /orders", "NONE")
    bench.delete(authorizer)
    with pytest.raises(ClientError, match="Conflict"):
        bench.delete(integration)
    bench.delete(route)
    bench.delete(integration)
    assert routes(bench, api) == []


def test_stages_and_deployments(bench: Bench) -> None:
    client = bench.client("apigatewayv2")
    api = bench.create("AWS::ApiGatewayV2::Api", {"Body": body()}).physical_id
    deployment = bench.create("AWS::ApiGatewayV2::Deployment", {"ApiId": api, "Description": "one"})
    assert bench.attributes(deployment) == {"DeploymentId": bench.ref(deployment)}
    deployment = bench.update(deployment, {"ApiId": api, "Description": "uno"})
    given: dict[str, Any] = {"ApiId": api, "StageName": "prod", "DeploymentId": deployment.physical_id}
    more = {
        "StageVariables": {"a": "1"},
        "Description": "d",
        "DefaultRouteSettings": {"ThrottlingRateLimit": "5", "ThrottlingBurstLimit": 2},
        "RouteSettings": {"GET /orders": {"ThrottlingRateLimit": 1}},
        "AccessLogSettings": {
            "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:access:*",
            "Format": "$context.requestId",
        },
        "Tags": {"team": "shop"},
    }
    stage = bench.create("AWS::ApiGatewayV2::Stage", {**given, **more})
    assert bench.ref(stage) == "prod"
    found = client.get_stage(ApiId=api, StageName="prod")
    assert found["DefaultRouteSettings"]["ThrottlingRateLimit"] == 5.0
    assert found["Tags"]["team"] == "shop"
    with pytest.raises(ClientError, match="Active stages"):
        bench.delete(deployment)
    stage = bench.update(stage, given)
    found = client.get_stage(ApiId=api, StageName="prod")
    assert (found["StageVariables"], found["RouteSettings"], found["Description"]) == ({}, {}, "")
    assert "ThrottlingRateLimit" not in found["DefaultRouteSettings"]
    assert "AccessLogSettings" not in found
    assert "team" not in found["Tags"]
    other = bench.create("AWS::ApiGatewayV2::Deployment", {"ApiId": api, "StageName": "prod"})
    assert client.get_stage(ApiId=api, StageName="prod")["DeploymentId"] == other.physical_id
    bench.update(deployment, {"ApiId": api, "StageName": "prod"})
    assert client.get_stage(ApiId=api, StageName="prod")["DeploymentId"] == deployment.physical_id
    bench.delete(other)
    bench.delete(stage)
    bench.delete(deployment)
    assert client.get_stages(ApiId=api)["Items"] == []
