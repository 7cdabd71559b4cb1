"""The trace header of an invocation: what the caller sent, and what the function gets.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from sandbox.compute.report import trace_fields

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The members of a caller's X-Amzn-Trace-Id; empty where it has none, or none that is valid."""

    root: str = ""
    parent: str = ""
    sampled: str = ""

    @property
    def started_by_caller(self) -> bool:
        """Whether the trace begins with this call: a function that calls another sends its own segment as Parent."""
        return bool(self.root) and not self.parent

    @property
    def unique(self) -> str:
        """The trace's id without the time in it."""
        return self.root.rpartition("-")[2]

    def continued(self, now: float, *, active: bool) -> str:
        """The header that the function gets. A caller's decision on sampling is kept; else active tracing samples."""
        root = self.root or f"1-{int(now):08x}-{secrets.token_hex(12)}"
        sampled = self.sampled or ("1" if active else "0")
        # Passing through, Lambda adds no segment of its own that could be the parent.
        parent = self.parent if self.parent and not active else secrets.token_hex(8)
        return f"Root={root};Parent={parent};Sampled={sampled}"


NO_TRACE = Trace()


def read_trace(header: str) -> Trace:
    """The trace that a header tells of."""
    fields = trace_fields(header)
    root, parent, sampled = (fields.get(name, "") for name in ("Root", "Parent", "Sampled"))
    if not _ROOT.fullmatch(root):
        return NO_TRACE
    return Trace(root, parent if _PARENT.fullmatch(parent) else "", sampled if sampled in ("0", "1") else "")
