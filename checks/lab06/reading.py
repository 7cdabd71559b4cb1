"""Reads back what decides about a call, and what was called: policies by the services' own APIs, events by CloudTrail.

All of it works in an account as in the sandbox. Only the deciding itself is done here, by sandbox.access.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from botocore.exceptions import ClientError

from checks.contract import Uncheckable
from sandbox.access import Context, Explanation, Policies, Principal, Request, Source, Values, catalog, explain, parse
from sandbox.access.evaluation import fits_resource, names, question
from sandbox.views import Picture
from sandbox.views import access as view

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: How long a policy generation may take, in seconds of the cloud's time.
GENERATION_SECONDS = 600.0
GENERATION_STEP_SECONDS = 5.0
GENERATION_DAYS = 1

#: An account's policy generation reads a trail with a role of its own: both are named here.
TRAIL_VARIABLE = "COLDSTART_TRAIL_ARN"
TRAIL_ROLE_VARIABLE = "COLDSTART_TRAIL_ROLE_ARN"


class Session(Protocol):
    """Who called, as `checks.lab06.sessions.Acting` tells it."""

    @property
    def name(self) -> str: ...
    @property
    def arn(self) -> str: ...
    @property
    def user_id(self) -> str: ...


# -- policies --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RolePolicies:
    """A role as IAM gives it back: its ARN and unique id, who may assume it, what it may, and its boundary."""

    arn: str
    role_id: str
    trust: Source
    identity: tuple[Source, ...]
    boundary: Source | None


def policies_of(cloud: Cloud, role: str) -> RolePolicies:
    """The policies of a role, by its name: inline and managed ones, the boundary, and the trust policy."""
    iam = cloud.client("iam")
    about = iam.get_role(RoleName=role)["Role"]
    place = f"role/{role}"
    identity = []
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            identity.append(Source("identity", name, parse(_document(document)), place))
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for one in page["AttachedPolicies"]:
            identity.append(Source("identity", one["PolicyArn"], parse(managed(cloud, one["PolicyArn"])), place))
    bounded = about.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return RolePolicies(
        arn=about["Arn"],
        role_id=about["RoleId"],
        trust=Source("resource", "trust policy", parse(_document(about["AssumeRolePolicyDocument"])), about["Arn"]),
        identity=tuple(identity),
        boundary=Source("boundary", bounded, parse(managed(cloud, bounded)), place) if bounded else None,
    )


def managed(cloud: Cloud, arn: str) -> Mapping[str, Any]:
    """The document of a managed policy's default version."""
    iam = cloud.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return _document(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def _document(given: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """A policy as IAM gives it: boto3 has decoded it already, where it is one of IAM's own."""
    decoded: Mapping[str, Any] = json.loads(unquote(given)) if isinstance(given, str) else given
    return decoded


def resource_policy(cloud: Cloud, action: str, resource: str) -> Source | None:
    """The policy of the resource that an ARN names, from its own service; None if it has none."""
    service = resource.split(":", 5)[2] if resource.startswith("arn:") else ""
    reader = _READERS.get(service)
    if reader is None:
        return None
    if service == "iam":
        # A role's trust policy speaks of who may assume it, and of nothing else.
        return policies_of(cloud, resource.rpartition("/")[2]).trust if action.startswith("sts:Assume") else None
    try:
        text = reader(cloud, resource)
    except ClientError as error:
        if error.response["Error"]["Code"] in _WITHOUT:
            return None
        raise
    return Source("resource", f"{_SPOKEN[service]} policy", parse(text), resource) if text else None


#: What a service answers for a resource that has no policy.
_WITHOUT = {"NoSuchBucketPolicy", "ResourceNotFoundException", "PolicyNotFoundException"}
_SPOKEN = {
    "dynamodb": "table",
    "lambda": "function",
    "s3": "bucket",
    "secretsmanager": "secret",
    "sns": "topic",
    "sqs": "queue",
}


def _of_queue(cloud: Cloud, arn: str) -> str:
    queues = cloud.client("sqs")
    url = queues.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    told = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return str(told.get("Attributes", {}).get("Policy", ""))


def _of_bucket(cloud: Cloud, arn: str) -> str:
    bucket = arn.rpartition(":")[2].partition("/")[0]
    return str(cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])


def _of_topic(cloud: Cloud, arn: str) -> str:
    return str(cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", ""))


def _of_function(cloud: Cloud, arn: str) -> str:
    return str(cloud.client("lambda").get_policy(FunctionName=arn)["Policy"])


def _of_secret(cloud: Cloud, arn: str) -> str:
    return str(cloud.client("secretsmanager").get_resource_policy(SecretId=arn).get("ResourcePolicy", ""))


def _of_table(cloud: Cloud, arn: str) -> str:
    table = arn.partition("/index/")[0]
    return str(cloud.client("dynamodb").get_resource_policy(ResourceArn=table).get("Policy", ""))


_READERS: Mapping[str, Callable[[Cloud, str], str]] = {
    "dynamodb": _of_table,
    "iam": lambda cloud, arn: "",
    "lambda": _of_function,
    "s3": _of_bucket,
    "secretsmanager": _of_secret,
    "sns": _of_topic,
    "sqs": _of_queue,
}


# -- decisions -------------------------------------------------------------------------------------------------


def explained(
    cloud: Cloud,
    who: Session | str,
    action: str,
    resource: str,
    *,
    context: Mapping[str, Values] | None = None,
    session_policy: Mapping[str, Any] | None = None,
) -> Explanation:
    """How a call of a role's session is decided, by the policies as they stand now.

    `who` is the session, or the name of its role. `context` are the condition keys that the call brings. Service
    control policies are not read: the organization's management account is exempt from them, and a member account
    can't see them.
    """
    policies = policies_of(cloud, who if isinstance(who, str) else who.name)
    request = Request(
        _principal(cloud, who, policies), action, resource, Context(_context(cloud, who, policies, context or {}))
    )
    session = None if session_policy is None else [Source("session", "session policy", parse(session_policy))]
    bearing = Policies(
        identity=policies.identity,
        resource=resource_policy(cloud, action, resource),
        boundary=policies.boundary,
        session=session,
        resource_decides=action.startswith("sts:Assume"),
    )
    return explain(request, bearing)


def _principal(cloud: Cloud, who: Session | str, policies: RolePolicies) -> Principal:
    role = policies.arn
    arn = who.arn if not isinstance(who, str) else f"arn:aws:sts::{cloud.account}:assumed-role/{who}/{who}"
    return Principal("AssumedRole", arn, cloud.account, role)


def _context(
    cloud: Cloud, who: Session | str, policies: RolePolicies, given: Mapping[str, Values]
) -> Mapping[str, Values]:
    """The keys that every call of a session has, and those that this one brings.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    now = cloud.clock.now()
    return {
        "aws:PrincipalArn": policies.arn,
        "aws:PrincipalAccount": cloud.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalIsAWSService": False,
        "aws:userid": who.user_id if not isinstance(who, str) else f"{policies.role_id}:{who}",
        "aws:RequestedRegion": cloud.region,
        "aws:ResourceAccount": cloud.account,
        "aws:SecureTransport": True,
        "aws:ViaAWSService": False,
        "aws:CurrentTime": now,
        "aws:EpochTime": int(now.timestamp()),
        **given,
    }


def picture(explanation: Explanation) -> Picture:
    """The evaluation of one call as a picture: every statement of every policy, and what decided."""
    decision = explanation.decision
    asked = question(decision.request, Policies())
    statements = []
    for report in explanation.statements:
        statement, kind = report.statement, report.source.kind
        statements.append(
            view.Statement(
                kind=kind,
                policy=report.source.name.rpartition("/")[2],
                name=statement.sid or f"statement {report.index + 1}",
                effect=statement.effect,
                principal=None if statement.principals is None else names(statement, kind, asked) is not None,
                action=statement.actions.match(asked.action) is not statement.not_action,
                resource=None if statement.resources is None else fits_resource(statement, kind, asked),
                condition=all(one.met for one in report.conditions) if report.conditions else None,
                applies=report.applies,
                decided=statement is decision.statement and report.source is decision.by,
                why=report.why if report.failed == "Condition" else "",
            )
        )
    return view.evaluation(
        statements,
        call=f"{decision.request.action} on {decision.request.resource.rpartition(':')[2]}",
        allowed=decision.allowed,
        reason=decision.reason,
        sentence=explanation.sentence,
    )


# -- what was called -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """One event of CloudTrail's event history. `code` and `message` are the error's, empty if there was none.

    `role` is the name of the role behind a session, else empty; `session` the session's name (a function's, say).
    """

    event_id: str
    time: datetime
    service: str
    name: str
    principal: str
    role: str
    session: str
    code: str
    message: str
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def action(self) -> str:
        """As a policy would name it: `secretsmanager:GetSecretValue`. (Some services name their actions otherwise.)"""
        return f"{self.service}:{self.name}"

    def __str__(self) -> str:
        who = self.principal.rpartition(":")[2]
        return f"{self.time:%H:%M:%S}  {self.event_id[:8]}  {self.action}  {who}  {self.code or 'answered'}"


def events(cloud: Cloud, *, name: str = "", role: str = "", since: datetime | None = None) -> list[Event]:
    """Events of CloudTrail's event history, oldest first: all, or those of one operation, of one role, since a time.

    The history has management events only: reading a secret is one, reading an item of a table is none.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
    """
    wanted: dict[str, Any] = (
        {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]} if name else {}
    )
    if since is not None:
        wanted["StartTime"] = since
    pages = cloud.client("cloudtrail").get_paginator("lookup_events").paginate(**wanted)
    found = [_event(json.loads(one["CloudTrailEvent"])) for page in pages for one in page["Events"]]
    # Newest first, with whole seconds: those of one second keep their order.
    return sorted((one for one in reversed(found) if not role or one.role == role), key=lambda one: one.time)


def denied_events(cloud: Cloud, *, name: str = "", role: str = "", since: datetime | None = None) -> list[Event]:
    """Those events whose call was refused for want of a permission, oldest first."""
    return [one for one in events(cloud, name=name, role=role, since=since) if one.code in _DENIED]


_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "Client.UnauthorizedOperation"}


def _event(told: Mapping[str, Any]) -> Event:
    who = told.get("userIdentity", {})
    issuer = who.get("sessionContext", {}).get("sessionIssuer", {})
    principal = str(who.get("arn", who.get("invokedBy", "")))
    return Event(
        event_id=told["eventID"],
        time=datetime.fromisoformat(told["eventTime"].replace("Z", "+00:00")).astimezone(UTC),
        service=told["eventSource"].partition(".")[0],
        name=told["eventName"],
        principal=principal,
        role=str(issuer.get("userName", "")),
        session=principal.rpartition("/")[2] if issuer else "",
        code=str(told.get("errorCode", "")),
        message=str(told.get("errorMessage", "")),
        request=told.get("requestParameters") or {},
    )


# -- what was used ---------------------------------------------------------------------------------------------


def generated(cloud: Cloud, role: str) -> dict[str, Any]:
    """The policy that Access Analyzer makes from what a role did in the last day.

    In an account a trail has to be there, and a role with which Access Analyzer reads it: their ARNs stand in
    COLDSTART_TRAIL_ARN and COLDSTART_TRAIL_ROLE_ARN.
    """
    analyzer, principal = cloud.client("accessanalyzer"), policies_of(cloud, role).arn
    job = analyzer.start_policy_generation(policyGenerationDetails={"principalArn": principal}, **_trail(cloud))[
        "jobId"
    ]
    waited = 0.0
    while True:
        told = analyzer.get_generated_policy(jobId=job)
        status = told["jobDetails"]["status"]
        if status != "IN_PROGRESS":
            break
        if waited >= GENERATION_SECONDS:
            raise Uncheckable(f"Access Analyzer is not done with {role} after {waited:.0f} s. Ask again later.")
        cloud.clock.advance(GENERATION_STEP_SECONDS)
        waited += GENERATION_STEP_SECONDS
    if status != "SUCCEEDED":
        why = told["jobDetails"].get("jobError", {}).get("message", status)
        raise Uncheckable(f"Access Analyzer could not generate a policy for {role}: {why}")
    texts = [one["policy"] for one in told["generatedPolicyResult"].get("generatedPolicies", [])]
    statements = [statement for text in texts for statement in json.loads(text)["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


def _trail(cloud: Cloud) -> dict[str, Any]:
    trail, reader = os.environ.get(TRAIL_VARIABLE), os.environ.get(TRAIL_ROLE_VARIABLE)
    if not trail or not reader:
        return {}
    start = cloud.clock.now() - timedelta(days=GENERATION_DAYS)
    return {
        "cloudTrailDetails": {
            "accessRole": reader,
            "startTime": start,
            "trails": [{"cloudTrailArn": trail, "allRegions": True}],
        }
    }


def actions_of(document: Mapping[str, Any]) -> set[str]:
    """The actions that a policy document allows, wildcards spelled out, each as AWS writes it.

    Statements are taken one by one; what another one denies is not taken away.
    """
    statements = document["Statement"]
    patterns = [
        pattern
        for statement in (statements if isinstance(statements, list) else [statements])
        if statement["Effect"] == "Allow"
        for pattern in _several(statement.get("Action", []))
    ]
    return {action for pattern in patterns for action in catalog.matching(pattern)}


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def by_level(actions: Iterable[str]) -> dict[str, int]:
    """How many actions there are of each access level (List, Read, Write, Tagging, Permissions management)."""
    counts: dict[str, int] = {}
    for name in actions:
        action = catalog.action(name)
        level = action.access_level.partition(",")[0] if action is not None else "Write"
        counts[level] = counts.get(level, 0) + 1
    return counts


def wildcards(patterns: Sequence[str], used: Iterable[str]) -> Picture:
    """What wildcards grant against what was used, as a picture."""
    used = set(used)
    return view.granted(
        [
            view.Grant(pattern, by_level(catalog.matching(pattern)), by_level(used & set(catalog.matching(pattern))))
            for pattern in patterns
        ]
    )
