"""Secrets Manager: secrets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.templates.types.resource_type import Failed, ResourceType, Work

_TEMPLATE_PARTS = ("GenerateStringKey", "SecretStringTemplate")


def _value(work: Work) -> str | None:
    """The secret's text: as given, or generated; None for a secret without one."""
    given, generate = work["SecretString"], work["GenerateSecretString"]
    if given is not None and generate is not None:
        raise Failed("You can't specify both SecretString and GenerateSecretString.", "InvalidRequest")
    if generate is None:
        return None if given is None else str(given)
    wanted = {name: value for name, value in generate.items() if name not in _TEMPLATE_PARTS}
    password = str(work.call("secretsmanager", "GetRandomPassword", **wanted)["RandomPassword"])
    key, template = generate.get("GenerateStringKey"), generate.get("SecretStringTemplate")
    if key is None and template is None:
        return password
    if key is None or template is None:
        raise Failed("GenerateStringKey and SecretStringTemplate go together.", "InvalidRequest")
    try:
        members = json.loads(template)
    except json.JSONDecodeError:
        members = None
    if not isinstance(members, dict):
        raise Failed("SecretStringTemplate is not a JSON object.", "InvalidRequest")
    return json.dumps({**members, str(key): password})


def _create(work: Work) -> str:
    # Its name is of the logical id alone.
    name = work["Name"] or f"{work.logical_id[:240]}-{work.generated(64).rpartition('-')[2]}"
    answer = work.call(
        "secretsmanager",
        "CreateSecret",
        Name=name,
        ClientRequestToken=work.token or None,
        Description=work["Description"],
        KmsKeyId=work["KmsKeyId"],
        SecretString=_value(work),
        Tags=work.tag_list(),
    )
    return str(answer["ARN"])


def _update(work: Work) -> None:
    changed = work.changed
    given: dict[str, Any] = {}
    if changed & {"SecretString", "GenerateSecretString"}:
        given["SecretString"] = _value(work)
    if "Description" in changed:
        given["Description"] = work["Description"] or ""
    if "KmsKeyId" in changed:
        given["KmsKeyId"] = work["KmsKeyId"] or "alias/aws/secretsmanager"
    if given:
        work.call("secretsmanager", "UpdateSecret", SecretId=work.physical_id, **given)
    added, removed = work.tag_changes()
    if added:
        tags = [{"Key": key, "Value": value} for key, value in added.items()]
        work.call("secretsmanager", "TagResource", SecretId=work.physical_id, Tags=tags)
    if removed:
        work.call("secretsmanager", "UntagResource", SecretId=work.physical_id, TagKeys=removed)


SECRET = ResourceType(
    "AWS::SecretsManager::Secret",
    create=_create,
    update=_update,
    delete=lambda work: work.call(
        "secretsmanager", "DeleteSecret", SecretId=work.physical_id, ForceDeleteWithoutRecovery=True
    ),
    attributes=lambda work: {"Id": work.physical_id},
    named="Name",
    refused={
        "ReplicaRegions": "secrets are kept in one region",
        "Type": "there are no secrets that others manage",
    },
)

TYPES = (SECRET,)
