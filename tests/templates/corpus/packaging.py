"""What `aws cloudformation package` does with a template: local paths become objects in S3.

Templates of others name code that they did not bring. It gets a stand-in: a function that answers, a layer with a
module, an API of one path, a state machine of one state. So does what a template says lies in a bucket already.
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.templates.corpus.reading import Document, known, named, read

BUCKET = "packages-of-templates"

#: Answers as a web application's function does, and as one behind a custom resource.
_PYTHON = """
import json
import urllib.request

def {name}(event, context):
    if isinstance(event, dict) and "ResponseURL" in event:
        given = {{one: event[one] for one in ("StackId", "RequestId", "LogicalResourceId")}}
        named = event.get("PhysicalResourceId", event["LogicalResourceId"])
        answer = json.dumps({{"Status": "SUCCESS", "PhysicalResourceId": named, "Data": {{}}, **given}}).encode()
        headers = {{"Content-Type": ""}}
        urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], answer, headers, method="PUT"))
    return {{"statusCode": 200, "body": "stand-in"}}
"""
_API = {
    "openapi": "3.0.1",
    "info": {"title": "stand-in", "version": "1"},
    "paths": {
        "/": {
            "get": {
                "responses": {"200": {"description": "OK"}},
                "x-amazon-apigateway-integration": {
                    "type": "http_proxy",
                    "httpMethod": "GET",
                    "uri": "https://example.com/",
                    "payloadFormatVersion": "1.0",
                },
            }
        }
    },
}
_MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}

#: Per type: the property with the path, the names of an object's parts in it, and what it holds.
_PACKAGED: Mapping[str, tuple[str, tuple[str, str] | None, str]] = {
    "AWS::ApiGateway::RestApi": ("BodyS3Location", ("Bucket", "Key"), "api"),
    "AWS::ApiGatewayV2::Api": ("BodyS3Location", ("Bucket", "Key"), "api"),
    "AWS::CloudFormation::Stack": ("TemplateURL", None, "template"),
    "AWS::Lambda::Function": ("Code", ("S3Bucket", "S3Key"), "function"),
    "AWS::Lambda::LayerVersion": ("Content", ("S3Bucket", "S3Key"), "layer"),
    "AWS::Serverless::Api": ("DefinitionUri", ("Bucket", "Key"), "api"),
    "AWS::Serverless::Application": ("Location", None, "template"),
    "AWS::Serverless::Function": ("CodeUri", ("Bucket", "Key"), "function"),
    "AWS::Serverless::HttpApi": ("DefinitionUri", ("Bucket", "Key"), "api"),
    "AWS::Serverless::LayerVersion": ("ContentUri", ("Bucket", "Key"), "layer"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", ("Bucket", "Key"), "machine"),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", ("Bucket", "Key"), "machine"),
}
#: Those that are given as a URL of S3, the others as the parts of an object's name.
_AS_URL = ("AWS::Serverless::Api", "AWS::Serverless::Function", "AWS::Serverless::HttpApi")
_AS_URL += ("AWS::Serverless::LayerVersion", "AWS::Serverless::StateMachine")


#: Those that `package` gives the template's own folder where they name no code.
_FOLDER_BY_DEFAULT = {
    "AWS::Lambda::Function": ("Code",),
    "AWS::Serverless::Function": ("CodeUri", "InlineCode", "ImageUri", "PackageType"),
    "AWS::Serverless::LayerVersion": ("ContentUri",),
}


class Packaging:
    """Puts what templates name into a cloud's S3."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._buckets: set[str] = set()
        self._number = 0

    def packaged(self, path: Path, parameters: Mapping[str, str]) -> str:
        """The text of the template in a file, its local paths replaced; as it is where it has none."""
        text = path.read_text("utf-8")
        template = read(text)
        resources = template.get("Resources") if template is not None else None
        if template is None or not isinstance(resources, dict):
            # For CloudFormation to refuse.
            return text
        changed = self._default_code(template, path.parent)
        for name, resource in _members(resources):
            changed |= self._resource(name, resource, template, path.parent, parameters)
        return json.dumps(template) if changed else text

    def _resource(
        self, logical_id: str, resource: Document, template: Document, folder: Path, parameters: Mapping[str, str]
    ) -> bool:
        """Provides what one resource names; whether the template had to be changed for it."""
        kind = str(resource.get("Type"))
        properties = resource.get("Properties")
        if kind not in _PACKAGED or not isinstance(properties, dict):
            return False
        name, parts, holds = _PACKAGED[kind]
        value = properties.get(name)
        text = known(value, parameters, template)
        if text is not None and text.startswith("{{"):
            return False
        if isinstance(value, str) and not re.match(r"(s3|https?)://", value):
            properties[name] = self._uploaded(resource, logical_id, template, folder / value, parameters)
            return True
        of_all = template.get("Globals", {}).get("Function", {}) if kind == "AWS::Serverless::Function" else {}
        code = _FOLDER_BY_DEFAULT.get(kind, ())
        if code and not any(one in properties or one in of_all for one in code):
            properties[name] = self._uploaded(resource, logical_id, template, folder / "-", parameters)
            return True
        location = _location(text) if text is not None else None
        if text is None and isinstance(value, dict) and parts is not None:
            found = [known(value.get(part), parameters, template) for part in parts]
            location = (str(found[0]), str(found[1])) if None not in found else None
        if location is not None:
            beside = folder / location[1].rpartition("/")[2]
            content = (
                self.packaged(beside, {}).encode()
                if holds == "template" and beside.is_file()
                else _stand_in(holds, resource, logical_id, template)
            )
            self.put(*location, content)
            if isinstance(value, str) and value.startswith("s3://") and kind not in _AS_URL and parts is not None:
                properties[name] = dict(zip(parts, location, strict=True))
                return True
        return False

    def _default_code(self, template: Document, folder: Path) -> bool:
        """Packages the code that Globals name; whether there was any."""
        of_all = template.get("Globals", {})
        function = of_all.get("Function") if isinstance(of_all, dict) else None
        code = function.get("CodeUri") if isinstance(function, dict) else None
        if function is None or not isinstance(code, str) or code.startswith("s3://"):
            return False
        resource = {"Type": "AWS::Serverless::Function", "Properties": dict(function)}
        function["CodeUri"] = self._uploaded(resource, "", template, folder / code, {})
        return True

    def _uploaded(
        self, resource: Document, logical_id: str, template: Document, path: Path, parameters: Mapping[str, str]
    ) -> Any:
        kind = resource["Type"]
        _, parts, holds = _PACKAGED[kind]
        self._number += 1
        if holds == "template" and path.is_file():
            content = self.packaged(path, parameters).encode()
        elif path.is_dir():
            content = zipped({one.relative_to(path).as_posix(): one.read_bytes() for one in _files(path)})
        elif path.is_file():
            data = path.read_bytes()
            content = data if holds in ("api", "machine") or path.suffix == ".zip" else zipped({path.name: data})
        else:
            content = _stand_in(holds, resource, logical_id, template)
        key = f"{self._number}/{path.name}"
        self.put(BUCKET, key, content)
        if holds == "template":
            return f"https://s3.amazonaws.com/{BUCKET}/{key}"
        if kind in _AS_URL or parts is None:
            return f"s3://{BUCKET}/{key}"
        return {parts[0]: BUCKET, parts[1]: key}

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """An object, and its bucket if there is none yet."""
        if bucket not in self._buckets:
            self._s3.create_bucket(Bucket=bucket)
            self._buckets.add(bucket)
        self._s3.put_object(Bucket=bucket, Key=key, Body=content)


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of files that all may read."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.is_file() and "__pycache__" not in one.parts)


def _members(resources: Document) -> Iterator[tuple[str, Document]]:
    """The resources, those of loops too."""
    for name, one in resources.items():
        if isinstance(one, list) and len(one) == 3 and isinstance(one[2], dict):
            yield from _members(one[2])
        elif isinstance(one, dict):
            yield name, one


def _location(url: str) -> tuple[str, str] | None:
    """The bucket and the key of an S3 URL."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    found = re.fullmatch(r"(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com", host)
    if parts.scheme == "s3":
        return host, path
    if found is None:
        return None
    bucket, _, key = (found[1], "", path) if found[1] else path.partition("/")
    return (bucket, key) if bucket and key else None


def _stand_in(holds: str, resource: Document, logical_id: str, template: Document) -> bytes:
    properties = resource.get("Properties", {})
    if holds == "function":
        of_all = template.get("Globals", {}).get("Function", {})
        handler = str(properties.get("Handler") or of_all.get("Handler") or "index.handler")
        module, _, name = handler.rpartition(".")
        source = _PYTHON.format(name=name if name.isidentifier() else "handler")
        return zipped({f"{(module or 'index').replace('.', '/')}.py": source})
    if holds == "layer":
        return zipped({"python/standin.py": "here = True\n"})
    if holds == "template":
        return json.dumps(_nested(properties, logical_id, template)).encode()
    return json.dumps({"api": _API, "machine": _MACHINE}[holds]).encode()


def _nested(properties: Document, logical_id: str, template: Document) -> Document:
    """A template that takes the parameters that a nested stack is given, and has the outputs that are asked of it."""
    given = properties.get("Parameters", {})
    asked = [one if isinstance(one, str) else ".".join(map(str, one)) for one in named(template, "Fn::GetAtt")]
    asked += re.findall(rf"\$\{{({logical_id}\.Outputs\.\w+)\}}", json.dumps(template))
    outputs = {one.removeprefix(f"{logical_id}.Outputs.") for one in asked if one.startswith(f"{logical_id}.Outputs.")}
    return {
        "Parameters": {one: {"Type": "String"} for one in given if not one.startswith("Fn::")},
        "Resources": {"StandIn": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {one: {"Value": "stand-in"} for one in sorted(outputs)},
    }
