"""What can go wrong in an environment, and how its caller is told.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from sandbox.compute.contract import Status
from sandbox.compute.report import Ending, exit_reason
from sandbox.compute.runtime_api import MOST_RESPONSE, Posted
from sandbox.compute.stage import Process

#: The runtime's index among an environment's processes; extensions come after it.
RUNTIME = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong. `posted` is the runtime's own account of it, if it gave one."""

    status: Status
    error_type: str
    reason: str = ""
    posted: Posted | None = None

    def payload(self, request_id: str, timeout_s: float) -> bytes:
        if self.posted is not None and self.posted.body:
            return self.posted.body
        if self.status == "timeout":
            message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
        elif self.posted is not None and self.posted.too_large:
            message = (
                f"Response payload size ({self.posted.too_large} bytes) exceeded maximum allowed payload size "
                f"({MOST_RESPONSE} bytes)."
            )
        else:
            message = f"RequestId: {request_id} Error: {self.reason}"
        return json.dumps({"errorType": self.error_type, "errorMessage": message}, separators=(",", ":")).encode()


TIMED_OUT = Failure("timeout", "Sandbox.Timedout")
OUT_OF_MEMORY = Failure("failure", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed")
KILLED = Failure("failure", "Runtime.ExitError", "Runtime exited with error: signal: killed")


def end_of(index: int, process: Process) -> Failure | None:
    """What the end of a process means: none of them ends on its own while all is well."""
    if process.refused:
        reason = f"fork/exec {process.path}: {os.strerror(process.refused).lower()}"
        return Failure("failure", "Runtime.InvalidEntrypoint" if index == RUNTIME else "Extension.LaunchError", reason)
    if process.status is None:
        return None
    if index == RUNTIME:
        return Failure("failure", "Runtime.ExitError", exit_reason(process.status))
    code = os.waitstatus_to_exitcode(process.status)
    return Failure("failure", "Extension.Crash", f"extension {process.name} exited with code {code}")


def outcome_of(failure: Failure | None, posted: Posted | None) -> Failure:
    """How an invocation ended for its caller, of what went wrong with the environment and what the runtime posted."""
    if posted is not None and posted.too_large:
        # The runtime may end itself over the refusal of its answer: that is not what went wrong.
        return Failure("error", posted.error_type, posted=posted)
    if failure is not None:
        return failure
    if posted is not None and posted.error_type:
        return Failure("error", posted.error_type, posted=posted)
    return Failure("success", "")


def ending_of(failure: Failure) -> Ending:
    return Ending(failure.status, failure.error_type, failure.reason)


def message_of(body: bytes) -> str:
    try:
        return str(json.loads(body).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return ""
