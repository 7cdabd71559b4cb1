"""What a lab's files must be like, whatever its checks say: ids, points, hints, cells, facts, and nothing astray."""

from __future__ import annotations

import filecmp
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from checks.course import Course, Lab, LabModule
from checks.facts import facts
from checks.grader import allowed
from checks.notebook import CHECK_TAG, UnreadableNotebook, read_notebook, source_of
from checks.notebook_source import Source

FEWEST_HINTS = 3
CALL = re.compile(r"""\blab\.(predict|explain|check)\(\s*["'](\d\d\.\d+)["']""")
FACT = re.compile(r"""\bfact\(\s*["']([a-z0-9-]+)["']|\bfacts?\s+`([a-z0-9-]+)`""")


def broken_structure(lab: Lab, module: LabModule, source: Source) -> list[str]:
    """What does not fit together in a lab's manifest, module and source: without it nothing can be replayed."""
    return [*_ids(lab, module, source), *_checks(module, source), *_wrong(lab, module, source)]


def broken_files(course: Course, lab: Lab, module: LabModule, source: Source) -> list[str]:
    """What is wrong with the lab's files and its notebooks as they were built."""
    return [*_files(course, lab, module), *_notebooks(lab, source), *_facts(lab, source)]


def asked_in(text: str) -> list[str]:
    """The check ids that a cell's source asks the judge for."""
    return [id if kind == "check" else f"{id}.{kind}" for kind, id in CALL.findall(text)]


def cell_of_check(source: Source, check: str) -> str | None:
    """The id of the cell that asks for a check."""
    return next((cell.id for cell in source.cells if cell.type == "code" and check in asked_in(cell.source)), None)


def _ids(lab: Lab, module: LabModule, source: Source) -> Iterator[str]:
    asked = [id for cell in source.cells if cell.type == "code" for id in asked_in(cell.source)]
    for id in lab.points:
        if id not in module.checks:
            yield f"{id} stands in course.toml, and the module does not declare it"
        if asked.count(id) != 1:
            yield f"{id} is asked for {asked.count(id)} times in the notebook"
    for id in module.checks:
        if id not in lab.points:
            yield f"{id} is declared in the module, and course.toml gives it no points"
    for id in dict.fromkeys(asked):
        if id not in lab.points:
            yield f"{id} is asked for in the notebook, and course.toml does not have it"
    for cell in source.cells:
        if cell.type == "code" and asked_in(cell.source) and CHECK_TAG not in cell.tags:
            yield f"cell {cell.id} asks for a check and lacks the tag {CHECK_TAG}"


def _checks(module: LabModule, source: Source) -> Iterator[str]:
    ids = {cell.id for cell in source.cells if cell.type == "code"}
    for check in module.checks.values():
        if not check.title.strip():
            yield f"{check.id} has no title"
        for cell in check.cells:
            if cell not in ids:
                yield f"{check.id} names cell {cell!r}, which is not in the notebook"
        if check.kind == "predict":
            continue
        if len([hint for hint in check.hints if hint.strip()]) < FEWEST_HINTS:
            yield f"{check.id} has {len(check.hints)} hints, and needs {FEWEST_HINTS}: a question, the place, the shape"
        own = cell_of_check(source, check.id)
        if own is not None and own not in check.cells:
            yield f"{check.id} does not name its own cell {own!r} among its cells"
        if not check.cells:
            yield f"{check.id} names no cells for the gate to replay"


def _wrong(lab: Lab, module: LabModule, source: Source) -> Iterator[str]:
    import tomllib

    answers = {cell.answer: cell.id for cell in source.cells if cell.answer}
    for wrong in source.wrong:
        check = module.checks.get(wrong.check)
        if check is None:
            yield f"the wrong submission {wrong.name!r} is for {wrong.check}, which does not exist"
        elif check.kind != "predict" and (cell := answers[wrong.answer]) not in check.cells:
            yield f"the wrong submission {wrong.name!r} changes cell {cell}, which is not replayed for {check.id}"
    if lab.wrong.is_dir():
        for folder in sorted(path for path in lab.wrong.iterdir() if not path.name.startswith((".", "__"))):
            try:
                stated = tomllib.loads((folder / "wrong.toml").read_text(encoding="utf-8"))
            except (OSError, tomllib.TOMLDecodeError) as error:
                yield f"checks/wrong/{lab.id}/{folder.name}/wrong.toml: {error}"
                continue
            if stated.get("check") not in module.checks:
                yield f"checks/wrong/{lab.id}/{folder.name} is for {stated.get('check')!r}, which does not exist"
            if stated.get("verdict", "incorrect") not in ("incorrect", "not_attempted"):
                yield f"checks/wrong/{lab.id}/{folder.name}: no verdict {stated['verdict']!r}"
            if unknown := stated.keys() - {"check", "verdict", "says", "cells"}:
                yield f"checks/wrong/{lab.id}/{folder.name}: unknown key {sorted(unknown)[0]!r}"


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__pycache__")))


def _below(folder: Path) -> set[Path]:
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
    }


def _files(course: Course, lab: Lab, module: LabModule) -> Iterator[str]:
    if lab is course.labs[0]:
        yield from _strays(course)
    starter, solved = _below(lab.folder), _below(lab.solved_folder)
    for name in sorted(starter - solved):
        yield f"labs/{lab.name}/{name} has no counterpart in solutions/{lab.name}"
    for name in sorted(solved - starter):
        if not allowed(module, name):
            yield f"solutions/{lab.name}/{name} is not in labs/{lab.name}, and FILES does not list it"
    for name in sorted(starter & solved):
        same = filecmp.cmp(lab.folder / name, lab.solved_folder / name, shallow=False)
        if not same and not allowed(module, name):
            yield f"{name} differs between labs and solutions, and FILES does not list it"
    for check in module.checks.values():
        for file in check.files:
            if Path(file) not in solved:
                yield f"{check.id} names the file {file!r}, which solutions/{lab.name} does not have"


def _strays(course: Course) -> Iterator[str]:
    names = {lab.name for lab in course.labs}
    labs = {"course.toml", "facts.yml"} | names | {f"{name}.ipynb" for name in names}
    solutions = names | {f"{name}.ipynb" for name in names} | {f"{name}.md" for name in names}
    for folder, expected in (("labs", labs), ("solutions", solutions)):
        for path in _visible(course.root / folder):
            if path.name not in expected:
                yield f"{folder}/{path.name} belongs to no lab of course.toml"
    ids = {lab.id for lab in course.labs}
    for path in _visible(course.root / "checks" / "wrong"):
        if path.name not in ids:
            yield f"checks/wrong/{path.name} belongs to no lab of course.toml"
    for path in sorted((course.root / "checks").glob("lab[0-9][0-9]_*.py")):
        if path.name[3:5] not in ids:
            yield f"checks/{path.name} belongs to no lab of course.toml"


def _notebooks(lab: Lab, source: Source) -> Iterator[str]:
    places = [str(lab.root), str(Path.home())]
    for path, solved in ((lab.notebook, False), (lab.solved, True)):
        try:
            notebook = read_notebook(path)
        except UnreadableNotebook as error:
            yield f"{error}; ./coldstart author build makes it"
            continue
        where = path.relative_to(lab.root)
        if _skeleton(notebook) != _skeleton(source.notebook(solved=solved)):
            yield f"{where} is not what the source gives; ./coldstart author build makes it"
        yield from _contents(str(where), notebook["cells"], solved=solved)
        text = path.read_text(encoding="utf-8")
        for place in places:
            if place not in ("/", "/root") and place in text:
                yield f"{where} names a place of this machine: {place}"


def _skeleton(notebook: dict[str, Any]) -> str:
    cells = [(cell.get("id"), cell.get("metadata"), source_of(cell)) for cell in notebook["cells"]]
    return json.dumps([cells, notebook["metadata"]], sort_keys=True)


def _contents(where: str, cells: Iterable[dict[str, Any]], *, solved: bool) -> Iterator[str]:
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        ran = cell.get("execution_count") is not None
        if not solved and (ran or cell.get("outputs")):
            yield f"{where}: cell {cell['id']} has an output"
        if solved and not ran:
            yield f"{where}: cell {cell['id']} was not run"
        if solved and any(output.get("output_type") == "error" for output in cell.get("outputs", ())):
            yield f"{where}: cell {cell['id']} ended in an error"


def _facts(lab: Lab, source: Source) -> Iterator[str]:
    cited = {name for cell in source.cells for pair in FACT.findall(cell.source) for name in pair if name}
    known = facts() if cited else {}
    for id in sorted(cited):
        if id not in known:
            yield f"the fact {id!r} is cited, and labs/facts.yml does not have it"
