"""The learner's pipeline: what is read, what is refused before it runs, how it is rehearsed, and whom roles let in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.contract import Answers, Incorrect, NotAttempted
from checks.judge import NurseryProcess
from checks.lab02 import delivery, packaging, pipeline, rehearsals, shop, stacks, trials
from checks.workflow.actions import token_of
from sandbox.cloud import Cloud, open_cloud

SOLVED = trials.FILES
WORKFLOW = (SOLVED / pipeline.WORKFLOW).read_text(encoding="utf-8")
ROLES = (SOLVED / pipeline.ROLES).read_text(encoding="utf-8")
TEMPLATE = (SOLVED / "orders" / "template.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The lab's folder as it is solved, free to be changed."""
    target = tmp_path / SOLVED.name
    shutil.copytree(SOLVED, target)
    return target


def written(workflow: str) -> pipeline.Pipeline:
    return pipeline.written(TEMPLATE, workflow, ROLES)


def refusal(workflow: str) -> str:
    with pytest.raises(Incorrect) as refused:
        written(workflow)
    return str(refused.value)


@pytest.mark.parametrize(
    ("file", "begins"), [(pipeline.WORKFLOW, "deploy.yml"), (pipeline.ROLES, "roles.yaml"), ("", "template.yaml")]
)
def test_the_starters_are_what_the_judge_takes_for_untouched(file: str, begins: str) -> None:
    starter = shop.STARTER / (file or "orders/template.yaml")
    assert starter.read_bytes() == (trials.THURSDAY / begins).read_bytes()


@pytest.mark.parametrize("file", [pipeline.WORKFLOW, pipeline.ROLES])
def test_an_untouched_file_is_not_attempted(folder: Path, file: str) -> None:
    shutil.copyfile(shop.STARTER / file, folder / file)
    with pytest.raises(NotAttempted):
        pipeline.own(Answers({}, folder=folder))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("jobs:", "job:", "unknown key"),
        ("actions/checkout@v4", "actions/cache@v4", "has no stand-in"),
        ("actions/checkout@v4", "actions/checkout", "names no version"),
        ("role-to-assume: ${{ vars.DEPLOY_ROLE }}", "aws-access-key-id: ${{ secrets.KEY }}", "a stored key"),
        ("          aws-region:", "          aws-region: AKIA0123456789ABCDEF #", "a stored key"),
        ("run: sam build", "run: aws configure set aws_access_key_id ${{ secrets.ID }} && sam build", "a stored key"),
    ],
)
def test_what_can_not_be_run_or_keeps_keys_is_refused_before_anything_runs(old: str, new: str, says: str) -> None:
    assert old in WORKFLOW
    assert says in refusal(WORKFLOW.replace(old, new))


def test_roles_that_are_no_template_are_refused_in_cloudformations_words() -> None:
    with pytest.raises(Incorrect, match=r"roles\.yaml can't be read: Template format error"):
        pipeline.written(TEMPLATE, WORKFLOW, "Resources: [\n")


def test_a_word_about_keys_in_a_comment_is_no_key() -> None:
    assert written(f"# never AWS_SECRET_ACCESS_KEY\n{WORKFLOW}").workflow.job("prod") is not None


def test_the_repository_has_the_shops_code_and_the_learners_files() -> None:
    with written(WORKFLOW).repository(broken=True) as folder:
        assert (folder / ".github/workflows/deploy.yml").read_text() == WORKFLOW
        assert (folder / "template.yaml").read_text() == TEMPLATE
        assert (folder / "src" / "app.py").is_file()
        assert (folder / "tests" / "test_push.py").read_text() == pipeline.BROKEN_TEST
        assert not (folder / "workflows").exists()


def test_a_cell_rehearses_with_the_code_of_its_own_folder_and_needs_no_solutions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.orders, "FOLDER", folder / "hidden")
    (folder / "orders" / "src" / "own.py").write_text("", encoding="utf-8")
    with written(WORKFLOW).repository(code=folder / "orders") as made:
        assert (made / "src" / "own.py").is_file()
    (one,) = pipeline.rehearsed(folder, pipeline.ELSEWHERE)
    assert one.roles == ()


@pytest.fixture(scope="module")
def found() -> list[pipeline.Rehearsal]:
    return pipeline.rehearsed(SOLVED, pipeline.AS_IT_SHOULD, *pipeline.REHEARSALS)


def test_the_solution_holds_in_every_rehearsal(found: list[pipeline.Rehearsal]) -> None:
    for one in found:
        pipeline.must_hold(one)
    assert {one.scenario.title: one.run.failed is None for one in found} == {
        "push to main": True,
        "pull request": True,
        "pull request with a failing test": False,
        "push with a failing test": False,
        "push that the linter finds fault with": False,
        "staging's deployment fails": False,
        "prod's reviewer says no": False,
        "push to another branch": True,
    }
    failed = next(one.run.failed for one in found if one.scenario is pipeline.BROKEN)
    assert failed is not None
    assert "this push breaks something" in failed.output


def test_the_picture_says_which_roles_were_taken(found: list[pipeline.Rehearsal]) -> None:
    text = rehearsals.picture(found).text
    assert "push to main: staging and prod" in text
    assert "prod's reviewer says no: test (success), staging (success), prod (failure)." in text
    assert "push to another branch: test (not started)" in text


def test_a_failing_staging_that_prod_does_not_wait_for_is_seen() -> None:
    careless = written(
        WORKFLOW.replace("    needs: staging\n", "    needs: test\n    if: github.event_name == 'push'\n")
    )
    with pytest.raises(Incorrect, match="the roles of staging and prod"):
        pipeline.must_hold(pipeline.rehearse(careless, pipeline.STOPPED))


def test_proposals_whose_tests_do_not_run_are_seen() -> None:
    unseen = written(WORKFLOW.replace("  test:\n", "  test:\n    if: github.event_name == 'push'\n"))
    with pytest.raises(Incorrect, match="the tests run on every pull request"):
        pipeline.must_hold(pipeline.rehearse(unseen, pipeline.PROPOSED_BROKEN))


# -- roles -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=5)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


def test_the_role_of_prod_is_for_its_own_job_and_for_no_stranger(cloud: Cloud) -> None:
    given = {"Stage": "prod", "Artifacts": packaging.bucket_of(cloud)}
    assert stacks.deploy(cloud, "roles", ROLES, **given).succeeded
    role, issuer = stacks.outputs(cloud, "roles")["DeployRole"], cloud.url(delivery.ISSUER)

    def assume(job: dict[str, str]) -> None:
        cloud.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="test", WebIdentityToken=token_of(issuer, job, delivery.AUDIENCE)
        )

    assume({"repository": "shop/orders", "ref": "refs/heads/main", "event_name": "push", "environment": "prod"})
    strangers = delivery.strangers("prod")
    assert len({stranger.words for stranger in strangers}) == len(strangers)
    for stranger in strangers:
        with pytest.raises(cloud.client("sts").exceptions.ClientError, match="Not authorized"):
            assume(dict(stranger.job))


REF = "                token.actions.githubusercontent.com:ref: refs/heads/main\n"
FEDERATED = "              Federated: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/token.actions"
ANY_JOB = f"""
          - Effect: Allow
            Principal:
{FEDERATED}.githubusercontent.com
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringLike:
                token.actions.githubusercontent.com:sub: repo:shop/orders:*
"""
ADMINISTRATOR = (
    "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n      Policies:\n        - PolicyName: "
)
ALL_BUT = "              - Effect: Allow\n                NotAction: iam:*\n                Resource: '*'\n"
PASSED = "                Resource: !GetAtt CloudFormationRole.Arn\n"


def like(ref: str) -> str:
    return f"              StringLike:\n                token.actions.githubusercontent.com:ref: {ref}\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (REF, like("refs/heads/main*"), "on a branch whose name begins alike"),
        (REF, like("refs/heads/*main"), "on a branch whose name ends alike"),
        (REF, like("refs/*/main"), "(on a branch whose name ends alike|on a tag called main)"),
        (REF, like("refs/*s/main"), "on a tag called main"),
        (
            "            Action: sts:AssumeRole\n",
            f"            Action: sts:AssumeRole{ANY_JOB}",
            "to a job with its token",
        ),
        ("      Policies:\n        - PolicyName: deploy", f"{ADMINISTRATOR}deploy", "DeployRole of staging may plan"),
        (
            "              - Sid: ThisStack\n",
            f"{ALL_BUT}              - Sid: ThisStack\n",
            "DeployRole of staging may plan",
        ),
        ("stack/orders-${Stage}/*", "stack/orders-*", "plan the stack of prod"),
        (PASSED, "                Resource: '*'\n", "hand over any role"),
        (
            "      Policies:\n        - PolicyName: orders",
            f"{ADMINISTRATOR}orders",
            "CloudFormationRole of staging may",
        ),
        (":table/orders-${Stage}-*", ":table/*", "delete prod's table"),
        (":role/orders-${Stage}-*", ":role/*", "give another role more rights"),
    ],
)
def test_roles_that_are_wider_than_they_were_are_refused(
    cloud: Cloud, folder: Path, old: str, new: str, says: str
) -> None:
    assert ROLES.count(old) == 1
    (folder / pipeline.ROLES).write_text(ROLES.replace(old, new), encoding="utf-8")
    with pytest.raises(Incorrect, match=says):
        delivery.delivers(cloud, Answers({}, folder=folder))
