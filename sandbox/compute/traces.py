"""The trace header of an invocation: what the caller sent, and what the function gets.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.compute.report import trace_fields

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
_LINEAGE = re.compile(r"([0-9a-f]{8}):(\d{1,6})", re.ASCII)
#: A header has at most so many functions in its lineage.
_MAX_LINEAGE = 64


@dataclass(frozen=True, slots=True)
class Trace:
    """The members of a caller's X-Amzn-Trace-Id; empty where it has none, or none that is valid.

    `lineage` tells how often functions (short hashes of their ARNs) were invoked on the way here.
    """

    root: str = ""
    parent: str = ""
    sampled: str = ""
    lineage: tuple[tuple[str, int], ...] = ()

    @property
    def started_by_caller(self) -> bool:
        """Whether the trace begins with this call: a function that calls another sends its own segment as Parent."""
        return bool(self.root) and not self.parent

    @property
    def unique(self) -> str:
        """The trace's id without the time in it."""
        return self.root.rpartition("-")[2]

    def invocations(self, function_arn: str) -> int:
        """How often the function was invoked on the way here."""
        return dict(self.lineage).get(_short(function_arn), 0)

    def continued(self, now: float, *, active: bool, function_arn: str = "") -> str:
        """The header that the function gets. A caller's decision on sampling is kept; else active tracing samples.

        With `function_arn` it tells that this function is invoked once more.
        """
        root = self.root or f"1-{int(now):08x}-{secrets.token_hex(12)}"
        sampled = self.sampled or ("1" if active else "0")
        # Passing through, Lambda adds no segment of its own that could be the parent.
        parent = self.parent if self.parent and not active else secrets.token_hex(8)
        header = f"Root={root};Parent={parent};Sampled={sampled}"
        if not function_arn:
            return header
        counts = {**dict(self.lineage), _short(function_arn): self.invocations(function_arn) + 1}
        return f"{header};Lineage={'|'.join(f'{name}:{count}' for name, count in counts.items())}"


NO_TRACE = Trace()


def read_trace(header: str) -> Trace:
    """The trace that a header tells of."""
    fields = trace_fields(header)
    root, parent, sampled = (fields.get(name, "") for name in ("Root", "Parent", "Sampled"))
    if not _ROOT.fullmatch(root):
        return NO_TRACE
    # SDKs send a | as it stands in URLs.
    told = [_LINEAGE.fullmatch(each) for each in unquote(fields.get("Lineage", "")).split("|")]
    return Trace(
        root,
        parent if _PARENT.fullmatch(parent) else "",
        sampled if sampled in ("0", "1") else "",
        tuple((found[1], int(found[2])) for found in told[:_MAX_LINEAGE] if found is not None),
    )


def _short(function_arn: str) -> str:
    return hashlib.sha256(function_arn.encode()).hexdigest()[:8]
