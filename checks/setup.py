"""Set-up: makes or renews .venv from requirements.lock. Standard library only: ./coldstart runs it with any Python.

All or nothing: the stamp that ./coldstart looks for is written last, and an environment without one is made anew.
Two starts at once wait for each other.
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
from pathlib import Path

STEPS = 3
STAMP = "coldstart.stamp"
#: What must not decide where the packages go. A machine's own indexes, proxies and certificates stay as they are.
MISLEADING = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH"}


class SetupError(Exception):
    """A step failed; the message says what to do."""


def stamp_of(root: Path) -> bytes:
    """What the stamp of a finished environment holds: the folder it was made for, then the lock it was made from."""
    return os.fsencode(root) + b"\n" + (root / "requirements.lock").read_bytes()


def ready(root: Path) -> bool:
    """Is .venv finished, in its place, and made from this lock?"""
    stamp = root / ".venv" / STAMP
    return (
        os.access(root / ".venv" / "bin" / "python", os.X_OK)
        and stamp.is_file()
        and stamp.read_bytes() == stamp_of(root)
    )


def set_up(root: Path) -> None:
    """Make `root`/.venv what requirements.lock says. Raises SetupError."""
    state = root / ".coldstart"
    try:
        state.mkdir(exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"can't write into {root}: {error.strerror}. Put Coldstart into a folder of your own."
        ) from None
    with only_one(state / "setup.lock"):
        if ready(root):
            return
        _make(root, state / "setup.log")


def _make(root: Path, log: Path) -> None:
    venv = root / ".venv"
    stamp = venv / STAMP
    python = venv / "bin" / "python"
    version = ".".join(map(str, sys.version_info[:3]))
    renewable = (
        stamp.is_file() and stamp.read_bytes().startswith(os.fsencode(root) + b"\n") and os.access(python, os.X_OK)
    )
    if renewable:
        say(1, "requirements.lock has changed: renewing .venv")
    else:
        say(1, f"Making .venv with Python {version}" + (" (the one there is unfinished)" if venv.exists() else ""))
        _need_venv()
        if venv.is_symlink():
            raise SetupError(f"{venv} is a link. Remove it, then run ./coldstart again.")
        shutil.rmtree(venv, ignore_errors=True)
        # The interpreter behind a wrapper such as pyenv's, so that the environment keeps working when that one changes.
        run([sys.executable, "-m", "venv", str(venv)], log, "Look at the log, free some disk space if it is full")
    stamp.unlink(missing_ok=True)

    wanted = len(re.findall(r"^[a-z0-9]", (root / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    say(2, f"Installing packages from requirements.lock (up to {wanted}; a minute or two)")
    install = [str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"]
    install += ["--disable-pip-version-check", "--progress-bar=off", "-r", str(root / "requirements.lock")]
    run(install, log, "Check the network connection and pip's own settings", counted=True)

    say(3, "Checking that it works")
    _point_at(root, python, log)
    run(
        [str(python), "-P", "-c", "import IPython, awscli, boto3, checks, jupyterlab, moto, typer"],
        log,
        "Remove the folder .venv",
    )
    whole = stamp.with_suffix(".part")
    whole.write_bytes(stamp_of(root))
    whole.replace(stamp)


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


def _point_at(root: Path, python: Path, log: Path) -> None:
    """Let `import checks` and `import sandbox` work from every folder."""
    site = run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], log, "Remove the folder .venv"
    )
    (Path(site.strip()) / "coldstart.pth").write_bytes(os.fsencode(root) + b"\n")


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


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    try:
        set_up(root)
    except SetupError as error:
        print(f"coldstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncoldstart: stopped; the next ./coldstart begins the set-up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
