"""Secrets, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench


def _secret(bench: Bench, arn: str) -> Any:
    return bench.client("secretsmanager").describe_secret(SecretId=arn)


def _value(bench: Bench, arn: str) -> str:
    return str(bench.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_a_password_is_generated_into_its_template(bench: Bench) -> None:
    generate = {
        "SecretStringTemplate": '{"username": "shop"}',
        "GenerateStringKey": "password",
        "PasswordLength": "24",
        "ExcludePunctuation": "true",
    }
    secret = bench.create("AWS::SecretsManager::Secret", {"GenerateSecretString": generate}, "Login")
    arn = bench.ref(secret)
    assert arn.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:Login-")
    assert bench.attributes(secret) == {"Id": arn}
    value = json.loads(_value(bench, arn))
    assert value["username"] == "shop"
    assert len(value["password"]) == 24
    assert value["password"].isalnum()
    bench.update(secret, {"GenerateSecretString": {**generate, "PasswordLength": 30}})
    assert len(json.loads(_value(bench, arn))["password"]) == 30


def test_a_change_beside_the_value_leaves_it_alone(bench: Bench) -> None:
    given = {"Name": "shop/key", "SecretString": "first", "Description": "a key"}
    secret = bench.create("AWS::SecretsManager::Secret", {**given, "Tags": [{"Key": "team", "Value": "shop"}]})
    arn = bench.ref(secret)

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in _secret(bench, arn)["Tags"]}

    assert tags()["team"] == "shop"
    assert tags()["aws:cloudformation:stack-id"] == STACK_ID
    secret = bench.update(secret, {**given, "Description": "another"})
    assert _secret(bench, arn)["Description"] == "another"
    assert _value(bench, arn) == "first"
    assert "team" not in tags()
    secret = bench.update(secret, {"Name": "shop/key", "SecretString": "second"})
    assert _value(bench, arn) == "second"
    assert not _secret(bench, arn).get("Description")
    bench.delete(secret)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        _secret(bench, arn)
    bench.create("AWS::SecretsManager::Secret", {"Name": "shop/key"})


def test_a_value_is_given_or_generated(bench: Bench) -> None:
    with pytest.raises(Failed, match="both"):
        bench.create("AWS::SecretsManager::Secret", {"SecretString": "a", "GenerateSecretString": {}})
