from __future__ import annotations

import os
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from checks.contract import (
    LARGEST_FILE_BYTES,
    Answers,
    Check,
    Incorrect,
    NotAttempted,
    Uncheckable,
    Verdict,
    check,
    declared,
    prediction,
    run,
)

NO_CLOUD = cast(Any, None)


def verdict_of(function: Any, answers: dict[str, Any] | None = None) -> Verdict:
    return run(Check("90.7", function, "t"), NO_CLOUD, Answers(answers or {}, seed=5), out_of=3)


def raising(error: BaseException) -> Any:
    def function(cloud: object, answers: Answers) -> None:
        raise error

    return function


def test_a_plain_return_passes_with_all_points() -> None:
    verdict = verdict_of(lambda cloud, answers: "well seen")
    assert (verdict.status, verdict.points, verdict.out_of, verdict.message) == ("passed", 3, 3, "well seen")
    assert verdict.line == "90.7: passed, 3 of 3 points"
    assert verdict.text == verdict.line
    assert verdict.seed == 5


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (NotAttempted("nothing yet"), "not_attempted", "nothing yet"),
        (
            Incorrect("three", "four", "it counts"),
            "incorrect",
            "Seen: three\nExpected: four\nWhy it matters: it counts",
        ),
        (Uncheckable("the log is late"), "cannot_tell", "the log is late"),
        (ZeroDivisionError("division by zero"), "cannot_tell", "fault of the check"),
        (AssertionError(), "cannot_tell", "fault of the check"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "cannot_tell", "lab.start()"),
        (ConnectionError("nothing answers"), "cannot_tell", "lab.start()"),
        (
            ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "Invoke"),
            "cannot_tell",
            "Invoke answered ThrottlingException: Rate exceeded",
        ),
    ],
)
def test_what_a_check_raises_becomes_a_verdict_without_points(error: Exception, status: str, words: str) -> None:
    verdict = verdict_of(raising(error))
    assert (verdict.status, verdict.points) == (status, 0)
    assert words in verdict.text
    assert "Traceback" not in verdict.text


@pytest.mark.parametrize("value", [True, 1, ["passed"], object()])
def test_only_nothing_or_a_sentence_is_a_pass(value: object) -> None:
    assert verdict_of(lambda cloud, answers: value).status == "cannot_tell"


def test_a_missing_answer_is_not_attempted_and_is_named() -> None:
    verdict = verdict_of(lambda cloud, answers: answers["frozen_between"])
    assert verdict.status == "not_attempted"
    assert "frozen_between" in verdict.message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "3"),
        ("integer", 3.5),
        ("integer", True),
        ("number", [1]),
        ("number", {"__eq__": 1}),
        ("text", 3),
        ("text", "  "),
        ("pair", "ab"),
        ("pair", ["a"]),
        ("pair", ["a", 1]),
    ],
)
def test_an_answer_of_another_kind_is_incorrect(kind: str, value: Any) -> None:
    with pytest.raises(Incorrect):
        getattr(Answers({"it": value}), kind)("it")


def test_answers_of_the_right_kind_are_given_as_such() -> None:
    answers = Answers({"n": 3, "f": 2.5, "t": " x ", "p": ["a", " b"]})
    assert (answers.integer("n"), answers.number("f"), answers.text("t"), answers.pair("p")) == (
        3,
        2.5,
        "x",
        ("a", "b"),
    )


def test_the_seed_makes_the_same_draws() -> None:
    assert Answers({}, seed=9).random.random() == Answers({}, seed=9).random.random()
    assert Answers({}, seed=9).random.random() != Answers({}, seed=10).random.random()


def test_a_file_outside_the_labs_folder_is_not_read(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "90-tiny"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "above").symlink_to(tmp_path)
    (folder / "inner").mkdir()
    os.mkfifo(folder / "pipe")
    answers = Answers({}, folder=folder)
    for name in ("../secret", "link", "above/secret", "inner/../../secret", str(tmp_path / "secret"), "pipe", "inner"):
        with pytest.raises(Incorrect):
            answers.file(name)
    with pytest.raises(NotAttempted):
        answers.file("absent")
    (folder / "policy.json").write_text("{}")
    assert answers.file("policy.json") == "{}"


def test_a_folder_that_was_replaced_by_a_link_is_not_read(tmp_path: Any) -> None:
    solved = tmp_path / "solutions" / "90-tiny"
    solved.mkdir(parents=True)
    (solved / "policy.json").write_text("{}")
    (tmp_path / "90-tiny").symlink_to(solved)
    with pytest.raises(Incorrect, match=r"plain file"):
        Answers({}, folder=tmp_path / "90-tiny").file("policy.json")


def test_a_file_is_read_up_to_its_limit(tmp_path: Any) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "most").write_bytes(b"x" * LARGEST_FILE_BYTES)
    answers = Answers({}, folder=tmp_path)
    assert len(answers.file("inner/most")) == LARGEST_FILE_BYTES
    (tmp_path / "more").write_bytes(b"x" * (LARGEST_FILE_BYTES + 1))
    with pytest.raises(Incorrect, match="more than"):
        answers.file("more")


@pytest.mark.parametrize("value", [10**4000, -(10**400), float("inf"), float("nan"), True, None, "1", [1], {}])
def test_what_is_no_usable_number_is_incorrect_and_no_fault_of_the_check(value: Any) -> None:
    answers = Answers({"n": value})
    for ask in (answers.number, answers.integer):
        with pytest.raises(Incorrect) as wrong:
            ask("n")
        assert len(wrong.value.seen) < 100


def test_a_verdict_travels_as_json() -> None:
    verdict = verdict_of(raising(Incorrect("a", "b", "c")))
    assert Verdict.from_json(verdict.to_json()) == verdict
    for forged in ({}, [], {**verdict.to_json(), "version": 2}, {**verdict.to_json(), "status": "great"}, None):
        with pytest.raises(ValueError, match="verdict"):
            Verdict.from_json(forged)


@pytest.fixture
def declarations() -> Any:
    before = dict(declared)
    yield declared
    declared.clear()
    declared.update(before)


def test_an_id_is_declared_once(declarations: dict[str, Check]) -> None:
    check("91.1", title="t", hints=("a", "b", "c"), cells=())(lambda cloud, answers: None)
    with pytest.raises(ValueError, match=r"91\.1 is declared twice"):
        check("91.1", title="t", hints=("a", "b", "c"), cells=())(lambda cloud, answers: None)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({}, "not_attempted"),
        ({"count": 1, "share": 0.5}, "not_attempted"),
        ({"count": 1, "share": 0.5, "kind": "warm"}, "passed"),
        ({"count": 1, "share": 1, "kind": "cold"}, "passed"),
        ({"count": "1", "share": 0.5, "kind": "warm"}, "incorrect"),
        ({"count": True, "share": 0.5, "kind": "warm"}, "incorrect"),
        ({"count": 1.0, "share": 0.5, "kind": "warm"}, "incorrect"),
        ({"count": 1, "share": 0.5, "kind": "hot"}, "incorrect"),
        ({"count": 1, "share": 0.5, "kind": "warm", "more": 1}, "incorrect"),
    ],
)
def test_a_prediction_passes_by_being_made(
    declarations: dict[str, Check], answers: dict[str, Any], status: str
) -> None:
    prediction("91.2", count=int, share=float, kind=("warm", "cold"))
    one = declarations["91.2.predict"]
    assert one.kind == "predict"
    assert run(one, NO_CLOUD, Answers(answers), out_of=1).status == status


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (NotAttempted("nothing yet"), ["nothing yet"]),
        (Uncheckable("no stack"), ["no stack"]),
        (Incorrect("a.", "b.", "c."), ["Seen: a.", "Expected: b.", "Why it matters: c."]),
    ],
)
def test_a_cell_that_meets_a_verdict_shows_it_without_a_traceback(error: Any, lines: list[str]) -> None:
    assert error._render_traceback_() == lines
