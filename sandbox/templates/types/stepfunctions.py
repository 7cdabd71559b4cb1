"""Step Functions: state machines.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox import plain_yaml
from sandbox.templates.types.fitting import text
from sandbox.templates.types.resource_type import Failed, ResourceType, Work

_API = "stepfunctions"
_PLACE = re.compile(r"\$\{([^{}]+)\}")
#: What is logged when nothing is said.
_NO_LOG = {"level": "OFF", "includeExecutionData": False}
_DEFINITION = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")


def _definition(work: Work) -> str:
    """The definition as a text, its `${...}` replaced by DefinitionSubstitutions."""
    given, place = work["Definition"], work["DefinitionS3Location"]
    written = work["DefinitionString"]
    substitutions: Mapping[str, Any] = work["DefinitionSubstitutions"] or {}
    if given is not None:
        written = json.dumps(given, ensure_ascii=False)
    elif place is not None:
        found = work.call("s3", "GetObject", Bucket=place["Bucket"], Key=place["Key"], VersionId=place.get("Version"))
        written = _as_json(found["Body"].read().decode("utf-8", "replace"))
    if written is None:
        raise Failed(
            "Property validation failure: one of Definition, DefinitionString and DefinitionS3Location is required",
            "InvalidRequest",
        )
    return _PLACE.sub(lambda found: text(substitutions[found[1]]) if found[1] in substitutions else found[0], written)


def _as_json(written: str) -> str:
    """A definition in S3 may be JSON or YAML."""
    if written.lstrip().startswith("{"):
        return written
    try:
        return json.dumps(plain_yaml.load(written), ensure_ascii=False)
    except (plain_yaml.InvalidYaml, RecursionError, TypeError) as error:
        raise Failed(f"The definition in S3 can't be read: {error}", "InvalidRequest") from error


def _create(work: Work) -> str:
    answer = work.call(
        _API,
        "CreateStateMachine",
        name=work.name("StateMachineName", 80),
        definition=_definition(work),
        roleArn=work["RoleArn"],
        type=work["StateMachineType"],
        loggingConfiguration=work["LoggingConfiguration"],
        # Kept as given. Traces are collected nowhere in the sandbox.
        tracingConfiguration=work["TracingConfiguration"],
        tags=work.tag_list(key="key", value="value"),
    )
    return str(answer["stateMachineArn"])


def _update(work: Work) -> None:
    changed = work.changed
    given: dict[str, Any] = {}
    definition = _definition(work)
    if changed.intersection(_DEFINITION):
        given["definition"] = definition
    if "RoleArn" in changed:
        given["roleArn"] = work["RoleArn"]
    if "LoggingConfiguration" in changed:
        given["loggingConfiguration"] = work["LoggingConfiguration"] or _NO_LOG
    if "TracingConfiguration" in changed:
        given["tracingConfiguration"] = work["TracingConfiguration"] or {"enabled": False}
    if given:
        work.call(_API, "UpdateStateMachine", stateMachineArn=work.physical_id, **given)
    added, removed = work.tag_changes()
    if added:
        tags = [{"key": key, "value": value} for key, value in added.items()]
        work.call(_API, "TagResource", resourceArn=work.physical_id, tags=tags)
    if removed:
        work.call(_API, "UntagResource", resourceArn=work.physical_id, tagKeys=removed)


def _attributes(work: Work) -> Mapping[str, Any]:
    return {"Arn": work.physical_id, "Name": work.physical_id.rpartition(":")[2]}


STATE_MACHINE = ResourceType(
    "AWS::StepFunctions::StateMachine",
    create=_create,
    update=_update,
    delete=lambda work: work.call(_API, "DeleteStateMachine", stateMachineArn=work.physical_id),
    attributes=_attributes,
    named="StateMachineName",
    refused={"EncryptionConfiguration": "definitions and executions are not encrypted"},
)

TYPES = (STATE_MACHINE,)
