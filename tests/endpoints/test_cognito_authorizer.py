"""User pools that authorise: tokens that Cognito really issues, at HTTP APIs and REST APIs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tests.endpoints.apis import WRAPPED, Http, Rest, uri

PASSWORD = "Correct-Horse-7"
SIGN_IN = "aws.cognito.signin.user.admin"


@dataclass
class Pool:
    """A user pool with one user."""

    idp: Any
    id: str
    arn: str
    client: str

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.us-east-1.amazonaws.com/{self.id}"

    def tokens(self) -> dict[str, Any]:
        answer = self.idp.initiate_auth(
            ClientId=self.client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
        )
        return dict(answer["AuthenticationResult"])


def pool_of(front: Any, name: str, **settings: Any) -> Pool:
    idp = front.client("cognito-idp")
    made = idp.create_user_pool(PoolName=name)["UserPool"]
    client = idp.create_user_pool_client(
        UserPoolId=made["Id"],
        ClientName="app",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        **settings,
    )["UserPoolClient"]["ClientId"]
    attributes = [{"Name": "email", "Value": "ada@example.com"}]
    idp.admin_create_user(UserPoolId=made["Id"], Username="ada", UserAttributes=attributes)
    idp.admin_set_user_password(UserPoolId=made["Id"], Username="ada", Password=PASSWORD, Permanent=True)
    idp.create_group(UserPoolId=made["Id"], GroupName="admins")
    idp.admin_add_user_to_group(UserPoolId=made["Id"], Username="ada", GroupName="admins")
    return Pool(idp, made["Id"], made["Arn"], client)


@pytest.fixture(scope="module")
def wrapped(front: Any) -> str:
    return str(front.function("guarded", WRAPPED))


@pytest.fixture(scope="module")
def pool(front: Any) -> Pool:
    return pool_of(front, "customers")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def forged(token: str) -> str:
    """The same claims, signed by moto's own key, which is in its package for all to read."""
    import moto.cognitoidp.models as models
    from joserfc import jwk
    from joserfc import jwt as other

    key = jwk.RSAKey.import_key(models.load_resource("cognitoidp/resources/jwks-private.json"))
    header = {"alg": "RS256", "kid": jwt.get_unverified_header(token)["kid"]}
    return str(other.encode(header, jwt.decode(token, options={"verify_signature": False}), key))


def test_an_http_api_takes_the_tokens_of_a_pool(front: Any, wrapped: str, pool: Pool) -> None:
    api = Http(front, "cognito", wrapped)
    authorizer = api.v2.create_authorizer(
        ApiId=api.id,
        Name="pool",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": pool.issuer, "Audience": [pool.client]},
    )["AuthorizerId"]
    guarded = {"AuthorizationType": "JWT", "AuthorizerId": authorizer}
    api.route("GET /x", **guarded)
    api.route("GET /scoped", **guarded, AuthorizationScopes=[SIGN_IN])
    api.route("GET /other", **guarded, AuthorizationScopes=["orders/write"])
    api.stage()
    tokens = pool.tokens()
    given = api.call("GET", "/x", headers=bearer(tokens["IdToken"]))
    assert given.status == 200, given.body
    claims = given.json["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["cognito:username"] == "ada"
    assert claims["token_use"] == "id"
    assert claims["cognito:groups"] == "[admins]"
    # The audience of an access token is its client_id.
    assert api.call("GET", "/x", headers=bearer(tokens["AccessToken"])).status == 200
    assert api.call("GET", "/scoped", headers=bearer(tokens["AccessToken"])).status == 200
    assert api.call("GET", "/scoped", headers=bearer(tokens["IdToken"])).status == 403
    assert api.call("GET", "/other", headers=bearer(tokens["AccessToken"])).status == 403
    assert api.call("GET", "/x").status == 401
    assert api.call("GET", "/x", headers=bearer(forged(tokens["IdToken"]))).status == 401
    stranger = pool_of(front, "strangers")
    assert api.call("GET", "/x", headers=bearer(stranger.tokens()["IdToken"])).status == 401
    admin = pool.idp.admin_initiate_auth(
        UserPoolId=pool.id,
        ClientId=pool.client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    assert api.call("GET", "/x", headers=bearer(admin["IdToken"])).status == 200
    with pytest.raises(api.v2.exceptions.BadRequestException, match="us-east-1_Missing"):
        api.v2.create_authorizer(
            ApiId=api.id,
            Name="missing",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={
                "Issuer": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Missing",
                "Audience": ["a"],
            },
        )


def test_a_rest_api_takes_the_tokens_of_a_pool(front: Any, wrapped: str, pool: Pool) -> None:
    api = Rest(front, "cognito-rest", wrapped)
    authorizer = api.rest.create_authorizer(
        restApiId=api.id,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[pool.arn],
        identitySource="method.request.header.Authorization",
    )["id"]
    guarded = {"authorizationType": "COGNITO_USER_POOLS", "authorizerId": authorizer}
    api.method("GET", "/x", **guarded)
    api.method("GET", "/scoped", **guarded, authorizationScopes=[SIGN_IN])
    api.method("GET", "/other", **guarded, authorizationScopes=["orders/write"])
    api.deploy()
    tokens = pool.tokens()
    # With and without the word Bearer.
    for headers in (bearer(tokens["IdToken"]), {"Authorization": tokens["IdToken"]}):
        given = api.call("GET", "/x", headers=headers)
        assert given.status == 200, given.body
    claims = given.json["requestContext"]["authorizer"]["claims"]
    assert claims["cognito:username"] == "ada"
    assert claims["email"] == "ada@example.com"
    assert claims["cognito:groups"] == "admins"
    assert claims["exp"].endswith(f" UTC {front.clock.datetime().year}")
    # Without scopes an access token is none, with scopes an ID token.
    refused = api.call("GET", "/x", headers=bearer(tokens["AccessToken"]))
    assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})
    assert api.call("GET", "/scoped", headers=bearer(tokens["AccessToken"])).status == 200
    assert api.call("GET", "/scoped", headers=bearer(tokens["IdToken"])).status == 401
    assert api.call("GET", "/other", headers=bearer(tokens["AccessToken"])).status == 401
    assert api.call("GET", "/x").status == 401
    assert api.call("GET", "/x", headers=bearer(forged(tokens["IdToken"]))).status == 401


def test_a_definition_names_a_pool_as_sam_writes_it(front: Any, wrapped: str, pool: Pool) -> None:
    rest = front.client("apigateway")
    document = {
        "swagger": "2.0",
        "info": {"title": "sam", "version": "1.0"},
        "paths": {
            "/x": {
                "get": {
                    "x-amazon-apigateway-integration": {
                        "httpMethod": "POST",
                        "type": "aws_proxy",
                        "uri": uri(wrapped),
                    },
                    "security": [{"Customers": []}],
                }
            }
        },
        "securityDefinitions": {
            "Customers": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [pool.arn]},
            }
        },
    }
    api = rest.import_rest_api(body=json.dumps(document))["id"]
    front.permit(wrapped, f"arn:aws:execute-api:us-east-1:123456789012:{api}/*")
    rest.create_deployment(restApiId=api, stageName="dev")
    url = f"https://{api}.execute-api.us-east-1.amazonaws.com/dev/x"
    assert front.call("GET", url).status == 401
    assert front.call("GET", url, headers=bearer(pool.tokens()["IdToken"])).status == 200
    assert rest.get_authorizers(restApiId=api)["items"][0]["type"] == "COGNITO_USER_POOLS"


def test_tokens_live_as_long_as_the_client_says_by_the_sandbox_s_clock(front: Any, wrapped: str) -> None:
    pool = pool_of(front, "short", IdTokenValidity=10, TokenValidityUnits={"IdToken": "minutes"}, AccessTokenValidity=2)
    api = Rest(front, "cognito-short", wrapped)
    authorizer = api.rest.create_authorizer(
        restApiId=api.id,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[pool.arn],
        identitySource="method.request.header.Authorization",
    )["id"]
    guarded = {"authorizationType": "COGNITO_USER_POOLS", "authorizerId": authorizer}
    api.method("GET", "/x", **guarded)
    api.method("GET", "/scoped", **guarded, authorizationScopes=[SIGN_IN])
    api.deploy()
    tokens = pool.tokens()
    assert tokens["ExpiresIn"] == 7200
    front.clock.advance(599)
    assert api.call("GET", "/x", headers=bearer(tokens["IdToken"])).status == 200
    front.clock.advance(2)
    late = api.call("GET", "/x", headers=bearer(tokens["IdToken"]))
    assert (late.status, late.json) == (401, {"message": "The incoming token has expired"})
    assert api.call("GET", "/scoped", headers=bearer(tokens["AccessToken"])).status == 200


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"providerARNs": []}, "at least one provider ARN"),
        ({"providerARNs": ["arn:aws:x"]}, "Invalid Provider ARN"),
        ({"identitySource": "method.request.querystring.token"}, "must be a header"),
    ],
)
def test_an_authorizer_that_is_none_is_refused(front: Any, pool: Pool, given: Any, words: str) -> None:
    api = Rest(front, "cognito-bad")
    settings = {"providerARNs": [pool.arn], "identitySource": "method.request.header.Authorization", **given}
    with pytest.raises(api.rest.exceptions.BadRequestException, match=words):
        api.rest.create_authorizer(restApiId=api.id, name="bad", type="COGNITO_USER_POOLS", **settings)
