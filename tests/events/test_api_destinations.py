"""API destinations: events that go to HTTP endpoints of the sandbox, and the connections that authorise them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.events.http_calls import refused
from tests.events.conftest import ACCOUNT, World

INVOKE = "events:InvokeApiDestination"
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "x-shop-key", "ApiKeyValue": "sesame"}}
#: A function that writes down each request, and answers as its path says: /status/503, say.
ECHO = """
import json
def handler(event, context):
    told = {"path": event["rawPath"], "query": event["rawQueryString"], "headers": event["headers"],
            "body": event.get("body"), "method": event["requestContext"]["http"]["method"]}
    print("GOT " + json.dumps(told))
    status = event["rawPath"].partition("/status/")[2]
    return {"statusCode": int(status or 200), "headers": {"Retry-After": "30"} if status == "429" else {}}
"""


class Shop:
    """An endpoint with a function behind it, and what is sent to it."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        world.create(name, ECHO)
        made = world.functions.create_function_url_config(FunctionName=name, AuthType="NONE")
        self.url = str(made["FunctionUrl"]).rstrip("/")
        for action, more in (
            ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
            ("lambda:InvokeFunction", {}),
        ):
            world.functions.add_permission(
                FunctionName=name, StatementId=action.partition(":")[2], Action=action, Principal="*", **more
            )
        self.role = self._role()

    def _role(self) -> str:
        iam = self.world.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=f"{self.name}-sender", AssumeRolePolicyDocument=document)["Role"]
        self.permit(f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/{self.name}/*")
        return str(role["Arn"])

    def permit(self, resource: str, denied: str = "") -> None:
        statements = [{"Effect": "Allow", "Action": INVOKE, "Resource": resource}]
        if denied:
            statements.append({"Effect": "Deny", "Action": INVOKE, "Resource": denied})
        self.world.client("iam").put_role_policy(
            RoleName=f"{self.name}-sender",
            PolicyName="send",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def destination(
        self, path: str = "/orders", auth: Mapping[str, Any] = KEY, kind: str = "API_KEY", **settings: Any
    ) -> str:
        """A connection and an API destination of the shop's name; the destination's ARN."""
        events = self.world.events
        connection = events.create_connection(Name=self.name, AuthorizationType=kind, AuthParameters=auth)
        made = events.create_api_destination(
            Name=self.name,
            ConnectionArn=connection["ConnectionArn"],
            **{"InvocationEndpoint": f"{self.url}{path}", "HttpMethod": "POST", **settings},
        )
        return str(made["ApiDestinationArn"])

    def rule(self, destination: str, **target: Any) -> None:
        """A rule for events whose source is the shop's name."""
        self.world.rule(self.name, {"Arn": destination, "RoleArn": self.role, **target})

    def got(self) -> list[Any]:
        return self.world.got(self.name)


def test_an_event_comes_as_a_request_with_the_key(world: World) -> None:
    shop = Shop(world, "keyed")
    shop.rule(shop.destination())
    world.put("keyed", {"order": 7})
    [request] = shop.got()
    assert (request["method"], request["path"], request["query"]) == ("POST", "/orders", "")
    assert json.loads(request["body"])["detail"] == {"order": 7}
    headers = request["headers"]
    assert headers["x-shop-key"] == "sesame"
    assert headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["range"] == "bytes=0-1048575"


def test_basic_authorization_and_all_parameters_are_sent(world: World) -> None:
    shop = Shop(world, "further")
    further = {
        "HeaderParameters": [{"Key": "X-Team", "Value": "shop"}, {"Key": "Range", "Value": "bytes=0-1"}],
        "QueryStringParameters": [{"Key": "from", "Value": "connection"}],
        "BodyParameters": [{"Key": "tenant", "Value": "t-1"}],
    }
    auth = {"BasicAuthParameters": {"Username": "jo", "Password": "pa:ss"}, "InvocationHttpParameters": further}
    arn = shop.destination("/*/orders/*?v=1", auth, "BASIC", HttpMethod="PUT")
    http = {
        "PathParameterValues": ["eu west", "4711"],
        "HeaderParameters": {"X-Team": "another", "X-Own": "1", "Content-Type": "text/plain", "Host": "elsewhere"},
        "QueryStringParameters": {"from": "target", "own": "a b"},
    }
    shop.rule(arn, HttpParameters=http, InputPath="$.detail")
    world.put("further", {"order": 7})
    [request] = shop.got()
    assert (request["method"], request["path"]) == ("PUT", "/eu%20west/orders/4711")
    assert request["query"] == "v=1&from=connection&own=a+b"
    assert json.loads(request["body"]) == {"order": 7, "tenant": "t-1"}
    headers = request["headers"]
    assert headers["authorization"] == "Basic " + base64.b64encode(b"jo:pa:ss").decode()
    assert (headers["x-team"], headers["x-own"], headers["content-type"]) == ("shop", "1", "text/plain")
    assert (headers["range"], headers["host"]) == ("bytes=0-1048575", shop.url.removeprefix("https://"))


def test_no_header_breaks_the_request(world: World) -> None:
    shop = Shop(world, "framed")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "Transfer-Encoding", "ApiKeyValue": "chunked"}}
    shop.rule(shop.destination(auth=key), HttpParameters={"HeaderParameters": {"Content-Length": "0", "Via": "x"}})
    world.put("framed", {"order": 7})
    [request] = shop.got()
    assert json.loads(request["body"])["detail"] == {"order": 7}
    assert not {"transfer-encoding", "via"} & set(request["headers"])


@pytest.mark.parametrize("status", ["503", "401", "409"])
def test_an_error_that_may_pass_is_tried_again(world: World, status: str) -> None:
    shop = Shop(world, f"passing-{status}")
    url, queue = world.open_queue(f"passing-{status}-dead")
    arn = shop.destination(f"/status/{status}")
    shop.rule(arn, RetryPolicy={"MaximumRetryAttempts": 2}, DeadLetterConfig={"Arn": queue})
    world.put(shop.name)
    world.clock.advance(60)
    assert len(shop.got()) == 3
    [message] = world.receive(url)
    told = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert f"status {status}" in told["ERROR_MESSAGE"]
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_an_error_of_the_sender_is_not_tried_again(world: World) -> None:
    shop = Shop(world, "wrong")
    url, queue = world.open_queue("wrong-dead")
    shop.rule(shop.destination("/status/400"), DeadLetterConfig={"Arn": queue})
    world.put("wrong")
    world.clock.advance(600)
    assert len(shop.got()) == 1
    assert len(world.receive(url)) == 1
    assert world.count("FailedInvocations", "wrong") == 1


def test_a_busy_endpoint_is_left_in_peace_as_long_as_it_says(world: World) -> None:
    shop = Shop(world, "busy")
    shop.rule(shop.destination("/status/429"), RetryPolicy={"MaximumRetryAttempts": 1})
    world.put("busy")
    world.clock.advance(25)
    assert len(shop.got()) == 1
    world.clock.advance(10)
    assert len(shop.got()) == 2


@pytest.mark.parametrize(
    ("status", "retry_after", "passing", "wait"),
    [
        (500, None, True, 0.0),
        (429, "12", True, 12.0),
        (503, "-1", False, 0.0),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", True, 0.0),
        (404, "12", False, 0.0),
        (302, None, False, 0.0),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str | None, passing: bool, wait: float) -> None:
    failure = refused("https://shop", status, retry_after)
    assert (failure.passing, failure.wait) == (passing, wait)


def test_no_more_requests_a_second_than_its_rate(world: World) -> None:
    shop = Shop(world, "slowly")
    shop.rule(shop.destination(InvocationRateLimitPerSecond=1))
    for number in range(3):
        world.put("slowly", {"number": number})
    world.clock.advance(5)
    found = sorted(json.loads(one["body"])["detail"]["number"] for one in shop.got())
    assert found == [0, 1, 2]
    assert world.count("FailedInvocations", "slowly") == 0


def test_what_its_rate_leaves_no_time_for_is_given_up(world: World) -> None:
    shop = Shop(world, "crowded")
    url, queue = world.open_queue("crowded-dead")
    arn = shop.destination(InvocationRateLimitPerSecond=1)
    shop.rule(arn, RetryPolicy={"MaximumEventAgeInSeconds": 60}, DeadLetterConfig={"Arn": queue})
    for _ in range(64):
        world.put("crowded")
    world.clock.advance(70)
    dead = len(world.receive(url))
    assert 1 <= dead <= 4
    assert len(shop.got()) == 64 - dead


def test_nothing_leaves_the_machine(world: World) -> None:
    shop = Shop(world, "far")
    url, queue = world.open_queue("far-dead")
    shop.rule(shop.destination(InvocationEndpoint="https://example.com/hook"), DeadLetterConfig={"Arn": queue})
    world.put("far")
    world.clock.settle()
    [message] = world.receive(url)
    told = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "CONNECTION_FAILURE"
    assert "nothing leaves this machine: https://example.com/hook" in told["ERROR_MESSAGE"]


def test_the_role_decides(world: World) -> None:
    shop = Shop(world, "judged")
    url, queue = world.open_queue("judged-dead")
    arn = shop.destination()
    shop.rule(arn, DeadLetterConfig={"Arn": queue})
    shop.permit(f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/another")
    world.put("judged")
    world.clock.settle()
    [message] = world.receive(url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert shop.got() == []
    # As Fn::GetAtt ArnForPolicy names it.
    short = arn.rpartition("/")[0]
    shop.permit(short)
    world.put("judged")
    assert len(shop.got()) == 1
    for allowed, denied in (("*", short), ("*", arn), (short, arn), (arn, short)):
        shop.permit(allowed, denied)
        world.put("judged")
        assert len(shop.got()) == 1


def test_without_its_connection_nothing_is_sent(world: World) -> None:
    shop = Shop(world, "cut-off")
    url, queue = world.open_queue("cut-off-dead")
    shop.rule(shop.destination(), DeadLetterConfig={"Arn": queue})
    told = world.events.deauthorize_connection(Name="cut-off")
    assert told["ConnectionState"] == "DEAUTHORIZED"
    assert world.events.describe_api_destination(Name="cut-off")["ApiDestinationState"] == "INACTIVE"
    world.put("cut-off")
    world.clock.settle()
    [message] = world.receive(url)
    assert "is not authorized" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    world.events.update_connection(Name="cut-off", AuthParameters=KEY)
    world.put("cut-off")
    assert len(shop.got()) == 1


def test_wildcards_need_values(world: World) -> None:
    shop = Shop(world, "wild")
    url, queue = world.open_queue("wild-dead")
    shop.rule(shop.destination("/*/*"), HttpParameters={"PathParameterValues": ["a"]}, DeadLetterConfig={"Arn": queue})
    world.put("wild")
    world.clock.settle()
    [message] = world.receive(url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_PARAMETER"


# -- connections and destinations ------------------------------------------------------------------------------


def test_secrets_are_kept_in_secrets_manager_and_not_told(world: World) -> None:
    events, secrets = world.events, world.client("secretsmanager")
    further = {
        "HeaderParameters": [
            {"Key": "X-Open", "Value": "told", "IsValueSecret": False},
            {"Key": "X-Shut", "Value": "hidden", "IsValueSecret": True},
        ]
    }
    arn = events.create_connection(
        Name="kept", AuthorizationType="API_KEY", AuthParameters={**KEY, "InvocationHttpParameters": further}
    )["ConnectionArn"]
    told = events.describe_connection(Name="kept")
    assert told["ConnectionArn"] == arn
    assert told["ConnectionState"] == "AUTHORIZED"
    assert told["AuthParameters"] == {
        "ApiKeyAuthParameters": {"ApiKeyName": "x-shop-key"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "X-Open", "Value": "told", "IsValueSecret": False},
                {"Key": "X-Shut", "IsValueSecret": True},
            ]
        },
    }
    secret = secrets.get_secret_value(SecretId=told["SecretArn"])
    assert secret["Name"].startswith("events!connection/kept/")
    assert json.loads(secret["SecretString"])["api_key_value"] == "sesame"
    events.update_connection(Name="kept", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyValue": "open"}})
    assert json.loads(secrets.get_secret_value(SecretId=told["SecretArn"])["SecretString"])["api_key_value"] == "open"
    events.delete_connection(Name="kept")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=told["SecretArn"])
    with pytest.raises(ClientError, match="Connection 'kept' does not exist"):
        events.describe_connection(Name="kept")


def test_connections_and_destinations_are_listed_and_changed(world: World) -> None:
    events = world.events
    shop = Shop(world, "listed")
    arn = shop.destination()
    [connection] = events.list_connections(NamePrefix="listed")["Connections"]
    assert (connection["Name"], connection["AuthorizationType"]) == ("listed", "API_KEY")
    assert events.list_connections(NamePrefix="listed", ConnectionState="DEAUTHORIZED")["Connections"] == []
    [found] = events.list_api_destinations(ConnectionArn=connection["ConnectionArn"])["ApiDestinations"]
    assert (found["ApiDestinationArn"], found["InvocationRateLimitPerSecond"]) == (arn, 300)
    events.update_api_destination(Name="listed", HttpMethod="PATCH", InvocationRateLimitPerSecond=5, Description="d")
    told = events.describe_api_destination(Name="listed")
    assert (told["HttpMethod"], told["InvocationRateLimitPerSecond"], told["Description"]) == ("PATCH", 5, "d")
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        shop.destination()
    events.delete_api_destination(Name="listed")
    with pytest.raises(ClientError, match="An api-destination 'listed' does not exist"):
        events.describe_api_destination(Name="listed")


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"Name": "a b"}, "ValidationException", "regular expression pattern"),
        ({"AuthorizationType": "NONE"}, "ValidationException", "enum value set"),
        ({"KmsKeyIdentifier": "alias/shop"}, "NotImplementedException", "KmsKeyIdentifier"),
        ({"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS"}, "NotImplementedException", "authorization server"),
        ({"AuthorizationType": "BASIC"}, "ValidationException", "must have BasicAuthParameters"),
        (
            {"AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "a:b", "ApiKeyValue": "v"}}},
            "ValidationException",
            "not the name of a header",
        ),
        (
            {"AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "v\r\nX-Other: 1"}}},
            "ValidationException",
            "printable characters",
        ),
        (
            {
                "AuthParameters": {
                    **KEY,
                    "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X", "Value": "1\r\nY: 2"}]},
                }
            },
            "ValidationException",
            "value of the header X",
        ),
    ],
)
def test_a_connection_that_can_not_be_is_refused(world: World, given: dict[str, Any], code: str, says: str) -> None:
    whole = {"Name": "refused", "AuthorizationType": "API_KEY", "AuthParameters": KEY, **given}
    with pytest.raises(ClientError, match=says) as refusal:
        world.events.create_connection(**whole)
    assert refusal.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"InvocationEndpoint": "http://example.com/"}, "must be an HTTPS URL"),
        ({"InvocationEndpoint": "https://*.example.com/"}, "must be an HTTPS URL"),
        ({"InvocationEndpoint": "https://[1/"}, "is not a URL"),
        ({"HttpMethod": "TRACE"}, "enum value set"),
        ({"InvocationRateLimitPerSecond": 0}, "greater than or equal to 1"),
        ({"ConnectionArn": f"arn:aws:events:us-east-1:{ACCOUNT}:connection/none/1"}, "does not exist"),
    ],
)
def test_a_destination_that_can_not_be_is_refused(world: World, given: dict[str, Any], says: str) -> None:
    events = world.events
    if not events.list_connections(NamePrefix="of-none")["Connections"]:
        events.create_connection(Name="of-none", AuthorizationType="API_KEY", AuthParameters=KEY)
    [connection] = events.list_connections(NamePrefix="of-none")["Connections"]
    whole = {
        "Name": "refused",
        "ConnectionArn": connection["ConnectionArn"],
        "InvocationEndpoint": "https://example.com/",
        "HttpMethod": "POST",
        **given,
    }
    with pytest.raises(ClientError, match=says):
        events.create_api_destination(**whole)
