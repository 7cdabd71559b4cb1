"""Access logs of stages: one line a request, in the stage's own format, to a log group.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sandbox.gateway.call import AwsError

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.\-]+[A-Za-z0-9_\-])")
_GROUP = re.compile(r"arn:[a-z-]+:logs:([a-z0-9-]+):(\d{12}):log-group:([^:]+)(?::\*)?")


class Logs(Protocol):
    """What access logs need of CloudWatch Logs."""

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]], *, account: str, region: str) -> None: ...


def line(form: str, values: Mapping[str, Any]) -> str:
    """A line of the log; a variable without a value is `-`."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(str(match[1]))
        return "-" if value is None or value == "" else str(value)

    return _VARIABLE.sub(value_of, form)


def write(logs: Logs, settings: Mapping[str, Any], stage_id: str, values: Mapping[str, Any], now_ms: int) -> None:
    """Write what a request came to. `settings` has `destination` and `format`."""
    group = _GROUP.fullmatch(str(settings["destination"]))
    if group is None:
        return
    region, account, name = group.groups()
    stream = hashlib.md5(stage_id.encode(), usedforsecurity=False).hexdigest()
    logs.put(name, stream, [(now_ms, line(str(settings["format"]), values))], account=account, region=region)


def check_destination(arn: str) -> None:
    """AwsError for a destination that is no log group."""
    if ":firehose:" in arn:
        raise AwsError("BadRequestException", f"This sandbox does not support access logs to Firehose: {arn}", 400)
    if _GROUP.fullmatch(arn) is None:
        raise AwsError("BadRequestException", f"Invalid ARN specified in the request: {arn}", 400)
