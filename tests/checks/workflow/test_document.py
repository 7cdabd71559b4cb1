"""A workflow read from its text, and what is refused by name."""

from __future__ import annotations

import pytest

from checks.workflow.document import BadWorkflow, parse

WHOLE = """
name: deploy
on:
  push:
    branches: [main, "release/**", "!release/old"]
  pull_request:
permissions:
  contents: read
env:
  STAGES: 2
jobs:
  prod:
    needs: [staging]
    runs-on: ubuntu-latest
    environment: {name: prod}
    permissions: {id-token: write}
    steps:
      - run: echo prod
  staging:
    needs: test
    if: github.event_name == 'push'
    runs-on: ubuntu-24.04
    environment: staging
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - id: deploy
        name: Deploy
        run: |
          sam deploy
        shell: bash
        working-directory: app
        env: {STAGE: staging}
        continue-on-error: true
  test:
    runs-on: ubuntu-latest
    defaults: {run: {working-directory: app}}
    steps:
      - run: pytest
"""


def test_jobs_stand_in_the_order_in_which_they_can_run() -> None:
    assert [job.id for job in parse(WHOLE).jobs] == ["test", "staging", "prod"]


def test_what_a_job_and_its_steps_say_is_kept() -> None:
    workflow = parse(WHOLE)
    staging, prod = workflow.job("staging"), workflow.job("prod")
    assert staging is not None
    assert prod is not None
    checkout, deploy = staging.steps
    assert (checkout.uses, checkout.given, checkout.run) == ("actions/checkout@v4", {"fetch-depth": "0"}, None)
    assert (deploy.run, deploy.folder, deploy.goes_on) == ("sam deploy\n", "app", True)
    assert deploy.environment == {"STAGE": "staging"}
    assert (staging.target, prod.target) == ("staging", "prod")
    assert workflow.environment == {"STAGES": "2"}
    test = workflow.job("test")
    assert test is not None
    assert (test.steps[0].folder, test.steps[0].name, test.steps[0].shell) == ("app", "pytest", None)


def test_what_a_job_says_of_permissions_stands_in_place_of_the_workflows() -> None:
    workflow = parse(WHOLE)
    assert [job.permissions for job in workflow.jobs] == [
        {"contents": "read"},
        {"contents": "read"},
        {"id-token": "write"},
    ]


@pytest.mark.parametrize(
    ("event", "branch", "starts"),
    [
        ("push", "main", True),
        ("push", "release/1", True),
        ("push", "release/1/hotfix", True),
        ("push", "release/old", False),
        ("push", "feature", False),
        ("pull_request", "anything", True),
        ("workflow_dispatch", "main", False),
    ],
)
def test_events_and_branches_decide_whether_it_starts(event: str, branch: str, starts: bool) -> None:
    assert parse(WHOLE).starts_on(event, branch) is starts


@pytest.mark.parametrize(
    ("filters", "branch", "starts"),
    [
        ("branches: ['*']", "main", True),
        ("branches: ['*']", "release/1", False),
        ("branches: ['**']", "release/1", True),
        ("branches: ['release/*']", "release/1", True),
        ("branches: ['release/*']", "release/1/hotfix", False),
        ("branches: ['*/main']", "main", False),
        ("branches: [main]", "main-2", False),
        ("branches: [main]", "a/main", False),
        ("branches-ignore: [main, 'release/**']", "main", False),
        ("branches-ignore: [main, 'release/**']", "release/1/hotfix", False),
        ("branches-ignore: [main, 'release/**']", "faster", True),
        ("tags: ['v*']", "main", False),
        ("branches: [main], tags: ['v*']", "main", True),
    ],
)
def test_a_filter_of_a_push_decides_by_the_branch(filters: str, branch: str, starts: bool) -> None:
    text = f"on: {{push: {{{filters}}}}}\njobs: {{a: {{runs-on: ubuntu-latest, steps: [{{run: x}}]}}}}"
    assert parse(text).starts_on("push", branch) is starts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a", "must be a map"),
        ("on: push\n", "no `jobs`"),
        ("on: push\njobs: {a: {timeout-minutes: " + "9" * 5_000 + "}}", "4300 digits"),
        ("jobs: {}\n", "no `on`"),
        ("on: push\njobs: {}\n", "`jobs` is empty"),
        (
            "on: {schedule: [{cron: '* * * * *'}]}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}",
            "on.schedule",
        ),
        ("on: push\njobs: {a: {steps: [{run: x}]}}", "no `runs-on`"),
        ("on: push\njobs: {a: {runs-on: windows-latest, steps: [{run: x}]}}", "only ubuntu"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: []}}", "list of steps"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{name: x}]}}", "either `run` or `uses`"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, strategy: {}, steps: [{run: x}]}}", "a matrix"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, container: x, steps: [{run: x}]}}", "no containers"),
        ("on: push\njobs: {a: {uses: ./.github/workflows/x.yml}}", "reusable workflows"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, needs: b, steps: [{run: x}]}}", "no such job"),
        (
            "on: push\njobs: {a: {runs-on: ubuntu-latest, needs: b, steps: [{run: x}]}, "
            "b: {runs-on: ubuntu-latest, needs: a, steps: [{run: x}]}}",
            "circle",
        ),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, stepz: 1, steps: [{run: x}]}}", "unknown key 'stepz'"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x, shell: pwsh}]}}", "shell is 'pwsh'"),
        ("on: push\non: push\njobs: {}\n", "stands twice"),
        ("on: &x push\njobs: {a: {runs-on: *x}}", "anchors"),
        ("on: [\n", "no YAML"),
        ("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.ref'}]}}", "not closed"),
        ("on: push\njobs:\n  a:\n    x: 1\n   b: 2\n", "no YAML: line 5, column 4: "),
        ("on: {push: {paths: ['**']}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}", "filters on paths"),
        ("[" * 5_000, "nested"),
    ],
)
def test_what_cant_be_run_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(BadWorkflow, match=why):
        parse(text)
