"""API Gateway v1: usage plans and API keys.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.templates.types import rest_patches
from sandbox.templates.types.resource_type import ResourceType, Work
from sandbox.templates.types.rest_patches import API, Patches, replace

# -- plans ---------------------------------------------------------------------------------------------

_LIMITS: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "Quota": {"Limit": ("/quota/limit", None), "Period": ("/quota/period", None), "Offset": ("/quota/offset", 0)},
    "Throttle": {"BurstLimit": ("/throttle/burstLimit", None), "RateLimit": ("/throttle/rateLimit", None)},
}


def _stages(given: Iterable[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    """The stages of a plan by their name in patches, with their throttles by method."""
    return {f"{one.get('ApiId')}:{one.get('Stage')}": one.get("Throttle") or {} for one in given or ()}


def _create_plan(work: Work) -> str:
    answer = work.call(
        API,
        "CreateUsagePlan",
        name=work.name("UsagePlanName", 128),
        description=work["Description"],
        apiStages=work["ApiStages"],
        quota=work["Quota"],
        throttle=work["Throttle"],
        tags=work.tags(),
    )
    return str(answer["id"])


def _update_plan(work: Work) -> None:
    paths_of = {"UsagePlanName": ("/name", work.generated(128)), "Description": ("/description", "")}
    patches = rest_patches.scalars(work.before, {name: work[name] for name in paths_of}, paths_of)
    for name, paths in _LIMITS.items():
        before, after = work.before.get(name) or {}, work[name] or {}
        if before and not after:
            patches.append({"op": "remove", "path": f"/{name.lower()}"})
        else:
            patches += rest_patches.scalars(before, after, paths)
    patches += _stage_patches(_stages(work.before.get("ApiStages")), _stages(work["ApiStages"]))
    _patch_plan(work, patches)
    rest_patches.retag(work, f"/usageplans/{work.physical_id}")


def _stage_patches(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Patches:
    found = rest_patches.members(before, after, "/apiStages")
    for stage, throttles in after.items():
        old = before.get(stage, {})
        for method, limits in throttles.items():
            if old.get(method) != limits:
                where = f"/apiStages/{stage}/throttle/{rest_patches.escaped(method.rpartition('/')[0])}"
                where = f"{where}/{method.rpartition('/')[2]}"
                ends = {"RateLimit": "rateLimit", "BurstLimit": "burstLimit"}
                found += [replace(f"{where}/{end}", limits[name]) for name, end in ends.items() if name in limits]
        found += [
            {"op": "remove", "path": f"/apiStages/{stage}/throttle/{rest_patches.escaped(method)}"}
            for method in old
            if method not in throttles
        ]
    return found


def _patch_plan(work: Work, patches: Patches) -> None:
    if patches:
        work.call(API, "UpdateUsagePlan", usagePlanId=work.physical_id, patchOperations=patches)


def _delete_plan(work: Work) -> None:
    """A plan with stages can't be deleted: it leaves them first, as AWS's own handler has it."""
    plan = work.call(API, "GetUsagePlan", usagePlanId=work.physical_id)
    stages = [f"{one['apiId']}:{one['stage']}" for one in plan.get("apiStages") or ()]
    _patch_plan(work, rest_patches.members(stages, (), "/apiStages"))
    work.call(API, "DeleteUsagePlan", usagePlanId=work.physical_id)


USAGE_PLAN = ResourceType(
    "AWS::ApiGateway::UsagePlan",
    create=_create_plan,
    update=_update_plan,
    delete=_delete_plan,
    attributes=lambda work: {"Id": work.physical_id},
)


# -- keys ----------------------------------------------------------------------------------------------

_KEY: Mapping[str, tuple[str, Any]] = {
    "CustomerId": ("/customerId", ""),
    "Description": ("/description", ""),
    "Enabled": ("/enabled", False),
}


def _create_key(work: Work) -> str:
    given = work.fitted(API, "CreateApiKey", without=("Tags", "Name"))
    name = work.name("Name", 128)
    return str(work.call(API, "CreateApiKey", **given, name=name, tags=work.tags())["id"])


def _stage_keys(given: Iterable[Mapping[str, Any]] | None) -> list[str]:
    return [f"{one.get('RestApiId')}/{one.get('StageName')}" for one in given or ()]


def _update_key(work: Work) -> None:
    patches = rest_patches.scalars(work.before, {name: work[name] for name in _KEY}, _KEY)
    before, after = _stage_keys(work.before.get("StageKeys")), _stage_keys(work["StageKeys"])
    patches += rest_patches.members(before, after, "/stages")
    if patches:
        work.call(API, "UpdateApiKey", apiKey=work.physical_id, patchOperations=patches)
    rest_patches.retag(work, f"/apikeys/{work.physical_id}")


API_KEY = ResourceType(
    "AWS::ApiGateway::ApiKey",
    create=_create_key,
    update=_update_key,
    delete=lambda work: work.call(API, "DeleteApiKey", apiKey=work.physical_id),
    attributes=lambda work: {"APIKeyId": work.physical_id},
)


def _create_plan_key(work: Work) -> str:
    """Its id is the key's with the plan's behind a colon."""
    given = work.fitted(API, "CreateUsagePlanKey")
    work.call(API, "CreateUsagePlanKey", **given)
    return f"{given['keyId']}:{given['usagePlanId']}"


USAGE_PLAN_KEY = ResourceType(
    "AWS::ApiGateway::UsagePlanKey",
    create=_create_plan_key,
    delete=lambda work: work.call(API, "DeleteUsagePlanKey", usagePlanId=work["UsagePlanId"], keyId=work["KeyId"]),
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (USAGE_PLAN, API_KEY, USAGE_PLAN_KEY)
