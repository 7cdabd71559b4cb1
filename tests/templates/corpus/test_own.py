"""Templates in the manner of well-known samples do what they are for: what comes in at one end reaches the other."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.templates.corpus.cases import NOTHING
from tests.templates.corpus.deploying import HANGS_AFTER, Trial
from tests.templates.corpus.inventory import inventory
from tests.templates.corpus.sources import FOLDER, OWN, templates


class Deployed:
    """A stack that stands, and what checks ask of its cloud."""

    def __init__(self, trial: Trial, name: str) -> None:
        self.trial = trial
        self.name = name
        self.client = trial.client
        listed = trial.stack(name).get("Outputs", [])
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in listed}

    def __getitem__(self, output: str) -> str:
        return str(self.outputs[output])

    def call(self, function: str, event: Any = None) -> Any:
        """What a function answers. AssertionError if it fails."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event or {}))
        content = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, content
        return content

    def http(self, url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of an HTTP request to a URL of AWS's."""
        endpoint = self.trial.sandbox.gateway.endpoint_url
        with urllib.request.urlopen(f"{endpoint}/_sandbox/resolve?name={quote(url, safe='')}") as answer:
            found = json.load(answer)["url"]
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(found, data, {"content-type": "application/json", **named}, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def items(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("dynamodb").scan(TableName=table)["Items"]
        return found

    def messages(self, queue: str) -> list[str]:
        answer = self.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [one["Body"] for one in answer.get("Messages", [])]

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """What the condition gives once it is true, in the wall's time; the sandbox's is moved on meanwhile."""
        end = time.monotonic() + HANGS_AFTER
        while not (found := condition()):
            assert time.monotonic() < end, f"waited {HANGS_AFTER:g} s for {what}"
            self.trial.sandbox.clock.advance(1.0)
        return found


def _bucket_to_function(stack: Deployed) -> None:
    s3 = stack.client("s3")
    for key in ("incoming/a b.jpg", "incoming/no.png", "elsewhere/c.jpg"):
        s3.put_object(Bucket=stack["Bucket"], Key=key, Body=b"12345")
    items = stack.until(lambda: stack.items(stack["Table"]), "the picture's note")
    assert items == [{"key": {"S": "incoming/a b.jpg"}, "size": {"N": "5"}}]
    for key in ("incoming/a b.jpg", "incoming/no.png", "elsewhere/c.jpg"):
        s3.delete_object(Bucket=stack["Bucket"], Key=key)


def _topic_to_queue_to_function(stack: Deployed) -> None:
    kind = {"kind": {"DataType": "String", "StringValue": "order"}}
    for order in ({"id": "1"}, {"id": "2", "bad": True}):
        stack.client("sns").publish(TopicArn=stack["Topic"], Message=json.dumps(order), MessageAttributes=kind)
    stack.client("sns").publish(TopicArn=stack["Topic"], Message='{"id": "3"}')
    stack.until(lambda: stack.items(stack["Table"]), "the good order")
    dead = stack.until(lambda: stack.messages(stack["DeadQueue"]), "the bad order")
    assert (stack.items(stack["Table"]), dead) == ([{"id": {"S": "1"}}], ['{"id": "2", "bad": true}'])


def _rule_to_function(stack: Deployed) -> None:
    entry = {"EventBusName": stack["Bus"], "Source": "shop", "DetailType": "OrderPlaced"}
    entries = [
        {**entry, "Detail": json.dumps({"order": name, "total": total})} for name, total in (("a", 50), ("b", 150))
    ]
    assert stack.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    items = stack.until(lambda: stack.items(stack["Table"]), "the event")
    assert items == [{"id": {"S": "b"}}]
    heard: list[str] = []
    stack.until(lambda: heard.extend(stack.messages(stack["Audit"])) or len(heard) == 2, "the audit")
    assert sorted(heard) == ['"order a"', '"order b"']


def _http_api(stack: Deployed) -> None:
    assert stack.http(f"{stack['Url']}/items/7") == (200, {"item": "7", "route": "GET /items/{id}"})
    assert stack.http(f"{stack['Url']}/me")[0] == 401
    people = stack.client("cognito-idp")
    people.admin_create_user(UserPoolId=stack["Pool"], Username="ann@example.com", MessageAction="SUPPRESS")
    people.admin_set_user_password(
        UserPoolId=stack["Pool"], Username="ann@example.com", Password="Passw0rd!Passw0rd", Permanent=True
    )
    tokens = people.initiate_auth(
        ClientId=stack["Client"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann@example.com", "PASSWORD": "Passw0rd!Passw0rd"},
    )["AuthenticationResult"]
    status, body = stack.http(f"{stack['Url']}/me", authorization=tokens["IdToken"])
    assert status == 200
    assert str(body).startswith("hello ")


def _rest_api_with_keys(stack: Deployed) -> None:
    key = stack.client("apigateway").get_api_key(apiKey=stack["KeyId"], includeValue=True)["value"]
    assert stack.http(stack["Url"], "POST", {"name": "tea"})[0] == 403
    assert stack.http(stack["Url"], "POST", {"nome": "tea"}, x_api_key=key)[0] == 400
    assert stack.http(stack["Url"], "POST", {"name": "tea"}, x_api_key=key) == (201, {"got": "tea"})


def _state_machine(stack: Deployed) -> None:
    machines = stack.client("stepfunctions")
    runs = {}
    for order, total in (("good", 10), ("dear", 1000)):
        given = json.dumps({"order": order, "total": total})
        runs[order] = machines.start_execution(stateMachineArn=stack["Machine"], input=given)["executionArn"]

    def status(run: str) -> str:
        return str(machines.describe_execution(executionArn=runs[run])["status"])

    stack.until(lambda: "RUNNING" not in (status("good"), status("dear")), "both executions")
    assert (status("good"), status("dear")) == ("SUCCEEDED", "FAILED")
    assert stack.items(stack["Table"]) == [{"id": {"S": "good"}}]


def _functions_published(stack: Deployed) -> None:
    assert stack["Alias"].endswith(":live")
    assert stack["Version"].endswith(":1")
    assert stack.http(stack["Url"]) == (200, "layer True, version 1")


def _connectors(stack: Deployed) -> None:
    assert stack.call(stack["Function"]) == "other"
    stack.client("s3").delete_object(Bucket=stack["Bucket"], Key="x")


def _custom_resource(stack: Deployed) -> None:
    assert stack["Key"] == "index.html"
    assert stack["Length"].startswith("5 in ")


def _stacks_in_stacks(stack: Deployed) -> None:
    assert stack.call(stack["Function"]) == stack["Table"] == "shop-data"


def _stages(stack: Deployed) -> None:
    assert stack["Zones"] == "us-east-1a+us-east-1b"
    assert stack["Queue"] == f"{stack.name}-dev"
    assert stack["Domain"] == "dev.example.com"
    assert "Stream" not in stack.outputs


def _serverless_api_guarded(stack: Deployed) -> None:
    def status(path: str, **headers: str) -> int:
        return stack.http(f"{stack['Url']}/{path}", **headers)[0]

    assert status("open") == 200
    assert (status("guarded"), status("guarded", x_token="no"), status("guarded", x_token="sesame")) == (401, 403, 200)
    assert stack.http(f"{stack['Url']}/guarded", x_token="sesame")[1]["team"] == "shop"
    assert (status("keyed"), status("signed"), status("people")) == (403, 403, 401)
    assert status("something/else") == 200
    assert stack.http(f"{stack['Url']}/checked?page=1", "POST", {})[0] == 400
    assert stack.http(f"{stack['Url']}/checked?page=1", "POST", {"id": "1"})[0] == 200


def _http_api_raw(stack: Deployed) -> None:
    assert stack.http(f"{stack['Url']}/hello")[0] == 401
    assert stack.http(f"{stack['Url']}/hello", x_token="no")[0] == 403
    assert stack.http(f"{stack['Url']}/hello", x_token="sesame") == (200, {"user": "ann", "stage": "green"})


def _encrypted_everything(stack: Deployed) -> None:
    assert stack.call(stack["Function"]) == "admin"


def _buckets(stack: Deployed) -> None:
    s3, arrived = stack.client("s3"), []
    for key in ("a.csv", "b.txt"):
        s3.put_object(Bucket=stack["Inbox"], Key=key, Body=b"x")

    def told() -> list[str]:
        records = [one for text in stack.messages(stack["Queue"]) for one in json.loads(text).get("Records", [])]
        arrived.extend(one["s3"]["object"]["key"] for one in records)
        return arrived

    stack.until(told, "the notification")
    assert arrived == ["a.csv"]
    for one in s3.list_object_versions(Bucket=stack["Inbox"])["Versions"]:
        s3.delete_object(Bucket=stack["Inbox"], Key=one["Key"], VersionId=one["VersionId"])


def _events_out(stack: Deployed) -> None:
    entry = {"EventBusName": stack["Bus"], "Source": "shop", "DetailType": "x", "Detail": '{"total": 3}'}
    assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    heard: list[str] = []
    stack.until(lambda: heard.extend(stack.messages(stack["Queue"])) or len(set(heard)) == 2, "event and tick")
    assert sorted(set(map(str, map(json.loads, heard)))) == ["{'tick': True}", "{'total': 3}"]


def _secrets_and_keys(stack: Deployed) -> None:
    assert (stack["User"], stack["Copy"]) == ("ann", "INFO")


CHECKS: Mapping[str, Callable[[Deployed], None]] = {
    "bucket-to-function": _bucket_to_function,
    "buckets": _buckets,
    "connectors": _connectors,
    "custom-resource": _custom_resource,
    "encrypted-everything": _encrypted_everything,
    "events-out": _events_out,
    "functions-published": _functions_published,
    "http-api": _http_api,
    "http-api-raw": _http_api_raw,
    "rest-api-with-keys": _rest_api_with_keys,
    "rule-to-function": _rule_to_function,
    "secrets-and-keys": _secrets_and_keys,
    "serverless-api-guarded": _serverless_api_guarded,
    "stacks-in-stacks": _stacks_in_stacks,
    "stages": _stages,
    "state-machine": _state_machine,
    "topic-to-queue-to-function": _topic_to_queue_to_function,
}


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


@pytest.mark.parametrize("name", [one.path.stem for one in templates(OWN)])
def test_a_template_does_what_it_is_for_and_leaves_nothing(name: str, trial: Trial) -> None:
    text, values = trial.prepare(FOLDER / OWN / f"{name}.yaml", NOTHING)
    assert trial.propose("sample", text, values) is None
    before = inventory(trial.client)
    outcome = trial.execute("sample")
    assert outcome.kind == "deployed", outcome.said
    check = CHECKS.get(name)
    if check is not None:
        check(Deployed(trial, "sample"))
    gone = trial.take_away("sample", outcome, before)
    assert (gone.kind, gone.left) == ("deployed", ()), gone.said
