"""Patterns of policies: the wildcards `*` and `?`, policy variables, and ARNs, matched without backtracking.

A pattern is cut at its stars into pieces, and each piece is looked for once, from left to right. That is enough,
because a star between two pieces may stand for anything: the earliest place of a piece leaves the most room for the
rest. The work grows with the lengths of pattern and value, not with their product.

A star in a Resource may also stand for colons and slashes. AWS promises that only of the last star of a segment ("it
can expand to match beyond the colon boundaries") and advises against others; ARN operators compare part by part.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.access.request import LONGEST, Context
from sandbox.access.request import fold as fold

#: A piece of a pattern between two stars, and the offsets in it where any one character may stand.
Piece = tuple[str, tuple[int, ...]]

#: Above this many characters between question marks a piece is looked for at all places at once.
_FEW_RUNS = 8

# `${name}` or `${name, 'default'}`; also `${*}`, `${?}` and `${$}`, the characters themselves.
_VARIABLE = re.compile(r"\$\{([^{},']{1,512})(?:,\s*'([^']{0,2048})'\s*)?\}")
_SPECIAL = frozenset("*?$")


class Wildcard:
    """A pattern without variables. `text` is as it is written."""

    __slots__ = ("_exact", "_least", "_prefix", "_suffix", "_whole", "pieces", "text")

    def __init__(self, pieces: Sequence[Piece], text: str) -> None:
        self.text = text
        self.pieces = tuple(pieces)
        self._least = sum([len(piece) for piece, _ in pieces])
        first, last = pieces[0], pieces[-1]
        #: The commonest forms are told by one comparison: all of it, everything, `prefix*`, `*suffix`.
        self._exact = first[0] if len(pieces) == 1 and not first[1] else None
        self._whole = len(pieces) > 1 and self._least == 0
        self._prefix = first[0] if len(pieces) == 2 and not last[0] and not first[1] else None
        self._suffix = last[0] if len(pieces) == 2 and not first[0] and not last[1] else None

    @classmethod
    def of(cls, text: str) -> Wildcard:
        """The pattern of a text in which `*` stands for any characters, also none, and `?` for any one."""
        if "?" in text:
            return cls(_pieces(((text, False),)), text)
        first, *cuts = text.split("*")
        if not cuts:
            return cls([(first, ())], text)
        return cls([(first, ()), *[(cut, ()) for cut in cuts[:-1] if cut], (cuts[-1], ())], text)

    @property
    def exact(self) -> str | None:
        """The only text that matches, if there is but one."""
        return self._exact

    @property
    def everything(self) -> bool:
        """Whether every text matches."""
        return self._whole

    def matches(self, value: str) -> bool:
        """Whether the whole value is of this pattern. Case counts."""
        if self._exact is not None:
            return value == self._exact
        if self._whole:
            return True
        if self._prefix is not None:
            return value.startswith(self._prefix)
        if self._suffix is not None:
            return value.endswith(self._suffix)
        return self._least <= len(value) and _matches(self.pieces, value)


class Patterns:
    """A list of patterns, of which one must match."""

    __slots__ = ("_everything", "_exact", "_wild")

    def __init__(self, texts: Iterable[str]) -> None:
        exact, wild = set(), []
        for text in texts:
            if "*" in text or "?" in text:
                wild.append(Wildcard.of(text))
            else:
                exact.add(text)
        self._exact = frozenset(exact)
        self._everything = any(pattern.everything for pattern in wild)
        self._wild = tuple(wild)

    def match(self, value: str) -> bool:
        """Whether the value is of one of the patterns."""
        if self._everything or value in self._exact:
            return True
        for pattern in self._wild:  # noqa: SIM110 - any() costs more than the loop here
            if pattern.matches(value):
                return True
        return False


def _pieces(parts: Iterable[tuple[str, bool]]) -> list[Piece]:
    """The pieces of a text given in parts, of which the literal ones have no wildcards."""
    pieces: list[Piece] = []
    text: list[str] = []
    holes: list[int] = []
    length = 0
    for part, literal in parts:
        cuts = [part] if literal else part.split("*")
        for number, cut in enumerate(cuts):
            if number:
                # Stars in a row are one star.
                if length or not pieces:
                    pieces.append(("".join(text), tuple(holes)))
                text, holes, length = [], [], 0
            if not literal and "?" in cut:
                holes.extend(length + at for at, character in enumerate(cut) if character == "?")
            text.append(cut)
            length += len(cut)
    pieces.append(("".join(text), tuple(holes)))
    return pieces


def _matches(pieces: Sequence[Piece], value: str) -> bool:
    first, first_holes = pieces[0]
    if len(pieces) == 1:
        return len(first) == len(value) and _stands(first, first_holes, value, 0)
    last, last_holes = pieces[-1]
    end = len(value) - len(last)
    if not _stands(first, first_holes, value, 0) or not _stands(last, last_holes, value, end):
        return False
    at = len(first)
    masks: dict[str, int] = {}
    for piece, holes in pieces[1:-1]:
        found = _find(piece, holes, value, at, end, masks) if holes else value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


def _stands(piece: str, holes: tuple[int, ...], value: str, at: int) -> bool:
    """Whether the piece stands at that place. The value is long enough."""
    if not holes:
        return value.startswith(piece, at)
    return all(value.startswith(run, at + offset) for offset, run in _runs(piece, holes))


def _runs(piece: str, holes: tuple[int, ...]) -> list[tuple[int, str]]:
    """The stretches of a piece between its question marks, with their offsets."""
    runs = []
    start = 0
    for hole in (*holes, len(piece)):
        if hole > start:
            runs.append((start, piece[start:hole]))
        start = hole + 1
    return runs


def _find(piece: str, holes: tuple[int, ...], value: str, start: int, end: int, masks: dict[str, int]) -> int:
    """The first place from `start` at which the piece stands and ends by `end`; -1 if there is none."""
    latest = end - len(piece)
    if latest < start:
        return -1
    runs = _runs(piece, holes)
    if not runs:
        return start
    if len(runs) <= _FEW_RUNS:
        offset, run = runs[0]
        at = start
        while at <= latest:
            at = value.find(run, at + offset, latest + offset + len(run)) - offset
            if at < start:
                return -1
            if all(value.startswith(rest, at + more) for more, rest in runs[1:]):
                return at
            at += 1
        return -1
    # Bit n of a mask says that the character stands at place n, so that one shift and one `and` test all places.
    if not masks:
        for place, character in enumerate(value):
            masks[character] = masks.get(character, 0) | 1 << place
    open_holes = frozenset(holes)
    places = (1 << latest + 1) - (1 << start)
    for offset, character in enumerate(piece):
        if offset not in open_holes:
            places &= masks.get(character, 0) >> offset
            if not places:
                return -1
    return (places & -places).bit_length() - 1


class BadVariable(ValueError):
    """A `${` that begins no policy variable."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: the name of its context key, folded, and what stands where the key is absent."""

    name: str
    default: str | None

    def value(self, context: Context) -> str | None:
        """The text that takes its place; None where it can't be resolved.

        A multivalued key can't be a variable:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
        """
        values = context.find(self.name)
        if values is None:
            return self.default
        if len(values) != 1 or self.name in context.multivalued:
            return None
        return values[0]


class Template:
    """A text with policy variables, of which each request makes another text or pattern."""

    __slots__ = ("parts", "text")

    def __init__(self, parts: Sequence[tuple[str, bool] | Variable], text: str) -> None:
        self.parts = tuple(parts)
        self.text = text

    def resolved(self, context: Context) -> list[tuple[str, bool]] | None:
        """The parts, with whether they are literal: what a variable stands for has no wildcards. None: unresolved."""
        parts = []
        length = 0
        for part in self.parts:
            if not isinstance(part, Variable):
                parts.append(part)
                continue
            value = part.value(context)
            if value is None:
                return None
            if length <= LONGEST:
                # What is longer than any value of a request matches none, whatever follows.
                parts.append((value, True))
                length += len(value)
        return parts

    def literal(self, context: Context) -> str | None:
        """The text for operators that know no wildcards."""
        parts = self.resolved(context)
        return None if parts is None else "".join(text for text, _ in parts)

    def pattern(self, context: Context) -> Wildcard | None:
        """The pattern for operators that know wildcards, and for resources."""
        parts = self.resolved(context)
        return None if parts is None else Wildcard(_pieces(parts), self.text)


def template(text: str) -> Template | None:
    """The template of a text; None if it has no variable. Raises BadVariable."""
    if "${" not in text:
        return None
    parts: list[tuple[str, bool] | Variable] = []
    done = 0
    for found in _VARIABLE.finditer(text):
        _add(parts, text[done : found.start()])
        done = found.end()
        name, default = found.group(1).strip(), found.group(2)
        if name in _SPECIAL and default is None:
            parts.append((name, True))
        elif not name:
            raise BadVariable(found.group())
        else:
            parts.append(Variable(fold(name), default))
    _add(parts, text[done:])
    return Template(parts, text)


def _add(parts: list[tuple[str, bool] | Variable], text: str) -> None:
    if "${" in text:
        raise BadVariable(text[text.index("${") :][:80])
    if text:
        parts.append((text, False))


class ArnPattern:
    """A pattern of the ARN operators: each of the six parts is compared by itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Wildcard] | None) -> None:
        self._parts = parts

    @classmethod
    def of(cls, parts: Iterable[tuple[str, bool]]) -> ArnPattern:
        """The pattern of a text given in parts. `*` alone is every ARN; what is no ARN matches none."""
        segments: list[list[tuple[str, bool]]] = [[]]
        for text, literal in parts:
            cuts = text.split(":", 6 - len(segments))
            segments[-1].append((cuts[0], literal))
            segments.extend([(cut, literal)] for cut in cuts[1:])
        if segments == [[("*", False)]]:
            return cls([_ANY] * 6)
        if len(segments) != 6:
            return cls(None)
        return cls([Wildcard(_pieces(segment), "") for segment in segments])

    def matches(self, value: str) -> bool:
        """Whether the value is an ARN of this pattern."""
        segments = value.split(":", 5)
        if self._parts is None or len(segments) != 6 or segments[0] != "arn":
            return False
        for part, segment in zip(self._parts, segments, strict=True):  # noqa: SIM110 - as above
            if not part.matches(segment):
                return False
        return True


_ANY = Wildcard.of("*")
