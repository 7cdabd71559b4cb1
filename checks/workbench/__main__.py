"""The JupyterLab process that `./coldstart` starts: `python -m checks.workbench --port N`.

It loads JupyterLab while the judge is still starting, then reads one line of JSON from standard input: {"token": ...,
"variables": {...}}, JupyterLab's token and what kernels are to find in their environment. End of file on standard input
means that the command that started it is gone; it ends then, kernels included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from jupyterlab.labapp import LabApp

from checks.state import course_folder
from checks.workbench import FOLDER, arguments


def main() -> None:
    parser = argparse.ArgumentParser(prog="checks.workbench", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_args().port

    line = sys.stdin.readline()
    if not line:
        return
    told = json.loads(line)
    os.environ.update(told["variables"])
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if os.environ.get("SHELL", "").endswith("zsh"):
        os.environ["COLDSTART_ZDOTDIR"] = os.environ.get("ZDOTDIR") or os.path.expanduser("~")
        os.environ["ZDOTDIR"] = str(FOLDER / "shell")
    style = Path(os.environ["JUPYTER_CONFIG_DIR"]) / "custom" / "custom.css"
    style.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(FOLDER / "jupyter" / "custom.css", style)
    LabApp.launch_instance(argv=arguments(course_folder() / "labs", port, told["token"], os.environ))


def _end_with_parent() -> None:
    # Not through sys.stdin: its lock, held by a daemon thread, would abort the interpreter as it ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
