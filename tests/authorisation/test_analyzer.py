"""Access Analyzer through boto3 on a served gateway: validation, and policies from what a principal did."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import Policies, Request, Source, decide, parse
from sandbox.access import Principal as Asker
from sandbox.authorisation import usage as usage_module
from sandbox.authorisation.analyzer import GENERATION_SECONDS, MAX_A_DAY, MAX_POLICY_CHARS, AccessAnalyzer
from sandbox.authorisation.need import Need
from sandbox.authorisation.usage import Usage
from sandbox.gateway.call import DEFAULT_ACCOUNT, Principal
from sandbox.gateway.pipeline import Gateway

#: Makes a client: service, credentials as AWS_* variables, Region.
Clients = Callable[..., Any]

ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/orders"
READER = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/AccessAnalyzerMonitorServiceRole"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{DEFAULT_ACCOUNT}:trail/all"
TABLE = f"arn:aws:dynamodb:us-east-1:{DEFAULT_ACCOUNT}:table/orders"
QUEUE = f"arn:aws:sqs:eu-west-1:{DEFAULT_ACCOUNT}:mail"
SESSION = Principal(
    DEFAULT_ACCOUNT,
    f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/one",
    "AROAEXAMPLE:one",
    "AssumedRole",
    role_arn=ROLE,
)


def trusting(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class World:
    """A gateway with Access Analyzer, the role that is looked at, and one that may read trails."""

    def __init__(self, gateway: Gateway, clients: Clients) -> None:
        self.gateway, self.clients = gateway, clients
        self.usage = Usage()
        self.analyzer = clients("accessanalyzer")

    def used(self, action: str, resource: str, region: str = "us-east-1", **context: str) -> float:
        now = self.gateway.clock.now()
        self.usage.record(SESSION, Need(action, resource, context), now, region)
        return now

    def now(self) -> datetime:
        return self.gateway.clock.datetime()

    def wait(self, seconds: float = GENERATION_SECONDS) -> None:
        self.gateway.clock.advance(seconds)

    def start(self, principal: str = ROLE, **more: Any) -> str:
        details = {"principalArn": principal}
        return str(self.analyzer.start_policy_generation(policyGenerationDetails=details, **more)["jobId"])

    def generated(self, principal: str = ROLE, options: Any = None, **more: Any) -> Any:
        """The finished answer about a new generation."""
        job = self.start(principal, **more)
        self.wait()
        return self.analyzer.get_generated_policy(jobId=job, **(options or {}))


@pytest.fixture(scope="module")
def world(gateway: Gateway, clients: Clients) -> World:
    made = World(gateway, clients)
    gateway.add(AccessAnalyzer(gateway.clock, made.usage, gateway.role_trusts))
    iam = clients("iam")
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=trusting("lambda.amazonaws.com"))
    iam.create_role(
        RoleName="AccessAnalyzerMonitorServiceRole", AssumeRolePolicyDocument=trusting("access-analyzer.amazonaws.com")
    )
    return made


@pytest.fixture(autouse=True)
def _another_season(world: World) -> None:
    """What the test before did is out of reach, and its quotas are back."""
    world.wait(91 * 86_400)


def trail(world: World, hours: float = 1, **more: Any) -> dict[str, Any]:
    return {
        "trails": [{"cloudTrailArn": TRAIL, "allRegions": True}],
        "accessRole": READER,
        "startTime": world.now() - timedelta(hours=hours),
        **more,
    }


def documents(answer: Any) -> list[Any]:
    return [json.loads(each["policy"]) for each in answer["generatedPolicyResult"]["generatedPolicies"]]


def grants(answer: Any, action: str, resource: str) -> bool:
    """Whether the generated policies allow something."""
    sources = [Source("identity", "generated", parse(document)) for document in documents(answer)]
    request = Request(Asker("AssumedRole", SESSION.arn, DEFAULT_ACCOUNT, ROLE), action, resource)
    return decide(request, Policies(identity=sources)).allowed


def error(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    said = raised.value.response["Error"]
    return str(said["Code"]), str(said["Message"])


# -- generation ----------------------------------------------------------------------------------------


def test_a_generated_policy_covers_what_was_done_and_no_more(world: World) -> None:
    world.used("dynamodb:PutItem", TABLE)
    world.used("dynamodb:GetItem", TABLE)
    world.used("sqs:SendMessage", QUEUE, "eu-west-1")
    answer = world.generated()
    assert answer["jobDetails"]["status"] == "SUCCEEDED"
    assert answer["generatedPolicyResult"]["properties"] == {"principalArn": ROLE, "isComplete": True}
    for action, resource in (("dynamodb:PutItem", TABLE), ("dynamodb:GetItem", TABLE), ("sqs:SendMessage", QUEUE)):
        assert grants(answer, action, resource)
    for action, resource in (
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:PutItem", TABLE + "-2"),
        ("sqs:SendMessage", QUEUE + "-2"),
        ("sqs:ReceiveMessage", QUEUE),
        ("dynamodb:PutItem", QUEUE),
    ):
        assert not grants(answer, action, resource)


def test_a_generation_takes_its_time_on_the_sandbox_clock(world: World) -> None:
    world.used("dynamodb:PutItem", TABLE)
    began = world.now()
    job = world.start()
    running = world.analyzer.get_generated_policy(jobId=job)
    assert running["jobDetails"]["status"] == "IN_PROGRESS"
    assert "completedOn" not in running["jobDetails"]
    assert running["generatedPolicyResult"] == {"properties": {"principalArn": ROLE}}
    world.wait()
    done = world.analyzer.get_generated_policy(jobId=job)["jobDetails"]
    assert done["status"] == "SUCCEEDED"
    assert done["completedOn"] - done["startedOn"] == timedelta(seconds=GENERATION_SECONDS)
    assert abs(done["startedOn"] - began) < timedelta(seconds=5)


def test_what_is_done_after_the_start_does_not_count(world: World) -> None:
    world.used("dynamodb:PutItem", TABLE)
    job = world.start()
    world.used("dynamodb:DeleteItem", TABLE)
    world.wait()
    answer = world.analyzer.get_generated_policy(jobId=job)
    assert grants(answer, "dynamodb:PutItem", TABLE)
    assert not grants(answer, "dynamodb:DeleteItem", TABLE)


def test_times_and_regions_choose_what_is_read(world: World) -> None:
    world.used("dynamodb:DeleteItem", TABLE)
    world.wait(7_200)
    world.used("dynamodb:PutItem", TABLE)
    world.used("sqs:SendMessage", QUEUE, "eu-west-1")
    world.used("s3:ListAllMyBuckets", "*", "us-east-1")
    hour = trail(world)
    answer = world.generated(cloudTrailDetails=hour)
    told = answer["generatedPolicyResult"]["properties"]["cloudTrailProperties"]
    assert told["trailProperties"] == hour["trails"]
    assert abs(told["startTime"] - hour["startTime"]) < timedelta(seconds=1)
    assert not grants(answer, "dynamodb:DeleteItem", TABLE)
    assert grants(answer, "dynamodb:PutItem", TABLE)
    assert grants(answer, "sqs:SendMessage", QUEUE)
    ireland = trail(world, trails=[{"cloudTrailArn": TRAIL, "regions": ["eu-west-1"]}])
    answer = world.generated(cloudTrailDetails=ireland)
    assert grants(answer, "sqs:SendMessage", QUEUE)
    assert not grants(answer, "dynamodb:PutItem", TABLE)
    earlier = trail(world, hours=4, endTime=world.now() - timedelta(hours=1))
    answer = world.generated(cloudTrailDetails=earlier)
    assert grants(answer, "dynamodb:DeleteItem", TABLE)
    assert not grants(answer, "dynamodb:PutItem", TABLE)


def test_nothing_done_is_no_policy(world: World) -> None:
    answer = world.generated()
    assert answer["jobDetails"]["status"] == "SUCCEEDED"
    assert answer["generatedPolicyResult"]["generatedPolicies"] == []


def test_a_record_that_dropped_uses_is_not_complete(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_module, "MAX_WINDOWS", 1)
    world.used("dynamodb:PutItem", TABLE)
    world.used("dynamodb:GetItem", TABLE)
    answer = world.generated(cloudTrailDetails=trail(world))
    assert answer["generatedPolicyResult"]["properties"]["isComplete"] is False


def test_placeholders_stand_for_resources_when_they_are_asked_for(world: World) -> None:
    world.used("s3:GetObject", "arn:aws:s3:::photos/cat.jpg")
    world.used("s3:ListBucket", "arn:aws:s3:::photos")
    world.used("s3:ListAllMyBuckets", "*")
    world.used("dynamodb:GetItem", TABLE)
    (document,) = documents(world.generated(options={"includeResourcePlaceholders": True}))
    found = {action: each["Resource"] for each in document["Statement"] for action in each["Action"]}
    assert found == {
        "s3:ListAllMyBuckets": "*",
        "s3:ListBucket": "arn:aws:s3:::${BucketName}",
        "s3:GetObject": "arn:aws:s3:::${BucketName}/${ObjectName}",
        "dynamodb:GetItem": "arn:aws:dynamodb:${Region}:${Account}:table/${TableName}",
    }


def test_passing_a_role_is_only_to_the_service_it_was_passed_to(world: World) -> None:
    passed = {"iam:PassedToService": "lambda.amazonaws.com"}
    now = world.gateway.clock.now()
    world.usage.record(SESSION, Need("iam:PassRole", READER, passed), now)
    (document,) = documents(world.generated())
    (statement,) = document["Statement"]
    assert statement["Action"] in ("iam:PassRole", ["iam:PassRole"])
    assert "lambda.amazonaws.com" in json.dumps(statement["Condition"])


def test_a_long_policy_comes_in_pieces_that_can_be_attached(world: World) -> None:
    uses = []
    for region in ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "sa-east-1"):
        for number in range(19):
            uses.append(("sqs:SendMessage", f"arn:aws:sqs:{region}:{DEFAULT_ACCOUNT}:mail-{number}-{'x' * 40}"))
            uses.append(("sns:Publish", f"arn:aws:sns:{region}:{DEFAULT_ACCOUNT}:news-{number}"))
    for action, resource in uses:
        world.used(action, resource)
    answer = world.generated()
    policies = answer["generatedPolicyResult"]["generatedPolicies"]
    assert len(policies) > 1
    assert all(len(each["policy"]) <= MAX_POLICY_CHARS for each in policies)
    for document in documents(answer):
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(sids)) == len(sids)
    assert all(grants(answer, action, resource) for action, resource in uses)


# -- jobs ----------------------------------------------------------------------------------------------


def test_a_principal_that_is_not_there_fails_the_job(world: World) -> None:
    answer = world.generated(f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/nobody")
    assert answer["jobDetails"]["status"] == "FAILED"
    assert answer["jobDetails"]["jobError"]["code"] == "RESOURCE_NOT_FOUND_ERROR"
    assert "role/nobody" in answer["jobDetails"]["jobError"]["message"]
    assert "generatedPolicies" not in answer["generatedPolicyResult"]


def test_a_role_that_does_not_trust_access_analyzer_fails_the_job(world: World) -> None:
    for role in (ROLE, f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/nobody"):
        answer = world.generated(cloudTrailDetails=trail(world, accessRole=role))
        assert answer["jobDetails"]["jobError"]["code"] == "AUTHORIZATION_ERROR"
        assert role in answer["jobDetails"]["jobError"]["message"]


def test_one_generation_at_a_time_and_some_a_day(world: World) -> None:
    world.start()
    with pytest.raises(ClientError) as raised:
        world.start()
    assert error(raised)[0] == "ServiceQuotaExceededException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    # Another Region has its own.
    other = world.clients("accessanalyzer", None, "eu-west-1")
    other.start_policy_generation(policyGenerationDetails={"principalArn": ROLE})
    for _ in range(MAX_A_DAY - 1):
        world.wait()
        world.start()
    world.wait()
    with pytest.raises(ClientError) as raised:
        world.start()
    assert "50" in error(raised)[1]
    world.wait(86_400)
    world.start()


def test_the_same_client_token_is_the_same_job(world: World) -> None:
    first = world.start(clientToken="once")
    assert world.start(clientToken="once") == first
    with pytest.raises(ClientError) as raised:
        world.start(READER, clientToken="once")
    assert error(raised)[0] == "ConflictException"
    assert raised.value.response["resourceId"] == first


def test_jobs_are_listed_newest_first_for_a_week(world: World) -> None:
    world.wait(8 * 86_400)
    jobs = []
    for principal in (ROLE, READER, ROLE):
        jobs.append(world.start(principal))
        world.wait()
    listed = world.analyzer.list_policy_generations()["policyGenerations"]
    assert [each["jobId"] for each in listed] == jobs[::-1]
    assert {each["status"] for each in listed} == {"SUCCEEDED"}
    of_role = world.analyzer.list_policy_generations(principalArn=ROLE)["policyGenerations"]
    assert [each["jobId"] for each in of_role] == [jobs[2], jobs[0]]
    page = world.analyzer.list_policy_generations(maxResults=2)
    rest = world.analyzer.list_policy_generations(maxResults=2, nextToken=page["nextToken"])
    assert [each["jobId"] for each in page["policyGenerations"] + rest["policyGenerations"]] == jobs[::-1]
    assert "nextToken" not in rest
    world.wait(8 * 86_400)
    assert world.analyzer.list_policy_generations()["policyGenerations"] == []
    with pytest.raises(ClientError) as raised:
        world.analyzer.get_generated_policy(jobId=jobs[0])
    assert error(raised)[0] == "ValidationException"


def test_a_running_job_can_be_canceled(world: World) -> None:
    job = world.start()
    world.analyzer.cancel_policy_generation(jobId=job)
    details = world.analyzer.get_generated_policy(jobId=job)["jobDetails"]
    assert details["status"] == "CANCELED"
    assert details["completedOn"] >= details["startedOn"]
    world.wait()
    assert world.analyzer.get_generated_policy(jobId=job)["jobDetails"]["status"] == "CANCELED"
    with pytest.raises(ClientError) as raised:
        world.analyzer.cancel_policy_generation(jobId=job)
    assert error(raised)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"accessRole": "orders"}, "accessRole"),
        ({"trails": []}, "trails"),
        ({"trails": [{"cloudTrailArn": "all"}]}, "cloudTrailArn"),
        ({"startTime": datetime(2100, 1, 1, tzinfo=UTC)}, "startTime"),
        ({"startTime": datetime(2000, 1, 1, tzinfo=UTC)}, "90 days"),
    ],
)
def test_trail_details_that_are_none_are_refused(world: World, change: dict[str, Any], field: str) -> None:
    with pytest.raises(ClientError) as raised:
        world.start(cloudTrailDetails=trail(world, **change))
    assert error(raised)[0] == "ValidationException"
    assert field in error(raised)[1]
    assert raised.value.response["reason"] == "fieldValidationFailed"
    assert raised.value.response["fieldList"]


@pytest.mark.parametrize(
    "principal",
    ["orders", f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/one", "arn:aws:iam::999988887777:role/orders"],
)
def test_principals_of_which_there_is_no_policy(world: World, principal: str) -> None:
    with pytest.raises(ClientError) as raised:
        world.start(principal)
    assert error(raised)[0] == "ValidationException"
    assert principal in error(raised)[1]


# -- validation ----------------------------------------------------------------------------------------


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


PASSES = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
UNKNOWN = {"Effect": "Allow", "Action": "s3:GetObjekt", "Resource": "*"}


def test_findings_have_type_code_link_and_place(world: World) -> None:
    text = policy(UNKNOWN)
    answer = world.analyzer.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY")
    found = {each["issueCode"]: each for each in answer["findings"]}
    finding = found["INVALID_ACTION"]
    assert finding["findingType"] == "ERROR"
    assert "s3:GetObjekt" in finding["findingDetails"]
    assert finding["learnMoreLink"].startswith("https://docs.aws.amazon.com/IAM/latest/UserGuide/")
    (location,) = finding["locations"]
    assert location["path"][:3] == [{"value": "Statement"}, {"index": 0}, {"value": "Action"}]
    start, end = location["span"]["start"]["offset"], location["span"]["end"]["offset"]
    assert text[start:end].strip('"') == "s3:GetObjekt"


def test_findings_come_in_pages(world: World) -> None:
    request = {"policyDocument": policy(UNKNOWN, PASSES, UNKNOWN), "policyType": "IDENTITY_POLICY"}
    every = world.analyzer.validate_policy(**request)["findings"]
    assert len(every) >= 3
    pages = world.analyzer.get_paginator("validate_policy").paginate(**request, PaginationConfig={"PageSize": 1})
    assert [finding for page in pages for finding in page["findings"]] == every


def test_a_good_policy_has_no_findings(world: World) -> None:
    text = policy({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE})
    assert world.analyzer.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY")["findings"] == []


def test_a_text_that_is_no_policy_is_a_finding(world: World) -> None:
    answer = world.analyzer.validate_policy(policyDocument="{", policyType="IDENTITY_POLICY")
    assert [each["findingType"] for each in answer["findings"]] == ["ERROR"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"policyType": "MAGIC_POLICY"}, "ValidationException"),
        ({"policyType": "IDENTITY_POLICY", "validatePolicyResourceType": "AWS::S3::Bucket"}, "ValidationException"),
        ({"policyType": "RESOURCE_POLICY", "validatePolicyResourceType": "AWS::SQS::Queue"}, "ValidationException"),
        ({"policyType": "IDENTITY_POLICY", "maxResults": 0}, "ValidationException"),
        ({"policyType": "IDENTITY_POLICY", "nextToken": "elsewhere"}, "ValidationException"),
        ({"policyType": "IDENTITY_POLICY", "locale": "DE"}, "NotImplementedException"),
    ],
)
def test_requests_that_cannot_be_answered(world: World, request_: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as raised:
        world.analyzer.validate_policy(policyDocument=policy(PASSES), **request_)
    assert error(raised)[0] == expected


def test_what_is_not_built_is_refused_by_name(world: World) -> None:
    with pytest.raises(ClientError) as raised:
        world.analyzer.list_analyzers()
    assert error(raised)[0] == "NotImplementedException"
    assert "accessanalyzer:ListAnalyzers" in error(raised)[1]
    job = world.start()
    with pytest.raises(ClientError) as raised:
        world.analyzer.get_generated_policy(jobId=job, includeServiceLevelTemplate=True)
    assert "includeServiceLevelTemplate" in error(raised)[1]
