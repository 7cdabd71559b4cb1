from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from checks.face import Lab, NoAnswer, _Help, open_lab, plain
from checks.judge_client import JudgeClient, NoJudge

from .conftest import Bench


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a lab sets for its commands stays in the test."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "COLDSTART_"))]:
        monkeypatch.delenv(name)
    before = dict(os.environ)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert dict(os.environ) == before
    monkeypatch.chdir(tmp_path)


ONCE = Config(retries={"total_max_attempts": 1})
KEYS = {"aws_access_key_id": "A", "aws_secret_access_key": "s"}
CLOSED = "The lab is closed. To go on with it, begin with its first cell."


@pytest.fixture
def opened(bench: Bench) -> Lab:
    lab = Lab("90", bench.client())
    lab.start()
    return lab


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_passed_check_is_one_stable_line(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    opened.cloud.client("ssm").put_parameter(Name="/tiny/numbers/0", Value="5", Type="String")
    lines(capsys)
    opened.predict("90.1", total=5, colour="red")
    opened.explain("90.1", total=5, ends=("5", "5"))
    assert lines(capsys) == ["90.1 predict: passed, 1 of 1 points", "90.1 explain: passed, 3 of 3 points"]


def test_an_incorrect_one_says_what_was_seen_expected_and_why(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    opened.cloud.client("ssm").put_parameter(Name="/tiny/numbers/0", Value="5", Type="String")
    lines(capsys)
    opened.explain("90.1", total=6, ends=("5", "5"))
    assert lines(capsys) == [
        "90.1 explain: incorrect, 0 of 3 points",
        "Seen: total is 6.",
        "Expected: the sum of 1 numbers.",
        "Why it matters: A bill is the sum of its lines.",
    ]


@pytest.mark.parametrize("ends", [..., (..., "5"), [["5", ...]], {"a": ...}])
def test_an_open_answer_is_not_attempted_wherever_its_dots_are(opened: Lab, ends: Any) -> None:
    opened.explain("90.1", total=5, ends=ends)
    assert opened.verdicts["90.1.explain"].status == "not_attempted"


class Yes(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Anything(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __str__(self) -> str:
        return "whatever you like"

    __hash__ = str.__hash__


class Size(enum.IntEnum):
    SMALL = 128


def test_an_answer_is_sent_as_what_it_is() -> None:
    sent = plain("a", {"n": Yes(3), "t": Anything("x"), "l": (1, 2.5, None, True), "e": Size.SMALL})
    assert sent == {"n": 3, "t": "x", "l": [1, 2.5, None, True], "e": 128}
    assert type(sent["n"]) is int
    assert type(sent["t"]) is str


def test_an_answer_that_equals_everything_is_still_wrong(opened: Lab) -> None:
    opened.cloud.client("ssm").put_parameter(Name="/tiny/numbers/0", Value="5", Type="String")
    opened.explain("90.1", total=Yes(6), ends=("5", "5"))
    assert opened.verdicts["90.1.explain"].status == "incorrect"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x", {1, 2}, lambda: 1])
def test_what_is_no_plain_value_is_refused_by_name(value: object) -> None:
    with pytest.raises(NoAnswer, match="frozen_between"):
        plain("frozen_between", value)


def test_without_coldstart_the_learner_is_told_in_one_line() -> None:
    with pytest.raises(NoJudge, match=r"\./coldstart") as told:
        open_lab("90").start()
    assert told.value._render_traceback_() == [str(told.value)]


def test_a_dead_judge_is_one_line_and_no_traceback(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab("90", bench.client())
    bench.server.close()
    lab.check("90.2")
    lab.hint("90.2")
    lab.progress()
    lab.finish()
    shown = lines(capsys)
    assert shown[0] == "90.2: can't tell, 0 of 0 points"
    assert len(shown) == 5
    assert all("./coldstart" in line for line in shown[1:])


def test_hints_and_the_solution_have_a_plain_way(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lines(capsys)
    opened.hint("90.2")
    opened.solution("90.2")
    opened.solution("90.2", give_up=True)
    shown = lines(capsys)
    assert shown[0] == "Hint 1 of 3: What do you see?"
    assert "give_up=True" in shown[1]
    assert shown[-1] == "good morning"


def test_commands_of_a_cell_work_on_the_labs_cloud(opened: Lab) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == opened.cloud.endpoint
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_a_call_to_a_sandbox_that_is_gone_shows_one_line(opened: Lab) -> None:
    nobody = boto3.client("sts", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", config=ONCE, **KEYS)
    with pytest.raises(EndpointConnectionError) as gone:
        nobody.get_caller_identity()
    assert "lab.start()" in " ".join(gone.value._render_traceback_())


def test_the_folder_beside_the_notebook_is_the_labs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.judge.course.root / "solutions")
    lab = Lab("90", bench.client())
    lab.start()
    assert lab.folder == bench.judge.course.root / "solutions" / "90-tiny"


def test_finish_lists_what_went_and_that_nothing_is_left(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lines(capsys)
    opened.finish()
    assert lines(capsys) == ["removed  parameter /tiny/opened", "1 removed, nothing left.", CLOSED]


def test_what_could_not_be_listed_is_said_in_the_learners_words(
    opened: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench.judge, "finish", lambda _: {"removed": [], "left": [], "unseen": ["alarm", "log group"]})
    lines(capsys)
    opened.finish()
    assert lines(capsys)[0] == (
        "The cloud did not say whether there are any alarms, log groups. If you made some, look for them yourself."
    )


def test_after_finish_a_check_says_to_start_the_lab(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    opened.finish()
    lines(capsys)
    opened.check("90.2")
    assert lines(capsys)[1] == "This lab was cleaned up by lab.finish(). Run the cell with lab.start() first."
    opened.start()
    opened.check("90.2")
    assert opened.verdicts["90.2"].status != "cannot_tell"


class Call:
    request_id = "8f0c"


@pytest.mark.parametrize(("value", "says"), [(Call(), "its request_id"), ({"8f0c"}, "answer with a list")])
def test_a_value_of_a_kind_that_is_near_is_told_the_way(value: object, says: str) -> None:
    with pytest.raises(NoAnswer, match=says):
        plain("cold", value)


def test_a_solution_that_was_paid_for_stays_free(opened: Lab) -> None:
    help = _Help(opened, "90.2")
    assert not help.solution_is_free()
    help.solution(give_up=True)
    assert _Help(opened, "90.2").solution_is_free()


def test_progress_names_the_next_step(opened: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lines(capsys)
    opened.progress()
    shown = lines(capsys)
    assert "0 of   8 points" in shown[0]
    assert shown[1] == "Next: lab 90, Three numbers, check 90.1 predict (open 90-tiny.ipynb)."


class Drawn:
    text = "Three calls."

    def svg(self) -> str:
        return "<svg/>"


def test_a_live_picture_is_drawn_once_more_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Lab("90", JudgeClient({})).live(Drawn):
        assert lines(capsys) == []
    assert lines(capsys) == ["Three calls."]
