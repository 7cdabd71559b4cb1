"""REST APIs: routing, events, answers, failures, authorizers, validation, keys, throttling, gateway responses, logs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.endpoints.apis import WRAPPED, uri
from tests.endpoints.apis import Rest as Api

ANSWERING = """
import json
def handler(event, context):
    return json.loads(event["body"])
"""


@pytest.fixture(scope="module")
def wrapped(front: Any) -> str:
    return str(front.function("wrapped", WRAPPED))


@pytest.fixture(scope="module")
def routed(front: Any, wrapped: str) -> Api:
    api = Api(front, "routed", wrapped)
    api.method("GET", "/")
    api.method("GET", "/pets/{id}")
    api.method("ANY", "/pets/dog")
    api.method("GET", "/pets/dog/1")
    api.method("ANY", "/{proxy+}")
    api.deploy(variables={"color": "red"})
    return api


@pytest.mark.parametrize(
    ("request_line", "resource", "variables"),
    [
        ("GET /", "/", None),
        ("GET /pets/7", "/pets/{id}", {"id": "7"}),
        ("GET /pets/7/", "/pets/{id}", {"id": "7"}),
        ("POST /pets/dog", "/pets/dog", None),
        ("GET /pets/dog/1", "/pets/dog/1", None),
        ("GET /pets/dog/2", "/{proxy+}", {"proxy": "pets/dog/2"}),
        ("DELETE /x/y", "/{proxy+}", {"proxy": "x/y"}),
    ],
)
def test_the_most_specific_resource_is_taken(routed: Api, request_line: str, resource: str, variables: Any) -> None:
    event = routed.call(*request_line.split(" ")).json
    assert event["resource"] == event["requestContext"]["resourcePath"] == resource
    assert event["pathParameters"] == variables


def test_an_event_of_a_rest_api(routed: Api) -> None:
    pairs = [("X-Own", "1"), ("X-Own", "2"), ("Cookie", "a=1; b=2")]
    answer = routed.call("GET", "/pets/7?x=1&x=2", headers=pairs)
    event = answer.json
    assert event["path"] == "/pets/7"
    assert event["requestContext"]["path"] == "/dev/pets/7"
    assert event["requestContext"]["stage"] == "dev"
    assert event["headers"]["X-Own"] == "2"
    assert event["multiValueHeaders"]["X-Own"] == ["1", "2"]
    assert event["headers"]["Host"] == event["requestContext"]["domainName"]
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["stageVariables"] == {"color": "red"}
    assert event["body"] is None
    assert event["isBase64Encoded"] is False
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert answer.headers["x-amzn-requestid"] == event["requestContext"]["requestId"]
    assert answer.headers["x-amz-apigw-id"]
    assert routed.call("POST", "/a", "text", {"Content-Type": "image/png"}).json["body"] == "text"


def test_what_is_not_there_is_forbidden(front: Any, routed: Api) -> None:
    answer = routed.call("POST", "/pets/7")
    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    answer = front.call("GET", f"{routed.host}/prod/pets/7")
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(
    ("given", "status", "body"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made"),
        ({"statusCode": "202", "body": "1"}, 202, b"1"),
        ({"statusCode": 200, "body": {"no": "text"}}, 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 200, "other": 1}, 502, b'{"message":"Internal server error"}'),
        ("text", 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": 200, "isBase64Encoded": True, "body": "AAE="}, 200, b"AAE="),
    ],
)
def test_what_becomes_of_an_answer(front: Any, answering: Api, given: Any, status: int, body: bytes) -> None:
    answer = answering.call("POST", "/x", json.dumps(given))
    assert (answer.status, answer.body) == (status, body)


@pytest.fixture(scope="module")
def answering(front: Any) -> Api:
    api = Api(front, "answering", front.function("answering-rest", ANSWERING))
    api.method("POST", "/x")
    api.deploy()
    return api


def test_several_headers_of_a_name_and_remapped_ones(answering: Api) -> None:
    given = {
        "statusCode": 200,
        "headers": {"WWW-Authenticate": "a", "X-A": "0"},
        "multiValueHeaders": {"x-a": ["1", "2"]},
        "body": "",
    }
    answer = answering.call("POST", "/x", json.dumps(given))
    assert answer.several["x-a"] == ["1", "2"]
    assert answer.headers["x-amzn-remapped-www-authenticate"] == "a"


def test_binary_media_types_decide_about_base64(front: Any) -> None:
    source = """
import base64
def handler(event, context):
    raw = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(raw[::-1]).decode(),
            "headers": {"Content-Type": "image/png"}}
"""
    api = Api(front, "binary", front.function("binary-rest", source), binaryMediaTypes=["image/png"])
    api.method("POST", "/x")
    api.deploy()
    sent = {"Content-Type": "image/png", "Accept": "image/png"}
    assert api.call("POST", "/x", b"\x00\xff\x01", sent).body == b"\x01\xff\x00"
    answer = api.call("POST", "/x", b"\x00\xff\x01", {"Content-Type": "image/png"})
    assert answer.body == base64.b64encode(b"\x01\xff\x00")


def test_a_conversion_to_text_changes_nothing_where_bodies_are_texts(front: Any, wrapped: str) -> None:
    api = Api(front, "converting", wrapped, binaryMediaTypes=["image/png"])
    proxy = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri(wrapped)}
    api.method("POST", "/x", {**proxy, "contentHandling": "CONVERT_TO_TEXT"})
    api.deploy()
    event = api.call("POST", "/x", b"\x00\xff", {"Content-Type": "image/png"}).json
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    event = api.call("POST", "/x", b"plain").json
    assert (event["body"], event["isBase64Encoded"]) == ("plain", False)
    with pytest.raises(api.rest.exceptions.BadRequestException, match="contentHandling CONVERT_TO_BINARY of AWS_PROXY"):
        api.method("POST", "/y", {**proxy, "contentHandling": "CONVERT_TO_BINARY"})


def test_a_deployment_is_what_the_stage_serves(front: Any, wrapped: str) -> None:
    api = Api(front, "deployed", wrapped)
    api.method("GET", "/one")
    first = api.deploy()
    api.method("GET", "/two")
    assert api.call("GET", "/two").status == 403
    api.deploy()
    assert api.call("GET", "/two").status == 200
    api.patch_stage(("replace", "/deploymentId", first), ("replace", "/variables/a", "b"))
    assert api.call("GET", "/two").status == 403
    assert api.call("GET", "/one").json["stageVariables"] == {"a": "b"}


def test_a_stage_variable_names_the_function(front: Any, wrapped: str) -> None:
    api = Api(front, "chosen", wrapped)
    named = uri(wrapped.replace(":wrapped", ":${stageVariables.fn}"))
    api.method("GET", "/x", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": named})
    api.deploy(variables={"fn": "wrapped"})
    assert api.call("GET", "/x").json["stageVariables"] == {"fn": "wrapped"}
    api.patch_stage(("replace", "/variables/fn", "nobody"))
    assert api.call("GET", "/x").status == 500


def test_without_permission_or_with_a_throttled_function_the_client_gets_500(front: Any) -> None:
    api = Api(front, "unpermitted", front.function("unpermitted-rest", WRAPPED), permit=False)
    api.method("GET", "/pets/{id}")
    api.deploy()
    answer = api.call("GET", "/pets/1")
    assert (answer.status, answer.json) == (500, {"message": "Internal server error"})
    front.permit(api.function, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*/GET/pets/*")
    assert api.call("GET", "/pets/1").status == 200
    front.client("lambda").put_function_concurrency(FunctionName=api.function, ReservedConcurrentExecutions=0)
    assert api.call("GET", "/pets/1").status == 500


def test_a_failing_function_gives_502_and_a_late_one_504(front: Any) -> None:
    api = Api(front, "failing", front.function("failing-rest", "def handler(e, c):\n    raise ValueError('no')\n"))
    api.method("GET", "/x")
    api.deploy()
    answer = api.call("GET", "/x")
    assert (answer.status, answer.json) == (502, {"message": "Internal server error"})
    source = "import time\ndef handler(e, c):\n    time.sleep(1)\n"
    late = Api(front, "late", front.function("late-rest", source, Timeout=60))
    given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri(late.function), "timeoutInMillis": 50}
    late.method("GET", "/x", given)
    late.deploy()
    answer = late.call("GET", "/x")
    assert (answer.status, answer.json) == (504, {"message": "Endpoint request timed out"})


TOKEN_AUTHORIZER = """
calls = []
def handler(event, context):
    calls.append(1)
    token = event.get("authorizationToken") or event["headers"]["Authorization"]
    if token == "unauthorized":
        raise Exception("Unauthorized")
    if token == "broken":
        return {"nonsense": True}
    effect = "Deny" if token == "deny" else "Allow"
    resource = event["methodArn"] if token == "one" else "*"
    return {"principalId": "me", "context": {"n": len(calls), "flag": True, "kind": event["type"]},
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}]}}
"""


def test_a_token_authorizer(front: Any, wrapped: str) -> None:
    api = Api(front, "token", wrapped)
    function = front.function("token-authorizer", TOKEN_AUTHORIZER)
    authorizer = api.rest.create_authorizer(
        restApiId=api.id,
        name="own",
        type="TOKEN",
        authorizerUri=uri(function),
        identitySource="method.request.header.Authorization",
        identityValidationExpression="[a-z]+",
    )["id"]
    for path in ("/x", "/y"):
        api.method("GET", path, authorizationType="CUSTOM", authorizerId=authorizer)
    api.deploy()

    def ask(path: str, token: str) -> Any:
        return api.call("GET", path, headers={"Authorization": token})

    assert ask("/x", "let").status == 500
    front.permit(function, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/authorizers/{authorizer}")
    context = ask("/x", "let").json["requestContext"]["authorizer"]
    assert context == {"principalId": "me", "n": "1", "flag": "true", "kind": "TOKEN"}
    assert ask("/y", "let").json["requestContext"]["authorizer"]["n"] == "1"
    front.clock.advance(301)
    assert ask("/y", "let").json["requestContext"]["authorizer"]["n"] == "2"
    api.rest.flush_stage_authorizers_cache(restApiId=api.id, stageName="dev")
    assert ask("/y", "let").json["requestContext"]["authorizer"]["n"] == "3"
    assert (ask("/x", "one").status, ask("/y", "one").status) == (200, 403)
    assert ask("/x", "deny").json == {"message": "User is not authorized to access this resource with an explicit deny"}
    for token in ("UPPER", "letUPPER", "let me"):
        assert ask("/x", token).json == {"message": "Unauthorized"}
    assert api.call("GET", "/x").status == 401
    assert ask("/x", "unauthorized").status == 401
    answer = ask("/x", "broken")
    assert (answer.status, answer.json) == (500, {"message": None})


def test_a_request_authorizer_gets_the_request(front: Any, wrapped: str) -> None:
    api = Api(front, "request", wrapped)
    function = front.function("request-authorizer", TOKEN_AUTHORIZER)
    front.permit(function)
    authorizer = api.rest.create_authorizer(
        restApiId=api.id,
        name="own",
        type="REQUEST",
        authorizerUri=uri(function),
        identitySource="method.request.header.Authorization, method.request.querystring.q",
    )["id"]
    api.method("GET", "/x", authorizationType="CUSTOM", authorizerId=authorizer)
    api.deploy()
    answer = api.call("GET", "/x?q=1", headers={"Authorization": "let"})
    assert answer.json["requestContext"]["authorizer"]["kind"] == "REQUEST"
    assert api.call("GET", "/x", headers={"Authorization": "let"}).status == 401


def keys_of(front: Any, user: str, *statements: Any) -> dict[str, str]:
    iam = front.client("iam")
    iam.create_user(UserName=user)
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_iam_authorization_and_the_callers_credentials(front: Any, wrapped: str) -> None:
    api = Api(front, "iam", wrapped, permit=False)
    given = {
        "type": "AWS_PROXY",
        "integrationHttpMethod": "POST",
        "uri": uri(wrapped),
        "credentials": "arn:aws:iam::*:user/*",
    }
    api.method("GET", "/x", given, authorizationType="AWS_IAM")
    api.deploy()
    answer = api.call("GET", "/x")
    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
    answer = api.call("GET", "/x", sign=("execute-api", front.learner))
    assert answer.json["requestContext"]["identity"]["userArn"].endswith(":user/learner")
    keys = keys_of(front, "rest-nobody")
    answer = api.call("GET", "/x", sign=("execute-api", keys))
    assert answer.status == 403
    assert "is not authorized to perform: execute-api:Invoke" in answer.json["message"]
    invoking = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    half = keys_of(front, "rest-half", invoking)
    assert api.call("GET", "/x", sign=("execute-api", half)).status == 500
    both = {"Effect": "Allow", "Action": ["execute-api:Invoke", "lambda:InvokeFunction"], "Resource": "*"}
    assert api.call("GET", "/x", sign=("execute-api", keys_of(front, "rest-both", both))).status == 200


def test_an_integration_s_role_is_taken_where_it_trusts_api_gateway(front: Any, wrapped: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam = front.client("iam")
    role = iam.create_role(RoleName="integration", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    api = Api(front, "role", wrapped, permit=False)
    given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri(wrapped), "credentials": role}
    api.method("GET", "/x", given)
    api.deploy()
    assert api.call("GET", "/x").status == 500
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": wrapped},
    }
    iam.put_role_policy(RoleName="integration", PolicyName="own", PolicyDocument=json.dumps(policy))
    assert api.call("GET", "/x").status == 200


def test_a_resource_policy_closes_an_api(front: Any, wrapped: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
            {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/GET/y"},
        ],
    }
    api = Api(front, "policy", wrapped, policy=json.dumps(policy))
    api.method("GET", "/x")
    api.method("GET", "/y")
    api.deploy()
    assert api.call("GET", "/x").status == 200
    answer = api.call("GET", "/y")
    assert answer.status == 403
    assert "********9012" in answer.json["message"]


def test_requests_are_validated(front: Any, wrapped: str) -> None:
    api = Api(front, "validated", wrapped)
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    api.rest.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema=json.dumps(schema))
    many = {"type": "array", "items": {"$ref": f"https://apigateway.amazonaws.com/restapis/{api.id}/models/Pet"}}
    api.rest.create_model(restApiId=api.id, name="Pets", contentType="application/json", schema=json.dumps(many))
    validator = api.rest.create_request_validator(
        restApiId=api.id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    api.method(
        "POST",
        "/pets",
        requestValidatorId=validator,
        requestModels={"application/json": "Pet"},
        requestParameters={"method.request.querystring.q": True, "method.request.header.X-Own": False},
    )
    api.method("PUT", "/pets", requestValidatorId=validator, requestModels={"application/json": "Pets"})
    api.rest.create_model(restApiId=api.id, name="Any", contentType="application/json", schema="{}")
    api.method("PATCH", "/pets", requestValidatorId=validator, requestModels={"application/json": "Any"})
    api.deploy()
    sent = {"Content-Type": "application/json"}
    answer = api.call("POST", "/pets", '{"name": "a"}', sent)
    assert (answer.status, answer.json) == (400, {"message": "Missing required request parameters: [q]"})
    answer = api.call("POST", "/pets?q=1", '{"name": 1}', sent)
    assert (answer.status, answer.json) == (400, {"message": "Invalid request body"})
    assert api.call("POST", "/pets?q=1", "{", sent).status == 400
    assert api.call("POST", "/pets?q=1", headers=sent).status == 400
    assert api.call("POST", "/pets?q=1", '{"name": "a"}', sent).status == 200
    assert api.call("POST", "/pets?q=1", "anything", {"Content-Type": "text/plain"}).status == 200
    assert api.call("PUT", "/pets", '[{"name": "a"}]', sent).status == 200
    assert api.call("PUT", "/pets", '[{"name": 1}]', sent).status == 400
    assert api.call("PATCH", "/pets", "[]", sent).status == 200
    assert api.call("PATCH", "/pets", headers=sent).status == 400


def test_api_keys_usage_plans_and_quotas(front: Any, wrapped: str) -> None:
    api = Api(front, "keyed", wrapped)
    api.method("GET", "/x", apiKeyRequired=True)
    api.deploy()
    rest = api.rest
    key = rest.create_api_key(name="mine", enabled=True)
    sent = {"x-api-key": key["value"]}
    answer = api.call("GET", "/x")
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    assert api.call("GET", "/x", headers=sent).status == 403
    plan = rest.create_usage_plan(
        name="plan", apiStages=[{"apiId": api.id, "stage": "dev"}], quota={"limit": 2, "period": "DAY"}
    )["id"]
    rest.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    identity = api.call("GET", "/x", headers=sent).json["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (key["value"], key["id"])
    api.deploy("other")
    assert front.call("GET", f"{api.host}/other/x", headers=sent).status == 403
    assert api.call("GET", "/x", headers=sent).status == 200
    answer = api.call("GET", "/x", headers=sent)
    assert (answer.status, answer.json) == (429, {"message": "Limit Exceeded"})
    day = front.clock.datetime().strftime("%Y-%m-%d")
    assert rest.get_usage(usagePlanId=plan, startDate=day, endDate=day)["items"] == {key["id"]: [[2, 0]]}
    front.clock.advance(86_400)
    assert api.call("GET", "/x", headers=sent).status == 200
    throttle = [
        {"op": "add", "path": "/throttle", "value": ""},
        {"op": "replace", "path": "/throttle/burstLimit", "value": "1"},
        {"op": "replace", "path": "/throttle/rateLimit", "value": "0.001"},
    ][1:]
    rest.update_usage_plan(usagePlanId=plan, patchOperations=[*throttle, {"op": "remove", "path": "/quota"}])
    assert [api.call("GET", "/x", headers=sent).status for _ in range(2)] == [200, 429]
    rest.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
    assert api.call("GET", "/x", headers=sent).status == 403


def test_a_stage_throttles_its_methods(front: Any, wrapped: str) -> None:
    api = Api(front, "throttled", wrapped)
    api.method("GET", "/x")
    api.method("GET", "/y/{id}")
    api.deploy()
    api.patch_stage(
        ("replace", "/*/*/throttling/burstLimit", "1"),
        ("replace", "/*/*/throttling/rateLimit", "0.001"),
        ("replace", "/~1y~1{id}/GET/throttling/burstLimit", "2"),
        ("replace", "/~1y~1{id}/GET/throttling/rateLimit", "0.001"),
    )
    assert [api.call("GET", "/x").status for _ in range(2)] == [200, 429]
    assert [api.call("GET", "/y/1").status for _ in range(3)] == [200, 200, 429]
    assert api.call("GET", "/x").json == {"message": "Too Many Requests"}
    front.clock.advance(1001)
    assert api.call("GET", "/x").status == 200


def test_gateway_responses_change_what_the_api_answers_by_itself(front: Any, wrapped: str) -> None:
    api = Api(front, "responding", wrapped)
    api.method("GET", "/x")
    api.rest.put_gateway_response(
        restApiId=api.id,
        responseType="DEFAULT_4XX",
        responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        responseTemplates={"application/json": '{"said":$context.error.messageString,"at":"$context.path"}'},
    )
    api.rest.put_gateway_response(restApiId=api.id, responseType="MISSING_AUTHENTICATION_TOKEN", statusCode="404")
    api.deploy()
    answer = api.call("GET", "/none")
    assert (answer.status, answer.json) == (404, {"message": "Missing Authentication Token"})
    api.rest.delete_gateway_response(restApiId=api.id, responseType="MISSING_AUTHENTICATION_TOKEN")
    api.deploy()
    answer = api.call("GET", "/none")
    assert (answer.status, answer.json) == (403, {"said": "Missing Authentication Token", "at": "/dev/none"})
    assert answer.headers["access-control-allow-origin"] == "*"
    with pytest.raises(api.rest.exceptions.BadRequestException, match="responseTemplates"):
        api.rest.put_gateway_response(
            restApiId=api.id,
            responseType="DEFAULT_5XX",
            responseTemplates={"application/json": "#set($a = 1)$a"},
        )


def test_a_mock_integration_answers_cors_as_sam_makes_it(front: Any, wrapped: str) -> None:
    api = Api(front, "mocked", wrapped)
    given = {"type": "MOCK", "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'}}
    api.method("OPTIONS", "/x", given)
    where = {"restApiId": api.id, "resourceId": api.resource("/x"), "httpMethod": "OPTIONS", "statusCode": "200"}
    api.rest.put_method_response(**where)
    api.rest.put_integration_response(
        **where,
        responseParameters={"method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'"},
        responseTemplates={"application/json": "{}\n"},
    )
    api.deploy()
    answer = api.call("OPTIONS", "/x")
    assert (answer.status, answer.body) == (200, b"{}\n")
    assert answer.headers["access-control-allow-methods"] == "GET,OPTIONS"


def test_access_logs(front: Any, wrapped: str) -> None:
    front.client("logs").create_log_group(logGroupName="/access/rest")
    api = Api(front, "logged", wrapped)
    api.method("GET", "/x")
    api.deploy()
    form = "$context.httpMethod $context.resourcePath $context.status $context.identity.sourceIp $context.error.message"
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/access/rest"
    api.patch_stage(
        ("replace", "/accessLogSettings/destinationArn", arn), ("replace", "/accessLogSettings/format", form)
    )
    api.call("GET", "/x")
    api.call("GET", "/none")
    assert front.log_lines("/access/rest") == [
        "GET /x 200 127.0.0.1 -",
        "GET - 403 127.0.0.1 Missing Authentication Token",
    ]


def test_swagger_2_as_sam_writes_it(front: Any, wrapped: str) -> None:
    rest = front.client("apigateway")
    function = front.function("sam-authorizer", TOKEN_AUTHORIZER)
    front.permit(function)
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(wrapped)}
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
        "responses": {
            "default": {
                "statusCode": "200",
                "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
                "responseTemplates": {"application/json": "{}\n"},
            }
        },
    }
    body = {
        "swagger": "2.0",
        "info": {"version": "1.0", "title": "sam"},
        "paths": {
            "/pets": {
                "x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": integration, "responses": {}},
                "options": {
                    "consumes": ["application/json"],
                    "produces": ["application/json"],
                    "x-amazon-apigateway-integration": mock,
                    "security": [{"NONE": []}],
                    "responses": {
                        "200": {"description": "CORS", "headers": {"Access-Control-Allow-Origin": {"type": "string"}}}
                    },
                },
                "post": {
                    "x-amazon-apigateway-integration": integration,
                    "security": [{"Own": []}, {"api_key": []}],
                    "x-amazon-apigateway-request-validator": "body-only",
                    "parameters": [
                        {"in": "body", "name": "Pet", "required": True, "schema": {"$ref": "#/definitions/pet"}}
                    ],
                    "responses": {},
                },
            }
        },
        "definitions": {"pet": {"type": "object", "required": ["name"]}},
        "securityDefinitions": {
            "Own": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": uri(function)},
            },
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        },
        "x-amazon-apigateway-request-validators": {
            "body-only": {"validateRequestBody": True, "validateRequestParameters": False}
        },
        "x-amazon-apigateway-binary-media-types": ["image/gif"],
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.X-A": "'b'"}}
        },
    }
    made = rest.import_rest_api(body=json.dumps(body), parameters={"endpointConfigurationTypes": "REGIONAL"})
    assert (made["name"], made["binaryMediaTypes"]) == ("sam", ["image/gif"])
    assert made["endpointConfiguration"]["types"] == ["REGIONAL"]
    front.permit(wrapped, f"arn:aws:execute-api:us-east-1:123456789012:{made['id']}/*")
    rest.create_deployment(restApiId=made["id"], stageName="Prod")
    url = f"https://{made['id']}.execute-api.us-east-1.amazonaws.com/Prod/pets"
    assert front.call("GET", url).json["resource"] == "/pets"
    assert front.call("OPTIONS", url).headers["access-control-allow-origin"] == "*"
    answer = front.call("POST", url, "{}")
    assert (answer.status, answer.headers["x-a"]) == (401, "b")
    answer = front.call("POST", url, '{"name": "a"}', {"Authorization": "let"})
    assert answer.status == 403
    del body["paths"]["/pets"]["post"]  # type: ignore[index]
    body["paths"]["/cats"] = {"get": {"x-amazon-apigateway-integration": integration}}  # type: ignore[index]
    rest.put_rest_api(restApiId=made["id"], mode="overwrite", body=json.dumps(body))
    rest.create_deployment(restApiId=made["id"], stageName="Prod")
    assert front.call("GET", url.replace("pets", "cats")).status == 200
    assert front.call("POST", url, "{}").status == 200


def test_openapi_3_with_a_base_path_and_a_request_body(front: Any, wrapped: str) -> None:
    rest = front.client("apigateway")
    integration = {"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri(wrapped)}
    body = {
        "openapi": "3.0.1",
        "info": {"title": "three", "version": "1"},
        "servers": [{"url": "/{basePath}", "variables": {"basePath": {"default": "v1"}}}],
        "paths": {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True}],
                "put": {
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                    "x-amazon-apigateway-integration": integration,
                },
            }
        },
        "components": {"schemas": {"Pet": {"type": "object", "required": ["name"]}}},
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "all",
    }
    made = rest.import_rest_api(body=json.dumps(body), parameters={"basepath": "prepend"})
    front.permit(wrapped, f"arn:aws:execute-api:us-east-1:123456789012:{made['id']}/*")
    rest.create_deployment(restApiId=made["id"], stageName="s")
    url = f"https://{made['id']}.execute-api.us-east-1.amazonaws.com/s/v1/pets/7"
    assert front.call("PUT", url, '{"name": "a"}').json["pathParameters"] == {"id": "7"}
    assert front.call("PUT", url, "{}").status == 400


def test_what_is_not_built_is_refused_by_name(front: Any, wrapped: str) -> None:
    api = Api(front, "refusing", wrapped)
    rest = api.rest
    bad = rest.exceptions.BadRequestException
    for given, named in (
        ({"type": "AWS", "integrationHttpMethod": "POST", "uri": uri(wrapped)}, "integration type AWS"),
        ({"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": $input.x}'}}, "requestTemplates"),
        (
            {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri(wrapped), "cacheKeyParameters": ["a"]},
            "cacheKeyParameters",
        ),
    ):
        where = {"restApiId": api.id, "resourceId": api.resource(f"/{named.split()[-1].lower()}"), "httpMethod": "GET"}
        rest.put_method(**where, authorizationType="NONE")
        with pytest.raises(bad, match=named):
            rest.put_integration(**where, **given)
    with pytest.raises(bad, match="No integration defined"):
        api.deploy()
    with pytest.raises(rest.exceptions.ClientError, match="apigateway:CreateDomainName: custom domain"):
        rest.create_domain_name(domainName="a.example")
    with pytest.raises(rest.exceptions.ClientError, match="apigateway:TestInvokeMethod: call the API"):
        rest.test_invoke_method(restApiId=api.id, resourceId=api.root, httpMethod="GET")
    with pytest.raises(rest.exceptions.NotFoundException):
        rest.get_rest_api(restApiId="nothing")
    ready = Api(front, "caching", wrapped)
    ready.method("GET", "/x")
    ready.deploy()
    with pytest.raises(bad, match="cachingEnabled"):
        ready.patch_stage(("replace", "/*/*/caching/enabled", "true"))


def test_the_control_plane_keeps_and_changes_its_parts(front: Any, wrapped: str) -> None:
    api = Api(front, "kept", wrapped, tags={"a": "1"}, description="first")
    rest = api.rest
    given = [
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "add", "path": "/binaryMediaTypes/image~1png", "value": ""},
        {"op": "remove", "path": "/description"},
    ]
    changed = rest.update_rest_api(restApiId=api.id, patchOperations=given)
    assert (changed["name"], changed["binaryMediaTypes"]) == ("renamed", ["image/png"])
    assert "description" not in rest.get_rest_api(restApiId=api.id)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api.id}"
    rest.tag_resource(resourceArn=arn, tags={"b": "2"})
    assert rest.get_tags(resourceArn=arn)["tags"] == {"a": "1", "b": "2"}
    api.method("GET", "/x/{id}")
    where = {"restApiId": api.id, "resourceId": api.resource("/x/{id}"), "httpMethod": "GET"}
    rest.update_method(**where, patchOperations=[{"op": "replace", "path": "/apiKeyRequired", "value": "true"}])
    assert rest.get_method(**where)["apiKeyRequired"] is True
    assert rest.get_method(**where)["methodIntegration"]["type"] == "AWS_PROXY"
    embedded = rest.get_resources(restApiId=api.id, embed=["methods"])["items"]
    assert any(each.get("resourceMethods", {}).get("GET", {}).get("apiKeyRequired") for each in embedded)
    with pytest.raises(rest.exceptions.ConflictException):
        rest.put_method(**where, authorizationType="NONE")
    with pytest.raises(rest.exceptions.ConflictException):
        rest.create_resource(restApiId=api.id, parentId=api.root, pathPart="x")
    rest.delete_resource(restApiId=api.id, resourceId=api.resource("/x"))
    assert [each["path"] for each in rest.get_resources(restApiId=api.id)["items"]] == ["/"]
    rest.delete_rest_api(restApiId=api.id)
    assert api.id not in [each["id"] for each in rest.get_rest_apis()["items"]]


@pytest.mark.parametrize("policy", ["[]", '"a"', '{"Statement": ["a"]}', '{"Statement": 7}', "[" * 50_000])
def test_a_malformed_resource_policy_is_refused(front: Any, policy: str) -> None:
    rest = front.client("apigateway")
    with pytest.raises(rest.exceptions.BadRequestException, match="Invalid policy document"):
        rest.create_rest_api(name="broken-policy", policy=policy)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1]",
        "swagger: '2.0'\npaths: 7",
        '{"swagger": "2.0", "info": {"title": "a"}, "paths": []}',
        '{"swagger": "2.0", "info": {"title": "a"}, "paths": {"/x": {"get": 7}}}',
        '{"swagger": "2.0", "info": {"title": "a"}, "paths": {"/x{a": {}}}',
        '{"openapi": "3.0.1", "info": {"title": "a"}, "paths": {"/x": {"get": {"parameters": [{"$ref": "#/a"}]}}}}',
        '{"openapi": "3.1.0", "info": {"title": "a"}}',
        "[" * 100_000,
        "openapi: 3.0.1\ninfo: {title: a}\npaths: {}\ncomponents: {schemas: &x {A: *x}}",
        "openapi: 3.0.1\ninfo: {title: a}\npaths: {}\nx: &v0 {a: 1}\n"
        + "\n".join(
            f"x{level}: &v{level} {{" + ", ".join(f"k{place}: *v{level - 1}" for place in range(8)) + "}"
            for level in range(1, 12)
        )
        + "\ncomponents: {schemas: {A: *v11}}",
    ],
)
def test_a_malformed_definition_is_refused(front: Any, body: str) -> None:
    rest, v2 = front.client("apigateway"), front.client("apigatewayv2")
    before = len(rest.get_rest_apis()["items"])
    with pytest.raises(rest.exceptions.BadRequestException):
        rest.import_rest_api(body=body)
    assert len(rest.get_rest_apis()["items"]) == before
    if "#/a" not in body:  # HTTP APIs have no parameters
        with pytest.raises(v2.exceptions.BadRequestException):
            v2.import_api(Body=body.replace("3.1.0", "2.9"))
