"""Executes a notebook with nbval: scrubbed, confined where bubblewrap is there, and with an end in any case."""

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
from collections.abc import Mapping
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
    hide: tuple[Path, ...] = (),
) -> Execution:
    """Run every cell of `notebook`, whose folder becomes the only place that the run may write to.

    `environment` is all the run gets beside what it needs to find its programs. `seconds` is wall time for everything;
    then the run is killed with all it started. `hide` are folders it can't look into when it is confined.
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
    confined = confine and can_confine()
    if confined:
        command = [*_bubblewrap(scratch, hide), *command]
    mark = secrets.token_hex(8)
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env={**_scrubbed(home, report, environment), MARK: mark},
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
    return Execution(_read_report(report), process.returncode, time.monotonic() - began, timed_out, confined, output)


def _scrubbed(home: Path, report: Path, environment: Mapping[str, str]) -> dict[str, str]:
    system = os.environ.get("PATH", os.defpath)
    return {
        "PATH": os.pathsep.join([str(ROOT / "checks" / "workbench" / "bin"), str(Path(sys.executable).parent), system]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
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
    if shutil.which("bwrap") is None:
        return False
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--dev", "/dev", "--proc", "/proc", "true"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _bubblewrap(scratch: Path, hide: tuple[Path, ...]) -> list[str]:
    """The rest of the machine is read-only, other processes can't be seen, home and temporary folders are empty.

    The network is shared: judge and sandbox listen on this machine's loopback, and a network namespace has its own.
    """
    command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    command += ["--share-net", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    own_home = Path.home()
    if own_home.is_dir() and own_home != Path("/"):
        command += ["--tmpfs", str(own_home)]
    needed = {ROOT, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    for path in sorted(needed):
        if path != Path("/") and path != Path("/usr"):
            command += ["--ro-bind", str(path), str(path)]
    for path in hide:
        if path.is_dir():
            command += ["--tmpfs", str(path)]
    return [*command, "--bind", str(scratch), str(scratch), "--chdir", str(scratch)]
