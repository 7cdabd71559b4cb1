"""PutEvents and TestEventPattern.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.events.buses import DEFAULT_BUS, Buses
from sandbox.events.errors import invalid, invalid_pattern, unsupported, violated
from sandbox.events.event import make_event
from sandbox.events.input_transformer import dumps
from sandbox.events.literals import load
from sandbox.events.patterns import InvalidPattern, compile_pattern
from sandbox.events.rules import check_pattern
from sandbox.gateway.call import Call, Operation

MAX_ENTRIES = 10
#: All entries of a call together: the fields below, and 14 for a time.
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
MAX_BYTES = 1024 * 1024
TIME_BYTES = 14
MAX_DETAIL_TYPE = 128
#: What TestEventPattern wants in an event.
_REQUIRED = ("id", "account", "source", "time", "region", "resources", "detail-type")


class InvalidEntry(Exception):
    """An entry that is not taken, while the others are."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PutEvents:
    """The operations that bring events."""

    def __init__(self, clock: Clock, buses: Buses) -> None:
        self._clock = clock
        self._buses = buses
        self.operations: Mapping[str, Operation] = {
            "PutEvents": self._put,
            "TestEventPattern": self._test_pattern,
        }

    def _put(self, call: Call) -> dict[str, Any]:
        if call.params.get("EndpointId"):
            raise unsupported("PutEvents", "EndpointId: global endpoints are not built")
        entries: list[Mapping[str, Any]] = call.params.get("Entries") or []
        if not 1 <= len(entries) <= MAX_ENTRIES:
            bound = f"less than or equal to {MAX_ENTRIES}" if entries else "greater than or equal to 1"
            shown = "[" + ", ".join("PutEventsRequestEntry" for _ in entries) + "]"
            raise violated(shown, "entries", f"Member must have length {bound}")
        if sum(_size(entry) for entry in entries) > MAX_BYTES:
            raise invalid("Total size of the entries in the request is over the limit.")
        results = [self._put_entry(call, entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    def _put_entry(self, call: Call, entry: Mapping[str, Any]) -> dict[str, Any]:
        now = self._clock.now()
        try:
            detail = _checked(entry)
            at = _moment(entry.get("Time"), now)
        except InvalidEntry as error:
            return {"ErrorCode": error.code, "ErrorMessage": error.message}
        event = make_event(
            str(entry["Source"]),
            str(entry["DetailType"]),
            detail,
            account=call.principal.account or call.account,
            region=call.region,
            at=at,
            ingested=now,
            resources=[str(each) for each in entry.get("Resources") or ()],
            trace=str(entry.get("TraceHeader") or call.trace),
        )
        bus = str(entry.get("EventBusName") or DEFAULT_BUS)
        name = bus.partition(":event-bus/")[2] if bus.startswith("arn:") else bus
        self._buses.put(event, call.account, call.region, name)
        return {"EventId": event.id}

    def _test_pattern(self, call: Call) -> dict[str, bool]:
        """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html"""
        pattern = str(call.params.get("EventPattern") or "")
        check_pattern(pattern)
        try:
            event = load(str(call.params.get("Event") or ""))
        except (ValueError, RecursionError) as error:
            raise invalid("Parameter Event is not valid.") from error
        if not isinstance(event, dict):
            raise invalid("Parameter Event is not valid.")
        for name in _REQUIRED:
            if name not in event:
                raise invalid(f"Parameter Event is not valid. Reason: {name} is missing.")
        try:
            return {"Result": compile_pattern(pattern)(event)}
        except InvalidPattern as error:
            raise invalid_pattern(error) from error


def _checked(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry's detail; InvalidEntry if the entry can't be taken."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            raise InvalidEntry(
                "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
            )
    if str(entry["Source"]).startswith("aws."):
        raise InvalidEntry("NotAuthorizedForSourceException", "Not authorized for the source.")
    if len(str(entry["DetailType"])) > MAX_DETAIL_TYPE:
        raise InvalidEntry(
            "InvalidArgument",
            f"Parameter DetailType is not valid. Reason: DetailType has more than {MAX_DETAIL_TYPE} characters.",
        )
    try:
        detail = load(str(entry["Detail"]))
        # It must also go out again: what is nested too deep for that is not taken.
        dumps(detail)
    except (ValueError, RecursionError) as error:
        raise InvalidEntry("MalformedDetail", "Detail is malformed.") from error
    if not isinstance(detail, dict):
        raise InvalidEntry("MalformedDetail", "Detail is malformed.")
    return detail


def _size(entry: Mapping[str, Any]) -> int:
    texts: Sequence[Any] = [entry.get(member) or "" for member in ("Source", "DetailType", "Detail")]
    texts = [*texts, *(entry.get("Resources") or ())]
    size = sum(len(str(text).encode("utf-8", "replace")) for text in texts)
    return size + TIME_BYTES if entry.get("Time") is not None else size


def _moment(given: Any, now: float) -> float:
    """An entry's time, Unix seconds: parameters of the JSON protocol come as a number or as text."""
    if given is None:
        return now
    if isinstance(given, datetime):
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    try:
        if isinstance(given, str):
            return datetime.fromisoformat(given).timestamp()
        moment = float(given)
        datetime.fromtimestamp(moment, UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise InvalidEntry("InvalidArgument", "Parameter Time is not valid.") from error
    return moment
