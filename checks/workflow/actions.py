"""The stand-ins for actions: what each does here in the place of the one on GitHub's marketplace.

Four are declared, as an orders pipeline needs them. An input that a stand-in does not act on is refused by name.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from checks.workflow.document import BadWorkflow
from checks.workflow.runner import Action, ActionFailed, Scene

#: Inputs that ask for no more than what is so anyway.
_QUIET: Mapping[str, tuple[str, ...]] = {
    "checkout": ("fetch-depth", "persist-credentials", "submodules", "clean"),
    "setup-python": ("cache", "cache-dependency-path", "check-latest", "token", "architecture"),
    "setup-sam": ("use-installer", "version", "token", "python"),
    "configure-aws-credentials": (
        *("mask-aws-account-id", "unset-current-credentials", "disable-retry", "special-characters-workaround"),
    ),
}
_SECONDS = 30.0
_SESSION_NAME = "GitHubActions"
_AUDIENCE = "sts.amazonaws.com"


def stand_ins(sts: Any, issuer_url: str) -> dict[str, Action]:
    """The actions by name. `sts` is a client that need not sign; `issuer_url` where the tokens' issuer listens."""

    def configure(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
        return _configure_credentials(scene, given, sts, issuer_url)

    return {
        "actions/checkout": _checkout,
        "actions/setup-python": _setup_python,
        "aws-actions/setup-sam": _setup_sam,
        "aws-actions/configure-aws-credentials": configure,
    }


def _checkout(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
    """Puts the repository into the workspace. https://github.com/actions/checkout"""
    _expect("checkout", given)
    # As the action does: what stood in the workspace goes, a link that a step has laid there too.
    if scene.workspace.is_symlink():
        scene.workspace.unlink()
    else:
        shutil.rmtree(scene.workspace, ignore_errors=True)
    shutil.copytree(scene.repository, scene.workspace, symlinks=True)
    return {"ref": scene.event.ref}


def _setup_python(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
    """Checks that the Python asked for is the one at hand: there is no other. https://github.com/actions/setup-python"""
    _expect("setup-python", given, "python-version")
    at_hand = "{}.{}".format(*sys.version_info[:2])
    asked = given.get("python-version", at_hand).strip()
    if asked not in (at_hand, "3", "3.x") and not re.fullmatch(re.escape(at_hand) + r"(\.\d+|\.x)?", asked):
        raise ActionFailed(f"setup-python: Python {asked} is not on this machine, {at_hand} is")
    return {"python-version": ".".join(map(str, sys.version_info[:3]))}


def _setup_sam(scene: Scene, given: Mapping[str, str]) -> Mapping[str, str]:
    """sam is on PATH already: this one says so. https://github.com/aws-actions/setup-sam"""
    _expect("setup-sam", given)
    return {}


def _configure_credentials(scene: Scene, given: Mapping[str, str], sts: Any, issuer_url: str) -> Mapping[str, str]:
    """Assumes a role with a token of the job, and gives its credentials to the steps that follow.

    https://github.com/aws-actions/configure-aws-credentials#oidc
    """
    _expect(
        "configure-aws-credentials",
        given,
        *("role-to-assume", "aws-region", "role-session-name", "role-duration-seconds", "audience"),
    )
    if not given.get("aws-region"):
        raise BadWorkflow("configure-aws-credentials: the input aws-region is required")
    role = given.get("role-to-assume", "")
    if not role:
        raise BadWorkflow("configure-aws-credentials: the input role-to-assume is required: there are no keys to store")
    if scene.job.permissions.get("id-token") != "write":
        raise ActionFailed(
            "configure-aws-credentials: the job may not ask for a token: it has no `permissions: id-token: write`"
        )
    token = token_of(
        issuer_url,
        {
            "repository": scene.event.repository,
            "ref": scene.event.ref,
            "event_name": scene.event.name,
            "environment": scene.target,
            "workflow": scene.workflow,
            "base_ref": scene.event.base_ref,
            "head_ref": scene.event.head_ref,
        },
        given.get("audience", _AUDIENCE),
    )
    try:
        session = sts.assume_role_with_web_identity(
            RoleArn=role,
            RoleSessionName=given.get("role-session-name", _SESSION_NAME),
            WebIdentityToken=token,
            DurationSeconds=int(given.get("role-duration-seconds", "3600")),
        )["Credentials"]
    except ValueError:
        raise BadWorkflow("configure-aws-credentials: role-duration-seconds must be a number") from None
    except ClientError as error:
        raise ActionFailed(
            f"Could not assume role with OIDC: {error.response['Error'].get('Message', error)}"
        ) from None
    scene.environment.update(
        AWS_ACCESS_KEY_ID=session["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
        AWS_SESSION_TOKEN=session["SessionToken"],
        AWS_REGION=given["aws-region"],
        AWS_DEFAULT_REGION=given["aws-region"],
    )
    return {"aws-account-id": role.split(":")[4] if role.count(":") > 4 else ""}


def token_of(issuer_url: str, job: Mapping[str, str], audience: str) -> str:
    """A token of the local issuer for a job (the fields that `POST /jobs` takes). ActionFailed if it gives none."""
    began = _answer(urllib.request.Request(f"{issuer_url}/jobs", json.dumps(job).encode(), method="POST"))
    query = urllib.parse.urlencode({"audience": audience})
    asked = urllib.request.Request(f"{began['ACTIONS_ID_TOKEN_REQUEST_URL']}&{query}")
    asked.add_header("Authorization", f"bearer {began['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}")
    return str(_answer(asked)["value"])


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    # No proxy of the machine's: the issuer listens on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise ActionFailed(f"the issuer gave no token: {error.read(500).decode(errors='replace')}") from None
    except (OSError, ValueError) as error:
        raise ActionFailed(f"the issuer gave no token: {error}") from None


def _expect(action: str, given: Mapping[str, str], *known: str) -> None:
    for name in given:
        if name in ("aws-access-key-id", "aws-secret-access-key", "aws-session-token"):
            raise BadWorkflow(f"{action}: {name} is a long-lived key; assume a role with the job's token instead")
        if name not in known and name not in _QUIET[action]:
            raise BadWorkflow(f"{action}: the stand-in has no input {name!r}")
