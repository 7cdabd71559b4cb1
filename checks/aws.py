"""The `aws` command of the labs: the real AWS CLI, held inside the sandbox.

AWS CLI v1 ignores AWS_ENDPOINT_URL for some services (sqs and rds among them) and would send their calls to AWS. Here
every call gets `--endpoint-url`, nothing of the user's own AWS settings is read, and the interpreter itself refuses a
connection that leaves this machine and the start of other programs. With COLDSTART_TARGET=account it is the plain AWS
CLI with the user's profile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from checks import held, state


def inside(arguments: Sequence[str], endpoint: str) -> list[str]:
    """The AWS CLI's arguments with the endpoint added. Raises held.Refused for those that lead out."""
    held.without_profile(arguments, "aws")
    given = held.option(arguments, "--endpoint-url")
    if given is not None:
        held.loopback_url(given, "--endpoint-url")
        return list(arguments)
    return [*arguments, "--endpoint-url", endpoint] if arguments and arguments[-1] != "help" else list(arguments)


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
            variables = held.surroundings(os.environ, Path.cwd(), labs, served)
        arguments = inside(arguments, variables.get("AWS_ENDPOINT_URL", ""))
    except held.Refused as refusal:
        leave(str(refusal))
    chosen = {name: value for name, value in variables.items() if name.startswith("AWS_")}
    environment = held.scrubbed(os.environ) | chosen
    os.environ.clear()
    os.environ.update(environment)
    return _cli(list(arguments), helping=helping)


def _cli(arguments: list[str], *, helping: bool) -> int:
    with held.no_home():
        from awscli import clidriver

        driver = clidriver.create_clidriver()
    # `aws help` has a pager.
    held.stay_inside(leave, programs=helping)
    try:
        return int(driver.main(arguments))
    except held.Escape as escape:
        leave(str(escape))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
