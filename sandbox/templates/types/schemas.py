"""What AWS's own schemas say of resource types: which there are, what replaces a resource, what Fn::GetAtt gives.

The schemas are those that cfn-lint brings (https://github.com/aws-cloudformation/resource-provider-enhanced-schemas),
a file each, read when a type is first asked for: a millisecond. cfn-lint itself, whose import takes more than a second,
is not loaded.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.templates.changes import Recreation
from sandbox.templates.replacement import TypeRules

Schema = Mapping[str, Any]

CUSTOM = "AWS::CloudFormation::CustomResource"

#: Asked first: it has all but a few dozen.
_REGION = "us-east-1"
#: The file that is no Region's: SAM's types are gone once a template is one of CloudFormation.
_SERVERLESS = "sam.json"

#: Types of which Fn::GetAtt gives every property, not the read-only ones alone: older than the registry, they kept
#: what they gave. cfn-lint holds the list by what the services answer:
#: https://github.com/aws-cloudformation/cfn-lint/blob/main/src/cfnlint/schema/_getatts.py
_ALL_PROPERTIES = frozenset(
    f"AWS::{name}"
    for name in (
        *("AppSync::DomainName", "AppSync::FunctionConfiguration", "AppSync::Resolver", "CodeArtifact::Domain"),
        *("AutoScaling::AutoScalingGroup", "Backup::BackupSelection", "Backup::BackupVault", "EC2::Instance"),
        *("EC2::SecurityGroup", "EC2::Subnet", "EC2::VPC", "EFS::MountTarget", "ElastiCache::ReplicationGroup"),
        *("ElasticLoadBalancingV2::LoadBalancer", "EventSchemas::Discoverer", "EventSchemas::Registry"),
        *("EventSchemas::Schema", "Events::EventBus", "RDS::DBInstance", "S3::AccessPoint", "SNS::Topic"),
        *("SQS::Queue", "SSM::Parameter", "StepFunctions::Activity"),
    )
)


def is_custom(type_name: str) -> bool:
    """Whether the type is a custom resource, by either of its names."""
    return _registered(type_name) == CUSTOM


def known(type_name: str) -> bool:
    """Whether AWS has the type in any Region. A custom resource (`Custom::Name`) is a type."""
    return _file_of(_registered(type_name)) is not None


def schema(type_name: str) -> Schema:
    """The schema of a type. KeyError if AWS has no such type."""
    name = _registered(type_name)
    found = _file_of(name)
    if found is None:
        raise KeyError(type_name)
    return _read(found)


def rules(type_name: str) -> TypeRules:
    """What the change of a property means. KeyError if AWS has no such type.

    Within the members of a list no change can be told from another: where a type says of such a path that it is fixed,
    a change of the list may need a replacement.
    """
    return _rules(_registered(type_name))


def attributes(type_name: str) -> frozenset[str]:
    """What Fn::GetAtt gives of a type, as `Endpoint.Address`. KeyError if AWS has no such type.

    Of a nested stack it gives `Outputs.<name>` besides, of a custom resource whatever its function answers.
    """
    return _attributes(_registered(type_name))


def refused_attribute(type_name: str, attribute: str) -> str | None:
    """What CloudFormation says if a type has no such attribute for Fn::GetAtt; None if it has.

    Both sentences as quoted in https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1578 and
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2555
    """
    if is_custom(type_name) or attribute in attributes(type_name):
        return None
    if type_name == "AWS::CloudFormation::Stack" and attribute.startswith("Outputs."):
        return None
    if _property_path(schema(type_name), attribute.split("."))[1]:
        return f"Requested attribute {attribute} must be a readonly property in schema for {type_name}"
    return f"Requested attribute {attribute} does not exist in schema for {type_name}"


def read_only(type_name: str) -> frozenset[str]:
    """The properties that a template can't give."""
    of = schema(type_name)
    given = {*of.get("required", ()), *(_parts(path)[0] for path in of.get("createOnlyProperties", ()))}
    paths = (_parts(path) for path in of.get("readOnlyProperties", ()))
    return frozenset(path[0] for path in paths if len(path) == 1) - given


def resolved(of: Schema, node: Any) -> Schema:
    """A node of a schema, or what its $ref points to: the node's other keywords count beside it."""
    seen = 0
    while isinstance(node, Mapping) and "$ref" in node and seen < 10:
        target: Any = of
        for part in str(node["$ref"]).removeprefix("#").strip("/").split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, Mapping) else {}
        others = {key: value for key, value in node.items() if key != "$ref"}
        node = {**target, **others} if others else target
        seen += 1
    return node if isinstance(node, Mapping) else {}


# -- files ---------------------------------------------------------------------------------------------


def _registered(type_name: str) -> str:
    return CUSTOM if type_name.startswith("Custom::") else type_name


@functools.cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("cfn-lint, which brings the schemas of resource types, is not installed.")
    return Path(found.submodule_search_locations[0]) / "data" / "schemas"


@functools.cache
def _region(name: str) -> Mapping[str, str]:
    files: Mapping[str, str] = json.loads((_folder() / "providers" / f"{name}.json").read_bytes())
    return files


@functools.cache
def _elsewhere() -> Mapping[str, str]:
    """The types of all Regions: 40 ms, for the few that the first has not and for those that are none."""
    files: dict[str, str] = {}
    for found in sorted((_folder() / "providers").glob("*.json")):
        if found.name != _SERVERLESS:
            files.update(_region(found.stem))
    return files


def _file_of(type_name: str) -> str | None:
    return _region(_REGION).get(type_name) or _elsewhere().get(type_name)


@functools.cache
def _read(file: str) -> Schema:
    found: Schema = json.loads((_folder() / "resources" / f"{file}.json").read_bytes())
    return found


# -- what follows from a schema ------------------------------------------------------------------------


@functools.cache
def _rules(type_name: str) -> TypeRules:
    of = schema(type_name)
    recreation: dict[str, Recreation] = {}
    kinds: tuple[tuple[str, Recreation], ...] = (
        ("conditionalCreateOnlyProperties", "Conditionally"),
        ("createOnlyProperties", "Always"),
    )
    for keyword, required in kinds:
        for path in of.get(keyword, ()):
            names, whole = _property_path(of, _parts(path))
            name = "/".join(names)
            if whole:
                recreation[name] = required
            elif name:
                recreation.setdefault(name, "Conditionally")
    return TypeRules(recreation, _tags(of))


def _tags(of: Schema) -> str | None:
    properties = of.get("properties", {})
    named = str(of.get("tagging", {}).get("tagProperty", "")).rpartition("/")[2]
    return next((name for name in (named, "Tags") if name in properties), None)


def _parts(pointer: str) -> list[str]:
    return pointer.removeprefix("/properties/").split("/")


def _property_path(of: Schema, parts: list[str]) -> tuple[list[str], bool]:
    """The names of the properties that lead to a property, up to a list or a choice of maps on the way; whether all."""
    node: Schema = of
    names: list[str] = []
    for part in parts:
        properties = node.get("properties", {})
        if part not in properties:
            return names, False
        names.append(part)
        node = resolved(of, properties[part])
    return names, True


@functools.cache
def _attributes(type_name: str) -> frozenset[str]:
    of = schema(type_name)
    found = {".".join(_parts(path)) for path in of.get("readOnlyProperties", ()) if "*" not in path}
    if type_name in _ALL_PROPERTIES:
        found.update(_plain(of, of, ()))
    return frozenset(found)


def _plain(of: Schema, node: Schema, path: tuple[str, ...]) -> Iterator[str]:
    """The paths of the properties that are scalars or lists of them, in maps of properties too."""
    for name, inner in node.get("properties", {}).items():
        found = resolved(of, inner)
        if "properties" in found and len(path) < 5:
            yield from _plain(of, found, (*path, name))
        elif resolved(of, found.get("items", {})).get("type") not in ("object", "array"):
            yield ".".join((*path, name))
