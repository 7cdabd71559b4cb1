"""The types of a call's members: what is of another type than AWS's model has it is refused before it is looked at.

boto3 checks them before it sends; other clients may not.
https://docs.aws.amazon.com/codedeploy/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Call, Operation


def typed(name: str, operation: Operation) -> Operation:
    """The operation, answering only calls whose members have their types; members that are null are left out."""

    def answered(call: Call) -> Mapping[str, Any] | None:
        shape = moto_adapter.service_model("codedeploy").operation_model(name).input_shape
        if shape is not None:
            call.params = _read(shape, call.params)
        return operation(call)

    return answered


def _read(shape: Any, value: Any) -> Any:
    """A value without its nulls; AwsError SerializationException if it is of another type."""
    match shape.type_name, value:
        case "structure", dict():
            members = shape.members
            return {
                name: _read(members[name], inner)
                for name, inner in value.items()
                if inner is not None and name in members
            }
        case "map", dict():
            return {name: _read(shape.value, inner) for name, inner in value.items() if inner is not None}
        case "list", list():
            return [_read(shape.member, inner) for inner in value if inner is not None]
        case ("string", str()) | ("boolean", bool()) | ("timestamp", datetime()):
            return value
        case (("integer" | "long"), int()) if not isinstance(value, bool):
            return value
    raise AwsError("SerializationException", _wrong(shape.type_name, value), 400)


def _wrong(expected: str, value: Any) -> str:
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected."
    if isinstance(value, bool):
        found = f"{value}_VALUE".upper()
    else:
        found = "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"
    return f"{found} can not be converted to a {expected.capitalize()}"
