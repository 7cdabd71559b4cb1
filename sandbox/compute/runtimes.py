"""Which runtimes run here, on which interpreter, and which packages a runtime's base image has.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
RUNTIMES = tuple(f"python{version}" for version in VERSIONS)

#: What a function can import beside the standard library, its code and its layers.
PACKAGES = (
    *("awslambdaric", "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"),
    *("simplejson", "snapshot_restore_py"),
)
#: Their distributions, so that importlib.metadata tells their versions.
_DISTRIBUTIONS = (
    *("awslambdaric", "boto3", "botocore", "s3transfer", "jmespath", "python_dateutil", "six", "urllib3"),
    *("simplejson", "snapshot_restore_py"),
)
#: awslambdaric's own HTTP client, an extension module for Linux.
_NATIVE_CLIENT = "runtime_client"

_HERE = Path(__file__).resolve().parent

_LOOK = (
    "import json,sys,sysconfig;"
    "print(json.dumps(['%d.%d'%sys.version_info[:2],getattr(sys,'_base_executable',sys.executable),"
    "sys.base_prefix,sys.base_exec_prefix,sysconfig.get_config_var('LIBDIR') or '']))"
)
_LOOK_SECONDS = 10


class UnsupportedRuntime(ValueError):
    """A runtime that doesn't run here. The message names those that do."""

    def __init__(self, runtime: str) -> None:
        super().__init__(f"The runtime {runtime} does not run in this sandbox. These run: {', '.join(RUNTIMES)}.")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine. `prefixes` are the folders that it needs to be seen."""

    version: str
    executable: str
    prefixes: tuple[str, ...]


def check(runtime: str) -> None:
    """Raise UnsupportedRuntime unless `runtime` runs here, if need be on another version of Python."""
    if runtime not in RUNTIMES:
        raise UnsupportedRuntime(runtime)


def interpreter(runtime: str) -> tuple[Interpreter, str]:
    """The interpreter for a runtime, and a notice if it is another version's: empty if it isn't."""
    check(runtime)
    wanted = runtime.removeprefix("python")
    found = own() if wanted == own().version else _find(wanted)
    if found is not None:
        return found, ""
    return own(), (
        f"{runtime} is not on this machine: functions with that runtime run on Python {own().version}. "
        f"Put a python{wanted} on the PATH, then start again, to run them on it."
    )


@functools.cache
def own() -> Interpreter:
    """The interpreter that this process runs on, without its virtual environment."""
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    return _interpreter(version, executable, sys.base_prefix, sys.base_exec_prefix, libraries)


def _interpreter(version: str, executable: str, *folders: str) -> Interpreter:
    real = (os.path.realpath(folder) for folder in (*folders, os.path.dirname(executable)) if folder)
    # A library folder below the prefix is seen with it.
    prefixes: list[str] = []
    for folder in sorted({path for path in real if os.path.isdir(path)}, key=len):
        if not any(folder == prefix or folder.startswith(prefix.rstrip("/") + "/") for prefix in prefixes):
            prefixes.append(folder)
    return Interpreter(version, executable, tuple(prefixes))


@functools.cache
def _find(version: str) -> Interpreter | None:
    for candidate in _candidates(version):
        try:
            told = subprocess.run(
                [candidate, "-I", "-S", "-c", _LOOK],
                capture_output=True,
                timeout=_LOOK_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
            )
            found, executable, *folders = json.loads(told.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            # A shim without a version behind it, or not a Python.
            continue
        if found == version:
            return _interpreter(found, os.path.realpath(executable), *folders)
    return None


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    for folder in os.get_exec_path():
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            yield path
    home = Path.home()
    for pattern in (
        f".pyenv/versions/{version}.*/bin/{name}",
        f".local/share/uv/python/cpython-{version}*/bin/{name}",
        f".asdf/installs/python/{version}.*/bin/{name}",
    ):
        yield from sorted(map(str, home.glob(pattern)), reverse=True)


def native_client() -> Path | None:
    """awslambdaric's compiled HTTP client, where its wheel has one for this system."""
    spec = importlib.util.find_spec(_NATIVE_CLIENT)
    if spec is None or spec.origin is None or platform.system() != "Linux":
        return None
    return Path(spec.origin)


@functools.cache
def runtime_folder(*, stand_in: bool = False) -> tuple[tuple[Path, str], ...]:
    """What stands in /var/runtime, as (path here, name there). `stand_in` leaves the native client out.

    One folder serves every version: an interpreter takes the compiled client only if it is built for it, and else
    the module of the same name in Python.
    """
    content = [(_HERE / "bootstrap.py", "bootstrap.py"), (_HERE / "runtime_client.py", f"{_NATIVE_CLIENT}.py")]
    native = native_client()
    if native is not None and not stand_in:
        content.append((native.resolve(), native.name))
    folders = set()
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"{name} is not installed: the project's environment is not complete")
        origin = Path(spec.origin)
        path = origin.parent if spec.submodule_search_locations else origin
        folders.add(path.parent)
        content.append((path.resolve(), path.name))
    for folder in folders:
        for name in _DISTRIBUTIONS:
            content += [(path.resolve(), path.name) for path in folder.glob(f"{name}-*.dist-info")]
    return tuple(content)
