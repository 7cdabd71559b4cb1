"""Systems Manager: parameters.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html
"""

from __future__ import annotations

from typing import Any

from sandbox.templates.types.resource_type import ResourceType, Work


def _create(work: Work) -> str:
    name = work["Name"] or f"CFN-{work.logical_id}-{work.generated(64).rpartition('-')[2]}"
    _put(work, str(name), Tags=work.tag_list())
    return str(name)


def _put(work: Work, name: str, **others: Any) -> None:
    given = work.fitted("ssm", "PutParameter", without=("Name", "Tags"))
    work.call("ssm", "PutParameter", Name=name, **{**given, **others})


def _update(work: Work) -> None:
    name = work.physical_id
    if work.changed - {"Tags"}:
        # Without one the old description would stay.
        _put(work, name, Overwrite=True, Description=work["Description"] or "")
    added, removed = work.tag_changes()
    named = {"ResourceType": "Parameter", "ResourceId": name}
    if added:
        tags = [{"Key": key, "Value": value} for key, value in added.items()]
        work.call("ssm", "AddTagsToResource", **named, Tags=tags)
    if removed:
        work.call("ssm", "RemoveTagsFromResource", **named, TagKeys=removed)


def _attributes(work: Work) -> dict[str, Any]:
    return {
        "Arn": work.arn("ssm", f"parameter/{work.physical_id.removeprefix('/')}"),
        "Type": work["Type"],
        "Value": work["Value"],
    }


PARAMETER = ResourceType(
    "AWS::SSM::Parameter",
    create=_create,
    update=_update,
    delete=lambda work: work.call("ssm", "DeleteParameter", Name=work.physical_id),
    attributes=_attributes,
    named="Name",
    refused={"Policies": "parameters do not expire, and nobody is told of their age"},
)

TYPES = (PARAMETER,)
