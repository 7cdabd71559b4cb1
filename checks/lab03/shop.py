"""Lab 03's opening state, what its functions and stacks are called, and how all that it made goes again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.functions import execution_role, remove
from checks.lab02 import shop as artifacts
from checks.lab02 import stacks

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

_NAME = "03-canary-rollback"
_SOLVED = Path(__file__).parents[2] / "solutions" / _NAME
#: The lab's handlers, which nobody has to change. A notebook that is graded does not see the solutions; a learner's
#: files are the same, but for the template.
FILES = _SOLVED if _SOLVED.is_dir() else _SOLVED.parents[1] / "labs" / _NAME
#: The releases of checkout, a folder each.
RELEASES = FILES / "checkout"

#: The function of each round; its alias is `live`, its log tells of this round alone.
ALL_AT_ONCE, BY_HAND, SHIFTED = "checkout-all-at-once", "checkout-by-hand", "checkout-shifted"
CANARY, LINEAR, DILUTED, SMOKED = "checkout-canary", "checkout-linear", "checkout-diluted", "checkout-smoked"
FUNCTIONS = (ALL_AT_ONCE, BY_HAND, SHIFTED, CANARY, LINEAR, DILUTED, SMOKED)
SMOKE_TEST = "checkout-smoke-test"
ALIAS = "live"
#: Round 7's stack.
STACK = "checkout-rolled-back"
#: The learner's own stack of Build and Break.
OWN_STACK = "orders-live"
#: The lab's stacks, and those that the judge makes for a moment, begin so.
STACKS = ("checkout-", "orders-")

#: What the names of hooks begin with, so that the permission that SAM gives CodeDeploy holds for them.
HOOK = "CodeDeployHook_"

#: CodeDeploy's application: its deployment groups are called as their functions.
APPLICATION = "checkout"
ROLE, SMOKE_ROLE, CODEDEPLOY_ROLE = "checkout-execution", "checkout-smoke-test", "checkout-codedeploy"
#: What CodeDeploy may do for Lambda deployments.
#: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
CODEDEPLOY_POLICY = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"

#: What the lab uses at most, run twice over: the measure of its cost in an account.
PLAN: Mapping[str, float] = {
    "lambda_requests": 100_000,
    "lambda_gb_s": 6_000,
    "logs_gb": 0.1,
}


def make(cloud: Cloud) -> None:
    """The opening state: roles, and an empty bucket for code. The rounds make the rest."""
    if cloud.target == "account":
        # Spending is held back until an estimate was made, by the judge's cloud as well as by the learner's.
        cloud.cost_estimate(PLAN)
    artifacts.make_bucket(cloud)
    execution_role(cloud, ROLE, functions=FUNCTIONS)
    own = f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{SMOKED}"
    group = f"arn:aws:codedeploy:{cloud.region}:{cloud.account}:deploymentgroup:{APPLICATION}/*"
    execution_role(
        cloud,
        SMOKE_ROLE,
        [
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": f"{own}:*"},
            {"Effect": "Allow", "Action": "codedeploy:PutLifecycleEventHookExecutionStatus", "Resource": group},
        ],
        functions=(SMOKE_TEST,),
    )
    _codedeploy_role(cloud)


def _codedeploy_role(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    trusted = {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [trusted]}
    iam.create_role(RoleName=CODEDEPLOY_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName=CODEDEPLOY_ROLE, PolicyArn=CODEDEPLOY_POLICY)
    # The managed policy reaches hooks called CodeDeployHook_*, which ours is not.
    hook = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{SMOKE_TEST}",
    }
    policy = {"Version": "2012-10-17", "Statement": [hook]}
    iam.put_role_policy(RoleName=CODEDEPLOY_ROLE, PolicyName="hook", PolicyDocument=json.dumps(policy))


def clear(cloud: Cloud) -> None:
    """Remove what the lab makes, as far as it is there. In an account nothing else may be touched."""
    going = [one for one in artifacts.all_stacks(cloud) if one["StackName"].startswith(STACKS)]
    for one in going:
        artifacts.expect_ours(cloud, one)
    _clear_codedeploy(cloud)
    if artifacts.made_by_the_lab(cloud):
        going += [one for one in artifacts.all_stacks(cloud) if one["StackName"] == artifacts.MANAGED]
    for one in going:
        for name in artifacts.buckets_of(cloud, one["StackId"]):
            artifacts.empty(cloud, name)
        stacks.delete(cloud, one["StackId"])
    names = [one["StackName"] for one in going]
    artifacts.clear_logs(cloud, [f"/aws/lambda/{name}-" for name in names])
    artifacts.clear_logs(cloud, [f"/aws/lambda/{HOOK}{name}" for name in names])
    for function in (*FUNCTIONS, SMOKE_TEST):
        remove(cloud, function)
    _clear_alarms(cloud)
    for role in (ROLE, SMOKE_ROLE, CODEDEPLOY_ROLE):
        _remove_role(cloud, role)
    artifacts.clear_bucket(cloud)


def _clear_codedeploy(cloud: Cloud) -> None:
    """CodeDeploy's application with its groups, and its deployments stopped."""
    client = cloud.client("codedeploy")
    with suppress(client.exceptions.ApplicationDoesNotExistException):
        for group in client.list_deployment_groups(applicationName=APPLICATION)["deploymentGroups"]:
            at_work = client.list_deployments(
                applicationName=APPLICATION,
                deploymentGroupName=group,
                includeOnlyStatuses=["Created", "Queued", "InProgress"],
            )
            for id in at_work["deployments"]:
                with suppress(client.exceptions.DeploymentAlreadyCompletedException):
                    client.stop_deployment(deploymentId=id, autoRollbackEnabled=False)
            client.delete_deployment_group(applicationName=APPLICATION, deploymentGroupName=group)
        client.delete_application(applicationName=APPLICATION)


def _clear_alarms(cloud: Cloud) -> None:
    """The alarms of the rounds: they are called after their functions."""
    client = cloud.client("cloudwatch")
    names = [
        one["AlarmName"]
        for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix="checkout-")
        for one in page["MetricAlarms"]
        if one["AlarmName"].startswith(tuple(f"{name}:" for name in FUNCTIONS))
    ]
    for name in names:
        # One by one: so the journal of what was made can tell which one a call removes.
        client.delete_alarms(AlarmNames=[name])


def _remove_role(cloud: Cloud, role: str) -> None:
    iam: Any = cloud.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=one["PolicyArn"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        iam.delete_role(RoleName=role)
