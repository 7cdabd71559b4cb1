#!/usr/bin/env python3
"""An external extension: counts the invocations, and writes its books when the environment is shut down.

It lies in a layer as extensions/clerk and speaks the Extensions API:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
STEP_SECONDS = 0.3
#: More than an environment has at the end.
BOOKS_SECONDS = 10.0


def say(**what: Any) -> None:
    print(json.dumps({"from": "clerk", **what}), flush=True)


def register() -> str:
    # An extension is registered under the name of its file.
    request = Request(
        f"{API}/register",
        data=json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode(),
        headers={"Lambda-Extension-Name": Path(sys.argv[0]).name, "Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        return str(answer.headers["Lambda-Extension-Identifier"])


def next_event(identifier: str) -> dict[str, Any]:
    # No time-out: the environment is frozen while this waits.
    with urlopen(Request(f"{API}/event/next", headers={"Lambda-Extension-Identifier": identifier})) as answer:
        event: dict[str, Any] = json.load(answer)
        return event


def write_books(invocations: int, reason: str) -> None:
    say(event="SHUTDOWN", reason=reason, invocations=invocations, written_ms=0)
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < BOOKS_SECONDS:
        time.sleep(STEP_SECONDS - elapsed % STEP_SECONDS)
        say(written_ms=round((time.monotonic() - began) * 1000))


def main() -> None:
    identifier = register()
    invocations = 0
    while True:
        event = next_event(identifier)
        if event["eventType"] == "SHUTDOWN":
            write_books(invocations, event["shutdownReason"])
            return
        invocations += 1


main()
