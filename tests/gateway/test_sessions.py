"""STS: sessions of roles and of users, what they carry, and a role's trust in a service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.gateway.pipeline import Gateway

ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def as_variables(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def error_of(operation: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        operation(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def principal_of(gateway: Gateway, credentials: dict[str, Any]) -> Any:
    """Who the gateway takes the holder of these credentials for."""
    return gateway.principal_of(credentials["AccessKeyId"])


# -- roles ---------------------------------------------------------------------------------------------


def test_an_assumed_role_is_who_one_is(clients: Any, role_arn: str) -> None:
    made = clients("sts").assume_role(RoleArn=role_arn, RoleSessionName="ana")
    arn = made["AssumedRoleUser"]["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/fn/ana"
    identity = clients("sts", as_variables(made["Credentials"])).get_caller_identity()
    assert identity["Arn"] == arn
    assert identity["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["UserId"].endswith(":ana")


def test_a_sessions_arn_leaves_out_the_roles_path(clients: Any, trust_policy: str) -> None:
    made = clients("iam").create_role(RoleName="deep", Path="/team/a/", AssumeRolePolicyDocument=trust_policy)
    session = clients("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="ana")
    assert session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deep/ana"


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:role/absent"}, "AccessDenied", "role/absent"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/absent"}, "AccessDenied", "role/absent"),
        ({"RoleArn": "arn:aws:iam::1"}, "ValidationError", "greater than or equal to 20"),
        ({"RoleArn": "arn:aws:s3:::a-bucket-with-a-name"}, "ValidationError", "is invalid"),
        ({"DurationSeconds": 899}, "ValidationError", "greater than or equal to 900"),
        ({"DurationSeconds": 43_201}, "ValidationError", "less than or equal to 43200"),
        ({"DurationSeconds": 7_200}, "ValidationError", "MaxSessionDuration"),
        ({"RoleSessionName": "a b"}, "ValidationError", "a b"),
        ({"ExternalId": "x"}, "ValidationError", "externalId"),
        ({"Policy": "{}"}, "MalformedPolicyDocument", ""),
        ({"Policy": "{"}, "MalformedPolicyDocument", ""),
        ({"Policy": " " * 2_049}, "ValidationError", "2048"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/Absent"}]}, "MalformedPolicyDocument", "policy/Absent"),
        ({"PolicyArns": [{"arn": READ_ONLY}] * 11}, "ValidationError", "policyArns"),
        ({"SerialNumber": "arn:aws:iam::123456789012:mfa/ana"}, "NotImplementedException", "SerialNumber"),
        ({"TokenCode": "123456"}, "NotImplementedException", "TokenCode"),
        ({"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/X"}]}, "NotImplementedException", ""),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidParameterValue", "Duplicate"),
        ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, "InvalidParameterValue", "aws:"),
        ({"Tags": [{"Key": "a" * 129, "Value": "1"}]}, "ValidationError", "128"),
        ({"Tags": [{"Key": "a", "Value": "1" * 257}]}, "ValidationError", "256"),
        ({"Tags": [{"Key": f"k{n}", "Value": "1"} for n in range(51)]}, "ValidationError", "50"),
        ({"Tags": [{"Key": f"T{n}", "Value": "a" * 250} for n in range(9)]}, "PackedPolicyTooLarge", "498%"),
        ({"TransitiveTagKeys": ["a"]}, "InvalidParameterValue", "must be included"),
        ({"SourceIdentity": "aws:ana"}, "ValidationError", "aws:"),
        ({"SourceIdentity": "a na"}, "ValidationError", "sourceIdentity"),
        ({"MinimumSessionTokenSize": 5_000}, "ValidationError", "4096"),
    ],
)
def test_a_session_that_can_not_be_is_refused(
    clients: Any, role_arn: str, params: dict[str, Any], code: str, words: str
) -> None:
    unchecked = clients("sts", config=Config(parameter_validation=False))
    given = {"RoleArn": role_arn, "RoleSessionName": "ana", **params}
    found, message = error_of(unchecked.assume_role, **given)
    assert found == code
    assert words in message


def test_what_was_passed_to_a_session_is_kept_with_it(clients: Any, gateway: Gateway, role_arn: str) -> None:
    made = clients("sts").assume_role(
        RoleArn=role_arn,
        RoleSessionName="ana",
        Policy=ALLOW_ALL,
        PolicyArns=[{"arn": READ_ONLY}],
        Tags=[{"Key": "team", "Value": "orders"}, {"Key": "cost", "Value": "12"}],
        TransitiveTagKeys=["TEAM"],
        SourceIdentity="ana.admin",
        ExternalId="customer:1/2",
    )
    assert 1 <= made["PackedPolicySize"] <= 100
    assert made["SourceIdentity"] == "ana.admin"
    details = principal_of(gateway, made["Credentials"]).session
    assert [(policy.name, policy.document) for policy in details.policies] == [
        ("session policy", ALLOW_ALL),
        (READ_ONLY, None),
    ]
    assert details.tags == {"team": "orders", "cost": "12"}
    assert details.transitive == {"team"}
    assert details.source_identity == "ana.admin"
    assert details.via == "AssumeRole"
    assert not details.chained
    assert abs(details.issued.timestamp() - gateway.clock.now()) < 30


def test_a_session_without_policies_is_not_limited_by_any(clients: Any, gateway: Gateway, role_arn: str) -> None:
    made = clients("sts").assume_role(RoleArn=role_arn, RoleSessionName="ana")
    assert "PackedPolicySize" not in made
    assert principal_of(gateway, made["Credentials"]).session.policies is None


def test_a_token_has_the_size_that_is_asked_for(clients: Any, role_arn: str) -> None:
    sts = clients("sts")
    made = sts.assume_role(RoleArn=role_arn, RoleSessionName="ana", MinimumSessionTokenSize=4_096)
    assert len(made["Credentials"]["SessionToken"]) == made["SessionTokenSize"] == 4_096
    assert made["SessionTokenUtilization"] == 100
    own = clients("sts", as_variables(made["Credentials"]))
    assert own.get_caller_identity()["Arn"].endswith("/ana")
    small = sts.assume_role(RoleArn=role_arn, RoleSessionName="ana")
    assert small["SessionTokenSize"] == len(small["Credentials"]["SessionToken"]) < 1_000


# -- chains of roles -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_role(clients: Any, trust_policy: str) -> str:
    made = clients("iam").create_role(RoleName="long", AssumeRolePolicyDocument=trust_policy, MaxSessionDuration=43_200)
    return str(made["Role"]["Arn"])


def test_a_chained_session_lasts_an_hour_at_most(clients: Any, long_role: str) -> None:
    first = clients("sts").assume_role(RoleArn=long_role, RoleSessionName="one", DurationSeconds=43_200)
    chained = clients("sts", as_variables(first["Credentials"]))
    code, message = error_of(chained.assume_role, RoleArn=long_role, RoleSessionName="two", DurationSeconds=3_601)
    assert (code, "1 hour session limit" in message) == ("ValidationError", True)
    assert chained.assume_role(RoleArn=long_role, RoleSessionName="two", DurationSeconds=3_600)["Credentials"]


def test_transitive_tags_and_the_source_identity_go_on_through_a_chain(
    clients: Any, gateway: Gateway, long_role: str
) -> None:
    first = clients("sts").assume_role(
        RoleArn=long_role,
        RoleSessionName="one",
        Tags=[{"Key": "team", "Value": "orders"}, {"Key": "cost", "Value": "12"}],
        TransitiveTagKeys=["team"],
        SourceIdentity="ana.admin",
    )
    one = clients("sts", as_variables(first["Credentials"]))
    second = one.assume_role(RoleArn=long_role, RoleSessionName="two", Tags=[{"Key": "cost", "Value": "13"}])
    details = principal_of(gateway, second["Credentials"]).session
    assert details.tags == {"team": "orders", "cost": "13"}
    assert details.transitive == {"team"}
    assert details.source_identity == second["SourceIdentity"] == "ana.admin"
    assert details.chained
    two = clients("sts", as_variables(second["Credentials"]))
    third = two.assume_role(RoleArn=long_role, RoleSessionName="three", SourceIdentity="ana.admin")
    assert principal_of(gateway, third["Credentials"]).session.tags == {"team": "orders"}


def test_what_goes_on_through_a_chain_can_not_be_changed(clients: Any, long_role: str) -> None:
    first = clients("sts").assume_role(
        RoleArn=long_role,
        RoleSessionName="one",
        Tags=[{"Key": "team", "Value": "orders"}],
        TransitiveTagKeys=["team"],
        SourceIdentity="ana.admin",
    )
    one = clients("sts", as_variables(first["Credentials"]))
    asked = {"RoleArn": long_role, "RoleSessionName": "two"}
    code, message = error_of(one.assume_role, **asked, Tags=[{"Key": "Team", "Value": "x"}])
    assert (code, "conflicts with a transitive tag key" in message) == ("InvalidParameterValue", True)
    code, message = error_of(one.assume_role, **asked, SourceIdentity="ben")
    assert (code, "sts:SetSourceIdentity" in message) == ("AccessDenied", True)


# -- users ---------------------------------------------------------------------------------------------


def test_a_session_token_is_its_users(clients: Any) -> None:
    made = clients("sts").get_session_token(DurationSeconds=900)
    own = clients("sts", as_variables(made["Credentials"]))
    assert own.get_caller_identity()["Arn"].endswith(":user/learner")


@pytest.mark.parametrize("operation", ["get_session_token", "get_federation_token"])
def test_sessions_of_users_are_made_with_their_own_key_only(clients: Any, role_arn: str, operation: str) -> None:
    params = {"Name": "bob"} if operation == "get_federation_token" else {}
    sts = clients("sts")
    for made in (sts.get_session_token(), sts.assume_role(RoleArn=role_arn, RoleSessionName="ana")):
        own = clients("sts", as_variables(made["Credentials"]))
        code, message = error_of(getattr(own, operation), **params)
        assert (code, "with session credentials" in message) == ("AccessDenied", True)


def test_iam_does_not_answer_a_users_session_without_a_second_factor(clients: Any) -> None:
    sts = clients("sts")
    for made in (sts.get_session_token(), sts.get_federation_token(Name="bob", Policy=ALLOW_ALL)):
        own = as_variables(made["Credentials"])
        assert error_of(clients("iam", own).list_users)[0] == "InvalidClientTokenId"
        assert clients("sqs", own).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_session_of_a_user_can_assume_a_role(clients: Any, role_arn: str) -> None:
    made = clients("sts").get_session_token()
    own = clients("sts", as_variables(made["Credentials"]))
    assert own.assume_role(RoleArn=role_arn, RoleSessionName="ana")["Credentials"]


def test_a_federated_user_has_a_name_of_his_own(clients: Any, gateway: Gateway, role_arn: str) -> None:
    made = clients("sts").get_federation_token(
        Name="bob", PolicyArns=[{"arn": READ_ONLY}], Tags=[{"Key": "team", "Value": "orders"}]
    )
    arn = "arn:aws:sts::123456789012:federated-user/bob"
    assert made["FederatedUser"] == {"FederatedUserId": "123456789012:bob", "Arn": arn}
    own = clients("sts", as_variables(made["Credentials"]))
    identity = own.get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (arn, "123456789012:bob")
    principal = principal_of(gateway, made["Credentials"])
    assert principal.kind == "FederatedUser"
    assert principal.session.user_arn == "arn:aws:iam::123456789012:user/learner"
    assert principal.session.tags == {"team": "orders"}
    assert [policy.name for policy in principal.session.policies] == [READ_ONLY]
    assert error_of(own.assume_role, RoleArn=role_arn, RoleSessionName="ana")[0] == "AccessDenied"


def test_a_federated_user_without_a_session_policy_may_nothing(clients: Any, gateway: Gateway) -> None:
    made = clients("sts").get_federation_token(Name="bob")
    assert principal_of(gateway, made["Credentials"]).session.policies == ()


def test_a_users_session_ends_by_sandbox_time(clients: Any, gateway: Gateway) -> None:
    made = clients("sts").get_federation_token(Name="bob", DurationSeconds=900)
    gateway.clock.advance(901)
    own = clients("sts", as_variables(made["Credentials"]))
    assert error_of(own.get_caller_identity)[0] == "ExpiredToken"


def test_a_keys_account_is_told(clients: Any, gateway: Gateway, role_arn: str) -> None:
    sts = clients("sts")
    made = sts.assume_role(RoleArn=role_arn, RoleSessionName="ana")
    for key in (gateway.learner["AWS_ACCESS_KEY_ID"], made["Credentials"]["AccessKeyId"]):
        assert sts.get_access_key_info(AccessKeyId=key)["Account"] == "123456789012"
    assert error_of(sts.get_access_key_info, AccessKeyId="AKIAUNKNOWNUNKNOWN00")[0] == "ValidationError"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("assume_root", {"TargetPrincipal": "210987654321", "TaskPolicyArn": {"arn": READ_ONLY}}),
        ("decode_authorization_message", {"EncodedMessage": "x"}),
        ("assume_role_with_saml", {"RoleArn": "r" * 20, "PrincipalArn": "p" * 20, "SAMLAssertion": "YWJj"}),
        ("get_web_identity_token", {"Audience": ["a"], "SigningAlgorithm": "RS256"}),
    ],
)
def test_what_is_not_built_is_refused_by_name(clients: Any, operation: str, params: dict[str, Any]) -> None:
    code, message = error_of(getattr(clients("sts"), operation), **params)
    assert code == "NotImplementedException"
    assert operation.replace("_", "") in message.lower()


# -- trust in services -----------------------------------------------------------------------------------


def test_a_role_trusts_the_services_that_its_policy_names(gateway: Gateway, role_arn: str) -> None:
    assert gateway.role_trusts(role_arn, "lambda.amazonaws.com")
    assert not gateway.role_trusts(role_arn, "codedeploy.amazonaws.com")
    assert not gateway.role_trusts("arn:aws:iam::123456789012:role/absent", "lambda.amazonaws.com")


LAMBDA = {"Service": "lambda.amazonaws.com"}
ALLOWED = {"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([ALLOWED], True),
        ([{**ALLOWED, "Action": ["sts:TagSession", "sts:AssumeRole"]}], True),
        ([{**ALLOWED, "Action": "sts:*"}], True),
        ([{**ALLOWED, "Principal": {"Service": ["events.amazonaws.com", "lambda.amazonaws.com"]}}], True),
        ({**ALLOWED}, True),
        ([{**ALLOWED, "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}], True),
        ([{**ALLOWED, "Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}], False),
        ([{**ALLOWED, "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}], False),
        ([{**ALLOWED, "Action": "sts:TagSession"}], False),
        ([{**ALLOWED, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}], False),
        ([{**ALLOWED, "Effect": "Deny"}], False),
        ([ALLOWED, {**ALLOWED, "Effect": "Deny"}], False),
    ],
)
def test_trust(clients: Any, gateway: Gateway, statements: Any, expected: bool) -> None:
    iam = clients("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    arn = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    try:
        assert gateway.role_trusts(arn, "lambda.amazonaws.com") is expected
    finally:
        iam.delete_role(RoleName="trusting")
