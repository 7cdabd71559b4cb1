"""CodeDeploy: applications, deployment groups and deployment configurations.

What an update of an alias does with them stands in alias_updates.py.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_CodeDeploy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types import tagging
from sandbox.templates.types.resource_type import ResourceType, Work

_MACHINES = "there are no machines or containers to deploy to, but functions"

#: What a property of a group goes back to when the template no longer gives it.
#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateDeploymentGroup.html
_DEFAULTS: Mapping[str, Any] = {
    "AlarmConfiguration": {"enabled": False, "alarms": []},
    "AutoRollbackConfiguration": {"enabled": False, "events": []},
    "DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
    "DeploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    "OutdatedInstancesStrategy": "UPDATE",
    "ServiceRoleArn": None,
    "TriggerConfigurations": [],
}


def _retag(work: Work, resource: str) -> None:
    arn = work.arn("codedeploy", resource)
    added, removed = work.tag_changes()
    if tagging.own(added):
        work.call("codedeploy", "TagResource", ResourceArn=arn, Tags=tagging.pairs(tagging.own(added)))
    if removed:
        work.call("codedeploy", "UntagResource", ResourceArn=arn, TagKeys=removed)


# -- applications ------------------------------------------------------------------------------------------


def _create_application(work: Work) -> str:
    name = work.name("ApplicationName", 100)
    platform = work["ComputePlatform"]
    tags = tagging.own_list(work)
    work.call("codedeploy", "CreateApplication", applicationName=name, computePlatform=platform, tags=tags)
    return name


APPLICATION = ResourceType(
    "AWS::CodeDeploy::Application",
    create=_create_application,
    update=lambda work: _retag(work, f"application:{work.physical_id}"),
    delete=lambda work: work.call("codedeploy", "DeleteApplication", applicationName=work.physical_id),
    named="ApplicationName",
)


# -- deployment groups -------------------------------------------------------------------------------------


def _create_group(work: Work) -> str:
    name = work.name("DeploymentGroupName", 100)
    settings = work.fitted("codedeploy", "CreateDeploymentGroup", without=("DeploymentGroupName", "Tags"))
    tags = tagging.own_list(work)
    work.call("codedeploy", "CreateDeploymentGroup", deploymentGroupName=name, **settings, tags=tags)
    return name


def _update_group(work: Work) -> None:
    application, name = work["ApplicationName"], work.physical_id
    settings = work.fitted(
        "codedeploy", "UpdateDeploymentGroup", without=("ApplicationName", "DeploymentGroupName", "Tags")
    )
    for property_ in work.changed & _DEFAULTS.keys() - set(work.properties):
        settings[property_[0].lower() + property_[1:]] = _DEFAULTS[property_]
    if work.changed - {"Tags"}:
        named = {"applicationName": application, "currentDeploymentGroupName": name}
        work.call("codedeploy", "UpdateDeploymentGroup", **named, **settings)
    _retag(work, f"deploymentgroup:{application}/{name}")


def _delete_group(work: Work) -> None:
    application = work["ApplicationName"]
    work.call("codedeploy", "DeleteDeploymentGroup", applicationName=application, deploymentGroupName=work.physical_id)


DEPLOYMENT_GROUP = ResourceType(
    "AWS::CodeDeploy::DeploymentGroup",
    create=_create_group,
    update=_update_group,
    delete=_delete_group,
    named="DeploymentGroupName",
    refused={
        **dict.fromkeys(
            (
                *("AutoScalingGroups", "BlueGreenDeploymentConfiguration", "ECSServices", "Ec2TagFilters"),
                *("Ec2TagSet", "LoadBalancerInfo", "OnPremisesInstanceTagFilters", "OnPremisesTagSet"),
                "TerminationHookEnabled",
            ),
            _MACHINES,
        ),
        "Deployment": "an alias is moved by its update policy CodeDeployLambdaAliasUpdate, or by CreateDeployment",
    },
)


# -- deployment configurations -----------------------------------------------------------------------------


def _create_config(work: Work) -> str:
    name = work.name("DeploymentConfigName", 100)
    settings = work.fitted("codedeploy", "CreateDeploymentConfig", without=("DeploymentConfigName",))
    work.call("codedeploy", "CreateDeploymentConfig", deploymentConfigName=name, **settings)
    return name


DEPLOYMENT_CONFIG = ResourceType(
    "AWS::CodeDeploy::DeploymentConfig",
    create=_create_config,
    delete=lambda work: work.call("codedeploy", "DeleteDeploymentConfig", deploymentConfigName=work.physical_id),
    named="DeploymentConfigName",
    refused={"MinimumHealthyHosts": _MACHINES, "ZonalConfig": _MACHINES},
)

TYPES = (APPLICATION, DEPLOYMENT_GROUP, DEPLOYMENT_CONFIG)
