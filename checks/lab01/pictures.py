"""The pictures of lab 01: a learner's own readings, handed to the views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.facts import fact
from checks.readings import Environment, Reading
from sandbox.views import Picture
from sandbox.views.lifecycle import HANDLER, Bar, Call, environments, shutdown_marks, spans


def anatomy(readings: Sequence[Reading]) -> Picture:
    """What each call was made of: the measured steps of Init, the rest of Init, and the handler."""
    return spans([_bar(number, reading) for number, reading in enumerate(readings, start=1)])


def _bar(number: int, reading: Reading) -> Bar:
    if reading.init_ms is None:
        return Bar(f"call {number}, warm", [(HANDLER, reading.duration_ms)])
    steps: Mapping[str, float] = reading.value("steps", {})
    rest = max(reading.init_ms - sum(steps.values()), 0.0)
    return Bar(f"call {number}, cold", [("start the runtime", rest), *steps.items(), (HANDLER, reading.duration_ms)])


def compared(readings: Mapping[str, Reading]) -> Picture:
    """Calls under names of your own, each as Init and handler."""
    return spans(
        [
            Bar(name, [*([("Init", one.init_ms)] if one.init_ms is not None else []), (HANDLER, one.duration_ms)])
            for name, one in readings.items()
        ]
    )


def timeline(
    readings: Sequence[Reading],
    *,
    notes: Mapping[str, str] | None = None,
    prefix: bool = False,
    text: str = "",
) -> Picture:
    """When each environment ran, and what stood in its log. `notes` names rows below it: the row, and the log's field.

    `prefix` puts the function's name before the environment's.
    """
    shown = [
        Call(
            environment=_name(one.function, one.environment, prefix),
            start=one.start.timestamp(),
            end=one.end.timestamp(),
            init_start=_init_start(one, readings),
            init_again=one.init_ms is None,
            outcome="timeout" if one.status == "timeout" else "error" if one.status != "success" else "answered",
            notes={row: str(one.value(field)) for row, field in (notes or {}).items() if one.value(field) is not None},
        )
        for one in readings
    ]
    return environments(shown, text=text)


def _init_start(reading: Reading, readings: Sequence[Reading]) -> float | None:
    """When Init began, in Unix seconds; None if the call found a process.

    After a failure Init runs again within the call: no line says so, but its Duration reaches back before START.
    """
    if reading.init_ms is not None:
        return reading.init_start.timestamp() if reading.init_start else None
    earlier = [one for one in readings if one.stream == reading.stream and one.start < reading.start]
    last = max(earlier, key=lambda one: one.start, default=None)
    if last is None or last.status == "success":
        return None
    return max(last.end.timestamp(), reading.end.timestamp() - reading.duration_ms / 1000)


def _name(function: str, environment: str, prefix: bool) -> str:
    return f"{function} {environment}" if prefix else environment


def last_words(lives: Sequence[Environment]) -> Picture:
    """What was written after the last call: a mark for each line, in seconds since an environment's first such line."""
    rows: dict[str, list[float]] = {}
    for life in lives:
        function = life.readings[0].function if life.readings else ""
        marks = [record["written_ms"] / 1000 for record in life.last_words if "written_ms" in record]
        rows[f"{function} {life.stream[-4:]}"] = marks
    return shutdown_marks(rows, budget_s=fact("lambda-shutdown-limit")["external_ms"] / 1000)
