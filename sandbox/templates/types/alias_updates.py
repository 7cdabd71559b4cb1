"""The update policy CodeDeployLambdaAliasUpdate: CodeDeploy moves an alias to its new version, or back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html#cfn-attributes-updatepolicy-codedeploylambdaaliasupdate
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.delivery.appspec import AppSpec
from sandbox.templates.errors import TemplateError
from sandbox.templates.types.resource_type import Failed, Work

ALIAS = "AWS::Lambda::Alias"
POLICY = "CodeDeployLambdaAliasUpdate"

#: So long, in sandbox seconds, an update of an alias may take: `timeoutInMinutes` of the handler in the type's schema.
PATIENCE = 120 * 60.0

_REQUIRED = ("ApplicationName", "DeploymentGroupName")
_HOOKS = {"BeforeAllowTrafficHook": "BeforeAllowTraffic", "AfterAllowTrafficHook": "AfterAllowTraffic"}


def check(policy: Mapping[str, Any]) -> None:
    """TemplateError for an alias's UpdatePolicy that is written wrong."""
    settings = policy.get(POLICY)
    if settings is None:
        return
    if not isinstance(settings, Mapping):
        raise TemplateError(f"Value of property {POLICY} must be an object")
    for name in settings:
        if name not in (*_REQUIRED, *_HOOKS):
            raise TemplateError(f"Encountered unsupported property {name}")
    for name in _REQUIRED:
        if settings.get(name) is None:
            raise TemplateError(f"Property {name} cannot be empty.")


def moves(work: Work) -> bool:
    """Whether CodeDeploy is to move the alias: its version changes, it has the policy, and this is no way back.

    On the way back CodeDeploy has done what it is told to do of a deployment that fails. The rest is CloudFormation's.
    """
    return "FunctionVersion" in work.changed and bool((work.update_policy or {}).get(POLICY)) and not work.rolls_back


def move(work: Work, function: str, alias: str) -> None:
    """Lets CodeDeploy move an alias from the version before to the one now, and waits. Failed if that fails.

    `function` is the function's name. If the work is given up, the deployment is stopped.
    """
    settings = work.update_policy[POLICY]
    hooks = {event: str(settings[name]) for name, event in _HOOKS.items() if settings.get(name)}
    spec = AppSpec(function, alias, str(work.before["FunctionVersion"]), str(work["FunctionVersion"]), hooks)
    identifier = work.call(
        "codedeploy",
        "CreateDeployment",
        applicationName=settings["ApplicationName"],
        deploymentGroupName=settings["DeploymentGroupName"],
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": spec.text()}},
    )["deploymentId"]
    try:
        ended = work.acting.wait_for_deployment(identifier, PATIENCE)
    except Exception:
        _stop(work, identifier)
        raise
    if not ended:
        _stop(work, identifier)
        raise Failed("Resource timed out waiting for completion", "NotStabilized")
    found = _described(work, identifier)
    if found["status"] == "Succeeded":
        return
    rollback = _rollback_of(found)
    if rollback is not None:
        # Until then the alias is CodeDeploy's.
        work.acting.wait_for_deployment(rollback, PATIENCE)
    raise Failed(found["errorInformation"]["message"], "NotStabilized")


def _stop(work: Work, identifier: str) -> None:
    # What made the work stop is what is told; whoever may not stop it leaves it to find the alias elsewhere.
    with suppress(ClientError, BotoCoreError):
        work.call("codedeploy", "StopDeployment", deploymentId=identifier, autoRollbackEnabled=True)
        work.acting.wait_for_stop(identifier)
        rollback = _rollback_of(_described(work, identifier))
        if rollback is not None:
            work.acting.wait_for_stop(rollback)


def _described(work: Work, identifier: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = work.call("codedeploy", "GetDeployment", deploymentId=identifier)["deploymentInfo"]
    return info


def _rollback_of(described: Mapping[str, Any]) -> str | None:
    """The id of the deployment by which CodeDeploy rolls back another."""
    identifier: str | None = described.get("rollbackInfo", {}).get("rollbackDeploymentId")
    return identifier
