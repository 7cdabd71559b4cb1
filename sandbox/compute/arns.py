"""The names of functions and layers: plain name, partial ARN or ARN, with or without a qualifier.

The forms are those of https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.compute.errors import invalid, not_found, violated
from sandbox.gateway.call import Call

LATEST = "$LATEST"

_REGION = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d"
_FUNCTION = re.compile(
    rf"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:({_REGION}):)?(?:(\d{{12}}):)?(?:function:)?([a-zA-Z0-9-_]+)"
    r"(?::(\$LATEST|[a-zA-Z0-9-_]+))?"
)
_LAYER = re.compile(rf"arn:aws[a-zA-Z-]*:lambda:({_REGION}):(\d{{12}}):layer:([a-zA-Z0-9-_]+)(?::(\d+))?")
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class FunctionName:
    """Which function is meant, and which version or alias of it if one was named."""

    account: str
    region: str
    name: str
    qualifier: str | None

    @property
    def arn(self) -> str:
        """The function's ARN, with the qualifier if there is one."""
        arn = function_arn(self.account, self.region, self.name)
        return arn if self.qualifier is None else f"{arn}:{self.qualifier}"


def function_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


@functools.lru_cache(maxsize=4096)
def parse_function(text: str, account: str, region: str, qualifier: str | None = None) -> FunctionName:
    """Read a function's name as a caller in `account` and `region` gave it, with the `Qualifier` beside it."""
    found = _FUNCTION.fullmatch(text)
    if found is None:
        raise invalid(f"'{text}' is not a function name, a function ARN or a partial ARN")
    named_region, named_account, name, suffix = found.groups()
    if named_region is not None and named_region != region:
        raise not_found(f"Functions from '{named_region}' are not reachable in this region ('{region}')")
    if len(name) > _MAX_NAME:
        limit = f"Member must have length less than or equal to {_MAX_NAME}"
        raise violated([f"Value '{text}' at 'functionName' failed to satisfy constraint: {limit}"])
    if suffix is not None and qualifier not in (None, "", suffix):
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return FunctionName(named_account or account, region, name, qualifier or suffix)


def named_function(call: Call, params: Mapping[str, Any] | None = None) -> FunctionName:
    """The function that a call's FunctionName and Qualifier name."""
    members = call.params if params is None else params
    return parse_function(members["FunctionName"], call.account, call.region, members.get("Qualifier"))


@dataclass(frozen=True, slots=True)
class LayerName:
    account: str
    region: str
    name: str
    version: int | None

    @property
    def layer_arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:layer:{self.name}"

    @property
    def arn(self) -> str:
        return self.layer_arn if self.version is None else f"{self.layer_arn}:{self.version}"


def parse_layer(text: str, account: str, region: str) -> LayerName:
    """Read a layer's name or ARN, with or without a version."""
    found = _LAYER.fullmatch(text)
    if found is None:
        return LayerName(account, region, text, None)
    named_region, named_account, name, version = found.groups()
    return LayerName(named_account, named_region, name, int(version) if version else None)
