"""API Gateway v1: deployments and stages of REST APIs, and the account's setting for their logs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types import rest_patches
from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work, gone
from sandbox.templates.types.rest_patches import API, Patches, replace

_NO_CACHE = "answers are not cached"
_NO_CANARY = "canaries of stages are not built"

#: Members of a method's settings, and the ends of their paths in patches.
_METHOD_SETTINGS = {
    "CacheDataEncrypted": "caching/dataEncrypted",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled",
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}
_SCALARS: Mapping[str, tuple[str, Any]] = {
    "DeploymentId": ("/deploymentId", None),
    "Description": ("/description", ""),
    "DocumentationVersion": ("/documentationVersion", ""),
    "TracingEnabled": ("/tracingEnabled", False),
}


def _method_path(setting: Mapping[str, Any]) -> str:
    """Where a setting of MethodSettings belongs: `~1orders/GET`, `*/*`. Its path comes as `/orders`, `/~1orders`, `/*`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """
    path = str(setting.get("ResourcePath") or "/*")
    if path in ("/*", "*"):
        where = "*"
    elif path.startswith("/~1"):
        where = path[1:]
    else:
        where = path.replace("/", "~1")
    return f"{where}/{setting.get('HttpMethod') or '*'}"


def _settings(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every setting of methods by its path in patches."""
    for setting in properties.get("MethodSettings") or ():
        for name, end in _METHOD_SETTINGS.items():
            if setting.get(name) is not None:
                yield f"/{_method_path(setting)}/{end}", setting[name]


def _stage_patches(before: Mapping[str, Any], after: Mapping[str, Any]) -> Patches:
    """What brings a stage from one state of Stage's properties to another."""
    old, new = dict(_settings(before)), dict(_settings(after))
    found: Patches = [{"op": "remove", "path": path} for path in old if path not in new]
    found += [replace(path, value) for path, value in new.items() if old.get(path) != value]
    found += rest_patches.scalars(before, after, _SCALARS)
    found += rest_patches.entries(before.get("Variables"), after.get("Variables"), "/variables")
    logs, logs_before = after.get("AccessLogSetting") or {}, before.get("AccessLogSetting") or {}
    if logs_before and not logs:
        found.append({"op": "remove", "path": "/accessLogSettings"})
    paths = {"DestinationArn": ("/accessLogSettings/destinationArn", None), "Format": ("/accessLogSettings/format", "")}
    return found + (rest_patches.scalars(logs_before, logs, paths) if logs else [])


def _update(work: Work, stage: str, patches: Patches) -> None:
    if patches:
        work.call(API, "UpdateStage", restApiId=work["RestApiId"], stageName=stage, patchOperations=patches)


# -- stages --------------------------------------------------------------------------------------------

_STAGE = (*_SCALARS, "MethodSettings", "Variables", "AccessLogSetting")
#: What CreateStage takes itself.
_CREATED = ("DeploymentId", "Description", "DocumentationVersion", "TracingEnabled", "Variables")


def _check_cache(given: Mapping[str, Any]) -> None:
    if str(given.get("CacheClusterEnabled")).lower() == "true":
        raise Unsupported(f"CacheClusterEnabled is not supported by this sandbox: {_NO_CACHE}")


def _create_stage(work: Work) -> str:
    _check_cache({"CacheClusterEnabled": work["CacheClusterEnabled"]})
    given = {name: work[name] for name in _STAGE}
    answer = work.call(
        API,
        "CreateStage",
        restApiId=work["RestApiId"],
        stageName=work.name("StageName", 128, between="_"),
        deploymentId=given["DeploymentId"] or "",
        description=given["Description"],
        documentationVersion=given["DocumentationVersion"],
        tracingEnabled=given["TracingEnabled"],
        variables=given["Variables"],
        tags=work.tags(),
    )
    stage = work.made(answer["stageName"])
    _update(work, stage, _stage_patches({name: given[name] for name in _CREATED}, given))
    return stage


def _update_stage(work: Work) -> None:
    _check_cache({"CacheClusterEnabled": work["CacheClusterEnabled"]})
    _update(work, work.physical_id, _stage_patches(work.before, {name: work[name] for name in _STAGE}))
    rest_patches.retag(work, f"/restapis/{work['RestApiId']}/stages/{work.physical_id}")


STAGE = ResourceType(
    "AWS::ApiGateway::Stage",
    create=_create_stage,
    update=_update_stage,
    delete=lambda work: work.call(API, "DeleteStage", restApiId=work["RestApiId"], stageName=work.physical_id),
    refused={
        "CacheClusterSize": _NO_CACHE,
        "CanarySetting": _NO_CANARY,
        "ClientCertificateId": "there is no TLS behind it",
    },
)


# -- deployments ---------------------------------------------------------------------------------------

_REFUSED_OF_STAGE = {
    "CacheClusterSize": _NO_CACHE,
    "CanarySetting": _NO_CANARY,
    "ClientCertificateId": "there is no TLS behind it",
}


def _described(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a Stage that a deployment's StageDescription comes to: its settings are for all methods."""
    given = dict(properties.get("StageDescription") or {})
    for name, reason in _REFUSED_OF_STAGE.items():
        if given.get(name) is not None:
            raise Unsupported(f"StageDescription.{name} is not supported by this sandbox: {reason}")
    _check_cache(given)
    for_all = {name: given.pop(name) for name in _METHOD_SETTINGS if given.get(name) is not None}
    if for_all:
        everywhere = {"ResourcePath": "/*", "HttpMethod": "*", **for_all}
        given["MethodSettings"] = [everywhere, *(given.get("MethodSettings") or ())]
    return given


def _create_deployment(work: Work) -> str:
    stage = _described({"StageDescription": work["StageDescription"]})
    answer = work.call(
        API,
        "CreateDeployment",
        restApiId=work["RestApiId"],
        description=work["Description"],
        stageName=work["StageName"],
        stageDescription=stage.get("Description"),
        tracingEnabled=stage.get("TracingEnabled"),
        variables=stage.get("Variables"),
    )
    deployment = work.made(answer["id"])
    if work["StageName"] is not None:
        _describe_stage(work, {name: stage[name] for name in _CREATED if name in stage}, stage)
    return deployment


def _describe_stage(work: Work, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    stage = str(work["StageName"])
    _update(work, stage, _stage_patches(before, after))
    tags = {str(one["Key"]): str(one["Value"]) for one in after.get("Tags") or ()}
    if tags:
        place = rest_patches.arn(work, f"/restapis/{work['RestApiId']}/stages/{stage}")
        work.call(API, "TagResource", resourceArn=place, tags=tags)


def _update_deployment(work: Work) -> None:
    if "Description" in work.changed:
        patches = [replace("/description", work["Description"] or "")]
        which = {"restApiId": work["RestApiId"], "deploymentId": work.physical_id}
        work.call(API, "UpdateDeployment", **which, patchOperations=patches)
    before, after = _described(work.before), _described({"StageDescription": work["StageDescription"]})
    if work["StageName"] is None:
        return
    if "StageName" in work.changed:
        _point_stage(work)
        before = {}
    _describe_stage(work, before, after)


def _point_stage(work: Work) -> None:
    """Has the stage that a deployment now names serve it; the stage is made if there is none."""
    try:
        _update(work, work["StageName"], [replace("/deploymentId", work.physical_id)])
    except ClientError as error:
        if not gone(error):
            raise
        which = {"restApiId": work["RestApiId"], "stageName": work["StageName"]}
        work.call(API, "CreateStage", **which, deploymentId=work.physical_id)


def _delete_deployment(work: Work) -> None:
    which = {"restApiId": work["RestApiId"], "deploymentId": work.physical_id}
    if work["StageName"] is not None:
        # The stage came with the deployment, and goes with it unless it serves another by now.
        stages = work.call(API, "GetStages", **which)["item"]
        if any(stage["stageName"] == work["StageName"] for stage in stages):
            work.call(API, "DeleteStage", restApiId=work["RestApiId"], stageName=work["StageName"])
    work.call(API, "DeleteDeployment", **which)


DEPLOYMENT = ResourceType(
    "AWS::ApiGateway::Deployment",
    create=_create_deployment,
    update=_update_deployment,
    delete=_delete_deployment,
    attributes=lambda work: {"DeploymentId": work.physical_id},
    refused={"DeploymentCanarySettings": _NO_CANARY},
)


# -- the account ---------------------------------------------------------------------------------------


def _set_account(work: Work) -> None:
    patch = replace("/cloudwatchRoleArn", work["CloudWatchRoleArn"] or "")
    work.call(API, "UpdateAccount", patchOperations=[patch])


def _create_account(work: Work) -> str:
    _set_account(work)
    return work.generated(64)


#: The account's role stays when the resource goes, as in AWS: other stacks' APIs write their logs with it.
ACCOUNT = ResourceType(
    "AWS::ApiGateway::Account",
    create=_create_account,
    update=_set_account,
    delete=lambda work: None,
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (STAGE, DEPLOYMENT, ACCOUNT)
