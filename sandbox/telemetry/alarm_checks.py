"""What PutMetricAlarm and PutCompositeAlarm take: parameters to settings, AwsError for what can't be.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.gateway.call import AwsError
from sandbox.gateway.moto_resources import arn_of
from sandbox.gateway.refusals import unsupported
from sandbox.telemetry import metric_queries
from sandbox.telemetry.alarm import ACTIONS
from sandbox.telemetry.alarm_rules import InvalidRule, Rule, parse
from sandbox.telemetry.evaluation import COMPARISONS, DAY, HOUR, TREATMENTS, Criteria
from sandbox.telemetry.math_expressions import MathError
from sandbox.telemetry.metric_queries import MetricStat, Query
from sandbox.telemetry.metrics import read_queries
from sandbox.telemetry.series import percentile_of
from sandbox.telemetry.time_series import TimeSeries

MAX_ACTIONS = 5
MAX_METRICS = 10
MAX_TAGS = 50
MAX_DAYS = 7
MAX_SUPPRESSION = DAY
_SINGLE = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_HIGH_RESOLUTION = (10, 20, 30)

#: Settings that AWS has and this sandbox has not.
_NOT_BUILT: Mapping[str, str] = {
    "ThresholdMetricId": "anomaly detection is not part of this sandbox",
    "EvaluationCriteria": "PromQL queries are not part of this sandbox",
    "EvaluationInterval": "PromQL queries are not part of this sandbox",
    "WarmUpConfiguration": "warm-up periods of alarms are not part of this sandbox",
    "ActionConfiguration": "tags are not sent with an alarm's notifications",
}
_NO_ACTIONS: Mapping[str, str] = {
    "aiops": "there are no investigations here",
    "application-autoscaling": "nothing is scaled here",
    "autoscaling": "nothing is scaled here",
    "automate": "there are no machines to stop, end or start",
    "ssm": "there are no OpsItems or incidents here",
    "ssm-incidents": "there are no OpsItems or incidents here",
    "swf": "there are no machines to stop, end or start",
}
_KEPT = (
    "AlarmName",
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "EvaluationWindow",
    "AlarmRule",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
)


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    settings: Mapping[str, Any]
    criteria: Criteria
    queries: Sequence[Query]
    watched: str


@dataclass(frozen=True, slots=True)
class CompositeDefinition:
    settings: Mapping[str, Any]
    rule: Rule


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def metric_alarm(params: Mapping[str, Any], region: str) -> MetricDefinition:
    """PutMetricAlarm's parameters, checked."""
    _refuse("PutMetricAlarm", params)
    _common("PutMetricAlarm", params, region)
    window = params.get("EvaluationWindow")
    if window is not None and "WallClockWindow" in window:
        raise unsupported("cloudwatch", "PutMetricAlarm", "EvaluationWindow: wall clock windows are not built")
    if (comparison := params.get("ComparisonOperator")) is None:
        raise _missing("ComparisonOperator")
    if comparison not in COMPARISONS:
        if "Lower" in comparison or "Upper" in comparison:
            raise unsupported(
                "cloudwatch", "PutMetricAlarm", f"ComparisonOperator {comparison}: {_NOT_BUILT['ThresholdMetricId']}"
            )
        raise invalid(f"The parameter ComparisonOperator must be a value in the set [ {', '.join(COMPARISONS)} ].")
    periods, needed = params.get("EvaluationPeriods"), params.get("DatapointsToAlarm")
    if periods is None:
        raise _missing("EvaluationPeriods")
    if periods < 1:
        raise invalid("The parameter EvaluationPeriods must be greater than or equal to 1.")
    if needed is not None and not 1 <= needed <= periods:
        raise invalid(f"DatapointsToAlarm must be between 1 and EvaluationPeriods ({periods}), and is {needed}.")
    if params.get("Threshold") is None:
        raise _missing("Threshold")
    treatment = params.get("TreatMissingData")
    if treatment not in (None, *TREATMENTS):
        raise invalid(f"The value {treatment} is not supported for TreatMissingData parameter.")
    low = params.get("EvaluateLowSampleCountPercentile")
    if low not in (None, "evaluate", "ignore"):
        raise invalid(
            f"Option {low} is not supported. Supported options for parameter "
            "EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    queries, watched = _list(params) if params.get("Metrics") else ([_single(params)], "m1")
    stat = next(query for query in queries if query.id == watched).stat
    period = max(query.stat.period for query in queries if query.stat is not None)
    if low is not None and (stat is None or percentile_of(stat.statistic) is None):
        raise invalid("EvaluateLowSampleCountPercentile is used only for alarms based on percentiles.")
    _check_length(period, periods)
    stats = [query.stat for query in queries if query.stat is not None]
    # Whatever is asked for: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    ignores = any(each.namespace == "AWS/DynamoDB" for each in stats)
    criteria = Criteria(
        period,
        periods,
        float(params["Threshold"]),
        comparison,
        needed,
        "ignore" if ignores else treatment or "missing",
        stat.statistic if stat is not None else None,
        stat.unit if stat is not None else None,
        low == "ignore",
    )
    return MetricDefinition(_settings(params), criteria, queries, watched)


def composite_alarm(params: Mapping[str, Any], region: str) -> CompositeDefinition:
    """PutCompositeAlarm's parameters, checked; whether the alarms it names exist is not looked at."""
    _refuse("PutCompositeAlarm", params)
    _common("PutCompositeAlarm", params, region)
    text = params.get("AlarmRule")
    if text is None:
        raise _missing("AlarmRule")
    try:
        rule = parse(text)
    except InvalidRule as error:
        raise invalid(str(error)) from error
    spans = [params.get(f"ActionsSuppressor{name}Period") for name in ("Wait", "Extension")]
    if params.get("ActionsSuppressor") is None:
        if spans != [None, None]:
            raise invalid("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod need an ActionsSuppressor.")
    elif None in spans:
        raise invalid(
            "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor."
        )
    for span in spans:
        if span is not None and not 0 <= span <= MAX_SUPPRESSION:
            raise invalid(f"A suppressor's period must be between 0 and {MAX_SUPPRESSION} seconds, and is {span}.")
    return CompositeDefinition(_settings(params), rule)


def tags(given: Sequence[Mapping[str, str]] | None, *, by_aws: bool = False) -> dict[str, str]:
    """Tags by key; AwsError if there are too many.

    `by_aws` says that a service of AWS's sets them: it alone uses keys that begin with aws:, which don't count.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
    """
    found = {each["Key"]: each["Value"] for each in given or ()}
    reserved = [key for key in found if key.lower().startswith("aws:")]
    if len(found) - len(reserved) > MAX_TAGS:
        raise AwsError("InvalidParameterValue", f"A resource can have {MAX_TAGS} tags at most.")
    if reserved and not by_aws:
        raise AwsError("InvalidParameterValue", "Tag keys that begin with aws: are reserved.")
    return found


# -- parts -------------------------------------------------------------------------------------------------------


def _settings(params: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: params[name] for name in _KEPT if params.get(name) is not None}
    if "MetricName" in kept:
        kept["Dimensions"] = list(params.get("Dimensions") or ())
    return kept | {name: list(params.get(name) or ()) for name in ACTIONS.values()}


def _refuse(operation: str, params: Mapping[str, Any]) -> None:
    for name, reason in _NOT_BUILT.items():
        if params.get(name) is not None:
            raise unsupported("cloudwatch", operation, f"{name}: {reason}")


def _common(operation: str, params: Mapping[str, Any], region: str) -> None:
    name = params.get("AlarmName")
    if not name:
        raise _missing("AlarmName")
    if len(name) > 255 or re.search(r"[\x00-\x1f\x7f]", name):
        raise invalid("The parameter AlarmName must have 1 to 255 characters, and no control characters.")
    if len(params.get("AlarmDescription") or "") > 1024:
        raise invalid("The parameter AlarmDescription must be shorter than 1025 characters.")
    for member in ACTIONS.values():
        actions = params.get(member) or ()
        if len(actions) > MAX_ACTIONS:
            raise invalid(f"The collection {member} must not have a size greater than {MAX_ACTIONS}.")
        for action in actions:
            _check_action(operation, action, region)


def _check_action(operation: str, action: str, region: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html: whether the topic or function
    is there is found out when it is needed.
    """
    service = action.split(":")[2] if action.startswith("arn:") and action.count(":") >= 5 else ""
    if service in _NO_ACTIONS:
        raise unsupported("cloudwatch", operation, f"the action {action}: {_NO_ACTIONS[service]}")
    arn = arn_of(action)
    if arn is None or service not in ("sns", "lambda"):
        raise invalid(f"Invalid arn syntax: {action}")
    if arn.region != region:
        raise invalid(f"Invalid region {arn.region} specified. Only {region} is supported.")
    if service == "sns" and arn.resource.endswith(".fifo"):
        raise unsupported("cloudwatch", operation, f"the action {action}: FIFO topics get no notifications of alarms")
    if service == "lambda" and not arn.resource.startswith("function:"):
        raise invalid(f"Invalid arn syntax: {action}")


def _single(params: Mapping[str, Any]) -> Query:
    for name in ("MetricName", "Namespace"):
        if not params.get(name):
            raise invalid(f"{name} must not be null")
    given = [name for name in ("Statistic", "ExtendedStatistic") if params.get(name)]
    if not given:
        raise AwsError("MissingParameter", "Must specify either Statistic or ExtendedStatistic.")
    if len(given) > 1:
        raise AwsError("InvalidParameterCombination", "Must specify either Statistic or ExtendedStatistic, not both.")
    if params.get("Period") is None:
        raise invalid("Period must not be null")
    _check_period(params["Period"])
    metric = {name: params.get(name) for name in ("MetricName", "Namespace", "Dimensions")}
    stat = {"Metric": metric, "Period": params["Period"], "Stat": params[given[0]], "Unit": params.get("Unit")}
    if given == ["ExtendedStatistic"] and percentile_of(params[given[0]]) is None:
        raise unsupported(
            "cloudwatch", "PutMetricAlarm", f"ExtendedStatistic {params[given[0]]}: of these only percentiles work"
        )
    return read_queries([{"Id": "m1", "MetricStat": stat}], "Metrics")[0]


def _list(params: Mapping[str, Any]) -> tuple[list[Query], str]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html"""
    both = [name for name in _SINGLE if params.get(name) not in (None, [])]
    if both:
        raise AwsError(
            "InvalidParameterCombination", f"The parameters Metrics and {both[0]} can't be specified together."
        )
    queries = read_queries(params["Metrics"], "Metrics")
    returned = [query for query in queries if query.returned]
    if len(returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")
    stats = [query.stat for query in queries if query.stat is not None]
    if not stats:
        raise invalid("The metrics list must hold a metric.")
    if len(stats) > MAX_METRICS:
        raise invalid(f"The metrics list must not hold more than {MAX_METRICS} metrics.")
    if len({stat.period for stat in stats}) > 1:
        raise invalid("All metrics of an alarm's metrics list must have the same period.")
    _check_stat(stats[0])
    try:
        results = metric_queries.check(queries)
    except MathError as error:
        raise invalid(str(error)) from error
    if not isinstance(results[returned[0].id], TimeSeries):
        raise invalid(f"Error in expression '{returned[0].id}': An alarm watches a single time series, not an array.")
    return queries, returned[0].id


def _check_stat(stat: MetricStat) -> None:
    _check_period(stat.period)


def _check_period(period: int) -> None:
    if period not in _HIGH_RESOLUTION and (period < 60 or period % 60):
        raise invalid("Period must be 10, 20, 30 or a multiple of 60")


def _check_length(period: int, periods: int) -> None:
    longest = MAX_DAYS * DAY if period >= HOUR else DAY
    if period * periods > longest:
        raise invalid(
            f"Metrics cannot be checked across more than {longest // DAY} day{'s' if longest > DAY else ''} "
            "(EvaluationPeriods * Period must be <= "
            f"{longest})."
        )


def _missing(name: str) -> AwsError:
    return AwsError("MissingParameter", f"The parameter {name} is required.")
