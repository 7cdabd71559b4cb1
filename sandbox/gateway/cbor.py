"""CBOR as far as Smithy's rpc-v2-cbor protocol uses it: what SDKs other than boto3 speak with CloudWatch, say.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html and https://www.rfc-editor.org/rfc/rfc8949
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_EPOCH_TIME = 1
_BREAK = 0xFF
_MAX_DEPTH = 64


class BadCbor(ValueError):
    """The bytes are not CBOR of the kind that AWS uses."""


def encode(value: Any) -> bytes:
    """`value` (dict, list, str, bytes, int, float, bool, None, datetime) in CBOR."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(3, len(text)) + text
    if isinstance(value, datetime):
        return _head(6, _EPOCH_TIME) + encode(value.timestamp())
    if isinstance(value, Mapping):
        return _head(5, len(value)) + b"".join(encode(str(key)) + encode(item) for key, item in value.items())
    if isinstance(value, Sequence):
        return _head(4, len(value)) + b"".join(encode(item) for item in value)
    raise BadCbor(f"no CBOR for a {type(value).__name__}")


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes([major << 5 | size])
    for code, form, most in ((24, ">B", 0xFF), (25, ">H", 0xFFFF), (26, ">I", 0xFFFFFFFF), (27, ">Q", 2**64 - 1)):
        if size <= most:
            return bytes([major << 5 | code]) + struct.pack(form, size)
    raise BadCbor(f"{size} is too large")


def decode(data: bytes) -> Any:
    """The one value that `data` holds; BadCbor if it does not hold one."""
    try:
        value, end = _item(data, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError, TypeError) as error:
        raise BadCbor("the CBOR body is cut short or broken") from error
    if end != len(data):
        raise BadCbor("more follows the CBOR value")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise BadCbor("the CBOR body is nested too deeply")
    major, minor = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return _simple(data, at, minor)
    if minor == 31:
        return _open_ended(data, at, major, depth)
    size, at = _size(data, at, minor)
    if major == 0:
        return size, at
    if major == 1:
        return -1 - size, at
    if major in (2, 3):
        raw = data[at : at + size]
        if len(raw) < size:
            raise BadCbor("the CBOR body is cut short")
        return (raw if major == 2 else raw.decode()), at + size
    if major == 6:
        value, at = _item(data, at, depth + 1)
        return (datetime.fromtimestamp(value, UTC) if size == _EPOCH_TIME else value), at
    if size > len(data):
        raise BadCbor("the CBOR body is cut short")
    items = []
    for _ in range(size * (2 if major == 5 else 1)):
        value, at = _item(data, at, depth + 1)
        items.append(value)
    return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at


def _size(data: bytes, at: int, minor: int) -> tuple[int, int]:
    if minor < 24:
        return minor, at
    form = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}.get(minor)
    if form is None:
        raise BadCbor(f"unknown CBOR size {minor}")
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def _simple(data: bytes, at: int, minor: int) -> tuple[Any, int]:
    if minor in (20, 21, 22, 23):
        return {20: False, 21: True}.get(minor), at
    form = {25: ">e", 26: ">f", 27: ">d"}.get(minor)
    if form is None:
        raise BadCbor(f"unknown CBOR value {minor}")
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def _open_ended(data: bytes, at: int, major: int, depth: int) -> tuple[Any, int]:
    items = []
    while data[at] != _BREAK:
        value, at = _item(data, at, depth + 1)
        items.append(value)
    at += 1
    if major == 2:
        return b"".join(items), at
    if major == 3:
        return "".join(items), at
    if major == 4:
        return items, at
    if major == 5 and len(items) % 2 == 0:
        return dict(zip(items[::2], items[1::2], strict=True)), at
    raise BadCbor("the CBOR body is broken")
