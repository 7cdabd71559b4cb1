"""How CloudFormation and CodeDeploy name their resources in calls."""

from __future__ import annotations

from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.gateway.call import Call


def _stack(call: Call, look_up: LookUp, given: str) -> str | None:
    """A stack by name, ARN or its change set's ARN. The ARN ends in an id that a name doesn't tell.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
    if ":stack/" in given:
        return given
    if given == call.params.get("ChangeSetName") and not given.startswith("arn:"):
        # The name of a change set says nothing without its stack's, which stands beside it.
        return None
    found = look_up.arn(call.account, call.region, "cloudformation:stack", given)
    if found is not None:
        return found
    if given.startswith("arn:"):
        # A change set that is not there (any more) is of no stack: who may look at all of them is told so.
        return in_partition(call, "cloudformation", "stack/*/*")
    return in_partition(call, "cloudformation", f"stack/{given}/*")


def _stack_set(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "cloudformation", f"stackset/{given}" if ":" in given else f"stackset/{given}:*")


def _deployment(call: Call, look_up: LookUp, given: str) -> str | None:
    found = look_up.arn(call.account, call.region, "codedeploy:deployment", given)
    # A deployment that is not there is of no group: who may look at those of all groups is told so.
    return found or in_partition(call, "codedeploy", "deploymentgroup:*")


NAMES: dict[str, Paths] = {
    "cloudformation:stack": ("StackName", "StackId"),
    "cloudformation:stackset": ("StackSetName",),
    "codedeploy:deploymentgroup": ("deploymentGroupName", "deploymentGroupNames[]", "currentDeploymentGroupName"),
}

_OF_CHANGE_SET: dict[str, Paths] = {"stack": ("+StackName", "+ChangeSetName")}
_OF_DEPLOYMENT: dict[str, Paths] = {"deploymentgroup": ("deploymentId", "deploymentIds[]")}

RULES: dict[str, dict[str, Paths]] = {
    "cloudformation:CreateStackRefactor": {"stack": ("StackDefinitions[].StackName",)},
    "cloudformation:DeleteChangeSet": _OF_CHANGE_SET,
    "cloudformation:DescribeChangeSet": _OF_CHANGE_SET,
    "cloudformation:DescribeChangeSetHooks": _OF_CHANGE_SET,
    "cloudformation:DescribeEvents": {"stack": ("?", "+StackName", "+ChangeSetName")},
    "cloudformation:ExecuteChangeSet": _OF_CHANGE_SET,
    "cloudformation:GetTemplate": _OF_CHANGE_SET,
    "codedeploy:BatchGetDeploymentInstances": _OF_DEPLOYMENT,
    "codedeploy:BatchGetDeployments": _OF_DEPLOYMENT,
    "codedeploy:GetDeployment": _OF_DEPLOYMENT,
    "codedeploy:GetDeploymentInstance": _OF_DEPLOYMENT,
    "codedeploy:ListDeploymentInstances": _OF_DEPLOYMENT,
    # The reference has no type for it; hooks are given it for their group all the same:
    # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
    "codedeploy:PutLifecycleEventHookExecutionStatus": {"deploymentgroup": ("?", "deploymentId")},
}

MAKERS: dict[str, Maker] = {
    "cloudformation:stack": _stack,
    "cloudformation:stackset": _stack_set,
    "codedeploy:BatchGetDeploymentInstances/deploymentgroup": _deployment,
    "codedeploy:BatchGetDeployments/deploymentgroup": _deployment,
    "codedeploy:GetDeployment/deploymentgroup": _deployment,
    "codedeploy:GetDeploymentInstance/deploymentgroup": _deployment,
    "codedeploy:ListDeploymentInstances/deploymentgroup": _deployment,
    "codedeploy:PutLifecycleEventHookExecutionStatus/deploymentgroup": _deployment,
}
