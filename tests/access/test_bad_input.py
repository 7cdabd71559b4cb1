"""Documents and requests that mean no good: refused or decided, soon, without a crash or an accidental allow."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.access import Context, MalformedPolicy, Policies, Principal, Request, Source, decide, explain, parse
from sandbox.access.patterns import Wildcard
from sandbox.access.request import LONGEST

ANNA = Principal("User", "arn:aws:iam::123456789012:user/anna", "123456789012")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@contextmanager
def soon() -> Iterator[None]:
    """Within a hundredfold of what it takes. What backtracks takes minutes; the bench has the figures."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < 5


def allowed(statement: dict[str, Any], request: Request, extra: dict[str, Any] | None = None) -> bool:
    listed = [statement, *([extra] if extra else [])]
    policies = Policies(identity=[Source("identity", "p", parse({"Version": "2012-10-17", "Statement": listed}))])
    assert explain(request, policies).decision == decide(request, policies)
    return decide(request, policies).allowed


def get(resource: str = "arn:aws:s3:::b/k", action: str = "s3:GetObject", **context: Any) -> Request:
    return Request(ANNA, action, resource, Context(context))


@pytest.mark.parametrize("text", ["x", "é"])
def test_a_policy_of_ten_megabytes_is_refused(text: str) -> None:
    document = json.dumps(
        {"Version": "2012-10-17", "Id": text * 10_000_000, "Statement": EVERYTHING}, ensure_ascii=False
    )
    with soon(), pytest.raises(MalformedPolicy):
        parse(document)
    with soon(), pytest.raises(MalformedPolicy):
        parse(document.encode())
    with soon(), pytest.raises(MalformedPolicy):
        parse(json.loads(document))


@pytest.mark.parametrize(
    "document",
    [
        "[" * 100_000,
        '{"Statement":' * 10_000,
        '{"Statement": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"Statement": {"Effect": "Allow", "Action": ' + "[" * 900 + "]" * 900 + "}}",
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": '
        + '{"a":' * 900
        + "1"
        + "}" * 902,
        '{"Id": ' + "9" * 100_000 + "}",
    ],
)
def test_deep_and_long_documents_are_refused(document: str) -> None:
    with soon(), pytest.raises(MalformedPolicy):
        parse(document)


def test_a_mapping_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {"Version": "2012-10-17"}
    endless["Statement"] = [endless]
    with pytest.raises(MalformedPolicy):
        parse(endless)
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"Statement": deep}
    with pytest.raises(MalformedPolicy):
        parse(deep)


@pytest.mark.parametrize("pattern", ["a*" * 500_000, "*a" * 500_000, "?" * 1_000_000, "*?" * 500_000, "a?*b" * 250_000])
@pytest.mark.parametrize("value", ["a" * LONGEST, "ab" * (LONGEST // 2), ""])
def test_a_pattern_of_a_million_characters_is_matched_without_backtracking(pattern: str, value: str) -> None:
    with soon():
        assert not Wildcard.of(pattern).matches(value)


@pytest.mark.parametrize(
    "pattern",
    [
        "*" + "a*" * 8_000 + "b",
        "*" + "a?" * 8_000 + "b*",
        "*" + "a" * 16_000 + "b*",
        ("*" + "a?" * 9 + "b") * 800,
        "*a?a?b*" * 9_000,
    ],
)
def test_a_pattern_that_almost_matches_is_matched_without_backtracking(pattern: str) -> None:
    with soon():
        assert not Wildcard.of(pattern).matches("a" * LONGEST)


@pytest.mark.parametrize(
    "statement",
    [
        {"Resource": "arn:aws:s3:::" + "a*" * 60_000},
        {"Resource": ["*a?*b"] * 12_000},
        {"Resource": "arn:aws:s3:::" + "${k}*" * 20_000},
        {"Resource": "arn:aws:s3:::" + "${k}" * 20_000},
        {"Action": ["s3:*?*x"] * 10_000},
        {"Condition": {"StringLike": {"k": ["*a?*b"] * 12_000}}},
        {"Condition": {"ArnLike": {"k": ["arn:*:*:*:*:*b"] * 6_000}}},
        {"Condition": {"ForAllValues:StringLike": {"k": "*a*" * 30_000}}},
    ],
)
def test_as_many_patterns_as_a_policy_holds_are_decided(statement: dict[str, Any]) -> None:
    request = get("arn:aws:s3:::" + "a" * (LONGEST - 20), k="a" * LONGEST)
    with soon():
        assert not allowed({**EVERYTHING, **statement}, request)


@pytest.mark.parametrize(
    ("resource", "context"),
    [("arn:aws:s3:::" + "a" * LONGEST, {}), ("arn:aws:s3:::b", {"k": "a" * (LONGEST + 1)}), ("x" * 10_000_000, {})],
)
def test_a_request_with_a_text_too_long_to_be_judged_is_denied(resource: str, context: dict[str, Any]) -> None:
    with soon():
        assert not allowed(EVERYTHING, get(resource, **context))


LOOK_ALIKES = [
    "ſ3:GetObject",  # long s
    "\uff533:GetObject",  # full-width s
    "s3:GetObject\u200b",  # zero-width space
    "s3\uff1aGetObject",  # full-width colon
    "s3:Get\u041ebject",  # Cyrillic O
    "\u212ams:Decrypt",  # Kelvin sign
    "s3:G\u0435tObject",  # Cyrillic e
    "s\u0663:GetObject",  # Arabic-Indic three
]
NO_ACTIONS = ["", ":", "s3:", ":GetObject", "GetObject", "*"]


@pytest.mark.parametrize("action", [*LOOK_ALIKES, *NO_ACTIONS])
@pytest.mark.parametrize(
    "element", [{"Action": "*"}, {"Action": ["s3:*", "kms:*"]}, {"NotAction": "iam:*"}, {"NotAction": "s3:GetObject"}]
)
def test_an_action_that_is_none_is_never_allowed(action: str, element: dict[str, Any]) -> None:
    assert not allowed({"Effect": "Allow", "Resource": "*", **element}, get(action=action))
    assert not decide(get(action=action), Policies()).allowed
    root = Request(Principal("Root", "arn:aws:iam::123456789012:root", "123456789012"), action, "*")
    assert not decide(root, Policies()).allowed


@pytest.mark.parametrize("action", LOOK_ALIKES)
def test_a_policy_with_a_look_alike_action_is_refused(action: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse({"Statement": {**EVERYTHING, "Action": action}})


def test_the_kelvin_sign_in_a_key_or_value_is_no_k() -> None:
    owned = {**EVERYTHING, "Condition": {"StringEqualsIgnoreCase": {"aws:RequestTag/K": "k"}}}
    assert allowed(owned, get(**{"aws:RequestTag/k": "K"}))
    assert not allowed(owned, get(**{"aws:RequestTag/\u212a": "k"}))
    assert not allowed(owned, get(**{"aws:RequestTag/k": "\u212a"}))


def test_texts_that_no_encoding_can_write_are_decided() -> None:
    lone = "\ud800"
    request = get(f"arn:aws:s3:::{lone}", k=lone)
    for operator in (
        "StringEquals",
        "StringLike",
        "BinaryEquals",
        "ArnLike",
        "IpAddress",
        "NumericEquals",
        "DateEquals",
    ):
        assert not allowed({**EVERYTHING, "Condition": {operator: {"k": "a"}}}, request)
    assert parse('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "\\ud800"}}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
ELEMENTS = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
WORDS = st.sampled_from(
    [
        *("Allow", "Deny", "*", "s3:*", "s3:GetObject", "arn:aws:s3:::b/${aws:username}", "${", "AWS", "Service", ""),
        *("StringLike", "ForAllValues:StringLikeIfExists", "Null", "Bool", "DateLessThan", "IpAddress", "ArnLike"),
        *("BinaryEquals", "123456789012", "aws:username", "true", "10.0.0.0/8", "2026-01-01", "\u212a", "\ud800"),
        *("2012-10-17", "?" * 40),
    ]
)
LIKELY = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])}, optional={name: LIKELY for name in ELEMENTS if name != "Effect"}
) | st.dictionaries(st.sampled_from(ELEMENTS), LIKELY)
DOCUMENTS = st.fixed_dictionaries(
    {"Statement": STATEMENTS | st.lists(STATEMENTS, max_size=3) | LIKELY}, optional={"Version": WORDS, "Id": LIKELY}
)
KINDS = st.sampled_from(["identity", "resource", "boundary", "session", "service-control", "resource-control"])
CONTEXTS = st.dictionaries(
    st.sampled_from(["aws:username", "AWS", "", "\u212a", "true"]),
    st.text(max_size=10)
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=5)
    | st.lists(WORDS, max_size=3),
    max_size=3,
)
WHO = st.builds(
    Principal,
    st.sampled_from(["Root", "User", "AssumedRole", "FederatedUser", "WebIdentity", "Service", "Anonymous"]),
    WORDS,
    st.none() | WORDS,
    st.none() | WORDS,
)


@settings(max_examples=500, deadline=None)
@given(JSON)
def test_any_json_is_a_policy_or_malformed(document: Any) -> None:
    refused_or_parsed(json.dumps(document))
    refused_or_parsed(document)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary())
def test_any_text_is_a_policy_or_malformed(document: Any) -> None:
    refused_or_parsed(document)


def refused_or_parsed(document: Any) -> None:
    try:
        policy = parse(document)
    except MalformedPolicy:
        return
    assert all(statement.effect in ("Allow", "Deny") for statement in policy.statements)


@settings(max_examples=1000, deadline=None)
@given(DOCUMENTS, KINDS, WHO, st.text(max_size=12) | WORDS, st.text(max_size=12) | WORDS, CONTEXTS)
def test_what_is_taken_for_a_policy_is_decided(
    document: Any, kind: Any, principal: Principal, action: str, resource: str, context: dict[str, Any]
) -> None:
    try:
        policy = parse(document)
    except MalformedPolicy:
        return
    source = Source(kind, "p", policy)
    policies = Policies(
        identity=[source] if kind == "identity" else [],
        resource=source if kind == "resource" else None,
        boundary=source if kind == "boundary" else None,
        session=[source] if kind == "session" else None,
        service_controls=[[source]] if kind == "service-control" else [],
        resource_controls=[[source]] if kind == "resource-control" else [],
    )
    request = Request(principal, action, resource, Context(context))
    assert explain(request, policies).decision == decide(request, policies)
