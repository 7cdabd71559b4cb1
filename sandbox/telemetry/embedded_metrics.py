"""Embedded metric format: the metrics that a log event carries.

Rules: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
What a document gets wrong costs the metrics concerned and nothing else: the log event stays as it is, and
CloudWatch counts the fault in AWS/Logs as EMFParsingErrors (not the format) or EMFValidationErrors (a bad part).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.telemetry.series import UNITS, is_storable

MAX_DIMENSIONS = 30
MAX_METRICS = 100
MAX_VALUES = 100
#: How far a document's Timestamp may lie from now, in ms: two weeks back, two hours ahead.
MAX_PAST_MS = 14 * 86_400_000
MAX_FUTURE_MS = 2 * 3_600_000


@dataclass(frozen=True, slots=True)
class EmbeddedMetric:
    """One metric under one dimension set. `at` is Unix seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    values: tuple[float, ...]
    unit: str
    at: float
    high_resolution: bool


@dataclass(slots=True)
class Extraction:
    """What a log event gave: its metrics, and how many of its parts did not hold to the format."""

    metrics: list[EmbeddedMetric] = field(default_factory=list)
    parsing_errors: int = 0
    validation_errors: int = 0


def looks_embedded(message: str) -> bool:
    """A quick sieve: false for nearly all lines that carry no metrics."""
    return '"CloudWatchMetrics"' in message and '"_aws"' in message


def extract(message: str, now_ms: int) -> Extraction:
    """The metrics of `message`, a log event that came in at `now_ms`."""
    result = Extraction()
    try:
        root = json.loads(message)
    except (ValueError, RecursionError):
        return result
    metadata = root.get("_aws") if isinstance(root, dict) else None
    if not isinstance(metadata, dict):
        return result
    directives, timestamp = metadata.get("CloudWatchMetrics"), metadata.get("Timestamp")
    at_ms = _number(timestamp)
    if not isinstance(directives, list) or at_ms is None:
        result.parsing_errors = 1
        return result
    if not now_ms - MAX_PAST_MS <= at_ms <= now_ms + MAX_FUTURE_MS:
        result.validation_errors = 1
        return result
    for directive in directives:
        _read_directive(directive, root, at_ms / 1000, result)
    return result


def _read_directive(directive: Any, root: dict[str, Any], at: float, result: Extraction) -> None:
    if not isinstance(directive, dict):
        result.parsing_errors += 1
        return
    namespace, sets, definitions = (directive.get(name) for name in ("Namespace", "Dimensions", "Metrics"))
    if not isinstance(namespace, str) or not isinstance(sets, list) or not isinstance(definitions, list):
        result.parsing_errors += 1
        return
    if not 1 <= len(namespace) <= 255 or namespace.startswith(":") or len(definitions) > MAX_METRICS:
        result.validation_errors += 1
        return
    dimension_sets = [found for found in (_dimensions(names, root, result) for names in sets) if found is not None]
    for definition in definitions:
        metric = _definition(definition, root)
        if metric is None:
            result.validation_errors += 1
            continue
        name, values, unit, fine = metric
        result.metrics += [
            EmbeddedMetric(namespace, name, dimensions, values, unit, at, fine) for dimensions in dimension_sets
        ]


def _dimensions(names: Any, root: dict[str, Any], result: Extraction) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        result.parsing_errors += 1
        return None
    pairs = [(name, root.get(name)) for name in dict.fromkeys(names)]
    if len(pairs) > MAX_DIMENSIONS or not all(_is_dimension(name, value) for name, value in pairs):
        result.validation_errors += 1
        return None
    return tuple(sorted((name, str(value)) for name, value in pairs))


def _is_dimension(name: str, value: Any) -> bool:
    return 1 <= len(name) <= 255 and isinstance(value, str) and 1 <= len(value) <= 1024 and not value.isspace()


def _definition(definition: Any, root: dict[str, Any]) -> tuple[str, tuple[float, ...], str, bool] | None:
    if not isinstance(definition, dict):
        return None
    name, unit = definition.get("Name"), definition.get("Unit", "None")
    resolution = definition.get("StorageResolution", 60)
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        return None
    if not isinstance(unit, str) or unit not in UNITS or resolution not in (1, 60):
        return None
    target = root.get(name)
    values = [_number(value) for value in (target if isinstance(target, list) else [target])]
    numbers = tuple(value for value in values if value is not None)
    if not 1 <= len(values) <= MAX_VALUES or len(numbers) < len(values):
        return None
    return name, numbers, unit, resolution == 1


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_storable(value):
        return None
    return float(value)
