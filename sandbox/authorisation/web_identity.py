"""Web identities: an OpenID Connect token is checked as STS checks it, and becomes what a trust policy is asked with.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError

#: The longest token. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
MAX_TOKEN_CHARACTERS = 20_000
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html (signing algorithms)
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_REQUIRED = ("iss", "aud", "sub", "iat", "exp")

#: Claims that become condition keys, for every provider and for some providers besides. The first stay in the session,
#: the others are there while the role is assumed only.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIMS = ("amr", "aud", "email", "sub")
_CLAIMS_OF: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": (
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "workflow",
    ),
}

#: An issuer's public keys by their id; None if the issuer can't be reached.
KeysOf = Callable[[str], Mapping[str, Any] | None]
Claims = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """What a token says, once it is believed: `context` are the condition keys of the role's trust policy, `kept` those
    that stay in the session."""

    provider_arn: str
    issuer: str
    audience: str
    subject: str
    context: Claims
    kept: Claims


def identify(token: str, account: str, keys_of: KeysOf, now: datetime) -> WebIdentity:
    """The identity in a token, for a role of `account`; AwsError, in STS's words, for one that is not believed.

    `now` is sandbox time: the issuer's clock is the sandbox's too.
    """
    header, claims = _parts(token)
    for name in _REQUIRED:
        if not claims.get(name):
            raise _invalid(f"Missing a required claim: {name}")
    issuer = str(claims["iss"])
    provider = moto_adapter.find_oidc_provider(account, issuer)
    if provider is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    keys = keys_of(issuer)
    key = keys.get(str(header.get("kid"))) if keys is not None else None
    if key is None:
        raise _invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        )
    _expect_signature(token, key)
    _expect_timely(claims, now)
    audience = _audience(claims, provider.client_ids)
    name = provider.url.rstrip("/")
    told = {**claims, "aud": audience}
    kept = _keys(name, _CLAIMS, told)
    return WebIdentity(
        provider_arn=provider.arn,
        issuer=issuer,
        audience=audience,
        subject=str(claims["sub"]),
        context={**kept, **_keys(name, _CLAIMS_OF.get(urlsplit(issuer).netloc, ()), told)},
        kept=kept,
    )


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that nobody vouches for yet."""
    import jwt  # loaded with the first token: most sandboxes never see one

    try:
        if not 4 <= len(token) <= MAX_TOKEN_CHARACTERS:
            raise jwt.InvalidTokenError(f"{len(token)} characters")
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from error
    return parts["header"], parts["payload"]


def _expect_signature(token: str, key: Any) -> None:
    import jwt

    try:
        # Only the signature: the clock and the audience are not PyJWT's to know.
        jwt.PyJWS().decode(token, key, algorithms=_ALGORITHMS)
    except jwt.InvalidTokenError as error:
        raise _invalid("The web identity token provided could not be validated") from error


def _expect_timely(claims: Mapping[str, Any], now: datetime) -> None:
    moment = now.timestamp()
    try:
        expires, not_before = int(claims["exp"]), int(claims.get("nbf", 0))
    except (TypeError, ValueError, OverflowError) as error:
        raise _invalid("The web identity token provided could not be validated") from error
    if moment >= expires:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(moment)} must be before the expiration date/time {expires}",
        )
    if moment < not_before:
        raise _invalid("The web identity token provided could not be validated: it is not valid yet")


def _audience(claims: Mapping[str, Any], client_ids: tuple[str, ...]) -> str:
    """The token's audience that the provider knows. Where the token names an authorized party, that is it."""
    named = claims.get("azp") or claims["aud"]
    audiences = [str(each) for each in named] if isinstance(named, list) else [str(named)]
    found = next((each for each in audiences if each in client_ids), None)
    if found is None:
        raise _invalid("Incorrect token audience")
    return found


def _keys(provider: str, names: tuple[str, ...], claims: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for name in names:
        value = claims.get(name)
        if isinstance(value, list):
            found[f"{provider}:{name}"] = tuple(str(each) for each in value)
        elif isinstance(value, str | int) and value != "":
            found[f"{provider}:{name}"] = str(value)
    return found


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)
