"""What a learner has reached, in one plain file that survives restarts, crashes and a second Coldstart beside it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks.contract import STATUSES, Status, Verdict

VERSION = 1
RANK: Mapping[Status, int] = {"not_attempted": 0, "cannot_tell": 1, "incorrect": 2, "passed": 3}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one check stands: the best verdict so far, and what was spent on the way."""

    status: Status = "not_attempted"
    points: int = 0
    attempts: int = 0
    hints: int = 0
    given_up: bool = False
    passed_at: str | None = None

    def after(self, verdict: Verdict, now: datetime) -> Standing:
        """The standing once this verdict has come. A check that was given up earns nothing any more."""
        attempts = self.attempts + (verdict.status in ("passed", "incorrect"))
        if RANK[verdict.status] <= RANK[self.status]:
            return replace(self, attempts=attempts)
        passed = verdict.status == "passed"
        return replace(
            self,
            status=verdict.status,
            points=0 if self.given_up else verdict.points,
            attempts=attempts,
            passed_at=now.isoformat(timespec="seconds") if passed else None,
        )

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Any) -> Standing:
        """Raises ValueError for anything that `to_json` does not write."""
        if (
            not isinstance(data, dict)
            or data.keys() != set(cls.__slots__)
            or data["status"] not in STATUSES
            or any(type(data[name]) is not int or data[name] < 0 for name in ("points", "attempts", "hints"))
            or type(data["given_up"]) is not bool
            or not isinstance(data["passed_at"], str | None)
        ):
            raise ValueError(f"not a check's standing: {str(data)[:80]}")
        return cls(**data)


@dataclass(slots=True)
class Progress:
    """The standings by check id, kept in `path`. `notice` tells of trouble with the file, for the learner to read."""

    path: Path
    notice: str = ""
    _last: dict[str, Standing] = field(default_factory=dict)
    _unsaved: bool = False

    def all(self) -> dict[str, Standing]:
        with self._locked():
            return dict(self._read())

    def record(self, verdict: Verdict) -> Standing:
        return self._change(verdict.check, lambda standing: standing.after(verdict, datetime.now(UTC)))

    def hint(self, check: str, available: int) -> Standing:
        """One rung further up the ladder."""
        return self._change(check, lambda standing: replace(standing, hints=min(standing.hints + 1, available)))

    def give_up(self, check: str) -> Standing:
        """Give the check's points up; a check that has passed keeps them."""
        return self._change(
            check, lambda standing: standing if standing.status == "passed" else replace(standing, given_up=True)
        )

    def _change(self, check: str, change: Callable[[Standing], Standing]) -> Standing:
        with self._locked():
            standings = self._read()
            standings[check] = standing = change(standings.get(check, Standing()))
            self._last = standings
            try:
                write_json(
                    self.path,
                    {"version": VERSION, "checks": {id: one.to_json() for id, one in sorted(standings.items())}},
                )
                self._unsaved = False
            except OSError as error:
                self._unsaved = True
                self.notice = f"Progress can't be written to {self.path} ({error.strerror}); it lasts until you stop."
            return standing

    def _read(self) -> dict[str, Standing]:
        try:
            text = self.path.read_text(encoding="utf-8")
            data = json.loads(text)
            if data["version"] != VERSION:
                raise ValueError(f"version {data['version']!r}")
            standings = {id: Standing.from_json(one) for id, one in data["checks"].items()}
        except FileNotFoundError:
            return dict(self._last) if self._unsaved else {}
        except OSError as error:
            self.notice = f"{self.path} can't be read ({error.strerror})."
            return dict(self._last)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            aside = self._set_aside()
            self.notice = f"{self.path.name} could not be understood. It was kept as {aside.name}; progress goes on."
            return dict(self._last)
        if self._unsaved:
            for id, standing in self._last.items():
                if id not in standings or RANK[standings[id].status] < RANK[standing.status]:
                    standings[id] = standing
        return standings

    def _set_aside(self) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self.path.with_name(f"{self.path.name}.unreadable-{stamp}")
        self.path.rename(aside)
        return aside

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock is the kernel's and dies with its holder: a crashed run blocks nobody.
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def write_json(path: Path, data: object) -> None:
    """Write atomically: a reader, or a crash on the way, sees the old file or the new one. Readable by its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
