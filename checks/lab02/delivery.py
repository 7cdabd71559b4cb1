"""Runs the learner's pipeline for real: its roles are tried with strangers' tokens, and a push deploys both stages."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from checks.contract import Answers, Incorrect, Uncheckable
from checks.lab02 import orders, packaging, rights, stacks, tools, trials
from checks.lab02.pipeline import (
    PUSH,
    REHEARSALS,
    REPOSITORY,
    ROLES,
    STAGES,
    Pipeline,
    must_hold,
    own,
    rehearse,
    run_for,
    settings,
    told,
)
from checks.workflow.actions import stand_ins, token_of
from checks.workflow.runner import ActionFailed, Run, Scene
from sandbox.loopback import is_loopback

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
STACKS = {stage: f"orders-{stage}" for stage in STAGES}


def delivers(cloud: Cloud, answers: Answers) -> None:
    """The check: rehearsals of what must stop, then roles, tokens, and a push that deploys both stages."""
    pipeline = own(answers)
    issuer = cloud.url(ISSUER)
    if not is_loopback(issuer):
        raise Uncheckable(
            "In a real account tokens come from GitHub alone, and nothing here can ask for one. Push orders/ to a "
            "repository of yours to see it run; locally this check runs it."
        )
    for name in STACKS.values():
        if stacks.described(cloud, name):
            raise Uncheckable(f"There is a stack {name} already: remove it first, the pipeline makes its own.")
    with _roles(cloud, pipeline) as roles:
        for stage in STAGES:
            _must_refuse_others(cloud, issuer, stage, roles[stage][0])
            _must_be_for_nobody_else(cloud, issuer, stage, *roles[stage])
            rights.must_be_narrow(cloud, stage, *roles[stage])
        with ThreadPoolExecutor(2) as pool:
            for rehearsal in pool.map(lambda one: rehearse(pipeline, one), REHEARSALS):
                must_hold(rehearsal)
        with trials.removed(cloud, *STACKS.values()):
            run, taken = _push(cloud, pipeline, issuer, roles)
            _must_be_delivered(cloud, run, taken, roles)
            for stage in STAGES:
                service = orders.service_of(cloud, STACKS[stage], stage, 0)
                orders.must_answer(service, answers.random)


@contextmanager
def _roles(cloud: Cloud, pipeline: Pipeline) -> Iterator[dict[str, tuple[str, str]]]:
    """Both stages' roles, made from the learner's template: the job's and CloudFormation's ARN. Gone afterwards."""
    nonce = secrets.token_hex(3)
    names = {stage: f"{trials.PREFIX}-{nonce}-roles-{stage}" for stage in STAGES}
    known = cloud.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    missing = not any(one["Arn"].endswith(f"/{urlsplit(ISSUER).netloc}") for one in known)
    found = {}
    with trials.removed(cloud, *reversed(names.values())):
        for stage, name in names.items():
            given = {
                "Stage": stage,
                "Repository": REPOSITORY,
                "Artifacts": packaging.bucket_of(cloud),
                "WithProvider": "yes" if missing else "no",
            }
            trials.succeeded(stacks.deploy(cloud, name, pipeline.roles, **given), f"{ROLES} with Stage={stage}")
            missing = False
            made = stacks.outputs(cloud, name)
            for output in ("DeployRole", "CloudFormationRole"):
                if not made.get(output):
                    raise Incorrect(
                        f"{ROLES} has no output {output} any more.",
                        "the outputs DeployRole and CloudFormationRole, as they were.",
                        "The environments of the repository get their variables from them.",
                    )
            found[stage] = (made["DeployRole"], made["CloudFormationRole"])
        yield found


@dataclass(frozen=True, slots=True)
class Stranger:
    """A job that must not get a stage's role. `why` says what it would mean."""

    words: str
    job: Mapping[str, str]
    why: str


def strangers(stage: str) -> list[Stranger]:
    """Jobs that are not the one on main that deploys this stage."""
    main = {"repository": REPOSITORY, "ref": "refs/heads/main", "event_name": "push"}
    other = next(one for one in STAGES if one != stage)
    names = "A name that begins like yours is free for everybody to take."
    subject = "The environment in `sub` says nothing of the branch: without `ref`, whoever may push any branch deploys."
    return [
        Stranger(
            "of another repository of the shop", {**main, "repository": "shop/website", "environment": stage}, names
        ),
        Stranger(
            "of a repository whose name begins alike",
            {**main, "repository": f"{REPOSITORY}-copy", "environment": stage},
            names,
        ),
        Stranger(
            "of another owner", {**main, "repository": "someone/orders", "environment": stage}, "A fork has your name."
        ),
        Stranger(
            "of an owner whose name begins alike",
            {**main, "repository": "shopping/orders", "environment": stage},
            names,
        ),
        Stranger(
            "on another branch, without an environment",
            {**main, "ref": "refs/heads/faster"},
            "A branch is pushed before anybody has looked at it.",
        ),
        Stranger(
            "on another branch, that names the environment",
            {**main, "ref": "refs/heads/faster", "environment": stage},
            subject,
        ),
        Stranger(
            "on a branch whose name begins alike, that names the environment",
            {**main, "ref": "refs/heads/main-faster", "environment": stage},
            "Whoever may push may choose a branch's name.",
        ),
        Stranger(
            "on a branch whose name ends alike, that names the environment",
            {**main, "ref": "refs/heads/faster/main", "environment": stage},
            "Whoever may push may choose a branch's name.",
        ),
        Stranger(
            "on a tag called main, that names the environment",
            {**main, "ref": "refs/tags/main", "environment": stage},
            "A tag may stand on any commit. Nobody has to have merged it.",
        ),
        Stranger(
            "on main, without an environment",
            main,
            "The environment is where the reviewers are. A job that names none goes past them.",
        ),
        Stranger(
            f"on main, for the environment {other}",
            {**main, "environment": other},
            f"With {other}'s approval it would deploy {stage}.",
        ),
        Stranger(
            "for an environment whose name begins alike",
            {**main, "environment": f"{stage}-test"},
            "Whoever may edit the workflow may name a new environment; it has no reviewers.",
        ),
        Stranger(
            "of a pull request",
            {**main, "ref": "refs/pull/7/merge", "event_name": "pull_request"},
            "A pull request is somebody's proposal, with somebody's code.",
        ),
        Stranger(
            "of a pull request that names the environment",
            {**main, "ref": "refs/pull/7/merge", "event_name": "pull_request", "environment": stage},
            subject,
        ),
    ]


def _must_refuse_others(cloud: Cloud, issuer: str, stage: str, role: str) -> None:
    """Tries a role with tokens of its own job, and of others. Incorrect."""
    own = {"repository": REPOSITORY, "ref": "refs/heads/main", "event_name": "push", "environment": stage}
    refusal = _refusal(cloud, issuer, role, own)
    if refusal:
        raise Incorrect(
            f"The role of {stage} refused the job on main for the environment {stage}: {refusal[:200]}",
            f"`sub` is repo:{REPOSITORY}:environment:{stage}, `aud` {AUDIENCE}, `ref` refs/heads/main.",
            "A condition compares letter by letter what stands in the token.",
        )
    for stranger in strangers(stage):
        if not _refusal(cloud, issuer, role, stranger.job):
            raise Incorrect(f"The role of {stage} was given to a job {stranger.words}.", "AccessDenied.", stranger.why)
    if not _refusal(cloud, issuer, role, own, audience=f"https://github.com/{REPOSITORY.partition('/')[0]}"):
        raise Incorrect(
            f"The role of {stage} was given for a token that was made out to somebody else.",
            f"only tokens whose `aud` is {AUDIENCE}.",
            "A token that another service has got from a job could be handed on to AWS.",
        )


def _must_be_for_nobody_else(cloud: Cloud, issuer: str, stage: str, deploys: str, makes: str) -> None:
    """Tries both roles as somebody of the account, and CloudFormation's with the job's own token. Incorrect."""
    for role, whose in ((deploys, "DeployRole"), (makes, "CloudFormationRole")):
        try:
            cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="coldstart-trial")
        except ClientError:
            continue
        raise Incorrect(
            f"The {whose} of {stage} was given to somebody of the account, without any token.",
            "DeployRole for the job's token, CloudFormationRole for CloudFormation, and both for nobody else.",
            "A second statement in a trust policy is a second door: whoever comes through it shows no token.",
        )
    own = {"repository": REPOSITORY, "ref": "refs/heads/main", "event_name": "push", "environment": stage}
    if not _refusal(cloud, issuer, makes, own):
        raise Incorrect(
            f"The CloudFormationRole of {stage} was given to a job with its token.",
            "a trust policy with CloudFormation alone.",
            "It makes roles and tables. A job that has it itself needs no stack, and leaves no events.",
        )


def _refusal(cloud: Cloud, issuer: str, role: str, job: Mapping[str, str], audience: str = AUDIENCE) -> str:
    """What STS says to a job's token; empty if it gives the role."""
    try:
        token = token_of(issuer, job, audience)
    except ActionFailed as error:
        raise Uncheckable(f"{error}. Run the check again.") from None
    try:
        cloud.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="coldstart-trial", WebIdentityToken=token
        )
    except ClientError as error:
        return str(error.response["Error"].get("Message") or error.response["Error"]["Code"])
    return ""


def _push(cloud: Cloud, pipeline: Pipeline, issuer: str, roles: Mapping[str, tuple[str, str]]) -> tuple[Run, list[str]]:
    """A push to main, for real: the run, and the roles that its jobs took, in their order."""
    taken: list[str] = []
    actions = stand_ins(cloud.client("sts"), issuer)
    assume = actions["aws-actions/configure-aws-credentials"]

    def configure(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
        outputs = assume(scene, given)
        taken.append(given.get("role-to-assume", ""))
        return outputs

    environment = {**tools.machine(), "AWS_ENDPOINT_URL": str(cloud.endpoint)}
    variables = settings(packaging.bucket_of(cloud), roles, cloud.region)
    with pipeline.repository() as folder:
        pushed = {**actions, "aws-actions/configure-aws-credentials": configure}
        return run_for(pipeline, PUSH, folder, pushed, environment, variables), taken


def _must_be_delivered(cloud: Cloud, run: Run, taken: list[str], roles: Mapping[str, tuple[str, str]]) -> None:
    if not run.jobs or set(run.jobs.values()) != {"success"}:
        raise Incorrect(
            f"A push to main did not go through: {told(run)}.",
            "every job succeeds.",
            "The first step that failed has the reason in its output.",
        )
    own = [roles[stage][0] for stage in STAGES]
    if taken != own:
        raise Incorrect(
            f"A push to main took {len(taken)} roles, and not those of staging and prod, one after the other.",
            "each stage's own DEPLOY_ROLE, staging first.",
            "One role for both would let the job of staging change prod.",
        )
    for stage, name in STACKS.items():
        made = stacks.described(cloud, name)
        if made.get("StackStatus") != "CREATE_COMPLETE":
            raise Incorrect(
                f"After a push to main the stack {name} is {made.get('StackStatus', 'not there')}.",
                f"a stack {name} that was deployed.",
                "A pipeline that is green and has deployed nothing is worse than a red one.",
            )
        given = {one["ParameterKey"]: one["ParameterValue"] for one in made.get("Parameters", [])}
        if given.get("Stage") != stage:
            raise Incorrect(
                f"The stack {name} has Stage={given.get('Stage')}.",
                f"Stage={stage}.",
                "The stage decides on size and protection: a prod stack of stage dev is neither.",
            )
