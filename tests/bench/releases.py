"""What a release costs that CodeDeploy shifts under traffic: a canary that is taken back, and ten steps to the end."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.cloud import open_cloud
from sandbox.load.mixes import Mix
from sandbox.load.run import Run
from sandbox.nursery import Nursery
from tests.bench.figures import Figure, ours
from tests.bench.peers import client
from tests.integration.canary import GOOD, Shop
from tests.integration.terminal import Terminal

#: Fails from its 120th call on: in the third minute of a canary that gets a call a second.
LEAK = """\
CALLS = 0

def handler(event, context):
    global CALLS
    CALLS += 1
    if CALLS >= 120:
        raise MemoryError("no room for another order in {number}")
    return {number}
"""
#: One call in twenty fails.
ERRORS = """\
CALLS = 0

def handler(event, context):
    global CALLS
    CALLS += 1
    if CALLS % 20 == 10:
        raise RuntimeError("no checkout in {number}")
    return {number}
"""
DAY = 24 * 60
METRICS = 10


def released(shop: Shop, code: str, rate: float, *parameters: str) -> tuple[float, str, Run]:
    """Seconds from the stack's UPDATE_IN_PROGRESS to its end, that end, and the traffic beside `sam deploy`."""
    shop.write(checkout=code)
    mix = Mix("customers", f"{shop.there['Checkout']}:live", rate)
    moments: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            status = str(shop.status)
            # What the stack came to by the update before is of no interest.
            if status == "UPDATE_IN_PROGRESS" or moments:
                moments.setdefault(status, time.perf_counter())
            time.sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    with shop.cloud.traffic.background(mix, during="deployment", after=0.0) as run:
        watcher.start()
        ended = shop.deploy(*parameters)
    over.set()
    watcher.join()
    status = str(shop.status)
    if status not in moments or not shop.deployments():
        raise RuntimeError(f"the stack came to {status}: {ended.stdout}{ended.stderr}")
    return moments[status] - moments["UPDATE_IN_PROGRESS"], status, run


@contextmanager
def shop(name: str) -> Iterator[Shop]:
    """The application, deployed, in a sandbox of its own."""
    nursery = Nursery()
    nursery.start()
    try:
        sandbox = nursery.fork()
        cloud = open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.learner)
        with tempfile.TemporaryDirectory(prefix="coldstart-bench-") as folder:
            made = Shop(Terminal.of(Path(folder), sandbox), cloud, name)
            first = made.deploy()
            if first.returncode:
                raise RuntimeError(first.stdout + first.stderr)
            yield made
    finally:
        nursery.close()


def canary(rounds: int) -> list[Figure]:
    """Canary10Percent5Minutes with two alarms under 10 requests a second, taken back by an alarm: soon, and late."""
    figures = []
    with shop("canary") as made:
        for what, code in (("soon", ERRORS), ("late", LEAK)):
            taken: list[float] = []
            for number in range(rounds):
                seconds, status, run = released(made, code.format(number=number), 10)
                if status != "UPDATE_ROLLBACK_COMPLETE":
                    raise RuntimeError(f"the bad version came to {status}")
                taken.append(seconds)
                # The alarm comes to rest before the next release.
                made.cloud.clock.advance(300)
            count, failed = len(run.records), len(run.failed_customers)
            detail = (
                f"the worst of {rounds}, median {statistics.median(taken):.2f} s; {count} requests, {failed} failed"
            )
            figures.append(Figure(f"a canary taken back {what}", max(taken), "s", 10.0, detail=detail))
    return figures


def linear(rounds: int) -> list[Figure]:
    """Linear10PercentEvery10Minutes under 2 requests a second, to its end with all customers."""
    taken: list[float] = []
    with shop("linear") as made:
        for number in range(rounds):
            code = GOOD.format(number=number + 2)
            seconds, status, run = released(made, code, 2, "Type=Linear10PercentEvery10Minutes")
            if status != "UPDATE_COMPLETE" or run.failed_customers:
                raise RuntimeError(f"the good version came to {status}")
            taken.append(seconds)
    detail = f"the worst of {rounds}, median {statistics.median(taken):.2f} s; {len(run.records)} requests"
    return [Figure("ten linear steps in 90 minutes", max(taken), "s", 30.0, detail=detail)]


def day(rounds: int) -> list[Figure]:
    """A day of one-minute data of ten metrics: put, and read in one GetMetricData with a sum of them by metric math."""
    put, read = [], []
    with ours() as sandbox:
        caller = client("cloudwatch", sandbox.endpoint, sandbox.credentials)
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        names = [f"m{number}" for number in range(METRICS)]
        queries: list[dict[str, Any]] = [
            {
                "Id": name,
                "MetricStat": {"Metric": {"Namespace": "Bench", "MetricName": name}, "Period": 60, "Stat": "Sum"},
            }
            for name in names
        ]
        queries.append({"Id": "all", "Expression": "SUM(METRICS())"})
        for _ in range(rounds):
            began = time.perf_counter()
            for name in names:
                data = [
                    {"MetricName": name, "Timestamp": end - timedelta(minutes=DAY - minute), "Value": 1.0}
                    for minute in range(DAY)
                ]
                for start in range(0, DAY, 1000):
                    caller.put_metric_data(Namespace="Bench", MetricData=data[start : start + 1000])
            put.append(time.perf_counter() - began)
            began = time.perf_counter()
            pages = caller.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=end - timedelta(days=1), EndTime=end
            )
            found = [len(one["Values"]) for page in pages for one in page["MetricDataResults"] if one["Id"] == "all"]
            read.append(time.perf_counter() - began)
            if sum(found) != DAY:
                raise RuntimeError(f"a day of minutes was read as {sum(found)} values")
    count = DAY * METRICS
    return [
        Figure("a day of minutes put", statistics.median(put), "s", detail=f"{count} values, median of {rounds}"),
        Figure("a day of minutes read", statistics.median(read), "s", detail=f"{count} values and their sum"),
    ]


MEASURES: dict[str, tuple[Callable[[Any], list[Figure]], Any, Any]] = {
    "canary": (canary, 3, 1),
    "linear": (linear, 2, 1),
    "day": (day, 3, 1),
}
