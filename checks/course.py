"""The course as its manifest tells it: labs/course.toml, the files that belong to a lab, and a lab's check module."""

from __future__ import annotations

import importlib.util
import re
import sys
import threading
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from checks.contract import Check, declared
from checks.state import ROOT, course_folder

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

CELL_SECONDS = 120.0
GRADE_SECONDS = 900.0

LAB_KEYS = {"id", "name", "title", "minutes", "requires", "summary", "checks", "cell_seconds", "grade_seconds"}


class CourseError(Exception):
    """The manifest or a lab's files are not as they must be; the message names the place."""


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab. `points` has every check id in the course's order; `minutes` is the time a learner needs."""

    root: Path
    id: str
    name: str
    title: str
    minutes: int
    requires: tuple[str, ...]
    points: Mapping[str, int]
    summary: str = ""
    cell_seconds: float = CELL_SECONDS
    grade_seconds: float = GRADE_SECONDS

    @property
    def notebook(self) -> Path:
        return self.root / "labs" / f"{self.name}.ipynb"

    @property
    def folder(self) -> Path:
        """The starter files, which the learner edits."""
        return self.root / "labs" / self.name

    @property
    def source(self) -> Path:
        return self.root / "solutions" / f"{self.name}.md"

    @property
    def solved(self) -> Path:
        return self.root / "solutions" / f"{self.name}.ipynb"

    @property
    def solved_folder(self) -> Path:
        """All files of the lab's folder, those of the learner's in their solved form."""
        return self.root / "solutions" / self.name

    @property
    def wrong(self) -> Path:
        return self.root / "checks" / "wrong" / self.id

    @property
    def out_of(self) -> int:
        return sum(self.points.values())


@dataclass(frozen=True, slots=True)
class Course:
    root: Path
    title: str
    labs: tuple[Lab, ...]

    def lab(self, id: str) -> Lab:
        """Raises CourseError for an id that is not in the manifest."""
        for lab in self.labs:
            if lab.id == id:
                return lab
        raise CourseError(f"there is no lab {id!r}; the labs are {', '.join(lab.id for lab in self.labs)}")

    def chosen(self, ids: Iterable[str] | None) -> tuple[Lab, ...]:
        """The labs with these ids, or all of them."""
        return tuple(self.lab(id) for id in ids) if ids else self.labs


def load_course(root: Path | None = None) -> Course:
    """Read labs/course.toml below `root` (default: this project). Raises CourseError that names what is wrong."""
    root = (root or course_folder()).resolve()
    path = root / "labs" / "course.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{path} is not there") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: {error}") from None
    labs = data.get("labs")
    if not isinstance(data.get("title"), str) or not isinstance(labs, list):
        raise CourseError(f"{path} needs a title and [[labs]]")
    read: list[Lab] = []
    for entry in labs:
        read.append(_lab(root, entry, {lab.id for lab in read}))
    return Course(root, data["title"], tuple(read))


def _lab(root: Path, entry: Mapping[str, Any], earlier: set[str]) -> Lab:
    id, name = entry.get("id"), entry.get("name")
    where = f"labs/course.toml, lab {id or name or '?'}"
    if not isinstance(id, str) or not re.fullmatch(r"\d\d", id):
        raise CourseError(f"{where}: id must be two digits, not {id!r}")
    if id in earlier:
        raise CourseError(f"{where}: this id is used twice")
    if not isinstance(name, str) or not re.fullmatch(rf"{id}-[a-z0-9-]+", name):
        raise CourseError(f"{where}: name must be {id}-words-with-hyphens, not {name!r}")
    if unknown := entry.keys() - LAB_KEYS:
        raise CourseError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    title, minutes, requires = entry.get("title"), entry.get("minutes"), entry.get("requires", [])
    if not isinstance(title, str) or type(minutes) is not int or minutes <= 0:
        raise CourseError(f"{where}: needs a title and its minutes")
    if missing := [other for other in requires if other not in earlier]:
        raise CourseError(f"{where}: requires lab {missing[0]!r}, which does not stand before it")
    points = entry.get("checks", {})
    for check, worth in points.items():
        if not re.fullmatch(rf"{id}\.\d+(\.(predict|explain))?", check):
            raise CourseError(f"{where}: {check!r} is not a check id such as {id}.4, {id}.4.predict or {id}.4.explain")
        if type(worth) is not int or worth <= 0:
            raise CourseError(f"{where}: {check} must be worth a whole number of points, not {worth!r}")
    return Lab(
        root=root,
        id=id,
        name=name,
        title=title,
        minutes=minutes,
        requires=tuple(requires),
        points=dict(points),
        summary=str(entry.get("summary", "")),
        cell_seconds=float(entry.get("cell_seconds", CELL_SECONDS)),
        grade_seconds=float(entry.get("grade_seconds", GRADE_SECONDS)),
    )


@dataclass(frozen=True, slots=True)
class LabModule:
    """What checks/labNN_*.py declares: its checks, the opening state, the cleaning up, the learner's files.

    `files` are patterns below the lab's folder (pathlib's) of the files that a learner edits. `services` are those
    whose clients the judge makes ready when the lab opens.
    """

    checks: Mapping[str, Check]
    setup: Callable[[Cloud], object]
    cleanup: Callable[[Cloud], object] | None
    files: tuple[str, ...]
    services: tuple[str, ...]


_modules: dict[Path, LabModule] = {}
#: The judge loads modules ahead while a first request may ask for one of them.
_loading = threading.RLock()


def load_module(lab: Lab) -> LabModule:
    """The lab's check module, imported once a process. Raises CourseError if there is not exactly one, or it fails."""
    folder = lab.root / "checks"
    found = sorted(folder.glob(f"lab{lab.id}_*.py"))
    if len(found) != 1:
        raise CourseError(f"lab {lab.id} needs one module {folder.name}/lab{lab.id}_*.py; found {len(found)}")
    path = found[0]
    with _loading:
        if path not in _modules:
            _modules[path] = _declared_in(lab, path)
        return _modules[path]


def _declared_in(lab: Lab, path: Path) -> LabModule:
    for id in [id for id in declared if id.partition(".")[0] == lab.id]:
        del declared[id]
    module = _import(path)
    checks = {id: one for id, one in declared.items() if one.lab == lab.id}
    return LabModule(
        checks=checks,
        setup=getattr(module, "setup", lambda cloud: None),
        cleanup=getattr(module, "cleanup", None),
        files=tuple(getattr(module, "FILES", ())),
        services=tuple(getattr(module, "SERVICES", ("lambda", "logs", "iam", "cloudwatch"))),
    )


def _import(path: Path) -> ModuleType:
    # Always from its path: a second course, such as the tests' own, then can't be mistaken for this one.
    name = f"checks.{path.stem}" if path.parent == ROOT / "checks" else f"course_{abs(hash(path.parent))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CourseError(f"{path} can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise CourseError(f"{path.name} does not import: {type(error).__name__}: {error}") from error
    return module
