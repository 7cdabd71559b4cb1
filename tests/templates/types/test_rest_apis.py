"""REST APIs, their resources and methods, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import STACK_ID, Bench

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}],
}


def body(path: str = "/orders", **more: Any) -> dict[str, Any]:
    """A definition as SAM writes it."""
    operation = {
        "x-amazon-apigateway-integration": {"httpMethod": "POST", "type": "aws_proxy", "uri": URI},
        "responses": {},
    }
    return {
        "swagger": 2.0,
        "info": {"version": "1.0", "title": "shop"},
        "paths": {path: {"get": operation}},
        **more,
    }


def paths(bench: Bench, api: str) -> list[str]:
    return sorted(each["path"] for each in bench.client("apigateway").get_resources(restApiId=api)["items"])


def test_an_api_has_its_settings_its_tags_and_a_root(bench: Bench) -> None:
    given = {
        "Name": "orders",
        "Description": "d",
        "BinaryMediaTypes": ["image/png", "*/*"],
        "ApiKeySourceType": "AUTHORIZER",
        "DisableExecuteApiEndpoint": "true",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "Policy": POLICY,
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    api = bench.create("AWS::ApiGateway::RestApi", given)
    client = bench.client("apigateway")
    found = client.get_rest_api(restApiId=bench.ref(api))
    assert (found["name"], found["description"], found["apiKeySource"]) == ("orders", "d", "AUTHORIZER")
    assert found["binaryMediaTypes"] == ["image/png", "*/*"]
    assert (found["endpointConfiguration"]["types"], found["disableExecuteApiEndpoint"]) == (["REGIONAL"], True)
    assert "execute-api:Invoke" in found["policy"]
    assert (found["tags"]["team"], found["tags"]["aws:cloudformation:stack-id"]) == ("shop", STACK_ID)
    root = next(each for each in client.get_resources(restApiId=api.physical_id)["items"] if each["path"] == "/")
    assert bench.attributes(api) == {"RestApiId": bench.ref(api), "RootResourceId": root["id"]}
    api = bench.update(api, {"Name": "orders-2", "EndpointConfiguration": {"Types": ["EDGE"]}})
    found = client.get_rest_api(restApiId=api.physical_id)
    assert (found["name"], found["description"], found["apiKeySource"]) == ("orders-2", "", "HEADER")
    assert (found["binaryMediaTypes"], found["disableExecuteApiEndpoint"]) == ([], False)
    assert found["endpointConfiguration"]["types"] == ["EDGE"]
    assert not found.get("policy")
    assert "team" not in found["tags"]
    bench.delete(api)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(api)


def test_an_api_is_made_from_a_definition_and_made_anew_from_a_changed_one(bench: Bench) -> None:
    given = {
        "Body": body(),
        "Description": "the template's",
        "Parameters": {"endpointConfigurationTypes": "REGIONAL"},
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "BinaryMediaTypes": ["image/png"],
        "Policy": json.dumps(POLICY),
    }
    api = bench.create("AWS::ApiGateway::RestApi", given)
    client = bench.client("apigateway")
    found = client.get_rest_api(restApiId=api.physical_id)
    assert (found["name"], found["description"]) == ("shop", "the template's")
    assert (found["endpointConfiguration"]["types"], found["binaryMediaTypes"]) == (["REGIONAL"], ["image/png"])
    assert "policy" in found
    assert paths(bench, api.physical_id) == ["/", "/orders"]
    api = bench.update(api, {"Body": body("/returns"), "BinaryMediaTypes": ["image/png"]})
    found = client.get_rest_api(restApiId=api.physical_id)
    assert paths(bench, api.physical_id) == ["/", "/returns"]
    assert (found.get("description"), found["binaryMediaTypes"], found.get("policy")) == (None, ["image/png"], None)
    bench.update(api, {"Body": body("/bills"), "Mode": "merge", "Name": "merged"})
    assert paths(bench, api.physical_id) == ["/", "/bills", "/returns"]
    assert client.get_rest_api(restApiId=api.physical_id)["name"] == "merged"


def test_a_definition_may_lie_in_a_bucket_and_be_yaml(bench: Bench) -> None:
    s3 = bench.client("s3")
    s3.create_bucket(Bucket="rest-definitions")
    s3.put_object(Bucket="rest-definitions", Key="api.yaml", Body="openapi: 3.0.1\ninfo: {title: kept}\npaths: {}\n")
    place = {"Bucket": "rest-definitions", "Key": "api.yaml"}
    api = bench.create("AWS::ApiGateway::RestApi", {"BodyS3Location": place})
    assert bench.client("apigateway").get_rest_api(restApiId=api.physical_id)["name"] == "kept"


def test_a_method_with_its_integration_and_responses(bench: Bench) -> None:
    client = bench.client("apigateway")
    api = bench.create("AWS::ApiGateway::RestApi", {"Name": "tree"})
    where: dict[str, Any] = {"RestApiId": api.physical_id, "ParentId": bench.attributes(api)["RootResourceId"]}
    resource = bench.create("AWS::ApiGateway::Resource", {**where, "PathPart": "orders"})
    assert bench.attributes(resource) == {"ResourceId": bench.ref(resource)}
    place = {"RestApiId": api.physical_id, "ResourceId": resource.physical_id, "HttpMethod": "OPTIONS"}
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": '{"statusCode": 204}'},
        "IntegrationResponses": [
            {"StatusCode": 204, "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}
        ],
    }
    allowed = {"method.response.header.Access-Control-Allow-Origin": True}
    given = {
        **place,
        "AuthorizationType": "NONE",
        "Integration": mock,
        "MethodResponses": [{"StatusCode": "204", "ResponseParameters": allowed}],
    }
    method = bench.create("AWS::ApiGateway::Method", given)
    assert method.physical_id == f"{api.physical_id}|{resource.physical_id}|OPTIONS"
    named = {"restApiId": api.physical_id, "resourceId": resource.physical_id, "httpMethod": "OPTIONS"}
    found = client.get_method(**named)
    assert found["methodResponses"]["204"]["responseParameters"] == allowed
    assert found["methodIntegration"]["integrationResponses"]["204"]["responseParameters"]
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": URI, "TimeoutInMillis": "1000"}
    method = bench.update(method, {**place, "AuthorizationType": "AWS_IAM", "Integration": proxy})
    found = client.get_method(**named)
    assert (found["authorizationType"], found["methodIntegration"]["type"]) == ("AWS_IAM", "AWS_PROXY")
    assert found["methodIntegration"]["timeoutInMillis"] == 1000
    assert "methodResponses" not in found
    bench.delete(method)
    bench.delete(resource)
    assert paths(bench, api.physical_id) == ["/"]


def test_what_would_need_mapping_templates_is_refused_by_name(bench: Bench) -> None:
    api = bench.create("AWS::ApiGateway::RestApi", {"Name": "mapped"})
    place = {"RestApiId": api.physical_id, "ResourceId": bench.attributes(api)["RootResourceId"], "HttpMethod": "GET"}
    aws = {"Type": "AWS", "IntegrationHttpMethod": "POST", "Uri": URI}
    with pytest.raises(ClientError, match="mapping templates"):
        bench.create("AWS::ApiGateway::Method", {**place, "AuthorizationType": "NONE", "Integration": aws})
