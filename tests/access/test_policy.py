"""What is a policy, and what is refused.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.access import MalformedPolicy, parse

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements: Any, **elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", **elements, "Statement": list(statements)})


def changed(**elements: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ALLOW, **elements}.items() if value is not ...}


def test_a_policy_is_compiled_once_for_the_same_text() -> None:
    text = document(ALLOW)
    assert parse(text) is parse(text.encode())
    assert parse(json.loads(text)) is parse(json.loads(text))


def test_a_policy_keeps_its_document_and_its_names() -> None:
    policy = parse(document({**ALLOW, "Sid": "Read"}, {**ALLOW, "Effect": "Deny"}, Id="mine"))
    assert (policy.version, policy.id) == ("2012-10-17", "mine")
    assert [(each.sid, each.effect, each.index) for each in policy.statements] == [
        ("Read", "Allow", 0),
        (None, "Deny", 1),
    ]
    assert policy.statements[0].document == {**ALLOW, "Sid": "Read"}
    assert policy.document["Id"] == "mine"


def test_a_later_change_of_the_mapping_does_not_change_the_policy() -> None:
    given = {"Statement": [dict(ALLOW)]}
    policy = parse(given)
    given["Statement"][0]["Effect"] = "Deny"
    assert policy.statements[0].effect == "Allow"


def test_without_version_a_policy_is_of_2008() -> None:
    assert parse({"Statement": ALLOW}).version == "2008-10-17"


@pytest.mark.parametrize(
    "statement",
    [
        "allow",
        None,
        {},
        changed(Effect="allow"),
        changed(Effect=...),
        changed(Effect=["Allow"]),
        changed(Action=...),
        changed(NotAction="s3:*"),
        changed(Action=1),
        changed(Action=[["s3:GetObject"]]),
        changed(Action={"s3": "GetObject"}),
        changed(Action="GetObject"),
        changed(Action="s3*"),
        changed(Action="ſ3:GetObject"),
        changed(Action="s３:GetObject"),
        changed(Action="\u212ams:Decrypt"),
        changed(NotResource="*"),
        changed(Resource=None),
        changed(Resource=[1]),
        changed(Resource="arn:aws:s3:::b/${aws:username"),
        changed(Principal="anna"),
        changed(Principal=["*"]),
        changed(Principal={"aws": "*"}),
        changed(Principal={"AWS": 123456789012}),
        changed(Principal="*", NotPrincipal="*"),
        changed(NotPrincipal={"AWS": "123456789012"}),
        changed(Sid=1),
        changed(Conditions={}),
        changed(Condition=[]),
        changed(Condition={"StringEquals": {"aws:username": None}}),
        changed(Condition={"Sounds": {"like": "it"}}),
        changed(Condition={"StringLike": {"aws:username": "${"}}),
    ],
)
def test_malformed_statement_is_refused(statement: Any) -> None:
    with pytest.raises(MalformedPolicy) as refusal:
        parse(document(statement))
    assert refusal.value.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"Allow"',
        document(ALLOW, Version="2012-10-18"),
        document(ALLOW, Version=None),
        document(ALLOW, Version=20121017),
        document(ALLOW, Name="mine"),
        document(ALLOW, Id=1),
        '{"Version": "2012-10-17"}',
        # Of two equal keys JSON readers take the last: a condition would be lost without a word.
        '{"Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition":'
        ' {"Bool": {"a:b": "true"}, "Bool": {"a:c": "true"}}}}',
        document(ALLOW) + "x",
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a:b": NaN}}}}',
        "\ufeff" + document(ALLOW),
    ],
)
def test_malformed_document_is_refused(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse(text)


@pytest.mark.parametrize(
    "document", [b"\xff\xfe", None, 1, ["Statement"], {"Statement": {1, 2}}, {"Statement": [float("nan")]}]
)
def test_what_is_no_json_is_refused(document: Any) -> None:
    with pytest.raises(MalformedPolicy):
        parse(document)


def test_a_policy_longer_than_the_limit_is_refused() -> None:
    text = document(ALLOW)
    assert parse(text, max_chars=len(text))
    with pytest.raises(MalformedPolicy, match="longer"):
        parse(text, max_chars=len(text) - 1)
