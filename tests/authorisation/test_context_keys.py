"""The keys that policies name, and the values that a simulation gives them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.access import Context
from sandbox.authorisation.context_keys import entries, keys_of
from sandbox.gateway.call import AwsError


def document(statement: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": statement}


def test_keys_of_conditions_and_variables_once_and_in_order() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": ["arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::${aws:PrincipalTag/team, 'none'}/*"],
        "Condition": {
            "StringEquals": {"aws:UserName": "ana", "aws:RequestTag/owner": "${aws:PrincipalTag/owner}"},
            "Bool": {"aws:SecureTransport": True},
        },
    }
    assert keys_of([document(statement), document(statement)]) == (
        "aws:username",
        "aws:PrincipalTag/team",
        "aws:RequestTag/owner",
        "aws:PrincipalTag/owner",
        "aws:SecureTransport",
    )


def test_variables_are_none_in_the_old_version() -> None:
    statement = {"Resource": "arn:aws:s3:::${aws:username}", "Condition": {"StringEquals": {"s3:prefix": "${aws:id}"}}}
    assert keys_of([document(statement, "2008-10-17")]) == ("s3:prefix",)


def test_escaped_characters_are_no_variables() -> None:
    assert keys_of([document({"Resource": "arn:aws:s3:::a${*}b${?}c${$}d${}"})]) == ()


def test_an_endless_variable_takes_no_time() -> None:
    began = time.perf_counter()
    assert keys_of([document({"Resource": "${" * 60_000 + " " * 60_000})]) == ()
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("string", ["a"], ("a",)),
        ("stringList", ["a", "b"], ("a", "b")),
        ("stringList", [], ()),
        ("numeric", ["1.5"], ("1.5",)),
        ("boolean", ["true"], ("true",)),
        ("date", ["2026-11-21T00:00:00Z"], ("2026-11-21T00:00:00Z",)),
        ("date", ["1790000000"], ("1790000000",)),
        ("ip", ["203.0.113.0/24"], ("203.0.113.0/24",)),
        ("ipList", ["203.0.113.1", "2001:db8::1"], ("203.0.113.1", "2001:db8::1")),
        ("binary", ["QUJD"], ("QUJD",)),
        ("numericList", ["1", "2"], ("1", "2")),
    ],
)
def test_values_are_taken_by_their_types(kind: str, values: list[str], expected: tuple[str, ...]) -> None:
    given = entries([{"ContextKeyName": "aws:Key", "ContextKeyValues": values, "ContextKeyType": kind}])
    context = Context(given)
    assert context["aws:key"] == expected
    assert bool(context.multivalued) is kind.endswith("List")


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("aws:Key", "numeric", ["ten"]),
        ("aws:Key", "boolean", ["yes"]),
        ("aws:Key", "date", ["tomorrow"]),
        ("aws:Key", "ip", ["somewhere"]),
        ("aws:Key", "ipList", ["10.0.0.1", "somewhere"]),
        ("aws:Key", "binary", ["*"]),
        ("aws:Key", "colour", ["red"]),
        ("aws:Key", "string", ["a", "b"]),
        ("aws:Key", "string", []),
        ("nokey", "string", ["a"]),
    ],
)
def test_what_does_not_fit_its_type_is_invalid_input(name: str, kind: str, values: list[str]) -> None:
    with pytest.raises(AwsError) as raised:
        entries([{"ContextKeyName": name, "ContextKeyValues": values, "ContextKeyType": kind}])
    assert raised.value.code == "InvalidInput"
    assert name in raised.value.message
