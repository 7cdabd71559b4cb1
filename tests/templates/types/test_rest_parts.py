"""Models, validators, authorizers and gateway responses of REST APIs, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import Bench
from tests.templates.types.test_rest_apis import URI


@pytest.fixture(scope="module")
def api(bench: Bench) -> str:
    return bench.create("AWS::ApiGateway::RestApi", {"Name": "parts"}).physical_id


def test_a_model_has_its_schema_and_a_name_of_the_stack(bench: Bench, api: str) -> None:
    client = bench.client("apigateway")
    schema = {"type": "object", "required": ["id"]}
    model = bench.create("AWS::ApiGateway::Model", {"RestApiId": api, "Schema": schema, "Description": "d"}, "Order")
    assert bench.ref(model).startswith("shopOrder")
    model = bench.update(model, {"RestApiId": api, "Schema": json.dumps({"type": "array"})})
    found = client.get_model(restApiId=api, modelName=model.physical_id)
    assert (json.loads(found["schema"]), found.get("description", "")) == ({"type": "array"}, "")
    assert found["contentType"] == "application/json"
    bench.delete(model)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(model)


def test_a_request_validator(bench: Bench, api: str) -> None:
    given = {"RestApiId": api, "Name": "body"}
    validator = bench.create("AWS::ApiGateway::RequestValidator", {**given, "ValidateRequestBody": True})
    named = {"restApiId": api, "requestValidatorId": bench.attributes(validator)["RequestValidatorId"]}
    client = bench.client("apigateway")
    assert client.get_request_validator(**named)["validateRequestBody"] is True
    validator = bench.update(validator, {**given, "ValidateRequestParameters": "true"})
    found = client.get_request_validator(**named)
    assert (found["validateRequestBody"], found["validateRequestParameters"]) == (False, True)
    bench.delete(validator)
    assert client.get_request_validators(restApiId=api)["items"] == []


def test_an_authorizer(bench: Bench, api: str) -> None:
    given: dict[str, Any] = {"RestApiId": api, "Name": "door", "Type": "TOKEN", "AuthorizerUri": URI}
    given["IdentitySource"] = "method.request.header.Authorization"
    more = {"AuthorizerResultTtlInSeconds": 0, "IdentityValidationExpression": "Bearer .*"}
    authorizer = bench.create("AWS::ApiGateway::Authorizer", {**given, **more})
    named = {"restApiId": api, "authorizerId": bench.attributes(authorizer)["AuthorizerId"]}
    client = bench.client("apigateway")
    assert client.get_authorizer(**named)["authorizerResultTtlInSeconds"] == 0
    authorizer = bench.update(authorizer, {**given, "Name": "gate"})
    found = client.get_authorizer(**named)
    assert (found["name"], found["authorizerResultTtlInSeconds"]) == ("gate", 300)
    assert "identityValidationExpression" not in found
    bench.delete(authorizer)
    assert client.get_authorizers(restApiId=api)["items"] == []


def test_a_gateway_response(bench: Bench, api: str) -> None:
    given = {"RestApiId": api, "ResponseType": "DEFAULT_4XX", "StatusCode": 418}
    more = {"ResponseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}}
    response = bench.create("AWS::ApiGateway::GatewayResponse", {**given, **more})
    assert bench.attributes(response) == {"Id": bench.ref(response)}
    client, named = bench.client("apigateway"), {"restApiId": api, "responseType": "DEFAULT_4XX"}
    assert client.get_gateway_response(**named)["responseParameters"]
    response = bench.update(response, {**given, "StatusCode": "400"})
    found = client.get_gateway_response(**named)
    assert (found["statusCode"], found.get("responseParameters", {})) == ("400", {})
    bench.delete(response)
    assert client.get_gateway_response(**named)["defaultResponse"] is True
