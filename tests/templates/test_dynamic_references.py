"""Dynamic references: found and replaced.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import pytest

from sandbox.templates.document import pointer
from sandbox.templates.dynamic_references import DynamicReference, dynamic_references, resolve_references
from sandbox.templates.errors import TemplateError

ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-a1b2c3"


#: The part after `{{resolve:`, and the reference: service, name, version, JSON key, version stage.
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("ssm:S3AccessControl:2", ("ssm", "S3AccessControl", "2", None, None)),
        ("ssm:/orders/table", ("ssm", "/orders/table", None, None, None)),
        ("ssm-secure:IAMUserPassword:10", ("ssm-secure", "IAMUserPassword", "10", None, None)),
        ("secretsmanager:MySecret", ("secretsmanager", "MySecret", None, None, None)),
        ("secretsmanager:MySecret::::", ("secretsmanager", "MySecret", None, None, None)),
        ("secretsmanager:My:SecretString:user", ("secretsmanager", "My", None, "user", None)),
        ("secretsmanager:My:SecretString:user:AWSPREVIOUS", ("secretsmanager", "My", None, "user", "AWSPREVIOUS")),
        ("secretsmanager:My:SecretString:user::v-1", ("secretsmanager", "My", "v-1", "user", None)),
        (f"secretsmanager:{ARN}", ("secretsmanager", ARN, None, None, None)),
        (f"secretsmanager:{ARN}:SecretString:password", ("secretsmanager", ARN, None, "password", None)),
    ],
)
def test_a_reference_is_read(inside: str, expected: tuple[str, ...]) -> None:
    text = f"{{{{resolve:{inside}}}}}"
    [(path, found)] = dynamic_references({"A": ["x", f"<{text}>"]})
    assert pointer(path) == "/A/1"
    assert (found.service, found.name, found.version, found.json_key, found.version_stage) == expected
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "{{resolve:ssm:a b}}",
        "{{resolve:ssm:a:latest}}",
        "{{resolve:secretsmanager:}}",
        "{{resolve:secretsmanager:a:SecretBinary}}",
        "{{resolve:secretsmanager:a:SecretString:k:AWSCURRENT:v-1}}",
    ],
)
def test_a_reference_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="Incorrect format is used in the following S"):
        list(dynamic_references(text))


def test_references_are_replaced_wherever_they_stand() -> None:
    values = {"user": "u", "db": '{"password": "p", "port": 5432}', "twice": "{{resolve:ssm:user}}"}

    def read(reference: DynamicReference) -> str:
        return values[reference.name]

    value = {
        "A": "{{resolve:ssm:user}}@{{resolve:secretsmanager:db:SecretString:password}}",
        "B": ["{{resolve:secretsmanager:db:SecretString:port}}", 1, "{{resolve:other:x}}", "{{resolve:ssm:twice}}"],
    }
    assert resolve_references(value, read) == {
        "A": "u@p",
        "B": ["5432", 1, "{{resolve:other:x}}", "{{resolve:ssm:user}}"],
    }


@pytest.mark.parametrize(("secret", "message"), [("no JSON", "Could not parse"), ("{}", "JSONKey"), ("[]", "JSONKey")])
def test_a_secret_without_the_key_is_refused(secret: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        resolve_references("{{resolve:secretsmanager:db:SecretString:k}}", lambda reference: secret)
