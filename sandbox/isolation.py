"""boto3 sessions that know nothing but what they are given, and clients that can't leave this machine.

botocore gathers its configuration from some forty environment variables, `~/.aws`, customised models and
the instance metadata service. A session made here reads none of them, and every request is looked at once
more just before it is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import (
    BOTOCORE_DEFAUT_SESSION_VARIABLES,
    ConfigValueStore,
    ConstantProvider,
)
from botocore.loaders import Loader

from sandbox.loopback import is_loopback

#: Connections a client keeps to one endpoint: more than the largest burst that `cloud.traffic` sends.
MAX_CONNECTIONS = 300
#: A function may run 900 s (fact lambda-timeout), and its caller waits for it.
INVOKE_READ_TIMEOUT_SECONDS = 930
READ_TIMEOUT_SECONDS = 60

CREDENTIAL_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Refused(RuntimeError):
    """What the cloud will not do. The message names the value that caused it, and what to do."""


def require_loopback(url: str, where: str) -> str:
    """`url` without a trailing slash; Refused, naming `where` it came from, unless its host is loopback."""
    if not is_loopback(url):
        raise Refused(
            f"{where} is {url!r}, which does not lie on this machine. The sandbox listens on loopback only: "
            "give an address like http://127.0.0.1:4566 (./coldstart sandbox serve prints it)"
        )
    return url.rstrip("/")


def client_config(service: str, *, attempts: int = 3) -> Config:
    """The configuration of a client of ours: few retries, room for bursts, time for a function's 15 minutes."""
    settings: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "connect_timeout": 5,
        "read_timeout": INVOKE_READ_TIMEOUT_SECONDS if service == "lambda" else READ_TIMEOUT_SECONDS,
        "max_pool_connections": MAX_CONNECTIONS,
        # Services' own variables, AWS_ENDPOINT_URL_SQS say, and profiles would otherwise move single services.
        "ignore_configured_endpoint_urls": True,
    }
    return Config(**settings)


def local_config(service: str, *, attempts: int = 3) -> Config:
    """`client_config` for an endpoint on this machine: no proxy, no host prefixes, no discovered endpoints."""
    settings: dict[str, Any] = {
        "proxies": {},
        "inject_host_prefix": False,
        "endpoint_discovery_enabled": False,
        "s3": {"addressing_style": "path"},
    }
    return client_config(service, attempts=attempts).merge(Config(**settings))


def credentials_from(given: Mapping[str, str] | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Credentials as AWS_* names, from `given` or else `environ`; Refused if the key or its secret is missing."""
    source = environ if given is None else given
    found = {name: source[name] for name in CREDENTIAL_NAMES if source.get(name)}
    for name in CREDENTIAL_NAMES[:2]:
        if name not in found:
            where = "the environment" if given is None else "credentials"
            raise Refused(
                f"{where} has no {name}: `./coldstart sandbox env` prints the credentials of a running sandbox"
            )
    return found


def isolated_session(credentials: Mapping[str, str], region: str) -> boto3.Session:
    """A boto3 session with these credentials and this region that reads no file, no AWS_* variable and no IMDS.

    Its clients must be given `endpoint_url`; a request to any other than a loopback host raises Refused.
    """
    session = botocore.session.Session()
    defaults = {
        name: ConstantProvider(default) for name, (_, _, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    given = {"region": region, "config_file": os.devnull, "credentials_file": os.devnull}
    defaults |= {name: ConstantProvider(value) for name, value in given.items()}
    session.register_component("config_store", ConfigValueStore(mapping=defaults))
    session.register_component("data_loader", _models())
    session.register("before-send", refuse_to_leave)
    return boto3.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
        botocore_session=session,
    )


@cache
def _models() -> Loader:
    """botocore's own models, read once for all sessions; without it those in ~/.aws/models would replace them."""
    return Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


def refuse_to_leave(request: Any, **_: Any) -> None:
    """botocore's `before-send` hook: Refused for a request whose host is not on this machine."""
    if not is_loopback(request.url):
        parts = urlsplit(request.url)
        raise Refused(f"a request to {parts.hostname!r} would have left this machine; the local target stays on it")
