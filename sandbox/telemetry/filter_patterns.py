"""Filter patterns of CloudWatch Logs: which log events a search lets through.

Rules: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html. Terms and JSON
patterns are supported; space-delimited patterns (`[a, b, ...]`) and regular expressions (`%...%`) are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sandbox import wildcards

Match = Callable[[str], bool]

#: The longest pattern that AWS takes, in characters.
MAX_LENGTH = 1024
#: How deep the parentheses of a JSON pattern may nest here.
MAX_DEPTH = 20

_TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>[^\s"]+))')
_PLAIN = re.compile(r"\w+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.?\[(?:\d+|\*|'[^']*'|"[^"]*")\]|\.[\w-]+)*)
      | (?P<quoted>"(?:\\.|[^"\\])*")
      | (?P<operator>&&|\|\||!=|<=|>=|=|<|>|\(|\))
      | (?P<regex>%)
      | (?P<plain>[^\s()&|=<>!"]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(
    r"""\.?\[(?:(?P<index>\d+)|(?P<any>\*)|'(?P<single>[^']*)'|"(?P<double>[^"]*)")\]|\.(?P<name>[\w-]+)"""
)
_COMPARISONS = {"=", "!=", "<", "<=", ">", ">="}


class InvalidPattern(ValueError):
    """The pattern breaks AWS's syntax, or uses a part of it that is refused here; the text says which."""


def compile_pattern(pattern: str) -> Match:
    """A function that tells of a log message whether `pattern` matches it. Raises InvalidPattern."""
    if len(pattern) > MAX_LENGTH:
        raise InvalidPattern(f"a filter pattern has at most {MAX_LENGTH} characters, this one has {len(pattern)}")
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        if not text.endswith("}"):
            raise InvalidPattern("If a filter pattern starts with '{' it must end with '}'")
        return _json_pattern(text[1:-1])
    if text.startswith("["):
        raise InvalidPattern(f"space-delimited patterns are not supported by this sandbox: {text}")
    return _terms(text)


def single_term(pattern: str) -> str | None:
    """The term of a (valid) pattern that asks for one term and nothing else, such as a request id in quotes."""
    found = _TERM.fullmatch(pattern.strip())
    if found is None or found["sign"]:
        return None
    if found["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", found["quoted"])
    return None if found["plain"][0] in "{[" else found["plain"]


def _terms(text: str) -> Match:
    required: list[str] = []
    excluded: list[str] = []
    optional: list[str] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise InvalidPattern(f"Unbalanced quotes in '{text[position:].strip()}'")
        position = found.end()
        quoted, plain = found["quoted"], found["plain"]
        if quoted is not None:
            term = re.sub(r"\\(.)", r"\1", quoted)
            if not term:
                raise InvalidPattern("Invalid character(s) in term '\"\"'")
        else:
            term = plain
            if term.startswith("%"):
                raise InvalidPattern(f"regular expressions are not supported by this sandbox: {term}")
            if not _PLAIN.fullmatch(term):
                raise InvalidPattern(f"Invalid character(s) in term '{term}'")
        {"": required, "-": excluded, "?": optional}[found["sign"]].append(term)
    # AWS ignores the optional terms of a pattern that has required or excluded ones too.
    if optional and not required and not excluded:
        return lambda message: any(term in message for term in optional)
    if len(required) == 1 and not excluded:
        only = required[0]
        return lambda message: only in message
    return lambda message: all(term in message for term in required) and not any(term in message for term in excluded)


# -- JSON patterns -------------------------------------------------------------------------------

Test = Callable[[Any], bool]


def _json_pattern(text: str) -> Match:
    test = _Parser(text).parse()

    def match(message: str) -> bool:
        if not message.lstrip().startswith("{"):
            return False
        try:
            return test(json.loads(message))
        except (ValueError, RecursionError):
            return False

    return match


class _Parser:
    """Recursive descent: `||` binds weaker than `&&`, parentheses group."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        end = len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise InvalidPattern(f"Invalid filter pattern near '{text[position:].strip()}'")
            if found.lastgroup == "regex":
                raise InvalidPattern(f"regular expressions are not supported by this sandbox: {text.strip()}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def parse(self) -> Test:
        test = self._either(0)
        if self._at < len(self._tokens):
            raise InvalidPattern(f"Invalid token '{self._tokens[self._at][1]}' in the filter pattern")
        return test

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._peek() == ("operator", "||"):
            self._at += 1
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._condition(depth)]
        while self._peek() == ("operator", "&&"):
            self._at += 1
            tests.append(self._condition(depth))
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _condition(self, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise InvalidPattern(f"the parentheses of a filter pattern nest at most {MAX_DEPTH} deep")
        kind, token = self._next()
        if (kind, token) == ("operator", "("):
            inner = self._either(depth + 1)
            if self._next() != ("operator", ")"):
                raise InvalidPattern("Unbalanced parentheses in the filter pattern")
            return inner
        if kind != "selector":
            raise InvalidPattern(f"Invalid filter pattern: a property selector such as $.level is due, not '{token}'")
        select = _selector(token)
        kind, operator = self._next()
        if kind == "plain":
            return self._word(operator, select)
        if kind != "operator" or operator not in _COMPARISONS:
            raise InvalidPattern(f"Invalid filter pattern: a comparison is due after {token}, not '{operator}'")
        kind, value = self._next()
        if kind == "quoted":
            return _compare_text(select, operator, re.sub(r"\\(.)", r"\1", value[1:-1]))
        if kind != "plain":
            raise InvalidPattern(f"Invalid filter pattern: a value is due after '{token} {operator}', not '{value}'")
        if _NUMBER.fullmatch(value):
            return _compare_number(select, operator, float(value))
        return _compare_text(select, operator, value)

    def _word(self, word: str, select: Callable[[Any], list[Any]]) -> Test:
        kind, argument = self._next()
        if kind == "plain":
            phrase = f"{word} {argument}".upper()
            if phrase == "IS NULL":
                return lambda document: any(value is None for value in select(document))
            if phrase == "IS TRUE":
                return lambda document: any(value is True for value in select(document))
            if phrase == "IS FALSE":
                return lambda document: any(value is False for value in select(document))
            if phrase == "NOT EXISTS":
                return lambda document: not select(document)
        raise InvalidPattern(f"Invalid filter pattern: '{word} {argument}' is not a comparison")


def _selector(text: str) -> Callable[[Any], list[Any]]:
    """The values that a property selector finds in a document: none, one, or several for `[*]`."""
    steps: list[str | int | None] = []
    for step in _STEP.finditer(text):
        if step["index"] is not None:
            steps.append(int(step["index"]))
        elif step["any"] is not None:
            steps.append(None)
        else:
            steps.append(next(name for name in (step["single"], step["double"], step["name"]) if name is not None))

    def select(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            if isinstance(step, str):
                found = [value[step] for value in found if isinstance(value, dict) and step in value]
            elif step is None:
                found = [item for value in found if isinstance(value, list) for item in value]
            else:
                found = [value[step] for value in found if isinstance(value, list) and step < len(value)]
        return found

    return select


def _compare_text(select: Callable[[Any], list[Any]], operator: str, wanted: str) -> Test:
    if operator not in ("=", "!="):
        raise InvalidPattern(f"Invalid filter pattern: '{operator}' compares numbers, not '{wanted}'")
    pieces = wanted.split("*")
    equal = operator == "="

    def test(document: Any) -> bool:
        return any(wildcards.fits(_as_text(value), pieces) == equal for value in select(document))

    return test


def _compare_number(select: Callable[[Any], list[Any]], operator: str, wanted: float) -> Test:
    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return operator == "!="
        match operator:
            case "=":
                return bool(value == wanted)
            case "!=":
                return bool(value != wanted)
            case "<":
                return bool(value < wanted)
            case "<=":
                return bool(value <= wanted)
            case ">":
                return bool(value > wanted)
            case _:
                return bool(value >= wanted)

    return lambda document: any(holds(value) for value in select(document))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
