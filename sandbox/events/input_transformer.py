"""What a target gets of an event: all of it, a part (InputPath), a constant (Input), or text made from it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

RULE_ARN = "aws.events.rule-arn"
RULE_NAME = "aws.events.rule-name"
EVENT = "aws.events.event"
EVENT_JSON = "aws.events.event.json"
INGESTION_TIME = "aws.events.event.ingestion-time"
PREDEFINED = (RULE_ARN, RULE_NAME, EVENT, EVENT_JSON, INGESTION_TIME)

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_STEP = re.compile(r"\.(?P<name>[A-Za-z0-9_\-/ ]+|\*)|\[(?P<index>\d{1,6}|\*)\]|\['(?P<quoted>[^']+)'\]")


class InvalidTransformation(ValueError):
    """A path or a template that can't be used; the message is EventBridge's."""


Path = tuple[str | int, ...]


def parse_path(text: str) -> Path:
    """A JSON path's steps ("*" for all); InvalidTransformation if it is none that EventBridge supports.

    Names after dots, indices and wildcards: `$.detail.items[0].*`.
    """
    steps: list[str | int] = []
    at = 1
    while text.startswith("$") and at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            break
        index = found["index"]
        if index is None:
            steps.append(found["name"] or found["quoted"])
        else:
            steps.append(index if index == "*" else int(index))
        at = found.end()
    if not text.startswith("$") or at != len(text):
        raise InvalidTransformation(f"Invalid JSONPath: {text}")
    return tuple(steps)


def look_up(event: Any, path: Path) -> tuple[bool, Any]:
    """Whether there is something at a path, and what; with a wildcard in it the list of all that is there."""
    found = list(_reached(event, path))
    if "*" in path:
        return bool(found), found
    return (True, found[0]) if found else (False, None)


def _reached(value: Any, path: Path) -> Iterator[Any]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*":
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for each in inside:
            yield from _reached(each, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from _reached(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from _reached(value[step], rest)


@dataclass(frozen=True, slots=True)
class Transformer:
    """An InputTransformer: text, placeholders' names in it, and the paths of those that aren't predefined."""

    template: str
    paths: Mapping[str, Path]

    @property
    def is_json(self) -> bool:
        """Whether the template is an object or an array, and not text."""
        return self.template.lstrip()[:1] in ("{", "[")


def parse_transformer(paths: Mapping[str, str], template: str) -> Transformer:
    """Read an InputTransformer; InvalidTransformation says what is wrong with it."""
    for name in paths:
        if name.lower().startswith("aws."):
            raise InvalidTransformation(f"InputPathsMap contains a reserved name: {name}")
    parsed = {name: parse_path(path) for name, path in paths.items()}
    for name in _PLACEHOLDER.findall(template):
        if name not in parsed and name not in PREDEFINED:
            raise InvalidTransformation(f"contains placeholder {name} that is not in InputPathsMap")
    return Transformer(template, parsed)


def transform(
    transformer: Transformer, event: Mapping[str, Any], *, rule_arn: str, rule_name: str, ingested: str
) -> str:
    """The text that a template makes of an event. `ingested` is when EventBridge got it, as text.

    In quotes a variable stands as plain text, outside of them as JSON. One whose path leads nowhere leaves nothing.
    """
    values: dict[str, Any] = {
        RULE_ARN: rule_arn,
        RULE_NAME: rule_name,
        EVENT: {key: value for key, value in event.items() if key != "detail"},
        EVENT_JSON: event,
        INGESTION_TIME: ingested,
    }
    absent: set[str] = set()
    for name, path in transformer.paths.items():
        there, values[name] = look_up(event, path)
        if not there:
            absent.add(name)
    made: list[str] = []
    at = 0
    quoted = False
    for found in _PLACEHOLDER.finditer(transformer.template):
        before = transformer.template[at : found.start()]
        made.append(before)
        quoted = _in_quotes(before, quoted)
        at = found.end()
        if found[1] in absent:
            continue
        made.append(_within_quotes(values[found[1]]) if quoted else _outside(values[found[1]], transformer))
    made.append(transformer.template[at:])
    return "".join(made)


def _in_quotes(text: str, quoted: bool) -> bool:
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
    return quoted


def _within_quotes(value: Any) -> str:
    """As part of a string: objects lose their quotes, so that the string stays one."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)[1:-1]
    if isinstance(value, (dict, list)):
        return dumps(value).replace("\\", "").replace('"', "")
    return dumps(value)


def _outside(value: Any, transformer: Transformer) -> str:
    if isinstance(value, str) and not transformer.is_json:
        # Bare text, unless the placeholder is all there is.
        return dumps(value) if _PLACEHOLDER.fullmatch(transformer.template.strip()) else value
    return dumps(value)


def dumps(value: Any) -> str:
    """A value as the JSON that targets get."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
