"""CBOR there and back, AWS's indefinite forms, and bytes that are none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.gateway import cbor


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        23,
        24,
        255,
        65_536,
        2**40,
        -1,
        -500,
        1.5,
        "",
        "ünï",
        b"\x00\xff",
        [],
        [1, "a", [2.5]],
        {},
        {"a": {"b": [None, True]}},
        datetime(2026, 11, 21, 12, 0, 0, 250_000, UTC),
    ],
)
def test_a_value_comes_back(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("9f0102ff", [1, 2]),  # RFC 8949, appendix A
        ("bf6161019f02ffff", None),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("7f657374726561646d696e67ff", "streaming"),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("f93c00", 1.0),
        ("fa47c35000", 100_000.0),
        ("c11a514b67b0", datetime(2013, 3, 21, 20, 4, tzinfo=UTC)),
    ],
)
def test_other_encodings_are_read(data: str, value: Any) -> None:
    if value is None:
        with pytest.raises(cbor.BadCbor):
            cbor.decode(bytes.fromhex(data))
    else:
        assert cbor.decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"\x19\x01", b"\x62a", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x01\x02", b"\x81" * 500, b"\x62\xff\xff"],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(cbor.BadCbor):
        cbor.decode(data)
