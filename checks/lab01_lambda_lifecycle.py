"""Lab 01, the life of an execution environment: its opening state, its predictions and its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, check, prediction
from checks.facts import fact
from checks.lab01 import probes, rounds, shop
from checks.readings import Reading, environments, invocations

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = ("orders.py",)
SERVICES = ("lambda", "logs", "iam", "ssm", "cloudtrail")

DEPLOY = "build-deploy"

setup = shop.make
cleanup = shop.clear


def _elsewhere(cloud: Cloud, own: str) -> Mapping[str, Sequence[Reading]]:
    """The calls of the lab's other functions: an id that is one of theirs is named as such."""
    names = [name for name in (*shop.ROUND_FUNCTIONS, shop.ORDERS, shop.PAYMENTS) if name != own]
    return {name: invocations(cloud, name) for name in names}


def _ids(answers: Answers, name: str) -> list[str]:
    """Several request ids. Incorrect if the answer is something else."""
    value: Any = answers[name]
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise Incorrect(
            f"{name} is {str(value)[:60]}.",
            'request ids in brackets, such as ["...", "..."].',
            "One call has one id; several calls are a list of them.",
        )
    return [one.strip() for one in value]


# -- 1 ---------------------------------------------------------------------------------------------------------

prediction("01.1", init_share_percent=float, second_call_has_init=bool, init_is_billed=bool, cells=("r1-predict",))


@check(
    "01.1.explain",
    title="Which call paid for Init, and for what",
    hints=(
        "Which of the two calls had to wait for something that the other one found ready?",
        "Look at init_ms, billed_ms and duration_ms of both readings, and at steps in the cold call's log line.",
        "cold is a request id, dearest a key of steps, billed_for_init_ms is billed_ms less duration_ms, rounded up.",
    ),
    cells=("r1-run", "r1-explain"),
)
def anatomy_of_a_cold_start(cloud: Cloud, answers: Answers) -> None:
    rounds.cold_start(
        invocations(cloud, "anatomy"),
        cold=answers.text("cold"),
        dearest=answers.text("dearest"),
        billed_for_init_ms=answers.number("billed_for_init_ms"),
        elsewhere=_elsewhere(cloud, "anatomy"),
    )


# -- 2 ---------------------------------------------------------------------------------------------------------

prediction("01.2", counter_after_crash=int, lines_after_crash=int, ticks_during_the_wait=int, cells=("r2-predict",))


@check(
    "01.2.explain",
    title="Where the freeze lay, and which call found a new process",
    hints=(
        "Between which two calls did two seconds go by, and which call's counter began again?",
        "The picture's hatched stretch, and the row of the counter below it.",
        "frozen_between is the ids of the call before and the call after the wait, in that order; reset_before is "
        "the id of the call whose counter is 1 although its environment had run before.",
    ),
    cells=("r2-run", "r2-explain"),
)
def what_survives(cloud: Cloud, answers: Answers) -> None:
    rounds.survives(
        invocations(cloud, "survives"),
        frozen_between=answers.pair("frozen_between"),
        reset_before=answers.text("reset_before"),
        elsewhere=_elsewhere(cloud, "survives"),
    )


# -- 3 ---------------------------------------------------------------------------------------------------------

prediction("01.3", environments_one_by_one=int, environments_at_once=int, cells=("r3-predict",))


@check(
    "01.3.explain",
    title="How many environments, and who waited for them",
    hints=(
        "How many calls can one environment answer at a time?",
        "Count the bands of the picture; look for init_ms in the readings, and for the call of the burst without it.",
        "environments is a number, cold a list with the id of every call that has an init_ms, warm_in_burst the id of "
        "the one call of the burst that has none.",
    ),
    cells=("r3-run", "r3-explain"),
)
def one_environment_a_concurrent_call(cloud: Cloud, answers: Answers) -> None:
    rounds.concurrency(
        invocations(cloud, "burst"),
        environments=answers.integer("environments"),
        cold=_ids(answers, "cold"),
        warm_in_burst=answers.text("warm_in_burst"),
        elsewhere=_elsewhere(cloud, "burst"),
    )


# -- 4 ---------------------------------------------------------------------------------------------------------

prediction(
    "01.4",
    new_process_after_exception=bool,
    new_process_after_time_out=bool,
    tmp_is_emptied=bool,
    init_duration_is_logged_again=bool,
    cells=("r4-predict",),
)


@check(
    "01.4.explain",
    title="What a time-out, a full memory and an exit do",
    hints=(
        "After which failures does the counter begin at 1 again, and after which does it go on?",
        "The counter's row in the picture, and status in the readings: the REPORT line has it.",
        "timed_out is one id, after_reset a list of ids (one call after each failure that ends the process), kept the "
        "id of the call after the exception.",
    ),
    cells=("r4-run", "r4-explain"),
)
def what_failures_do(cloud: Cloud, answers: Answers) -> None:
    rounds.failures(
        invocations(cloud, "failures"),
        timed_out=answers.text("timed_out"),
        after_reset=_ids(answers, "after_reset"),
        kept=answers.text("kept"),
        elsewhere=_elsewhere(cloud, "failures"),
    )


# -- 5 ---------------------------------------------------------------------------------------------------------

prediction("01.5", ms_to_say_goodbye_without_extension=int, ms_with_an_external_extension=int, cells=("r5-predict",))


@check(
    "01.5.explain",
    title="Who may say good-bye, and for how long",
    hints=(
        "Which of the two functions has anything in its log after the last REPORT line?",
        "environments(cloud, name) gives each environment's last_words: the records past its last REPORT.",
        "shut_down is the name of a log stream (the whole name), last_written_ms the written_ms of its last mark.",
    ),
    cells=("r5-run", "r5-explain"),
)
def shutdown_and_an_extension(cloud: Cloud, answers: Answers) -> None:
    rounds.shutdown(
        environments(cloud, "watched"),
        environments(cloud, "plain"),
        shut_down=answers.text("shut_down"),
        last_written_ms=answers.number("last_written_ms"),
    )


# -- 6 ---------------------------------------------------------------------------------------------------------

prediction("01.6", cheapest_mb=int, fastest_mb=int, times_as_fast_from_128_to_1024=float, cells=("r6-predict",))


@check(
    "01.6.explain",
    title="The cheapest size that keeps the budget",
    hints=(
        "Which sizes keep the budget at all, and which of these costs least?",
        "The picture: points left of the dashed line, the lowest of them. Fact lambda-price for the two prices.",
        "choose_mb is a measured size; usd_per_million is billed seconds × GB of 1,024 MB × price of a GB-second × a "
        "million, plus the price of a million requests, with the median billed duration of the warm calls.",
    ),
    cells=("r6-run", "r6-explain"),
)
def memory_processor_and_cost(cloud: Cloud, answers: Answers) -> None:
    price = fact("lambda-price")
    rounds.cost(
        invocations(cloud, "sizes"),
        choose_mb=answers.integer("choose_mb"),
        usd=answers.number("usd_per_million"),
        usd_per_gb_second=float(price["x86"]),
        usd_requests=float(price["per_million_req"]),
    )


# -- build -----------------------------------------------------------------------------------------------------


@check(
    "01.7",
    title="Build: a cold start within its budget",
    hints=(
        "What does orders.py load in every Init that few calls need, and what does it make in every call?",
        "The imports at the top, and boto3.session.Session() in current_prices and pay.",
        "Import reports inside the branch that needs it; make both clients once, at the top, outside of the handler.",
    ),
    cells=(DEPLOY, "build-cold"),
    files=FILES,
)
def cold_budget(cloud: Cloud, answers: Answers) -> None:
    probes.cold_budget(cloud, answers.random)


@check(
    "01.8",
    title="Build: a warm call within its budget",
    hints=(
        "How often does the price list change, and how often is it read?",
        "Powertools Parameters: SSMProvider(boto3_client=...).get(name, transform=..., max_age=...).",
        "Keep the price list for minutes (max_age is in seconds), and the clients in globals.",
    ),
    cells=(DEPLOY, "build-warm"),
    files=FILES,
)
def warm_budget(cloud: Cloud, answers: Answers) -> None:
    probes.warm_budget(cloud, answers.random)


@check(
    "01.9",
    title="Build: a changed price arrives",
    hints=(
        "When does your function look at the price list again?",
        "What your cache does with a value's age. A global that is set once has none.",
        "A max_age between 100 and 300 seconds holds both: three reads in five minutes at most, and nothing older.",
    ),
    cells=(DEPLOY, "build-fresh"),
    files=FILES,
)
def fresh_prices(cloud: Cloud, answers: Answers) -> None:
    probes.fresh_prices(cloud, answers.random)


# -- break -----------------------------------------------------------------------------------------------------


@check(
    "01.10.explain",
    title="Break: what orders was waiting for",
    hints=(
        "Which call ran out of time, and what is the last thing that it wrote?",
        "status in the readings of orders, then order_id in the readings of both functions.",
        "timed_out is the id of a call of orders with status timeout, payments_call the id of the call of payments "
        "with the same order_id.",
    ),
    cells=("break-run", "break-explain"),
)
def cause_of_the_time_outs(cloud: Cloud, answers: Answers) -> None:
    rounds.cause(
        invocations(cloud, shop.ORDERS),
        invocations(cloud, shop.PAYMENTS),
        timed_out=answers.text("timed_out"),
        payments_call=answers.text("payments_call"),
        elsewhere={name: invocations(cloud, name) for name in shop.ROUND_FUNCTIONS},
    )


@check(
    "01.11",
    title="Mend: orders answers while payments is slow",
    hints=(
        "How long does your client wait for payments, and how often does it try?",
        "botocore.config.Config: connect_timeout, read_timeout, retries. Then: which exceptions come out of it?",
        "read_timeout=1 and total_max_attempts=1 for payments; on an error of the client answer with the status "
        '"payment pending", the order_id and the total_cents.',
    ),
    cells=(DEPLOY, "mend-slow"),
    files=FILES,
)
def slow_payments(cloud: Cloud, answers: Answers) -> None:
    probes.slow_payments(cloud, answers.random)


@check(
    "01.12",
    title="Prove: a load that you have not seen",
    hints=(
        "In how many ways can a call of another function go wrong, beside being slow?",
        "ClientError and BotoCoreError are different families; an error of the called function is no exception at all.",
        "Treat three things alike: no connection or no answer (BotoCoreError), a refusal (ClientError), and an answer "
        "with FunctionError in it. Leave orders that can't be priced as they are: refused.",
    ),
    cells=(DEPLOY, "prove"),
    files=FILES,
)
def unseen_faults(cloud: Cloud, answers: Answers) -> None:
    probes.unseen_faults(cloud, answers.random)
