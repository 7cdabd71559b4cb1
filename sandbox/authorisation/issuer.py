"""A local OpenID Connect issuer in the place of GitHub Actions', for pipelines that deploy without a stored key.

AWS sees the issuer as https://token.actions.githubusercontent.com; `/_sandbox/resolve` tells where it listens on this
machine. What is GitHub's is answered as GitHub answers it: the discovery document, the keys, and the token that a job
asks for at ACTIONS_ID_TOKEN_REQUEST_URL with ACTIONS_ID_TOKEN_REQUEST_TOKEN.
https://docs.github.com/en/actions/reference/security/oidc

What is simulated is GitHub itself: `POST /jobs` begins a job of a repository (a job with `permissions: id-token:
write`), and answers those two variables. Who may begin one is not asked: the identity is the word of whoever posts, and
is settled there, not where a token is asked for. A token's times are sandbox time.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.message import Request, Response
from sandbox.gateway.server import Server
from sandbox.loopback import is_meant_for

#: The issuer as AWS and its tokens know it.
ISSUER = "https://token.actions.githubusercontent.com"
#: What the ARN of its provider in IAM ends with.
ISSUER_HOST = "token.actions.githubusercontent.com"

#: A token is valid from ten minutes before its issue to five after it, as in GitHub's example.
_BEFORE_SECONDS = 600
_VALID_SECONDS = 300
#: Jobs are forgotten when there are more.
_MAX_JOBS = 1_000
_MAX_AUDIENCE = 255

_REPOSITORY = re.compile(r"([A-Za-z0-9-]{1,39})/([\w.-]{1,100})", re.ASCII)
_REF = re.compile(r"refs/(heads|tags|pull)/[^\s~^:?*\[\\]{1,200}")
_REF_TYPES = {"heads": "branch", "tags": "tag", "pull": "branch"}

_CLAIMS = (
    "sub",
    "aud",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "actor",
    "actor_id",
    "base_ref",
    "environment",
    "event_name",
    "head_ref",
    "job_workflow_ref",
    "job_workflow_sha",
    "ref",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "run_attempt",
    "run_id",
    "run_number",
    "runner_environment",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a workflow run: the claims that its tokens carry, and the bearer token by which it asks for them."""

    id: str
    bearer: str
    claims: Mapping[str, str]


class BadJob(ValueError):
    """What a job is said to be can't be. The text names the field."""


#: What `POST /jobs` takes, and what stands for a field that is left out.
_FIELDS: Mapping[str, str] = {
    "repository": "",
    "ref": "refs/heads/main",
    "event_name": "push",
    "environment": "",
    "workflow": "deploy",
    "actor": "",
    "base_ref": "",
    "head_ref": "",
}


def claims_of(job: Mapping[str, Any], run: int) -> dict[str, str]:
    """The claims of a job's tokens but for audience and times; BadJob for one that can't be.

    `job` has the fields of `_FIELDS`; `run` counts the jobs. The subject is the environment's if the job names one,
    else a pull request's, else the ref's.
    """
    unknown = set(job) - set(_FIELDS)
    if unknown:
        raise BadJob(f"a job has no {', '.join(sorted(unknown))}: give {', '.join(_FIELDS)}")
    given = {name: job.get(name, default) for name, default in _FIELDS.items()}
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > 255:
            raise BadJob(f"{name} is {value!r:.80}: it must be a text of at most 255 characters")
    repository, ref = given["repository"], given["ref"]
    found = _REPOSITORY.fullmatch(repository)
    if found is None:
        raise BadJob(f"repository is {repository!r}: it must have the form OWNER/NAME")
    reference = _REF.fullmatch(ref)
    if reference is None:
        raise BadJob(f"ref is {ref!r}: it must begin with refs/heads/ or refs/tags/, or be refs/pull/N/merge")
    owner = found[1]
    actor = given["actor"] or owner
    file = f"{repository}/.github/workflows/{given['workflow'].lower().replace(' ', '-')}.yml@{ref}"
    sha = hashlib.sha1(f"{repository} {ref}".encode(), usedforsecurity=False).hexdigest()
    claims = {
        "sub": _subject(repository, ref, given["event_name"], given["environment"]),
        "actor": actor,
        "actor_id": _number(actor),
        "base_ref": given["base_ref"],
        "event_name": given["event_name"],
        "head_ref": given["head_ref"],
        "job_workflow_ref": file,
        "job_workflow_sha": sha,
        "ref": ref,
        "ref_protected": "false",
        "ref_type": _REF_TYPES[reference[1]],
        "repository": repository,
        "repository_id": _number(repository),
        "repository_owner": owner,
        "repository_owner_id": _number(owner),
        "repository_visibility": "private",
        "run_attempt": "1",
        "run_id": str(10**10 + run),
        "run_number": str(run),
        "runner_environment": "github-hosted",
        "sha": sha,
        "workflow": given["workflow"],
        "workflow_ref": file,
        "workflow_sha": sha,
    }
    if given["environment"]:
        claims["environment"] = given["environment"]
    return claims


def _subject(repository: str, ref: str, event: str, environment: str) -> str:
    """https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims"""
    if environment:
        # Of what GitHub puts together with colons, a name's own colons are escaped.
        return f"repo:{repository}:environment:{environment.replace(':', '%3A')}"
    if event == "pull_request":
        return f"repo:{repository}:pull_request"
    return f"repo:{repository}:ref:{ref}"


def _number(name: str) -> str:
    """An id that stays the same for a name."""
    return str(int(hashlib.sha256(name.lower().encode()).hexdigest()[:8], 16))


class Issuer:
    """The issuer of one sandbox. Its key is made, and its port opened, when they are first asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._signing_key: Any = None
        self._key_id = ""
        self._jobs: dict[str, Job] = {}
        self._runs = 0

    # -- for the sandbox -------------------------------------------------------------------------------

    def url(self) -> str:
        """Where the issuer listens on this machine."""
        with self._lock:
            if self._server is None:
                self._server = Server(self.handle)
            return self._server.url

    def keys(self, issuer: str) -> Mapping[str, Any] | None:
        """The public keys of an issuer, by their id; None if it is not this one: nothing else can be reached."""
        if issuer != ISSUER:
            return None
        key = self._key()
        return {self._key_id: key.public_key()}

    def resolve(self, name: str) -> dict[str, Any] | None:
        """What `/_sandbox/resolve` answers for a name of this issuer; None for another."""
        if name.removeprefix("https://").rstrip("/") != ISSUER_HOST:
            return None
        return {"url": self.url()}

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    # -- HTTP ------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """The response to one request."""
        if not is_meant_for(request.headers.get("host"), request.headers.get("origin")):
            return _json(403, {"message": "this issuer is for this machine only"})
        match request.method, request.path.strip("/").split("/"):
            case "GET", [".well-known", "openid-configuration"]:
                return _json(200, self._discovery())
            case "GET", [".well-known", "jwks"]:
                return _json(200, self._jwks())
            case "POST", ["jobs"]:
                return self._begin(request.body)
            case "GET", ["jobs", job_id, "idtoken"]:
                return self._token(job_id, request)
            case _:
                return _json(404, {"message": f"there is no {request.method} {request.path}"})

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            # A verifier on this machine must be able to follow it; STS finds the keys without.
            "jwks_uri": f"{self.url()}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": list(_CLAIMS),
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }

    def _jwks(self) -> dict[str, Any]:
        from jwt.algorithms import RSAAlgorithm

        public = RSAAlgorithm.to_jwk(self._key().public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "alg": "RS256", "use": "sig"}]}

    def _begin(self, body: bytes) -> Response:
        try:
            given = json.loads(body or b"{}")
            if not isinstance(given, dict):
                raise BadJob(f"send a JSON object with {', '.join(_FIELDS)}")
            with self._lock:
                run = self._runs + 1
                claims = claims_of(given, run)
                self._runs = run
                while len(self._jobs) >= _MAX_JOBS:
                    del self._jobs[next(iter(self._jobs))]
                job = Job(str(uuid.uuid4()), secrets.token_urlsafe(48), claims)
                self._jobs[job.id] = job
        except (ValueError, RecursionError) as error:
            return _json(400, {"message": str(error)})
        return _json(
            200,
            {
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url()}/jobs/{job.id}/idtoken?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": job.bearer,
            },
        )

    def _token(self, job_id: str, request: Request) -> Response:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        job = self._jobs.get(job_id)
        if (
            job is None
            or scheme.lower() != "bearer"
            or not secrets.compare_digest(bearer.encode(), job.bearer.encode())
        ):
            return _json(401, {"message": "the bearer token is not this job's ACTIONS_ID_TOKEN_REQUEST_TOKEN"})
        audience = request.query_value("audience") or f"https://github.com/{job.claims['repository_owner']}"
        if len(audience) > _MAX_AUDIENCE:
            return _json(400, {"message": f"the audience has more than {_MAX_AUDIENCE} characters"})
        token = self.sign({**job.claims, "aud": audience})
        return _json(200, {"count": len(token), "value": token})

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token of this issuer with these claims, and the times of its issue where they say none."""
        import jwt

        now = int(self._clock.now())
        times = {"nbf": now - _BEFORE_SECONDS, "iat": now, "exp": now + _VALID_SECONDS}
        content = {"jti": str(uuid.uuid4()), "iss": ISSUER, **times, **claims}
        return jwt.encode(content, self._key(), algorithm="RS256", headers={"kid": self._key_id})

    def _key(self) -> Any:
        with self._lock:
            if self._signing_key is None:
                from cryptography.hazmat.primitives.asymmetric import rsa

                self._signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                self._key_id = str(uuid.uuid4())
            return self._signing_key


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(content).encode())
