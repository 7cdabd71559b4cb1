"""AppSpec files of Lambda: which alias goes from which version to which, and the functions that check it.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html#reference-appspec-file-structure-resources-lambda
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-lambda
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import plain_yaml
from sandbox.plain_yaml import InvalidYaml

#: The hooks of a Lambda deployment, in their order.
HOOKS = ("BeforeAllowTraffic", "AfterAllowTraffic")

_INVALID = (
    "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing "
    "or has an invalid configuration."
)


class InvalidAppSpec(ValueError):
    """An AppSpec file that no deployment can follow. The text is CodeDeploy's, with what is wrong at its end."""

    def __init__(self, why: str = "") -> None:
        super().__init__(f"{_INVALID} {why}".rstrip())


@dataclass(frozen=True, slots=True)
class AppSpec:
    """`current` and `target` are versions; `hooks` are functions by the lifecycle event that they check."""

    function: str
    alias: str
    current: str
    target: str
    hooks: Mapping[str, str] = field(default_factory=dict)

    def reversed(self) -> AppSpec:
        """The way back, unchecked."""
        return AppSpec(self.function, self.alias, self.target, self.current)

    def text(self) -> str:
        """The file, as JSON."""
        properties = {
            "Name": self.function,
            "Alias": self.alias,
            "CurrentVersion": self.current,
            "TargetVersion": self.target,
        }
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        content: dict[str, Any] = {"version": 0.0, "Resources": [{self.function: resource}]}
        if self.hooks:
            content["Hooks"] = [{event: function} for event, function in self.hooks.items()]
        return json.dumps(content)


def parse(text: str) -> AppSpec:
    """The AppSpec file that a text is, YAML or JSON; InvalidAppSpec if it is none of Lambda's."""
    content = _document(text)
    version = content.get("version")
    if str(version) not in ("0.0", "0"):
        raise InvalidAppSpec(f"The version {version!r} is not supported; the only one that is allowed is 0.0.")
    for name in content:
        if str(name).lower() not in ("version", "resources", "hooks"):
            raise InvalidAppSpec(f"The section {name!r} is not one of version, Resources, Hooks.")
    resource = _resource(_section(content, "Resources"))
    properties = resource.get("Properties")
    if resource.get("Type") != "AWS::Lambda::Function" or not isinstance(properties, Mapping):
        raise InvalidAppSpec("The resource must have Type AWS::Lambda::Function and Properties.")
    given = {name: _text(properties.get(name)) for name in ("Name", "Alias", "CurrentVersion", "TargetVersion")}
    if not given["Name"]:
        raise InvalidAppSpec("The Lambda function name cannot be null or empty")
    for name, value in given.items():
        if not value:
            raise InvalidAppSpec(f"The property {name} cannot be null or empty")
    if given["CurrentVersion"] == given["TargetVersion"]:
        # CodeDeploy says no more: https://github.com/terraform-aws-modules/terraform-aws-lambda/issues/82
        raise InvalidAppSpec()
    return AppSpec(
        given["Name"],
        given["Alias"],
        given["CurrentVersion"],
        given["TargetVersion"],
        _hooks(_section(content, "Hooks")),
    )


def _document(text: str) -> Mapping[Any, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = plain_yaml.load(text)
        except InvalidYaml as error:
            raise InvalidAppSpec("It is neither YAML nor JSON.") from error
    except RecursionError as error:
        raise InvalidAppSpec("It is nested too deeply.") from error
    if not isinstance(content, Mapping):
        raise InvalidAppSpec("It is not a mapping with version, Resources and Hooks.")
    return content


def _section(content: Mapping[Any, Any], name: str) -> Any:
    """A section; both spellings, `Resources` and `resources`, are in AWS's own examples."""
    return content.get(name, content.get(name.lower()))


def _resource(section: Any) -> Mapping[Any, Any]:
    entries = [section] if isinstance(section, Mapping) else section
    if not isinstance(entries, list) or not entries:
        raise InvalidAppSpec("There must be a section Resources with a Lambda function.")
    found = [value for entry in entries if isinstance(entry, Mapping) for value in entry.values()]
    if len(found) != 1 or not isinstance(found[0], Mapping):
        raise InvalidAppSpec(f"The section Resources must have one Lambda function, and has {len(found)}.")
    return found[0]


def _hooks(section: Any) -> dict[str, str]:
    if section is None:
        return {}
    entries = [section] if isinstance(section, Mapping) else section
    if not isinstance(entries, list):
        raise InvalidAppSpec("The section Hooks must be a list.")
    hooks: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise InvalidAppSpec("A hook must be a lifecycle event and the function that checks it.")
        for event, function in entry.items():
            if event not in HOOKS:
                raise InvalidAppSpec(f"The lifecycle event {event!r} is none of {', '.join(HOOKS)}.")
            if not _text(function):
                raise InvalidAppSpec("The Lambda function name cannot be null or empty")
            hooks[event] = _text(function)
    return hooks


def _text(value: Any) -> str:
    """A scalar as a text: an unquoted version is a number in YAML."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
