"""The check contract: how a check is declared, what it may raise, and the verdict that comes of it."""

from __future__ import annotations

import errno
import logging
import math
import os
import random
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

log = logging.getLogger(__name__)

VERDICT_VERSION = 1
TIME_LIMIT_SECONDS = 120.0
LARGEST_FILE_BYTES = 1_000_000

Status = Literal["passed", "not_attempted", "incorrect", "cannot_tell"]
STATUSES: tuple[Status, ...] = get_args(Status)
WORDS: Mapping[Status, str] = {
    "passed": "passed",
    "not_attempted": "not attempted",
    "incorrect": "incorrect",
    "cannot_tell": "can't tell",
}


class NotAttempted(Exception):
    """The stub is untouched, or an answer is still open."""

    def __init__(self, message: str = "There is no answer here yet.") -> None:
        super().__init__(message)
        self.message = message

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows where a cell, and not the judge, meets it."""
        return [self.message]


class Incorrect(Exception):
    """The work was looked at and does not hold: what was seen, what was expected, why it matters."""

    def __init__(self, seen: str, expected: str, why: str) -> None:
        super().__init__(f"{seen} Expected: {expected} {why}")
        self.seen = seen
        self.expected = expected
        self.why = why

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows where a cell, and not the judge, meets it."""
        return [f"Seen: {self.seen}", f"Expected: {self.expected}", f"Why it matters: {self.why}"]


class Uncheckable(Exception):
    """Nothing can be said now, and it is not the work's fault: the sandbox is away, a log has not arrived."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows where a cell, and not the judge, meets it."""
        return [self.message]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says to one submission. JSON in and out; `points` are those earned, of `out_of`."""

    check: str
    status: Status
    points: int
    out_of: int
    message: str = ""
    seen: str = ""
    expected: str = ""
    why: str = ""
    took_ms: int = 0
    seed: int = 0
    version: int = VERDICT_VERSION

    @property
    def line(self) -> str:
        """One line without ids or times: the same for every run that ends the same way."""
        return f"{spoken_id(self.check)}: {WORDS[self.status]}, {self.points} of {self.out_of} points"

    @property
    def text(self) -> str:
        """The line, and below it what a learner needs to go on. A passed check is the line alone."""
        if self.status == "incorrect":
            return f"{self.line}\nSeen: {self.seen}\nExpected: {self.expected}\nWhy it matters: {self.why}"
        if self.status == "passed" or not self.message:
            return self.line
        return f"{self.line}\n{self.message}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Verdict:
        """Raises ValueError for anything but a verdict of this version."""
        if not isinstance(data, Mapping) or data.get("version") != VERDICT_VERSION:
            raise ValueError(f"not a verdict of version {VERDICT_VERSION}: {str(data)[:80]}")
        texts = {name: data.get(name, "") for name in ("check", "message", "seen", "expected", "why")}
        numbers = {name: data.get(name, 0) for name in ("points", "out_of", "took_ms", "seed")}
        if (
            data.get("status") not in STATUSES
            or not all(isinstance(text, str) for text in texts.values())
            or not all(type(number) is int for number in numbers.values())
        ):
            raise ValueError(f"not a verdict: {str(data)[:80]}")
        return cls(status=cast(Status, data["status"]), **texts, **numbers)


def spoken_id(check: str) -> str:
    """`01.4.explain` as a line says it: `01.4 explain`."""
    head, _, kind = check.rpartition(".")
    return f"{head} {kind}" if kind in ("predict", "explain") else check


class Answers(Mapping[str, Any]):
    """What was submitted: plain JSON values by name, and what a check may need beside them.

    An answer that is missing is NotAttempted when it is asked for. `seed` is the judge's, new for every
    session and kept in the receipt; `random` draws from it. `folder` is the lab's own folder.
    """

    def __init__(self, values: Mapping[str, Any], *, seed: int = 0, folder: Path | None = None) -> None:
        self._values = dict(values)
        self.seed = seed
        self.folder = folder

    @cached_property
    def random(self) -> random.Random:
        return random.Random(self.seed)

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise NotAttempted(f"{name} is still open: replace the ... with your answer.")
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def text(self, name: str) -> str:
        """A text with the blanks around it taken off. Incorrect if it is something else."""
        value = self[name]
        if not isinstance(value, str) or not value.strip():
            raise _wrong_kind(name, value, 'a text in quotes, such as "..."')
        return value.strip()

    def number(self, name: str) -> float:
        """A number, not a truth value. Incorrect if it is something else."""
        value = self[name]
        if not _is_number(value):
            raise _wrong_kind(name, value, "a number")
        return float(value)

    def integer(self, name: str) -> int:
        """A whole number. Incorrect if it is something else."""
        value = self[name]
        if not _is_number(value) or value != int(value):
            raise _wrong_kind(name, value, "a whole number")
        return int(value)

    def pair(self, name: str) -> tuple[str, str]:
        """Two texts, in their order. Incorrect if it is something else."""
        value = self[name]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(text, str) for text in value):
            raise _wrong_kind(name, value, 'two texts in brackets, such as ("...", "...")')
        return value[0].strip(), value[1].strip()

    def file(self, name: str) -> str:
        """The text of one file of the lab's folder: for artefacts that a check parses, never for Python."""
        if self.folder is None:
            raise Uncheckable("The lab's folder is not known to the judge. Run the cell with lab.start() again.")
        try:
            content = _read_plain_file(self.folder, name)
        except FileNotFoundError:
            raise NotAttempted(f"{self.folder.name}/{name} is not there yet.") from None
        except OSError:
            raise Incorrect(
                f"{name} leads out of the lab's folder, or is no file.",
                "a plain file in the lab's folder.",
                "Only what stands in the lab's folder is graded.",
            ) from None
        if len(content) > LARGEST_FILE_BYTES:
            raise Incorrect(
                f"{name} has more than {LARGEST_FILE_BYTES} bytes.",
                f"at most {LARGEST_FILE_BYTES} bytes.",
                "A larger file is not read.",
            )
        return content.decode("utf-8", errors="replace")


def _read_plain_file(folder: Path, name: str) -> bytes:
    """A file's content, or one byte more than the most that is taken. OSError for all but a plain file.

    The folder and the file are the learner's, who may change them meanwhile: so no link is followed, the folder's own
    included, and what was opened is what is looked at.
    """
    *above, last = Path(name).parts
    if ".." in above or last == ".." or Path(name).is_absolute():
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
    with ExitStack() as opened:

        def descend(step: str | Path, flags: int, within: int | None) -> int:
            descriptor = os.open(step, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=within)
            opened.callback(os.close, descriptor)
            return descriptor

        within = descend(folder, os.O_DIRECTORY, None)
        for step in above:
            within = descend(step, os.O_DIRECTORY, within)
        # A pipe would be waited for, for ever.
        file = descend(last, os.O_NONBLOCK, within)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        with open(file, "rb", closefd=False) as reader:
            return reader.read(LARGEST_FILE_BYTES + 1)


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number of hundreds of digits, which no float is.
        return False


def _wrong_kind(name: str, value: object, expected: str) -> Incorrect:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return Incorrect(
        f"{name} is {shown}.", f"{expected}.", "An answer of another kind can't be held against your own run."
    )


CheckFunction = Callable[["Cloud", Answers], "str | None"]
FieldKind = type | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `cells` are the ids of the cells that the gate replays, beside those tagged `setup`;
    `files` are the files of the lab's folder in which the answer stands."""

    id: str
    function: CheckFunction
    title: str
    hints: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seconds: float = TIME_LIMIT_SECONDS
    fields: Mapping[str, FieldKind] = field(default_factory=dict)

    @property
    def lab(self) -> str:
        return self.id.partition(".")[0]

    @property
    def kind(self) -> Literal["predict", "explain", "check"]:
        last = self.id.rpartition(".")[2]
        return cast('Literal["predict", "explain"]', last) if last in ("predict", "explain") else "check"


#: Filled while a lab's module is imported; checks/course.py takes out what a module declared.
declared: dict[str, Check] = {}


def _declare(one: Check) -> None:
    if one.id in declared:
        raise ValueError(f"check {one.id} is declared twice")
    declared[one.id] = one


def check(
    id: str,
    *,
    title: str,
    hints: tuple[str, ...],
    cells: tuple[str, ...],
    files: tuple[str, ...] = (),
    seconds: float = TIME_LIMIT_SECONDS,
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare the function below as the check `id`: it returns on success and raises otherwise.

    `hints` is a ladder of a question, the place to look and the shape of the answer. `seconds` is wall time.
    """

    def declare(function: CheckFunction) -> CheckFunction:
        _declare(Check(id, function, title, tuple(hints), tuple(cells), tuple(files), seconds))
        return function

    return declare


def prediction(
    round: str,
    /,
    *,
    title: str = "Your prediction",
    hints: tuple[str, ...] = (),
    cells: tuple[str, ...] = (),
    **fields: FieldKind,
) -> None:
    """Declare the prediction of a round, `01.4` say, as check `01.4.predict`.

    It earns its points by being made: every field filled, with a value of its type (int, float, str, bool, list)
    or one of the choices of a tuple.
    """
    if not fields:
        raise ValueError(f"the prediction of {round} has no fields")

    def made(cloud: Cloud, answers: Answers) -> None:
        _made(fields, answers)

    _declare(Check(f"{round}.predict", made, title, tuple(hints), tuple(cells), fields=fields))


def _made(fields: Mapping[str, FieldKind], answers: Answers) -> None:
    strangers = [name for name in answers if name not in fields]
    if strangers:
        raise Incorrect(
            f"The prediction has a field {strangers[0]!r}.",
            f"the fields {', '.join(fields)}.",
            "A prediction is read by its field names.",
        )
    missing = [name for name in fields if name not in answers]
    if missing:
        raise NotAttempted(f"Still open: {', '.join(missing)}. A guess is enough: it earns its point by being made.")
    for name, kind in fields.items():
        value = answers[name]
        if not _fits(value, kind):
            raise _wrong_kind(name, value, _spoken_kind(kind))


def _fits(value: object, kind: FieldKind) -> bool:
    if isinstance(kind, tuple):
        return any(type(value) is type(choice) and value == choice for choice in kind)
    if kind is int:
        return type(value) is int
    if kind is float:
        return _is_number(value)
    if kind is str:
        return isinstance(value, str) and bool(value.strip())
    return type(value) is kind


def _spoken_kind(kind: FieldKind) -> str:
    if isinstance(kind, tuple):
        return f"one of {', '.join(repr(choice) for choice in kind)}"
    spoken = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "True or False", list: "a list"}
    return spoken.get(kind, f"a value of type {kind.__name__}")


def run(check: Check, cloud: Cloud, answers: Answers, *, out_of: int) -> Verdict:
    """Score one submission. Whatever the check does, a verdict comes of it, and only a plain return is a pass."""
    began = time.perf_counter()
    blank = Verdict(check.id, "cannot_tell", 0, out_of, seed=answers.seed)
    try:
        message = check.function(cloud, answers)
        if message is not None and not isinstance(message, str):
            raise TypeError(f"the check returned {message!r} where a sentence or nothing was due")
        verdict = replace(blank, status="passed", points=out_of, message=message or "")
    except NotAttempted as open_answer:
        verdict = replace(blank, status="not_attempted", message=open_answer.message)
    except Incorrect as miss:
        verdict = replace(blank, status="incorrect", seen=miss.seen, expected=miss.expected, why=miss.why)
    except Uncheckable as reason:
        verdict = replace(blank, message=reason.message)
    except Exception as failure:
        log.exception("check %s could not be carried out", check.id)
        verdict = replace(blank, message=_spoken_failure(failure))
    return replace(verdict, took_ms=round((time.perf_counter() - began) * 1000))


def _spoken_failure(failure: Exception) -> str:
    if isinstance(failure, ClientError):
        error = failure.response.get("Error", {})
        said = str(error.get("Message")).rstrip(". ")
        return (
            f"{failure.operation_name} answered {error.get('Code')}: {said}. "
            "Run the cells of this round again from its first one; if it stays, start the lab anew with lab.start()."
        )
    if isinstance(failure, NoConnection | HTTPClientError | ConnectionError):
        return "The sandbox of this lab does not answer. Run the cell with lab.start() again, then the round's cells."
    return (
        f"The check itself failed ({type(failure).__name__}: {failure}). "
        "That is a fault of the check, not of your work: please report it with this line."
    )
