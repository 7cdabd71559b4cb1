"""JupyterLab as the labs need it: its settings, and the surroundings of kernels and terminals.

The folders beside this file: `bin` comes first on the learner's PATH; `jupyter` is on JupyterLab's configuration path
(but for custom.css, which JupyterLab looks for in the learner's own folder); `shell` keeps `bin` first in terminals
whose start-up files change PATH.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from checks.held import scrubbed
from checks.state import ROOT

FOLDER = Path(__file__).resolve().parent


def surroundings(environ: Mapping[str, str], state: Path) -> dict[str, str]:
    """The environment of JupyterLab, and so of every kernel and terminal in it.

    Nothing of the learner's AWS settings, and of the machine's Jupyter and IPython settings, comes in.
    """
    if environ.get("COLDSTART_TARGET") == "account":
        kept = dict(environ)
    else:
        kept = scrubbed(environ)
    kept = {name: value for name, value in kept.items() if not name.startswith(("JUPYTER", "IPYTHON", "PYTHONSTARTUP"))}
    folders = [str(FOLDER / "bin"), str(Path(sys.executable).parent)]
    folders += [part for part in kept.get("PATH", os.defpath).split(os.pathsep) if part and part not in folders]
    jupyter = state / "jupyter"
    return {
        **kept,
        "PATH": os.pathsep.join(folders),
        "PYTHONPATH": str(ROOT),
        "COLDSTART_PYTHON": sys.executable,
        "COLDSTART_BIN": str(FOLDER / "bin"),
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),
        "JUPYTER_CONFIG_PATH": str(FOLDER / "jupyter"),
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_RUNTIME_DIR": str(jupyter / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(jupyter / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(jupyter / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(jupyter / "ipython"),
    }


def start_page(labs: Path) -> str:
    """The path of the page that opens first."""
    page = "00-start-here.ipynb"
    return f"/lab/tree/{page}" if (labs / page).is_file() else "/lab"


def terminal_shell(environ: Mapping[str, str]) -> list[str]:
    """The learner's shell for JupyterLab's terminals, reading their own start-up file and then ours."""
    shell = environ.get("SHELL") or "/bin/sh"
    if Path(shell).name == "bash":
        return [shell, "--rcfile", str(FOLDER / "shell" / "bashrc"), "-i"]
    return [shell]


def arguments(labs: Path, port: int, token: str, environ: Mapping[str, str]) -> list[str]:
    """JupyterLab's command line: the settings that depend on this start."""
    shell = {"shell_command": terminal_shell(environ)}
    return [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={labs}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        f"--ServerApp.terminado_settings={shell!r}",
        f"--IdentityProvider.token={token}",
        "--ContentsManager.pre_save_hook=checks.workbench.saving.without_widgets",
        f"--LabApp.default_url={start_page(labs)}",
    ]
