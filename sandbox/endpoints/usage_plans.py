"""Usage plans and API keys: who may call which stage, how fast and how often.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import patching
from sandbox.endpoints.apis import Members, new_id, time_of
from sandbox.endpoints.gateway_responses import GatewayError
from sandbox.endpoints.rest_apis import RestApi
from sandbox.endpoints.rest_checks import bad, not_found, unsupported
from sandbox.endpoints.throttle import Throttle
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Call, Operation

Place = tuple[str, str]


class UsagePlans:
    """Keys and plans of every account and Region."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[Place, dict[str, Members]] = {}
        self._plans: dict[Place, dict[str, Members]] = {}
        #: The keys of each plan, in order.
        self._members: dict[str, list[str]] = {}
        #: Requests of a plan's key on each day.
        self._used: dict[tuple[str, str, str], int] = {}
        self._throttle = Throttle()
        self.operations: Mapping[str, Operation] = {
            "CreateApiKey": self._create_key,
            "GetApiKey": self._get_key,
            "GetApiKeys": self._get_keys,
            "UpdateApiKey": self._update_key,
            "DeleteApiKey": self._delete_key,
            "CreateUsagePlan": self._create_plan,
            "GetUsagePlan": lambda call: dict(self._plan(call)),
            "GetUsagePlans": self._get_plans,
            "UpdateUsagePlan": self._update_plan,
            "DeleteUsagePlan": self._delete_plan,
            "CreateUsagePlanKey": self._add_key,
            "GetUsagePlanKey": self._get_plan_key,
            "GetUsagePlanKeys": lambda call: {
                "items": [self._plan_key(call, each) for each in self._members.get(self._plan(call)["id"], [])]
            },
            "DeleteUsagePlanKey": self._remove_key,
            "GetUsage": self._get_usage,
        }

    # -- for others ------------------------------------------------------------------------------------

    def admit(self, api: RestApi, stage: str, value: str | None) -> Members:
        """The key of a request that needs one; GatewayError if it has none, or has had enough."""
        place = (api.account, api.region)
        keys = self._keys.get(place, {}).values()
        key = next((each for each in keys if each["value"] == value and each["enabled"]), None)
        plan = self._plan_of(place, key["id"], api.id, stage) if key is not None else None
        if key is None or plan is None:
            raise GatewayError("INVALID_API_KEY")
        throttle = plan.get("throttle") or {}
        now = self._clock.now()
        name = f"{plan['id']}/{key['id']}"
        if not self._throttle.passes(name, throttle.get("rateLimit"), throttle.get("burstLimit"), now):
            raise GatewayError("THROTTLED")
        self._count(plan, key)
        return key

    def expect_unused(self, api: RestApi) -> None:
        """BadRequestException if a plan has a stage of the API."""
        plans = self._plans.get((api.account, api.region), {}).values()
        using = [each["id"] for each in plans for stage in each.get("apiStages") or [] if stage["apiId"] == api.id]
        if using:
            raise bad(
                f"Deleting API failed. Please remove all usage plan associations: {', '.join(sorted(set(using)))}"
            )

    def find(self, call: Call, kind: str, identifier: str) -> Members | None:
        """A key (`apikeys`) or a plan (`usageplans`); None if there is none."""
        place = (call.account, call.region)
        kept = {"apikeys": self._keys, "usageplans": self._plans}.get(kind, {})
        return kept.get(place, {}).get(identifier)

    def _plan_of(self, place: Place, key: str, api: str, stage: str) -> Members | None:
        for plan in self._plans.get(place, {}).values():
            stages = [(each["apiId"], each["stage"]) for each in plan.get("apiStages") or []]
            if (api, stage) in stages and key in self._members.get(plan["id"], []):
                return plan
        return None

    def _count(self, plan: Members, key: Members) -> None:
        today = self._clock.datetime()
        quota = plan.get("quota")
        with self._lock:
            if quota:
                begin = _period_begin(today, str(quota["period"]))
                used = sum(
                    count
                    for (plan_id, key_id, day), count in self._used.items()
                    if (plan_id, key_id) == (plan["id"], key["id"]) and day >= begin
                )
                if used + int(quota.get("offset") or 0) >= int(quota["limit"]):
                    raise GatewayError("QUOTA_EXCEEDED")
            name = (plan["id"], key["id"], today.strftime("%Y-%m-%d"))
            self._used[name] = self._used.get(name, 0) + 1

    # -- keys ------------------------------------------------------------------------------------------

    def _key(self, call: Call, member: str = "apiKey") -> Members:
        found = self._keys.get((call.account, call.region), {}).get(str(call.params.get(member)))
        if found is None:
            raise not_found("Invalid API Key identifier specified")
        return found

    def _create_key(self, call: Call) -> Members:
        params = call.params
        value = params.get("value") or secrets.token_urlsafe(30)[:40]
        if not 20 <= len(value) <= 128:
            raise bad("API Key value should be at least 20 characters")
        keys = self._keys.setdefault((call.account, call.region), {})
        if any(each["value"] == value for each in keys.values()):
            raise AwsError("ConflictException", "API Key already exists", 409)
        key: Members = {
            "id": new_id(),
            "value": value,
            "name": params.get("name") or "",
            "enabled": bool(params.get("enabled")),
            "createdDate": time_of(self._clock),
            "lastUpdatedDate": time_of(self._clock),
            # Kept as AWS keeps them; since there are usage plans it is these that let a key in.
            "stageKeys": [f"{each.get('restApiId')}/{each.get('stageName')}" for each in params.get("stageKeys") or []],
        }
        for member in ("description", "customerId", "tags"):
            if params.get(member):
                key[member] = params[member]
        keys[key["id"]] = key
        return dict(key)

    def _get_key(self, call: Call) -> Members:
        return _shown(self._key(call), bool(call.params.get("includeValue")))

    def _get_keys(self, call: Call) -> Members:
        name = str(call.params.get("nameQuery") or "")
        keys = self._keys.get((call.account, call.region), {}).values()
        shown = bool(call.params.get("includeValues"))
        return {"items": [_shown(each, shown) for each in keys if str(each["name"]).startswith(name)]}

    def _update_key(self, call: Call) -> Members:
        key = self._key(call)
        shape = moto_adapter.operation_model("apigateway", "CreateApiKey").output_shape
        fixed = ("id", "value", "createdDate", "lastUpdatedDate", "stageKeys", "tags")
        stages = [each for each in call.params.get("patchOperations") or [] if each.get("path") == "/stages"]
        others = [each for each in call.params.get("patchOperations") or [] if each not in stages]
        patching.apply(key, shape, others, fixed)
        for operation in stages:
            kept = [stage for stage in key["stageKeys"] if stage != operation.get("value")]
            key["stageKeys"] = [*kept, *([operation.get("value")] if operation.get("op") == "add" else [])]
        key["lastUpdatedDate"] = time_of(self._clock)
        return _shown(key, False)

    def _delete_key(self, call: Call) -> None:
        key = self._key(call)
        del self._keys[call.account, call.region][key["id"]]
        for members in self._members.values():
            if key["id"] in members:
                members.remove(key["id"])

    # -- plans -----------------------------------------------------------------------------------------

    def _plan(self, call: Call) -> Members:
        found = self._plans.get((call.account, call.region), {}).get(str(call.params.get("usagePlanId")))
        if found is None:
            raise not_found("Invalid Usage Plan ID specified")
        return found

    def _create_plan(self, call: Call) -> Members:
        given = {name: value for name, value in call.params.items() if value is not None}
        _check_plan(given)
        plan: Members = {"id": new_id(6), "apiStages": [], **given}
        self._plans.setdefault((call.account, call.region), {})[plan["id"]] = plan
        return dict(plan)

    def _get_plans(self, call: Call) -> Members:
        plans = self._plans.get((call.account, call.region), {}).values()
        wanted = call.params.get("keyId")
        found = [dict(each) for each in plans if wanted is None or wanted in self._members.get(each["id"], [])]
        return {"items": found}

    def _update_plan(self, call: Call) -> Members:
        plan = self._plan(call)
        shape = moto_adapter.operation_model("apigateway", "CreateUsagePlan").output_shape
        draft = json.loads(json.dumps(plan))
        others = []
        for operation in call.params.get("patchOperations") or []:
            steps = patching.steps_of(operation.get("path", ""))
            if steps != ["apiStages"]:
                if steps[0] == "apiStages":
                    raise unsupported(
                        f"the patch path {operation['path']}", "throttling by method of a plan is not built"
                    )
                others.append(operation)
                continue
            api, _, stage = str(operation.get("value")).partition(":")
            kept = [each for each in draft["apiStages"] if (each["apiId"], each["stage"]) != (api, stage)]
            more = [{"apiId": api, "stage": stage}] if operation["op"] == "add" else []
            draft["apiStages"] = [*kept, *more]
        patching.apply(draft, shape, others, ("id", "tags"))
        _check_plan(draft)
        plan.clear()
        plan.update(draft)
        return dict(plan)

    def _delete_plan(self, call: Call) -> None:
        plan = self._plan(call)
        if plan.get("apiStages"):
            raise bad("Cannot delete usage plan while it has associated stages")
        self._members.pop(plan["id"], None)
        del self._plans[call.account, call.region][plan["id"]]

    def _plan_key(self, call: Call, identifier: str) -> Members:
        key = self._keys[call.account, call.region][identifier]
        return {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": key["name"]}

    def _add_key(self, call: Call) -> Members:
        plan, key = self._plan(call), self._key(call, "keyId")
        if call.params.get("keyType") != "API_KEY":
            raise bad("Usage plan key type must be API_KEY")
        members = self._members.setdefault(plan["id"], [])
        if key["id"] in members:
            raise AwsError("ConflictException", "Usage Plan Key already exists for this usage plan", 409)
        members.append(key["id"])
        return self._plan_key(call, key["id"])

    def _get_plan_key(self, call: Call) -> Members:
        if call.params.get("keyId") not in self._members.get(self._plan(call)["id"], []):
            raise not_found("Invalid Usage Plan Key identifier specified")
        return self._plan_key(call, str(call.params["keyId"]))

    def _remove_key(self, call: Call) -> None:
        self._get_plan_key(call)
        self._members[self._plan(call)["id"]].remove(call.params["keyId"])

    def _get_usage(self, call: Call) -> Members:
        """Requests used, and left, on each day from startDate to endDate."""
        plan, params = self._plan(call), call.params
        try:
            first = datetime.strptime(params["startDate"], "%Y-%m-%d")
            last = datetime.strptime(params["endDate"], "%Y-%m-%d")
        except ValueError as error:
            raise bad("Usage dates must be like 2026-11-21") from error
        days = [first + timedelta(days=number) for number in range(max((last - first).days + 1, 0))]
        limit = int((plan.get("quota") or {}).get("limit") or 0)
        items: dict[str, list[list[int]]] = {}
        for key in self._members.get(plan["id"], []):
            if params.get("keyId") not in (None, key):
                continue
            total = 0
            for day in days:
                used = self._used.get((plan["id"], key, day.strftime("%Y-%m-%d")), 0)
                total += used
                items.setdefault(key, []).append([used, max(limit - total, 0)])
        return {
            "usagePlanId": plan["id"],
            "startDate": params["startDate"],
            "endDate": params["endDate"],
            "items": items,
        }


def _shown(key: Members, value: bool) -> Members:
    return {name: each for name, each in key.items() if value or name != "value"}


def _check_plan(plan: Mapping[str, Any]) -> None:
    if not plan.get("name"):
        raise bad("Usage plan name is required")
    for stage in plan.get("apiStages") or []:
        if stage.get("throttle"):
            raise unsupported("apiStages.throttle", "throttling by method of a plan is not built")
    quota = plan.get("quota")
    if quota and (quota.get("period") not in ("DAY", "WEEK", "MONTH") or not quota.get("limit")):
        raise bad("Usage plan quota needs a limit and a period: DAY, WEEK or MONTH")


def _period_begin(now: datetime, period: str) -> str:
    """The first day of the period: weeks begin on Sunday."""
    if period == "DAY":
        begin = now
    elif period == "WEEK":
        begin = now - timedelta(days=(now.weekday() + 1) % 7)
    else:
        begin = now.replace(day=1)
    return begin.strftime("%Y-%m-%d")
