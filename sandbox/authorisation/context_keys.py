"""The context keys that policies ask for, and those that a simulation brings.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.access.request import Values
from sandbox.gateway.call import AwsError

#: A policy variable, perhaps with a default behind a comma.
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
#: `${*}`, `${?}` and `${$}` stand for the characters themselves.
_CHARACTERS = frozenset("*?$")
#: Variables are variables in this version only.
_WITH_VARIABLES = "2012-10-17"
#: The elements of a statement in which variables stand.
_WITH_VALUES = ("Resource", "NotResource")


def keys_of(documents: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys that the statements of policies name, in conditions and as variables; each once, in order."""
    found: dict[str, str] = {}
    for document in documents:
        for key in _keys(document):
            found.setdefault(key.lower(), key)
    return tuple(found.values())


def _keys(document: Mapping[str, Any]) -> Iterator[str]:
    variables = document.get("Version") == _WITH_VARIABLES
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if variables:
            for element in _WITH_VALUES:
                yield from _variables(statement.get(element))
        for block in (statement.get("Condition") or {}).values():
            for key, values in block.items():
                yield key
                if variables:
                    yield from _variables(values)


def _variables(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, str) and "${" in value:
            for variable in _VARIABLE.findall(value):
                name = variable.partition(",")[0].strip()
                if name and name not in _CHARACTERS:
                    yield name


def entries(given: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """A simulation's ContextEntries as the values of a context; AwsError InvalidInput for what does not fit its type.

    A type whose name ends in `List` makes the key multivalued.
    """
    context: dict[str, Values] = {}
    for entry in given:
        name = str(entry.get("ContextKeyName") or "")
        kind = str(entry.get("ContextKeyType") or "string")
        values = [str(value) for value in entry.get("ContextKeyValues") or []]
        several = kind.endswith("List")
        read = _READERS.get(kind.removesuffix("List"))
        if read is None:
            raise invalid(f"Invalid context key type {kind} of context key {name}.")
        if ":" not in name:
            raise invalid(f"Invalid context key name {name!r}: it has no service prefix.")
        if not several and len(values) != 1:
            raise invalid(
                f"Invalid context key {name}: type {kind} takes one value, {len(values)} are given; "
                f"{kind}List takes several."
            )
        for value in values:
            try:
                read(value)
            except ValueError as error:
                raise invalid(f"Invalid value {value!r} of context key {name}: it is no {kind}.") from error
        context[name] = values if several else values[0]
    return context


def invalid(message: str) -> AwsError:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html#API_SimulateCustomPolicy_Errors"""
    return AwsError("InvalidInput", message, 400)


def _boolean(value: str) -> None:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)


def _date(value: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date
    try:
        float(value)
    except ValueError:
        datetime.fromisoformat(value)


def _binary(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(value) from error


_READERS: Mapping[str, Callable[[str], object]] = {
    "string": str,
    "numeric": float,
    "boolean": _boolean,
    "ip": lambda value: ipaddress.ip_network(value, strict=False),
    "binary": _binary,
    "date": _date,
}
