"""Set-up: makes or renews .venv from requirements.lock, and in it the environments of tools whose versions clash.

Standard library only: ./coldstart runs it with any Python. All or nothing: the stamp that ./coldstart looks for is
written last, and an environment without one is made anew. Each has a stamp of its own, so that a changed lock renews
only what is made from it. Two starts at once wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

STEPS = 3
STAMP = "coldstart.stamp"
#: What must not decide where the packages go, or that compiled modules are not kept. A machine's own indexes, proxies
#: and certificates stay as they are.
MISLEADING = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV"}
MISLEADING |= {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}


class SetupError(Exception):
    """A step failed; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """An interpreter with packages: made in `folder` from `lock`; `proof` is a program that shows that they work.

    `pip` is the interpreter whose pip installs them: its own, or that of another which also makes it.
    """

    root: Path
    folder: Path
    lock: Path
    log: Path
    pip: Path
    proof: str

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def has_pip(self) -> bool:
        return self.pip == self.python

    @property
    def stamp(self) -> Path:
        return self.folder / STAMP

    @property
    def name(self) -> str:
        return str(self.folder.relative_to(self.root)) if self.folder.is_relative_to(self.root) else str(self.folder)

    @property
    def packages(self) -> int:
        return len(re.findall(r"^[a-z0-9]", self.lock.read_text("utf-8"), re.MULTILINE))

    def finished_stamp(self) -> bytes:
        """What the stamp holds in the end: the folder of the project, then the lock."""
        return os.fsencode(self.root) + b"\n" + self.lock.read_bytes()

    def ready(self) -> bool:
        """Is it finished, in its place, and made from this lock?"""
        return (
            os.access(self.python, os.X_OK)
            and self.stamp.is_file()
            and self.stamp.read_bytes() == self.finished_stamp()
        )

    def renewable(self) -> bool:
        """Is it finished and in its place, if from another lock?"""
        return (
            os.access(self.python, os.X_OK)
            and self.stamp.is_file()
            and self.stamp.read_bytes().startswith(os.fsencode(self.root) + b"\n")
        )


def project(root: Path) -> Environment:
    venv = root / ".venv"
    return Environment(
        root,
        venv,
        root / "requirements.lock",
        root / ".coldstart" / "setup.log",
        venv / "bin" / "python",
        "import IPython, awscli, boto3, checks, jupyterlab, moto, typer",
    )


def sam(root: Path, python: Path) -> Environment:
    """The SAM CLI's: beside `python`, made by it. Its pins (click, botocore) clash with the project's."""
    return Environment(
        root,
        python.parent.parent / "tools" / "sam",
        root / "checks" / "tools" / "sam.lock",
        root / ".coldstart" / "setup-sam.log",
        python,
        "import checks, cfnlint.api, samcli.__main__\n"
        "from samcli.commands.build import build_context, command\n"
        "from samcli.commands.delete import command, delete_context\n"
        "from samcli.commands.deploy import command, deploy_context\n"
        "from samcli.commands.logs import command, logs_context\n"
        "from samcli.commands.package import command, package_context\n"
        "from samcli.commands.validate import validate",
    )


def set_up(root: Path) -> None:
    """Make `root`/.venv what requirements.lock says, and the tools' environments what theirs say. Raises SetupError."""
    with _alone(root):
        venv = project(root)
        every = [venv, sam(root, venv.python)]
        due = [each for each in every if not each.ready()]
        # What is in its folder goes with it.
        _make(every if venv in due and not venv.renewable() else due)


def set_up_sam(root: Path, python: Path) -> None:
    """Make the SAM CLI's environment for an interpreter that another tool (conda) has made. Raises SetupError."""
    with _alone(root):
        own = sam(root, python)
        _make([] if own.ready() else [own])


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    state = root / ".coldstart"
    try:
        state.mkdir(exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"can't write into {root}: {error.strerror}. Put Coldstart into a folder of your own."
        ) from None
    with only_one(state / "setup.lock"):
        yield


def _make(due: Sequence[Environment]) -> None:
    """Make these: the first one's packages in this thread, the others' beside it."""
    if not due:
        return
    say(1, "; ".join(map(_intent, due)))
    for each in due:
        _prepare(each)
    wanted = sum(each.packages for each in due)
    locks = " and ".join(str(each.lock.relative_to(each.root)) for each in due)
    say(2, f"Installing packages from {locks} (up to {wanted}; a minute or two)")
    with ThreadPoolExecutor() as others:
        installing = [others.submit(_install, each) for each in due[1:]]
        _install(due[0], counted=True)
        for other in installing:
            other.result()
    say(3, "Checking that it works")
    for each in due:
        _finish(each)


def _intent(due: Environment) -> str:
    if due.renewable():
        return f"{due.lock.name} has changed: renewing {due.name}"
    unfinished = " (the one there is unfinished)" if due.folder.exists() else ""
    return f"Making {due.name} with Python {'.'.join(map(str, sys.version_info[:3]))}{unfinished}"


def _prepare(due: Environment) -> None:
    if not due.renewable():
        if due.has_pip:
            _need_venv()
        if due.folder.is_symlink():
            raise SetupError(f"{due.folder} is a link. Remove it, then run ./coldstart again.")
        shutil.rmtree(due.folder, ignore_errors=True)
        # The interpreter behind a wrapper such as pyenv's, so that the environment keeps working when that one changes.
        maker = sys.executable if due.has_pip else str(due.pip)
        options = [] if due.has_pip else ["--without-pip"]
        advice = "Look at the log, free some disk space if it is full"
        run([maker, "-P", "-m", "venv", *options, str(due.folder)], due.log, advice)
    due.stamp.unlink(missing_ok=True)


def _install(due: Environment, *, counted: bool = False) -> None:
    command = [str(due.pip), "-P", "-m", "pip"]
    # A tool's modules are compiled as they are first imported, the most used ones by its proof.
    command += ["install"] if due.has_pip else ["--python", str(due.python), "install", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["-r", str(due.lock)]
    run(command, due.log, "Check the network connection and pip's own settings", counted=counted)


def _finish(due: Environment) -> None:
    _point_at(due)
    run([str(due.python), "-P", "-c", due.proof], due.log, f"Remove the folder {due.name}")
    whole = due.stamp.with_suffix(".part")
    whole.write_bytes(due.finished_stamp())
    whole.replace(due.stamp)


def _need_venv() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"this Python {minor} comes without venv and pip. Install them (Debian, Ubuntu: sudo apt install "
            f"python{minor}-venv; Fedora: sudo dnf install python3-pip), then run ./coldstart again."
        ) from None


def _point_at(due: Environment) -> None:
    """Let `import checks` and `import sandbox` work from every folder."""
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = run([str(due.python), "-c", program], due.log, f"Remove the folder {due.name}")
    (Path(site.strip()) / "coldstart.pth").write_bytes(os.fsencode(due.root) + b"\n")


def run(command: Sequence[str], log: Path, advice: str, *, counted: bool = False) -> str:
    """Run one step's command and return what it printed. Raises SetupError with its last words and `advice`."""
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    live = counted and sys.stderr.isatty()
    lines: list[str] = []
    with log.open("a", encoding="utf-8") as record:
        record.write(f"$ {' '.join(command)}\n")
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise SetupError(
                f"can't run {command[0]}: {error.strerror}. {advice}, then run ./coldstart again."
            ) from None
        assert process.stdout is not None
        collected = 0
        try:
            for line in process.stdout:
                lines.append(line)
                record.write(line)
                if live and (package := re.match(r"Collecting ([\w.-]+)", line)):
                    collected += 1
                    print(f"\r\x1b[K      {collected} {package[1]}", end="", file=sys.stderr, flush=True)
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            if live:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if code != 0:
        said = [line.strip() for line in lines if line.strip()]
        errors = [line for line in said if line.lower().startswith("error")] or said[-1:]
        raise SetupError(
            f"{' '.join(errors[:1]) or f'exit code {code}'} ({log} has it all). {advice}, then run ./coldstart again."
        )
    return "".join(lines)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; the system lets go of it when this process ends, in whatever way."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("      Another ./coldstart is setting up; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(step: int, text: str) -> None:
    print(f"[{step}/{STEPS}] {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    try:
        if arguments == ["sam"]:
            set_up_sam(root, Path(sys.executable))
        else:
            set_up(root)
    except SetupError as error:
        print(f"coldstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncoldstart: stopped; the next ./coldstart begins the set-up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
