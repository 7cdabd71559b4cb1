"""Policies as they are put: what services refuse, and in which words.

Sentences that are not AWS's (see `sandbox.access.grammar`) are not held here, only that the document is refused.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.access import MalformedPolicy, grammar
from sandbox.access.grammar import DocumentKind, InvalidPrincipal, QuotaExceeded, check

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
BUCKET = "arn:aws:s3:::photos"
OBJECTS = f"{BUCKET}/*"
GITHUB = "token.actions.githubusercontent.com"
OIDC = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}

#: A good statement of each kind.
GOOD: dict[DocumentKind, dict[str, Any]] = {
    "identity": {"Action": "s3:GetObject", "Resource": OBJECTS},
    "managed": {"Action": "s3:GetObject", "Resource": OBJECTS},
    "session": {"Action": "s3:GetObject", "Resource": OBJECTS},
    "trust": {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    "service-control": {"Action": "*", "Resource": "*"},
    "resource-control": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"},
    "s3": {"Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": OBJECTS},
    "sqs": {"Principal": "*", "Action": "SQS:SendMessage", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"},
    "sns": {"Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"},
    "lambda": {"Principal": {"AWS": ACCOUNT}, "Action": "lambda:InvokeFunction", "Resource": "*"},
    "secretsmanager": {"Principal": {"AWS": ROLE}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
    "kms": {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"},
    "dynamodb": {"Principal": {"AWS": ROLE}, "Action": "dynamodb:GetItem", "Resource": "*"},
    "kinesis": {"Principal": {"AWS": ROLE}, "Action": "kinesis:PutRecord", "Resource": "*"},
    "events": {"Principal": {"AWS": ROLE}, "Action": "events:PutEvents", "Resource": "*"},
}
KINDS = list(GOOD)


def document(kind: DocumentKind, *more: dict[str, Any], version: str | None = "2012-10-17", **elements: Any) -> str:
    """A good document of a kind with these elements instead; None leaves one out."""
    statement = {"Effect": "Allow", **GOOD[kind], **elements}
    made: dict[str, Any] = {} if version is None else {"Version": version}
    kept = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({**made, "Statement": [kept, *more]})


def refusal(text: str | bytes, kind: DocumentKind, **options: Any) -> str:
    with pytest.raises(MalformedPolicy) as raised:
        check(text, kind, **options)
    return raised.value.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_document_is_taken_and_compiled(kind: DocumentKind) -> None:
    policy = check(document(kind), kind)
    assert policy.version == "2012-10-17"
    assert len(policy.statements) == 1
    assert check(document(kind).encode(), kind) is policy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"Statement": []}',
        '{"Statement": [1]}',
        '{"Statement": {}}',
        "NaN",
        b"\xff{}",
    ],
)
def test_what_is_no_policy_is_refused_by_every_service(kind: DocumentKind, text: str | bytes) -> None:
    assert refusal(text, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "elements",
    [
        {"Effect": None},
        {"Effect": "allow"},
        {"Effect": "Maybe"},
        {"Effect": 1},
        {"Action": None},
        {"Action": []},
        {"Action": 1},
        {"Action": [None]},
        {"Action": "GetObject"},
        {"Action": "nothing here"},
        {"Action": "\u0456am:*"},  # Cyrillic
        {"Action": "ia\uff4d:*"},  # full width
        {"Action": "a:b:c"},
        {"Actions": "s3:*"},
        {"NotAction": "s3:*"},
        {"Condition": []},
        {"Condition": {"Nothing": {"aws:username": "a"}}},
        {"Condition": {"StringEquals": "a"}},
        {"Condition": {"StringEquals": {"aws:username": {"a": "b"}}}},
        {"Condition": {"StringEquals": {"aws:username": None}}},
        {"Condition": {"NullIfExists": {"aws:username": "true"}}},
        {"Sid": 1},
        {"Resource": 1},
    ],
)
def test_a_statement_that_is_none_is_refused_by_every_service(kind: DocumentKind, elements: dict[str, Any]) -> None:
    assert refusal(document(kind, **elements), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_given_twice_is_refused(kind: DocumentKind) -> None:
    text = document(kind).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"')
    assert kind == "resource-control" or refusal(text, kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "managed"])
def test_a_policy_without_version_is_legal(kind: DocumentKind) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    assert check(document(kind, version=None), kind).version == "2008-10-17"
    assert refusal(document(kind, version="2012-10-18"), kind)


# -- identity-based policies: IAM's words --------------------------------------------------------------

SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Action": "GetObject"}, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ({"Action": "a:b:c"}, "Actions/Condition can contain only one colon."),
        ({"Action": "s3*:Get"}, "Vendor s3* is not valid"),
        ({"Action": "\u0456am:*"}, "Vendor \u0456am is not valid"),
        ({"Action": []}, "Policy statement must contain actions."),
        ({"Action": None}, "Policy statement must contain actions."),
        ({"Resource": []}, "Policy statement must contain resources."),
        ({"Resource": None}, "Policy statement must contain resources."),
        ({"Resource": "photos"}, 'Resource photos must be in ARN format or "*".'),
        ({"Resource": "urn:aws:s3:::photos"}, 'Resource urn:aws:s3:::photos must be in ARN format or "*".'),
        (
            {"Resource": "arn:azure:s3:::photos"},
            'Partition "azure" is not valid for resource "arn:azure:s3:*:*:photos".',
        ),
        ({"Resource": "arn:aws"}, "Resource vendor must be fully qualified and cannot contain regexes."),
        (
            {"Resource": f"arn:aws:iam:us-east-1:{ACCOUNT}:role/r"},
            f"IAM resource arn:aws:iam:us-east-1:{ACCOUNT}:role/r cannot contain region information.",
        ),
        (
            {"Resource": "arn:aws:s3:us-east-1::photos"},
            "Resource arn:aws:s3:us-east-1::photos can not contain region information.",
        ),
        (
            {"Resource": f"arn:aws:iam::{ACCOUNT}:thing/r"},
            'IAM resource path must either be "*" or start with user/,federated-user/,role/,group/,instance-profile/,'
            "mfa/,server-certificate/,policy/,sms-mfa/,saml-provider/,oidc-provider/,report/,access-report/.",
        ),
        ({"Resource": "arn:aws:s3::photos"}, LEGACY),
        ({"Principal": "*"}, "Policy document should not specify a principal."),
        ({"Effect": "allow"}, LEGACY),
        ({"Effect": "Maybe"}, SYNTAX),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}}, LEGACY),
        ({"Condition": {"Nothing": {"aws:username": "a"}}}, SYNTAX),
        (
            {"Sid": "a b"},
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        ({"NotResource": "*"}, SYNTAX),
        ({"Resource": f"{BUCKET}/${{aws:username"}, SYNTAX),
    ],
)
def test_identity_policies_are_refused_in_iams_words(elements: dict[str, Any], reason: str) -> None:
    assert refusal(document("identity", **elements), "identity") == reason
    assert refusal(document("managed", **elements), "managed") == reason


def test_statement_ids_are_unique() -> None:
    text = document("identity", {"Sid": "a", "Effect": "Deny", "Action": "*", "Resource": "*"}, Sid="a")
    assert refusal(text, "identity") == "Statement IDs (SID) in a single policy must be unique."


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_managed_policies_are_of_the_newer_version(version: str | None) -> None:
    text = document("managed", version=version)
    assert refusal(text, "managed") == "Policy document must be version 2012-10-17 or greater."


def test_no_json_is_said_as_each_says_it() -> None:
    assert refusal("{", "identity") == SYNTAX
    assert refusal("{", "session") == "The policy is not in the valid JSON format."
    assert refusal("{", "trust") == "This policy contains invalid Json"
    assert refusal("{", "s3") == "Policies must be valid JSON and the first byte must be '{'"
    assert refusal("{", "sqs") == "Invalid value for the parameter Policy."
    assert refusal("{", "sns") == "Invalid parameter: Policy Error: null"
    assert refusal("{", "secretsmanager") == "This resource policy contains a syntax error."


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "*"},
        {"Action": "*:*"},
        {"Action": ["s3:Get*", "S3:getobject"]},
        {"Action": None, "NotAction": "iam:*"},
        {"Resource": None, "NotResource": OBJECTS},
        {"Resource": ["arn:*:s3:::photos/*", f"{BUCKET}/${{aws:username}}/*", f"{BUCKET}/${{*}}"]},
        {"Resource": f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/a"},
        {"Resource": f"arn:aws:iam::{ACCOUNT}:*"},
        {"Condition": {}},
        {"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*"]}, "Null": {"aws:username": True}}},
        {"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}},
        {
            "Condition": {
                "DateGreaterThan": {"aws:CurrentTime": ["2026-11-21", "2026-11-21T12:00:00+01:00", "1795219200"]}
            }
        },
        {"Sid": ""},
    ],
)
def test_what_iam_takes(elements: dict[str, Any]) -> None:
    check(document("identity", **elements), "identity")


def test_two_statements_may_have_an_empty_sid() -> None:
    check(document("identity", {"Sid": "", "Effect": "Deny", "Action": "*", "Resource": "*"}, Sid=""), "identity")


# -- trust policies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": {"AWS": []}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": "*"}, 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'),
        ({"Principal": {"AWS": "anna"}}, 'Invalid principal in policy: "AWS":"anna"'),
        ({"Principal": {"AWS": f"{ROLE}*"}}, f'Invalid principal in policy: "AWS":"{ROLE}*"'),
        ({"Principal": {"Service": "lambda"}}, 'Invalid principal in policy: "SERVICE":"lambda"'),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": "sts:AssumeRoleWithWebIdendity"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"NotResource": "*"}, "AssumeRole policy must not contain resources."),
        ({"Principal": None, "NotPrincipal": {"AWS": ROLE}}, "Allow with NotPrincipal is not allowed."),
        (
            {"Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity"},
            "A condition block must be present for the Cognito provider",
        ),
    ],
)
def test_trust_policies_are_refused_in_iams_words(elements: dict[str, Any], reason: str) -> None:
    assert refusal(document("trust", **elements), "trust") == reason


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": [ACCOUNT, ROLE, f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/s"]}},
        {"Principal": {"Service": ["lambda.amazonaws.com", "states.us-east-1.amazonaws.com"]}},
        {"Action": ["sts:AssumeRole", "sts:TagSession", "STS:setsourceidentity"]},
        {"Action": "sts:*"},
    ],
)
def test_what_a_trust_policy_may_have(elements: dict[str, Any]) -> None:
    check(document("trust", **elements), "trust")


@pytest.mark.parametrize(
    ("condition", "good"),
    [
        (None, False),
        ({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}, False),
        ({"StringLike": {f"{GITHUB}:sub": "*"}}, False),
        ({"StringNotLike": {f"{GITHUB}:sub": "repo:o/*"}}, False),
        ({"StringLike": {f"{GITHUB}:sub": ["repo:o/*", "**"]}}, False),
        ({"StringLike": {f"{GITHUB}:sub": "repo:o/*"}}, True),
        ({"ForAnyValue:StringEquals": {f"{GITHUB}:SUB": ["repo:o/r:ref:refs/heads/main"]}}, True),
    ],
)
def test_a_shared_provider_needs_its_tenant(condition: Any, good: bool) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
    text = document("trust", Principal=OIDC, Action="sts:AssumeRoleWithWebIdentity", Condition=condition)
    if good:
        check(text, "trust")
    else:
        assert f"{GITHUB}:sub" in refusal(text, "trust")


def test_an_own_provider_needs_none() -> None:
    own = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com"}
    check(document("trust", Principal=own, Action="sts:AssumeRoleWithWebIdentity"), "trust")


# -- policies of the organization ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        {"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}},
        {"Action": "s3:*Object", "Resource": OBJECTS},
        {"Action": None, "NotAction": "iam:*"},
        {"Resource": None, "NotResource": OBJECTS, "Effect": "Deny"},
    ],
)
def test_service_control_policies_know_the_whole_language(elements: dict[str, Any]) -> None:
    check(document("service-control", **elements), "service-control")


@pytest.mark.parametrize(
    "elements", [{"Principal": "*"}, {"NotPrincipal": {"AWS": ROLE}}, {"Resource": None}, {"Resource": "photos"}]
)
def test_but_for_principals(elements: dict[str, Any]) -> None:
    assert refusal(document("service-control", **elements), "service-control")


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": None},
        {"Principal": {"AWS": "*"}},
        {"Action": "ec2:*"},
        {"Action": "*"},
        {"Action": None, "NotAction": "s3:*"},
        {"Effect": "Allow"},
        {"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_resource_control_policies_deny_to_all_on_some_services(elements: dict[str, Any]) -> None:
    assert refusal(document("resource-control", **elements), "resource-control")


def test_what_aws_attaches_itself_is_good() -> None:
    check(document("resource-control", Effect="Allow", Action="*"), "resource-control")


# -- resource policies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": {"AWS": "anna"}}, "Invalid principal in policy"),
        ({"Principal": ROLE}, "Invalid principal in policy"),
        ({"Principal": {"Role": ROLE}}, "Invalid principal in policy"),
        ({"Action": "s3:Nothing"}, "Policy has invalid action"),
        ({"Action": "ec2:RunInstances"}, "Policy has invalid action"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Resource": "photos"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::photos2/*"}, "Policy has invalid resource"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Resource": BUCKET}, "Action does not apply to any resource(s) in statement"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        (
            {"Condition": {"StringLike": {"s3:prefix": "a/*"}}},
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        ({"Condition": {"StringEquals": {"s3:nothing": "a"}}}, "Policy has an invalid condition key"),
        ({"Condition": {"StringEquals": {"aws:nothing": "a"}}}, "Policy has an invalid condition key"),
        ({"Things": 1}, "Unknown field Things"),
    ],
)
def test_bucket_policies_are_refused_in_s3s_words(elements: dict[str, Any], reason: str) -> None:
    assert refusal(document("s3", **elements), "s3", resource=BUCKET) == reason


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": "*"},
        {"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}},
        {"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}},
        {"Action": "s3:*", "Resource": [BUCKET, OBJECTS], "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Action": "*", "Resource": BUCKET},
        {"Action": "s3:ListBucket", "Resource": BUCKET, "Condition": {"StringLike": {"s3:prefix": "a/*"}}},
        {"Action": "s3:PutObject", "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}},
        {"Resource": f"{BUCKET}/${{aws:PrincipalTag/team}}/*"},
        {"Sid": "Only my role"},
    ],
)
def test_what_s3_takes(elements: dict[str, Any]) -> None:
    check(document("s3", **elements), "s3", resource=BUCKET)


def test_sqs_has_one_sentence() -> None:
    for elements in ({"Action": "s3:GetObject"}, {"Principal": {"AWS": "anna"}}, {"Effect": "x"}, {"Principal": None}):
        assert refusal(document("sqs", **elements), "sqs") == "Invalid value for the parameter Policy."


def test_a_topic_policy_names_actions_of_topics_only() -> None:
    scope = "Invalid parameter: Policy statement action out of service scope!"
    for action in ("SNS:*", "sns:CreateTopic", "sqs:SendMessage", "*", "sns:Nothing"):
        assert refusal(document("sns", Action=action), "sns") == scope
    check(document("sns", Action=["SNS:Publish", "sns:subscribe"]), "sns")
    reason = refusal(document("sns", Principal={"AWS": "anna"}), "sns")
    assert reason == "Invalid parameter: Policy Error: PrincipalNotFound"


def test_secrets_manager_and_kms_say_what_is_wrong_with_a_principal() -> None:
    anna = {"Principal": {"AWS": "anna"}}
    assert refusal(document("secretsmanager", **anna), "secretsmanager") == (
        "This resource policy contains an unsupported principal."
    )
    assert refusal(document("kms", **anna), "kms") == "Policy contains a statement with one or more invalid principals."
    assert refusal(document("kms", Principal=None), "kms") == "Policy contains a statement with no principal."


# -- who is there --------------------------------------------------------------------------------------


def test_a_principal_that_is_not_there_is_refused() -> None:
    asked: list[str] = []

    def exists(name: str) -> bool:
        asked.append(name)
        return name != ROLE

    text = document("trust", Principal={"AWS": [ACCOUNT, ROLE]})
    with pytest.raises(InvalidPrincipal) as raised:
        check(text, "trust", exists=exists)
    assert raised.value.reason == f'Invalid principal in policy: "AWS":"{ROLE}"'
    assert raised.value.principal == ROLE
    assert asked == [ACCOUNT, ROLE]
    assert refusal(document("s3"), "s3", exists=exists) == "Invalid principal in policy"
    check(document("s3", Principal="*"), "s3", exists=lambda name: False)
    check(document("trust"), "trust", exists=lambda name: False)


# -- sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(grammar.QUOTAS))
def test_a_document_over_its_quota_is_refused(kind: DocumentKind) -> None:
    quota = grammar.QUOTAS[kind]
    text = document(kind)
    length = len(text) if quota.white_space else grammar.size(text)
    text = text.replace('"Statement"', f'"Id": "{"x" * (quota.characters - length - 8)}", "Statement"')
    counted = len(text) if quota.white_space else grammar.size(text)
    if counted > quota.characters:
        text = text.replace("x" * (counted - quota.characters + 1), "x", 1)
    check(text, kind)
    with pytest.raises(QuotaExceeded) as raised:
        check(text.replace('"x', '"xx', 1), kind)
    assert raised.value.reason == quota.words
    assert (raised.value.size, raised.value.quota) == (quota.characters + 1, quota.characters)


def test_iam_does_not_count_white_space() -> None:
    check(document("managed").replace(" ", " " * 2_000), "managed")


# -- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        " " * 10_000_000,
        "[" * 130_000,
        '{"Statement":' * 9_000,
        '{"Statement": [' + "{}," * 40_000 + "{}]}",
        '{"Statement": "\ud800"}',
        '{"Version": "\\ud800", "Statement": []}',
        "1" * 130_000,
        json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:" + "*a" * 60_000, "Resource": 1}}),
    ],
)
def test_bad_input_is_refused_soon(kind: DocumentKind, text: str) -> None:
    start = time.perf_counter()
    assert refusal(text, kind)
    # Within a hundredfold of what it takes: what backtracks takes minutes.
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ["*:?{}*", "{}:?{}*", "*{}:*"])
def test_many_patterns_are_answered_soon(kind: DocumentKind, action: str) -> None:
    vendor = str(GOOD[kind]["Action"]).partition(":")[0]
    text = document(kind, Action=[action.format(vendor if action[0] == "{" else n, n) for n in range(4_000)])
    start = time.perf_counter()
    with suppress(MalformedPolicy):
        check(text, kind)
    assert time.perf_counter() - start < 5


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["*", "Allow", "s3:Get*", OBJECTS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Effect", "Action", "Resource", "Principal", "Condition", "StringLike", "AWS", "a:b"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from(KINDS))
def test_any_document_is_taken_or_refused(value: Any, kind: DocumentKind) -> None:
    with suppress(MalformedPolicy):
        assert check(json.dumps(value), kind).statements
