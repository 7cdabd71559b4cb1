"""Reading a deployment's AppSpec file: from its revision, or with the service role from a bucket.

https://docs.aws.amazon.com/codedeploy/latest/userguide/application-revisions-appspec-file.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from sandbox.delivery import appspec, failures, revisions
from sandbox.delivery.appspec import AppSpec, InvalidAppSpec
from sandbox.delivery.failures import DeploymentFailure
from sandbox.delivery.rights import Rights


def read_spec(revision: Mapping[str, Any], rights: Rights, role_arn: str) -> AppSpec:
    """The AppSpec file of a revision; DeploymentFailure if it can't be had or is none."""
    text = revisions.inline_content(revision)
    try:
        if text is None:
            text = _fetched(revision["s3Location"], rights, role_arn)
        return appspec.parse(text)
    except InvalidAppSpec as invalid:
        raise failures.invalid_configuration(invalid) from invalid


def _fetched(place: Mapping[str, str], rights: Rights, role_arn: str) -> str:
    bucket, key = place["bucket"], place["key"]
    version = {"VersionId": place["version"]} if place.get("version") else {}
    try:
        answer = rights.client("s3").get_object(Bucket=bucket, Key=key, **version)
    except ClientError as error:
        raise failures.of_bucket(error, role_arn, bucket, key) from error
    except ParamValidationError as error:
        # No bucket has such a name.
        raise failures.no_file(bucket, key) from error
    etag = place.get("eTag")
    if etag and etag.strip('"') != answer["ETag"].strip('"'):
        message = f"The ETag of s3://{bucket}/{key} is {answer['ETag']}, and {etag} was specified"
        raise DeploymentFailure("INVALID_REVISION", message)
    content = answer["Body"].read(revisions.MAX_BYTES + 1)
    if len(content) > revisions.MAX_BYTES:
        raise InvalidAppSpec(f"It has more than {revisions.MAX_BYTES} bytes.")
    try:
        return str(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidAppSpec("It is not a text in UTF-8.") from error
