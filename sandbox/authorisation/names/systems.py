"""How Systems Manager names its resources in calls."""

from __future__ import annotations

from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call


def _parameter(call: Call, look_up: LookUp, given: str) -> str:
    """A parameter by name, path or ARN, with or without a version or label behind a colon. `/a/b` and `a/b` are the
    same resource; the path `/` is `parameter/`.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html"""
    if given.startswith("arn:"):
        parts = given.split(":", 6)
        return ":".join(parts[:6])
    name = given.partition(":")[0]
    return in_partition(call, "ssm", f"parameter/{name.removeprefix('/')}")


def _document(call: Call, look_up: LookUp, given: str) -> str:
    """AWS's own documents are of no account.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/security_iam_service-with-iam.html"""
    if given.startswith("arn:"):
        return given
    owner = "" if given.startswith(("AWS-", "AWS", "Amazon")) and "-" in given else call.account
    return in_partition(call, "ssm", f"document/{given}", account=owner)


def _instance(call: Call, look_up: LookUp, given: str) -> str | None:
    return None if given.startswith("mi-") else in_partition(call, "ec2", f"instance/{given}")


def _managed_instance(call: Call, look_up: LookUp, given: str) -> str | None:
    return in_partition(call, "ssm", f"managed-instance/{given}") if given.startswith("mi-") else None


def _setting(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "ssm", f"servicesetting/{given.removeprefix('/')}")


#: What Systems Manager's tagging operations call a type of resource.
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
_TAGGED = {
    "Association": "association",
    "Automation": "automation-execution",
    "CloudConnector": "cloud-connector",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "OpsMetadata": "opsmetadata",
    "PatchBaseline": "patchbaseline",
}


def _tagged_by_ssm(call: Call, look_up: LookUp, given: str) -> str | None:
    kind = text(call.params, "ResourceType")
    if given.startswith("arn:"):
        return given
    if kind == "Parameter":
        return _parameter(call, look_up, given)
    if kind == "Document":
        return _document(call, look_up, given)
    return in_partition(call, "ssm", f"{_TAGGED[kind]}/{given}") if kind in _TAGGED else None


NAMES: dict[str, Paths] = {
    "ssm:document": ("DocumentName", "Name", "CalendarNames[]"),
    "ssm:maintenancewindow": ("WindowId",),
    "ssm:opsitem": ("OpsItemId", "AccessRequestId"),
    "ssm:parameter": ("Name", "Names[]", "Path"),
    "ssm:patchbaseline": ("BaselineId",),
    "ssm:servicesetting": ("SettingId",),
}

_INSTANCES: dict[str, Paths] = {
    "instance": ("?", "InstanceIds[]", "InstanceId", "Target", "ResourceId"),
    "managed-instance": ("?", "InstanceIds[]", "InstanceId", "Target", "ResourceId"),
}
_SSM_TAGS: dict[str, Paths] = {"parameter": ("ResourceId",)}

RULES: dict[str, dict[str, Paths]] = {
    "ssm:AddTagsToResource": _SSM_TAGS,
    "ssm:CreateAssociation": {"association": ("=*",), "document": ("Name",), **_INSTANCES},
    "ssm:CreateAssociationBatch": {
        "document": ("Entries[].Name",),
        "instance": ("?", "Entries[].InstanceId"),
        "managed-instance": ("?", "Entries[].InstanceId"),
    },
    "ssm:DeleteAssociation": {"association": ("AssociationId", "=*")},
    "ssm:DescribeAssociation": {"association": ("AssociationId", "=*")},
    "ssm:DescribeEffectiveInstanceAssociations": _INSTANCES,
    "ssm:DescribeInstanceAssociationsStatus": _INSTANCES,
    "ssm:DescribeInstancePatchStates": _INSTANCES,
    "ssm:DescribeInstancePatches": _INSTANCES,
    "ssm:GetConnectionStatus": _INSTANCES,
    "ssm:GetDefaultPatchBaseline": {"patchbaseline": ("=*",)},
    "ssm:GetOpsSummary": {"resourcedatasync": ("SyncName", "=*")},
    "ssm:ListTagsForResource": _SSM_TAGS,
    "ssm:PutComplianceItems": _INSTANCES,
    "ssm:RemoveTagsFromResource": _SSM_TAGS,
    "ssm:SendCommand": {
        "document": ("DocumentName",),
        "instance": ("?", "InstanceIds[]", "=*"),
        "managed-instance": ("?", "InstanceIds[]"),
        "bucket": ("?", "OutputS3BucketName"),
    },
    "ssm:StartAutomationExecution": {"automation-execution": ("=*",), "document": ("DocumentName",)},
    "ssm:StartChangeRequestExecution": {"automation-execution": ("=*",), "document": ("DocumentName",)},
    "ssm:StartSession": {"document": ("?", "DocumentName"), **_INSTANCES},
    "ssm:UpdateAssociationStatus": {"document": ("Name",), **_INSTANCES},
}

MAKERS: dict[str, Maker] = {
    "ssm:AddTagsToResource/parameter": _tagged_by_ssm,
    "ssm:ListTagsForResource/parameter": _tagged_by_ssm,
    "ssm:RemoveTagsFromResource/parameter": _tagged_by_ssm,
    "ssm:document": _document,
    "ssm:instance": _instance,
    "ssm:managed-instance": _managed_instance,
    "ssm:parameter": _parameter,
    "ssm:servicesetting": _setting,
}
