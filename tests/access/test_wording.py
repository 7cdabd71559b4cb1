"""The sentence of a denial, against AWS's page of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import pytest

from sandbox.access.decision import Decision, PolicyKind, Reason, Source
from sandbox.access.policy import parse
from sandbox.access.request import Principal, Request
from sandbox.access.wording import denial

JOHN = Principal("User", "arn:aws:iam::123456789012:user/John", "123456789012")
SESSION = Principal(
    "AssumedRole",
    "arn:aws:sts::123456789012:assumed-role/HR/payroll",
    "123456789012",
    "arn:aws:iam::123456789012:role/HR",
)
SNS = Principal("Service", "sns.amazonaws.com")
ANYONE = Principal("Anonymous", "anonymous")

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
DEPLOYMENTS = "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*"
ROLE = "arn:aws:iam::123456789012:role/HR"
DENY = parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}')


def implicit(reason: Reason, action: str, resource: str, principal: Principal = JOHN) -> Decision:
    return Decision(False, reason, Request(principal, action, resource))


def explicit(
    kind: PolicyKind, action: str, resource: str, principal: Principal = JOHN, name: str = "inline"
) -> Decision:
    by = Source(kind, name, DENY)
    return Decision(False, "explicit", Request(principal, action, resource), by, DENY.statements[0])


IMPLICIT: dict[Reason, str] = {
    "identity": "because no identity-based policy allows the codedeploy:ListDeployments action",
    "resource": "because no resource-based policy allows the codedeploy:ListDeployments action",
    "boundary": "because no permissions boundary allows the codedeploy:ListDeployments action",
    "session": "because no session policy allows the codedeploy:ListDeployments action",
    "service-control": "because no service control policy allows the codedeploy:ListDeployments action",
    "resource-control": "because no resource control policy allows the codedeploy:ListDeployments action",
}
EXPLICIT: dict[PolicyKind, str] = {
    "identity": "with an explicit deny in an identity-based policy",
    "resource": "with an explicit deny in a resource-based policy",
    "boundary": "with an explicit deny in a permissions boundary",
    "session": "with an explicit deny in a session policy",
    "service-control": "with an explicit deny in a service control policy",
    "resource-control": "with an explicit deny in a resource control policy",
}
WHO_AND_WHAT = f"User: {JOHN.arn} is not authorized to perform: codedeploy:ListDeployments on resource: {DEPLOYMENTS} "


@pytest.mark.parametrize("reason", IMPLICIT)
def test_implicit_denial_names_the_kind_of_policy_that_did_not_allow(reason: Reason) -> None:
    assert denial(implicit(reason, "codedeploy:ListDeployments", DEPLOYMENTS)) == WHO_AND_WHAT + IMPLICIT[reason]


@pytest.mark.parametrize("kind", EXPLICIT)
def test_explicit_denial_names_the_kind_of_policy_that_denied(kind: PolicyKind) -> None:
    assert denial(explicit(kind, "codedeploy:ListDeployments", DEPLOYMENTS)) == WHO_AND_WHAT + EXPLICIT[kind]


def test_role_session_is_named_by_its_session() -> None:
    assert denial(implicit("identity", "secretsmanager:GetSecretValue", SECRET, SESSION)) == (
        f"User: {SESSION.arn} is not authorized to perform: secretsmanager:GetSecretValue on resource: {SECRET} "
        "because no identity-based policy allows the secretsmanager:GetSecretValue action"
    )


def test_role_that_does_not_trust_says_so() -> None:
    assert denial(implicit("resource", "sts:AssumeRole", ROLE)) == (
        f"User: {JOHN.arn} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
        "because no role trust policy allows the sts:AssumeRole action"
    )


def test_role_that_denies_says_so() -> None:
    assert denial(explicit("resource", "sts:AssumeRole", ROLE)) == (
        f"User: {JOHN.arn} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
        "with an explicit deny in the role trust policy"
    )


def test_identity_policy_that_does_not_allow_to_assume_is_no_matter_of_trust() -> None:
    assert denial(implicit("identity", "sts:AssumeRole", ROLE)).endswith(
        "because no identity-based policy allows the sts:AssumeRole action"
    )


@pytest.mark.parametrize(
    ("principal", "named"), [(SNS, "sns.amazonaws.com"), (ANYONE, "anonymous")], ids=["service", "anonymous"]
)
def test_principal_without_account_is_named(principal: Principal, named: str) -> None:
    assert denial(implicit("resource", "secretsmanager:GetSecretValue", SECRET, principal)) == (
        f"User: {named} is not authorized to perform: secretsmanager:GetSecretValue on resource: {SECRET} "
        "because no resource-based policy allows the secretsmanager:GetSecretValue action"
    )


def test_s3_quotes_the_resource() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    assert denial(implicit("identity", "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket1/object-name")) == (
        f"User: {JOHN.arn} is not authorized to perform: s3:GetObject "
        'on resource: "arn:aws:s3:::amzn-s3-demo-bucket1/object-name" '
        "because no identity-based policy allows the s3:GetObject action"
    )


@pytest.mark.parametrize("kind", ["identity", "boundary", "session"])
def test_explicit_denial_names_the_managed_policy(kind: PolicyKind) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
    arn = "arn:aws:iam::123456789012:policy/ExampleDenyPolicy"
    assert denial(explicit(kind, "codedeploy:ListDeployments", DEPLOYMENTS, name=arn)) == (
        f"{WHO_AND_WHAT}{EXPLICIT[kind]}: {arn}"
    )


def test_explicit_denial_by_a_resource_policy_names_no_policy() -> None:
    assert denial(explicit("resource", "secretsmanager:GetSecretValue", SECRET, name=SECRET)) == (
        f"User: {JOHN.arn} is not authorized to perform: secretsmanager:GetSecretValue on resource: {SECRET} "
        "with an explicit deny in a resource-based policy"
    )
