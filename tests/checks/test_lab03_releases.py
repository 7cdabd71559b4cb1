"""Lab 03's releases: code that is good or bad as it says, and customers that are counted once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from checks.lab03 import releases, shop, trial
from checks.lab03.releases import Release
from sandbox.load.records import Record

ORDER = {"order": "order-1", "customer": "ada", "district": "east", "goods_cents": 1000}


@contextmanager
def imported(release: Release, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The release's module `app`, as a new execution environment has it."""
    with release.folder() as folder, monkeypatch.context() as patch:
        patch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
        patch.syspath_prepend(str(folder))
        patch.setattr(sys, "dont_write_bytecode", True)
        for name in ("app", "bank"):
            patch.delitem(sys.modules, name, raising=False)
        try:
            yield importlib.import_module("app")
        finally:
            for name in ("app", "bank"):
                sys.modules.pop(name, None)


def outcomes(app: ModuleType, calls: int, **changes: Any) -> list[bool]:
    """Whether each of so many calls was answered."""
    found = []
    for _ in range(calls):
        try:
            app.handler({**ORDER, **changes}, SimpleNamespace(aws_request_id="1"))
        except Exception:
            found.append(False)
        else:
            found.append(True)
    return found


def test_each_release_has_code_of_its_own() -> None:
    bad, good = releases.unseen(Random(1))
    every = [releases.plain(), *releases.BREAK.values(), *bad, good]
    assert len({str(one.files) for one in every}) == len(every)


def test_the_service_fails_for_one_order_in_120_and_for_the_north(monkeypatch: pytest.MonkeyPatch) -> None:
    with imported(releases.plain(), monkeypatch) as app:
        found = outcomes(app, 240)
        assert [place for place, fine in enumerate(found, 1) if not fine] == [120, 240]
        assert outcomes(app, 3, district="north") == [False] * 3


@pytest.mark.parametrize("make", [releases.north, lambda: releases.refreshing(seconds=0.001)])
def test_a_good_release_delivers_to_the_north(make: Callable[[], Release], monkeypatch: pytest.MonkeyPatch) -> None:
    release = make()
    assert release.good
    with imported(release, monkeypatch) as app:
        assert outcomes(app, 119, district="north") == [True] * 119
        assert outcomes(app, 1, district=trial.NOWHERE) == [False]


def test_the_price_list_keeps_seldom_one_waiting_and_a_lost_order_always(monkeypatch: pytest.MonkeyPatch) -> None:
    with imported(releases.refreshing(every=100, seconds=0.6), monkeypatch) as app:
        slept: list[float] = []
        monkeypatch.setattr(app.time, "sleep", slept.append)
        outcomes(app, 250)
        assert slept == [0.6] * 2
        outcomes(app, 1, district=trial.NOWHERE)
        assert slept == [0.6] * 3


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_crash_at_init_never_gets_a_handler(way: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises((KeyError, ModuleNotFoundError, FileNotFoundError)),
        imported(releases.crash(way=way), monkeypatch),
    ):
        pass


def test_the_release_with_errors_fails_for_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    with imported(releases.errors(every=20), monkeypatch) as app:
        assert outcomes(app, 100).count(False) == 5


def test_the_slow_release_is_slow_for_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    with imported(releases.slow(every=8, seconds=0.9), monkeypatch) as app:
        waited: list[float] = []
        monkeypatch.setattr(app.time, "sleep", waited.append)
        assert outcomes(app, 40) == [True] * 40
        assert waited == [0.9] * 5


def test_what_the_changes_are_made_for_must_be_there() -> None:
    with pytest.raises(ValueError, match="has no 'nothing of this kind'"):
        _ = Release("x", "x", True, {"app.py": (("nothing of this kind", ""),)}).files


@pytest.mark.parametrize(
    ("routing", "minutes"),
    [
        ({"type": "AllAtOnce"}, 0),
        ({"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5}}, 5),
        ({"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 1}}, 9),
        ({"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 30, "linearInterval": 2}}, 6),
    ],
)
def test_how_long_the_shifting_takes(routing: dict[str, Any], minutes: float) -> None:
    assert trial.minutes_of(routing) == minutes


def record(customer: str, version: str, seconds: float = 0.01, error: str = "") -> Record:
    return Record(0, "customers", 0.0, datetime.now(UTC), customer, 200, version, seconds, "id", error)


def test_a_customer_counts_once_and_only_where_the_new_version_failed_or_kept_waiting() -> None:
    records = [
        record("ada", "2", error="KeyError"),
        record("ada", "2", error="KeyError"),
        record("bob", "1", error="KeyError"),
        record("cyd", "2", seconds=trial.PATIENCE_SECONDS + 0.1),
        record("dan", "2"),
    ]
    assert trial.failed(records, "2", datetime.now(UTC)) == ["ada", "cyd"]
    assert trial.failed(records, "2", records[1].at) == ["ada"]


def test_payloads_come_from_the_north_only_while_somebody_lives_there() -> None:
    drawn = {north: [trial.orders(northern=north)(n, Random(n), "ada") for n in range(200)] for north in (False, True)}
    assert {one["district"] for one in drawn[False]} == set(trial.DISTRICTS)
    assert 20 < sum(one["district"] == trial.NORTH for one in drawn[True]) < 60
    assert trial.orders(lost=lambda customer: True)(1, Random(1), "ada")["district"] == trial.NOWHERE


def test_one_customer_at_a_time_goes_nowhere_until_the_new_version_has_failed_one() -> None:
    answered: list[Record] = []
    lost = trial.OneFailure("1", lambda: answered)
    assert lost("ada")
    # Nobody knows yet which version ada meets, and bob could meet the new one, too.
    assert not lost("bob")
    answered += [record("bob", "2"), record("ada", "1", error="KeyError")]
    assert lost("cyd")
    answered.append(record("cyd", "", error="timed out"))
    assert lost("dan")
    answered.append(record("dan", "2", error="KeyError"))
    assert [lost(name) for name in ("eve", "fay")] == [False, False]


def test_the_learner_begins_with_the_files_that_the_judge_knows() -> None:
    labs = Path(__file__).parents[2] / "labs" / "03-canary-rollback"
    places = [path.relative_to(labs) for path in labs.rglob("*.py")]
    assert len(places) == 10
    for place in places:
        assert (labs / place).read_text() == (shop.FILES / place).read_text()
    beginning = Path(trial.__file__).parent / "that-friday" / "template.yaml"
    assert (labs / trial.FILE).read_text() == beginning.read_text()
