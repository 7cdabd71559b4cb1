"""Where AppSpec files come from: the call itself, or a bucket."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.delivery.conftest import ALL_AT_ONCE, Delivery, inline

BUCKET = "releases"


@pytest.fixture(scope="module")
def bucket(delivery: Delivery) -> str:
    delivery.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


def in_bucket(key: str, kind: str = "JSON", **more: str) -> dict[str, Any]:
    place = {"bucket": BUCKET, "key": key, "bundleType": kind, **more}
    return {"revisionType": "S3", "s3Location": place}


def group(delivery: Delivery, name: str) -> None:
    delivery.versions(name)
    delivery.group(name, ALL_AT_ONCE)


def test_an_appspec_file_in_a_bucket_is_read_with_the_service_role(delivery: Delivery, bucket: str) -> None:
    group(delivery, "stored")
    text = (
        "version: 0.0\nResources:\n  - f:\n      Type: AWS::Lambda::Function\n      Properties:\n        Name: stored\n"
        "        Alias: live\n        CurrentVersion: 1\n        TargetVersion: 2\n"
    )
    # The managed policy lets CodeDeploy read below this prefix, or what is tagged for it.
    put = delivery.client("s3").put_object(Bucket=bucket, Key="CodeDeploy/spec.yaml", Body=text.encode())
    identifier = delivery.begin("stored", revision=in_bucket("CodeDeploy/spec.yaml", "YAML", eTag=put["ETag"]))
    info = delivery.info(identifier)
    assert info["status"] == "Succeeded"
    assert info["revision"]["s3Location"]["key"] == "CodeDeploy/spec.yaml"
    assert delivery.alias("stored") == ("2", {})


def test_a_file_that_the_role_may_not_read_is_not_read(delivery: Delivery, bucket: str) -> None:
    group(delivery, "closed")
    body = delivery.spec("closed").encode()
    delivery.client("s3").put_object(Bucket=bucket, Key="elsewhere.json", Body=body)
    identifier = delivery.begin("closed", revision=in_bucket("elsewhere.json"))
    status, code, message = delivery.error(identifier)
    assert (status, code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert "in the following AWS service: AmazonS3." in message
    assert delivery.alias("closed") == ("1", {})


@pytest.mark.parametrize(
    ("content", "more", "code"),
    [
        (None, {}, "REVISION_MISSING"),
        (b"\xff\xfe\x00", {}, "INVALID_LAMBDA_CONFIGURATION"),
        (b"[]", {}, "INVALID_LAMBDA_CONFIGURATION"),
        (b"x" * 300_000, {}, "INVALID_LAMBDA_CONFIGURATION"),
        (b"{}", {"eTag": "abc"}, "INVALID_REVISION"),
    ],
)
def test_a_file_that_is_none_fails_the_deployment(
    delivery: Delivery, bucket: str, content: bytes | None, more: dict[str, str], code: str
) -> None:
    name = f"none-{code.lower().replace('_', '-')}-{len(content or b'')}"
    group(delivery, name)
    iam = delivery.client("iam")
    # Who may not list a bucket is not told that an object is missing, but denied.
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="deploying", PolicyName="list", PolicyDocument=document)
    if content is not None:
        delivery.client("s3").put_object(Bucket=bucket, Key=f"CodeDeploy/{name}", Body=content)
    identifier = delivery.begin(name, revision=in_bucket(f"CodeDeploy/{name}", **more))
    assert delivery.error(identifier)[:2] == ("Failed", code)
    assert delivery.deploy.list_deployment_targets(deploymentId=identifier)["targetIds"] == []
    assert delivery.alias(name) == ("1", {})


def test_the_older_form_of_an_inline_revision_works(delivery: Delivery) -> None:
    group(delivery, "older")
    text = delivery.spec("older")
    identifier = delivery.begin("older", revision={"revisionType": "String", "string": {"content": text}})
    info = delivery.info(identifier)
    assert info["status"] == "Succeeded"
    assert info["revision"]["string"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("revision", "code", "word"),
    [
        ({}, "RevisionRequiredException", "missing"),
        ({"revisionType": "AppSpecContent"}, "InvalidRevisionException", "appSpecContent.content"),
        (inline("{}", sha256="0" * 64), "InvalidRevisionException", "sha256"),
        (in_bucket("k", "zip"), "InvalidRevisionException", "BundleType must be either YAML or JSON"),
        ({"revisionType": "S3", "s3Location": {"bucket": "b"}}, "InvalidRevisionException", "s3Location.key"),
        (
            {"revisionType": "GitHub", "gitHubLocation": {"repository": "a/b", "commitId": "c"}},
            "InvalidRevisionException",
            "GitHub",
        ),
        ({"revisionType": "Paper"}, "InvalidRevisionException", "'Paper'"),
    ],
)
def test_a_revision_of_a_wrong_form_is_refused(
    delivery: Delivery, revision: dict[str, Any], code: str, word: str
) -> None:
    if not any(
        name == "refusing"
        for name in delivery.deploy.list_deployment_groups(applicationName="shop")["deploymentGroups"]
    ):
        delivery.group("refusing")
    found, message = delivery.refused(
        "create_deployment", applicationName="shop", deploymentGroupName="refusing", revision=revision
    )
    assert found == code
    assert word in message


def test_an_application_knows_its_revisions(delivery: Delivery) -> None:
    deploy = delivery.deploy
    deploy.create_application(applicationName="archive", computePlatform="Lambda")
    first, second = inline('{"a": 1}'), inline('{"a": 2}')
    for number, revision in enumerate((first, second)):
        deploy.register_application_revision(applicationName="archive", description=f"no. {number}", revision=revision)
    listed = deploy.list_application_revisions(applicationName="archive", sortBy="registerTime", sortOrder="ascending")
    assert listed["revisions"] == [first, second]
    found = deploy.get_application_revision(applicationName="archive", revision=second)
    assert found["revisionInfo"]["description"] == "no. 1"
    assert found["revisionInfo"]["deploymentGroups"] == []
    batch = deploy.batch_get_application_revisions(applicationName="archive", revisions=[first, inline("{}")])
    assert [each["revisionLocation"] for each in batch["revisions"]] == [first]
    code, _ = delivery.refused("get_application_revision", applicationName="archive", revision=inline("{}"))
    assert code == "RevisionDoesNotExistException"
    excluded = deploy.list_application_revisions(applicationName="archive", deployed="include")
    assert excluded["revisions"] == []
