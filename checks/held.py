"""What holds a command inside the sandbox: its endpoint and credentials, and no connection that leaves the machine.

The labs' `aws` and `sam` (checks/aws.py, checks/sam.py) run through it, unmodified. Standard library only: each runs in
the interpreter of its own tool.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

REGION = "us-east-1"
NOTHING = os.devnull
_PROXIES = ("PIP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY")


class Refused(Exception):
    """The call can't be kept inside the sandbox. The message says what to do."""


class NoSandbox(Refused):
    """None is running."""


class NoCredentials(Refused):
    """A sandbox is named, and no credentials for it."""


class Escape(BaseException):
    """Something was about to leave the sandbox. Not an Exception: no library's retry or handler may swallow it."""


def is_loopback(host: str) -> bool:
    """Does this host name or address mean this machine?"""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def loopback_url(url: str, origin: str) -> str:
    """The endpoint with an address for a host. Raises Refused, naming its `origin`, if it is not on this machine."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_loopback(parts.hostname):
        raise Refused(
            f"{origin} is {url}, which is not on this machine; the labs' commands stay inside the sandbox. Leave it "
            "out, or set COLDSTART_TARGET=account to work in a real account"
        )
    # Below an address S3 uses paths; below a name it would ask for bucket.localhost, which not every system resolves.
    host = "127.0.0.1" if parts.hostname.lower().rstrip(".") == "localhost" else parts.hostname
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value that `arguments` give to an option, which argparse also takes abbreviated and joined with "="."""
    for index, argument in enumerate(arguments):
        word, joined, value = argument.partition("=")
        if len(word) >= 5 and name.startswith(word):
            return value if joined else next(iter(arguments[index + 1 :]), "")
    return None


def surroundings(
    environ: Mapping[str, str], folder: Path, labs: Mapping[str, Any], served: Mapping[str, Any]
) -> dict[str, str]:
    """The AWS_* variables of the sandbox that is meant: AWS_ENDPOINT_URL, credentials and region.

    That is the one in AWS_ENDPOINT_URL; else the lab whose folder (labs/01-...) we stand in; else the lab started
    last; else the one of `./coldstart sandbox serve`. Credentials and region come from the environment only together
    with the endpoint. Raises Refused, and NoSandbox or NoCredentials if that is the reason.
    """
    known = sandboxes(labs, served)
    if given := environ.get("AWS_ENDPOINT_URL"):
        endpoint = loopback_url(given, "AWS_ENDPOINT_URL")
        record = next((each for each in known if each["AWS_ENDPOINT_URL"] == endpoint), {})
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        own = {name: environ[name] for name in (*keys, "AWS_SESSION_TOKEN") if environ.get(name)}
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or record.get("AWS_REGION", REGION)
        if all(key in own for key in keys):
            return {**own, **regions(region), "AWS_ENDPOINT_URL": endpoint}
        if not record:
            raise NoCredentials(
                f"no credentials for {endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                'or use those of the running sandbox: eval "$(./coldstart sandbox env)"'
            )
        return {**record, **regions(region)}
    if not known:
        raise NoSandbox("no sandbox is running: run lab.start() in a lab's notebook, or ./coldstart sandbox serve")
    here = {part[:2] for part in folder.parts if part[:2].isdigit() and part[2:3] == "-"}
    return next((each for each in known if each.get("lab") in here), known[0])


def sandboxes(labs: Mapping[str, Any], served: Mapping[str, Any]) -> list[dict[str, str]]:
    """The sandboxes as AWS_* variables (and `lab`, its number): the lab started last first, the served one last."""
    opened = sorted(labs.items(), key=lambda item: str(item[1].get("started", "")), reverse=True)
    return [
        {
            "lab": lab,
            **{name: str(value) for name, value in record["credentials"].items() if name.startswith("AWS_")},
            **regions(record.get("region") or REGION),
            "AWS_ENDPOINT_URL": loopback_url(str(record["endpoint"]), "the sandbox's endpoint"),
        }
        for lab, record in [*opened, ("", served)]
        if record.get("endpoint") and record.get("credentials")
    ]


def regions(region: str) -> dict[str, str]:
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that could lead an AWS client out of the sandbox, or to a person's account.

    Where the machine reaches its package index through a proxy, pip alone keeps it.
    """
    proxies = [environ[name] for name in _PROXIES if environ.get(name)]
    kept = {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(("AWS_", "BOTO_", "BOTO3_")) and not name.lower().endswith("_proxy")
    }
    return {
        **({"PIP_PROXY": proxies[0]} if proxies else {}),
        **kept,
        "AWS_CONFIG_FILE": NOTHING,
        "AWS_SHARED_CREDENTIALS_FILE": NOTHING,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }


def without_profile(arguments: Sequence[str], command: str) -> None:
    """Raises Refused if `arguments` name a profile of the user's own."""
    if option(arguments, "--profile") is not None:
        raise Refused(
            f"--profile belongs to a real account; the labs' {command} uses the sandbox's credentials. Leave it out, "
            "or set COLDSTART_TARGET=account to work in a real account"
        )


@contextlib.contextmanager
def no_home() -> Iterator[None]:
    """What is imported in here finds no ~/.aws: botocore and the AWS CLI note its models and aliases as they load."""
    with tempfile.TemporaryDirectory(prefix="coldstart-") as home:
        own = os.environ.get("HOME")
        os.environ["HOME"] = home
        try:
            yield
        finally:
            if own is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = own


def stay_inside(leave: Callable[[str], NoReturn], *, programs: bool) -> None:
    """From here on this interpreter refuses connections that leave the machine, and without `programs` other programs.

    Python's audit hooks see every connection and every start of a program, whichever library makes it. The main thread
    gets Escape. In another one, whose end some library would wait for in vain, `leave` says why and ends the process.
    """

    def refuse(words: str) -> NoReturn:
        if threading.current_thread() is threading.main_thread():
            raise Escape(words)
        try:
            leave(words)
        finally:
            sys.stdout.flush()
            os._exit(1)

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[1]
            if isinstance(address, tuple) and not is_loopback(str(address[0])):
                refuse(f"this call would go to {address[0]}, outside the sandbox, and was stopped")
        elif event == "socket.getaddrinfo":
            if arguments[0] and not is_loopback(text(arguments[0])):
                refuse(f"this call would go to {text(arguments[0])}, outside the sandbox, and was stopped")
        elif not programs and (
            event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn") or event.startswith("os.spawn")
        ):
            refuse(f"this command starts another program ({program(arguments)}); the sandbox can't hold that")

    sys.addaudithook(guard)


def text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def program(arguments: tuple[Any, ...]) -> str:
    for value in arguments[:2]:
        if isinstance(value, list | tuple) and value:
            return text(value[0])
        if isinstance(value, str | bytes):
            return text(value).split(" ")[0]
    return "unknown"
