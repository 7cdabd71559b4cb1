"""The account target: who may act, tags, the hold on spending, the journal, what is left, what it costs."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
import yaml
from botocore.exceptions import ClientError, ProxyConnectionError

from sandbox.account import PRICES, Made, estimate, is_making, is_reading, is_removing, names_same, removes, with_tags
from sandbox.cloud import Cloud, Refused, open_cloud

ACCOUNT = "123456789012"
TAGS = {"coldstart:lab": "01", "coldstart:run": "r1"}


@pytest.fixture
def stand_in(endpoint: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An endpoint with /_sandbox closed, named as an account's stand-in."""
    endpoint.control = False
    for name, value in {
        "COLDSTART_ACCOUNT_ENDPOINT": endpoint.url,
        "COLDSTART_ACCOUNT_SPEEDUP": "100",
        "COLDSTART_JOURNAL": str(tmp_path),
        "COLDSTART_LAB": "01",
        "COLDSTART_RUN": "r1",
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    return endpoint


@pytest.fixture
def cloud(stand_in: Any) -> Cloud:
    return open_cloud("account", profile="lab", account=ACCOUNT)


# -- who may act


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "a profile .* and the ids"),
        ({"profile": "lab"}, "COLDSTART_ACCOUNT_IDS"),
        ({"account": ACCOUNT}, "COLDSTART_ACCOUNT_PROFILE"),
        ({"profile": "lab", "account": "12345"}, "'12345' is no account id"),
        ({"profile": "lab", "account": [ACCOUNT, "prod"]}, "'prod' is no account id"),
        ({"profile": "lab", "account": ACCOUNT, "endpoint": "http://127.0.0.1:1"}, "leave endpoint="),
    ],
)
def test_an_account_needs_profile_and_ids(stand_in: Any, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        open_cloud("account", **arguments)
    assert stand_in.requests == []


def test_an_account_off_the_list_is_refused_naming_both(stand_in: Any) -> None:
    with pytest.raises(Refused) as refused:
        open_cloud("account", profile="lab", account=["999999999999", "888888888888"])
    for part in ("'lab'", ACCOUNT, "888888888888, 999999999999"):
        assert part in str(refused.value)


def test_settings_come_from_the_environment_too(stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_TARGET", "account")
    monkeypatch.setenv("COLDSTART_ACCOUNT_PROFILE", "lab")
    monkeypatch.setenv("COLDSTART_ACCOUNT_IDS", f"888888888888, {ACCOUNT}")
    cloud = open_cloud()
    assert (cloud.target, cloud.account) == ("account", ACCOUNT)
    assert cloud.tags == TAGS


@pytest.mark.parametrize("speedup", ["0", "-3", "fast", "inf", "nan"])
def test_a_speed_up_is_a_number(stand_in: Any, monkeypatch: pytest.MonkeyPatch, speedup: str) -> None:
    monkeypatch.setenv("COLDSTART_ACCOUNT_SPEEDUP", speedup)
    with pytest.raises(Refused, match=speedup):
        open_cloud("account", profile="lab", account=ACCOUNT)


def test_a_stand_in_lies_on_this_machine(stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_ACCOUNT_ENDPOINT", "http://10.0.0.1:80")
    with pytest.raises(Refused, match=r"COLDSTART_ACCOUNT_ENDPOINT is 'http://10\.0\.0\.1:80'"):
        open_cloud("account", profile="lab", account=ACCOUNT)


def test_names_are_resolved_on_this_machine_and_for_a_stand_in_only(
    stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDSTART_ACCOUNT_NAMES", "http://10.0.0.1:80")
    with pytest.raises(Refused, match=r"COLDSTART_ACCOUNT_NAMES is 'http://10\.0\.0\.1:80'"):
        open_cloud("account", profile="lab", account=ACCOUNT)
    monkeypatch.setenv("COLDSTART_ACCOUNT_NAMES", "http://127.0.0.1:80")
    monkeypatch.delenv("COLDSTART_ACCOUNT_ENDPOINT")
    with pytest.raises(Refused, match="is for a stand-in"):
        open_cloud("account", profile="lab", account=ACCOUNT)


def test_an_unknown_target_and_a_local_profile_are_refused() -> None:
    with pytest.raises(Refused, match="'production'"):
        open_cloud("production")
    with pytest.raises(Refused, match="profile='lab'"):
        open_cloud(profile="lab", endpoint="http://127.0.0.1:1")


def test_the_real_target_takes_the_profile_and_goes_to_aws_whatever_endpoint_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: Any
) -> None:
    """A proxy that notes where it is asked to connect, and refuses, stands between this test and AWS."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(4096).split(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=refuse, daemon=True).start()
    config = tmp_path / "config"
    config.write_text("[profile lab]\nregion = eu-west-1\naws_access_key_id = AKIA1\naws_secret_access_key = s\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ENDPOINT_URL_STS": endpoint.url,
        "COLDSTART_JOURNAL": str(tmp_path),
        "HTTPS_PROXY": f"http://127.0.0.1:{listener.getsockname()[1]}",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProxyConnectionError):
        open_cloud("account", profile="lab", account=ACCOUNT)
    with pytest.raises(Refused, match="no profile 'other'"):
        open_cloud("account", profile="other", account=ACCOUNT)
    with pytest.raises(Refused, match="leave credentials= out"):
        open_cloud("account", profile="lab", account=ACCOUNT, credentials={"AWS_ACCESS_KEY_ID": "A"})
    listener.close()
    assert {line.rsplit(b" ", 1)[0] for line in asked} == {b"CONNECT sts.eu-west-1.amazonaws.com:443"}
    assert endpoint.requests == []


# -- time and names


def test_time_is_the_stand_ins_and_is_waited_for(cloud: Cloud, stand_in: Any) -> None:
    before = cloud.clock.now()
    after = cloud.clock.advance(10)
    assert 10 <= (after - before).total_seconds() < 100
    assert stand_in.jumps == []
    assert not any(path.startswith("/_sandbox") for _, path in stand_in.requests)


def test_the_stand_ins_time_is_read_from_it(stand_in: Any) -> None:
    stand_in.offset = 7 * 86_400.0
    cloud = open_cloud("account", profile="lab", account=ACCOUNT)
    assert abs(cloud.clock.now().timestamp() - stand_in.now()) < 60


def test_names_are_themselves(cloud: Cloud) -> None:
    assert cloud.address("db.example:6000") == ("db.example", 6000)
    assert cloud.address("db.example") == ("db.example", 5432)
    assert cloud.url("abc.lambda-url.us-east-1.on.aws/x") == "https://abc.lambda-url.us-east-1.on.aws/x"
    assert cloud.url("https://abc.example/") == "https://abc.example/"


# -- spending waits


def test_nothing_is_made_or_invoked_before_its_cost_was_agreed_to(
    cloud: Cloud, stand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    function = cloud.client("lambda")
    seen = len(stand_in.requests)
    with pytest.raises(Refused, match=r"lambda:Invoke was held back: .*cost_estimate"):
        function.invoke(FunctionName="f")
    cloud.cost_estimate({"lambda_requests": 1000})
    assert "confirm=True" in capsys.readouterr().out
    with pytest.raises(Refused, match="held back"):
        function.invoke(FunctionName="f")
    assert len(stand_in.requests) == seen
    for harmless in (function.list_functions, lambda: function.delete_function(FunctionName="f")):
        with pytest.raises(ClientError, match="/2015-03-31/functions"):
            harmless()
    assert len(stand_in.requests) == seen + 2
    cloud.cost_estimate({"lambda_requests": 1000}, confirm=True)
    assert function.invoke(FunctionName="f", Payload=b"1")["StatusCode"] == 200


def test_an_unattended_run_agrees_by_the_environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_ACCOUNT_CONFIRM", "yes")
    assert cloud.cost_estimate({"lambda_gb_s": 1}).confirmed
    (response,) = cloud.traffic.burst("f", 1)
    assert response.status_code == 200


def test_traffic_before_the_agreement_says_so_in_each_response(cloud: Cloud, stand_in: Any) -> None:
    (response,) = cloud.traffic.burst("f", 1)
    assert response.status_code == 0
    assert "held back" in response.error
    assert stand_in.invoked == []


# -- cost


def test_a_plan_costs_what_the_facts_say(capsys: pytest.CaptureFixture[str], cloud: Cloud) -> None:
    result = cloud.cost_estimate({"lambda_requests": 2_000_000, "lambda_gb_s": 60_000})
    assert result.usd == pytest.approx(2 * 0.20 + 60_000 * 0.0000166667)
    out = capsys.readouterr().out
    assert "USD 1.4000" in out
    assert "https://aws.amazon.com/lambda/pricing/" in out
    assert "lambda-price" in out


def test_every_price_stands_in_the_facts() -> None:
    result = estimate(dict.fromkeys(PRICES, 1.0))
    assert len(result.lines) == len(PRICES)
    assert all(line.usd > 0 and line.source.startswith("https://") and line.checked_on for line in result.lines)


def test_prices_follow_the_facts_file(tmp_path: Path) -> None:
    facts = tmp_path / "facts.yml"
    entry = {"id": "lambda-price", "values": {"per_million_req": 7}, "source_url": "https://x", "checked_on": "2030"}
    facts.write_text(yaml.safe_dump([entry]))
    assert estimate({"lambda_requests": 1e6}, facts=facts).usd == 7


@pytest.mark.parametrize(
    ("plan", "says"), [({"coffee": 1}, "'coffee'"), ({"lambda_gb_s": -1}, "-1"), ({"lambda_gb_s": "1"}, "'1'")]
)
def test_a_plan_that_has_no_price_is_refused_by_value(plan: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        estimate(plan)


# -- tags

PAIRS = [{"Key": "coldstart:lab", "Value": "01"}, {"Key": "coldstart:run", "Value": "r1"}]


def model(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation)


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("lambda", "CreateFunction", {}, {"Tags": TAGS}),
        (
            "lambda",
            "CreateFunction",
            {"Tags": {"a": "b", "coldstart:lab": "mine"}},
            {"Tags": {**TAGS, "a": "b", "coldstart:lab": "mine"}},
        ),
        ("sqs", "CreateQueue", {}, {"tags": TAGS}),
        ("logs", "CreateLogGroup", {}, {"tags": TAGS}),
        ("iam", "CreateRole", {"Tags": [{"Key": "a", "Value": "b"}]}, {"Tags": [{"Key": "a", "Value": "b"}, *PAIRS]}),
        ("dynamodb", "CreateTable", {}, {"Tags": PAIRS}),
        ("cloudformation", "CreateChangeSet", {}, {"Tags": PAIRS}),
        ("kms", "CreateKey", {}, {"Tags": [{"TagKey": one["Key"], "TagValue": one["Value"]} for one in PAIRS]}),
        ("ecs", "CreateCluster", {}, {"tags": [{"key": one["Key"], "value": one["Value"]} for one in PAIRS]}),
        ("cloudtrail", "CreateTrail", {}, {"TagsList": PAIRS}),
        ("cognito-idp", "CreateUserPool", {}, {"UserPoolTags": TAGS}),
        ("apigatewayv2", "CreateApi", {}, {"Tags": TAGS}),
        ("cloudwatch", "PutMetricAlarm", {}, {"Tags": PAIRS}),
        ("ssm", "PutParameter", {}, {"Tags": PAIRS}),
        ("ec2", "CreateVpc", {}, {"TagSpecifications": [{"ResourceType": "vpc", "Tags": PAIRS}]}),
        ("ec2", "AllocateAddress", {}, {"TagSpecifications": [{"ResourceType": "elastic-ip", "Tags": PAIRS}]}),
        (
            "ec2",
            "RunInstances",
            {
                "TagSpecifications": [
                    {"ResourceType": "volume", "Tags": []},
                    {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]},
                ]
            },
            {
                "TagSpecifications": [
                    {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}, *PAIRS]},
                    {"ResourceType": "volume", "Tags": []},
                ]
            },
        ),
    ],
)
def test_tags_take_each_services_own_form(
    service: str, operation: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    params = dict(given)
    assert with_tags(params, model(service, operation), TAGS)
    assert params == expected


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("ssm", "PutParameter", {"Overwrite": True}),
        ("lambda", "CreateAlias", {}),
        ("lambda", "TagResource", {}),
        ("ec2", "CreateTags", {}),
        ("rds", "AddTagsToResource", {}),
        ("lambda", "UpdateFunctionConfiguration", {}),
        ("iam", "PutRolePolicy", {}),
        ("s3", "PutObject", {}),
        ("dynamodb", "PutItem", {}),
    ],
)
def test_what_takes_no_tags_stays_as_it_is(service: str, operation: str, given: dict[str, Any]) -> None:
    params = dict(given)
    assert not with_tags(params, model(service, operation), TAGS)
    assert params == given


@pytest.mark.parametrize(
    ("service", "operation", "kind"),
    [
        ("lambda", "CreateFunction", "making"),
        ("lambda", "CreateAlias", "making"),
        ("lambda", "AddPermission", "making"),
        ("lambda", "PublishLayerVersion", "making"),
        ("iam", "AttachRolePolicy", "making"),
        ("sns", "Subscribe", "making"),
        ("s3", "CreateBucket", "making"),
        ("s3", "PutObject", "changing"),
        ("s3", "PutBucketTagging", "changing"),
        ("ec2", "CreateTags", "changing"),
        ("sns", "Publish", "changing"),
        ("lambda", "Invoke", "changing"),
        ("lambda", "UpdateAlias", "changing"),
        ("sqs", "SendMessage", "changing"),
        ("sqs", "DeleteQueue", "removing"),
        ("ec2", "TerminateInstances", "removing"),
        ("sns", "Unsubscribe", "removing"),
        ("codedeploy", "StopDeployment", "removing"),
        ("kms", "ScheduleKeyDeletion", "removing"),
        ("logs", "FilterLogEvents", "reading"),
        ("dynamodb", "Query", "reading"),
        ("lambda", "GetFunction", "reading"),
        ("s3", "HeadBucket", "reading"),
        ("sts", "AssumeRole", "reading"),
    ],
)
def test_what_an_operation_does_shows_in_its_name(service: str, operation: str, kind: str) -> None:
    found = {
        "making": is_making(model(service, operation)),
        "removing": is_removing(operation),
        "reading": is_reading(operation),
    }
    assert [name for name, holds in found.items() if holds] == ([] if kind == "changing" else [kind])


# -- the journal


def made(operation: str, *names: str, service: str = "lambda", tagged: bool = False) -> Made:
    return Made("2026-11-21T00:00:00+00:00", "r1", service, operation, "us-east-1", tagged, names)


FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"
FUNCTION = made("CreateFunction", "orders", FUNCTION_ARN, tagged=True)
ALIAS = made("CreateAlias", "orders", "live", f"{FUNCTION_ARN}:live")
MAPPING = made("CreateEventSourceMapping", "orders", "uuid-1", FUNCTION_ARN, tagged=True)
QUEUE = made("CreateQueue", "q", f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q", service="sqs", tagged=True)
SECRET = made(
    "CreateSecret", "db", f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-x1", service="secretsmanager"
)


@pytest.mark.parametrize(
    ("service", "operation", "names", "one", "gone"),
    [
        ("lambda", "DeleteFunction", ["orders"], FUNCTION, True),
        ("lambda", "DeleteFunction", [FUNCTION_ARN], FUNCTION, True),
        ("lambda", "DeleteFunction", ["order"], FUNCTION, False),
        ("lambda", "DeleteFunction", ["orders", "3"], FUNCTION, False),
        ("lambda", "DeleteFunction", [], FUNCTION, False),
        ("lambda", "DeleteAlias", ["orders", "live"], FUNCTION, False),
        ("lambda", "DeleteAlias", ["orders", "live"], ALIAS, True),
        ("lambda", "DeleteFunction", ["orders"], ALIAS, True),
        # A mapping outlives its function.
        ("lambda", "DeleteFunction", ["orders"], MAPPING, False),
        ("lambda", "DeleteEventSourceMapping", ["uuid-1"], MAPPING, True),
        ("logs", "DeleteLogGroup", ["orders"], FUNCTION, False),
        ("sqs", "DeleteQueue", [f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"], QUEUE, True),
        ("secretsmanager", "DeleteSecret", ["db"], SECRET, True),
        ("cloudwatch", "DeleteAlarms", ["a"], made("PutMetricAlarm", "a", service="cloudwatch", tagged=True), True),
        ("ec2", "TerminateInstances", ["i-1"], made("RunInstances", "i-1", service="ec2", tagged=True), True),
        ("kms", "ScheduleKeyDeletion", ["k-1"], made("CreateKey", "k-1", service="kms", tagged=True), True),
        ("sns", "Unsubscribe", ["arn:t:s"], made("Subscribe", "arn:t", "arn:t:s", service="sns"), True),
        # A change set goes with its stack, though it was tagged.
        (
            "cloudformation",
            "DeleteStack",
            ["s"],
            made("CreateChangeSet", "s", "c", service="cloudformation", tagged=True),
            True,
        ),
        ("iam", "DetachRolePolicy", ["r", "arn:p"], made("AttachRolePolicy", "r", "arn:p", service="iam"), True),
        ("iam", "DeleteRole", ["r"], made("AttachRolePolicy", "r", "arn:p", service="iam"), True),
    ],
)
def test_a_removal_takes_what_it_names_and_its_untagged_parts(
    service: str, operation: str, names: list[str], one: Made, gone: bool
) -> None:
    assert removes(service, operation, names, one) is gone


def test_an_identifier_and_its_arn_are_one_thing() -> None:
    assert names_same("orders", FUNCTION_ARN)
    assert names_same(FUNCTION_ARN, FUNCTION_ARN)
    assert not names_same("ders", FUNCTION_ARN)
    assert not names_same("orders", "old-orders")


class Answers:
    """Answers calls without a network: the first registered answer of each operation."""

    def __init__(self, session: boto3.Session) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.parsed: dict[str, dict[str, Any]] = {}
        self.status = 200
        session.events.register("before-call", self.answer)

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        self.sent.append((model.name, params))
        http = type("Http", (), {"status_code": self.status})()
        return http, {"ResponseMetadata": {"HTTPStatusCode": self.status}, **self.parsed.get(model.name, {})}


@pytest.fixture
def answers(cloud: Cloud) -> Answers:
    cloud.cost_estimate({"lambda_requests": 1}, confirm=True)
    return Answers(cloud._session)


def make_function(cloud: Cloud, answers: Answers) -> None:
    answers.parsed["CreateFunction"] = {"FunctionName": "orders", "FunctionArn": FUNCTION_ARN}
    cloud.client("lambda").create_function(
        FunctionName="orders", Role=f"arn:aws:iam::{ACCOUNT}:role/r", Code={"ZipFile": b"secret bytes"}
    )


def test_what_is_made_is_tagged_written_down_and_left_until_it_is_removed(
    cloud: Cloud, answers: Answers, tmp_path: Path
) -> None:
    answers.parsed["DescribeLogGroups"] = {"logGroups": []}
    answers.parsed["GetResources"] = {"ResourceTagMappingList": []}
    make_function(cloud, answers)
    assert json.loads(answers.sent[-1][1]["body"])["Tags"] == TAGS
    assert [(one.name, one.service, one.found_by) for one in cloud.leftovers()] == [(FUNCTION_ARN, "lambda", "journal")]
    journal = (tmp_path / "r1.jsonl").read_text()
    assert FUNCTION_ARN in journal
    assert "secret bytes" not in journal
    cloud.client("lambda").delete_function(FunctionName="orders")
    assert cloud.leftovers() == []
    assert [next(iter(json.loads(line))) for line in (tmp_path / "r1.jsonl").read_text().splitlines()] == [
        "made",
        "removed",
    ]


def test_what_another_process_of_the_run_removed_is_gone(cloud: Cloud, answers: Answers) -> None:
    answers.parsed["DescribeLogGroups"] = {"logGroups": []}
    answers.parsed["GetResources"] = {"ResourceTagMappingList": []}
    make_function(cloud, answers)
    assert [str(one) for one in cloud.leftovers()] == [f"lambda {FUNCTION_ARN} (found by journal)"]
    judge = open_cloud("account", profile="lab", account=ACCOUNT)
    Answers(judge._session)
    judge.client("lambda").delete_function(FunctionName="orders")
    assert cloud.leftovers() == []


def test_what_failed_to_be_made_is_not_left(cloud: Cloud, answers: Answers) -> None:
    answers.status = 409
    with pytest.raises(ClientError, match="CreateFunction"):
        make_function(cloud, answers)
    answers.status = 200
    answers.parsed["GetResources"] = {"ResourceTagMappingList": []}
    assert cloud.leftovers() == []


def test_what_could_not_be_removed_is_still_left(cloud: Cloud, answers: Answers) -> None:
    answers.parsed["DescribeLogGroups"] = {"logGroups": []}
    answers.parsed["GetResources"] = {"ResourceTagMappingList": []}
    make_function(cloud, answers)
    answers.status = 409
    with pytest.raises(ClientError, match="DeleteFunction"):
        cloud.client("lambda").delete_function(FunctionName="orders")
    answers.status = 200
    assert [one.name for one in cloud.leftovers()] == [FUNCTION_ARN]


def test_what_other_programs_made_with_our_tags_and_lambdas_log_groups_are_found(
    cloud: Cloud, answers: Answers
) -> None:
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:from-sam"
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/orders:*"
    answers.parsed["GetResources"] = {"ResourceTagMappingList": [{"ResourceARN": queue}]}
    answers.parsed["DescribeLogGroups"] = {
        "logGroups": [
            {"logGroupName": "/aws/lambda/orders", "arn": group},
            {"logGroupName": "/aws/lambda/orders-of-others", "arn": "other"},
        ]
    }
    make_function(cloud, answers)
    cloud.client("lambda").delete_function(FunctionName="orders")
    assert [(one.name, one.service, one.found_by) for one in cloud.leftovers()] == [
        (queue, "sqs", "tag"),
        (group, "logs", "function"),
    ]
    asked = json.loads(next(params["body"] for name, params in answers.sent if name == "GetResources"))
    assert asked["TagFilters"] == [{"Key": "coldstart:run", "Values": ["r1"]}]


def test_a_bucket_is_tagged_by_a_call_of_its_own(cloud: Cloud, answers: Answers) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="orders")
    assert [name for name, _ in answers.sent] == ["CreateBucket", "PutBucketTagging"]
    body = answers.sent[-1][1]["body"]
    assert b"<Key>coldstart:run</Key><Value>r1</Value>" in body
    s3.put_bucket_tagging(Bucket="orders", Tagging={"TagSet": [{"Key": "own", "Value": "1"}]})
    body = answers.sent[-1][1]["body"]
    assert b"<Key>own</Key>" in body
    assert b"<Key>coldstart:lab</Key>" in body


def test_the_local_target_tags_nothing_and_still_knows_what_is_left(endpoint: Any, credentials: dict[str, str]) -> None:
    cloud = open_cloud(endpoint=endpoint.url, credentials=credentials)
    answers = Answers(cloud._session)
    answers.parsed["DescribeLogGroups"] = {"logGroups": []}
    make_function(cloud, answers)
    assert "Tags" not in json.loads(answers.sent[-1][1]["body"])
    assert [one.name for one in cloud.leftovers()] == [FUNCTION_ARN]
    cloud.client("lambda").delete_function(FunctionName="orders")
    assert cloud.leftovers() == []
    assert "GetResources" not in [name for name, _ in answers.sent]
