"""Deployment packages: a zip is judged, hashed and unpacked into a folder that environments read.

Limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import shutil
import stat
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.compute.errors import invalid, unsupported
from sandbox.gateway.call import AwsError

log = logging.getLogger(__name__)

MAX_ZIP_BYTES = 50 * 1024 * 1024
MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
#: A zip of a million empty files is small and unpacks for minutes; this many are more than any real package has.
MAX_ENTRIES = 100_000
#: What Linux takes as a file's name.
MAX_NAME_BYTES = 255

#: Fetches (bucket, key, version or None) from S3, as bytes.
Fetch = Callable[[str, str, str | None], bytes]

_BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked zip. `sha256` is base64, as Lambda gives it; `size` is the zip's, in bytes."""

    sha256: str
    size: int
    unzipped: int
    folder: Path


class PackageStore:
    """Unpacked packages in one folder; the same zip is unpacked once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._packages: dict[str, Package] = {}

    def add(self, content: bytes) -> Package:
        """Unpack a zip; AwsError(InvalidParameterValueException) if it is none, or holds what Lambda refuses."""
        digest = hashlib.sha256(content)
        with self._lock:
            known = self._packages.get(digest.hexdigest())
        if known is not None:
            return known
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{digest.hexdigest()[:16]}-", dir=self._root))
        folder.chmod(0o755)
        try:
            unzipped = _unpack(content, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        package = Package(base64.b64encode(digest.digest()).decode(), len(content), unzipped, folder)
        with self._lock:
            return self._packages.setdefault(digest.hexdigest(), package)

    def read(self, code: Mapping[str, Any], operation: str, fetch: Fetch) -> bytes:
        """The zip that a request brings in ZipFile, or names by S3Bucket and S3Key."""
        if code.get("ImageUri") is not None:
            raise unsupported("container images (ImageUri)", "functions run from .zip packages")
        if code.get("SourceKMSKeyArn"):
            raise unsupported("SourceKMSKeyArn", "packages are not encrypted here")
        if code.get("S3ObjectStorageMode") == "REFERENCE":
            raise unsupported("S3ObjectStorageMode REFERENCE", "a package is always copied")
        content = code.get("ZipFile")
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if content is not None:
            if bucket or key or code.get("S3ObjectVersion"):
                raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
            if len(content) > MAX_ZIP_BYTES:
                # AWS limits the request, base64 and all; this is the size that 50 MB come to.
                raise AwsError(
                    "RequestEntityTooLargeException",
                    f"Request must be smaller than {MAX_ZIP_BYTES * 4 // 3} bytes for the {operation} operation",
                    413,
                )
        elif bucket and key:
            content = fetch(bucket, key, code.get("S3ObjectVersion"))
        else:
            raise invalid("Please provide a source for function code.")
        if not content:
            raise invalid("Uploaded file must be a non-empty zip")
        return bytes(content)


def _unpack(content: bytes, folder: Path) -> int:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if not entries:
                raise invalid("Uploaded file must be a non-empty zip")
            if len(entries) > MAX_ENTRIES:
                raise invalid(f"{_BROKEN} It holds {len(entries)} entries, more than {MAX_ENTRIES}.")
            written = 0
            for entry in entries:
                written += _extract(archive, entry, folder, MAX_UNZIPPED_BYTES - written)
            return written
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise invalid(_BROKEN) from error


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, room: int) -> int:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in entry.filename or not path.parts:
        raise invalid(f"{_BROKEN} The entry {entry.filename!r} would lie outside the package.")
    if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.parts):
        raise invalid(f"{_BROKEN} The entry {entry.filename[:60]!r}... has a name of more than {MAX_NAME_BYTES} bytes.")
    mode = entry.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise invalid(f"{_BROKEN} The entry {entry.filename!r} is a link or a device; this sandbox takes files only.")
    target = folder.joinpath(*path.parts)
    try:
        (target if entry.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise invalid(f"{_BROKEN} The entry {entry.filename!r} needs a folder where another entry is a file.") from None
    if entry.is_dir():
        return 0
    if target.is_dir():
        raise invalid(f"{_BROKEN} The entry {entry.filename!r} is a file, and a folder by its other entries.")
    written = 0
    # The header's size is the sender's word: count what really comes out.
    with archive.open(entry) as source, open(target, "wb") as sink:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > room:
                raise invalid(f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes")
            sink.write(piece)
    permissions = (mode & 0o777) or 0o644
    if not permissions & 0o004:
        # Python's own ZipFile.writestr makes such entries.
        log.warning(
            "%s in a package has the permissions %o and is made readable here; in an account Lambda could not read it "
            "(Permission denied): give files 644 and executables 755",
            entry.filename,
            permissions,
        )
        permissions |= 0o444 | (0o111 if permissions & 0o100 else 0)
    os.chmod(target, permissions)
    return written
