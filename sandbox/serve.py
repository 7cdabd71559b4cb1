"""`python -m sandbox.serve`: one sandbox in the foreground, at a port that stays the same through resets.

Prints `AWS_ENDPOINT_URL=...` and credentials, a variable a line, once the sandbox answers. SIGHUP resets: a fresh
sandbox at the same port, and the new credentials are printed. SIGINT and SIGTERM end it, and so does the end of
standard input where that is a pipe.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import stat
import sys
from dataclasses import replace

from sandbox.gateway.server import listen
from sandbox.nursery import Cot, NurseryError, Order, make_ready

#: LocalStack's, which many tools try by default.
DEFAULT_PORT = 4566


def main(arguments: list[str] | None = None) -> int:
    """Serve until asked to stop; 1 if the sandbox could not start, or ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port on 127.0.0.1, 0 for any free one")
    parser.add_argument("--seed", type=int, default=0, help="what random choices start from")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    signals = _signals()
    try:
        # Before a second of loading, not after it.
        listen(options.port).close()
        make_ready()
        return _serve(Order(seed=options.seed, port=options.port), signals)
    except (NurseryError, OSError) as error:
        why = getattr(error, "strerror", None) or error
        print(f"The sandbox can't start: {why}. Is another one running? --port takes another.", file=sys.stderr)
        return 1


def _serve(order: Order, signals: int) -> int:
    while True:
        cot = Cot(order)
        # A reset comes back at the same port, whichever it was.
        order = replace(order, port=int(cot.facts["endpoint"].rpartition(":")[2]))
        _announce(cot)
        why = _wait(cot, signals)
        if why == "ended":
            print("The sandbox ended by itself; what it said stands above.", file=sys.stderr)
            return 1
        cot.stop()
        if why == "stop":
            return 0


def _announce(cot: Cot) -> None:
    print(f"AWS_ENDPOINT_URL={cot.facts['endpoint']}")
    for name, value in cot.facts["learner"].items():
        print(f"{name}={value}")
    sys.stdout.flush()


def _signals() -> int:
    """A descriptor from which the numbers of signals can be read as they come."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _wait(cot: Cot, signals: int) -> str:
    """Until there is something to do: "stop", "reset" or "ended"."""
    watched: list[int] = [signals, cot.fileno()]
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        watched.append(0)
    while True:
        readable = select.select(watched, [], [])[0]
        if signals in readable:
            numbers = os.read(signals, 64)
            if signal.SIGINT in numbers or signal.SIGTERM in numbers:
                return "stop"
            if signal.SIGHUP in numbers:
                return "reset"
        if cot.fileno() in readable and cot.ended():
            return "ended"
        if 0 in readable and not os.read(0, 4096):
            return "stop"


if __name__ == "__main__":
    sys.exit(main())
