"""A load generator in its own process: `python -m tests.bench.load ENDPOINT FUNCTION THREADS SECONDS`.

With `-` for the function, ENDPOINT is a URL that is called by GET; a connection stays open in each thread. Keys come
from the environment. Prints one JSON line: answered calls, failed ones, seconds.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.bench.peers import client

EXPECTED = b'{"ok": true}'


def invoking(endpoint: str, function: str) -> Callable[[], Callable[[], bool]]:
    """Gives each thread a call that says whether it failed: an invocation through one boto3 client."""
    caller = client("lambda", endpoint, dict(os.environ))

    def call() -> bool:
        answer = caller.invoke(FunctionName=function, Payload=b"{}")
        return "FunctionError" in answer or answer["Payload"].read() != EXPECTED

    return lambda: call


def getting(url: str) -> Callable[[], Callable[[], bool]]:
    """Gives each thread a call that says whether it failed: GET on a connection of its own."""
    parts = urlsplit(url)

    def new() -> Callable[[], bool]:
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)

        def call() -> bool:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            return answer.read() != EXPECTED or answer.status != 200

        return call

    return new


def main() -> None:
    endpoint, function, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    new = getting(endpoint) if function == "-" else invoking(endpoint, function)
    counts = [[0, 0] for _ in range(threads)]
    go = threading.Barrier(threads + 1)
    until = [0.0]

    def work(mine: list[int]) -> None:
        call = new()
        go.wait()
        while time.perf_counter() < until[0]:
            mine[call()] += 1

    workers = [threading.Thread(target=work, args=(mine,)) for mine in counts]
    for worker in workers:
        worker.start()
    until[0] = time.perf_counter() + seconds
    began = time.perf_counter()
    go.wait()
    for worker in workers:
        worker.join()
    print(
        json.dumps(
            {
                "ok": sum(ok for ok, _ in counts),
                "failed": sum(bad for _, bad in counts),
                "seconds": time.perf_counter() - began,
            }
        )
    )


if __name__ == "__main__":
    main()
