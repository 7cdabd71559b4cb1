"""When a user or role last used which service, and an access key anything: from the record of decided calls.

AWS shows such activity some hours late and keeps it for 400 days; here it is there at once, as long as the record
holds it (usage.py). A report is complete as soon as it is asked for.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.access import MalformedPolicy, catalog, parse
from sandbox.access.patterns import Wildcard
from sandbox.authorisation.context_keys import invalid
from sandbox.authorisation.paging import page
from sandbox.authorisation.usage import Usage
from sandbox.clock import Clock
from sandbox.gateway import moto_adapter, moto_iam
from sandbox.gateway.call import DEFAULT_REGION, AwsError, Call, Operation
from sandbox.gateway.refusals import unsupported

#: So many reports are kept, the newest.
_MAX_REPORTS = 100
_NONE = "N/A"


@dataclass(frozen=True, slots=True)
class _Report:
    caller: str
    granularity: str
    made: datetime
    services: tuple[dict[str, Any], ...]


class LastAccessed:
    """IAM's operations that tell what was last used."""

    def __init__(self, clock: Clock, usage: Usage) -> None:
        self._clock = clock
        self._usage = usage
        self._reports: OrderedDict[str, _Report] = OrderedDict()
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "GenerateServiceLastAccessedDetails": self._generate,
            "GetAccessKeyLastUsed": self._key_last_used,
            "GetServiceLastAccessedDetails": self._get,
        }

    def _key_last_used(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html"""
        access_key = str(call.params.get("AccessKeyId") or "")
        key = moto_adapter.find_key(access_key)
        if key is None or key.account != call.account:
            raise AwsError("NoSuchEntity", f"The Access Key with id {access_key} cannot be found.", 404)
        use = self._usage.key_use(access_key)
        last: dict[str, Any] = {"ServiceName": _NONE, "Region": _NONE}
        if use is not None:
            last = {
                "LastUsedDate": _moment(use.time),
                "ServiceName": use.service,
                "Region": use.region or DEFAULT_REGION,
            }
        return {"UserName": key.user_name, "AccessKeyLastUsed": last}

    def _generate(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html"""
        arn = str(call.params.get("Arn") or "")
        granularity = str(call.params.get("Granularity") or "SERVICE_LEVEL")
        if granularity not in ("SERVICE_LEVEL", "ACTION_LEVEL"):
            raise invalid(f"Granularity {granularity!r} is neither SERVICE_LEVEL nor ACTION_LEVEL.")
        if ":group/" in arn or ":policy/" in arn:
            raise unsupported("iam", call.operation, f"reports are made of users and roles only, not of {arn}")
        entity = moto_iam.identity(arn)
        if entity is None or arn.split(":")[4] != call.account:
            raise AwsError("NoSuchEntity", f"There is no user or role {arn}.", 404)
        allowed = _services_of(policy.document for policy in entity.policies)
        report = _Report(
            call.principal.role_arn or call.principal.arn,
            granularity,
            self._clock.datetime(),
            tuple(self._services(arn, allowed, actions=granularity == "ACTION_LEVEL")),
        )
        job = str(uuid.uuid4())
        with self._lock:
            self._reports[job] = report
            if len(self._reports) > _MAX_REPORTS:
                self._reports.popitem(last=False)
        return {"JobId": job}

    def _get(self, call: Call) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html"""
        job = str(call.params.get("JobId") or "")
        report = self._reports.get(job)
        if report is None or report.caller != (call.principal.role_arn or call.principal.arn):
            raise AwsError("NoSuchEntity", f"Invalid Job Id: {job}", 404)
        return {
            "JobStatus": "COMPLETED",
            "JobType": report.granularity,
            "JobCreationDate": report.made,
            "JobCompletionDate": report.made,
            **page(call.params, report.services, "ServicesLastAccessed"),
        }

    def _services(self, arn: str, allowed: Iterable[str], *, actions: bool) -> Iterable[dict[str, Any]]:
        """One entry for each service that may be used, in order; attempts that were denied count."""
        last: dict[str, dict[str, tuple[float, str]]] = {}
        attempts = [(used.action, used.last, used.region) for used in self._usage.uses(arn)]
        attempts += [(denied.need.action, denied.time, denied.region) for denied in self._usage.denials(arn)]
        for action, time, region in attempts:
            service, _, name = action.partition(":")
            of_service = last.setdefault(service.lower(), {})
            of_service[name] = max((time, region), of_service.get(name, (0.0, "")))
        for service in sorted(allowed):
            shape: dict[str, Any] = {
                "ServiceName": catalog.service_title(service) or service,
                "ServiceNamespace": service,
            }
            used = last.get(service)
            shape["TotalAuthenticatedEntities"] = 1 if used else 0
            if used:
                time, region = max(used.values())
                shape |= {
                    "LastAuthenticated": _moment(time),
                    "LastAuthenticatedEntity": arn,
                    "LastAuthenticatedRegion": region or DEFAULT_REGION,
                }
                if actions:
                    shape["TrackedActionsLastAccessed"] = [
                        {
                            "ActionName": name,
                            "LastAccessedEntity": arn,
                            "LastAccessedTime": _moment(time),
                            "LastAccessedRegion": region or DEFAULT_REGION,
                        }
                        for name, (time, region) in sorted(used.items())
                    ]
            yield shape


def _services_of(documents: Iterable[str]) -> set[str]:
    """The services of which policies allow something. Only permissions policies count, and denials do not."""
    found: set[str] = set()
    for document in documents:
        try:
            statements = parse(document).document.get("Statement", [])
        except MalformedPolicy:
            continue
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement.get("Effect") == "Allow":
                found |= _services_allowed(statement)
    return found


def _services_allowed(statement: Mapping[str, Any]) -> set[str]:
    if "NotAction" in statement:
        whole = {each.partition(":")[0].lower() for each in _list(statement["NotAction"]) if each.endswith(":*")}
        return set(catalog.services()) - whole
    found: set[str] = set()
    for pattern in _list(statement.get("Action", [])):
        prefix = pattern.partition(":")[0].lower()
        if "*" in prefix or "?" in prefix:
            services = Wildcard.of(prefix)
            found |= {service for service in catalog.services() if services.matches(service)}
        elif prefix in catalog.services():
            found.add(prefix)
    return found


def _list(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [value]


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC).replace(microsecond=0)
