from __future__ import annotations

import json
from pathlib import Path

import pytest

from checks.contract import Status, Verdict
from checks.progress import Progress


def verdict(status: Status, check: str = "90.1", points: int = 3) -> Verdict:
    return Verdict(check, status, points if status == "passed" else 0, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "progress.json"


def test_the_best_verdict_is_kept_across_restarts(path: Path) -> None:
    first = Progress(path)
    first.record(verdict("incorrect"))
    first.record(verdict("passed"))
    first.record(verdict("incorrect"))
    again = Progress(path).all()["90.1"]
    assert (again.status, again.points, again.attempts) == ("passed", 3, 3)
    assert again.passed_at


def test_hints_go_up_the_ladder_and_stop_at_its_end(path: Path) -> None:
    progress = Progress(path)
    assert [progress.hint("90.1", 2).hints for _ in range(3)] == [1, 2, 2]


def test_what_was_given_up_earns_nothing_later(path: Path) -> None:
    progress = Progress(path)
    progress.give_up("90.1")
    standing = progress.record(verdict("passed"))
    assert (standing.status, standing.points) == ("passed", 0)


def test_what_was_passed_is_not_given_up(path: Path) -> None:
    progress = Progress(path)
    progress.record(verdict("passed"))
    standing = progress.give_up("90.1")
    assert (standing.given_up, standing.points) == (False, 3)


@pytest.mark.parametrize("broken", ["{", "[]", '{"version": 9, "checks": {}}', '{"version": 1, "checks": {"a": 1}}'])
def test_an_unreadable_file_is_set_aside_and_said(path: Path, broken: str) -> None:
    path.parent.mkdir()
    path.write_text(broken)
    progress = Progress(path)
    assert progress.all() == {}
    kept = [other for other in path.parent.iterdir() if "unreadable" in other.name]
    assert [other.read_text() for other in kept] == [broken]
    assert kept[0].name in progress.notice
    progress.record(verdict("passed"))
    assert Progress(path).all()["90.1"].status == "passed"


def test_a_file_broken_while_running_costs_nothing(path: Path) -> None:
    progress = Progress(path)
    progress.record(verdict("passed", "90.1"))
    path.write_text("{")
    progress.record(verdict("passed", "90.2"))
    assert set(Progress(path).all()) == {"90.1", "90.2"}


def test_two_judges_on_one_file_lose_nothing(path: Path) -> None:
    one, other = Progress(path), Progress(path)
    one.record(verdict("passed", "90.1"))
    other.record(verdict("passed", "90.2"))
    one.record(verdict("passed", "90.3"))
    assert set(Progress(path).all()) == {"90.1", "90.2", "90.3"}


def test_a_removed_file_is_a_fresh_start(path: Path) -> None:
    progress = Progress(path)
    progress.record(verdict("passed"))
    path.unlink()
    assert progress.all() == {}


def test_without_room_to_write_it_goes_on_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("checks.progress.write_json", full)
        progress.record(verdict("passed", "90.1"))
        assert "No space left on device" in progress.notice
        assert progress.all()["90.1"].status == "passed"
    progress.record(verdict("incorrect", "90.2"))
    assert set(json.loads(path.read_text())["checks"]) == {"90.1", "90.2"}


def test_the_file_is_its_owners_and_nothing_else_is_left(path: Path) -> None:
    Progress(path).record(verdict("passed"))
    assert path.stat().st_mode & 0o077 == 0
    assert {other.name for other in path.parent.iterdir()} == {"progress.json", ".progress.json.lock"}
