"""AWS's public Powertools layer, from the packages that are installed here.

In an account anyone may use it under AWS's ARN:
https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/#lambda-layer
Here every version number of that ARN gives the one Powertools of requirements.lock, with all its extras.
"""

from __future__ import annotations

import base64
import compileall
import functools
import hashlib
import importlib.metadata
import os
import py_compile
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement

from sandbox.compute.arns import LayerName

#: Owner of the public layers.
ACCOUNT = "017000801446"
POWERTOOLS = "aws-lambda-powertools"
#: What a Python function finds without any layer; the layer must not bring it a second time.
RUNTIME_HAS = ("boto3", "awslambdaric")

_NAME = re.compile(r"AWSLambdaPowertoolsPythonV3-python3(\d+)-(x86_64|arm64)")
_building = threading.Lock()


@dataclass(frozen=True, slots=True)
class PublicLayer:
    """The layer as its folder and its description. `size` is bytes; `sha256` is base64 and stands for the contents."""

    folder: Path
    size: int
    sha256: str
    release: str


def runtime_of(name: LayerName) -> tuple[str, str] | None:
    """Runtime and architecture of AWS's Powertools layer with this name; None if it is another layer."""
    found = _NAME.fullmatch(name.name)
    if name.account != ACCOUNT or found is None:
        return None
    return f"python3.{found[1]}", found[2]


def default_cache() -> Path:
    """Where sandboxes of this checkout share what is made once."""
    return Path(__file__).resolve().parents[2] / ".coldstart" / "cache"


def powertools(cache: Path) -> PublicLayer:
    """The layer's folder in `cache`, laid out at the first use (about a second), and its size."""
    distributions = _closure()
    pins = "\n".join(sorted(f"{d.metadata['Name']}=={d.version}" for d in distributions))
    tag = f"{sys.implementation.cache_tag}\n{pins}"
    digest = hashlib.sha256(tag.encode()).digest()
    folder = cache / "layers" / f"powertools-{digest.hex()[:16]}"
    with _building:
        if not folder.is_dir():
            _lay_out(distributions, folder)
    release = next(d.version for d in distributions if _key(d.metadata["Name"]) == POWERTOOLS)
    return PublicLayer(folder, _size(folder), base64.b64encode(digest).decode(), release)


def _lay_out(distributions: tuple[Distribution, ...], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    draft.chmod(0o755)
    try:
        packages = draft / "python"
        for distribution in distributions:
            for source, place in _files(distribution):
                target = packages / place
                target.parent.mkdir(parents=True, exist_ok=True)
                # A copy, never a hard link: a function that writes into its layer must not change what is installed.
                shutil.copyfile(source, target)
        compileall.compile_dir(packages, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        try:
            os.rename(draft, folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process has been quicker, with the same contents
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _files(distribution: Distribution) -> Iterator[tuple[Path, Path]]:
    for file in distribution.files or ():
        place = Path(str(file))
        if place.is_absolute() or ".." in place.parts or place.suffix == ".pyc":
            continue
        source = Path(str(distribution.locate_file(file)))
        if source.is_file():
            yield source, place


@functools.cache
def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@functools.cache
def _closure() -> tuple[Distribution, ...]:
    runtime = _reach(RUNTIME_HAS, ())
    reached = _reach((POWERTOOLS,), ("all",))
    return tuple(distribution for name, distribution in sorted(reached.items()) if name not in runtime)


def _reach(names: tuple[str, ...], extras: tuple[str, ...]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    queue = [(name, frozenset(extras)) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        name, wanted = item = queue.pop()
        if item in seen:
            continue
        seen.add(item)
        distribution = importlib.metadata.distribution(name)
        found[_key(distribution.metadata["Name"])] = distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if _applies(requirement, wanted):
                queue.append((_key(requirement.name), frozenset(requirement.extras)))
    return found


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
