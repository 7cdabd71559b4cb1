"""Tags whose keys begin with `aws:`: AWS's services set them (CloudFormation does), nobody else; moto takes none.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
tests/gateway/test_moto_tags.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from sandbox.gateway import moto_adapter


def install() -> None:
    """Let moto's S3 take them from AWS's services."""
    moto_adapter.after_import("moto.s3.responses", _take_of_buckets)


def _take_of_buckets(responses: ModuleType) -> None:
    handler = responses.S3Response
    read = handler._bucket_tagging_from_body

    def tags_of_body(self: Any) -> dict[str, str]:
        if moto_adapter.called_by_aws():
            tags = ElementTree.fromstring(self.body).iterfind("{*}TagSet/{*}Tag")
            return {tag.findtext("{*}Key", ""): tag.findtext("{*}Value", "") for tag in tags}
        found: dict[str, str] = read(self)
        return found

    handler._bucket_tagging_from_body = tags_of_body
