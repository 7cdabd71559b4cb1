"""AssumeRoleWithWebIdentity: a pipeline's token against a role's trust policy, and every token that is not believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.authorisation.issuer import ISSUER, ISSUER_HOST, claims_of
from sandbox.authorisation.organization import RESOURCE_CONTROL
from sandbox.gateway.pipeline import Gateway

AUDIENCE = "sts.amazonaws.com"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER_HOST}"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture(scope="module")
def sts(gateway: Gateway, session: Any) -> Any:
    """A client without credentials, as a pipeline has it."""
    return session.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=gateway.endpoint_url,
        config=Config(signature_version=UNSIGNED, parameter_validation=False, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module", autouse=True)
def provider(clients: Any) -> str:
    made = clients("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE, "other"])
    assert made["OpenIDConnectProviderArn"] == PROVIDER
    return str(made["OpenIDConnectProviderArn"])


def trust(condition: dict[str, Any] | None = None, principal: str = PROVIDER, effect: str = "Allow") -> str:
    statement: dict[str, Any] = {
        "Effect": effect,
        "Principal": {"Federated": principal},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
        or {
            "StringEquals": {f"{ISSUER_HOST}:aud": AUDIENCE},
            "StringLike": {f"{ISSUER_HOST}:sub": "repo:acme/orders:*"},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def deployer(clients: Any) -> str:
    """A role that the repository acme/orders may take."""
    made = clients("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=trust())
    return str(made["Role"]["Arn"])


@pytest.fixture
def trusting(clients: Any) -> Iterator[Any]:
    """Makes the role `trusting` with a trust policy; its ARN."""

    def make(document: str) -> str:
        made = clients("iam").create_role(RoleName="trusting", AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    yield make
    clients("iam").delete_role(RoleName="trusting")


def token(gateway: Gateway, job: dict[str, str] | None = None, **claims: Any) -> str:
    """A token of the issuer for a job of acme/orders, with some claims said otherwise."""
    told = claims_of({"repository": "acme/orders", **(job or {})}, 1)
    return gateway.issuer.sign({**told, "aud": AUDIENCE, **claims})


def assume(sts: Any, role: str, web_token: str, **params: Any) -> Any:
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken=web_token, **params)


def error_of(sts: Any, role: str, web_token: str, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        assume(sts, role, web_token, **params)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


# -- tokens that are believed ------------------------------------------------------------------------------


def test_a_pipeline_takes_a_role_without_a_stored_key(gateway: Gateway, clients: Any, sts: Any, deployer: str) -> None:
    made = assume(sts, deployer, token(gateway), DurationSeconds=900)
    assert made["SubjectFromWebIdentityToken"] == "repo:acme/orders:ref:refs/heads/main"
    assert made["Audience"] == AUDIENCE
    assert made["Provider"] == PROVIDER
    assert made["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deployer/ci"
    credentials = made["Credentials"]
    own = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
    assert clients("sts", own).get_caller_identity()["Arn"] == made["AssumedRoleUser"]["Arn"]
    details = gateway.principal_of(credentials["AccessKeyId"]).session
    assert details.via == "AssumeRoleWithWebIdentity"
    assert details.provider == PROVIDER
    assert details.claims == {
        f"{ISSUER_HOST}:aud": AUDIENCE,
        f"{ISSUER_HOST}:sub": "repo:acme/orders:ref:refs/heads/main",
    }
    gateway.clock.advance(901)
    with pytest.raises(ClientError, match="ExpiredToken"):
        clients("sts", own).get_caller_identity()


def test_a_session_policy_stays_with_the_session(gateway: Gateway, sts: Any, deployer: str) -> None:
    made = assume(sts, deployer, token(gateway), PolicyArns=[{"arn": READ_ONLY}])
    details = gateway.principal_of(made["Credentials"]["AccessKeyId"]).session
    assert [policy.name for policy in details.policies] == [READ_ONLY]
    assert made["PackedPolicySize"] >= 1


@pytest.mark.parametrize(
    ("condition", "job", "allowed"),
    [
        ({"StringEquals": {"sub": "repo:acme/orders:environment:production"}}, {"environment": "production"}, True),
        ({"StringEquals": {"sub": "repo:acme/orders:environment:production"}}, {}, False),
        ({"StringEquals": {"sub": "repo:acme/orders:ref:refs/heads/main"}}, {"ref": "refs/heads/x"}, False),
        ({"StringLike": {"sub": "repo:acme/*"}}, {"event_name": "pull_request"}, True),
        ({"StringLike": {"sub": "repo:acme/orders:*"}}, {"repository": "evil/orders"}, False),
        ({"StringEquals": {"aud": AUDIENCE}}, {}, True),
        ({"StringEquals": {"aud": "other"}}, {}, False),
        ({"StringEquals": {"repository": "acme/orders", "ref": "refs/heads/main"}}, {}, True),
        ({"StringEquals": {"actor": "ana"}}, {"actor": "ana"}, True),
        ({"StringEquals": {"actor": "ana"}}, {"actor": "ben"}, False),
        ({"StringEquals": {"environment": "production"}}, {}, False),
        ({"StringEquals": {"environment": "production"}}, {"environment": "production"}, True),
        # Of GitHub's other claims STS makes no condition keys.
        ({"StringEquals": {"event_name": "push"}}, {}, False),
    ],
)
def test_the_trust_policy_decides_by_the_claims(
    gateway: Gateway, sts: Any, trusting: Any, condition: dict[str, Any], job: dict[str, str], allowed: bool
) -> None:
    keys = {
        operator: {f"{ISSUER_HOST}:{claim}": value for claim, value in values.items()}
        for operator, values in condition.items()
    }
    role = trusting(trust(keys))
    if allowed:
        assert assume(sts, role, token(gateway, job))["Credentials"]
    else:
        assert error_of(sts, role, token(gateway, job)) == (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            403,
        )


def test_a_deny_in_the_trust_policy_holds(gateway: Gateway, sts: Any, trusting: Any) -> None:
    both = json.loads(trust())
    both["Statement"] += json.loads(trust({"StringLike": {f"{ISSUER_HOST}:sub": "*:pull_request"}}, effect="Deny"))[
        "Statement"
    ]
    role = trusting(json.dumps(both))
    assert assume(sts, role, token(gateway))["Credentials"]
    assert error_of(sts, role, token(gateway, {"event_name": "pull_request"}))[0] == "AccessDenied"


@pytest.mark.parametrize(
    "document",
    [
        trust(principal="arn:aws:iam::210987654321:oidc-provider/" + ISSUER_HOST),
        trust(principal="cognito-identity.amazonaws.com"),
        trust().replace("AssumeRoleWithWebIdentity", "AssumeRole"),
    ],
)
def test_a_role_that_trusts_another_is_not_taken(gateway: Gateway, sts: Any, trusting: Any, document: str) -> None:
    assert error_of(sts, trusting(document), token(gateway))[0] == "AccessDenied"


def test_a_resource_control_policy_binds_the_roles_of_a_member(
    gateway: Gateway, clients: Any, sts: Any, member: Any
) -> None:
    theirs = PROVIDER.replace("123456789012", "210987654321")
    member("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    made = member("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=trust(principal=theirs))
    role = made["Role"]["Arn"]
    made = assume(sts, role, token(gateway))
    assert made["AssumedRoleUser"]["Arn"] == "arn:aws:sts::210987654321:assumed-role/deployer/ci"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Resource": "*",
        "Condition": {"StringNotEquals": {f"{ISSUER_HOST}:repository": "acme/platform"}},
    }
    organizations = clients("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType=RESOURCE_CONTROL)
    created = organizations.create_policy(
        Type=RESOURCE_CONTROL,
        Name="platform-only",
        Description="",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    policy = created["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    assert error_of(sts, role, token(gateway))[0] == "AccessDenied"
    organizations.disable_policy_type(RootId=root, PolicyType=RESOURCE_CONTROL)
    organizations.delete_policy(PolicyId=policy)
    assert assume(sts, role, token(gateway))["Credentials"]


# -- tokens that are not believed ----------------------------------------------------------------------------


def test_a_token_expires_by_sandbox_time(gateway: Gateway, sts: Any, deployer: str) -> None:
    old = token(gateway)
    gateway.clock.advance(301)
    code, message, status = error_of(sts, deployer, old)
    assert (code, status) == ("ExpiredTokenException", 400)
    assert "must be before the expiration date/time" in message


@pytest.mark.parametrize(
    ("claims", "code", "words"),
    [
        ({"aud": "someone-else"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"aud": ["someone-else", "sts.amazonaws.com"], "azp": "other"}, "", ""),
        ({"azp": "someone-else"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"iss": "https://issuer.example"}, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"),
        ({"sub": ""}, "InvalidIdentityToken", "sub"),
        ({"aud": ""}, "InvalidIdentityToken", "aud"),
        ({"exp": "soon"}, "InvalidIdentityToken", ""),
        ({"nbf": 99_999_999_999, "exp": 99_999_999_999}, "InvalidIdentityToken", "not valid yet"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(
    gateway: Gateway, sts: Any, trusting: Any, claims: dict[str, Any], code: str, words: str
) -> None:
    role = trusting(trust({"StringLike": {f"{ISSUER_HOST}:sub": "*"}}))
    if not code:
        assert assume(sts, role, token(gateway, None, **claims))["Audience"] == "other"
        return
    found, message, status = error_of(sts, role, token(gateway, None, **claims))
    assert (found, status) == (code, 400)
    assert words in message


def test_a_token_that_another_signed_is_refused(gateway: Gateway, sts: Any, deployer: str) -> None:
    genuine = token(gateway)
    header = jwt.get_unverified_header(genuine)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own_key = jwt.encode(claims, forger, algorithm="RS256", headers={"kid": "own"})
    assert "Couldn't retrieve verification key" in error_of(sts, deployer, own_key)[1]
    same_name = jwt.encode(claims, forger, algorithm="RS256", headers={"kid": header["kid"]})
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"]})
    symmetric = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": header["kid"]})
    changed = ".".join([genuine.split(".")[0], own_key.split(".")[1], genuine.split(".")[2][::-1]])
    for forged in (same_name, unsigned, symmetric, changed):
        code, message, _ = error_of(sts, deployer, forged)
        assert code == "InvalidIdentityToken", message


@pytest.mark.parametrize("text", ["token", "a.b.c", "....", "é.é.é", "x" * 20_001, "", "eyJhbGciOiJSUzI1NiJ9.W10.x"])
def test_what_is_no_token_is_refused(sts: Any, deployer: str, text: str) -> None:
    code, message, status = error_of(sts, deployer, text)
    assert (code, status) == ("InvalidIdentityToken", 400)
    assert "not a valid JWT" in message


def test_an_issuer_that_is_not_here_can_not_be_asked(clients: Any, gateway: Gateway, sts: Any, deployer: str) -> None:
    clients("iam").create_open_id_connect_provider(Url="https://issuer.example/tenant", ClientIDList=[AUDIENCE])
    other = token(gateway, None, iss="https://issuer.example/tenant")
    code, message, _ = error_of(sts, deployer, other)
    assert (code, "Couldn't retrieve verification key" in message) == ("InvalidIdentityToken", True)


@pytest.mark.parametrize(
    ("role", "code"),
    [
        ("arn:aws:iam::123456789012:role/absent", "AccessDenied"),
        ("arn:aws:iam::999999999999:role/deployer", "AccessDenied"),
        ("arn:aws:s3:::no-role-but-a-bucket", "ValidationError"),
    ],
)
def test_a_role_that_is_not_there_is_not_taken(gateway: Gateway, sts: Any, role: str, code: str) -> None:
    assert error_of(sts, role, token(gateway))[0] == code


def test_an_access_token_is_refused_by_name(gateway: Gateway, sts: Any, deployer: str) -> None:
    code, message, _ = error_of(sts, deployer, token(gateway), ProviderId="www.amazon.com")
    assert (code, "ProviderId" in message) == ("NotImplementedException", True)


def test_a_session_is_no_longer_than_the_role_allows(gateway: Gateway, sts: Any, deployer: str) -> None:
    code, message, _ = error_of(sts, deployer, token(gateway), DurationSeconds=7_200)
    assert (code, "MaxSessionDuration" in message) == ("ValidationError", True)
