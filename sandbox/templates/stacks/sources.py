"""The text of a template: given with a call, or read from S3 with the caller's rights.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (TemplateBody, TemplateURL)
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError

from sandbox.loopback import is_loopback
from sandbox.templates.document import LARGEST_BY_URL, check_length
from sandbox.templates.errors import TemplateError

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html: BUCKET.s3.REGION.amazonaws.com and its
#: older forms, and the same without the bucket, which is then the first part of the path.
_S3_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d)?(?:-external-1)?\.amazonaws\.com(?:\.cn)?"
)
#: Where a template names another one: AWS::CloudFormation::Stack and AWS::Serverless::Application.
_NESTED = r"""((?:TemplateURL|Location)["']?\s*:\s*["']?){endpoint}/"""
_MORE = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"


def bucket_and_key(url: str) -> tuple[str, str, str | None]:
    """The object that a URL names, with its version if it says one. TemplateError if it is none of S3's forms.

    An address of this machine is one of the sandbox's endpoint: its path is the bucket and the key.
    """
    wrong = TemplateError("TemplateURL must be a supported URL.")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise wrong from None
    path = unquote(parts.path).lstrip("/")
    found = _S3_HOST.fullmatch(host)
    if parts.scheme == "s3":
        bucket, key = host, path
    elif parts.scheme not in ("http", "https") or (found is None and not is_loopback(url)):
        raise wrong
    elif found is not None and found["bucket"]:
        bucket, key = found["bucket"], path
    else:
        bucket, _, key = path.partition("/")
    if parts.scheme == "s3" or not bucket or not key:
        raise wrong
    return bucket, key, parse_qs(parts.query).get("versionId", [None])[0]


def with_s3_addresses(text: str, endpoint: str, region: str) -> str:
    """A template's text with the URLs of nested templates as they are in AWS.

    Clients that upload templates make their URLs from the endpoint, and take them apart when they read them back:
    `sam delete` and `sam sync` know addresses of S3's only.
    """
    return re.sub(_NESTED.format(endpoint=re.escape(endpoint)), rf"\1https://s3.{region}.amazonaws.com/", text)


def read_object(s3: Any, url: str) -> str:
    """The template that a URL names. TemplateError, with S3's words, if it can't be read or is too long."""
    bucket, key, version = bucket_and_key(url)
    given = {} if version is None else {"VersionId": version}
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, **given)
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", str(error))
        raise TemplateError(f"S3 error: {message}\n{_MORE}") from error
    body = answer["Body"].read(LARGEST_BY_URL + 1)
    try:
        text = str(body.decode())
    except UnicodeDecodeError as error:
        raise TemplateError("Template format error: the template is not valid Unicode text.") from error
    check_length(text, by_url=True)
    return text


def text_of(body: str | None, url: str | None, s3: Any) -> str:
    """The template that a call gives: exactly one of body and URL. `s3` gives a client."""
    if (body is None) == (url is None):
        raise TemplateError("Either Template URL or Template Body must be specified.")
    if body is None:
        assert url is not None
        return read_object(s3(), url)
    if not body:
        raise TemplateError(
            "1 validation error detected: Value '' at 'templateBody' failed to satisfy constraint: Member must have "
            "length greater than or equal to 1"
        )
    check_length(body)
    return body
