"""Function URLs: who may call them, what the function gets, and what becomes of its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.endpoints.apis import url_of

ANSWERING = """
import json
def handler(event, context):
    return json.loads(event["body"])
"""


def test_a_public_url_gives_the_function_an_event_of_format_2(front: Any) -> None:
    front.function("echo-url")
    url = url_of(front, "echo-url")
    answer = front.call(
        "POST",
        f"{url}a%20b/c?x=1&x=2&y=%26",
        b'{"n": 1}',
        [("Content-Type", "application/json"), ("Cookie", "a=1; b=2"), ("X-Own", "1"), ("x-own", "2")],
    )
    assert answer.status == 200
    event = answer.json
    host = url.removeprefix("https://").rstrip("/")
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/a%20b/c"
    assert event["rawQueryString"] == "x=1&x=2&y=%26"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "&"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-own"] == "1,2"
    assert event["headers"]["host"] == host
    assert event["body"] == '{"n": 1}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == (host, host.partition(".")[0])
    assert context["http"]["method"] == "POST"
    assert context["accountId"] == "anonymous"
    assert answer.headers["x-amzn-requestid"] == context["requestId"]


def test_binary_bodies_travel_as_base64_both_ways(front: Any) -> None:
    front.function(
        "binary-url",
        """
import base64
def handler(event, context):
    assert event["isBase64Encoded"]
    return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "isBase64Encoded": True,
            "body": base64.b64encode(base64.b64decode(event["body"])[::-1]).decode()}
""",
    )
    answer = front.call("PUT", url_of(front, "binary-url"), b"\x00\xff\x01", {"Content-Type": "image/png"})
    assert answer.body == b"\x01\xff\x00"
    assert answer.headers["content-type"] == "image/png"


@pytest.fixture(scope="module")
def answering(front: Any) -> str:
    front.function("answering", ANSWERING)
    return url_of(front, "answering")


@pytest.mark.parametrize(
    ("given", "status", "kind", "body"),
    [
        ({"statusCode": 201, "body": "made"}, 201, "application/json", b"made"),
        ({"statusCode": 418, "headers": {"Content-Type": "text/plain"}, "body": "tea"}, 418, "text/plain", b"tea"),
        ({"free": "form"}, 200, "application/json", b'{"free":"form"}'),
        ("text", 200, "application/json", b"text"),
        ({"statusCode": "204"}, 204, None, b""),
        ({"statusCode": "many"}, 502, "application/json", b"Internal Server Error"),
        ({"statusCode": 200, "body": {"no": "text"}}, 502, "application/json", b"Internal Server Error"),
        ({"statusCode": 200, "headers": {"a b": "c"}}, 502, "application/json", b"Internal Server Error"),
    ],
)
def test_what_becomes_of_an_answer(
    front: Any, answering: str, given: Any, status: int, kind: str | None, body: bytes
) -> None:
    answer = front.call("POST", answering, json.dumps(given), {"Content-Type": "application/json"})
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (status, kind, body)


def test_cookies_become_headers_of_their_own(front: Any, answering: str) -> None:
    given = {"statusCode": 200, "cookies": ["a=1", "b=2; Secure"], "body": ""}
    answer = front.call("POST", answering, json.dumps(given), {"Content-Type": "application/json"})
    assert answer.several["set-cookie"] == ["a=1", "b=2; Secure"]


def test_a_header_cannot_smuggle_another(front: Any, answering: str) -> None:
    given = {"statusCode": 200, "headers": {"X-A": "1\r\nX-B: 2"}, "body": ""}
    answer = front.call("POST", answering, json.dumps(given), {"Content-Type": "application/json"})
    assert "x-b" not in answer.headers


def test_a_failing_function_gives_502_and_a_throttled_one_429(front: Any) -> None:
    front.function("failing-url", "def handler(event, context):\n    raise ValueError('no')\n")
    url = url_of(front, "failing-url")
    assert front.call("GET", url).status == 502
    front.client("lambda").put_function_concurrency(FunctionName="failing-url", ReservedConcurrentExecutions=0)
    answer = front.call("GET", url)
    assert answer.status == 429
    assert answer.json["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_both_permissions_are_needed(front: Any) -> None:
    front.function("guarded-url")
    url = url_of(front, "guarded-url", permit=False)
    answer = front.call("GET", url)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    functions = front.client("lambda")
    functions.add_permission(
        FunctionName="guarded-url",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert front.call("GET", url).status == 403
    functions.add_permission(
        FunctionName="guarded-url",
        StatementId="fn",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    assert front.call("GET", url).status == 200


def test_an_iam_url_wants_a_signature_of_someone_who_may(front: Any) -> None:
    front.function("signed-url")
    url = url_of(front, "signed-url", "AWS_IAM", permit=False)
    assert front.call("GET", url).status == 403
    answer = front.call("GET", url, sign=("lambda", front.learner))
    assert answer.status == 200
    assert answer.json["requestContext"]["authorizer"]["iam"]["userArn"].endswith(":user/learner")
    assert front.call("GET", url, sign=("execute-api", front.learner)).status == 403
    iam = front.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert front.call("GET", url, sign=("lambda", keys)).status == 403
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"],
            "Resource": "*",
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
        },
    }
    iam.put_user_policy(UserName="nobody", PolicyName="url", PolicyDocument=json.dumps(policy))
    assert front.call("GET", url, sign=("lambda", keys)).status == 200


def test_cors_is_answered_by_the_url(front: Any) -> None:
    front.function(
        "cors-url",
        "def handler(e, c):\n    return {'statusCode': 200, 'headers': "
        "{'Access-Control-Allow-Origin': 'nonsense'}, 'body': ''}\n",
    )
    url = url_of(front, "cors-url", Cors={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60})
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = front.call("OPTIONS", url, headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-max-age"] == "60"
    answer = front.call("GET", url, headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    answer = front.call("GET", url, headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_streaming_url_answers_in_one_piece_and_says_so(front: Any) -> None:
    front.function("stream-url")
    answer = front.call("GET", url_of(front, "stream-url", InvokeMode="RESPONSE_STREAM"))
    assert answer.status == 200
    assert answer.headers["x-coldstart-streaming"].startswith("buffered")


def test_the_configuration_is_kept_changed_and_removed(front: Any) -> None:
    front.function("config-url")
    url = url_of(front, "config-url")
    functions = front.client("lambda")
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.create_function_url_config(FunctionName="config-url", AuthType="NONE")
    functions.update_function_url_config(FunctionName="config-url", AuthType="AWS_IAM")
    assert functions.get_function_url_config(FunctionName="config-url")["AuthType"] == "AWS_IAM"
    assert front.call("GET", url).status == 403
    listed = functions.list_function_url_configs(FunctionName="config-url")["FunctionUrlConfigs"]
    assert [each["FunctionUrl"] for each in listed] == [url]
    local = front.url(url)
    functions.delete_function_url_config(FunctionName="config-url")
    assert front.call("GET", local).status == 404
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_url_config(FunctionName="config-url")


def test_an_alias_has_its_own_url(front: Any) -> None:
    front.function("alias-url", "def handler(e, c):\n    return c.invoked_function_arn\n", Publish=True)
    functions = front.client("lambda")
    functions.create_alias(FunctionName="alias-url", Name="live", FunctionVersion="1")
    made = functions.create_function_url_config(FunctionName="alias-url", Qualifier="live", AuthType="AWS_IAM")
    answer = front.call("GET", made["FunctionUrl"], sign=("lambda", front.learner))
    assert answer.body.decode().endswith(":function:alias-url:live")
    local = front.url(made["FunctionUrl"])
    functions.delete_alias(FunctionName="alias-url", Name="live")
    assert front.call("GET", local).status == 404


def test_the_host_header_finds_the_url_too(front: Any, answering: str) -> None:
    host = answering.removeprefix("https://").rstrip("/")
    base = "/".join(front.url(answering).split("/")[:3])
    assert front.call("GET", base + "/").status == 404
    assert front.call("POST", f"{base}/x", '"hi"', {"Host": host, "Content-Type": "application/json"}).body == b"hi"


def test_a_page_of_another_machine_finds_nothing_behind_its_own_name(front: Any, answering: str) -> None:
    assert front.call("POST", front.url(answering), '"hi"', {"Host": "rebound.example"}).status == 404
