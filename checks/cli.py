"""The command line: `./coldstart`. It starts processes and prints; what it needs it imports when a command needs it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checks import state
from checks.command import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVE_PORT = 4566


app = typer.Typer(
    name="coldstart",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120},
    help="A course and lab environment for serverless DevOps on AWS. Without a command: the same as `lab`.",
)
sandbox = typer.Typer(help="The sandbox without JupyterLab: one endpoint that answers as AWS does.")
author = typer.Typer(help="For authors of labs: build the notebooks, prove the checks.")
app.add_typer(sandbox, name="sandbox")
app.add_typer(author, name="author")

Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser, or only print the URL.")]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="JupyterLab's port. Without: 8888, or the next free one.", show_default=False),
]


@app.callback(invoke_without_command=True)
def default(context: typer.Context, browser: Browser = True, port: Port = None) -> None:
    if context.invoked_subcommand is None:
        lab(browser, port)


@app.command()
def lab(browser: Browser = True, port: Port = None) -> None:
    """Start the judge, the sandboxes and JupyterLab, open the start page, and end all of it on Ctrl-C."""
    from checks.workbench.run import run

    run(browser=browser, port=port)


Parts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PART]...",
        help="lint, types, unit, gate, solutions, smoke, a folder of the project such as sandbox/compute, or a path "
        "below tests. Without: everything.",
        show_default=False,
    ),
]


@app.command("test")
def run_tests(parts: Parts = None) -> None:
    """Run the project's own tests: everything that CI runs, or the parts named."""
    from checks import suite

    raise typer.Exit(suite.run(parts or []))


@app.command()
def check(
    number: Annotated[str, typer.Argument(metavar="NN", help="The lab's number, 01 say.")],
) -> None:
    """Grade my lab: runs its notebook from the top in a fresh sandbox, prints a table and writes a receipt."""
    from checks import grader

    raise typer.Exit(grader.check(number.zfill(2)))


@sandbox.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")] = SERVE_PORT,
    seed: Annotated[int, typer.Option(help="What chance follows: routing by weight, failures, jitter.")] = 0,
) -> None:
    """Run a sandbox in the foreground. It prints AWS_ENDPOINT_URL=... once it answers, and ends on Ctrl-C."""
    from checks import served

    served.serve(port, seed)


@sandbox.command()
def env() -> None:
    """Print the export lines of the running sandbox: eval "$(./coldstart sandbox env)"."""
    from checks import served

    served.env()


@sandbox.command()
def status() -> None:
    """Say which sandboxes are running. Exit code 1 if none is."""
    from checks import served

    served.status()


@sandbox.command()
def reset() -> None:
    """Replace the served sandbox by a fresh one on the same port."""
    from checks import served

    served.reset()


Labs = Annotated[
    list[str] | None, typer.Argument(metavar="[NN]...", help="Numbers of labs. Without: all.", show_default=False)
]


@author.command()
def build(labs: Labs = None) -> None:
    """Execute solutions/NN-name.md into solutions/NN-name.ipynb, and cut labs/NN-name.ipynb from it."""
    from checks import author as authoring

    raise typer.Exit(authoring.build(labs or None))


@author.command()
def gate(labs: Labs = None) -> None:
    """Prove the checks: the stub does not pass, the solution does, every wrong submission is refused."""
    from checks import gate as gating

    raise typer.Exit(gating.main(labs or None))


@app.command()
def bench() -> None:
    """Measure cold and warm calls, throughput, memory and start-up against peers on this machine."""
    import subprocess

    from checks.supervise import python

    raise typer.Exit(subprocess.run([*python("-m", "tests.bench")], cwd=state.ROOT, check=False).returncode)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 only on success."""
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        result: Any = app(args=given, prog_name="./coldstart", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as error:
        return _fail(_usage(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); what is still buffered must not complain at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("COLDSTART_DEBUG"):
            raise
        if isinstance(error, CommandError):
            return _fail(str(error), 1)
        words = " ".join(str(error).split()) or "no message"
        return _fail(f"{type(error).__name__}: {words} (COLDSTART_DEBUG=1 shows where)", 1)


def _usage(error: typer.TyperException) -> str:
    words = getattr(error, "format_message", error.__str__)().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{words}. What there is: {context.command_path if context else './coldstart'} --help"


def _fail(words: str, code: int) -> int:
    print(f"coldstart: {words}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
