"""What is taken as a deployment package."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.compute import packages
from sandbox.compute.packages import PackageStore
from sandbox.gateway.call import AwsError

BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."


def archive(write: Callable[[zipfile.ZipFile], Any]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        write(file)
    return content.getvalue()


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def refused(store: PackageStore, content: bytes) -> AwsError:
    with pytest.raises(AwsError) as caught:
        store.add(content)
    assert caught.value.code == "InvalidParameterValueException"
    return caught.value


def test_a_zip_is_unpacked_and_hashed(tmp_path: Path) -> None:
    content = archive(lambda file: (file.writestr("app.py", "x = 1"), file.writestr("lib/deep.py", "")))
    package = PackageStore(tmp_path).add(content)
    assert (package.folder / "app.py").read_text() == "x = 1"
    assert (package.folder / "lib" / "deep.py").is_file()
    assert package.size == len(content)
    assert package.unzipped == 5
    assert package.sha256 == base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_the_same_zip_is_kept_once(tmp_path: Path) -> None:
    store = PackageStore(tmp_path)
    content = archive(lambda file: file.writestr("app.py", "x = 1"))
    assert store.add(content) is store.add(content)
    assert len(os.listdir(tmp_path)) == 1


def test_an_executable_stays_executable(tmp_path: Path) -> None:
    content = archive(lambda file: file.writestr(entry("extensions/ext", stat.S_IFREG | 0o755), "#!/bin/sh"))
    assert os.access(PackageStore(tmp_path).add(content).folder / "extensions" / "ext", os.X_OK)


def test_a_file_that_lambda_could_not_read_is_made_readable_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = archive(lambda file: file.writestr(entry("app.py", stat.S_IFREG | 0o600), "x = 1"))
    path = PackageStore(tmp_path).add(content).folder / "app.py"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "app.py in a package has the permissions 600" in caplog.text


@pytest.mark.parametrize("name", ["../evil.py", "a/../../evil.py", "/etc/evil.py", "..\\evil.py"])
def test_an_entry_outside_the_package_is_refused(tmp_path: Path, name: str) -> None:
    error = refused(PackageStore(tmp_path / "store"), archive(lambda file: file.writestr(name, "x")))
    assert error.message.startswith(BROKEN)
    assert not list(tmp_path.rglob("evil.py"))
    assert not os.listdir(tmp_path / "store"), "what was unpacked until then is removed"


@pytest.mark.parametrize(
    ("names", "told"),
    [(("a", "a/b"), "'a/b'"), (("a/b", "a"), "'a'"), (("a", "a/"), "'a/'"), (("a", "a/b/c"), "'a/b/c'")],
)
def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    content = archive(lambda file: [file.writestr(entry(name, 0o100644), "") for name in names])
    error = refused(PackageStore(tmp_path), content)
    assert error.message.startswith(BROKEN)
    assert told in error.message
    assert os.listdir(tmp_path) == []


def test_a_name_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    content = archive(lambda file: file.writestr(f"{'n' * 300}.py", ""))
    assert "255 bytes" in refused(PackageStore(tmp_path), content).message


def test_a_link_is_refused(tmp_path: Path) -> None:
    error = refused(
        PackageStore(tmp_path), archive(lambda file: file.writestr(entry("link", stat.S_IFLNK | 0o777), "/etc/passwd"))
    )
    assert "link" in error.message


def test_a_bomb_is_refused_by_what_comes_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_UNZIPPED_BYTES", 3_000_000)
    content = archive(lambda file: [file.writestr(f"{n}.bin", bytes(1_000_000)) for n in range(4)])
    assert len(content) < 10_000
    assert refused(PackageStore(tmp_path), content).message == "Unzipped size must be smaller than 3000000 bytes"


@pytest.mark.parametrize("content", [b"not a zip", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(PackageStore(tmp_path), content).message == BROKEN


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive(lambda file: file.writestr("app.py", "x = 1" * 100)))
    content[45] ^= 0xFF
    assert refused(PackageStore(tmp_path), bytes(content)).message == BROKEN


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert (
        refused(PackageStore(tmp_path), archive(lambda file: None)).message == "Uploaded file must be a non-empty zip"
    )


def test_fifty_megabytes_are_the_most_that_a_request_brings(tmp_path: Path) -> None:
    store = PackageStore(tmp_path)
    with pytest.raises(AwsError) as caught:
        store.read({"ZipFile": bytes(packages.MAX_ZIP_BYTES + 1)}, "CreateFunction", lambda *_: b"")
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLargeException", 413)
    assert "for the CreateFunction operation" in caught.value.message


def test_a_package_in_s3_is_fetched(tmp_path: Path) -> None:
    store = PackageStore(tmp_path)
    asked: list[tuple[str, str, str | None]] = []

    def fetch(bucket: str, key: str, version: str | None) -> bytes:
        asked.append((bucket, key, version))
        return b"zip"

    assert store.read({"S3Bucket": "code", "S3Key": "f.zip"}, "CreateFunction", fetch) == b"zip"
    assert asked == [("code", "f.zip", None)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ({}, "Please provide a source for function code."),
        ({"ImageUri": "x"}, "does not support container images"),
        ({"ZipFile": b"x", "S3Bucket": "b"}, "do not provide other FunctionCode parameters"),
    ],
)
def test_a_request_without_a_usable_source(tmp_path: Path, code: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        PackageStore(tmp_path).read(code, "CreateFunction", lambda *_: b"")
