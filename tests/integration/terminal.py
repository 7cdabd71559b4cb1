"""A folder in which the labs' commands run, as in a terminal of JupyterLab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from checks import held
from sandbox.nursery import SandboxHandle

BIN = Path(__file__).resolve().parents[2] / "checks" / "workbench" / "bin"


class Terminal:
    """Runs `sam` and `aws` against one sandbox, in a folder and with a state folder of its own."""

    def __init__(self, folder: Path, endpoint: str, credentials: Mapping[str, str]) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        record = {"endpoint": endpoint, "credentials": dict(credentials), "region": held.REGION, "started": "now"}
        (self.state / "labs.json").write_text(json.dumps({"02": record}))

    @classmethod
    def of(cls, folder: Path, sandbox: SandboxHandle) -> Terminal:
        """One for a sandbox, with its learner's rights."""
        return cls(folder, sandbox.endpoint, sandbox.learner)

    def started(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """A command, just started, in a process group of its own. `variables` are added to its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLDSTART_"))}
        own = {
            "COLDSTART_STATE": str(self.state),
            "COLDSTART_PYTHON": sys.executable,
            # Wide enough for a stack's event to stand on one line.
            "COLUMNS": "400",
        }
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            env={**kept, **own, **variables},
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """A command that has ended, with what was typed to it. TimeoutExpired after two minutes."""
        with self.started(*command, **variables) as process:
            try:
                out, err = process.communicate(typed, timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def done(self, *command: str, typed: str = "", **variables: str) -> str:
        """What a command that must succeed printed, errors after output."""
        ended = self.run(*command, typed=typed, **variables)
        assert ended.returncode == 0, f"{' '.join(command)}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr
