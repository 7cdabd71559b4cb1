"""The `sam` command of the labs: the real AWS SAM CLI, held inside the sandbox.

It runs in an interpreter of its own (.venv/tools/sam, made from checks/tools/sam.lock), because its pins clash with the
project's. All that steers it is its environment and its exit: the endpoint and credentials of the running sandbox,
nothing of ~/.aws; no telemetry, no question for a newer version (the SAM CLI asks once a week and has no switch for it:
its own record says when it asked last); stack events asked for as often as a local stack makes them. The interpreter
refuses connections that leave this machine. The programs that `sam build` starts (pip, make) are not held: they fetch
what the learner's project needs, as pip in a terminal does, and find nothing but the sandbox's credentials.

`sam build` uses interpreters on PATH that are what a Runtime names; the labs' own comes first. For a Runtime that none
of them is, it stops, and one line says which there is; also where there is no requirements.txt, and the SAM CLI itself
would not look: the function could be built, and not run. That is the one thing which is changed in it.

With COLDSTART_TARGET=account it is the plain SAM CLI with the user's profile.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from checks import held, state

#: The SAM CLI's own default is 5 s (`sam deploy --help`).
POLL_SECONDS = "0.2"
#: What the SAM CLI reads as the time of its last question for a newer version: in the year 3000. It must be a float.
ASKED = 32503680000.0
BIN = Path(__file__).resolve().parent / "workbench" / "bin"
#: aws_lambda_builders says this after it has run every python on PATH (`aws_lambda_builders/workflow.py`).
NO_INTERPRETER = re.compile(r"Binary validation failed for python\b.* runtime: (python3\.\d+)\. Do you have", re.S)


def leave(words: str) -> NoReturn:
    print(f"sam: {words}.", file=sys.stderr)
    sys.exit(1)


def quiet(environ: Mapping[str, str], python: Path) -> dict[str, str]:
    """The environment of any `sam`: no telemetry, no version check, no pager, and the labs' programs first on PATH.

    `python` is the interpreter at hand, whose folder has it under its real name (python3.11).
    """
    first = [str(BIN), str(python.parent)]
    rest = [part for part in environ.get("PATH", os.defpath).split(os.pathsep) if part and part not in first]
    kept = dict(environ)
    if kept.get("PYTHONPATH") == str(state.ROOT):
        # JupyterLab's kernels have it; the packages that pip builds must not see the project's modules.
        del kept["PYTHONPATH"]
    return {
        "SAM_CLI_POLL_DELAY": POLL_SECONDS,
        **kept,
        "PATH": os.pathsep.join(first + rest),
        "PAGER": "cat",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(app_folder()),
    }


def app_folder() -> Path:
    """A folder for what the SAM CLI keeps between runs, instead of ~/.aws-sam, with the version check done."""
    folder, name = state.state_folder() / "sam", "metadata.json"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        known = state.read(f"{folder.name}/{name}")
        if known.get("lastVersionCheck") != ASKED:
            state.write(f"{folder.name}/{name}", {**known, "lastVersionCheck": ASKED})
        if os.access(folder, os.W_OK):
            return folder
    # In a confined run the state folder can't be written; its /tmp goes with it.
    folder = Path(tempfile.mkdtemp(prefix="coldstart-sam-"))
    (folder / name).write_text(json.dumps({"lastVersionCheck": ASKED}), "utf-8")
    return folder


def variables(environ: Mapping[str, str], command: str) -> tuple[dict[str, str], str]:
    """The sandbox's AWS_* variables; and why there is none, for the first call that would need it.

    build, validate --lint and --help need none. The keys are placeholders then: with none at all the SAM CLI would ask
    for a real account's before the call is stopped. `sam local` takes none for an answer, and goes on to want Docker.
    """
    try:
        chosen = held.surroundings(environ, Path.cwd(), *state.running_sandboxes())
    except (held.NoSandbox, held.NoCredentials) as refusal:
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or held.REGION
        keys = {} if command == "local" else {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        return {**keys, **held.regions(region)}, str(refusal)
    return {name: value for name, value in chosen.items() if name.startswith("AWS_")}, ""


def way_out(message: str, python: Path) -> str | None:
    """What is said instead of a message of the SAM CLI's that leaves a learner in the dark; None for others."""
    if found := NO_INTERPRETER.search(message):
        wanted = found[1]
        here = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"a function's Runtime is {wanted}, and no python on PATH is a {wanted.removeprefix('python')}. Write "
            f"Runtime: {here} (that is {python.parent / here}), or put a {wanted} on PATH, then build again"
        )
    if "The config profile (" in message:
        return f"{message}: a profile belongs to a real account. Take it out of samconfig.toml"
    return None


def main(arguments: Sequence[str]) -> int:
    """Run the SAM CLI with these arguments, and return its exit code."""
    python = Path(os.environ.get("COLDSTART_PYTHON") or state.ROOT / ".venv" / "bin" / "python")
    if os.environ.get("COLDSTART_TARGET") == "account":
        environment = quiet(os.environ, python)
        if os.environ.get("COLDSTART_ACCOUNT_PROFILE"):
            environment["AWS_PROFILE"] = os.environ["COLDSTART_ACCOUNT_PROFILE"]
        os.execve(sys.executable, [sys.executable, "-I", "-X", "utf8", "-m", "samcli", *arguments], environment)
    try:
        held.without_profile(arguments, "sam")
        command = next((each for each in arguments if not each.startswith("-")), "")
        chosen, alone = variables(os.environ, command)
    except held.Refused as refusal:
        leave(str(refusal))
    environment = quiet(held.scrubbed(os.environ), python) | chosen
    os.environ.clear()
    os.environ.update(environment)
    return _cli(list(arguments), command, alone, python)


def _cli(arguments: list[str], command: str, alone: str, python: Path) -> int:
    try:
        with held.no_home():
            import botocore.loaders  # noqa: F401
        import click
        from aws_lambda_builders.workflows.python_pip import workflow
        from samcli.cli.main import cli
    except ImportError as error:
        # Without its stamp ./coldstart makes the environment anew.
        (Path(sys.prefix) / "coldstart.stamp").unlink(missing_ok=True)
        leave(f"its own environment is incomplete ({error}): the next ./coldstart makes it anew")
    # Without a requirements.txt a build takes the first, which looks at the Runtime's name alone.
    workflow.RuntimeValidator = workflow.PythonRuntimeValidator

    def stopped(words: str) -> NoReturn:
        leave(alone if alone and "amazonaws.com" in words else words)

    # `sam init` takes project templates from GitHub, and makes no call to AWS.
    if command != "init":
        held.stay_inside(stopped, programs=True)
    sys.argv = ["sam", *arguments]
    try:
        outcome = cli.main(arguments, prog_name="sam", standalone_mode=False)
    except held.Escape as escape:
        stopped(str(escape))
    except click.ClickException as error:
        if line := way_out(error.format_message(), python):
            leave(line)
        error.show()
        return error.exit_code
    except click.Abort:
        print("Aborted!", file=sys.stderr)
        return 1
    return outcome if isinstance(outcome, int) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
