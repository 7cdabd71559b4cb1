"""The rules of composite alarms: their grammar, and whether they hold.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.telemetry.evaluation import StateValue

MAX_CHILDREN = 100
MAX_ELEMENTS = 500
#: A rule nested deeper than this is refused; AWS counts elements only.
MAX_DEPTH = 100

#: The state of an alarm by its name or ARN as the rule has it; None if there is none.
StateOf = Callable[[str], StateValue | None]

_TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<mark>[(),])|(?P<word>[^\s(),"]+))')
_STATES: dict[str, StateValue] = {"ALARM": "ALARM", "OK": "OK", "INSUFFICIENT_DATA": "INSUFFICIENT_DATA"}


class InvalidRule(ValueError):
    """The text is no rule; the message says why."""


@dataclass(frozen=True, slots=True)
class In:
    """Whether an alarm is in a state (or, `negated`, is not)."""

    alarm: str
    state: StateValue
    negated: bool = False

    def holds(self, state_of: StateOf) -> bool:
        return (state_of(self.alarm) == self.state) != self.negated


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool

    def holds(self, state_of: StateOf) -> bool:
        return self.value


@dataclass(frozen=True, slots=True)
class Not:
    part: Rule

    def holds(self, state_of: StateOf) -> bool:
        return not self.part.holds(state_of)


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Rule, ...]

    def holds(self, state_of: StateOf) -> bool:
        return all(part.holds(state_of) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any_:
    parts: tuple[Rule, ...]

    def holds(self, state_of: StateOf) -> bool:
        return any(part.holds(state_of) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `count` of the alarms (or per cent of them) are in a state."""

    count: float
    percentage: bool
    parts: tuple[In, ...]

    def holds(self, state_of: StateOf) -> bool:
        due = math.ceil(self.count * len(self.parts) / 100 - 1e-9) if self.percentage else self.count
        return sum(1 for part in self.parts if part.holds(state_of)) >= due


Rule = In | Constant | Not | All | Any_ | AtLeast


def parse(text: str) -> Rule:
    """The rule that a text says; InvalidRule if it says none."""
    if text != text.strip() or not text:
        raise InvalidRule("AlarmRule must not contain leading or trailing whitespace or be null")
    rule = _Parser(text).whole()
    if len(set(children(rule))) > MAX_CHILDREN:
        raise InvalidRule(f"AlarmRule must not refer to more than {MAX_CHILDREN} alarms")
    return rule


def children(rule: Rule) -> Iterator[str]:
    """The alarms that a rule names, in its order, each as often as it is named."""
    match rule:
        case In(alarm=alarm):
            yield alarm
        case Not(part=part):
            yield from children(part)
        case All(parts=parts) | Any_(parts=parts):
            for part in parts:
                yield from children(part)
        case AtLeast(parts=named):
            for each in named:
                yield each.alarm


class _Parser:
    """By descent: OR binds least, then AND, then NOT."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._elements = 0
        self._depth = 0

    def whole(self) -> Rule:
        rule = self._either()
        if self._at < len(self._tokens):
            raise self._unexpected("AND, OR or the end of the rule")
        return rule

    def _either(self) -> Rule:
        parts = [self._both()]
        while self._take_word("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any_(tuple(parts))

    def _both(self) -> Rule:
        parts = [self._one()]
        while self._take_word("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidRule(f"AlarmRule must not be nested more than {MAX_DEPTH} deep")
        rule = self._part()
        self._depth -= 1
        return rule

    def _part(self) -> Rule:
        if self._take_word("NOT"):
            return Not(self._one())
        self._count()
        if self._take_mark("("):
            inner = self._either()
            self._expect(")")
            return inner
        word = self._word()
        if word.upper() in ("TRUE", "FALSE"):
            return Constant(word.upper() == "TRUE")
        if word in _STATES:
            self._expect("(")
            named = self._alarm()
            self._expect(")")
            return In(named, _STATES[word])
        if word == "AT_LEAST":
            return self._at_least()
        self._at -= 1
        raise self._unexpected("ALARM, OK, INSUFFICIENT_DATA, AT_LEAST, TRUE, FALSE, NOT or (")

    def _at_least(self) -> Rule:
        self._expect("(")
        wanted = self._word().strip('"')
        number = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", wanted)
        if number is None or (not number[2] and "." in wanted):
            raise InvalidRule(f"AT_LEAST takes a number or a percentage, not '{wanted}'")
        self._expect(",")
        negated = self._take_word("NOT")
        state = self._word()
        if state not in _STATES:
            self._at -= 1
            raise self._unexpected("ALARM, OK or INSUFFICIENT_DATA")
        self._expect(",")
        self._expect("(")
        named = [self._alarm()]
        while self._take_mark(","):
            named.append(self._alarm())
        self._expect(")")
        self._expect(")")
        count, percentage = float(number[1]), bool(number[2])
        if not 0 < count <= (100 if percentage else len(named)):
            raise InvalidRule(f"AT_LEAST({wanted}, ...) can't be met by {len(named)} alarms")
        self._elements += len(named) - 1
        return AtLeast(count, percentage, tuple(In(alarm, _STATES[state], negated) for alarm in named))

    # -- tokens --------------------------------------------------------------------------------------------------

    def _alarm(self) -> str:
        token = self._next()
        if token in "(),":
            self._at -= 1
            raise self._unexpected("an alarm's name or ARN")
        return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token

    def _word(self) -> str:
        token = self._next()
        if token in "(),":
            self._at -= 1
            raise self._unexpected("a function or an operand")
        return token

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise InvalidRule("AlarmRule ends where an operand is expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == word:
            self._at += 1
            return True
        return False

    _take_mark = _take_word

    def _expect(self, mark: str) -> None:
        if not self._take_mark(mark):
            raise self._unexpected(f"'{mark}'")

    def _count(self) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise InvalidRule(f"AlarmRule must not have more than {MAX_ELEMENTS} elements")

    def _unexpected(self, wanted: str) -> InvalidRule:
        if self._at >= len(self._tokens):
            return InvalidRule(f"AlarmRule ends where {wanted} is expected")
        return InvalidRule(f"AlarmRule has '{self._tokens[self._at]}' where {wanted} is expected")


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise InvalidRule(f"AlarmRule has an unclosed quotation mark at position {place + 1}")
        yield found[0].strip()
        place = found.end()
