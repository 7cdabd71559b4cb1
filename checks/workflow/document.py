"""A GitHub Actions workflow as typed data, and the refusal, by name, of what the course's runner does not run.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from checks.workflow.expressions import BadExpression, must_be_closed

Variables = Mapping[str, str]


class BadWorkflow(ValueError):
    """A workflow that GitHub would refuse, or that has what the course's runner has not. The text says what."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a command (`run`) or an action (`uses`), with its values as they stand. `goes_on`: though it fails."""

    name: str
    id: str | None = None
    condition: str | None = None
    run: str | None = None
    uses: str | None = None
    given: Variables = field(default_factory=dict)
    environment: Variables = field(default_factory=dict)
    shell: str | None = None
    folder: str | None = None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `target` is the name of its `environment`; `needs` are the jobs before it."""

    id: str
    name: str
    needs: tuple[str, ...]
    condition: str | None
    permissions: Mapping[str, str]
    target: str | None
    environment: Variables
    outputs: Variables
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow. `events` has each event's filters; `jobs` stand in the order in which they can run."""

    name: str
    events: Mapping[str, Mapping[str, tuple[str, ...]]]
    environment: Variables
    jobs: tuple[Job, ...]

    def job(self, name: str) -> Job | None:
        return next((job for job in self.jobs if job.id == name), None)

    def starts_on(self, event: str, branch: str) -> bool:
        """Whether an event on a branch starts it. (A pull request's branch is the one it goes to.)"""
        filters = self.events.get(event)
        if filters is None:
            return False
        if "branches" in filters:
            return _listed(filters["branches"], branch)
        if "branches-ignore" in filters:
            return not _listed(filters["branches-ignore"], branch)
        # A filter of tags alone leaves branches out.
        return "tags" not in filters


_EVENTS = ("push", "pull_request", "workflow_dispatch")
_FILTERS = ("branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore", "types", "inputs")
_OF_WORKFLOW = ("name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs")
_OF_JOB = (
    *("name", "needs", "if", "permissions", "environment", "env", "defaults", "outputs", "steps", "runs-on"),
    *("concurrency", "timeout-minutes"),
)
_OF_STEP = (
    *("id", "name", "if", "uses", "with", "run", "shell", "working-directory", "env", "continue-on-error"),
    "timeout-minutes",
)
#: What GitHub has and the runner has not, with what to do instead.
_REFUSED = {
    "strategy": "a matrix is not run here; write the jobs out",
    "container": "there are no containers here; leave it out",
    "services": "there are no containers here; leave it out",
    "uses": "reusable workflows are not run here; write the steps into the job",
}
_NAME = re.compile(r"[A-Za-z_][\w-]{0,99}", re.ASCII)
_SHELLS = ("bash", "sh")
_MOST_STEPS = 200
_PERMISSIONS = ("read", "write", "none")


class _Loader(yaml.SafeLoader):
    """YAML as workflows are read: `on` is a key, no value stands for another, and no key stands twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise BadWorkflow("anchors and aliases (&, *) are not read here; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise BadWorkflow(f"the key {key!r} (line {node.start_mark.line + 1}) must be a text")
            if keys.count(key) > 1:
                raise BadWorkflow(f"{key!r} stands twice (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TRUTH = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", _TRUTH, list("tTfF"))


def parse(text: str) -> Workflow:
    """The workflow that a file holds. BadWorkflow."""
    try:
        document = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise BadWorkflow(f"it is no YAML: {place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise BadWorkflow(f"it is no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise BadWorkflow("it is nested too deeply") from None
    except BadWorkflow:
        raise
    except ValueError as error:
        # A number that is none to Python.
        raise BadWorkflow(f"it is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise BadWorkflow("it must be a map with `on` and `jobs`")
    try:
        for one in _texts_in(document):
            must_be_closed(one)
    except BadExpression as error:
        raise BadWorkflow(str(error)) from None
    _check_keys("the workflow", document, _OF_WORKFLOW)
    for wanted in ("on", "jobs"):
        if wanted not in document:
            raise BadWorkflow(f"it has no `{wanted}`")
    jobs = _map("jobs", document["jobs"])
    if not jobs:
        raise BadWorkflow("`jobs` is empty")
    defaults = _defaults("the workflow", document.get("defaults"))
    permissions = _permissions("the workflow", document.get("permissions"))
    made = {name: _job(name, _map(f"jobs.{name}", one), defaults, permissions) for name, one in jobs.items()}
    return Workflow(
        name=_text("name", document.get("name", "workflow")),
        events=_events(document["on"]),
        environment=_variables("env", document.get("env")),
        jobs=_in_order(made),
    )


def _texts_in(value: Any) -> Iterator[str]:
    """All texts of a document, at whatever depth. Its aliases are refused, so that none is met twice."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(one)


def _events(value: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    named = {value: None} if isinstance(value, str) else dict.fromkeys(value) if isinstance(value, list) else value
    events: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, filters in _map("on", named).items():
        if name not in _EVENTS:
            raise BadWorkflow(f"on.{name}: only {', '.join(_EVENTS)} happen here")
        found = _map(f"on.{name}", filters if filters is not None else {})
        _check_keys(f"on.{name}", found, _FILTERS)
        if "paths" in found or "paths-ignore" in found:
            raise BadWorkflow(f"on.{name}: filters on paths are not looked at here; leave them out")
        events[name] = {
            key: _texts(f"on.{name}.{key}", one) for key, one in found.items() if key not in ("types", "inputs")
        }
    return events


def _job(name: str, job: Mapping[str, Any], defaults: Mapping[str, str], permissions: Mapping[str, str] | None) -> Job:
    where = f"jobs.{name}"
    if not _NAME.fullmatch(name):
        raise BadWorkflow(f"{where}: a job's id has letters, digits, - and _ only")
    _check_keys(where, job, _OF_JOB)
    if "runs-on" not in job:
        raise BadWorkflow(f"{where} has no `runs-on`")
    runs_on = job["runs-on"]
    if not (isinstance(runs_on, str) and (runs_on.startswith("ubuntu") or "${{" in runs_on)):
        raise BadWorkflow(f"{where}.runs-on is {runs_on!r}: only ubuntu runners are stood in for here")
    steps = job.get("steps")
    if not isinstance(steps, list) or not steps:
        raise BadWorkflow(f"{where}.steps must be a list of steps")
    if len(steps) > _MOST_STEPS:
        raise BadWorkflow(f"{where} has {len(steps)} steps: {_MOST_STEPS} are allowed")
    target = job.get("environment")
    if isinstance(target, dict):
        _check_keys(f"{where}.environment", target, ("name", "url"))
        target = target.get("name")
    own = _permissions(where, job.get("permissions"))
    settled = {**defaults, **_defaults(where, job.get("defaults"))}
    return Job(
        id=name,
        name=_text(f"{where}.name", job.get("name", name)),
        needs=_texts(f"{where}.needs", job.get("needs", [])),
        condition=_condition(f"{where}.if", job.get("if")),
        # What a job says of permissions stands for all of them; without, the workflow's do.
        permissions=own if own is not None else permissions if permissions is not None else {},
        target=_text(f"{where}.environment", target) if target is not None else None,
        environment=_variables(f"{where}.env", job.get("env")),
        outputs=_variables(f"{where}.outputs", job.get("outputs")),
        steps=tuple(_step(f"{where}.steps[{number}]", _map(where, one), settled) for number, one in enumerate(steps)),
    )


def _step(where: str, step: Mapping[str, Any], defaults: Mapping[str, str]) -> Step:
    _check_keys(where, step, _OF_STEP, refused=False)
    if ("run" in step) == ("uses" in step):
        raise BadWorkflow(f"{where} must have either `run` or `uses`")
    if "uses" in step and ("shell" in step or "working-directory" in step):
        raise BadWorkflow(f"{where}: `shell` and `working-directory` go with `run`")
    shell = step.get("shell", defaults.get("shell"))
    if shell not in (None, *_SHELLS):
        raise BadWorkflow(f"{where}.shell is {shell!r}: {' and '.join(_SHELLS)} are run here")
    goes_on = step.get("continue-on-error", False)
    if not isinstance(goes_on, bool):
        raise BadWorkflow(f"{where}.continue-on-error must be true or false")
    run = _text(f"{where}.run", step["run"]) if "run" in step else None
    uses = _text(f"{where}.uses", step["uses"]) if "uses" in step else None
    named = uses if run is None else (run.strip().splitlines() or [""])[0]
    return Step(
        name=_text(f"{where}.name", step.get("name", named)),
        id=_text(f"{where}.id", step["id"]) if "id" in step else None,
        condition=_condition(f"{where}.if", step.get("if")),
        run=run,
        uses=uses,
        given=_variables(f"{where}.with", step.get("with")),
        environment=_variables(f"{where}.env", step.get("env")),
        shell=shell,
        folder=_text(f"{where}.working-directory", folder)
        if (folder := step.get("working-directory", defaults.get("working-directory"))) is not None
        else None,
        goes_on=goes_on,
    )


def _in_order(jobs: Mapping[str, Job]) -> tuple[Job, ...]:
    ordered: dict[str, Job] = {}
    for job in jobs.values():
        for name in job.needs:
            if name not in jobs:
                raise BadWorkflow(f"jobs.{job.id} needs {name!r}, and there is no such job")
    while len(ordered) < len(jobs):
        ready = [job for name, job in jobs.items() if name not in ordered and all(one in ordered for one in job.needs)]
        if not ready:
            left = ", ".join(name for name in jobs if name not in ordered)
            raise BadWorkflow(f"the jobs {left} need each other in a circle")
        ordered.update((job.id, job) for job in ready)
    return tuple(ordered.values())


def _check_keys(where: str, found: Mapping[str, Any], known: tuple[str, ...], *, refused: bool = True) -> None:
    for key in found:
        if key in known:
            continue
        if refused and key in _REFUSED:
            raise BadWorkflow(f"{where}.{key}: {_REFUSED[key]}")
        raise BadWorkflow(f"{where} has an unknown key {key!r}: there are {', '.join(known)}")


def _defaults(where: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    found = _map(f"{where}.defaults", value)
    _check_keys(f"{where}.defaults", found, ("run",))
    run = _map(f"{where}.defaults.run", found.get("run", {}))
    _check_keys(f"{where}.defaults.run", run, ("shell", "working-directory"))
    return {key: _text(f"{where}.defaults.run.{key}", one) for key, one in run.items()}


def _permissions(where: str, value: Any) -> dict[str, str] | None:
    """What the job's own token may; None if nothing is said, which leaves id-token out."""
    if value is None:
        return None
    if value in ("read-all", "write-all"):
        return {"contents": "read", "id-token": value.partition("-")[0]}
    found = _map(f"{where}.permissions", value)
    for key, one in found.items():
        if one not in _PERMISSIONS:
            raise BadWorkflow(f"{where}.permissions.{key} is {one!r}: it is one of {', '.join(_PERMISSIONS)}")
    return {key: str(one) for key, one in found.items()}


def _condition(where: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else _text(where, value)


def _variables(where: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    return {key: "" if one is None else _text(f"{where}.{key}", one) for key, one in _map(where, value).items()}


def _text(where: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise BadWorkflow(f"{where} must be a text")


def _texts(where: str, value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(_text(where, one) for one in listed)


def _map(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadWorkflow(f"{where} must be a map")
    return value


def _listed(patterns: tuple[str, ...], branch: str) -> bool:
    """Whether a branch is in a filter: the last pattern that fits decides, and ! takes out.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    found = False
    for pattern in patterns:
        takes_out = pattern.startswith("!")
        if _fits(pattern.removeprefix("!"), branch):
            found = not takes_out
    return found


def _fits(pattern: str, branch: str) -> bool:
    if re.search(r"[\[\]+?]", pattern):
        raise BadWorkflow(f"the branch filter {pattern!r}: only * and ** are looked at here")
    # Which prefixes of the branch the pattern's pieces so far can cover: no backtracking.
    covered = {0}
    for piece in re.findall(r"\*\*|\*|[^*]+", pattern):
        if piece == "**":
            covered = set(range(min(covered), len(branch) + 1)) if covered else set()
        elif piece == "*":
            covered = {
                end for start in covered for end in range(start, len(branch) + 1) if "/" not in branch[start:end]
            }
        else:
            covered = {start + len(piece) for start in covered if branch.startswith(piece, start)}
    return len(branch) in covered
