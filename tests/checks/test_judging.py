from __future__ import annotations

import json
import threading

import pytest

from checks.contract import Check, Verdict
from checks.course import Course, load_module
from checks.judge import NurseryProcess
from checks.judging import Judge, Refusal

from .conftest import Bench


def put(bench: Bench, name: str, value: str) -> None:
    """What a learner's cell does, with the judge's own client."""
    session = bench.judge._sessions["90"]
    session.cloud.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def test_a_start_gives_a_fresh_sandbox_in_the_opening_state(bench: Bench) -> None:
    first = bench.judge.start("90")
    put(bench, "/tiny/greeting", "good morning")
    assert bench.judge.submit("90", "90.2", {}).status == "passed"
    second = bench.judge.start("90")
    assert first["endpoint"] != second["endpoint"]
    assert bench.judge.submit("90", "90.2", {}).status == "not_attempted"
    session = bench.judge._sessions["90"]
    names = [one["Name"] for one in session.cloud.client("ssm").describe_parameters()["Parameters"]]
    assert names == ["/tiny/opened"]


def test_learner_and_judge_have_credentials_of_their_own(bench: Bench) -> None:
    told = bench.judge.start("90")
    sandbox = bench.judge._sessions["90"].sandbox
    assert sandbox is not None
    assert told["credentials"] == sandbox.learner
    assert sandbox.judge["AWS_ACCESS_KEY_ID"] != sandbox.learner["AWS_ACCESS_KEY_ID"]


def test_labs_json_tells_the_aws_command_where_the_lab_is(bench: Bench) -> None:
    told = bench.judge.start("90")
    written = json.loads((bench.state / "labs.json").read_text())["90"]
    assert (written["endpoint"], written["credentials"]) == (told["endpoint"], told["credentials"])
    bench.judge.close()
    assert json.loads((bench.state / "labs.json").read_text()) == {}


def test_a_lab_that_is_not_open_can_not_be_told(bench: Bench) -> None:
    verdict = bench.judge.submit("90", "90.2", {})
    assert (verdict.status, verdict.points) == ("cannot_tell", 0)
    assert "lab.start()" in verdict.message


def test_a_sandbox_that_is_gone_can_not_be_told(bench: Bench) -> None:
    bench.judge.start("90")
    session = bench.judge._sessions["90"]
    bench.judge._nursery().stop(session.sandbox)
    verdict = bench.judge.submit("90", "90.2", {})
    assert verdict.status == "cannot_tell"
    assert "lab.start()" in verdict.message


def test_a_check_that_hangs_ends_undecided_and_blocks_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.judge.start("90")
    never = threading.Event()
    module = load_module(bench.judge.course.lab("90"))
    hanging = Check("90.2", lambda cloud, answers: never.wait() and None, "t", seconds=0.2)
    with monkeypatch.context() as patched:
        patched.setitem(module.checks, "90.2", hanging)
        verdict = bench.judge.submit("90", "90.2", {})
    never.set()
    assert verdict.status == "cannot_tell"
    assert "not done after" in verdict.message
    put(bench, "/tiny/greeting", "good morning")
    assert bench.judge.submit("90", "90.2", {}).status == "passed"


def test_a_verdict_costs_little_beyond_the_calls_it_makes(bench: Bench) -> None:
    bench.judge.start("90")
    client = bench.client()
    client.ask("POST", "/labs/90/checks/90.1.predict", {"answers": {}})
    import time

    began = time.perf_counter()
    verdict = Verdict.from_json(
        client.ask("POST", "/labs/90/checks/90.1.predict", {"answers": {"total": 1, "colour": "red"}})
    )
    assert verdict.status == "passed"
    assert time.perf_counter() - began - verdict.took_ms / 1000 < 0.3


def test_the_seed_of_a_check_follows_the_sessions(bench: Bench) -> None:
    bench.judge.start("90")
    first = bench.judge.submit("90", "90.2", {}).seed
    bench.judge.start("90")
    assert bench.judge.submit("90", "90.2", {}).seed == first
    assert bench.judge.submit("90", "90.1.predict", {}).seed != first


def test_hints_come_one_at_a_time_and_are_counted(bench: Bench) -> None:
    hints = [bench.judge.hint("90", "90.2") for _ in range(4)]
    assert [one["number"] for one in hints] == [1, 2, 3, 3]
    assert hints[0]["hint"] == "What do you see?"
    assert bench.judge.describe("90")["checks"]["90.2"]["hints_used"] == 3


def test_the_solution_shows_after_a_pass_or_for_the_points(bench: Bench, course: Course) -> None:
    (course.root / "solutions" / "90-tiny.ipynb").write_text(
        json.dumps({"cells": [{"id": "r2-build", "metadata": {"answer": "a"}, "source": "put()"}], "nbformat": 4})
    )
    with pytest.raises(Refusal, match="after a pass"):
        bench.judge.solution("90", "90.2")
    parts = bench.judge.give_up("90", "90.2")["parts"]
    assert [part["text"] for part in parts] == ["put()", "good morning\n"]
    bench.judge.start("90")
    put(bench, "/tiny/greeting", "good morning")
    verdict = bench.judge.submit("90", "90.2", {})
    assert (verdict.status, verdict.points) == ("passed", 0)


def test_progress_shows_all_labs_and_the_next_step(bench: Bench) -> None:
    bench.judge.start("90")
    bench.judge.submit("90", "90.1.predict", {"total": 1, "colour": "red"})
    told = bench.judge.progress()
    (lab,) = told["labs"]
    assert (lab["passed"], lab["checks"], lab["points"], lab["out_of"]) == (1, 3, 1, 8)
    assert (told["next"]["check"], told["next"]["notebook"]) == ("90.1.explain", "90-tiny.ipynb")


def test_finishing_removes_what_the_lab_made_and_leaves_nothing(bench: Bench) -> None:
    bench.judge.start("90")
    session = bench.judge._sessions["90"]
    session.cloud.client("sqs").create_queue(QueueName="orders")
    session.cloud.client("s3").create_bucket(Bucket="shop")
    session.cloud.client("s3").put_object(Bucket="shop", Key="a", Body=b"1")
    session.cloud.client("logs").create_log_group(logGroupName="/shop")
    told = bench.judge.finish("90")
    assert told["removed"] == ["bucket shop", "log group /shop", "parameter /tiny/opened", "queue orders"]
    assert told["left"] == []
    assert bench.judge.finish("90")["removed"] == []


def test_a_folder_elsewhere_is_not_taken_for_the_labs(bench: Bench, course: Course) -> None:
    assert bench.judge.start("90", "/etc")["folder"] == str(course.root / "labs" / "90-tiny")
    solved = str(course.root / "solutions" / "90-tiny")
    assert bench.judge.start("90", solved)["folder"] == solved


def test_when_the_first_answer_counts_guessing_on_does_not_help(course: Course, nursery: NurseryProcess) -> None:
    judge = Judge(course, nursery, first_answer_counts=True, seed=1)
    try:
        judge.start("90")
        session = judge._sessions["90"]
        session.cloud.client("ssm").put_parameter(Name="/tiny/numbers/0", Value="5", Type="String")
        statuses = [judge.submit("90", "90.1.explain", {"total": n, "ends": ["5", "5"]}).status for n in range(7)]
        assert set(statuses) == {"incorrect"}
        judge.start("90")
        assert judge.submit("90", "90.1.explain", {"total": 5, "ends": ["5", "5"]}).status == "incorrect"
    finally:
        judge.close()


def test_without_a_sandbox_the_learner_is_told(course: Course) -> None:
    def broken() -> None:
        raise OSError("no memory")

    judge = Judge(course, broken)  # type: ignore[arg-type]
    with pytest.raises(Refusal, match="no memory") as refused:
        judge.start("90")
    assert refused.value.status == 503
