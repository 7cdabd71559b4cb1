"""The operations that tell of templates: of stacks' and change sets', and of those that a call brings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.gateway.call import Call
from sandbox.templates.document import Document, read
from sandbox.templates.errors import TemplateError
from sandbox.templates.parameters import Parameter
from sandbox.templates.stacks import capabilities
from sandbox.templates.stacks.change_sets import ChangeSets
from sandbox.templates.stacks.engine import Engine
from sandbox.templates.stacks.preparation import check_template, parameters_of
from sandbox.templates.stacks.reads import Reads, with_id
from sandbox.templates.stacks.requests import invalid
from sandbox.templates.stacks.sources import text_of, with_s3_addresses
from sandbox.templates.stacks.stack import Definition
from sandbox.templates.template import VERSION, Template, refuse_macros, transforms

Answer = Mapping[str, Any]


class TemplateReads:
    """Operations on templates. `operations` are by name."""

    def __init__(self, engine: Engine, reads: Reads, change_sets: ChangeSets) -> None:
        self._engine = engine
        self._reads = reads
        self._change_sets = change_sets
        self.operations: Mapping[str, Callable[[Call], Answer]] = {
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._get_template_summary,
            "ValidateTemplate": self._validate_template,
        }

    def _get_template(self, call: Call) -> Answer:
        stage = call.params.get("TemplateStage") or "Original"
        if stage not in ("Original", "Processed"):
            raise invalid(
                f"1 validation error detected: Value '{stage}' at 'templateStage' failed to satisfy constraint: Member "
                "must satisfy enum value set: [Original, Processed]"
            )
        definition: Definition | None
        if call.params.get("ChangeSetName"):
            change_set = self._change_sets.find(call)
            text, definition = change_set.text, change_set.definition
        else:
            stack = self._reads.find(call, with_id)
            definition = stack.definition
            text = definition.text if definition is not None else ""
        if definition is None and (stage == "Processed" or not text):
            raise invalid("There is no processed template: its transform failed, or no change set was executed yet.")
        if stage == "Processed" and definition is not None and definition.transforms:
            text = json.dumps(definition.template.document, ensure_ascii=False)
        text = with_s3_addresses(text, self._engine.gateway.endpoint_url, call.region)
        stages = ["Original", "Processed"] if definition is not None else ["Original"]
        return {"TemplateBody": text, "StagesAvailable": stages}

    def _get_template_summary(self, call: Call) -> Answer:
        if call.params.get("StackSetName"):
            raise invalid("coldstart does not support StackSetName of cloudformation:GetTemplateSummary")
        if call.params.get("StackName"):
            definition = self._reads.find(call, with_id).definition
            if definition is None:
                raise invalid(f"Stack {call.params['StackName']} has no template yet.")
            document = read(definition.text)
        else:
            document = self._given(call)
        template = _checked(document)
        resources = document.get("Resources")
        types = [
            str(one.get("Type"))
            for one in (resources.values() if isinstance(resources, dict) else ())
            if isinstance(one, dict)
        ]
        answer: dict[str, Any] = {
            "Parameters": [_declared(one, constraints=True) for one in parameters_of(document).values()],
            "ResourceTypes": list(dict.fromkeys(types)),
            "Version": document.get("AWSTemplateFormatVersion", VERSION),
            "ResourceIdentifierSummaries": [],
            **_description(document),
            **_capabilities(template),
        }
        if document.get("Metadata"):
            answer["Metadata"] = json.dumps(document["Metadata"])
        if transforms(document):
            answer["DeclaredTransforms"] = list(transforms(document))
        return answer

    def _validate_template(self, call: Call) -> Answer:
        document = self._given(call)
        template = _checked(document)
        answer: dict[str, Any] = {
            "Parameters": [_declared(one, constraints=False) for one in parameters_of(document).values()],
            **_description(document),
            **_capabilities(template),
        }
        if transforms(document):
            answer["DeclaredTransforms"] = list(transforms(document))
        return answer

    def _given(self, call: Call) -> Document:
        rights = self._engine.rights.of(call.principal, None)
        text = text_of(
            call.params.get("TemplateBody"),
            call.params.get("TemplateURL"),
            lambda: rights.client("s3", call.region),
        )
        return read(text)


def _checked(document: Document) -> Template | None:
    """The template, looked through; None if only its transform makes it one."""
    refuse_macros(document)
    if transforms(document):
        if not document.get("Resources"):
            raise TemplateError("Template format error: At least one Resources member must be defined.")
        return None
    template = Template.of(document)
    check_template(template)
    return template


def _declared(parameter: Parameter, *, constraints: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"ParameterKey": parameter.name, "NoEcho": parameter.no_echo}
    if parameter.default is not None:
        shape["DefaultValue"] = parameter.default
    if parameter.description is not None:
        shape["Description"] = parameter.description
    if constraints:
        shape["ParameterType"] = parameter.type
        allowed: Iterable[str] | None = parameter.allowed_values
        shape["ParameterConstraints"] = {} if allowed is None else {"AllowedValues": list(allowed)}
    return shape


def _description(document: Document) -> dict[str, str]:
    return {"Description": document["Description"]} if isinstance(document.get("Description"), str) else {}


def _capabilities(template: Template | None) -> dict[str, Any]:
    if template is None:
        return {}
    needed, reason = capabilities.needed(template)
    return {"Capabilities": needed, "CapabilitiesReason": reason} if needed else {}
