"""Properties held against the schema of their resource type, and what is wrong with them in CloudFormation's words.

CloudFormation validates with https://github.com/aws-cloudformation/cloudformation-resource-schema, which hands on the
sentences of the validator that it uses: `#/Timeout: expected type: Number, found: String`. Keywords that cfn-lint adds
to the schemas (requiredXor, dependentExcluded, ...) count for nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.templates.types.coercion import coerced, kind_of, matches, types_of, undecided
from sandbox.templates.types.schemas import Schema, is_custom, read_only, resolved, schema
from sandbox.templates.values import Unknown, text_of

#: How the validator calls what a schema wants, and what it found instead.
_WANTED = {"object": "JSONObject", "array": "JSONArray", "string": "String", "boolean": "Boolean", "null": "Null"}
_WANTED |= {"integer": "Number", "number": "Number"}
_FOUND = {**_WANTED, "integer": "Integer", "number": "Double"}

#: Of these the sentence says what is wrong without the value; of others the value stands in it.
_WITHOUT_VALUE = frozenset(
    {"required", "minProperties", "maxProperties", "dependencies", "additionalProperties", "minLength", "maxLength"}
    | {"minItems", "maxItems", "uniqueItems", "contains", "type", "allOf", "anyOf", "oneOf"}
)

#: Of a custom resource: all else is its function's affair.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
_CUSTOM: Schema = {
    "properties": {"ServiceToken": {"type": "string"}, "ServiceTimeout": {"type": "integer"}},
    "required": ["ServiceToken"],
}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong at a place: the keyword of the schema, and the sentence without the place."""

    path: Path
    keyword: str
    sentence: str

    @property
    def pointer(self) -> str:
        """The place: `#` for the properties themselves, `#/Cors/AllowMethods/1` in them."""
        return "".join(["#", *(f"/{part}" for part in self.path)])

    def __str__(self) -> str:
        return f"{self.pointer}: {self.sentence}"

    @property
    def scrubbed(self) -> str:
        """Without the value, as CloudFormation words it when the value came from another resource."""
        if self.keyword in _WITHOUT_VALUE:
            return str(self)
        return f"{self.pointer}: failed validation constraint for keyword [{self.keyword}]"


def check_properties(type_name: str, properties: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[Violation]]:
    """A copy of evaluated properties with values of the types that the schema wants, and what is wrong with them.

    None (AWS::NoValue) are none. What is Unknown, or a dynamic reference, is right. KeyError if AWS has no such type.
    """
    of = _CUSTOM if is_custom(type_name) else schema(type_name)
    found: dict[str, Any] = coerced(of, of, dict(properties or {}))
    forbidden = frozenset() if of is _CUSTOM else read_only(type_name)
    violations = [
        Violation((), "additionalProperties", f"extraneous key [{name}] is not permitted")
        for name in found
        if name in forbidden
    ]
    return found, [*violations, *_violations(of, of, found, ())]


def refusal(logical_id: str, violations: list[Violation]) -> str:
    """The reason of the resource's event: https://repost.aws/knowledge-center/cloudformation-resolve-model-val-failed"""
    listed = ", ".join(map(str, violations))
    return f"Properties validation failed for resource {logical_id} with message:\n[{listed}]"


# -- one node ------------------------------------------------------------------------------------------


def _violations(of: Schema, node: Any, value: Any, path: Path) -> Iterator[Violation]:
    """All that is wrong with a value, the properties of a map after the map itself."""
    if isinstance(value, (Unknown, str)) and undecided(value):
        return
    if node is False:
        yield Violation(path, "false", "false schema always fails")
        return
    found = resolved(of, node)
    kinds = types_of(found)
    if kinds and kind_of(value) not in kinds:
        for kind in dict.fromkeys(_named(found, value)):
            yield Violation(path, "type", f"expected type: {kind}, found: {_FOUND[kind_of(value)]}")
        yield from _of_any(found, value, path)
        return
    if isinstance(value, Mapping):
        yield from _of_map(of, found, value, path)
    elif isinstance(value, list):
        yield from _of_list(of, found, value, path)
    elif isinstance(value, str):
        yield from _of_text(found, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _of_number(found, value, path)
    yield from _of_any(found, value, path)
    yield from _combined(of, found, value, path)


def _named(node: Schema, value: Any) -> Iterator[str]:
    for kind in types_of(node):
        # A number that is no integer is told so; any other value, that it is no number.
        yield "Integer" if kind == "integer" and isinstance(value, float) else _WANTED.get(kind, kind)


def _of_map(of: Schema, node: Schema, value: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    for name in node.get("required", ()):
        if name not in value:
            yield Violation(path, "required", f"required key [{name}] not found")
    if len(value) < node.get("minProperties", 0):
        sentence = f"minimum size: [{node['minProperties']}], found: [{len(value)}]"
        yield Violation(path, "minProperties", sentence)
    if len(value) > node.get("maxProperties", len(value)):
        sentence = f"maximum size: [{node['maxProperties']}], found: [{len(value)}]"
        yield Violation(path, "maxProperties", sentence)
    for name, needed in node.get("dependencies", {}).items():
        for other in needed if name in value and isinstance(needed, list) else ():
            if other not in value:
                yield Violation(path, "dependencies", f"property [{other}] is required")
    properties, additional = node.get("properties", {}), node.get("additionalProperties", True)
    of_patterns = {
        name: [one for pattern, one in node.get("patternProperties", {}).items() if matches(pattern, name)]
        for name in value
    }
    others = [name for name in value if name not in properties and not of_patterns[name]]
    if additional is False:
        for name in others:
            yield Violation(path, "additionalProperties", f"extraneous key [{name}] is not permitted")
    elif isinstance(additional, Mapping):
        for name in others:
            yield from _violations(of, additional, value[name], (*path, name))
    for name, one in value.items():
        for inner in [*of_patterns[name], *([properties[name]] if name in properties else [])]:
            yield from _violations(of, inner, one, (*path, name))


def _of_list(of: Schema, node: Schema, value: list[Any], path: Path) -> Iterator[Violation]:
    if len(value) < node.get("minItems", 0):
        yield Violation(path, "minItems", f"expected minimum item count: {node['minItems']}, found: {len(value)}")
    if len(value) > node.get("maxItems", len(value)):
        yield Violation(path, "maxItems", f"expected maximum item count: {node['maxItems']}, found: {len(value)}")
    if node.get("uniqueItems") is True:
        texts = [json.dumps(one, sort_keys=True, default=str) for one in value if not undecided(one)]
        if len(set(texts)) < len(texts):
            yield Violation(path, "uniqueItems", "array items are not unique")
    if isinstance(node.get("items"), Mapping):
        for index, one in enumerate(value):
            yield from _violations(of, node["items"], one, (*path, index))


def _of_text(node: Schema, value: str, path: Path) -> Iterator[Violation]:
    if len(value) < node.get("minLength", 0):
        yield Violation(path, "minLength", f"expected minLength: {node['minLength']}, actual: {len(value)}")
    if len(value) > node.get("maxLength", len(value)):
        yield Violation(path, "maxLength", f"expected maxLength: {node['maxLength']}, actual: {len(value)}")
    pattern = node.get("pattern")
    if isinstance(pattern, str) and not matches(pattern, value):
        yield Violation(path, "pattern", f"string [{value}] does not match pattern {pattern}")


def _of_number(node: Schema, value: int | float, path: Path) -> Iterator[Violation]:
    if value < node.get("minimum", value):
        yield Violation(path, "minimum", f"{value} is not greater or equal to {node['minimum']}")
    if value > node.get("maximum", value):
        yield Violation(path, "maximum", f"{value} is not less or equal to {node['maximum']}")
    if "exclusiveMinimum" in node and value <= node["exclusiveMinimum"]:
        yield Violation(path, "exclusiveMinimum", f"{value} is not greater than {node['exclusiveMinimum']}")
    if "exclusiveMaximum" in node and value >= node["exclusiveMaximum"]:
        yield Violation(path, "exclusiveMaximum", f"{value} is not less than {node['exclusiveMaximum']}")
    step = node.get("multipleOf")
    # Beyond that a double has no fractions.
    if step and abs(value) < 2**53 and abs(value / step - round(value / step)) > 1e-9:
        yield Violation(path, "multipleOf", f"{value} is not a multiple of {step}")


def _of_any(node: Schema, value: Any, path: Path) -> Iterator[Violation]:
    if "enum" in node and value not in node["enum"] and not undecided(value):
        yield Violation(path, "enum", f"{_written(value)} is not a valid enum value")
    if "const" in node and value != node["const"] and not undecided(value):
        yield Violation(path, "const", "failed validation constraint for keyword [const]")


# -- several nodes at once -----------------------------------------------------------------------------


def _combined(of: Schema, node: Schema, value: Any, path: Path) -> Iterator[Violation]:
    """Of a choice that nothing fits, CloudFormation lists what is wrong by each of its parts."""
    for one in node.get("allOf", ()):
        yield from _violations(of, one, value, path)
    for keyword in ("anyOf", "oneOf"):
        choices = [list(_violations(of, one, value, path)) for one in node.get(keyword, ())]
        fitting = sum(not found for found in choices)
        if choices and not fitting:
            yield from dict.fromkeys(one for found in choices for one in found)
        elif keyword == "oneOf" and fitting > 1 and not undecided(value):
            yield Violation(path, keyword, f"{fitting} subschemas matched instead of one")
    if not {"not", "if"} & node.keys() or undecided(value):
        return
    if "not" in node and not any(_violations(of, node["not"], value, path)):
        yield Violation(path, "not", "subject must not be valid against schema")
    if "if" in node:
        branch = "else" if any(_violations(of, node["if"], value, path)) else "then"
        yield from _violations(of, node.get(branch, True), value, path)


def _written(value: Any) -> str:
    text = text_of(value)
    return text if text is not None else json.dumps(value, default=str)
