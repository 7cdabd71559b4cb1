"""Layer versions and their permissions, as a template makes them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types import inline_code
from tests.templates.types.conftest import Bench


@pytest.fixture(scope="module")
def content(bench: Bench) -> dict[str, str]:
    s3 = bench.client("s3")
    s3.create_bucket(Bucket="layers-of-types")
    s3.put_object(Bucket="layers-of-types", Key="layer.zip", Body=inline_code.package("ONE = 1\n"))
    return {"S3Bucket": "layers-of-types", "S3Key": "layer.zip"}


def test_a_layer_version_is_published_and_deleted(bench: Bench, content: dict[str, str]) -> None:
    given = {"LayerName": "shared", "Content": content, "CompatibleRuntimes": ["python3.11"], "LicenseInfo": "MIT"}
    layer = bench.create("AWS::Lambda::LayerVersion", given)
    assert bench.ref(layer) == "arn:aws:lambda:us-east-1:123456789012:layer:shared:1"
    assert bench.attributes(layer) == {"LayerVersionArn": bench.ref(layer)}
    client = bench.client("lambda")
    found = client.get_layer_version(LayerName="shared", VersionNumber=1)
    assert (found["CompatibleRuntimes"], found["LicenseInfo"]) == (["python3.11"], "MIT")
    bench.delete(layer)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_layer_version(LayerName="shared", VersionNumber=1)


def test_a_layer_without_a_name_has_one_of_the_stack(bench: Bench, content: dict[str, str]) -> None:
    layer = bench.create("AWS::Lambda::LayerVersion", {"Content": content}, "Common")
    assert ":layer:shop-Common-" in bench.ref(layer)


def test_another_account_may_use_a_layer_version_until_its_permission_goes(
    bench: Bench, content: dict[str, str]
) -> None:
    arn = bench.ref(bench.create("AWS::Lambda::LayerVersion", {"LayerName": "lent", "Content": content}))
    given = {"LayerVersionArn": arn, "Action": "lambda:GetLayerVersion", "Principal": "210987654321"}
    permission = bench.create("AWS::Lambda::LayerVersionPermission", given)
    client = bench.client("lambda")
    policy = json.loads(client.get_layer_version_policy(LayerName="lent", VersionNumber=1)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    bench.delete(permission)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_layer_version_policy(LayerName="lent", VersionNumber=1)
