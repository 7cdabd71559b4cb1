"""IAM Access Analyzer: the validation of policies, and policies generated from what a principal did.

A generated policy is the least one that covers the uses on record in the time asked for, with the resources they were
of. Where that differs from AWS:

- AWS reads the files that a trail has delivered; here the sandbox's own record of decided calls is read, and no trail
  is (there are none: CloudTrail keeps its event history only). `cloudTrailDetails` must have AWS's form and may be
  left out; its times and regions choose what is read, its trails only come back in `cloudTrailProperties`.
- AWS sees no data events (items, objects, messages, invocations) and no iam:PassRole; the record has both.
- AWS puts `*` or placeholders where resources belong; here the ARNs stand. With `includeResourcePlaceholders` it is
  placeholders here too.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_StartPolicyGeneration.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sandbox.access.findings import TooLong, validate
from sandbox.access.generation import Use, least_policy
from sandbox.authorisation.usage import Usage, Used
from sandbox.clock import Clock
from sandbox.gateway import moto_iam
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.gateway.refusals import unsupported

Status = Literal["IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELED"]

#: A generation takes so long, in seconds of sandbox time. (AWS names no time; it depends on the trail's size.)
GENERATION_SECONDS = 10.0
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html
MAX_DAYS = 90
MAX_CONCURRENT = 1
MAX_A_DAY = 50
#: "Lists all of the policy generations requested in the last seven days."
#: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListPolicyGenerations.html
KEPT_DAYS = 7
#: A longer text is no managed policy; AWS too splits what it generates.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
MAX_POLICY_CHARS = 6_144
_PAGE = 100

_PRINCIPAL = re.compile(r"arn:[^:]*:iam::([^:]*):(role|user)/.{1,576}")
_ROLE = re.compile(r"arn:[^:]*:iam::[^:]*:role/.{1,576}")
_TRAIL = re.compile(r"arn:[^:]*:cloudtrail:[^:]*:[^:]*:trail/.{1,576}")
_SERVICE = "access-analyzer.amazonaws.com"
_RESOURCE_TYPES = (
    "AWS::S3::Bucket",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
    "AWS::S3ObjectLambda::AccessPoint",
    "AWS::IAM::AssumeRolePolicyDocument",
    "AWS::DynamoDB::Table",
)
_POLICY_TYPES = ("IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


@dataclass(frozen=True, slots=True)
class Span:
    """What part of the record a generation reads, and what of it the caller named."""

    start: datetime
    end: datetime
    regions: frozenset[str] | None = None
    trails: tuple[Mapping[str, Any], ...] | None = None

    def shape(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CloudTrailProperties.html"""
        return {
            "trailProperties": [dict(trail) for trail in self.trails or ()],
            "startTime": self.start,
            "endTime": self.end,
        }


@dataclass(slots=True)
class Job:
    """One policy generation. Its policies, with ARNs and with placeholders, are made when it is started."""

    id: str
    principal: str
    started: datetime
    span: Span
    policies: Sequence[str]
    templates: Sequence[str]
    complete: bool
    asked: str
    token: str | None
    error: tuple[str, str] | None = None
    canceled: datetime | None = None

    def status(self, now: datetime) -> Status:
        if self.canceled is not None:
            return "CANCELED"
        if now < self._due:
            return "IN_PROGRESS"
        return "FAILED" if self.error is not None else "SUCCEEDED"

    def details(self, now: datetime) -> dict[str, Any]:
        """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_JobDetails.html"""
        status = self.status(now)
        shape: dict[str, Any] = {"jobId": self.id, "status": status, "startedOn": self.started}
        if status != "IN_PROGRESS":
            shape["completedOn"] = self.canceled or self._due
        if status == "FAILED" and self.error is not None:
            shape["jobError"] = {"code": self.error[0], "message": self.error[1]}
        return shape

    @property
    def _due(self) -> datetime:
        return self.started + timedelta(seconds=GENERATION_SECONDS)


class AccessAnalyzer:
    """The service `accessanalyzer`. `trusts` tells whether a role (its ARN) may be assumed by a service (its name)."""

    name = "accessanalyzer"
    whole = True
    refused: Mapping[str, str] = {}

    def __init__(self, clock: Clock, usage: Usage, trusts: Callable[[str, str], bool]) -> None:
        self._clock = clock
        self._usage = usage
        self._trusts = trusts
        self._jobs: dict[tuple[str, str], dict[str, Job]] = {}
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "ValidatePolicy": self._validate_policy,
            "StartPolicyGeneration": self._start_generation,
            "GetGeneratedPolicy": self._get_generated_policy,
            "ListPolicyGenerations": self._list_generations,
            "CancelPolicyGeneration": self._cancel_generation,
        }

    # -- validation ------------------------------------------------------------------------------------

    def _validate_policy(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html"""
        params = call.params
        if params.get("locale") not in (None, "EN"):
            raise unsupported(
                self.name, call.operation, f"findings are worded in English (locale {params['locale']!r})"
            )
        kind, resource = params.get("policyType"), params.get("validatePolicyResourceType")
        if kind not in _POLICY_TYPES:
            raise invalid("policyType", f"{kind!r} is none of {', '.join(_POLICY_TYPES)}")
        if resource is not None and resource not in _RESOURCE_TYPES:
            raise invalid("validatePolicyResourceType", f"{resource!r} is none of {', '.join(_RESOURCE_TYPES)}")
        if resource is not None and kind != "RESOURCE_POLICY":
            raise invalid("validatePolicyResourceType", "it is for the policy type RESOURCE_POLICY only")
        try:
            findings = validate(str(params.get("policyDocument") or ""), kind, resource)
        except TooLong as error:
            raise invalid("policyDocument", str(error)) from error
        return _page(params, [finding.as_api() for finding in findings], "findings")

    # -- generation ------------------------------------------------------------------------------------

    def _start_generation(self, call: Call) -> Mapping[str, Any]:
        now = self._clock.datetime()
        params = call.params
        principal = str((params.get("policyGenerationDetails") or {}).get("principalArn") or "")
        _expect(_PRINCIPAL, "policyGenerationDetails.principalArn", principal)
        if principal.split(":")[4] != call.account:
            raise invalid(
                "policyGenerationDetails.principalArn", f"{principal} is not of the calling account {call.account}"
            )
        details = params.get("cloudTrailDetails")
        span = _span(details, now)
        asked = json.dumps([principal, details], sort_keys=True, default=str)
        token = params.get("clientToken")
        uses = self._read(principal, span)
        policies, templates = _policies(uses, placeholders=False), _policies(uses, placeholders=True)
        with self._lock:
            jobs = self._jobs_of(call, now)
            same = next((job for job in jobs.values() if token and job.token == token), None)
            if same is not None:
                if same.asked != asked:
                    raise AwsError(
                        "ConflictException",
                        f"The client token {token!r} was used for another request.",
                        409,
                        resourceId=same.id,
                        resourceType="PolicyGeneration",
                    )
                return {"jobId": same.id}
            _expect_quotas(jobs.values(), now)
            job = Job(
                str(uuid.uuid4()),
                principal,
                now,
                span,
                policies,
                templates,
                self._usage.complete_since <= span.start.timestamp(),
                asked,
                token,
                self._failing(principal, details),
            )
            jobs[job.id] = job
        return {"jobId": job.id}

    def _get_generated_policy(self, call: Call) -> Mapping[str, Any]:
        now = self._clock.datetime()
        if call.params.get("includeServiceLevelTemplate"):
            raise unsupported(
                self.name,
                call.operation,
                "there are no service-level templates (includeServiceLevelTemplate): actions are known of all services",
            )
        job = self._job(call, now)
        properties: dict[str, Any] = {"principalArn": job.principal}
        if job.span.trails is not None:
            properties["cloudTrailProperties"] = job.span.shape()
        result: dict[str, Any] = {"properties": properties}
        if job.status(now) == "SUCCEEDED":
            properties["isComplete"] = job.complete
            made = job.templates if call.params.get("includeResourcePlaceholders") else job.policies
            result["generatedPolicies"] = [{"policy": text} for text in made]
        return {"jobDetails": job.details(now), "generatedPolicyResult": result}

    def _list_generations(self, call: Call) -> Mapping[str, Any]:
        now = self._clock.datetime()
        principal = call.params.get("principalArn")
        with self._lock:
            jobs = [job for job in self._jobs_of(call, now).values() if principal in (None, job.principal)]
        shapes = [{"principalArn": job.principal, **job.details(now)} for job in reversed(jobs)]
        for shape in shapes:
            shape.pop("jobError", None)
        return _page(call.params, shapes, "policyGenerations")

    def _cancel_generation(self, call: Call) -> Mapping[str, Any]:
        now = self._clock.datetime()
        job = self._job(call, now)
        with self._lock:
            if job.status(now) != "IN_PROGRESS":
                raise invalid("jobId", f"the policy generation {job.id} is {job.status(now)}, not IN_PROGRESS")
            job.canceled = now
        return {}

    # -- the jobs --------------------------------------------------------------------------------------

    def _jobs_of(self, call: Call, now: datetime) -> dict[str, Job]:
        """The jobs of an account and Region that are still kept, oldest first."""
        jobs = self._jobs.setdefault((call.account, call.region), {})
        for old in [job.id for job in jobs.values() if job.started < now - timedelta(days=KEPT_DAYS)]:
            del jobs[old]
        return jobs

    def _job(self, call: Call, now: datetime) -> Job:
        wanted = str(call.params.get("jobId") or "")
        with self._lock:
            job = self._jobs_of(call, now).get(wanted)
        if job is None:
            raise invalid("jobId", f"there is no policy generation {wanted!r} of the last {KEPT_DAYS} days")
        return job

    def _failing(self, principal: str, details: Mapping[str, Any] | None) -> tuple[str, str] | None:
        """Why a job can't succeed: an error code of a job, and a message."""
        if moto_iam.identity(principal) is None:
            return "RESOURCE_NOT_FOUND_ERROR", f"There is no user or role {principal}."
        role = str(details["accessRole"]) if details else None
        if role is not None and not self._trusts(role, _SERVICE):
            return "AUTHORIZATION_ERROR", f"The role {role} does not exist, or does not let {_SERVICE} assume it."
        return None

    def _read(self, principal: str, span: Span) -> tuple[Used, ...]:
        uses = self._usage.uses(principal, span.start.timestamp(), span.end.timestamp())
        if span.regions is None:
            return uses
        return tuple(used for used in uses if _region(used) in span.regions or not _region(used))


def invalid(field: str, message: str) -> AwsError:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidationException.html"""
    return AwsError(
        "ValidationException",
        f"Invalid {field}: {message}",
        400,
        reason="fieldValidationFailed",
        fieldList=[{"name": field, "message": message}],
    )


def _expect(pattern: re.Pattern[str], field: str, value: str) -> None:
    if pattern.fullmatch(value) is None:
        raise invalid(field, f"{value!r} does not match the pattern {pattern.pattern}")


def _expect_quotas(jobs: Iterable[Job], now: datetime) -> None:
    jobs = list(jobs)
    running = [job for job in jobs if job.status(now) == "IN_PROGRESS"]
    today = [job for job in jobs if job.started > now - timedelta(days=1)]
    for count, most, what in (
        (len(running), MAX_CONCURRENT, "policy generations at the same time"),
        (len(today), MAX_A_DAY, "policy generations a day"),
    ):
        if count >= most:
            raise AwsError(
                "ServiceQuotaExceededException",
                f"There are {count} {what}; the quota is {most}.",
                402,
                resourceId=(running or today)[0].id,
                resourceType="PolicyGeneration",
            )


def _span(details: Mapping[str, Any] | None, now: datetime) -> Span:
    """What a request wants read; without details all of the last 90 days."""
    longest = timedelta(days=MAX_DAYS)
    if details is None:
        return Span(now - longest, now)
    _expect(_ROLE, "cloudTrailDetails.accessRole", str(details.get("accessRole") or ""))
    trails = details.get("trails") or []
    if not trails:
        raise invalid("cloudTrailDetails.trails", "it is empty: name a trail")
    for trail in trails:
        _expect(_TRAIL, "cloudTrailDetails.trails.cloudTrailArn", str(trail.get("cloudTrailArn") or ""))
    start, end = _moment(details.get("startTime")), _moment(details.get("endTime")) or now
    if start is None:
        raise invalid("cloudTrailDetails.startTime", "it is missing")
    if start > end:
        raise invalid("cloudTrailDetails.startTime", f"{start.isoformat()} is after endTime {end.isoformat()}")
    if end - start > longest:
        raise invalid("cloudTrailDetails.startTime", f"the time range is longer than {MAX_DAYS} days")
    everywhere = any(trail.get("allRegions") or not trail.get("regions") for trail in trails)
    regions = None if everywhere else frozenset(str(region) for trail in trails for region in trail["regions"])
    return Span(start, end, regions, tuple(trails))


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), UTC)
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _region(used: Used) -> str:
    """Where something was used; empty for what has no Region (IAM, S3) and was not noted with one."""
    parts = used.resource.split(":", 5)
    return (parts[3] if len(parts) == 6 else "") or used.region


# -- the policies --------------------------------------------------------------------------------------


def _policies(uses: Sequence[Used], *, placeholders: bool) -> list[str]:
    """The texts of the policies that cover the uses: one, or several if one would be too long to be attached."""
    if not uses:
        return []
    document = least_policy([_use(used) for used in uses], placeholders=placeholders)
    policies: list[list[Mapping[str, Any]]] = [[]]
    for statement in (piece for whole in document["Statement"] for piece in _pieces(document, whole)):
        if policies[-1] and len(_text(document, [*policies[-1], statement])) > MAX_POLICY_CHARS:
            policies.append([])
        policies[-1].append(statement)
    return [_text(document, statements) for statements in policies]


def _pieces(document: Mapping[str, Any], statement: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A statement, or several with parts of its resources where it alone would be too long."""
    resources = statement["Resource"]
    count = -(-len(_text(document, [statement])) // (MAX_POLICY_CHARS // 2))
    if len(_text(document, [statement])) <= MAX_POLICY_CHARS or not isinstance(resources, list):
        return [statement]
    size = -(-len(resources) // count)
    return [
        {**statement, "Sid": f"{statement['Sid']}Part{number}", "Resource": resources[start : start + size]}
        for number, start in enumerate(range(0, len(resources), size), 1)
    ]


def _text(document: Mapping[str, Any], statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({**document, "Statement": list(statements)}, separators=(",", ":"))


def _use(used: Used) -> Use:
    return Use(used.action, used.resource, used.count, used.context)


# -- shapes --------------------------------------------------------------------------------------------


def _page(params: Mapping[str, Any], items: Sequence[Any], member: str) -> dict[str, Any]:
    given = params.get("maxResults")
    size = _PAGE if given is None else int(given)
    if size < 1:
        raise invalid("maxResults", f"{size} is below 1")
    start, token = 0, params.get("nextToken")
    if token:
        try:
            start = int(base64.b64decode(str(token), validate=True).decode().removeprefix("from:"))
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise invalid("nextToken", f"{token!r} is none that this operation gave") from error
    page: dict[str, Any] = {member: list(items[start : start + size])}
    if start + size < len(items):
        page["nextToken"] = base64.b64encode(f"from:{start + size}".encode()).decode()
    return page
