"""CloudWatch metrics: putting data, and reading statistics back.

Rules: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/ (the page of each operation). A value is there
to read as soon as it was put; in AWS the metrics of services come up to some minutes late.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import DEFAULT_ACCOUNT, DEFAULT_REGION, AwsError, Call, Operation
from sandbox.telemetry import metric_queries
from sandbox.telemetry.math_expressions import MathError
from sandbox.telemetry.metric_queries import Dimensions, MetricStat, Query, parse_expression
from sandbox.telemetry.series import (
    FIVE_MINUTES_KEPT,
    MINUTES_KEPT,
    UNITS,
    Bucket,
    Series,
    SeriesKey,
    is_storable,
    merged,
    percentile_of,
)
from sandbox.telemetry.time_series import Range, TimeSeries, time_series

log = logging.getLogger(__name__)

#: The most series that one sandbox keeps. AWS has no such limit; without one, a loop over fresh dimension values would
#: eat this machine's memory.
MAX_SERIES = 100_000

MAX_DATA_PER_PUT = 1000
MAX_VALUES_PER_DATUM = 150
MAX_DIMENSIONS = 30
MAX_STATISTICS_DATAPOINTS = 1440
MAX_QUERIES = 500
MAX_DATA_DATAPOINTS = 100_800
LIST_PAGE = 500
#: How far from now a datum may lie, in seconds.
MAX_PAST, MAX_FUTURE = 14 * 86_400, 2 * 3600
#: ListMetrics shows a metric for this long after its last datapoint, in seconds.
LISTED_FOR = 14 * 86_400
RECENTLY_ACTIVE = 3 * 3600

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_UNITS_IN_ORDER = tuple(sorted(UNITS))


class Metrics:
    """The metrics of all accounts, and CloudWatch's operations on them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str, str, str, Dimensions, str], Series] = {}
        self._told_full = False
        self.operations: Mapping[str, Operation] = {
            "PutMetricData": self._put_metric_data,
            "GetMetricStatistics": self._get_metric_statistics,
            "GetMetricData": self._get_metric_data,
            "ListMetrics": self._list_metrics,
        }

    # -- for the other services ------------------------------------------------------------------

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        unit: str,
        at: float,
        *,
        high_resolution: bool = False,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
    ) -> None:
        """Add one value at sandbox time `at`, Unix seconds. `dimensions` in any order."""
        with self._lock:
            series = self._series.get((account, region, namespace, name, dimensions, unit))
            if series is None:
                series = self._open(SeriesKey(account, region, namespace, name, tuple(sorted(dimensions)), unit))
                if series is None:
                    return
                if series.key.dimensions != dimensions:
                    # The same series under the caller's order of dimensions, so that the next value finds it at once.
                    self._series[account, region, namespace, name, dimensions, unit] = series
            series.minute(at).add(value)
            if high_resolution:
                series.second(at).add(value)

    def read(self, account: str, region: str, stat: MetricStat, start: int, end: int) -> dict[int, tuple[float, float]]:
        """A statistic and its sample count by the time each period begins, counted from `start`; `end` is not included.

        Periods for which there is no such statistic are left out.
        """
        with self._lock:
            return {
                time: (figure, bucket.count)
                for time, bucket in self._buckets(account, region, stat, start, end, self._clock.now()).items()
                if (figure := bucket.statistic(stat.statistic)) is not None
            }

    # -- operations ------------------------------------------------------------------------------

    def _put_metric_data(self, call: Call) -> None:
        params = call.params
        if params.get("EntityMetricData"):
            raise _invalid("The parameter EntityMetricData is not supported by this sandbox.")
        namespace = _required(params, "Namespace")
        if not 1 <= len(namespace) <= 255 or namespace.startswith(":"):
            raise _invalid(f"The value {namespace} for parameter Namespace is invalid.")
        if namespace.startswith("AWS/"):
            raise _invalid('The value AWS/ for parameter Namespace is invalid: "AWS/" is a reserved prefix.')
        data = params.get("MetricData") or []
        if not data:
            raise AwsError("MissingParameter", "The parameter MetricData is required.")
        if len(data) > MAX_DATA_PER_PUT:
            raise _invalid(f"The collection MetricData must not have a size greater than {MAX_DATA_PER_PUT}.")
        now = self._clock.now()
        checked = [_Datum(datum, f"MetricData.member.{place}", now) for place, datum in enumerate(data, 1)]
        with self._lock:
            for datum in checked:
                key = SeriesKey(call.account, call.region, namespace, datum.name, datum.dimensions, datum.unit)
                series = self._open(key)
                if series is None:
                    raise AwsError("LimitExceeded", f"This sandbox keeps at most {MAX_SERIES} metrics; reset it.")
                datum.add_to(series)

    def _get_metric_statistics(self, call: Call) -> dict[str, Any]:
        params = call.params
        namespace, name = _required(params, "Namespace"), _required(params, "MetricName")
        dimensions = _dimensions(params.get("Dimensions"), "Dimensions")
        statistics = [*(params.get("Statistics") or ()), *(params.get("ExtendedStatistics") or ())]
        if not statistics:
            raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
        for statistic in params.get("Statistics") or ():
            if statistic not in STATISTICS:
                raise _invalid(f"The value {statistic} for parameter Statistics is not supported.")
        for statistic in params.get("ExtendedStatistics") or ():
            _check_percentile(statistic, "ExtendedStatistics")
        unit = _unit(params.get("Unit"), "Unit", default=None)
        period = _period(_required(params, "Period"), "Period")
        start, end = _unix(_required(params, "StartTime")), _unix(_required(params, "EndTime"))
        if start >= end:
            raise AwsError(
                "InvalidParameterCombination", "The parameter StartTime must be less than the parameter EndTime."
            )
        first, last = self._aligned(start, end, period)
        asked = math.ceil((last - first) / period)
        if asked > MAX_STATISTICS_DATAPOINTS:
            raise AwsError(
                "InvalidParameterCombination",
                f"You have requested up to {asked:,} datapoints, which exceeds the limit of "
                f"{MAX_STATISTICS_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or "
                "decreasing the time range.",
            )
        datapoints = []
        with self._lock:
            now = self._clock.now()
            for series in self._find(call.account, call.region, namespace, name, dimensions, unit):
                for time, bucket in series.read(first, last, period, now).items():
                    point: dict[str, Any] = {"Timestamp": _moment(time), "Unit": series.key.unit}
                    for statistic in statistics:
                        figure = bucket.statistic(statistic)
                        if figure is None:
                            continue
                        if statistic in STATISTICS:
                            point[statistic] = figure
                        else:
                            point.setdefault("ExtendedStatistics", {})[statistic] = figure
                    datapoints.append(point)
        datapoints.sort(key=lambda point: (point["Timestamp"], point["Unit"]))
        return {"Label": name, "Datapoints": datapoints}

    def _get_metric_data(self, call: Call) -> dict[str, Any]:
        params = call.params
        queries = params.get("MetricDataQueries") or []
        if not queries:
            raise _validation("The parameter MetricDataQueries is required.")
        if len(queries) > MAX_QUERIES:
            raise _validation(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
        start, end = _unix(_required(params, "StartTime")), _unix(_required(params, "EndTime"))
        if start == end:
            raise _validation("The parameter StartTime must not equal parameter EndTime.")
        if start > end:
            raise _validation("The parameter EndTime must be greater than StartTime.")
        limit = params.get("MaxDatapoints") or MAX_DATA_DATAPOINTS
        if not 1 <= limit <= MAX_DATA_DATAPOINTS:
            raise _validation(f"The parameter MaxDatapoints must be between 1 and {MAX_DATA_DATAPOINTS}.")
        asked = read_queries(queries, "MetricDataQueries")
        descending = params.get("ScanBy", "TimestampDescending") != "TimestampAscending"

        def cover(period: int) -> Range:
            return Range(*self._aligned(start, end, period), period)

        def read(stat: MetricStat) -> dict[int, float]:
            first, last = self._aligned(start, end, stat.period)
            buckets = self._buckets(call.account, call.region, stat, first, last, now)
            figures = ((time, bucket.statistic(stat.statistic)) for time, bucket in buckets.items())
            return {time: figure for time, figure in figures if figure is not None}

        try:
            metric_queries.check(asked)
            with self._lock:
                now = self._clock.now()
                computed = metric_queries.compute(asked, read, cover)
        except MathError as error:
            raise _validation(str(error)) from error
        results = [
            _result(series, descending)
            for query in asked
            if query.returned
            for series in time_series(computed[query.id]) or ()
        ]
        return _page(results, _offset(params.get("NextToken")), limit)

    def _list_metrics(self, call: Call) -> dict[str, Any]:
        params = call.params
        if params.get("OwningAccount") not in (None, call.account):
            raise _invalid(f"The value {params['OwningAccount']} for parameter OwningAccount is not a linked account.")
        namespace, name = params.get("Namespace"), params.get("MetricName")
        filters = params.get("Dimensions") or []
        if len(filters) > 10:
            raise _invalid("The collection Dimensions must not have a size greater than 10.")
        window = RECENTLY_ACTIVE if params.get("RecentlyActive") else LISTED_FOR
        offset = _offset(params.get("NextToken"))
        with self._lock:
            now = self._clock.now()
            found = {
                (key.namespace, key.name, key.dimensions)
                for key in (series.key for series in self._series.values() if series.last >= now - window)
                if key.account == call.account
                and key.region == call.region
                and (namespace is None or key.namespace == namespace)
                and (name is None or key.name == name)
                and all(_has(key.dimensions, wanted) for wanted in filters)
            }
        page = sorted(found)[offset : offset + LIST_PAGE]
        answer: dict[str, Any] = {
            "Metrics": [
                {
                    "Namespace": found_namespace,
                    "MetricName": found_name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                }
                for found_namespace, found_name, dimensions in page
            ]
        }
        if offset + LIST_PAGE < len(found):
            answer["NextToken"] = _token(offset + LIST_PAGE)
        if params.get("IncludeLinkedAccounts"):
            answer["OwningAccounts"] = [call.account] * len(page)
        return answer

    # -- inside (the lock is held) ---------------------------------------------------------------

    def _open(self, key: SeriesKey) -> Series | None:
        """The series of `key`, made if need be; None once the sandbox holds too many."""
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES:
                if not self._told_full:
                    self._told_full = True
                    log.warning("the sandbox holds %d metrics and takes no new ones; reset it", MAX_SERIES)
                return None
            series = self._series[key] = Series(key)
        return series

    def _find(
        self, account: str, region: str, namespace: str, name: str, dimensions: Dimensions, unit: str | None
    ) -> Iterator[Series]:
        """The series with exactly these dimensions: one for each unit, or only that of `unit`."""
        for candidate in _UNITS_IN_ORDER if unit is None else (unit,):
            series = self._series.get((account, region, namespace, name, dimensions, candidate))
            if series is not None:
                yield series

    def _buckets(
        self, account: str, region: str, stat: MetricStat, start: int, end: int, now: float
    ) -> dict[int, Bucket]:
        """Data by period, of all units unless the statistic names one, in the order of time."""
        found = self._find(account, region, stat.namespace, stat.name, stat.dimensions, stat.unit)
        readings = [series.read(start, end, stat.period, now) for series in found]
        return readings[0] if len(readings) == 1 else dict(sorted(merged(readings).items()))

    def _aligned(self, start: float, end: float, period: int) -> tuple[int, int]:
        """A time range as CloudWatch rounds it: the older its start, the coarser."""
        age = self._clock.now() - start
        step = 60 if age < MINUTES_KEPT else 300 if age < FIVE_MINUTES_KEPT else 3600
        if period < 60:
            step = period
        return math.floor(start / step) * step, math.ceil(end)


class _Datum:
    """One entry of PutMetricData's MetricData, checked."""

    def __init__(self, datum: dict[str, Any], where: str, now: float) -> None:
        self.name = _required(datum, "MetricName", f"{where}.MetricName")
        if not 1 <= len(self.name) <= 255:
            raise _invalid(f"The value {self.name} for parameter {where}.MetricName is invalid.")
        self.dimensions = _dimensions(datum.get("Dimensions"), f"{where}.Dimensions")
        self.unit = _unit(datum.get("Unit"), f"{where}.Unit", default="None") or "None"
        resolution = datum.get("StorageResolution", 60)
        if resolution not in (1, 60):
            raise _invalid(f"The parameter {where}.StorageResolution must be a value in the set [ 1, 60 ].")
        self.high_resolution = resolution == 1
        self.at = _unix(datum["Timestamp"]) if datum.get("Timestamp") is not None else now
        if self.at < now - MAX_PAST:
            raise _invalid(f"The parameter {where}.Timestamp must specify a time within the past two weeks.")
        if self.at > now + MAX_FUTURE:
            raise _invalid(f"The parameter {where}.Timestamp must specify a time no more than two hours in the future.")
        self.summary: tuple[float, float, float, float] | None = None
        self.counted: list[tuple[float, float]] = []
        self._read_values(datum, where)

    def add_to(self, series: Series) -> None:
        buckets = [series.minute(self.at)]
        if self.high_resolution:
            buckets.append(series.second(self.at))
        for bucket in buckets:
            if self.summary is not None:
                bucket.add_summary(*self.summary)
            for value, count in self.counted:
                bucket.add(value, count)

    def _read_values(self, datum: dict[str, Any], where: str) -> None:
        given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
        if not given:
            raise AwsError(
                "MissingParameter", f"At least one of {where}.Value, Values or StatisticValues must be specified."
            )
        if len(given) > 1:
            raise AwsError(
                "InvalidParameterCombination",
                f"The parameters {where}.{given[0]} and {where}.{given[1]} are mutually exclusive and you have "
                "specified both.",
            )
        if given == ["StatisticValues"]:
            parts = datum["StatisticValues"]
            names = ("SampleCount", "Sum", "Minimum", "Maximum")
            count, total, low, high = (
                _value(_required(parts, name, f"{where}.StatisticValues.{name}"), f"{where}.StatisticValues.{name}")
                for name in names
            )
            if count <= 0:
                raise _invalid(f"The value {count} for parameter {where}.StatisticValues.SampleCount is invalid.")
            if low > high:
                raise AwsError(
                    "InvalidParameterCombination",
                    f"The parameter {where}.StatisticValues.Minimum must not be greater than "
                    f"{where}.StatisticValues.Maximum.",
                )
            self.summary = (count, total, low, high)
            return
        values = [datum["Value"]] if given == ["Value"] else datum["Values"]
        if not 1 <= len(values) <= MAX_VALUES_PER_DATUM:
            raise _invalid(
                f"The collection {where}.Values must have 1 to {MAX_VALUES_PER_DATUM} entries, and has {len(values)}."
            )
        counts = datum.get("Counts") if given == ["Values"] else None
        if counts is not None and len(counts) != len(values):
            raise _invalid(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
        for value, count in zip(values, counts or [1.0] * len(values), strict=True):
            if _value(count, f"{where}.Counts") <= 0:
                raise _invalid(f"The value {count} for parameter {where}.Counts is invalid.")
            self.counted.append((_value(value, f"{where}.{given[0]}"), float(count)))


# -- parameters ----------------------------------------------------------------------------------


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def _validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _required(params: Mapping[str, Any], name: str, where: str | None = None) -> Any:
    value = params.get(name)
    if value is None or value == "":
        raise AwsError("MissingParameter", f"The parameter {where or name} is required.")
    return value


def _value(value: Any, where: str) -> float:
    if not is_storable(float(value)):
        shown = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(float(value)), value)
        raise _invalid(f"The value {shown} for parameter {where} is invalid.")
    return float(value)


def _unit(unit: str | None, where: str, *, default: str | None) -> str | None:
    if unit is None:
        return default
    if unit not in UNITS:
        raise _invalid(f"The parameter {where} must be a value in the set [ {', '.join(sorted(UNITS))} ].")
    return unit


def _dimensions(given: Iterable[Mapping[str, str]] | None, where: str) -> Dimensions:
    pairs: dict[str, str] = {}
    for place, dimension in enumerate(given or (), 1):
        name = _required(dimension, "Name", f"{where}.member.{place}.Name")
        value = _required(dimension, "Value", f"{where}.member.{place}.Value")
        if len(name) > 255 or name.startswith(":"):
            raise _invalid(f"The value {name} for parameter {where}.member.{place}.Name is invalid.")
        if len(value) > 1024 or value.isspace():
            raise _invalid(f"The value {value} for parameter {where}.member.{place}.Value is invalid.")
        if name in pairs:
            raise _invalid(f"The parameter {where} names the dimension {name} more than once.")
        pairs[name] = value
    if len(pairs) > MAX_DIMENSIONS:
        raise _invalid(f"The collection {where} must not have a size greater than {MAX_DIMENSIONS}.")
    return tuple(sorted(pairs.items()))


def _period(period: int, where: str) -> int:
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise _invalid(f"The parameter {where} must be 1, 5, 10, 20, 30 or a multiple of 60, and is {period}.")
    return period


def _check_percentile(statistic: str, where: str) -> None:
    if percentile_of(statistic) is None:
        raise _invalid(
            f"The value {statistic} for parameter {where} is not supported: beside SampleCount, Average, Sum, Minimum "
            "and Maximum this sandbox knows percentiles (p0 to p100)."
        )


def read_queries(queries: Sequence[Mapping[str, Any]], where: str) -> list[Query]:
    """MetricDataQueries, each checked by itself; AwsError for the first that is wrong."""
    seen: set[str] = set()
    return [_query(query, f"{where}.member.{place}", seen) for place, query in enumerate(queries, 1)]


def _query(query: Mapping[str, Any], where: str, seen: set[str]) -> Query:
    name = _required(query, "Id", f"{where}.Id")
    if not (name[:1].islower() and name.replace("_", "a").isalnum() and len(name) <= 255):
        raise _validation(
            f"The value {name} for parameter {where}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )
    if name in seen:
        raise _validation(f"The values for parameter Id must be unique, and {name} is there twice.")
    seen.add(name)
    if query.get("AccountId") is not None:
        raise _validation(f"The parameter {where}.AccountId is not supported by this sandbox.")
    label, returned = query.get("Label"), query.get("ReturnData") is not False
    stat, expression = query.get("MetricStat"), query.get("Expression")
    if stat is not None and expression is not None:
        raise _validation(
            f"The parameters {where}.MetricStat and {where}.Expression are mutually exclusive and you have specified "
            "both."
        )
    if expression is not None:
        if query.get("Period") is not None:
            _period(query["Period"], f"{where}.Period")
        try:
            tree = parse_expression(name, expression)
        except MathError as error:
            raise _validation(str(error)) from error
        return Query(name, None, expression, tree, label, query.get("Period"), returned)
    if stat is None:
        raise _validation(f"The parameter {where}.MetricStat is required.")
    metric = _required(stat, "Metric", f"{where}.MetricStat.Metric")
    statistic = _required(stat, "Stat", f"{where}.MetricStat.Stat")
    if statistic not in STATISTICS:
        _check_percentile(statistic, f"{where}.MetricStat.Stat")
    found = MetricStat(
        _required(metric, "Namespace", f"{where}.MetricStat.Metric.Namespace"),
        _required(metric, "MetricName", f"{where}.MetricStat.Metric.MetricName"),
        _dimensions(metric.get("Dimensions"), f"{where}.MetricStat.Metric.Dimensions"),
        _period(_required(stat, "Period", f"{where}.MetricStat.Period"), f"{where}.MetricStat.Period"),
        statistic,
        _unit(stat.get("Unit"), f"{where}.MetricStat.Unit", default=None),
    )
    return Query(name, found, label=label, returned=returned)


def _result(series: TimeSeries, descending: bool) -> dict[str, Any]:
    points = list(series.points.items())
    if descending:
        points.reverse()
    return {
        "Id": series.id,
        "Label": series.label,
        "Timestamps": [_moment(time) for time, _ in points],
        "Values": [figure for _, figure in points],
        "StatusCode": "Complete",
    }


def _page(results: list[dict[str, Any]], offset: int, limit: int) -> dict[str, Any]:
    """The results from the `offset`-th datapoint on, `limit` of them at most."""
    page, passed, left = [], 0, limit
    for result in results:
        count = len(result["Values"])
        skip = min(max(offset - passed, 0), count)
        take = min(count - skip, left)
        passed += count
        if offset and skip == count:
            continue
        cut = {name: result[name][skip : skip + take] for name in ("Timestamps", "Values")}
        page.append({**result, **cut, "StatusCode": "Complete" if skip + take == count else "PartialData"})
        left -= take
    answer: dict[str, Any] = {"MetricDataResults": page, "Messages": []}
    if offset + limit < passed:
        answer["NextToken"] = _token(offset + limit)
    return answer


def _has(dimensions: Dimensions, wanted: Mapping[str, str]) -> bool:
    return any(name == wanted["Name"] and wanted.get("Value") in (None, value) for name, value in dimensions)


def _token(offset: int) -> str:
    return f"offset-{offset}"


def _offset(token: str | None) -> int:
    if not token:
        return 0
    digits = token.removeprefix("offset-")
    if digits == token or not digits.isdecimal():
        raise AwsError("InvalidNextToken", "Request parameter NextToken is invalid")
    return int(digits)


def _unix(moment: Any) -> float:
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(moment)


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)
