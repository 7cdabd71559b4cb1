"""HTTP APIs: routes, events, answers, failures, CORS, throttling, stages, authorizers and access logs."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.endpoints.apis import Http as Api

ANSWERING = """
import json
def handler(event, context):
    return json.loads(event["body"])
"""
ROUTES = [
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "GET /pets/{proxy+}",
    "ANY /{proxy+}",
    "$default",
    "POST /pets/dog/1",
]


@pytest.fixture(scope="module")
def echo(front: Any) -> str:
    return str(front.function("echo"))


@pytest.fixture(scope="module")
def routed(front: Any, echo: str) -> Api:
    api = Api(front, "routed", echo)
    for key in ROUTES:
        api.route(key)
    api.stage()
    return api


@pytest.mark.parametrize(
    ("request_line", "key", "variables"),
    [
        ("GET /pets/dog/1", "GET /pets/dog/1", None),
        ("GET /pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET /pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST /test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("GET /pets/dog/a%20b%2Fc", "GET /pets/dog/{id}", {"id": "a b/c"}),
        ("GET /", "$default", None),
        ("DELETE /pets/dog/1", "ANY /{proxy+}", {"proxy": "pets/dog/1"}),
    ],
)
def test_the_most_specific_route_is_taken(routed: Api, request_line: str, key: str, variables: Any) -> None:
    event = routed.call(*request_line.split(" ")).json
    assert event["routeKey"] == event["requestContext"]["routeKey"] == key
    assert event.get("pathParameters") == variables


def test_an_event_of_format_2(routed: Api) -> None:
    answer = routed.call("POST", "/a?x=1&x=2", "text", [("Content-Type", "text/plain"), ("Cookie", "a=1")])
    event = answer.json
    assert event["version"] == "2.0"
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["cookies"] == ["a=1"]
    assert event["body"] == "text"
    assert (
        event["headers"]["host"]
        == event["requestContext"]["domainName"]
        == f"{routed.id}.execute-api.us-east-1.amazonaws.com"
    )
    assert event["requestContext"]["apiId"] == routed.id
    assert event["requestContext"]["stage"] == "$default"
    assert answer.headers["apigw-requestid"]
    assert routed.call("POST", "/a", b"\xff\x00", {"Content-Type": "application/octet-stream"}).json["isBase64Encoded"]


def test_an_event_of_format_1(front: Any, echo: str) -> None:
    api = Api(
        front,
        "older",
        front.function(
            "older",
            "def handler(e, c):\n    import json\n"
            "    return {'statusCode': 200, 'body': json.dumps(e), 'multiValueHeaders': {'X-A': ['1', '2']}}\n",
        ),
    )
    older = api.v2.create_integration(
        ApiId=api.id, IntegrationType="AWS_PROXY", IntegrationUri=api.function, PayloadFormatVersion="1.0"
    )["IntegrationId"]
    api.route("GET /pets/{id}", older)
    api.stage()
    answer = api.call("GET", "/pets/7?x=1&x=2", headers=[("X-Own", "1"), ("X-Own", "2")])
    event = answer.json
    assert event["version"] == "1.0"
    assert event["resource"] == event["requestContext"]["resourcePath"] == "/pets/{id}"
    assert event["path"] == "/pets/7"
    assert event["pathParameters"] == {"id": "7"}
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["X-Own"] == ["1", "2"]
    assert event["body"] is None
    assert answer.several["x-a"] == ["1", "2"]


def test_a_stage_has_its_name_in_the_path_and_its_variables(front: Any, echo: str) -> None:
    api = Api(front, "staged", echo)
    variable = api.v2.create_integration(
        ApiId=api.id,
        IntegrationType="AWS_PROXY",
        PayloadFormatVersion="2.0",
        IntegrationUri="arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.fn}",
    )["IntegrationId"]
    api.route("GET /x", variable)
    api.stage("dev", StageVariables={"fn": "echo", "color": "red"})
    event = api.call("GET", "/dev/x").json
    assert event["rawPath"] == "/dev/x"
    assert event["requestContext"]["stage"] == "dev"
    assert event["stageVariables"] == {"fn": "echo", "color": "red"}
    assert api.call("GET", "/x").status == 404
    assert api.call("GET", "/dev/y").json == {"message": "Not Found"}


def test_a_stage_without_auto_deploy_serves_what_was_deployed(front: Any, echo: str) -> None:
    api = Api(front, "manual", echo)
    api.route("GET /one")
    api.stage(AutoDeploy=False)
    assert api.call("GET", "/one").status == 404
    api.v2.create_deployment(ApiId=api.id, StageName="$default")
    assert api.call("GET", "/one").status == 200
    api.route("GET /two")
    assert api.call("GET", "/two").status == 404
    deployment = api.v2.create_deployment(ApiId=api.id)["DeploymentId"]
    api.v2.update_stage(ApiId=api.id, StageName="$default", DeploymentId=deployment)
    assert api.call("GET", "/two").status == 200


def test_quick_create_makes_an_api_that_answers(front: Any, echo: str) -> None:
    v2 = front.client("apigatewayv2")
    made = v2.create_api(Name="quick", ProtocolType="HTTP", Target=echo)
    assert front.call("GET", made["ApiEndpoint"] + "/any").status == 500
    front.permit(echo, f"arn:aws:execute-api:us-east-1:123456789012:{made['ApiId']}/*/$default")
    assert front.call("GET", made["ApiEndpoint"] + "/any").json["routeKey"] == "$default"


def test_without_permission_the_client_gets_500(front: Any, echo: str) -> None:
    api = Api(front, "unpermitted", echo, permit=False)
    api.route("GET /x")
    api.stage()
    answer = api.call("GET", "/x")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    front.permit(echo, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*/GET/other")
    assert api.call("GET", "/x").status == 500
    front.permit(echo, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*/GET/x")
    assert api.call("GET", "/x").status == 200


@pytest.mark.parametrize(
    ("source", "settings", "status"),
    [
        ("def handler(e, c):\n    raise ValueError('no')\n", {}, 502),
        ("def handler(e, c):\n    return {'statusCode': 'x'}\n", {}, 502),
        ("import time\ndef handler(e, c):\n    time.sleep(30)\n", {"Timeout": 1}, 502),
    ],
)
def test_what_a_failing_function_gives_the_client(front: Any, source: str, settings: Any, status: int) -> None:
    name = f"failing{front.clock.now_ms()}"
    api = Api(front, name, front.function(name, source, **settings))
    api.route("$default")
    api.stage()
    answer = api.call("GET", "/")
    assert (answer.status, answer.json) == (status, {"message": "Internal Server Error"})


def test_a_throttled_function_gives_the_client_500(front: Any) -> None:
    api = Api(front, "throttled-function", front.function("throttled-function"))
    api.route("$default")
    api.stage()
    assert api.call("GET", "/").status == 200
    front.client("lambda").put_function_concurrency(FunctionName="throttled-function", ReservedConcurrentExecutions=0)
    assert api.call("GET", "/").status == 500


def test_a_late_function_gives_the_client_503(front: Any) -> None:
    source = "import time\ndef handler(e, c):\n    time.sleep(1)\n"
    api = Api(front, "late", front.function("late", source, Timeout=60))
    api.v2.update_integration(ApiId=api.id, IntegrationId=api.integration, TimeoutInMillis=50)
    api.route("$default")
    api.stage()
    answer = api.call("GET", "/")
    assert (answer.status, answer.json) == (503, {"message": "Service Unavailable"})


def test_the_api_answers_cors_by_itself(front: Any, echo: str) -> None:
    cors = {
        "AllowOrigins": ["https://a.example", "http://[::1]:8080", "https://*.b.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["x-a"],
        "AllowCredentials": True,
        "MaxAge": 300,
        "ExposeHeaders": ["x-b"],
    }
    api = Api(front, "cors", echo, CorsConfiguration=cors)
    api.route("GET /x")
    api.stage()
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = api.call("OPTIONS", "/x", headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-allow-headers"] == "x-a"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-max-age"] == "300"
    answer = api.call("GET", "/x", headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-expose-headers"] == "x-b"
    for origin in ("http://[::1]:8080", "https://shop.b.example"):
        allowed = api.call("GET", "/x", headers={"Origin": origin}).headers["access-control-allow-origin"]
        assert allowed == origin
    answer = api.call("GET", "/x", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in answer.headers
    answer = api.call("GET", "/none", headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_a_stage_throttles_and_recovers_with_the_clock(front: Any, echo: str) -> None:
    api = Api(front, "throttled", echo)
    api.route("GET /x")
    api.route("GET /y")
    api.stage(
        DefaultRouteSettings={"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 2},
        RouteSettings={"GET /y": {"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 1}},
    )
    assert [api.call("GET", "/x").status for _ in range(3)] == [200, 200, 429]
    assert [api.call("GET", "/y").status for _ in range(2)] == [200, 429]
    assert api.call("GET", "/x").json == {"message": "Too Many Requests"}
    front.clock.advance(1001)
    assert api.call("GET", "/x").status == 200


def test_iam_authorization_by_execute_api_invoke(front: Any, echo: str) -> None:
    api = Api(front, "iam", echo)
    api.route("GET /x/{id}", AuthorizationType="AWS_IAM")
    api.stage()
    answer = api.call("GET", "/x/1")
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    answer = api.call("GET", "/x/1", sign=("execute-api", front.learner))
    assert answer.json["requestContext"]["authorizer"]["iam"]["userArn"].endswith(":user/learner")
    iam = front.client("iam")
    iam.create_user(UserName="limited")
    key = iam.create_access_key(UserName="limited")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert api.call("GET", "/x/1", sign=("execute-api", keys)).status == 403
    resource = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*/GET/x/1"
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource},
    }
    iam.put_user_policy(UserName="limited", PolicyName="x", PolicyDocument=json.dumps(policy))
    assert api.call("GET", "/x/1", sign=("execute-api", keys)).status == 200
    assert api.call("GET", "/x/2", sign=("execute-api", keys)).status == 403


AUTHORIZER = """
calls = []
def handler(event, context):
    calls.append(1)
    token = event["identitySource"][0]
    if token == "fail":
        raise ValueError("no")
    return {"isAuthorized": token == "let", "context": {"n": len(calls), "who": "me", "list": [1]}}
"""


def uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


def test_a_lambda_authorizer_with_simple_responses(front: Any, echo: str) -> None:
    api = Api(front, "authorized", echo)
    function = front.function("authorizer", AUTHORIZER)
    authorizer = api.v2.create_authorizer(
        ApiId=api.id,
        Name="own",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri(function),
        EnableSimpleResponses=True,
        AuthorizerPayloadFormatVersion="2.0",
        IdentitySource=["$request.header.Authorization"],
        AuthorizerResultTtlInSeconds=300,
    )["AuthorizerId"]
    api.route("GET /x", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    api.stage()
    assert api.call("GET", "/x").json == {"message": "Unauthorized"}
    assert api.call("GET", "/x", headers={"Authorization": "let"}).status == 500
    front.permit(function, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/authorizers/{authorizer}")
    event = api.call("GET", "/x", headers={"Authorization": "let"}).json
    assert event["requestContext"]["authorizer"]["lambda"] == {"n": 1, "who": "me", "list": [1]}
    again = api.call("GET", "/x", headers={"Authorization": "let"}).json
    assert again["requestContext"]["authorizer"]["lambda"]["n"] == 1
    front.clock.advance(301)
    later = api.call("GET", "/x", headers={"Authorization": "let"}).json
    assert later["requestContext"]["authorizer"]["lambda"]["n"] == 2
    answer = api.call("GET", "/x", headers={"Authorization": "stay out"})
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    assert api.call("GET", "/x", headers={"Authorization": "fail"}).status == 500


POLICY_AUTHORIZER = """
def handler(event, context):
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"].replace("/y", "/x")}]},
        "context": {"level": 3}}
"""


def test_a_lambda_authorizer_with_a_policy(front: Any, echo: str) -> None:
    api = Api(front, "policy", echo)
    function = front.function("policy-authorizer", POLICY_AUTHORIZER)
    front.permit(function)
    authorizer = api.v2.create_authorizer(
        ApiId=api.id,
        Name="own",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri(function),
        AuthorizerPayloadFormatVersion="1.0",
        IdentitySource=["$request.querystring.key"],
    )["AuthorizerId"]
    api.route("GET /x", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    api.route("GET /y", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    api.stage()
    assert api.call("GET", "/x?key=1").json["requestContext"]["authorizer"]["lambda"] == {"level": 3}
    assert api.call("GET", "/y?key=1").status == 403
    assert api.call("GET", "/y").status == 401


def test_a_jwt_authorizer(front: Any, echo: str) -> None:
    issuer = front.sandbox.gateway.issuer
    name = "https://token.actions.githubusercontent.com"
    api = Api(front, "jwt", echo)
    authorizer = api.v2.create_authorizer(
        ApiId=api.id,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": name, "Audience": ["me"]},
    )["AuthorizerId"]
    api.route("GET /x", AuthorizationType="JWT", AuthorizerId=authorizer)
    api.route("GET /y", AuthorizationType="JWT", AuthorizerId=authorizer, AuthorizationScopes=["write"])
    api.route("GET /z", AuthorizationType="JWT", AuthorizerId=authorizer, AuthorizationScopes=["admin", "write"])
    api.stage()
    now = int(front.clock.now())

    def ask(path: str, **claims: Any) -> Any:
        token = issuer.sign({"iss": name, "aud": "me", "sub": "s", "iat": now, "exp": now + 600, **claims})
        return api.call("GET", path, headers={"Authorization": f"Bearer {token}"})

    answer = ask("/x", groups=["a", "b"])
    jwt = answer.json["requestContext"]["authorizer"]["jwt"]
    assert jwt["claims"]["groups"] == "[a b]"
    assert jwt["claims"]["exp"] == str(now + 600)
    assert jwt["scopes"] is None
    assert ask("/y", scope="read write").json["requestContext"]["authorizer"]["jwt"]["scopes"] == ["read", "write"]
    assert ask("/y", scope="read").status == 403
    assert ask("/z", scope="write").status == 200
    assert ask("/z").status == 403
    answer = ask("/x", aud="you")
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    assert 'error_description="the token does not have a valid audience"' in answer.headers["www-authenticate"]
    assert api.call("GET", "/x").headers["www-authenticate"] == "Bearer"
    assert api.call("GET", "/x", headers={"Authorization": "Bearer nonsense"}).status == 401
    for wrong in ({"exp": now - 1}, {"nbf": now + 300}, {"iat": now + 300}, {"iss": f"{name}/other"}):
        assert ask("/x", **wrong).status == 401
    with pytest.raises(api.v2.exceptions.BadRequestException, match="nothing leaves this machine"):
        api.v2.create_authorizer(
            ApiId=api.id,
            Name="far",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": "https://issuer.example", "Audience": ["me"]},
        )


def test_access_logs_go_to_the_log_group_in_the_stage_s_format(front: Any, echo: str) -> None:
    front.client("logs").create_log_group(logGroupName="/access/http")
    api = Api(front, "logged", echo, permit=False)
    api.route("GET /x")
    form = '{"route":"$context.routeKey","status":"$context.status","e":"$context.integrationErrorMessage"}'
    api.stage(
        AccessLogSettings={
            "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:/access/http",
            "Format": form,
        }
    )
    api.call("GET", "/x")
    front.permit(echo, f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*")
    api.call("GET", "/x")
    api.call("GET", "/none")
    lines = [json.loads(line) for line in front.log_lines("/access/http")]
    assert [(line["route"], line["status"]) for line in lines] == [("GET /x", "500"), ("GET /x", "200"), ("-", "404")]
    assert "permissions" in lines[0]["e"]
    assert lines[1]["e"] == "-"


def test_http_proxy_goes_on_to_another_door_of_the_sandbox(front: Any, echo: str) -> None:
    behind = Api(front, "behind", echo)
    behind.route("GET /inner/{id}")
    behind.stage()
    api = Api(front, "proxy", echo)
    proxy = api.v2.create_integration(
        ApiId=api.id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri=behind.endpoint + "/inner/{id}",
    )["IntegrationId"]
    away = api.v2.create_integration(
        ApiId=api.id, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://example.com/"
    )["IntegrationId"]
    api.route("GET /outer/{id}", proxy)
    api.route("GET /away", away)
    api.stage()
    event = api.call("GET", "/outer/7?x=1").json
    assert event["pathParameters"] == {"id": "7"}
    assert event["queryStringParameters"] == {"x": "1"}
    assert "nothing leaves this machine" in api.call("GET", "/away").json["message"]


def test_a_proxy_that_leads_back_to_itself_comes_to_an_end(front: Any, echo: str) -> None:
    api = Api(front, "ring", echo)
    ring = api.v2.create_integration(
        ApiId=api.id, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri=f"{api.endpoint}/round"
    )["IntegrationId"]
    api.route("GET /round", ring)
    api.stage()
    answer = api.call("GET", "/round")
    assert answer.status == 503
    assert "it was forwarded 20 times" in answer.json["message"]


def test_an_endless_answer_of_another_server_is_cut_short(front: Any, echo: str) -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 65_536)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        api = Api(front, "endless", echo)
        integration = api.v2.create_integration(
            ApiId=api.id,
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="GET",
            IntegrationUri=f"http://127.0.0.1:{server.server_port}/",
        )["IntegrationId"]
        api.route("GET /x", integration)
        api.stage()
        answer = api.call("GET", "/x")
        server.shutdown()
    thread.join()
    assert answer.status == 503
    assert "more than 10485760 bytes" in answer.json["message"]


def test_a_definition_is_imported_with_what_sam_writes(front: Any, echo: str) -> None:
    v2 = front.client("apigatewayv2")
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(echo), "payloadFormatVersion": "2.0"}
    body = {
        "openapi": "3.0.1",
        "info": {"title": "imported", "version": "1.0"},
        "paths": {
            "/pets/{id}": {"get": {"x-amazon-apigateway-integration": integration, "responses": {}}},
            "$default": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": integration}},
        },
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example"]},
        "tags": [{"name": "httpapi:createdBy", "x-amazon-apigateway-tag-value": "SAM"}],
    }
    made = v2.import_api(Body=json.dumps(body))
    assert (made["Name"], made["Tags"]) == ("imported", {"httpapi:createdBy": "SAM"})
    front.permit(echo, f"arn:aws:execute-api:us-east-1:123456789012:{made['ApiId']}/*")
    v2.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
    assert front.call("GET", made["ApiEndpoint"] + "/pets/1").json["routeKey"] == "GET /pets/{id}"
    assert front.call("PUT", made["ApiEndpoint"] + "/x").json["routeKey"] == "$default"
    del body["paths"]["$default"]  # type: ignore[attr-defined]
    v2.reimport_api(ApiId=made["ApiId"], Body=json.dumps(body))
    assert front.call("PUT", made["ApiEndpoint"] + "/x").status == 404


def test_what_is_not_built_is_refused_by_name(front: Any, echo: str) -> None:
    v2 = front.client("apigatewayv2")
    api = Api(front, "refusing", echo)
    with pytest.raises(v2.exceptions.BadRequestException, match="WEBSOCKET"):
        v2.create_api(Name="ws", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    with pytest.raises(v2.exceptions.BadRequestException, match="RequestParameters"):
        v2.create_integration(
            ApiId=api.id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=echo,
            PayloadFormatVersion="2.0",
            RequestParameters={"append:header.a": "b"},
        )
    with pytest.raises(v2.exceptions.ClientError, match="apigatewayv2:CreateDomainName: custom domain"):
        v2.create_domain_name(DomainName="a.example")
    for key in ("FETCH /x", "GET x", "GET /{a+}/b", "GET /{a}/{a}", "GET /a{b}"):
        with pytest.raises(v2.exceptions.BadRequestException, match="route key"):
            api.route(key)
    api.route("GET /x")
    with pytest.raises(v2.exceptions.ConflictException):
        api.route("GET /x")
    with pytest.raises(v2.exceptions.NotFoundException):
        v2.get_api(ApiId="nothing")


def test_a_deleted_api_is_gone(front: Any, echo: str) -> None:
    api = Api(front, "gone", echo)
    api.route("GET /x")
    api.stage()
    local = front.url(api.endpoint) + "/x"
    assert front.call("GET", local).status == 200
    api.v2.delete_api(ApiId=api.id)
    assert front.call("GET", local).status == 404
    assert api.id not in [each["ApiId"] for each in api.v2.get_apis()["Items"]]


def test_tags_are_kept_for_apis_and_stages(front: Any, echo: str) -> None:
    api = Api(front, "tagged", echo, Tags={"a": "1"})
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api.id}"
    api.v2.tag_resource(ResourceArn=arn, Tags={"b": "2"})
    assert api.v2.get_tags(ResourceArn=arn)["Tags"] == {"a": "1", "b": "2"}
    api.v2.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert api.v2.get_api(ApiId=api.id)["Tags"] == {"b": "2"}
