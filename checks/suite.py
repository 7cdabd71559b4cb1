"""`./coldstart test`: the project's own tests as one run of pytest, whole or in parts.

Lint, types and the author's gate are tests too (tests/house), so that one summary tells all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from checks.command import CommandError
from checks.state import ROOT
from checks.supervise import Child, Stopped, end, python, stoppable
from checks.workbench import surroundings

#: Parts that have a name, and where they are. `unit` is all of tests but the others; `solutions` are notebooks.
PARTS = {
    "lint": "tests/house/test_lint.py",
    "types": "tests/house/test_types.py",
    "gate": "tests/house/test_gate.py",
    "smoke": "tests/smoke",
    "solutions": "solutions",
}
#: Seconds after which a run is stopped because it hangs. On two idle cores a whole one takes under 30 minutes.
RUN_SECONDS = 2700

#: What the tests use beside Python: a program, the Debian packages it comes in, and what is left out without it.
PROGRAMS = (
    ("chromium", ("chromium", "fonts-dejavu-core"), "the smoke test in a browser is skipped"),
    ("bwrap", ("bubblewrap",), "tests of confinement are skipped"),
)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def run(parts: Sequence[str]) -> int:
    """Run the parts, or everything, and return pytest's exit code. Raises CommandError for a part there is not."""
    targets = paths(parts)
    solutions = any(target.startswith("solutions") for target in targets)
    if needed := [
        each for each in PROGRAMS if each[0] == "bwrap" or any(t in ("tests", "tests/smoke") for t in targets)
    ]:
        provide(needed)
    with tempfile.TemporaryDirectory(prefix="coldstart-test-", ignore_cleanup_errors=True) as scratch, stoppable():
        judges: list[Child] = []
        process: subprocess.Popen[bytes] | None = None
        # Kernels find the project, the labs' aws and a judge of their own: the learner's progress is not touched.
        own = {name: value for name, value in os.environ.items() if not name.startswith("COLDSTART_")}
        environment = surroundings(own, Path(scratch))
        Path(environment["IPYTHONDIR"]).mkdir(parents=True)
        try:
            if solutions:
                judges.append(_judge(Path(scratch), environment))
                told = json.loads(judges[0].first_line(60))
                environment |= {"COLDSTART_JUDGE_URL": told["url"], "COLDSTART_JUDGE_TOKEN": told["token"]}
            # A place of its own: what an earlier run left in the usual one can't disturb this one's clearing up.
            command = [*python("-m", "pytest"), f"--basetemp={scratch}/pytest", *_options(parts, solutions), *targets]
            process = subprocess.Popen(command, cwd=ROOT, env=environment)
            return process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise CommandError(f"the tests did not end within {RUN_SECONDS // 60} minutes and were stopped") from None
        except Stopped:
            return 130
        finally:
            if process is not None and process.poll() is None:
                process.terminate()
                _patiently(process)
            end(judges)


def paths(parts: Iterable[str]) -> list[str]:
    """What pytest is given for these parts. Raises CommandError."""
    chosen: list[str] = []
    for part in parts:
        name = part.rstrip("/")
        path, _, node = name.partition("::")
        if name in PARTS:
            chosen.append(PARTS[name])
        elif name == "unit":
            chosen += sorted(
                str(folder.relative_to(ROOT))
                for folder in (ROOT / "tests").iterdir()
                if folder.name not in ("smoke", "bench", "__pycache__") and folder.is_dir()
            )
        elif Path(path).parts[:1] in (("tests",), ("solutions",)) and (ROOT / path).exists():
            chosen.append(name)
        elif (mirror := _mirror(path)) is not None:
            chosen.append(f"{mirror}::{node}" if node else mirror)
        else:
            known = ", ".join(["unit", *PARTS])
            raise CommandError(
                f"there is no part {part!r}: give one of {known}, a folder such as sandbox/compute, or tests/..."
            )
    return chosen or ["tests", "solutions"]


def _mirror(path: str) -> str | None:
    """The tests of a folder or module: tests/compute of sandbox/compute, tests/checks/test_gate.py of checks/gate.py.

    None if there are none.
    """
    parts = Path(path).parts
    if not parts or not (ROOT / path).exists():
        return None
    inner = parts[1:] if parts[0] == "sandbox" else parts
    if path.endswith(".py"):
        inner = (*(inner[:-1] or ("sandbox",)), f"test_{inner[-1]}")
    candidate = Path("tests", *(inner or ("sandbox",)))
    return str(candidate) if (ROOT / candidate).exists() else None


def _options(parts: Sequence[str], solutions: bool) -> list[str]:
    options = ["--durations=8", "--durations-min=5", "-ra"]
    if solutions:
        options += ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
    if not parts or "unit" in parts or "solutions" in parts:
        # One notebook's cells, and one module's tests, stay together.
        options += ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadscope"]
    return options


def _judge(scratch: Path, environment: Mapping[str, str]) -> Child:
    command = python("-m", "checks.judge", "--state-dir", str(scratch))
    return Child("The judge", command, env=environment, log=scratch / "judge.log", cwd=ROOT)


def _patiently(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    return found or (CHROMIUM_ON_MACOS if Path(CHROMIUM_ON_MACOS).exists() else None)


def provide(programs: Iterable[tuple[str, tuple[str, ...], str]]) -> None:
    """Install the Debian packages of missing programs where that is allowed; else say what is left out."""
    missing = [each for each in programs if (chromium() if each[0] == "chromium" else shutil.which(each[0])) is None]
    if not missing:
        return
    packages = [package for _, some, _ in missing for package in some]
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print(f"Installing {', '.join(packages)} for the tests", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        update = subprocess.run([apt, "update", "-qq"], env=quiet, capture_output=True, check=False)
        install = [apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
        done = subprocess.run(install, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said = (done.stderr.strip() or update.stderr.decode(errors="replace").strip() or "no reason given").splitlines()
        print(f"apt-get could not install them: {said[-1]}", file=sys.stderr)
    for program, some, left_out in missing:
        how = f"sudo apt-get install {' '.join(some)}" if apt else f"install {program}"
        print(f"{program} is missing, so {left_out}; to have it: {how}", file=sys.stderr, flush=True)
