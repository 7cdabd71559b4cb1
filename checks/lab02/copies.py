"""Copies of the lab's folders to change and deploy, so that the files that you read stay as they are."""

from __future__ import annotations

import atexit
import secrets
import shutil
import tempfile
from pathlib import Path

TABLE_BYTES = 2_000_000


def copied(folder: Path) -> Path:
    """A copy of a folder below the system's folder for temporary files, under its own name. It goes with the notebook's
    kernel."""
    place = Path(tempfile.mkdtemp(prefix="coldstart-lab02-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    target = place / folder.name
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__", ".aws-sam"))
    return target


def edited(file: Path, old: str, new: str) -> None:
    """Write `new` in place of `old`, which must stand in the file. ValueError if it does not."""
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{file.name} has no {old!r}")
    file.write_text(text.replace(old, new), encoding="utf-8")


def new_release(*files: Path) -> str:
    """Write a name that nothing had before into each file's line RELEASE = ...; the name."""
    name = f"release-{secrets.token_hex(4)}"
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        changed = [f'RELEASE = "{name}"\n' if line.startswith("RELEASE = ") else line for line in lines]
        file.write_text("".join(changed), encoding="utf-8")
    return name


def with_tables(folder: Path) -> Path:
    """A copy of the folder `layers` in which the dependency lies in the zip of one function, and in the layer.

    Its tables are two megabytes that no zip makes smaller, and new in every run.
    """
    target = copied(folder)
    (target / "shop_tax" / "tables.bin").write_bytes(secrets.token_bytes(TABLE_BYTES))
    for place in ("in-zip", "layer/python"):
        shutil.copytree(target / "shop_tax", target / place / "shop_tax")
    return target
