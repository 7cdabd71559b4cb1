"""What a seed makes of mixes: arrivals, customers, payloads and traces."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest

from sandbox.load.mixes import Departure, Mix, keep_clear, plan


def planned(*mixes: Mix, seed: int = 1, seconds: float | None = 60, clear: bool = False) -> list[Departure]:
    return list(plan(mixes, seed, seconds, clear=clear))


def offsets(rate: Any, seconds: float) -> list[float]:
    return [one.offset for one in planned(Mix("m", "f", rate=rate), seconds=seconds)]


@pytest.mark.parametrize(
    ("rate", "seconds", "expected"),
    [
        (2, 2, [0.25, 0.75, 1.25, 1.75]),
        (0.1, 30, [5, 15, 25]),
        (0, 5, []),
        ([(0, 0), (2, 4)], 2, [0.5**0.5, 1.5**0.5, 2.5**0.5, 3.5**0.5]),
        ([(0, 1), (2, 1), (2.001, 0), (4, 0), (4.001, 1)], 6, [0.5, 1.5, 4.5, 5.5]),
        ([(3, 1)], 4, [0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_even_arrivals_follow_a_rate_or_a_shape(rate: Any, seconds: float, expected: list[float]) -> None:
    assert offsets(rate, seconds) == pytest.approx(expected, abs=0.01)


def test_a_plan_without_end_goes_on_at_the_last_rate() -> None:
    stream = plan([Mix("m", "f", rate=[(0, 0), (10, 5)])], 1, None, clear=False)
    last = list(itertools.islice(stream, 1000))[-1]
    assert last.offset == pytest.approx(10 + (999.5 - 25) / 5)
    assert list(plan([Mix("m", "f", rate=[(0, 5), (10, 0)])], 1, None, clear=False))[-1].offset < 10


def test_poisson_arrivals_have_the_rate_and_are_the_seeds() -> None:
    def of(seed: int) -> list[float]:
        return [one.offset for one in planned(Mix("m", "f", rate=20, arrivals="poisson"), seed=seed, seconds=300)]

    times = of(7)
    assert 5_600 < len(times) < 6_400
    assert times == sorted(times)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 == pytest.approx(mean, rel=0.05)
    assert of(7) == times != of(8)


def test_arrivals_keep_clear_of_the_moments_at_which_the_cloud_acts() -> None:
    moved = [keep_clear(at / 50) for at in range(60 * 50 * 2)]
    assert moved == sorted(moved)
    # The first five seconds of a minute, and the last quarter of a second before each multiple of five.
    assert all(at % 60 >= 5 and at % 5 <= 4.75 for at in moved)
    assert [sum(1 for at in moved if at // 60 == minute) for minute in range(2)] == [3000, 3000]


def test_a_plan_for_virtual_time_keeps_clear_of_them() -> None:
    stream = planned(Mix("m", "f", rate=20), seconds=120, clear=True)
    assert len(stream) == 2400
    assert all(one.offset % 60 >= 5 and one.offset % 5 <= 4.75 for one in stream)


def test_each_mix_has_arrivals_and_customers_of_its_own() -> None:
    stream = planned(*(Mix(name, "f", rate=5, arrivals="poisson", customers=50) for name in ("web", "app")))
    times, who = (
        [[of(one) for one in stream if one.mix.name == name] for name in ("web", "app")]
        for of in (lambda one: one.offset, lambda one: one.customer.removeprefix(one.mix.name))
    )
    assert not set(times[0]) & set(times[1])
    assert who[0][:50] != who[1][:50]


def test_several_mixes_are_one_stream_in_the_order_of_time() -> None:
    stream = planned(Mix("web", "f", rate=3), Mix("app", "g", rate=1, arrivals="poisson"))
    assert [one.index for one in stream] == list(range(len(stream)))
    assert [one.offset for one in stream] == sorted(one.offset for one in stream)
    web = [one for one in stream if one.mix.name == "web"]
    assert [one.number for one in web] == list(range(180))
    # A mix's requests are its own: another one beside it changes none of them.
    alone = planned(Mix("web", "f", rate=3))
    assert [(one.offset, one.customer, one.unique) for one in web] == [
        (one.offset, one.customer, one.unique) for one in alone
    ]


def test_customers_are_one_each_or_return() -> None:
    assert [one.customer for one in planned(Mix("m", "f", rate=0.05))] == ["m-000001", "m-000002", "m-000003"]
    some = [one.customer for one in planned(Mix("m", "f", rate=10, customers=20))]
    assert set(some) == {f"m-{number:02d}" for number in range(1, 21)}
    named = [one.customer for one in planned(Mix("m", "f", customers=["ann", "bob"]))]
    assert set(named) == {"ann", "bob"}
    assert named == [one.customer for one in planned(Mix("m", "f", customers=["ann", "bob"]))]
    assert named != [one.customer for one in planned(Mix("m", "f", customers=["ann", "bob"]), seed=2)]


def test_payloads_are_the_customers_one_a_choice_or_made() -> None:
    def sent(payloads: Any) -> list[Any]:
        return [json.loads(one.body) for one in planned(Mix("m", "f", rate=1, payloads=payloads))]

    def make(index: int, rng: random.Random, customer: str) -> dict[str, Any]:
        return {"index": index, "amount": rng.randint(1, 100), "customer": customer}

    assert sent(None)[0] == {"customer": "m-000001"}
    assert sent({"a": 1}) == [{"a": 1}] * 60
    assert set(sent([1, 2])) == {1, 2}
    made = sent(make)
    assert [one["index"] for one in made] == list(range(60))
    assert made[2]["customer"] == "m-000003"
    assert made == sent(make)
    with pytest.raises(ValueError, match="payload 0 of 'm' can't be sent"):
        sent({1, 2})


def test_each_request_starts_a_trace_of_its_own_that_is_the_seeds() -> None:
    stream = planned(Mix("web", "f", rate=3), Mix("app", "f", rate=3))
    assert len({one.unique for one in stream}) == len(stream)
    assert stream[0].trace(1_700_000_000.7) == f"Root=1-6553f100-{stream[0].unique}"
    assert [one.unique for one in stream] == [
        one.unique for one in planned(Mix("web", "f", rate=3), Mix("app", "f", rate=3))
    ]
    others = planned(Mix("web", "f", rate=3), Mix("app", "f", rate=3), seed=2)
    assert not {one.unique for one in stream} & {one.unique for one in others}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": ""}, "no name"),
        ({"target": ""}, "target of 'm' is empty"),
        ({"rate": -1}, "-1"),
        ({"rate": float("inf")}, "inf"),
        ({"rate": []}, r"\[\]"),
        ({"rate": [(10, 1), (0, 2)]}, "in order of time"),
        ({"arrivals": "regular"}, "'regular'"),
        ({"customers": 0}, "0 customers"),
        ({"customers": []}, "empty list of customers"),
        ({"payloads": []}, "empty list of payloads"),
    ],
)
def test_a_mix_that_means_nothing_is_refused_by_value(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Mix(**{"name": "m", "target": "f", **options})
    with pytest.raises(TypeError, match="42"):
        Mix("m", 42)  # type: ignore[arg-type]
