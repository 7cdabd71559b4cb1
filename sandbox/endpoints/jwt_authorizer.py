"""JWT authorizers of HTTP APIs: a token is checked against its issuer's keys, the audience and the route's scopes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: An issuer's public keys by their id; None if the issuer can't be reached.
KeysOf = Callable[[str], Mapping[str, Any] | None]

#: "API Gateway supports only RSA-based algorithms".
_ALGORITHMS = ["RS256", "RS384", "RS512"]
_MAX_TOKEN = 20_000
EXPIRED = "the token has expired"


class Unauthorized(Exception):
    """No token, or one that is not believed. The text is the error_description; empty without a token."""


class Forbidden(Exception):
    """The token is good, and has none of the route's scopes."""


def claims_of(token: str | None, configuration: Mapping[str, Any], keys_of: KeysOf, now: float) -> dict[str, Any]:
    """The claims of a good token; Unauthorized for any other. `now` is sandbox time, Unix seconds.

    `configuration` has Issuer, and Audience where the audience counts.
    """
    import jwt  # loaded with the first token: most sandboxes never see one

    if not token:
        raise Unauthorized("")
    token = token[7:].strip() if token[:7].lower() == "bearer " else token.strip()
    try:
        if len(token) > _MAX_TOKEN:
            raise Unauthorized("the token is malformed")
        parts = jwt.decode_complete(token, options={"verify_signature": False})
        header, claims = parts["header"], parts["payload"]
        keys = keys_of(str(configuration["Issuer"]))
        key = keys.get(str(header.get("kid"))) if keys is not None else None
        if key is None:
            raise Unauthorized("unable to find a signing key that matches the token's kid")
        jwt.PyJWS().decode(token, key, algorithms=_ALGORITHMS)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise Unauthorized(
            "OIDC discovery endpoint communication error"
            if "kid" in str(error)
            else "signing method or signature of the token is invalid"
        ) from error
    _check(claims, configuration, now)
    return dict(claims)


def _check(claims: Mapping[str, Any], configuration: Mapping[str, Any], now: float) -> None:
    try:
        expires = float(claims["exp"])
        not_before, issued = float(claims.get("nbf") or 0), float(claims.get("iat") or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise Unauthorized("the token has no valid times") from error
    if claims.get("iss") != configuration["Issuer"]:
        raise Unauthorized("the token has an invalid issuer")
    given = claims["aud"] if claims.get("aud") else claims.get("client_id")
    audiences = [str(each) for each in given] if isinstance(given, list) else [str(given)]
    wanted = configuration.get("Audience")
    if wanted is not None and not set(audiences) & {str(each) for each in wanted}:
        raise Unauthorized("the token does not have a valid audience")
    if expires <= now:
        raise Unauthorized(EXPIRED)
    if not_before > now:
        raise Unauthorized("the token is not valid yet")
    if issued > now:
        raise Unauthorized("the token was issued in the future")


def scopes_of(claims: Mapping[str, Any], wanted: Sequence[str]) -> list[str] | None:
    """The token's scopes where the route asks for some (one suffices), else None; Forbidden if it has none of them."""
    if not wanted:
        return None
    given = claims.get("scope") or claims.get("scp") or ""
    scopes = [str(each) for each in given] if isinstance(given, list) else str(given).split()
    if not set(scopes) & set(wanted):
        raise Forbidden
    return scopes


def as_text(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as an event has them: every one a text, a list as `[a b]`."""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return "[" + " ".join(text(each) for each in value) + "]"
        return str(value)

    return {name: text(value) for name, value in claims.items()}


def challenge(why: str) -> str:
    """The www-authenticate header of a 401.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html
    """
    return f'Bearer scope="" error="invalid_token" error_description="{why}"' if why else "Bearer"


def unreachable(issuer: str) -> str:
    """What CreateAuthorizer says of an issuer that is not on this machine."""
    place = issuer.rstrip("/")
    return (
        f"Caught exception when connecting to {place}/.well-known/openid-configuration for issuer {issuer}. Please try "
        "again later. Error: nothing leaves this machine; the sandbox's own issuer and its user pools can be used"
    )
