"""A template's text as plain data, read as tools do that work on templates before CloudFormation sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Document = dict[str, Any]

_PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws"}
_PSEUDO |= {"AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "trial"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; dates stay texts."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "Fn::GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _function)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> Document | None:
    """The document, aliases resolved; None if the text is none."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def known(value: Any, parameters: Mapping[str, str], template: Document) -> str | None:
    """The text that a value comes to by the parameters and mappings alone; None if that is not to be told."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        return None
    [(function, argument)] = value.items()
    if function == "Ref":
        declared = template.get("Parameters", {}).get(argument, {})
        found = parameters.get(argument, declared.get("Default", _PSEUDO.get(argument)))
        return None if found is None else str(found)
    if function == "Fn::Sub":
        text, more = argument if isinstance(argument, list) else (argument, {})
        parts = re.split(r"\$\{\s*([^!{}]+?)\s*\}", text)
        for index in range(1, len(parts), 2):
            inner = known(more.get(parts[index], {"Ref": parts[index]}), parameters, template)
            if inner is None:
                return None
            parts[index] = inner
        return "".join(parts)
    if function == "Fn::Join" and isinstance(argument[1], list):
        texts = [known(one, parameters, template) for one in argument[1]]
        return None if None in texts else str(argument[0]).join(map(str, texts))
    if function == "Fn::FindInMap":
        node: Any = template.get("Mappings", {})
        for one in argument:
            node = node.get(known(one, parameters, template)) if isinstance(node, dict) else None
        return node if isinstance(node, str) else None
    return None


def named(node: Any, function: str) -> Iterator[Any]:
    """The arguments of a function, wherever it stands in a template."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == function:
                yield value
            yield from named(value, function)
    elif isinstance(node, list):
        for value in node:
            yield from named(value, function)
