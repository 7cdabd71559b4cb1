"""Keys and their aliases, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import Bench

ROOT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


def _key(bench: Bench, name: str) -> Any:
    return bench.client("kms").describe_key(KeyId=name)["KeyMetadata"]


def test_a_key_is_made_changed_and_scheduled_to_go(bench: Bench) -> None:
    given = {
        "Description": "of the orders",
        "EnableKeyRotation": True,
        "KeyPolicy": ROOT,
        "PendingWindowInDays": 7,
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    key = bench.create("AWS::KMS::Key", given)
    name = bench.ref(key)
    arn = f"arn:aws:kms:us-east-1:123456789012:key/{name}"
    assert bench.attributes(key) == {"Arn": arn, "KeyId": name}
    assert _key(bench, name)["Description"] == "of the orders"
    kms = bench.client("kms")
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is True

    def tags() -> dict[str, str]:
        return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=name)["Tags"]}

    assert tags() == {"team": "shop", "project": "coldstart"}
    other = {**ROOT, "Id": "other"}
    key = bench.update(key, {"KeyPolicy": other, "Enabled": False, "PendingWindowInDays": 7})
    assert _key(bench, name)["KeyState"] == "Disabled"
    assert _key(bench, name)["Description"] == ""
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is False
    assert json.loads(kms.get_key_policy(KeyId=name, PolicyName="default")["Policy"]) == other
    assert tags() == {"project": "coldstart"}
    bench.delete(key)
    found = _key(bench, name)
    assert found["KeyState"] == "PendingDeletion"
    assert (found["DeletionDate"] - found["CreationDate"]).days in (6, 7)
    bench.delete(key)


def test_a_key_stays_what_it_was_made_as(bench: Bench) -> None:
    key = bench.create("AWS::KMS::Key", {"KeyPolicy": ROOT})
    with pytest.raises(Failed, match="KeySpec"):
        bench.update(key, {"KeyPolicy": ROOT, "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"})


def test_an_alias_names_one_key_and_then_another(bench: Bench) -> None:
    keys = [bench.ref(bench.create("AWS::KMS::Key", {"KeyPolicy": ROOT})) for _ in range(2)]
    alias = bench.create("AWS::KMS::Alias", {"AliasName": "alias/orders", "TargetKeyId": keys[0]})
    assert bench.ref(alias) == "alias/orders"
    assert _key(bench, "alias/orders")["KeyId"] == keys[0]
    alias = bench.update(alias, {"AliasName": "alias/orders", "TargetKeyId": keys[1]})
    assert _key(bench, "alias/orders")["KeyId"] == keys[1]
    bench.delete(alias)
    with pytest.raises(ClientError, match="NotFound"):
        _key(bench, "alias/orders")
