"""Runs a GitHub Actions workflow on this machine: each job in a folder of its own, each `run` in a confined process.

Of actions there are only declared stand-ins (actions.py); every other one is refused by name. What GitHub keeps between
steps is kept as GitHub keeps it: GITHUB_ENV, GITHUB_OUTPUT, GITHUB_PATH, outputs of steps and of jobs.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from checks import execution
from checks.workflow.document import BadWorkflow, Job, Step, Workflow
from checks.workflow.expressions import BadExpression, Scope, fill, holds

Conclusion = Literal["success", "failure", "skipped"]

#: At most so much of what a step printed is kept, in characters: its end.
MOST_OUTPUT = 20_000
_MOST_FILE = 1_000_000
_REPOSITORY_FOLDER = "repository"
NO_VARIABLES: Mapping[str, Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Event:
    """What starts a run: `push` or `pull_request` on a ref of a repository (OWNER/NAME)."""

    name: str
    repository: str
    ref: str
    #: Of a pull request: the branch that it goes to.
    base_ref: str = ""
    head_ref: str = ""

    @property
    def branch(self) -> str:
        """The branch that filters look at."""
        return self.base_ref or self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended. `output` is what it printed, its end; `why` says what was wrong before it could run."""

    job: str
    step: str
    conclusion: Conclusion
    output: str = ""
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """How a workflow ended: the conclusion of each job, in their order, and of each step."""

    jobs: Mapping[str, Conclusion]
    steps: tuple[StepOutcome, ...]

    @property
    def failed(self) -> StepOutcome | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.conclusion == "failure"), None)


class ActionFailed(Exception):
    """An action could not do its work; the text is what it prints."""


@dataclass(slots=True)
class Scene:
    """One job at work: what its steps have set so far, and where they are."""

    job: Job
    event: Event
    workflow: str
    workspace: Path
    repository: Path
    environment: dict[str, str]
    #: The name of the job's `environment`, its expressions evaluated; empty without one.
    target: str = ""
    path: list[str] = field(default_factory=list)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)


class Action(Protocol):
    """A stand-in for an action: acts on the scene, returns its outputs; ActionFailed, or BadWorkflow for bad inputs."""

    def __call__(self, scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]: ...


def run(
    workflow: Workflow,
    event: Event,
    repository: Path,
    actions: Mapping[str, Action],
    *,
    environment: Mapping[str, str],
    seconds: float,
    variables: Mapping[str, Mapping[str, str]] = NO_VARIABLES,
    refused: Collection[str] = (),
) -> Run:
    """Run a workflow for an event; none of its jobs, if the event does not start it.

    `repository` is the folder that checkout gives. `actions` are the stand-ins, by name without a version.
    `environment` is what every step gets of this machine. `variables` are those of the `vars` context: the repository's
    under "", an environment's own under its name. A job whose environment is one of `refused` fails before its first
    step: its reviewers said no. After `seconds` of wall time what still runs is killed, and
    the rest is skipped. BadWorkflow for an action that has no stand-in, before anything runs.
    """
    if not workflow.starts_on(event.name, event.branch):
        return Run({}, ())
    for job in workflow.jobs:
        for step in job.steps:
            action_of(step, actions)
    with _scratch() as scratch:
        kept = scratch / _REPOSITORY_FOLDER
        shutil.copytree(repository, kept, symlinks=True)
        end = time.monotonic() + seconds
        return _Course(workflow, event, scratch, actions, environment, end, variables, refused).run()


def action_of(step: Step, actions: Mapping[str, Action]) -> Action | None:
    """The stand-in for a step's action; None for a command. BadWorkflow for an action without one."""
    if step.uses is None:
        return None
    name, at, version = step.uses.partition("@")
    if not at or not version:
        raise BadWorkflow(f"uses: {step.uses} names no version: write {name}@v4, say")
    if name not in actions:
        raise BadWorkflow(f"uses: {step.uses} has no stand-in here: there are {', '.join(sorted(actions))}")
    return actions[name]


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="coldstart-workflow-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


class _Course:
    """One run of a workflow."""

    def __init__(
        self,
        workflow: Workflow,
        event: Event,
        scratch: Path,
        actions: Mapping[str, Action],
        environment: Mapping[str, str],
        end: float,
        variables: Mapping[str, Mapping[str, str]],
        refused: Collection[str],
    ) -> None:
        self.workflow = workflow
        self.event = event
        self.scratch = scratch
        self.actions = actions
        self.machine = dict(environment)
        self.end = end
        self.variables = variables
        self.refused = refused
        self.conclusions: dict[str, Conclusion] = {}
        self.outputs: dict[str, dict[str, str]] = {}
        self.outcomes: list[StepOutcome] = []

    def run(self) -> Run:
        for job in self.workflow.jobs:
            self.conclusions[job.id] = self._job(job)
        return Run(self.conclusions, tuple(self.outcomes))

    # -- jobs ------------------------------------------------------------------------------------------

    def _job(self, job: Job) -> Conclusion:
        before = [self.conclusions[name] for name in job.needs]
        status = {
            "success": all(one == "success" for one in before),
            "failure": "failure" in before,
            "always": True,
            "cancelled": False,
        }
        scope = Scope({**self._shared(job), "env": dict(self.workflow.environment)}, status)
        try:
            if not holds(job.condition or "success()", scope):
                return "skipped"
            target = fill(job.target or "", scope)
            if target in self.refused:
                why = f"the reviewers of the environment {target} did not approve it"
                self.outcomes.append(StepOutcome(job.id, job.name, "failure", why=why))
                return "failure"
            scene = self._scene(job, target, scope)
        except BadExpression as error:
            self.outcomes.append(StepOutcome(job.id, job.name, "failure", why=str(error)))
            return "failure"
        failed = False
        for step in job.steps:
            outcome = self._step(scene, step, failed)
            self.outcomes.append(outcome)
            failed = failed or (outcome.conclusion == "failure" and not step.goes_on)
        try:
            scope = self._scope(scene, failed)
            self.outputs[job.id] = {name: fill(value, scope) for name, value in job.outputs.items()}
        except BadExpression as error:
            self.outcomes.append(StepOutcome(job.id, "outputs", "failure", why=str(error)))
            failed = True
        return "failure" if failed else "success"

    def _scene(self, job: Job, target: str, scope: Scope) -> Scene:
        home = self.scratch / "jobs" / job.id
        workspace = home / "workspace"
        workspace.mkdir(parents=True)
        (home / "temp").mkdir()
        scope = Scope({**scope.contexts, "vars": self._vars(target)}, scope.status)
        environment = {name: fill(value, scope) for name, value in self.workflow.environment.items()}
        inner = Scope({**scope.contexts, "env": environment}, scope.status)
        environment |= {name: fill(value, inner) for name, value in job.environment.items()}
        repository = self.scratch / _REPOSITORY_FOLDER
        return Scene(job, self.event, self.workflow.name, workspace, repository, environment, target)

    def _vars(self, target: str = "") -> dict[str, str]:
        """https://docs.github.com/en/actions/reference/workflows-and-actions/variables#configuration-variable-precedence"""
        return {**self.variables.get("", {}), **self.variables.get(target, {})}

    # -- steps -----------------------------------------------------------------------------------------

    def _step(self, scene: Scene, step: Step, failed: bool) -> StepOutcome:
        job, began = scene.job.id, time.monotonic()
        name = step.name
        try:
            scope = self._scope(scene, failed)
            name = fill(step.name, scope)
            if not holds(step.condition or "success()", scope):
                self._keep(scene, step, "skipped", {})
                return StepOutcome(job, name, "skipped")
            if began >= self.end:
                return StepOutcome(job, name, "failure", why="the workflow ran out of time before this step")
            own = {key: fill(value, scope) for key, value in step.environment.items()}
            scope = Scope({**scope.contexts, "env": {**scene.environment, **own}}, scope.status)
            action = action_of(step, self.actions)
            if action is not None:
                given = {key: fill(value, scope) for key, value in step.given.items()}
                outputs, output, good = dict(action(scene, given)), "", True
            else:
                outputs, output, good = self._command(scene, step, own, scope)
        except (BadExpression, BadWorkflow, ActionFailed) as error:
            self._keep(scene, step, "failure", {})
            return StepOutcome(job, name, "failure", why=str(error), seconds=time.monotonic() - began)
        conclusion: Conclusion = "success" if good else "failure"
        self._keep(scene, step, conclusion, outputs)
        return StepOutcome(job, name, conclusion, output, seconds=time.monotonic() - began)

    def _command(
        self, scene: Scene, step: Step, own: Mapping[str, str], scope: Scope
    ) -> tuple[dict[str, str], str, bool]:
        """Outputs, what was printed, and whether it went well."""
        assert step.run is not None
        home = scene.workspace.parent
        own_files = _fresh(home / "temp")
        script = own_files / "step.sh"
        script.write_text(fill(step.run, scope), encoding="utf-8")
        files = {name: own_files / name.lower() for name in ("ENV", "OUTPUT", "PATH", "STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        folder = scene.workspace / fill(step.folder or "", scope)
        if not folder.resolve().is_relative_to(scene.workspace) or not folder.is_dir():
            raise BadWorkflow(f"working-directory {step.folder!r} is no folder of the workspace")
        # As GitHub calls them: without a word about the shell, bash does not look into pipes.
        shell = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], "sh": ["sh", "-e"]}
        variables = {
            **self.machine,
            **self._variables(scene, files),
            **scene.environment,
            **own,
            "HOME": str(home),
            "TMPDIR": str(home / "temp"),
        }
        variables["PATH"] = ":".join([*reversed(scene.path), self.machine["PATH"]])
        ended = execution.run(
            [*shell[step.shell], str(script)],
            home,
            variables,
            max(self.end - time.monotonic(), 0.1),
            folder=folder.resolve(),
        )
        output = ended.output[-MOST_OUTPUT:]
        if ended.timed_out:
            return {}, f"{output}\nThe workflow ran out of time here.", False
        scene.environment |= _assignments(files["ENV"])
        scene.path += _lines(files["PATH"])
        return _assignments(files["OUTPUT"]), output, ended.exit_code == 0

    def _keep(self, scene: Scene, step: Step, outcome: Conclusion, outputs: Mapping[str, str]) -> None:
        if step.id is not None:
            conclusion = "success" if step.goes_on and outcome == "failure" else outcome
            scene.steps[step.id] = {"outcome": outcome, "conclusion": conclusion, "outputs": dict(outputs)}

    # -- what they see ---------------------------------------------------------------------------------

    def _shared(self, job: Job) -> dict[str, Any]:
        return {
            "github": _github(self.event, self.workflow.name, job.id),
            "needs": {
                name: {"result": self.conclusions[name], "outputs": self.outputs.get(name, {})} for name in job.needs
            },
            # Those of an environment are there once the job is at work: a job's own condition does not see them.
            "vars": self._vars(),
            "secrets": {},
            "inputs": {},
        }

    def _scope(self, scene: Scene, failed: bool) -> Scope:
        contexts = {
            **self._shared(scene.job),
            "vars": self._vars(scene.target),
            "env": scene.environment,
            "steps": scene.steps,
            "job": {"status": "failure" if failed else "success"},
            "runner": {"os": "Linux", "arch": "X64", "name": "coldstart", "temp": str(scene.workspace.parent / "temp")},
        }
        status = {"success": not failed, "failure": failed, "always": True, "cancelled": False}
        return Scope(contexts, status)

    def _variables(self, scene: Scene, files: Mapping[str, Path]) -> dict[str, str]:
        github = _github(self.event, self.workflow.name, scene.job.id)
        named = ("repository", "repository_owner", "ref", "ref_name", "ref_type", "sha", "event_name", "workflow")
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_JOB": scene.job.id,
            "GITHUB_WORKSPACE": str(scene.workspace),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(scene.workspace.parent / "temp"),
            **{f"GITHUB_{name.upper()}": github[name] for name in named},
            **{f"GITHUB_{name}": str(path) for name, path in files.items()},
        }


def _github(event: Event, workflow: str, job: str) -> dict[str, str]:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#github-context"""
    owner = event.repository.partition("/")[0]
    return {
        "repository": event.repository,
        "repository_owner": owner,
        "actor": owner,
        "ref": event.ref,
        "ref_name": event.ref.split("/", 2)[-1],
        "ref_type": "tag" if event.ref.startswith("refs/tags/") else "branch",
        "base_ref": event.base_ref,
        "head_ref": event.head_ref,
        "event_name": event.name,
        "sha": "c0ffee" * 6 + "c0ff",
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "workflow": workflow,
        "job": job,
    }


def _fresh(temp: Path) -> Path:
    """A new folder in the job's folder of temporary files, whatever a step has made of that."""
    if temp.is_symlink() or not temp.is_dir():
        temp.unlink(missing_ok=True)
        temp.mkdir()
    return Path(tempfile.mkdtemp(dir=temp))


def _lines(path: Path) -> list[str]:
    return [line for line in _read(path).splitlines() if line]


def _assignments(path: Path) -> dict[str, str]:
    """NAME=value lines, and NAME<<END blocks, of a file that a step has written to. BadWorkflow for others."""
    found: dict[str, str] = {}
    lines = iter(_read(path).splitlines())
    for line in lines:
        name, block, end = line.partition("<<")
        if block and "=" not in name:
            inner = []
            for one in lines:
                if one == end:
                    break
                inner.append(one)
            else:
                raise BadWorkflow(f"{name} in {path.name}: the closing {end!r} is missing")
            found[name] = "\n".join(inner)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
        elif line.strip():
            raise BadWorkflow(f"a line of GITHUB_{path.name.upper()} is {line[:80]!r}: it must be NAME=value")
    return found


def _read(path: Path) -> str:
    # The step could have put anything in the file's place.
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_FILE:
        raise BadWorkflow(f"GITHUB_{path.name.upper()} is no plain file of at most {_MOST_FILE} bytes any more")
    return path.read_text(encoding="utf-8", errors="replace")
