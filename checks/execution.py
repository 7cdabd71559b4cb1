"""Runs a learner's work, a notebook with nbval above all: scrubbed, confined where bubblewrap is there, with an end."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from checks.state import ROOT

LARGEST_REPORT_BYTES = 5_000_000
#: An environment variable by which all processes of one run can be found.
MARK = "COLDSTART_EXECUTION"
NOT_CONFINED = (
    "Warning: bubblewrap (bwrap) is not usable here, so the notebook runs with all your rights. "
    "Grade only notebooks that you trust, or install bubblewrap."
)
CONFINED = (
    "The notebook runs confined: it sees programs and the course, read-only, and no other process; "
    "it and its functions reach no network but that of their own sandbox and judge."
)
NOT_APART = (
    "Warning: no network of its own can be made here, so the notebook and its functions can reach this machine's "
    "network. The notebook sees programs and the course, read-only, and no other process."
)
#: What a confined run sees of the system: where programs are, and those files of /etc that say how they are loaded
#: and which names there are. Not passwords, keys and settings.
_SYSTEM = tuple(Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix"))
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "os-release", "mime.types"),
    *("passwd", "group", "hosts", "nsswitch.conf", "protocols", "services"),
)


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How nbval ended one cell: passed, failed, skipped, or xfailed after a time-out. Only passed counts."""

    cell: str
    outcome: str
    seconds: float
    reason: str

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self.reason.splitlines() if line.strip()]
        return lines[-1] if lines else ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of nbval. `timed_out` when the outer limit ended it; `output` is pytest's."""

    cells: tuple[CellOutcome, ...]
    exit_code: int
    seconds: float
    timed_out: bool
    confined: bool
    output: str


def execute(
    notebook: Path,
    *,
    environment: Mapping[str, str],
    cell_seconds: float,
    seconds: float,
    confine: bool = True,
) -> Execution:
    """Run every cell of `notebook`, whose folder becomes the only place that the run may write to.

    `environment` is all the run gets beside what it needs to find its programs. `seconds` is wall time for everything;
    then the run is killed with all it started.
    """
    scratch = notebook.parent
    home = scratch / ".home"
    home.mkdir(exist_ok=True)
    report = home / "cells.jsonl"
    command = [
        # -P: no import from the folder that the notebook may write to.
        *(sys.executable, "-P", "-m", "pytest", "-q", "--color=no", "--tb=short"),
        *("-p", "nbval.plugin", "-p", "checks.kernel_watch", "-p", "no:cacheprovider"),
        *("--noconftest", "-c", os.devnull, f"--rootdir={scratch}"),
        *("--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={cell_seconds:g}"),
        notebook.name,
    ]
    ended = run(command, scratch, _scrubbed(home, report, environment), seconds, confine=confine)
    return Execution(
        _read_report(report), ended.exit_code, ended.seconds, ended.timed_out, ended.confined, ended.output
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: killed with all it started if it `timed_out`. `output` has its last words."""

    exit_code: int
    seconds: float
    timed_out: bool
    confined: bool
    output: str


def run(
    command: Sequence[str],
    scratch: Path,
    environment: Mapping[str, str],
    seconds: float,
    *,
    folder: Path | None = None,
    confine: bool = True,
) -> Ended:
    """Run a learner's command, confined where that can be had; `scratch` is the only place that it may write to.

    `environment` is all it gets; it begins in `folder`, by default `scratch`. After `seconds` of wall time it is
    killed, with all it started.
    """
    confined = confine and can_confine()
    if confined:
        command = [*_bubblewrap(scratch, folder), *command]
    mark = secrets.token_hex(8)
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=folder or scratch,
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        timed_out = False
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end(process, mark)
        log.seek(max(log.tell() - LARGEST_REPORT_BYTES, 0))
        output = log.read().decode(errors="replace")
    return Ended(process.returncode, time.monotonic() - began, timed_out, confined, output)


def search_path() -> str:
    """PATH of what a learner's work is run with: the course's `aws` and `sam`, its Python, the system's programs."""
    system = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([str(ROOT / "checks" / "workbench" / "bin"), str(Path(sys.executable).parent), system])


def _scrubbed(home: Path, report: Path, environment: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": search_path(),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        # The course's own Python, wherever it stands: its `aws` and `sam` look for it.
        "COLDSTART_PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "COLDSTART_PLAIN": "1",
        "COLDSTART_CELL_REPORT": str(report),
        **environment,
    }


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End the run and all it started: a kernel has a session of its own, and a cell may start more."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for other in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if other.environ().get(MARK) == mark:
                other.kill()


def _read_report(path: Path) -> tuple[CellOutcome, ...]:
    # The run could write to this file: it is read with care, and informs only.
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_REPORT_BYTES:
        return ()
    cells = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            data = json.loads(line)
            cells.append(
                CellOutcome(str(data["cell"]), str(data["outcome"]), float(data["seconds"]), str(data["reason"]))
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return tuple(cells)


@cache
def can_confine() -> bool:
    """Whether bubblewrap is here and works: it needs user namespaces, which some systems forbid."""
    return _works([*_closed(), "true"])


def _works(command: list[str]) -> bool:
    if shutil.which("bwrap") is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@cache
def _closed() -> tuple[str, ...]:
    """bubblewrap with a root that holds the system's programs alone, no other processes, and no rights over either.

    A user namespace and no capability in it, for root's sake above all: root would otherwise keep all of root's rights
    and could undo every mount. Nothing of /run and /var is there: a socket is a way out although its folder is
    read-only. https://man7.org/linux/man-pages/man7/user_namespaces.7.html
    """
    command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-user", "--unshare-pid", "--unshare-ipc"]
    command += ["--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    # Older ones (before 0.8) don't know how to forbid further namespaces.
    if _works(["bwrap", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"]):
        command += ["--disable-userns"]
    for path in _SYSTEM:
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return (*command, "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp")


def _bubblewrap(scratch: Path, folder: Path | None = None) -> list[str]:
    """What confines a run: of this machine it sees programs and the course without its solutions, all read-only.

    Judge and sandbox listen on loopback, and a network namespace has its own: so the network is that of this process,
    which `apart` has given one of its own.
    """
    command = [*_closed()]
    own = {ROOT / name for name in ("checks", "sandbox", "labs")}
    for path in sorted({*own, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}):
        if path not in (Path("/"), Path("/usr")):
            command += ["--ro-bind-try", str(path), str(path)]
    return [*command, "--bind", str(scratch), str(scratch), "--chdir", str(folder or scratch)]


# -- the network ---------------------------------------------------------------------------------------------

#: A network namespace of one's own in which loopback is up; all else stays as it is.
_APART = ("bwrap", "--die-with-parent", "--unshare-net", "--dev-bind", "/", "/")


def network() -> str:
    """What tells this process's network from another's; empty where there are no namespaces."""
    try:
        return os.readlink("/proc/self/ns/net")
    except OSError:
        return ""


@cache
def can_be_apart() -> bool:
    """Whether a network of one's own can be had, and a run can be confined in it."""
    return can_confine() and _works([*_APART, *_closed(), "true"])


def apart(command: Sequence[str]) -> int:
    """Run `command` where the network holds nothing but what it starts itself; its exit code.

    Ctrl-C is for the command, which then clears up; this process waits for it.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run([*_APART, *command], check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
