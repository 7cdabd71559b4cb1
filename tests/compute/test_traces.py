"""The trace header: what is taken of a caller's, and what a function gets."""

from __future__ import annotations

import re

import pytest

from sandbox.compute.traces import NO_TRACE, Trace, read_trace

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("", NO_TRACE),
        ("nonsense", NO_TRACE),
        ("Root=1-5759e988-short;Parent=53995c3f42cd8ad8", NO_TRACE),
        (f"Root={ROOT}", Trace(ROOT)),
        (f"Root={ROOT};Sampled=?", Trace(ROOT)),
        (f"Root={ROOT};Parent={PARENT};Sampled=1", Trace(ROOT, PARENT, "1")),
        (f"Self=1-1-1;Root={ROOT};Parent=x;Sampled=0", Trace(ROOT, "", "0")),
        (f"Root={ROOT};Lineage=0a0b0c0d:3%7C11223344:1", Trace(ROOT, lineage=(("0a0b0c0d", 3), ("11223344", 1)))),
        (f"Root={ROOT};Lineage=0a0b0c0d:x|nonsense|11223344:1", Trace(ROOT, lineage=(("11223344", 1),))),
    ],
)
def test_a_header_is_read(header: str, trace: Trace) -> None:
    assert read_trace(header) == trace


def test_an_invocation_without_a_trace_starts_one() -> None:
    pattern = r"Root=1-5759e988-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=%d"
    now = float(0x5759E988)
    assert re.fullmatch(pattern % 0, NO_TRACE.continued(now, active=False))
    assert re.fullmatch(pattern % 1, NO_TRACE.continued(now, active=True))
    assert NO_TRACE.continued(now, active=True) != NO_TRACE.continued(now, active=True)


@pytest.mark.parametrize(("sampled", "active", "told"), [("0", True, "0"), ("1", False, "1"), ("", True, "1")])
def test_the_callers_trace_goes_on_with_its_decision_on_sampling(sampled: str, active: bool, told: str) -> None:
    header = Trace(ROOT, PARENT, sampled).continued(1.0, active=active)
    assert header.startswith(f"Root={ROOT};Parent=")
    assert header.endswith(f";Sampled={told}")
    # With active tracing the function's segment is below one of Lambda's.
    assert (f"Parent={PARENT};" in header) is not active


def test_a_header_tells_how_often_a_function_was_invoked_on_the_way() -> None:
    one, other = (
        "arn:aws:lambda:us-east-1:123456789012:function:one",
        "arn:aws:lambda:us-east-1:123456789012:function:o",
    )
    header = NO_TRACE.continued(1.0, active=False, function_arn=one)
    assert read_trace(header).invocations(one) == 1
    again = read_trace(read_trace(header).continued(1.0, active=False, function_arn=other))
    twice = read_trace(again.continued(1.0, active=False, function_arn=one))
    assert (twice.invocations(one), twice.invocations(other)) == (2, 1)
