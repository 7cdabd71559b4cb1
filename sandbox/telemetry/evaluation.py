"""What a metric alarm makes of its datapoints: the state, its reason, and the data behind the reason.

Pure: datapoints and settings in, verdict out. The rules:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.telemetry.series import percentile_of

StateValue = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

#: How many datapoints more than EvaluationPeriods an evaluation range has. AWS says that the number hangs on period and
#: resolution; the examples of its page have 5 for 3.
EXTRA_DATAPOINTS = 2
#: From so many datapoints on, a reason tells the newest ones only.
TOLD = 5
#: A reason's data holds so many at most: StateReasonData has room for 4,000 characters.
MAX_RECENT, MAX_EVALUATED = 50, 20

MINUTE, HOUR, DAY = 60, 3600, 86_400

#: The comparisons of static thresholds, and how a reason words them.
COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A period by the time it begins (Unix seconds); `value` is None where there is no data."""

    time: int
    value: float | None = None
    samples: float | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an alarm watches for. `datapoints` is DatapointsToAlarm as given: without it, all periods.

    `statistic` is a statistic or percentile, None for a metric math expression. `ignore_low_samples` is
    EvaluateLowSampleCountPercentile's `ignore`.
    """

    period: int
    periods: int
    threshold: float
    comparison: str
    datapoints: int | None = None
    missing: str = "missing"
    statistic: str | None = None
    unit: str | None = None
    ignore_low_samples: bool = False

    @property
    def needed(self) -> int:
        """How many datapoints must breach: the M in M out of N."""
        return self.periods if self.datapoints is None else self.datapoints

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluation found. `data` is the reason's data, a JSON text."""

    state: StateValue
    reason: str
    data: str


def interval_of(period: int, periods: int) -> int:
    """How often an alarm is evaluated, in seconds: each minute; of high resolution each 10 s, over days each hour.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    if period < MINUTE:
        return 10
    return HOUR if period * periods > DAY else MINUTE


def evaluation_range(criteria: Criteria, now: float) -> list[int]:
    """The times at which the periods of the evaluation range begin, oldest first.

    The window slides: its end is the last full minute (10 s, hour) before `now`, whatever the period.
    """
    step = interval_of(criteria.period, criteria.periods)
    end = int(now // step) * step
    count = criteria.periods + EXTRA_DATAPOINTS
    return [end - number * criteria.period for number in range(count, 0, -1)]


def evaluate(criteria: Criteria, points: Sequence[Datapoint], at: float) -> Verdict | None:
    """The state that `points`, an evaluation range with the oldest first, call for; None: it stays as it is."""
    real = [point for point in points if point.value is not None][-criteria.periods :]
    filled = max(criteria.periods - len(real), 0)
    if criteria.ignore_low_samples and _too_few_samples(criteria, real):
        return None
    state = _state(criteria, points, real, filled)
    if state is None:
        return None
    return Verdict(state, _reason(criteria, state, real, filled), _data(criteria, points, real, at))


def _state(
    criteria: Criteria, points: Sequence[Datapoint], real: Sequence[Datapoint], filled: int
) -> StateValue | None:
    breaching = sum(1 for point in real if point.value is not None and criteria.breaches(point.value))
    if filled == 0 or criteria.missing == "notBreaching" or breaching >= criteria.needed:
        return "ALARM" if breaching >= criteria.needed else "OK"
    if criteria.missing == "breaching":
        return "ALARM" if breaching + filled >= criteria.needed else "OK"
    if breaching < len(real):
        return "OK"
    if criteria.missing == "ignore":
        return None
    # All that is there breaches, and is less than what an alarm needs. It goes off nevertheless once the oldest
    # breaching datapoint is as old as DatapointsToAlarm; a younger one may be followed by one that does not breach.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html#CloudWatch-alarms-avoiding-premature-transition
    # What holds until then (`- - - - X`) the page told in its earlier editions: not enough data.
    age = next((len(points) - place for place, point in enumerate(points) if point.value is not None), 0)
    return "ALARM" if real and age >= criteria.needed else "INSUFFICIENT_DATA"


def _too_few_samples(criteria: Criteria, real: Sequence[Datapoint]) -> bool:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html"""
    rank = percentile_of(criteria.statistic or "")
    if rank is None or not 0 < rank < 100 or not real:
        return False
    share = rank / 100
    needed = 10 / (1 - share) if share >= 0.5 else 10 / share
    return sum(point.samples or 0 for point in real) < needed - 1e-9


# -- how a reason reads ------------------------------------------------------------------------------------------


def java_number(value: float) -> str:
    """A number as alarms write it (Java's Double.toString)."""
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(float(value))
        return text if "e" not in text else f"{value:.10f}".rstrip("0")
    mantissa, exponent = f"{value:.16e}".split("e")
    shortest = repr(float(value))
    if "e" in shortest:
        mantissa = shortest.split("e")[0]
    else:
        digits = shortest.replace("-", "").replace(".", "").strip("0") or "0"
        mantissa = ("-" if value < 0 else "") + digits[0] + "." + (digits[1:] or "0")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent)}"


def alarm_time(moment: float) -> str:
    """A time as alarms write it: 2019-10-01T13:56:40.985+0000."""
    return datetime.fromtimestamp(round(moment, 3), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _plural(count: int, word: str = "datapoint") -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _reason(criteria: Criteria, state: StateValue, real: Sequence[Datapoint], filled: int) -> str:
    if state == "INSUFFICIENT_DATA":
        was = "was" if criteria.periods == 1 else "were"
        return f"Insufficient Data: {_plural(criteria.periods)} {was} unknown."
    alarm = state == "ALARM"
    told = [point for point in reversed(real) if point.value is not None and criteria.breaches(point.value) == alarm]
    treated = ""
    if filled and criteria.missing in ("breaching", "notBreaching"):
        name = "Breaching" if criteria.missing == "breaching" else "NonBreaching"
        was = "was" if filled == 1 else "were"
        treated = f" and {_plural(filled, 'missing datapoint')} {was} treated as [{name}]"
    if not told:
        return f"Threshold Crossed: no datapoints were received for {_plural(filled, 'period')}{treated}."
    was = ("was" if len(told) == 1 else "were") + ("" if alarm else " not")
    crossed = f"{was} {COMPARISONS[criteria.comparison][1]} the threshold ({java_number(criteria.threshold)})"
    listed = "[" + ", ".join(_told(point) for point in told[:TOLD]) + "]"
    if criteria.datapoints is None:
        counted, least = _plural(len(told)), ""
    else:
        counted = f"{len(told)} out of the last {_plural(criteria.periods)}".replace(
            "last 1 datapoint", "last 1 datapoints"
        )
        least_count = criteria.needed if alarm else criteria.periods - criteria.needed + 1
        change = "OK -> ALARM" if alarm else "ALARM -> OK"
        least = f" (minimum {_plural(least_count)} for {change} transition)"
    if len(told) < TOLD:
        return f"Threshold Crossed: {counted} {listed} {crossed}{treated}{least}."
    newest = f" The most recent datapoints which crossed the threshold: {listed}"
    return f"Threshold Crossed: {counted} {crossed}{treated}.{newest}{least}."


def _told(point: Datapoint) -> str:
    moment = datetime.fromtimestamp(point.time, UTC)
    return f"{java_number(point.value or 0.0)} ({moment:%d/%m/%y %H:%M:%S})"


def _data(criteria: Criteria, points: Sequence[Datapoint], real: Sequence[Datapoint], at: float) -> str:
    content: dict[str, Any] = {"version": "1.0", "queryDate": alarm_time(at)}
    if real:
        content["startDate"] = alarm_time(real[0].time)
    if criteria.unit is not None:
        content["unit"] = criteria.unit
    if criteria.statistic is not None:
        key = "statistic" if percentile_of(criteria.statistic) is None else "extendedStatistic"
        content[key] = criteria.statistic
    content["period"] = criteria.period
    content["recentDatapoints"] = [point.value for point in real[-MAX_RECENT:]]
    content["threshold"] = criteria.threshold
    shown = real or points[-criteria.periods :]
    content["evaluatedDatapoints"] = [_shown(point) for point in list(reversed(shown))[:MAX_EVALUATED]]
    return json.dumps(content, separators=(",", ":"))


def _shown(point: Datapoint) -> dict[str, Any]:
    shown: dict[str, Any] = {"timestamp": alarm_time(point.time)}
    if point.samples is not None:
        shown["sampleCount"] = point.samples
    if point.value is not None:
        shown["value"] = point.value
    return shown
