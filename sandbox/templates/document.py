"""A template's text, JSON or YAML, read into plain values: dicts with string keys, lists, strings, numbers, booleans.

What a template may not have is refused here, in CloudFormation's words: aliases, tags other than the functions', keys
that are no strings, null values, a text that is too long or nested too deep. The readers take one pass and keep no call
stack. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html

A key that stands twice is no error: CloudFormation takes the last one (measured by others in 2026: validate-template
accepts duplicate properties and logical ids, in JSON and in YAML).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from sandbox.templates.errors import TemplateError

#: Bytes. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_BODY = 51_200
LARGEST_BY_URL = 1_000_000

#: AWS publishes no limit. A state machine in a template, the deepest that people write, has some thirty levels.
DEEPEST = 100

#: An integer beyond a double's range is none of a template's.
MOST_BITS = 1024

Document = dict[str, Any]

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html, and of rules
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
_FUNCTIONS = (
    *("And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs"),
    *("GetAtt", "If", "ImportValue", "Join", "Length", "Not", "Or", "RefAll", "Select", "Split", "Sub"),
    *("ToJsonString", "Transform", "ValueOf", "ValueOfAll"),
)
_SHORT_FORMS = {f"!{name}": f"Fn::{name}" for name in _FUNCTIONS} | {"!Ref": "Ref", "!Condition": "Condition"}

_YAML = "tag:yaml.org,2002:"
_SCALARS = frozenset({f"{_YAML}{kind}" for kind in ("str", "int", "float", "bool", "null")})

#: AWS's parser is SnakeYAML: digits that are no integer (an account id that begins with 0 and has an 8 or 9 in it) are
#: a float to it, as are digits with an exponent. https://github.com/cloudtools/troposphere/issues/1290
_DIGITS = re.compile(r"[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?\Z")
_RESOLVERS = {
    first: [
        *((tag, pattern) for tag, pattern in resolvers if tag in _SCALARS),
        *([(f"{_YAML}float", _DIGITS)] if first in "-+0123456789" else []),
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if isinstance(first, str)
}


def check_length(text: str, *, by_url: bool = False) -> None:
    """TemplateError if the template is longer than CreateStack takes, in its body or, with `by_url`, from S3."""
    length = len(text.encode("utf-8", "surrogatepass"))
    if by_url and length > LARGEST_BY_URL:
        raise TemplateError(f"Template may not exceed {LARGEST_BY_URL} bytes in size.")
    if not by_url and length > LARGEST_BODY:
        raise TemplateError(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {LARGEST_BODY}"
        )


def read(text: str) -> Document:
    """The template that the text is. TemplateError for a text that is none."""
    text = text.removeprefix("\ufeff")
    _check_characters(text)
    value = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
    if not isinstance(value, dict):
        raise TemplateError("Template format error: unsupported structure.")
    if "\\u" in text:
        # An escape may have made half a character.
        _check_characters(json.dumps(value, ensure_ascii=False))
    for path, inner in walk(value):
        if inner is None:
            raise TemplateError(f"[{pointer(path)}] 'null' values are not allowed in templates")
    return value


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as surrogate:
        raise TemplateError("Template format error: the template is not valid Unicode text.") from surrogate


Path = tuple[str | int, ...]


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The value and all values in it, each with its path, in the order of the text."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        at, current = waiting.pop()
        yield at, current
        if isinstance(current, dict):
            waiting.extend(((*at, key), inner) for key, inner in reversed(current.items()))
        elif isinstance(current, list):
            waiting.extend(((*at, index), current[index]) for index in range(len(current) - 1, -1, -1))


def pointer(path: Path) -> str:
    """A path as CloudFormation prints it: `/Resources/Queue/Properties`."""
    return "/" + "/".join(str(part) for part in path)


def _read_json(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        value = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as found:
        where = f" (line {found.lineno}, column {found.colno})"
        raise TemplateError(f"Template format error: JSON not well-formed.{where}") from found
    except RecursionError:
        raise _too_deep() from None
    except ValueError as found:  # NaN, or a number of thousands of digits.
        raise TemplateError("Template format error: JSON not well-formed.") from found
    for path, inner in walk(value):
        if len(path) > DEEPEST:
            raise _too_deep()
        if isinstance(inner, float) and not math.isfinite(inner):
            raise TemplateError("Template format error: JSON not well-formed.")
    return value


def _read_yaml(text: str) -> Any:
    try:
        return _YamlReader(text).read()
    except yaml.MarkedYAMLError as found:
        raise _malformed(found.problem_mark or found.context_mark) from found
    except yaml.YAMLError as found:
        raise TemplateError("Template format error: YAML not well-formed.") from found


def _malformed(mark: Any) -> TemplateError:
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    return TemplateError(f"Template format error: YAML not well-formed.{where}")


def _too_deep() -> TemplateError:
    return TemplateError(f"Template format error: the template is nested deeper than {DEEPEST} levels.")


class _Scalars(yaml.SafeLoader):
    """YAML 1.1's plain scalars, but timestamps and merge keys, which CloudFormation takes for strings."""

    def __init__(self) -> None:
        super().__init__("")
        self.yaml_implicit_resolvers = _RESOLVERS

    def scalar(self, event: Any) -> Any:
        if event.tag in (None, "!"):
            implicit = event.implicit if event.tag is None else (False, True)
            tag: str = self.resolve(yaml.ScalarNode, event.value, implicit)  # type: ignore[no-untyped-call]
        else:
            tag = event.tag
        if tag not in _SCALARS:
            raise _malformed(event.start_mark)
        try:
            value = self.yaml_constructors[tag](self, yaml.ScalarNode(tag, event.value, event.start_mark))
        except (ValueError, KeyError, OverflowError) as found:
            raise _malformed(event.start_mark) from found
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise _malformed(event.start_mark)
        return event.value if isinstance(value, float) and not math.isfinite(value) else value


class _Open:
    """A list or mapping that is being read, the function whose argument it is, and the key that waits for its value."""

    __slots__ = ("function", "key", "value")

    def __init__(self, value: list[Any] | dict[str, Any], function: str | None) -> None:
        self.value = value
        self.function = function
        self.key: str | None = None


class _YamlReader:
    """Builds the value from the parser's events, so that depth costs no call stack and an alias is never followed."""

    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._scalars = _Scalars()
        self._open: list[_Open] = []
        self._documents = 0
        self._value: Any = None

    def read(self) -> Any:
        for event in self._events:
            if isinstance(event, yaml.AliasEvent):
                raise TemplateError("Template error: YAML aliases are not allowed in CloudFormation templates")
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _malformed(event.start_mark)
            elif isinstance(event, yaml.ScalarEvent):
                self._put(self._scalar(event), event)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._start(event)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                closed = self._open.pop()
                self._put(self._call(closed.function, closed.value), event)
        return self._value

    def _scalar(self, event: Any) -> Any:
        function = _SHORT_FORMS.get(event.tag)
        return self._scalars.scalar(event) if function is None else self._call(function, event.value)

    def _start(self, event: Any) -> None:
        kind = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
        if event.tag not in (None, "!", f"{_YAML}{kind}") and event.tag not in _SHORT_FORMS:
            raise _malformed(event.start_mark)
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise self._no_string("a list" if kind == "seq" else "a map")
        if len(self._open) >= DEEPEST:
            raise _too_deep()
        self._open.append(_Open([] if kind == "seq" else {}, _SHORT_FORMS.get(event.tag)))

    @staticmethod
    def _call(function: str | None, argument: Any) -> Any:
        """The long form of a short form. `!GetAtt Queue.Arn` names an attribute in one string, the long form in two."""
        if function is None:
            return argument
        if function == "Fn::GetAtt" and isinstance(argument, str):
            resource, dot, attribute = argument.partition(".")
            argument = [resource, attribute] if dot else argument
        return {function: argument}

    def _put(self, value: Any, event: Any) -> None:
        if not self._open:
            self._value = value
            return
        within = self._open[-1]
        if isinstance(within.value, list):
            within.value.append(value)
        elif within.key is None:
            within.key = self._key(value, event)
        else:
            within.value[within.key] = value
            within.key = None

    def _key(self, value: Any, event: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            raise self._no_string(f"boolean [{str(value).lower()}]")
        if isinstance(value, (int, float)):
            raise self._no_string(f"numeric [{event.value}]")
        raise self._no_string("a map" if isinstance(value, dict) else "null")

    def _no_string(self, received: str) -> TemplateError:
        path = [str(len(one.value)) if isinstance(one.value, list) else one.key for one in self._open[:-1]]
        at = pointer(tuple(part for part in path if part is not None))
        return TemplateError(f"Template format error: [{at}] map keys must be strings; received {received} instead")
