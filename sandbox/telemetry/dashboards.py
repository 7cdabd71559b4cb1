"""Dashboards: kept as they are put, once their body is one. What draws them is AWS's console.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.telemetry import alarm_checks
from sandbox.telemetry.alarm import moment

MAX_WIDGETS = 500
MAX_BODY_BYTES = 1024 * 1024
GRID_WIDTH, MAX_HEIGHT = 24, 1000
LIST_PAGE = 1000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")

#: A place in the body, and what is wrong there.
Finding = tuple[str, str]


@dataclass(slots=True)
class Dashboard:
    account: str
    name: str
    body: str
    modified: float
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch::{self.account}:dashboard/{self.name}"


class Dashboards:
    """The dashboards of all accounts; they belong to no Region."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._dashboards: dict[tuple[str, str], Dashboard] = {}
        self.operations: Mapping[str, Operation] = {
            "PutDashboard": self._put,
            "GetDashboard": self._get,
            "ListDashboards": self._list,
            "DeleteDashboards": self._delete,
        }

    def by_arn(self, arn: str) -> Dashboard | None:
        """The dashboard of an ARN."""
        fields = arn.split(":", 5)
        if len(fields) < 6 or not fields[5].startswith("dashboard/"):
            return None
        with self._lock:
            return self._dashboards.get((fields[4], fields[5].removeprefix("dashboard/")))

    def _put(self, call: Call) -> dict[str, Any]:
        name, body = call.params.get("DashboardName") or "", call.params.get("DashboardBody")
        tags = alarm_checks.tags(call.params.get("Tags"), by_aws=call.principal.is_aws)
        if not _NAME.fullmatch(name):
            raise _invalid(
                f"The value {name} for field DashboardName contains invalid characters. "
                "It can only contain alphanumerics, dash (-) and underscore (_)."
            )
        if body is None or len(body.encode()) > MAX_BODY_BYTES:
            raise _invalid("The field DashboardBody must be there, with 1 MB at most.")
        findings = list(_findings(body))
        if findings:
            shown = [{"dataPath": path, "message": message} for path, message in findings]
            raise _invalid(
                f"The dashboard body is invalid, there are {len(findings)} validation errors: {json.dumps(shown)}",
                findings,
            )
        with self._lock:
            # Those of one that is there already stay: tags are for a new one.
            known = self._dashboards.get((call.account, name))
            tags = known.tags if known is not None else tags
            self._dashboards[call.account, name] = Dashboard(call.account, name, body, self._clock.now(), tags)
        return {"DashboardValidationMessages": []}

    def _get(self, call: Call) -> dict[str, Any]:
        with self._lock:
            found = self._find(call.account, call.params.get("DashboardName") or "")
        return {"DashboardArn": found.arn, "DashboardBody": found.body, "DashboardName": found.name}

    def _list(self, call: Call) -> dict[str, Any]:
        prefix, token = call.params.get("DashboardNamePrefix") or "", call.params.get("NextToken")
        digits = token.removeprefix("offset-") if token else "0"
        if not digits.isdecimal():
            raise AwsError("InvalidParameterValue", "The parameter NextToken is invalid.")
        with self._lock:
            found = sorted(
                (each for each in self._dashboards.values() if each.account == call.account),
                key=lambda dashboard: dashboard.name,
            )
        found = [each for each in found if each.name.startswith(prefix)]
        end = int(digits) + LIST_PAGE
        entries = [
            {
                "DashboardName": each.name,
                "DashboardArn": each.arn,
                "LastModified": moment(each.modified),
                "Size": len(each.body.encode()),
            }
            for each in found[int(digits) : end]
        ]
        answer: dict[str, Any] = {"DashboardEntries": entries}
        return answer if end >= len(found) else {**answer, "NextToken": f"offset-{end}"}

    def _delete(self, call: Call) -> None:
        names = call.params.get("DashboardNames") or ()
        if not names:
            raise AwsError("MissingParameter", "The parameter DashboardNames is required.")
        with self._lock:
            # As many as can be: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteDashboards.html
            absent = [name for name in names if self._dashboards.pop((call.account, name), None) is None]
            for name in absent:
                self._find(call.account, name)

    def _find(self, account: str, name: str) -> Dashboard:
        found = self._dashboards.get((account, name))
        if found is None:
            raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return found


# -- bodies ------------------------------------------------------------------------------------------------------


def _findings(body: str) -> Iterator[Finding]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _invalid("The field DashboardBody must be a valid JSON object")
    widgets = content.get("widgets")
    if not isinstance(widgets, list):
        yield "/", "Should have required property 'widgets', an array"
        return
    if len(widgets) > MAX_WIDGETS:
        yield "/widgets", f"Should NOT have more than {MAX_WIDGETS} items"
    for place, widget in enumerate(widgets):
        yield from _widget(f"/widgets/{place}", widget)


def _widget(path: str, widget: Any) -> Iterator[Finding]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    for name, least, most in (
        ("x", 0, GRID_WIDTH - 1),
        ("y", 0, None),
        ("width", 1, GRID_WIDTH),
        ("height", 1, MAX_HEIGHT),
    ):
        value = widget.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"{path}/{name}", "Should be integer"
        elif value < least or (most is not None and value > most):
            yield f"{path}/{name}", f"Should be >= {least}" + (f" and <= {most}" if most is not None else "")
    kind, properties = widget.get("type"), widget.get("properties")
    if not isinstance(kind, str) or kind not in _PROPERTIES:
        yield f"{path}/type", f"Should be equal to one of the allowed values: {', '.join(_PROPERTIES)}"
        return
    if not isinstance(properties, dict):
        yield path, "Should have required property 'properties', an object"
        return
    yield from _PROPERTIES[kind](f"{path}/properties", properties)


def _metric(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    metrics, annotations = properties.get("metrics"), properties.get("annotations")
    alarms = annotations.get("alarms") if isinstance(annotations, dict) else None
    if metrics is None and not alarms:
        yield path, "Should have required property 'metrics'"
    elif metrics is not None and not isinstance(metrics, list):
        yield f"{path}/metrics", "Should be array"
    for place, metric in enumerate(metrics if isinstance(metrics, list) else ()):
        where = f"{path}/metrics/{place}"
        if not isinstance(metric, list) or not metric:
            yield where, "Should be array with at least one item"
            continue
        for index, item in enumerate(metric):
            last = index == len(metric) - 1
            if not (isinstance(item, str) or (last and isinstance(item, dict))):
                yield f"{where}/{index}", "Should be string" + (" or object" if last else "")
    yield from _texts(path, properties, "region")


def _log(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _texts(path, properties, "query", "region")


def _text(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _texts(path, properties, "markdown")


def _alarm(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    alarms = properties.get("alarms")
    if not isinstance(alarms, list) or not all(isinstance(arn, str) and arn.startswith("arn:") for arn in alarms):
        yield f"{path}/alarms", "Should be an array of ARNs"
    elif not 1 <= len(alarms) <= 100:
        yield f"{path}/alarms", "Should have 1 to 100 items"


def _custom(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _texts(path, properties, "endpoint")


def _explorer(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    for name in ("metrics", "labels"):
        if not isinstance(properties.get(name), list):
            yield path, f"Should have required property '{name}', an array"


def _texts(path: str, properties: Mapping[str, Any], *names: str) -> Iterator[Finding]:
    for name in names:
        if name not in properties:
            yield path, f"Should have required property '{name}'"
        elif not isinstance(properties[name], str):
            yield f"{path}/{name}", "Should be string"


_PROPERTIES: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Finding]]] = {
    "metric": _metric,
    "text": _text,
    "log": _log,
    "alarm": _alarm,
    "custom": _custom,
    "explorer": _explorer,
}


def _invalid(message: str, findings: list[Finding] | None = None) -> AwsError:
    shown = [{"DataPath": path, "Message": text} for path, text in findings or ()]
    return AwsError("InvalidParameterInput", message, dashboardValidationMessages=shown)
