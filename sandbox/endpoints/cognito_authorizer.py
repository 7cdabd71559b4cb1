"""COGNITO_USER_POOLS authorizers of REST APIs: a token of one of their pools, an ID token or one with scopes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox import regular_expressions
from sandbox.endpoints import jwt_authorizer
from sandbox.endpoints.jwt_authorizer import Forbidden, KeysOf, Unauthorized

_POOL = re.compile(r"arn:aws:cognito-idp:([a-z0-9-]+):\d{12}:userpool/([\w-]+)")
EXPIRED = "The incoming token has expired"


def issuer_of(pool_arn: str) -> str | None:
    """The issuer that a user pool is; None if the ARN is no user pool's."""
    found = _POOL.fullmatch(pool_arn)
    return f"https://cognito-idp.{found[1]}.amazonaws.com/{found[2]}" if found is not None else None


def claims_of(
    token: str | None,
    pool_arns: Sequence[str],
    scopes: Sequence[str],
    audience: str | None,
    keys_of: KeysOf,
    now: float,
) -> dict[str, Any]:
    """The claims of a token that opens a method; Unauthorized (with AWS's words, if it has any) for another.

    A method without scopes takes ID tokens, one with scopes access tokens that have one of them. `audience` is the
    authorizer's identityValidationExpression: the token's `aud` must match it (InvalidExpression if nothing can). `now`
    is in Unix seconds.
    https://repost.aws/knowledge-center/api-gateway-cognito-401-unauthorized
    """
    claims: dict[str, Any] | None = None
    for issuer in filter(None, map(issuer_of, pool_arns)):
        try:
            claims = jwt_authorizer.claims_of(token, {"Issuer": issuer}, keys_of, now)
            break
        except Unauthorized as error:
            if str(error) == jwt_authorizer.EXPIRED:
                raise Unauthorized(EXPIRED) from error
    if claims is None or claims.get("token_use") != ("access" if scopes else "id"):
        raise Unauthorized("")
    if audience is not None and not regular_expressions.fits(audience, str(claims.get("aud") or "")):
        raise Unauthorized("")
    try:
        jwt_authorizer.scopes_of(claims, scopes)
    except Forbidden as error:
        raise Unauthorized("") from error
    return claims


def as_text(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as requestContext.authorizer.claims has them: every one a text, exp and iat as dates."""

    def text(name: str, value: Any) -> str:
        if name in ("exp", "iat"):
            return datetime.fromtimestamp(float(value), UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return ",".join(str(each) for each in value)
        return str(value)

    return {name: text(name, value) for name, value in claims.items()}
