"""The forms in which a function can be named."""

from __future__ import annotations

import pytest

from sandbox.compute.arns import parse_function
from sandbox.gateway.call import AwsError

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"


@pytest.mark.parametrize(
    ("text", "qualifier", "arn"),
    [
        ("orders", None, ARN),
        ("orders", "live", f"{ARN}:live"),
        ("orders:live", None, f"{ARN}:live"),
        ("orders:$LATEST", None, f"{ARN}:$LATEST"),
        (ARN, None, ARN),
        (f"{ARN}:7", None, f"{ARN}:7"),
        (f"{ARN}:7", "7", f"{ARN}:7"),
        (f"{ACCOUNT}:function:orders", None, ARN),
        (f"{ACCOUNT}:orders:7", None, f"{ARN}:7"),
        ("function:orders", None, ARN),
    ],
)
def test_a_name_stands_for_an_arn(text: str, qualifier: str | None, arn: str) -> None:
    assert parse_function(text, ACCOUNT, REGION, qualifier).arn == arn


@pytest.mark.parametrize(
    ("text", "qualifier", "code"),
    [
        ("orders:1", "2", "InvalidParameterValueException"),
        ("or ders", None, "InvalidParameterValueException"),
        ("x" * 65, None, "ValidationException"),
        (f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:orders", None, "ResourceNotFoundException"),
    ],
)
def test_a_name_that_cannot_be_meant(text: str, qualifier: str | None, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_function(text, ACCOUNT, REGION, qualifier)
    assert caught.value.code == code
