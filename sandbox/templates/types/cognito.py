"""Cognito: user pools and their app clients.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Cognito.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types.resource_type import Failed, ResourceType, Work

_API = "cognito-idp"
_NO_PASSKEYS = "passkeys are not built"
_NO_CODES = "no codes are sent by e-mail to sign in with"
#: Only a new pool takes them.
_FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration")

# -- pools ---------------------------------------------------------------------------------------------


def _given(work: Work, operation: str) -> dict[str, Any]:
    given = work.fitted(_API, operation, without=("UserPoolTags", "MfaConfiguration"))
    if work["EnabledMfas"] is None:
        given["MfaConfiguration"] = work["MfaConfiguration"]
    return given


def _set_factors(work: Work) -> None:
    """What the second factors are is said by a call of its own."""
    factors = work["EnabledMfas"]
    if factors is None:
        return
    sms = {"SmsConfiguration": work["SmsConfiguration"]} if "SMS_MFA" in factors else None
    work.call(
        _API,
        "SetUserPoolMfaConfig",
        UserPoolId=work.physical_id,
        MfaConfiguration=work["MfaConfiguration"] or "OFF",
        SmsMfaConfiguration=sms,
        SoftwareTokenMfaConfiguration={"Enabled": "SOFTWARE_TOKEN_MFA" in factors},
    )


def _create_pool(work: Work) -> str:
    tags = work.tags("UserPoolTags")
    name = work.name("UserPoolName", 128)
    pool = work.call(_API, "CreateUserPool", **_given(work, "CreateUserPool"), PoolName=name, UserPoolTags=tags)
    work.made(pool["UserPool"]["Id"])
    _set_factors(work)
    return work.physical_id


def _update_pool(work: Work) -> None:
    changed = work.changed
    for name in _FIXED:
        if name in changed:
            raise Failed(f"Updates are not allowed for property - {name}.", "NotUpdatable")
    tags = work.tags("UserPoolTags")
    if changed - {"UserPoolTags", "Schema", "EnabledMfas"} or any(work.tag_changes("UserPoolTags")):
        given = {**_given(work, "UpdateUserPool"), "PoolName": work["UserPoolName"], "UserPoolTags": tags}
        work.call(_API, "UpdateUserPool", UserPoolId=work.physical_id, **given)
    if changed.intersection(("EnabledMfas", "MfaConfiguration")):
        _set_factors(work)
    if "Schema" in changed:
        _add_attributes(work)


def _add_attributes(work: Work) -> None:
    """Attributes can be added to a pool, and no more be changed or taken away."""
    before = {each["Name"]: each for each in work.before.get("Schema") or ()}
    after = {each["Name"]: each for each in work["Schema"] or ()}
    if any(after.get(name) != one for name, one in before.items()):
        raise Failed(
            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum: existing schema "
            "attributes cannot be modified or deleted.",
            "InvalidRequest",
        )
    new = [one for name, one in after.items() if name not in before]
    if new:
        work.call(_API, "AddCustomAttributes", UserPoolId=work.physical_id, CustomAttributes=new)


def _pool_arn(work: Work) -> str:
    return work.arn("cognito-idp", f"userpool/{work.physical_id}")


def _pool_attributes(work: Work) -> Mapping[str, Any]:
    provider = f"cognito-idp.{work.stack.region}.{work.stack.url_suffix}/{work.physical_id}"
    return {
        "Arn": _pool_arn(work),
        "ProviderName": provider,
        "ProviderURL": f"https://{provider}",
        "UserPoolId": work.physical_id,
    }


USER_POOL = ResourceType(
    "AWS::Cognito::UserPool",
    create=_create_pool,
    update=_update_pool,
    delete=lambda work: work.call(_API, "DeleteUserPool", UserPoolId=work.physical_id),
    attributes=_pool_attributes,
    refused={
        "EmailAuthenticationMessage": _NO_CODES,
        "EmailAuthenticationSubject": _NO_CODES,
        "IssuerConfiguration": "a pool's issuer is its own address",
        "KeyConfiguration": "pools are not encrypted",
        "LambdaConfig": "nothing would invoke the functions",
        "WebAuthnFactorConfiguration": _NO_PASSKEYS,
        "WebAuthnRelyingPartyID": _NO_PASSKEYS,
        "WebAuthnUserVerification": _NO_PASSKEYS,
    },
)


# -- clients -------------------------------------------------------------------------------------------


def _create_client(work: Work) -> str:
    given = work.fitted(_API, "CreateUserPoolClient", without=("ClientName",))
    client = work.call(_API, "CreateUserPoolClient", **given, ClientName=work.name("ClientName", 128))
    return str(client["UserPoolClient"]["ClientId"])


def _update_client(work: Work) -> None:
    given = work.fitted(_API, "UpdateUserPoolClient")
    # Only a new client is given a secret.
    work.properties.get("GenerateSecret")
    work.call(_API, "UpdateUserPoolClient", **given, ClientId=work.physical_id)


def _client_attributes(work: Work) -> Mapping[str, Any]:
    which = {"UserPoolId": work["UserPoolId"], "ClientId": work.physical_id}
    client = work.call(_API, "DescribeUserPoolClient", **which)["UserPoolClient"]
    return {
        "ClientId": work.physical_id,
        "ClientSecret": client.get("ClientSecret", ""),
        "Name": client.get("ClientName", ""),
    }


USER_POOL_CLIENT = ResourceType(
    "AWS::Cognito::UserPoolClient",
    create=_create_client,
    update=_update_client,
    delete=lambda work: work.call(
        _API, "DeleteUserPoolClient", UserPoolId=work["UserPoolId"], ClientId=work.physical_id
    ),
    attributes=_client_attributes,
    refused={"AnalyticsConfiguration": "nothing analyses what clients do"},
)

TYPES = (USER_POOL, USER_POOL_CLIENT)
