"""The learner's pipeline: the repository of a push, and rehearsals in which only the order of things counts."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.contract import Answers, Incorrect, NotAttempted
from checks.functions import runtime
from checks.lab02 import orders, tools, trials
from checks.workflow import document, runner
from checks.workflow.actions import stand_ins
from checks.workflow.document import BadWorkflow, Workflow
from checks.workflow.expressions import BadExpression
from checks.workflow.runner import Action, Event, Run, Scene
from sandbox.progress import Progress
from sandbox.templates import TemplateError, read

WORKFLOW = "orders/workflows/deploy.yml"
ROLES = "orders/pipeline/roles.yaml"
#: Where GitHub looks for it.
IN_REPOSITORY = Path(".github/workflows/deploy.yml")
REPOSITORY = "shop/orders"
STAGES = ("staging", "prod")
RUN_SECONDS = 100.0
PUSH = Event("push", REPOSITORY, "refs/heads/main")
PULL_REQUEST = Event("pull_request", REPOSITORY, "refs/pull/7/merge", base_ref="main", head_ref="faster")
#: A unit test that fails, as a push brings it.
BROKEN_TEST = "def test_of_this_push() -> None:\n    raise AssertionError('this push breaks something')\n"
#: `sam`, `aws` and `python` for rehearsals, where only the order of things counts: quick, and they deploy nothing.
REHEARSED = Path(__file__).parent / "rehearsed"


# -- the repository --------------------------------------------------------------------------------------------


@contextmanager
def repository(
    template: str, workflow: str, roles: str, *, broken: bool = False, code: Path = orders.FOLDER
) -> Iterator[Path]:
    """The repository shop/orders of a push: the shop's own code, and the learner's template, workflow and roles.

    The judge's code is that of the solutions. A cell gives its own folder: a confined grade shows it no solutions.
    """
    with tempfile.TemporaryDirectory(prefix="coldstart-repository-") as scratch:
        folder = Path(scratch).resolve() / "orders"
        shutil.copytree(code, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "workflows"))
        (folder / IN_REPOSITORY).parent.mkdir(parents=True)
        (folder / IN_REPOSITORY).write_text(workflow, encoding="utf-8")
        (folder / "template.yaml").write_text(template, encoding="utf-8")
        (folder / "pipeline" / "roles.yaml").write_text(roles, encoding="utf-8")
        if broken:
            (folder / "tests" / "test_push.py").write_text(BROKEN_TEST, encoding="utf-8")
        yield folder


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the learner wrote: the three files' texts, and the workflow as it is run."""

    template: str
    workflow_text: str
    roles: str
    workflow: Workflow

    def repository(self, *, broken: bool = False, code: Path = orders.FOLDER) -> Any:
        return repository(self.template, self.workflow_text, self.roles, broken=broken, code=code)


def own(answers: Answers) -> Pipeline:
    """The learner's pipeline. NotAttempted while workflow or roles are untouched; Incorrect if it can't be run."""
    text, roles, template = answers.file(WORKFLOW), answers.file(ROLES), answers.file(orders.FILE)
    if text == (trials.THURSDAY / "deploy.yml").read_text(encoding="utf-8"):
        raise NotAttempted(f"{WORKFLOW} still has the tests only. Add the jobs that deploy.")
    if roles == (trials.THURSDAY / "roles.yaml").read_text(encoding="utf-8"):
        raise NotAttempted(f"{ROLES} still lets every workflow on GitHub in. Mend the trust policy.")
    return written(template, text, roles)


def written(template: str, text: str, roles: str) -> Pipeline:
    """The pipeline that these texts are. Incorrect for a workflow that can't be run, or that keeps keys."""
    try:
        workflow = document.parse(text)
        for job in workflow.jobs:
            for step in job.steps:
                runner.action_of(step, stand_ins(None, ""))
    except BadWorkflow as error:
        raise Incorrect(
            f"{WORKFLOW} can't be run: {error}.",
            "a workflow as GitHub takes it, with the actions that are stood in for here: checkout, setup-python, "
            "setup-sam, configure-aws-credentials.",
            "GitHub shows the same as an invalid workflow, and runs nothing.",
        ) from None
    _keeps_no_keys(text)
    try:
        read(roles)
    except TemplateError as error:
        raise Incorrect(
            f"{ROLES} can't be read: {error}",
            "a template in YAML.",
            "CloudFormation refuses it with the same words, and the pipeline has no roles.",
        ) from None
    return Pipeline(template, text, roles, workflow)


_KEYS = re.compile(r"\b(?i:aws[_-](?:secret[_-]access[_-]key|access[_-]key[_-]id))\b|\bAKIA[0-9A-Z]{16}\b")


def _keeps_no_keys(text: str) -> None:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = next((line.strip() for line in lines if _KEYS.search(line)), "")
    if found:
        raise Incorrect(
            f"{WORKFLOW} works with a stored key: {found[:100]}",
            "a role that the job assumes with its own token, and no key at all.",
            "A stored key is valid for everybody who reads it, until somebody thinks of replacing it.",
        )


# -- rehearsals ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that may happen to the pipeline, and whose roles it may take then, in this order.

    `lint` and `deploy` are the exit codes of `sam validate` and of what deploys; `refused` are environments whose
    reviewers say no.
    """

    title: str
    event: Event = PUSH
    broken: bool = False
    lint: int = 0
    deploy: int = 0
    refused: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


AS_IT_SHOULD = Scenario("push to main", roles=STAGES)
BROKEN = Scenario("push with a failing test", broken=True)
LINTED = Scenario("push that the linter finds fault with", lint=1)
STOPPED = Scenario("staging's deployment fails", deploy=1, roles=("staging",))
REFUSED = Scenario("prod's reviewer says no", refused=("prod",), roles=("staging",))
PROPOSED = Scenario("pull request", event=PULL_REQUEST)
PROPOSED_BROKEN = Scenario("pull request with a failing test", event=PULL_REQUEST, broken=True)
ELSEWHERE = Scenario("push to another branch", event=Event("push", REPOSITORY, "refs/heads/faster"))
#: What the judge rehearses. A push that goes through is no rehearsal.
REHEARSALS = (PROPOSED, BROKEN, LINTED, STOPPED, REFUSED, ELSEWHERE, PROPOSED_BROKEN)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a scenario went: the run, and whose roles its jobs took."""

    scenario: Scenario
    run: Run
    roles: tuple[str, ...]


def rehearse(pipeline: Pipeline, scenario: Scenario, code: Path = orders.FOLDER) -> Rehearsal:
    """Run all steps of the workflow; nothing is deployed, and no role is real. Incorrect if it can't be run."""
    taken: list[str] = []

    def configure(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
        taken.append(given.get("role-to-assume", ""))
        scene.environment.update(AWS_ACCESS_KEY_ID="rehearsed", AWS_SECRET_ACCESS_KEY="rehearsed")
        return {}

    actions = {**stand_ins(None, ""), "aws-actions/configure-aws-credentials": configure}
    environment = tools.machine()
    environment |= {
        "PATH": f"{REHEARSED}:{environment['PATH']}",
        "REHEARSED_LINT": str(scenario.lint),
        "REHEARSED_DEPLOY": str(scenario.deploy),
        # Tests take seconds: where they are not the point, the run for real shows that they pass.
        "REHEARSED_TESTS": "" if scenario.broken else "0",
    }
    variables = settings("rehearsed", {stage: (stage, stage) for stage in STAGES}, "us-east-1")
    with pipeline.repository(broken=scenario.broken, code=code) as folder:
        run = run_for(pipeline, scenario.event, folder, actions, environment, variables, scenario.refused)
    return Rehearsal(scenario, run, tuple(taken))


def rehearsed(folder: Path, *scenarios: Scenario) -> list[Rehearsal]:
    """Rehearse the pipeline of a lab's folder: what a cell shows, with its progress. Incorrect for one that can't be
    run."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in (orders.FILE, WORKFLOW, ROLES)]
    pipeline = written(*texts)
    found: list[Rehearsal] = []
    with Progress("rehearsing", lambda: len(found) / len(scenarios)), ThreadPoolExecutor(2) as pool:
        for one in pool.map(lambda one: rehearse(pipeline, one, folder / "orders"), scenarios):
            found.append(one)
    return found


def run_for(
    pipeline: Pipeline,
    event: Event,
    folder: Path,
    actions: Mapping[str, Action],
    environment: Mapping[str, str],
    variables: Mapping[str, Mapping[str, str]],
    refused: tuple[str, ...] = (),
) -> Run:
    """Run the workflow for an event in a repository's folder. Incorrect if it can't be run."""
    try:
        return runner.run(
            pipeline.workflow,
            event,
            folder,
            actions,
            environment=environment,
            seconds=RUN_SECONDS,
            variables=variables,
            refused=refused,
        )
    except (BadWorkflow, BadExpression) as error:
        raise Incorrect(
            f"{WORKFLOW} can't be run: {error}.", "a workflow as GitHub takes it.", "GitHub would run nothing."
        ) from None


def settings(artifacts: str, roles: Mapping[str, tuple[str, str]], region: str) -> dict[str, dict[str, str]]:
    """What stands in the repository's settings. `roles` are each stage's two: the job's, and CloudFormation's."""
    shared = {"AWS_REGION": region, "PYTHON_VERSION": runtime().removeprefix("python"), "ARTIFACTS": artifacts}
    own = {stage: {"DEPLOY_ROLE": deploys, "CLOUDFORMATION_ROLE": makes} for stage, (deploys, makes) in roles.items()}
    return {"": shared, **own}


def must_hold(rehearsal: Rehearsal) -> None:
    """Incorrect if roles were taken that must not be, or a pull request's jobs ended otherwise than its tests."""
    scenario, run = rehearsal.scenario, rehearsal.run
    if rehearsal.roles != scenario.roles:
        raise Incorrect(
            f"Rehearsed: {scenario.title}. The jobs took the roles of {_named(rehearsal.roles)}; {told(run)}.",
            f"the roles of {_named(scenario.roles)}.",
            "Whose role a job has taken, there it deploys. What stops a pipeline is `needs`, `if` and the environment "
            "of each job, not the hope that somebody looks.",
        )
    if scenario is PROPOSED and (not run.jobs or "failure" in run.jobs.values()):
        raise Incorrect(
            f"Rehearsed: {scenario.title}. {told(run)}.",
            "its tests run, and all is green.",
            "A pull request that is always red is merged unread; one without tests, too.",
        )
    if scenario is PROPOSED_BROKEN and "failure" not in run.jobs.values():
        raise Incorrect(
            f"Rehearsed: {scenario.title}. {told(run)}.",
            "red: the tests run on every pull request.",
            "A test that first runs on main finds the fault after it was merged, and everybody else's push is stopped.",
        )


def _named(roles: tuple[str, ...]) -> str:
    return " and ".join(role or "(none given)" for role in roles) or "nobody"


def told(run: Run) -> str:
    """How a run's jobs ended, and why the first of them failed."""
    if not run.jobs:
        return "no job ran"
    told = ", ".join(f"{name} {conclusion}" for name, conclusion in run.jobs.items())
    failed = run.failed
    if failed is None:
        return told
    lines = [line.strip() for line in (failed.why or failed.output).splitlines() if line.strip()]
    return f"{told}; {failed.job}, {failed.step}: {lines[-1][:200] if lines else 'no output'}"
