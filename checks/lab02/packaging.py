"""Puts the code that a template names into S3, and its addresses into the template, as `sam package` does.

Names in S3 are made from the contents, so what did not change is not uploaded again.
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-package.html
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from checks.contract import Incorrect
from checks.functions import package
from sandbox.templates import TemplateError, read
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The property of each type that names a folder on this machine until it is packaged.
CODE = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


def bucket_of(cloud: Cloud) -> str:
    """The name of the bucket that the lab's code goes to."""
    return f"shop-artifacts-{cloud.account}"


def packaged(cloud: Cloud, template: Path) -> str:
    """A template's text with its code uploaded; folders are taken from where the template stands.

    Incorrect, in a sentence that a cell can show, if the template can't be read or a folder of its code is not there.
    """
    shown = f"{template.parent.name}/{template.name}"
    try:
        return packaged_text(cloud, template.read_text(encoding="utf-8"), template.parent)
    except TemplateError as error:
        raise Incorrect(
            f"{shown} can't be read: {error}",
            "a template in YAML.",
            "CloudFormation refuses it with the same words, before it makes anything.",
        ) from None
    except FileNotFoundError as missing:
        raise Incorrect(
            f"{shown}: {missing}." if template.is_file() else f"{shown} is not there.",
            "the template, and beside it the folder that each CodeUri and ContentUri names.",
            "What is packaged is a folder of this machine: CloudFormation never sees it.",
        ) from None


def packaged_text(cloud: Cloud, template: str, folder: Path) -> str:
    """A template's text with its code uploaded, whose folders are taken from `folder`."""
    return json.dumps(with_code(read(template), lambda place: upload(cloud, folder / place)))


def with_code(document: Document, uri: Callable[[str], str]) -> Document:
    """A copy of the document in which `uri(folder)` stands for every folder of code."""
    changed = copy.deepcopy(document)
    for resource in changed.get("Resources", {}).values():
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict) or resource.get("Type") not in CODE:
            continue
        name = CODE[resource["Type"]]
        place = properties.get(name)
        if isinstance(place, str) and not place.startswith("s3://"):
            properties[name] = uri(place)
    return changed


def zipped(folder: Path) -> bytes:
    """All files of a folder in a zip; the same files give the same bytes. FileNotFoundError if there are none."""
    files = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    if not files:
        raise FileNotFoundError(f"there is no code in {folder.parent.name}/{folder.name}")
    return package(files)


def upload(cloud: Cloud, folder: Path) -> str:
    """Put a folder's zip into the lab's bucket, unless it is there; its s3:// address."""
    return upload_bytes(cloud, zipped(folder))


def upload_bytes(cloud: Cloud, content: bytes) -> str:
    """Put a zip into the lab's bucket under a name made from its contents, unless it is there; its s3:// address."""
    storage, bucket = cloud.client("s3"), bucket_of(cloud)
    key = hashlib.sha256(content).hexdigest()[:32]
    try:
        storage.head_object(Bucket=bucket, Key=key)
    except ClientError as missing:
        if missing.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        storage.put_object(Bucket=bucket, Key=key, Body=content)
    return f"s3://{bucket}/{key}"
