"""Which invocations are let in."""

from __future__ import annotations

import pytest

from sandbox.compute.concurrency import (
    ACCOUNT_CONCURRENCY,
    REQUEST_RATE,
    RESERVED_CONCURRENCY,
    RESERVED_REQUEST_RATE,
    Concurrency,
    Load,
)
from sandbox.gateway.call import AwsError


def admit(concurrency: Concurrency, function: str, count: int, now: float = 0.0, **how: bool) -> list[Load | str]:
    return [concurrency.admit(function, now, **how) for _ in range(count)]


def test_the_account_limit_throttles_all_functions_together() -> None:
    concurrency = Concurrency(limit=110)
    assert all(isinstance(load, Load) for load in admit(concurrency, "a", 60))
    assert admit(concurrency, "b", 51)[-2:] == [Load(50, 110, 110), ACCOUNT_CONCURRENCY]
    concurrency.release("a")
    assert isinstance(concurrency.admit("b", 0.0), Load)


def test_reserved_concurrency_is_a_cap_and_a_guarantee() -> None:
    concurrency = Concurrency(limit=110)
    concurrency.reserve("a", 10)
    assert admit(concurrency, "a", 11)[-1] == RESERVED_CONCURRENCY
    assert admit(concurrency, "b", 101)[-2:] == [Load(100, 110, 100), ACCOUNT_CONCURRENCY]


def test_reserved_zero_throttles_everything() -> None:
    concurrency = Concurrency()
    concurrency.reserve("a", 0)
    assert concurrency.admit("a", 0.0) == RESERVED_CONCURRENCY
    assert concurrency.admit("a", 0.0, provisioned=True) == RESERVED_CONCURRENCY


@pytest.mark.parametrize(("executions", "fits"), [(900, True), (901, False)])
def test_a_hundred_executions_stay_unreserved(executions: int, fits: bool) -> None:
    concurrency = Concurrency()
    if fits:
        concurrency.reserve("a", executions)
        assert concurrency.unreserved == 100
        return
    with pytest.raises(AwsError, match=r"below its minimum value of \[100\]"):
        concurrency.reserve("a", executions)
    assert concurrency.reserved_for("a") is None


def test_a_new_reservation_replaces_the_old_one() -> None:
    concurrency = Concurrency()
    concurrency.reserve("a", 800)
    concurrency.reserve("a", 850)
    assert concurrency.unreserved == 150
    concurrency.unreserve("a")
    assert concurrency.unreserved == 1000


def test_reserving_while_invocations_run_keeps_the_books() -> None:
    concurrency = Concurrency(limit=110)
    admit(concurrency, "a", 5)
    concurrency.reserve("a", 10)
    assert admit(concurrency, "b", 100)[-1] == Load(100, 105, 100)
    for _ in range(5):
        concurrency.release("a")
    concurrency.unreserve("a")
    assert concurrency.admit("a", 0.0) == Load(1, 101, 101)


def test_provisioned_executions_are_set_aside_within_the_reserved_ones() -> None:
    concurrency = Concurrency()
    concurrency.reserve("a", 5)
    concurrency.provision("a", 3)
    assert admit(concurrency, "a", 3)[-2:] == [Load(2, 2, 0), RESERVED_CONCURRENCY]
    assert admit(concurrency, "a", 3, provisioned=True)[-1] == Load(5, 5, 0)
    with pytest.raises(AwsError, match="should not be greater than the reservedConcurrentExecution"):
        concurrency.provision("a", 3)
    with pytest.raises(AwsError, match="should not be lower than function's total provisioned"):
        concurrency.reserve("a", 2)


def test_provisioned_executions_of_an_unreserved_function_come_out_of_the_pool() -> None:
    concurrency = Concurrency(limit=110)
    concurrency.provision("a", 10)
    assert admit(concurrency, "b", 101)[-1] == ACCOUNT_CONCURRENCY
    with pytest.raises(AwsError, match="below its minimum value"):
        concurrency.provision("a", 1)
    concurrency.provision("a", -10)
    assert isinstance(concurrency.admit("b", 0.0), Load)


def test_a_deleted_function_gives_back_what_was_set_aside() -> None:
    concurrency = Concurrency(limit=110)
    concurrency.reserve("a", 10)
    concurrency.provision("a", 5)
    concurrency.forget("a")
    assert admit(concurrency, "b", 110)[-1] == Load(110, 110, 110)


def test_a_function_gains_a_thousand_environments_in_ten_seconds() -> None:
    concurrency = Concurrency(limit=5000)
    admit(concurrency, "a", 600, now=0.0, fresh=True)
    assert admit(concurrency, "a", 401, now=5.0, fresh=True)[-2:] == [Load(1000, 1000, 1000), ACCOUNT_CONCURRENCY]
    assert isinstance(concurrency.admit("a", 5.0), Load), "a warm environment is not a new one"
    assert isinstance(concurrency.admit("b", 5.0, fresh=True), Load), "the rate is each function's own"
    assert admit(concurrency, "a", 601, now=10.0, fresh=True)[-1] == ACCOUNT_CONCURRENCY


@pytest.mark.parametrize("reserved", [True, False])
def test_ten_requests_a_second_for_each_execution(reserved: bool) -> None:
    concurrency = Concurrency(limit=102)
    if reserved:
        concurrency.reserve("a", 2)
    ceiling = 20 if reserved else 1020
    answers: list[Load | str] = []
    for _ in range(ceiling + 1):
        answers.append(concurrency.admit("a", 100.0))
        if isinstance(answers[-1], Load):
            concurrency.release("a")
    assert answers[-1] == (RESERVED_REQUEST_RATE if reserved else REQUEST_RATE)
    assert all(isinstance(answer, Load) for answer in answers[:-1])
    assert isinstance(concurrency.admit("a", 100.5), Load), "half a second later half of them may come again"
    assert isinstance(concurrency.admit("a", 100.5, synchronous=False), Load)
