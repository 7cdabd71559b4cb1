"""Workflows run: order, conditions, what steps hand on, stand-ins, and the edges of the workspace."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.execution import search_path
from checks.workflow.actions import stand_ins
from checks.workflow.document import BadWorkflow, parse
from checks.workflow.runner import Event, Run, run
from sandbox.isolation import isolated_session, local_config
from sandbox.sandbox import Sandbox

PUSH = Event("push", "shop/orders", "refs/heads/main")
PYTHON = "{}.{}".format(*sys.version_info[:2])
HEAD = "on: [push, pull_request]\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "hello.txt").write_text("hello\n")
    return folder


def ran(text: str, repository: Path, *, event: Event = PUSH, sts: Any = None, issuer: str = "") -> Run:
    actions = stand_ins(sts, issuer)
    return run(parse(text), event, repository, actions, environment={"PATH": search_path()}, seconds=60)


def job(steps: str, name: str = "a", more: str = "") -> str:
    return f"  {name}:\n    runs-on: ubuntu-latest\n{more}    steps:\n{steps}"


def test_a_job_begins_in_an_empty_workspace_and_checkout_fills_it(repository: Path) -> None:
    text = (
        HEAD
        + "jobs:\n"
        + job("      - run: ls -A\n      - uses: actions/checkout@v4\n      - run: cat app/hello.txt\n")
    )
    outcome = ran(text, repository)
    assert outcome.jobs == {"a": "success"}
    assert [step.output for step in outcome.steps] == ["", "", "hello\n"]


def test_a_failing_step_skips_what_follows_and_the_jobs_that_need_it(repository: Path) -> None:
    text = (
        HEAD
        + "jobs:\n"
        + job("      - run: echo one; false\n      - run: echo two\n      - {if: always(), run: echo three}\n")
        + job("      - run: echo never\n", "b", "    needs: a\n")
        + job(
            "      - run: echo ${{ needs.a.result }} ${{ needs.b.result }}\n",
            "c",
            "    needs: [a, b]\n    if: failure()\n",
        )
    )
    outcome = ran(text, repository)
    assert outcome.jobs == {"a": "failure", "b": "skipped", "c": "success"}
    assert [step.conclusion for step in outcome.steps] == ["failure", "skipped", "success", "success"]
    assert outcome.steps[3].output == "failure skipped\n"
    assert outcome.failed is not None
    assert outcome.failed.output == "one\n"


def test_a_step_that_may_fail_fails_neither_its_job_nor_what_follows(repository: Path) -> None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepscontinue-on-error"""
    steps = """\
      - {id: lint, run: "false", continue-on-error: true}
      - run: echo ${{ steps.lint.outcome }} ${{ steps.lint.conclusion }} ${{ job.status }}
"""
    outcome = ran(HEAD + "jobs:\n" + job(steps) + job("      - run: echo on\n", "b", "    needs: a\n"), repository)
    assert outcome.jobs == {"a": "success", "b": "success"}
    assert [step.output for step in outcome.steps] == ["", "failure success success\n", "on\n"]


def test_steps_hand_on_variables_outputs_and_paths(repository: Path) -> None:
    steps = """\
      - id: first
        run: |
          echo "digest=d1" >> $GITHUB_OUTPUT
          echo "STAGE=prod" >> $GITHUB_ENV
          printf 'LONG<<END\\none\\ntwo\\nEND\\n' >> $GITHUB_ENV
          mkdir "$RUNNER_TEMP/bin"
          printf '#!/bin/sh\\necho mine\\n' > "$RUNNER_TEMP/bin/tool"
          chmod +x "$RUNNER_TEMP/bin/tool"
          echo "$RUNNER_TEMP/bin" >> $GITHUB_PATH
      - run: echo "${{ steps.first.outputs.digest }} $STAGE ${{ env.STAGE }} $(tool) $LONG"
"""
    more = "    outputs: {digest: '${{ steps.first.outputs.digest }}'}\n"
    after = job("      - run: echo ${{ needs.a.outputs.digest }}\n", "b", "    needs: a\n")
    outcome = ran(HEAD + "jobs:\n" + job(steps, more=more) + after, repository)
    assert [step.output for step in outcome.steps] == ["", "d1 prod prod mine one\ntwo\n", "d1\n"]


def test_pipes_fail_only_where_bash_is_asked_for_by_name(repository: Path) -> None:
    text = HEAD + "jobs:\n" + job("      - run: false | cat\n      - {run: false | cat, shell: bash}\n")
    assert [step.conclusion for step in ran(text, repository).steps] == ["success", "failure"]


def test_an_event_that_it_does_not_wait_for_starts_nothing(repository: Path) -> None:
    text = "on: {push: {branches: [main]}}\njobs:\n" + job("      - run: echo x\n")
    assert ran(text, repository, event=Event("push", "shop/orders", "refs/heads/other")) == Run({}, ())


def test_a_pull_request_counts_by_the_branch_that_it_goes_to(repository: Path) -> None:
    text = "on: {pull_request: {branches: [main]}}\njobs:\n" + job("      - run: echo x\n")
    for base, jobs in (("main", {"a": "success"}), ("old", {})):
        event = Event("pull_request", "shop/orders", "refs/pull/7/merge", base_ref=base, head_ref="faster")
        assert ran(text, repository, event=event).jobs == jobs


def test_an_action_without_a_stand_in_is_refused_before_anything_runs(repository: Path) -> None:
    text = HEAD + "jobs:\n" + job("      - run: touch /tmp/x\n      - uses: someone/thing@v1\n")
    with pytest.raises(BadWorkflow, match="someone/thing@v1 has no stand-in"):
        ran(text, repository)
    with pytest.raises(BadWorkflow, match="names no version"):
        ran(text.replace("@v1", ""), repository)


def test_inputs_that_a_stand_in_does_not_act_on_are_refused(repository: Path) -> None:
    text = HEAD + "jobs:\n" + job("      - {uses: actions/checkout@v4, with: {path: elsewhere}}\n")
    failed = ran(text, repository).failed
    assert failed is not None
    assert "no input 'path'" in failed.why


def test_another_python_than_the_one_at_hand_is_not_pretended(repository: Path) -> None:
    step = "      - {{uses: actions/setup-python@v5, with: {{python-version: '{}'}}}}\n"
    assert ran(HEAD + "jobs:\n" + job(step.format(PYTHON)), repository).jobs == {"a": "success"}
    failed = ran(HEAD + "jobs:\n" + job(step.format("3.8")), repository).failed
    assert failed is not None
    assert f"Python 3.8 is not on this machine, {PYTHON} is" in failed.why


def test_variables_are_the_repositorys_and_while_a_job_is_at_work_its_environments_too(repository: Path) -> None:
    steps = "      - run: echo ${{ vars.REGION }} ${{ vars.ROLE }}${{ vars.OWN }}.\n"
    text = (
        HEAD
        + "jobs:\n"
        + job(steps, "plain")
        + job(steps, "staged", "    environment: ${{ vars.STAGE }}\n")
        + job(steps, "asked", "    if: vars.ROLE\n    environment: prod\n")
    )
    variables = {"": {"REGION": "here", "STAGE": "prod", "ROLE": ""}, "prod": {"ROLE": "deployer", "OWN": "!"}}
    environment = {"PATH": search_path()}
    outcome = run(parse(text), PUSH, repository, {}, environment=environment, seconds=60, variables=variables)
    assert outcome.jobs == {"plain": "success", "staged": "success", "asked": "skipped"}
    assert [step.output for step in outcome.steps] == ["here .\n", "here deployer!.\n"]


def test_an_environment_whose_reviewers_say_no_fails_its_job_before_the_first_step(repository: Path) -> None:
    text = (
        HEAD
        + "jobs:\n"
        + job("      - run: echo staging\n", "staging", "    environment: staging\n")
        + job("      - run: echo prod\n", "prod", "    needs: staging\n    environment: {name: prod}\n")
        + job("      - run: echo after\n", "after", "    needs: prod\n")
    )
    environment = {"PATH": search_path()}
    outcome = run(parse(text), PUSH, repository, {}, environment=environment, seconds=60, refused=["prod"])
    assert outcome.jobs == {"staging": "success", "prod": "failure", "after": "skipped"}
    assert [step.output for step in outcome.steps] == ["staging\n", ""]
    assert outcome.failed is not None
    assert "the reviewers of the environment prod did not approve it" in outcome.failed.why


def test_links_that_a_step_lays_are_not_followed(repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hello.txt").write_text("untouched")
    steps = f"""\
      - run: ln -s {outside} app; cd ..; rm -rf temp; ln -s {outside} temp
      - {{if: always(), uses: actions/checkout@v4}}
      - {{if: always(), run: cat app/hello.txt}}
      - {{if: always(), run: cd ..; rm -rf workspace; ln -s {outside} workspace}}
      - {{if: always(), uses: actions/checkout@v4}}
      - {{if: always(), run: cat app/hello.txt}}
      - {{if: always(), run: ls, working-directory: /}}
"""
    outcome = ran(HEAD + "jobs:\n" + job(steps), repository)
    assert (outside / "hello.txt").read_text() == "untouched"
    assert sorted(path.name for path in outside.iterdir()) == ["hello.txt"]
    assert [outcome.steps[number].output for number in (2, 5)] == ["hello\n", "hello\n"]
    assert "working-directory" in outcome.steps[6].why


def test_a_step_has_nothing_of_this_process(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGES_SECRET", "s3cr3t")
    outcome = ran(HEAD + "jobs:\n" + job("      - run: env\n"), repository)
    assert "CI=true" in outcome.steps[0].output
    assert "s3cr3t" not in outcome.steps[0].output


# -- credentials -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    sandbox.serve()
    try:
        yield sandbox
    finally:
        sandbox.close()


def client(sandbox: Sandbox, service: str) -> Any:
    return isolated_session(dict(sandbox.gateway.learner), "us-east-1").client(
        service, endpoint_url=sandbox.gateway.endpoint_url, config=local_config(service)
    )


ASSUMING = """\
      - uses: aws-actions/configure-aws-credentials@v4
        with: {role-to-assume: "arn:aws:iam::123456789012:role/deployer", aws-region: us-east-1}
      - run: echo "$AWS_REGION ${AWS_ACCESS_KEY_ID:0:4}"
"""
MAY_ASK = "    permissions: {id-token: write}\n"


def test_credentials_come_from_a_token_of_the_job_and_the_roles_trust_decides(
    sandbox: Sandbox, repository: Path
) -> None:
    iam = client(sandbox, "iam")
    iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:shop/orders:environment:prod",
            }
        },
    }
    iam.create_role(
        RoleName="deployer",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    around = {"sts": client(sandbox, "sts"), "issuer": sandbox.gateway.issuer.url()}

    def outcome(more: str, event: Event = PUSH, steps: str = ASSUMING) -> Run:
        return ran(HEAD + "jobs:\n" + job(steps, more=more), repository, event=event, **around)

    good = outcome(MAY_ASK + "    environment: prod\n")
    assert good.jobs == {"a": "success"}
    assert good.steps[1].output == "us-east-1 ASIA\n"

    for run_of_it, why in (
        (outcome(MAY_ASK), "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        (
            outcome(
                MAY_ASK + "    environment: prod\n", steps=ASSUMING.replace("us-east-1}", "us-east-1, audience: me}")
            ),
            "Incorrect token audience",
        ),
        (outcome("    environment: prod\n"), "id-token: write"),
        (outcome("    permissions: {id-token: read}\n    environment: prod\n"), "id-token: write"),
        (
            outcome(MAY_ASK + "    environment: prod\n", Event("push", "someone/else", "refs/heads/main")),
            "Not authorized",
        ),
    ):
        assert run_of_it.failed is not None
        assert why in run_of_it.failed.why


def test_stored_keys_are_refused_by_name(repository: Path) -> None:
    step = ASSUMING.replace("role-to-assume:", "aws-access-key-id: AKIA, role-to-assume:")
    failed = ran(HEAD + "jobs:\n" + job(step, more=MAY_ASK), repository).failed
    assert failed is not None
    assert "long-lived key" in failed.why
