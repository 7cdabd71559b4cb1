"""Stacks and their resources in the shapes of CloudFormation's API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResource.html
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.templates.stacks.stack import StackRecord, StackResource

_NO_DRIFT = "NOT_CHECKED"


def stack_shape(stack: StackRecord) -> dict[str, Any]:
    """A Stack."""
    with stack.lock:
        definition = stack.definition
        shape: dict[str, Any] = {
            "StackId": stack.id,
            "StackName": stack.name,
            "CreationTime": stack.created,
            "RollbackConfiguration": {},
            "StackStatus": stack.status,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": list(definition.notification_arns) if definition else [],
            "Capabilities": list(definition.capabilities) if definition else [],
            "Outputs": [one.shape() for one in stack.outputs],
            "Tags": [{"Key": key, "Value": value} for key, value in (definition.tags if definition else {}).items()],
            "EnableTerminationProtection": stack.protected,
            "DriftInformation": {"StackDriftStatus": _NO_DRIFT},
        }
        if definition is not None:
            shape["Parameters"] = [one.shown() for one in definition.parameters.values()]
        optional = {
            "ChangeSetId": stack.change_set_id,
            "Description": definition.template.description if definition else None,
            "DeletionTime": stack.deleted,
            "LastUpdatedTime": stack.updated,
            "StackStatusReason": stack.reason,
            "TimeoutInMinutes": stack.timeout_minutes,
            "RoleARN": stack.role_arn,
            "ParentId": stack.parent_id,
            "RootId": stack.root_id,
            "RetainExceptOnCreate": stack.retain_except_on_create or None,
        }
    return {**shape, **{name: value for name, value in optional.items() if value is not None}}


def summary(stack: StackRecord) -> dict[str, Any]:
    """A StackSummary."""
    shape: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "DriftInformation": {"StackDriftStatus": _NO_DRIFT},
    }
    optional = {
        "TemplateDescription": stack.definition.template.description if stack.definition else None,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "StackStatusReason": stack.reason,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
    }
    return {**shape, **{name: value for name, value in optional.items() if value is not None}}


def resource_summary(resource: StackResource) -> dict[str, Any]:
    """A StackResourceSummary."""
    shape: dict[str, Any] = {
        "LogicalResourceId": resource.logical_id,
        "ResourceType": resource.type,
        "LastUpdatedTimestamp": resource.time,
        "ResourceStatus": resource.status,
        "DriftInformation": {"StackResourceDriftStatus": _NO_DRIFT},
    }
    if resource.physical_id:
        shape["PhysicalResourceId"] = resource.physical_id
    if resource.reason:
        shape["ResourceStatusReason"] = resource.reason
    return shape


def resource_shape(stack: StackRecord, resource: StackResource) -> dict[str, Any]:
    """A StackResource."""
    shape = {"StackName": stack.name, "StackId": stack.id, **resource_summary(resource)}
    shape["Timestamp"] = shape.pop("LastUpdatedTimestamp")
    return shape


def resource_detail(stack: StackRecord, resource: StackResource) -> dict[str, Any]:
    """A StackResourceDetail."""
    shape = {"StackName": stack.name, "StackId": stack.id, **resource_summary(resource)}
    metadata = resource.physical.metadata if resource.physical is not None else None
    if metadata is not None:
        shape["Metadata"] = json.dumps(metadata)
    return shape
