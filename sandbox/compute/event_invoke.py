"""What a function, version or alias is told about asynchronous events: retries, age, destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST, named_function
from sandbox.compute.errors import invalid, not_found
from sandbox.compute.functions import Function, Functions
from sandbox.compute.paging import page
from sandbox.gateway.call import Call, Operation

#: Facts async-retries and async-throttle-retry.
DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 6 * 3600

_DESTINATION = re.compile(
    r"arn:aws[a-zA-Z-]*:(?:(sqs|sns):[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+|(lambda):[a-z0-9-]+:\d{12}:function:.+"
    r"|(events):[a-z0-9-]+:\d{12}:event-bus/.+|(s3):::[a-z0-9.-]+)"
)


@dataclass(frozen=True, slots=True)
class EventSettings:
    """What holds for one event. Destinations are ARNs, empty if there is none."""

    retries: int = DEFAULT_RETRIES
    age_seconds: int = DEFAULT_AGE_SECONDS
    on_success: str = ""
    on_failure: str = ""


def settings_of(function: Function, qualifier: str | None) -> EventSettings:
    """What is set for exactly this qualifier; without one, for the unpublished version."""
    config = function.event_invoke.get(qualifier or LATEST)
    if config is None:
        return EventSettings()
    destinations = config.get("DestinationConfig") or {}
    retries, age = config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")
    return EventSettings(
        DEFAULT_RETRIES if retries is None else retries,
        DEFAULT_AGE_SECONDS if age is None else age,
        (destinations.get("OnSuccess") or {}).get("Destination") or "",
        (destinations.get("OnFailure") or {}).get("Destination") or "",
    )


class EventInvokeConfigs:
    """The operations on EventInvokeConfig."""

    def __init__(self, clock: Clock, functions: Functions) -> None:
        self._clock = clock
        self._functions = functions
        self.operations: Mapping[str, Operation] = {
            "PutFunctionEventInvokeConfig": self._put,
            "UpdateFunctionEventInvokeConfig": self._update,
            "GetFunctionEventInvokeConfig": self._get,
            "ListFunctionEventInvokeConfigs": self._list,
            "DeleteFunctionEventInvokeConfig": self._delete,
        }

    def _put(self, call: Call) -> dict[str, Any]:
        return self._set(call, {})

    def _update(self, call: Call) -> dict[str, Any]:
        function, qualifier = self._named(call)
        return self._set(call, self._configured(function, qualifier))

    def _set(self, call: Call, before: Mapping[str, Any]) -> dict[str, Any]:
        function, qualifier = self._named(call)
        given = {
            member: call.params[member]
            for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
            if call.params.get(member) is not None
        }
        if not given:
            raise invalid("You must specify at least one of error handling or destination setting.")
        _check_destinations(given.get("DestinationConfig") or {}, function)
        with function.lock:
            config = {
                **before,
                **given,
                "LastModified": self._clock.datetime(),
                "FunctionArn": f"{function.arn}:{qualifier}",
            }
            config.setdefault("DestinationConfig", {"OnSuccess": {}, "OnFailure": {}})
            function.event_invoke[qualifier] = config
        return config

    def _get(self, call: Call) -> dict[str, Any]:
        return dict(self._configured(*self._named(call)))

    def _list(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        with function.lock:
            configs = [dict(config) for _, config in sorted(function.event_invoke.items())]
        return page(call.params, configs, "FunctionEventInvokeConfigs")

    def _delete(self, call: Call) -> None:
        function, qualifier = self._named(call)
        with function.lock:
            self._configured(function, qualifier)
            del function.event_invoke[qualifier]

    def _named(self, call: Call) -> tuple[Function, str]:
        name = named_function(call)
        function = self._functions.get(name)
        function.version(name.qualifier)
        return function, name.qualifier or LATEST

    def _configured(self, function: Function, qualifier: str) -> Mapping[str, Any]:
        config = function.event_invoke.get(qualifier)
        if config is None:
            raise not_found(f"The function {function.arn}:{qualifier} doesn't have an EventInvokeConfig")
        return config


def _check_destinations(destinations: Mapping[str, Any], function: Function) -> None:
    for side in ("OnSuccess", "OnFailure"):
        arn = (destinations.get(side) or {}).get("Destination")
        if not arn:
            continue
        found = _DESTINATION.fullmatch(arn)
        if found is None:
            raise invalid(f"The provided destination config DestinationConfig is invalid: {side} destination {arn}")
        if arn.endswith(".fifo"):
            raise invalid(f"The destination {arn} is a FIFO resource; Lambda takes standard queues and topics.")
        if found[4] and side == "OnSuccess":
            raise invalid(f"The destination {arn} is an S3 bucket, which Lambda takes for OnFailure only.")
        if arn == function.arn or arn.startswith(f"{function.arn}:"):
            raise invalid("You can't specify the function as a destination for itself.")
