"""What running commands tell each other: small JSON files in the state folder, each written in one piece.

`lab.json` and `sandbox.json` are written by the commands of the same names, `labs.json` by the judge: for each open
lab the endpoint of its sandbox, the learner's credentials and when it was started.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


def state_folder() -> Path:
    """Where state is kept: .coldstart in the repository, or the folder that COLDSTART_STATE names."""
    return Path(os.environ.get("COLDSTART_STATE") or ROOT / ".coldstart").absolute()


def course_folder() -> Path:
    """What holds labs/, solutions/ and checks/: the repository, or the folder that COLDSTART_COURSE names."""
    return Path(os.environ.get("COLDSTART_COURSE") or ROOT).absolute()


def read(name: str) -> dict[str, Any]:
    """The state file's content; an empty mapping if it is not there or not readable."""
    try:
        content = json.loads((state_folder() / name).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def running_sandboxes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The content of labs.json and of sandbox.json, without sandboxes that a crash left in there."""
    labs = {lab: record for lab, record in read("labs.json").items() if _answers(record)}
    served = read("sandbox.json")
    return labs, served if _answers(served) else {}


def _answers(record: object) -> bool:
    if not isinstance(record, dict):
        return False
    address = urlsplit(str(record.get("endpoint", "")))
    if not address.hostname or not address.port:
        return False
    try:
        socket.create_connection((address.hostname, address.port), timeout=1).close()
    except OSError:
        return False
    return True


def write(name: str, content: Mapping[str, Any]) -> None:
    """Replace the state file. It may hold a token: only its owner reads it."""
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.{os.getpid()}.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps(content, indent=1), "utf-8")
    part.replace(folder / name)


def forget(name: str) -> None:
    (state_folder() / name).unlink(missing_ok=True)
