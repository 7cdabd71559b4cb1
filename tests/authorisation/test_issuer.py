"""The local issuer in GitHub Actions' place: what its tokens say, and that a job gets its own and no other."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from sandbox.authorisation.issuer import ISSUER, BadJob, claims_of
from sandbox.gateway.pipeline import Gateway


def ask(url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def issuer(gateway: Gateway) -> str:
    """The issuer's address, asked for as `cloud.url` does."""
    status, answer = ask(f"{gateway.endpoint_url}/_sandbox/resolve?name={quote(ISSUER, safe='')}")
    assert status == 200
    return str(answer["url"])


def begin(issuer: str, **job: str) -> dict[str, Any]:
    status, variables = ask(f"{issuer}/jobs", job)
    assert status == 200
    return variables


def token_of(variables: Mapping[str, str], audience: str | None = None) -> str:
    """A token, asked for as GitHub's toolkit does."""
    url = variables["ACTIONS_ID_TOKEN_REQUEST_URL"]
    if audience is not None:
        url += f"&audience={quote(audience, safe='')}"
    bearer = f"bearer {variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"
    status, answer = ask(url, headers={"Authorization": bearer})
    assert status == 200
    assert answer["count"] == len(answer["value"])
    return str(answer["value"])


def test_its_name_leads_to_this_machine(issuer: str) -> None:
    assert issuer.startswith("http://127.0.0.1:")


def test_a_token_is_verified_by_what_the_discovery_document_names(gateway: Gateway, issuer: str) -> None:
    status, discovery = ask(f"{issuer}/.well-known/openid-configuration")
    assert (status, discovery["issuer"]) == (200, ISSUER)
    token = token_of(begin(issuer, repository="acme/orders"), "sts.amazonaws.com")
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    moment = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="sts.amazonaws.com", options=moment)
    assert set(claims) <= set(discovery["claims_supported"])
    assert claims["iss"] == ISSUER
    assert claims["sub"] == "repo:acme/orders:ref:refs/heads/main"
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] < claims["iat"]


def test_a_tokens_times_are_sandbox_time(gateway: Gateway, issuer: str) -> None:
    gateway.clock.advance(86_400)
    token = token_of(begin(issuer, repository="acme/orders"))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert abs(claims["iat"] - gateway.clock.now()) < 30
    assert claims["aud"] == "https://github.com/acme"


@pytest.mark.parametrize(
    ("job", "subject"),
    [
        ({}, "repo:acme/orders:ref:refs/heads/main"),
        ({"ref": "refs/heads/feature/x"}, "repo:acme/orders:ref:refs/heads/feature/x"),
        ({"ref": "refs/tags/v1.0"}, "repo:acme/orders:ref:refs/tags/v1.0"),
        ({"environment": "production"}, "repo:acme/orders:environment:production"),
        ({"environment": "eu:production"}, "repo:acme/orders:environment:eu%3Aproduction"),
        ({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, "repo:acme/orders:pull_request"),
        ({"event_name": "pull_request", "environment": "preview"}, "repo:acme/orders:environment:preview"),
    ],
)
def test_a_subject_has_githubs_form(job: dict[str, str], subject: str) -> None:
    assert claims_of({"repository": "acme/orders", **job}, 1)["sub"] == subject


def test_a_repository_keeps_its_id() -> None:
    one = claims_of({"repository": "acme/orders"}, 1)
    two = claims_of({"repository": "acme/orders", "ref": "refs/tags/v1", "actor": "ana"}, 2)
    assert one["repository_id"] == two["repository_id"]
    assert one["repository_id"] != claims_of({"repository": "acme/other"}, 3)["repository_id"]
    assert two["ref_type"] == "tag"
    assert two["actor"] == "ana"
    assert two["job_workflow_ref"] == "acme/orders/.github/workflows/deploy.yml@refs/tags/v1"


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({}, "repository is ''"),
        ({"repository": "orders"}, "OWNER/NAME"),
        ({"repository": "acme/orders:environment:production"}, "OWNER/NAME"),
        ({"repository": "acme/orders", "ref": "main"}, "refs/heads/"),
        ({"repository": "acme/orders", "ref": "refs/heads/a b"}, "refs/heads/"),
        ({"repository": "acme/orders", "branch": "main"}, "branch"),
        ({"repository": "acme/orders", "actor": 7}, "actor is 7"),
        ({"repository": "acme/orders", "environment": "e" * 256}, "environment"),
    ],
)
def test_a_job_that_can_not_be_is_refused(job: dict[str, Any], words: str) -> None:
    with pytest.raises(BadJob) as caught:
        claims_of(job, 1)
    assert words in str(caught.value)


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"[" * 100_000])
def test_what_is_no_job_is_refused(issuer: str, body: bytes) -> None:
    assert ask(f"{issuer}/jobs", body)[0] == 400


def test_a_job_has_its_own_bearer_token(issuer: str) -> None:
    one, two = begin(issuer, repository="acme/orders"), begin(issuer, repository="evil/fork")
    url = one["ACTIONS_ID_TOKEN_REQUEST_URL"]
    for authorization in (
        f"bearer {two['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}",
        f"basic {one['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}",
        "bearer ",
        "",
    ):
        assert ask(url, headers={"Authorization": authorization})[0] == 401
    assert ask(url.replace("/jobs/", "/jobs/x"), headers={"Authorization": "bearer x"})[0] == 401


def test_a_page_of_another_machine_is_not_answered(issuer: str) -> None:
    job = {"repository": "acme/orders"}
    assert ask(f"{issuer}/jobs", job, {"Origin": "https://page.example"})[0] == 403
    assert ask(f"{issuer}/jobs", job, {"Host": "rebound.example"})[0] == 403


def test_nothing_else_is_there(issuer: str) -> None:
    for path in ("", "/jobs", "/.well-known", "/jobs/x", "/token"):
        assert ask(issuer + path)[0] == 404
