"""The `aws` command of the labs: the real AWS CLI, held inside the sandbox.

AWS CLI v1 ignores AWS_ENDPOINT_URL for some services (sqs and rds among them) and would send their calls to AWS. Here
every call gets `--endpoint-url`, nothing of the user's own AWS settings is read, and the interpreter itself refuses a
connection that leaves this machine and the start of other programs. With COLDSTART_TARGET=account it is the plain AWS
CLI with the user's profile.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from checks import state

REGION = "us-east-1"
NOTHING = os.devnull


class Refused(Exception):
    """The call can't be kept inside the sandbox, or there is none. The message says what to do."""


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
            f"{origin} is {url}, which is not on this machine; the labs' aws stays inside the sandbox. Leave it out, "
            "or set COLDSTART_TARGET=account to work in a real account"
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
    with the endpoint. Raises Refused.
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
            raise Refused(
                f"no credentials for {endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                'or use those of the running sandbox: eval "$(./coldstart sandbox env)"'
            )
        return {**record, **regions(region)}
    if not known:
        raise Refused("no sandbox is running: run lab.start() in a lab's notebook, or ./coldstart sandbox serve")
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
    """The environment without anything that could lead an AWS client out of the sandbox, or to a person's account."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(("AWS_", "BOTO_", "BOTO3_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "AWS_CONFIG_FILE": NOTHING,
        "AWS_SHARED_CREDENTIALS_FILE": NOTHING,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }


def inside(arguments: Sequence[str], endpoint: str) -> list[str]:
    """The AWS CLI's arguments with the endpoint added. Raises Refused for those that lead out."""
    if option(arguments, "--profile") is not None:
        raise Refused(
            "--profile belongs to a real account; the labs' aws uses the sandbox's credentials. Leave it out, "
            "or set COLDSTART_TARGET=account to work in a real account"
        )
    given = option(arguments, "--endpoint-url")
    if given is not None:
        loopback_url(given, "--endpoint-url")
        return list(arguments)
    return [*arguments, "--endpoint-url", endpoint] if arguments and arguments[-1] != "help" else list(arguments)


def stay_inside(*, helping: bool) -> None:
    """From here on this interpreter refuses connections that leave the machine, and other programs.

    Python's audit hooks see every connection and every start of a program, whichever library makes it. `helping`
    leaves `aws help` its pager.
    """

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            if isinstance(address, tuple) and not is_loopback(str(address[0])):
                raise Escape(f"this call would go to {address[0]}, outside the sandbox, and was stopped")
        elif event == "socket.getaddrinfo":
            if arguments[0] and not is_loopback(text(arguments[0])):
                raise Escape(f"this call would go to {text(arguments[0])}, outside the sandbox, and was stopped")
        elif (
            event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn") or event.startswith("os.spawn")
        ) and not helping:
            raise Escape(f"this command starts another program ({program(arguments)}); the sandbox can't hold that")

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


def leave(words: str) -> NoReturn:
    print(f"aws: {words}.", file=sys.stderr)
    sys.exit(252)


def main(arguments: Sequence[str]) -> int:
    """Run the AWS CLI with these arguments, and return its exit code."""
    if os.environ.get("COLDSTART_TARGET") == "account":
        if os.environ.get("COLDSTART_ACCOUNT_PROFILE"):
            os.environ["AWS_PROFILE"] = os.environ["COLDSTART_ACCOUNT_PROFILE"]
        os.execv(sys.executable, [sys.executable, "-P", "-m", "awscli", *arguments])
    helping = not arguments or arguments[-1] == "help" or "--version" in arguments
    try:
        if helping:
            variables: dict[str, str] = {}
        else:
            labs, served = state.running_sandboxes()
            variables = surroundings(os.environ, Path.cwd(), labs, served)
        arguments = inside(arguments, variables.get("AWS_ENDPOINT_URL", ""))
    except Refused as refusal:
        leave(str(refusal))
    environment = scrubbed(os.environ) | {name: value for name, value in variables.items() if name.startswith("AWS_")}
    os.environ.clear()
    os.environ.update(environment)
    return _cli(list(arguments), helping=helping)


def _cli(arguments: list[str], *, helping: bool) -> int:
    # The CLI's modules note the places of ~/.aws/cli/alias and ~/.aws/models, which can run commands, as they load.
    with tempfile.TemporaryDirectory(prefix="coldstart-aws-") as home:
        own = os.environ.get("HOME")
        os.environ["HOME"] = home
        from awscli import clidriver

        driver = clidriver.create_clidriver()
        if own is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = own
        stay_inside(helping=helping)
        try:
            return int(driver.main(arguments))
        except Escape as escape:
            leave(str(escape))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
