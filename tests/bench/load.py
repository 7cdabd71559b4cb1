"""A load generator in its own process: `python -m tests.bench.load ENDPOINT FUNCTION THREADS SECONDS`.

Keys come from the environment. Prints one JSON line: answered calls, failed ones, seconds.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from tests.bench.peers import client


def main() -> None:
    endpoint, function, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    caller = client("lambda", endpoint, dict(os.environ))
    counts = [[0, 0] for _ in range(threads)]
    go = threading.Barrier(threads + 1)
    until = [0.0]

    def call(mine: list[int]) -> None:
        go.wait()
        while time.perf_counter() < until[0]:
            answer = caller.invoke(FunctionName=function, Payload=b"{}")
            mine["FunctionError" in answer or answer["Payload"].read() != b'{"ok": true}'] += 1

    workers = [threading.Thread(target=call, args=(mine,)) for mine in counts]
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
