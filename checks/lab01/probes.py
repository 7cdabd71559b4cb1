"""Tries the learner's orders function: with orders that nobody has seen, cold and warm, and while payments fails."""

from __future__ import annotations

import random
import secrets
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from checks.contract import Incorrect, NotAttempted, Uncheckable
from checks.functions import Answer, invoke, remove, set_variables
from checks.lab01 import shop
from checks.readings import Reading, invocations, report_in

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The budgets of the build, as shares of what the release of that night needs on the same machine, in the same minute.
COLD_SHARE = 0.6
WARM_SHARE = 0.5
COLD_STARTS = 2
WARM_CALLS = 8
WARM_STEP_SECONDS = 6.0
#: A changed price must have arrived after so many seconds, with so many reads of the parameter at most.
FRESH_SECONDS = 300.0
FRESH_STEP_SECONDS = 60.0
FRESH_READS = 3
#: How slow payments is made, and in what time orders must answer all the same.
SLOW_SECONDS = 4.0
MEND_BUDGET_MS = 2_000.0
#: What stands in an order instead of items, in the load of the last check.
MALFORMED: Sequence[Mapping[str, Any]] = (
    {"items": []},
    {"items": [{"sku": "gold", "quantity": 1}]},
    {"items": [{"sku": "tea", "quantity": -3}]},
    {"items": "tea"},
)


def require_own_release(cloud: Cloud) -> None:
    """NotAttempted while orders still runs that night's code; Incorrect if its size or time-out were bought up."""
    have = cloud.client("lambda").get_function_configuration(FunctionName=shop.ORDERS)
    if have["CodeSha256"] == shop.night_code_sha256():
        raise NotAttempted("orders still runs that night's release. Edit orders.py, then run the cell that deploys it.")
    for name, unit, expected in (
        ("MemorySize", "MB", shop.ORDERS_MEMORY_MB),
        ("Timeout", "s", shop.ORDERS_TIMEOUT_S),
    ):
        if have[name] != expected:
            raise Incorrect(
                f"orders runs with {name} {have[name]} {unit}.",
                f"{expected} {unit}, as before.",
                "More memory or more time hides the fault for a price. The release itself has to get better.",
            )


# -- answers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shopper:
    """Sends orders that nobody has seen, and knows what they cost."""

    cloud: Cloud
    draw: random.Random
    prices: Mapping[str, Any]

    def order(self) -> dict[str, Any]:
        return shop.some_order(self.draw, self.prices)

    def send(self, order: Mapping[str, Any], function: str = shop.ORDERS) -> Answer:
        return invoke(self.cloud, function, dict(order))

    def must_be_paid(self, order: Mapping[str, Any], answer: Answer) -> None:
        """Incorrect unless the answer is that of a paid order, with the right total and payments' own id."""
        cents = self._must_total(order, answer, "paid")
        expected = shop.payment_id(self.cloud, order, cents)
        if answer.result.get("payment_id") != expected:
            raise Incorrect(
                f"{describe(order, first=True)} came back with the payment_id {answer.result.get('payment_id')!r}.",
                "the payment_id with which payments answered for this order.",
                "A receipt that payments has never written is found at the end of the month, by the customer.",
            )

    def must_be_pending(self, order: Mapping[str, Any], answer: Answer, trouble: str) -> None:
        """Incorrect unless the order was taken, with the right total, and no payment is claimed."""
        self._must_total(order, answer, "payment pending", trouble)
        if answer.result.get("payment_id"):
            raise Incorrect(
                f"With payments {trouble}, {describe(order)} came back with a payment_id.",
                "no payment_id: nothing was paid.",
                "A degraded answer says what is missing. A made-up receipt is a wrong answer.",
            )

    def must_be_refused(self, order: Mapping[str, Any], answer: Answer) -> None:
        """Incorrect unless the order was refused with a reason."""
        if answer.error or not isinstance(answer.result, dict) or answer.result.get("status") != "refused":
            raise Incorrect(
                f"An order with {str({key: order[key] for key in order if key != 'order_id'})[:60]} was answered "
                f"with {said(answer)}.",
                'the status "refused" and a reason.',
                "An order that can't be priced is the customer's mistake, not a trouble of payments. "
                "If both look alike, nobody corrects it.",
            )

    def _must_total(self, order: Mapping[str, Any], answer: Answer, status: str, trouble: str = "") -> int:
        cents = shop.total_cents(order, self.prices)
        result = answer.result if isinstance(answer.result, dict) and not answer.error else {}
        if result.get("status") != status:
            raise Incorrect(
                f"{f'With payments {trouble}, ' if trouble else ''}{describe(order, first=not trouble)} was answered "
                f"with {said(answer)}.",
                f'the status "{status}" and a total of {cents} cents.',
                "The customer waits for this answer. An error of the function is a basket left behind."
                if answer.error
                else "The status is what the shop's page goes by.",
            )
        if result.get("order_id") != order["order_id"] or result.get("total_cents") != cents:
            raise Incorrect(
                f"{describe(order, first=True)} was answered with {said(answer)}.",
                f"its own order_id and a total of {cents} cents by the price list in {shop.PRICES_PARAMETER}.",
                "A function that is fast and wrong is worse than a slow one.",
            )
        return cents


def shopper(cloud: Cloud, draw: random.Random) -> Shopper:
    return Shopper(cloud, draw, shop.prices(cloud))


def describe(order: Mapping[str, Any], *, first: bool = False) -> str:
    """An order as feedback says it, in a sentence or as its first words."""
    return (
        ("An" if first else "an")
        + " order of "
        + ", ".join(f"{item['quantity']} {item['sku']}" for item in order["items"])
    )


def said(answer: Answer) -> str:
    """An answer as feedback quotes it."""
    text = answer.error or str(answer.result)
    return textwrap.shorten(text, 140, placeholder=" ...") if len(text) > 140 else text


# -- cold and warm ---------------------------------------------------------------------------------------------


def must_report(cloud: Cloud, draw: random.Random) -> None:
    """Incorrect unless the tax report, which few ask for, is still right."""
    totals = [draw.randrange(1_000, 20_000) for _ in range(3)]
    country, percent = draw.choice([("DE", 19), ("FR", 20), ("SE", 25)])
    answer = invoke(cloud, shop.ORDERS, {"report": country, "totals_cents": totals})
    # Half a cent is rounded up.
    tax = sum((2 * total * percent + 100 + percent) // (2 * (100 + percent)) for total in totals)
    expected = {"country": country, "orders": 3, "net_cents": sum(totals) - tax, "tax_cents": tax}
    if answer.error or answer.result != expected:
        raise Incorrect(
            f"A tax report for {country} was answered with {said(answer)}.",
            f"{expected}.",
            "The book-keepers ask for it a handful of times a month. It may be slow, and it must be there.",
        )


def cold_call(shopper: Shopper, function: str) -> tuple[Answer, Reading]:
    """One order to a new environment. A changed variable is what makes it new, as AWS's own tuning tools do it."""
    set_variables(shopper.cloud, function, PROBE=secrets.token_hex(4))
    order = shopper.order()
    answer = shopper.send(order, function)
    reading = report_in(answer.log)
    if reading is None:
        raise Uncheckable(f"The call of {function} came back without a REPORT line. Run the check again.")
    if function == shop.ORDERS:
        shopper.must_be_paid(order, answer)
        if reading.init_ms is None:
            raise Uncheckable("A call after a change of configuration found an old environment. Run the check again.")
    return answer, reading


def warm_call(shopper: Shopper, function: str) -> Reading:
    """One order to an environment that is there."""
    order = shopper.order()
    answer = shopper.send(order, function)
    if function == shop.ORDERS:
        shopper.must_be_paid(order, answer)
    reading = report_in(answer.log)
    if reading is None:
        raise Uncheckable(f"The call of {function} came back without a REPORT line. Run the check again.")
    return reading


def cold_budget(cloud: Cloud, draw: random.Random) -> None:
    """Init, and the handler's first run, each against that night's release."""
    require_own_release(cloud)
    with shop.payments_as(cloud):
        customer = shopper(cloud, draw)
        shop.deploy_night(cloud, shop.BASELINE)
        try:
            night, own = [], []
            for _ in range(COLD_STARTS):
                night.append(cold_call(customer, shop.BASELINE)[1])
                own.append(cold_call(customer, shop.ORDERS)[1])
        finally:
            remove(cloud, shop.BASELINE)
    must_report(cloud, draw)
    inits = min(one.init_ms or 0.0 for one in own), min(one.init_ms or 0.0 for one in night)
    firsts = min(one.duration_ms for one in own), min(one.duration_ms for one in night)
    if inits[0] > inits[1] * COLD_SHARE:
        raise Incorrect(
            f"Your Init took {inits[0]:.0f} ms, that night's {inits[1]:.0f} ms.",
            f"at most {COLD_SHARE * 100:.0f} % of that night's: {inits[1] * COLD_SHARE:.0f} ms.",
            "Everything imported at the top is loaded in every Init, and every new environment's first customer waits.",
        )
    if firsts[0] > firsts[1] * COLD_SHARE:
        raise Incorrect(
            f"Your handler ran {firsts[0]:.0f} ms in its first call, that night's {firsts[1]:.0f} ms.",
            f"at most {COLD_SHARE * 100:.0f} % of that night's: {firsts[1] * COLD_SHARE:.0f} ms.",
            "What the handler makes for itself, such as a client, is made with the share of a processor that its "
            "memory buys. In Init it is made once.",
        )


def warm_budget(cloud: Cloud, draw: random.Random) -> None:
    """The handler's warm runs against that night's release, and how often they read the price list."""
    require_own_release(cloud)
    with shop.payments_as(cloud):
        customer = shopper(cloud, draw)
        shop.deploy_night(cloud, shop.BASELINE)
        try:
            warm_call(customer, shop.BASELINE)
            night = [warm_call(customer, shop.BASELINE).duration_ms for _ in range(3)]
        finally:
            remove(cloud, shop.BASELINE)
        cold_call(customer, shop.ORDERS)
        before = shop.config_reads(cloud, shop.ORDERS)
        own = []
        for _ in range(WARM_CALLS):
            cloud.clock.advance(WARM_STEP_SECONDS)
            own.append(warm_call(customer, shop.ORDERS).duration_ms)
        reads = len(shop.config_reads(cloud, shop.ORDERS) - before)
    if reads > 1:
        raise Incorrect(
            f"In {WARM_CALLS} warm calls within {WARM_CALLS * WARM_STEP_SECONDS:.0f} s orders asked Parameter Store "
            f"for its price list {reads} times (by its events in CloudTrail).",
            "at most once.",
            "Each read is a wait for the customer, and Parameter Store throttles a function that reads in every call.",
        )
    if median(own) > median(night) * WARM_SHARE:
        raise Incorrect(
            f"Your handler's median warm run is {median(own):.0f} ms, that night's {median(night):.0f} ms.",
            f"at most {WARM_SHARE * 100:.0f} % of that night's: {median(night) * WARM_SHARE:.0f} ms.",
            "A session and a client cost tens of milliseconds of processor time each, and need to be made once only.",
        )


def fresh_prices(cloud: Cloud, draw: random.Random) -> None:
    """A changed price list arrives in time, and is not read at every call."""
    require_own_release(cloud)
    old = shop.prices(cloud)
    new = {**old, "articles": {sku: cents + draw.randrange(11, 99) for sku, cents in old["articles"].items()}}
    with shop.payments_as(cloud):
        cold_call(Shopper(cloud, draw, old), shop.ORDERS)
        before = shop.config_reads(cloud, shop.ORDERS)
        shop.put_prices(cloud, new)
        try:
            ids = _after_a_change(Shopper(cloud, draw, new), old)
        finally:
            shop.put_prices(cloud, old)
            # The environment holds the other list now: the next caller is to find a new one.
            set_variables(cloud, shop.ORDERS, PROBE=secrets.token_hex(4))
        reads = len(shop.config_reads(cloud, shop.ORDERS) - before)
    mine = [one for one in invocations(cloud, shop.ORDERS, wait_for=ids) if one.request_id in set(ids)]
    environments = len({one.stream for one in mine})
    if reads > FRESH_READS * environments:
        raise Incorrect(
            f"In {FRESH_SECONDS / 60:.0f} minutes and {len(ids)} calls orders asked Parameter Store {reads} times.",
            f"at most {FRESH_READS} times in an environment.",
            "Prices that are fresh because every call reads them are what made the shop slow.",
        )


def _after_a_change(customer: Shopper, old: Mapping[str, Any]) -> list[str]:
    """Send orders while the time goes by in which a change must arrive; the last one must have the new price."""
    ids: list[str] = []
    minutes = f"{FRESH_SECONDS / 60:.0f} minutes"
    for _ in range(round(FRESH_SECONDS / FRESH_STEP_SECONDS)):
        customer.cloud.clock.advance(FRESH_STEP_SECONDS)
        for _ in range(2):
            order = customer.order()
            while shop.total_cents(order, old) == shop.total_cents(order, customer.prices):
                order = customer.order()
            answer = customer.send(order)
            ids.append(answer.request_id)
    if isinstance(answer.result, dict) and answer.result.get("total_cents") == shop.total_cents(order, old):
        raise Incorrect(
            f"{minutes.capitalize()} after the price list had changed, {describe(order)} was priced by the old one.",
            f"{shop.total_cents(order, customer.prices)} cents: a change arrives within {minutes}.",
            "What is read once and kept has no end. A busy environment lives for hours, and sells at yesterday's "
            "price next to one that does not.",
        )
    customer.must_be_paid(order, answer)
    return ids


# -- payments in trouble ---------------------------------------------------------------------------------------


def slow_payments(cloud: Cloud, draw: random.Random) -> None:
    """With payments slow, orders answers in time and degraded; with payments well, it is paid again."""
    require_own_release(cloud)
    customer = shopper(cloud, draw)
    with shop.payments_as(cloud, delay_seconds=SLOW_SECONDS):
        for _ in range(2):
            order = customer.order()
            answer = customer.send(order)
            reading = report_in(answer.log)
            if reading is None:
                raise Uncheckable(f"The call of {shop.ORDERS} came back without a REPORT line. Run the check again.")
            if reading.status == "timeout":
                raise Incorrect(
                    f"With payments taking {SLOW_SECONDS:g} s, {describe(order)} ended with {said(answer)}.",
                    f"an answer of your own within {MEND_BUDGET_MS / 1000:g} s, by the REPORT line.",
                    "A client without a shorter patience of its own waits, and tries again (fact botocore-timeouts). "
                    "The function's time-out cuts it off, and the next customer pays for an Init on top.",
                )
            customer.must_be_pending(order, answer, "slow")
            if reading.duration_ms > MEND_BUDGET_MS:
                raise Incorrect(
                    f"With payments slow, {describe(order)} was answered after {reading.duration_ms:.0f} ms.",
                    f"at most {MEND_BUDGET_MS:.0f} ms.",
                    "Patience counts once for each try: a read time-out of one second with five tries is five seconds "
                    "and the pauses between them.",
                )
    _well_again(customer)


def _well_again(customer: Shopper) -> None:
    """Payments is well: orders must be paid."""
    with shop.payments_as(customer.cloud):
        for _ in range(2):
            order = customer.order()
            customer.must_be_paid(order, customer.send(order))


def unseen_faults(cloud: Cloud, draw: random.Random) -> None:
    """Bursts with bad orders among the good ones, while payments is throttled and while it fails; then all is well."""
    require_own_release(cloud)
    customer = shopper(cloud, draw)
    functions = cloud.client("lambda")
    with shop.payments_as(cloud):
        functions.put_function_concurrency(FunctionName=shop.PAYMENTS, ReservedConcurrentExecutions=0)
        try:
            _burst(customer, "throttled")
        finally:
            functions.delete_function_concurrency(FunctionName=shop.PAYMENTS)
    with shop.payments_as(cloud, refuses="the ledger is closed"):
        _burst(customer, "answering with an error of its own")
    _well_again(customer)


def _burst(customer: Shopper, trouble: str) -> None:
    """Three good orders and a bad one at a time: each gets the answer that is due to it."""
    bad = {"order_id": "order-bad", **customer.draw.choice(MALFORMED)}
    orders = [customer.order() for _ in range(3)]
    place = customer.draw.randrange(len(orders) + 1)
    load = [*orders[:place], bad, *orders[place:]]
    # Once alone, so that the burst finds one environment warm and makes the others.
    for order, answer in [
        (load[0], customer.send(load[0])),
        *zip(load, _sent_at_once(customer, load), strict=True),
    ]:
        if order is bad:
            customer.must_be_refused(order, answer)
        else:
            customer.must_be_pending(order, answer, trouble)


def _sent_at_once(customer: Shopper, load: Sequence[dict[str, Any]]) -> list[Answer]:
    sent = customer.cloud.traffic.burst(shop.ORDERS, len(load), payloads=lambda index, _: load[index])
    for response in sent:
        if response.status_code != 200:
            raise Uncheckable(f"A call of orders was not accepted: {response.error}. Run the check again.")
    return [
        Answer(response.request_id, response.result, response.error, response.log_tail)
        for response in sorted(sent, key=lambda response: response.index)
    ]
