"""Loops: a function that makes itself be invoked, over and over, is stopped.

Each invocation hands on, with the trace header that the SDKs send along, how often each function was invoked on the way
to it. That reaches the next function by way of Lambda's own Invoke, of S3 and of SNS.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.compute.arns import named_function
from sandbox.compute.functions import Function, Functions
from sandbox.compute.traces import Trace
from sandbox.gateway.call import AwsError, Call, Operation

#: After so many invocations in one chain of requests the next is stopped: fact recursion-detection.
MAX_INVOCATIONS = 16
STOPPED = "RecursiveInvocationException"


class Recursion:
    """GetFunctionRecursionConfig, PutFunctionRecursionConfig."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.operations: Mapping[str, Operation] = {
            "GetFunctionRecursionConfig": self._get,
            "PutFunctionRecursionConfig": self._put,
        }

    def _get(self, call: Call) -> dict[str, Any]:
        return {"RecursiveLoop": self._functions.get(named_function(call)).recursive_loop}

    def _put(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        function.recursive_loop = str(call.params["RecursiveLoop"])
        return {"RecursiveLoop": function.recursive_loop}


def expect_no_loop(function: Function, trace: Trace) -> None:
    """AwsError if a function comes once too often in one chain of requests, unless its loops are allowed."""
    if function.recursive_loop == "Terminate" and trace.invocations(function.arn) >= MAX_INVOCATIONS:
        raise AwsError(
            STOPPED,
            "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services "
            "resources and stopped your function's invocation.",
            400,
            Type="User",
        )
