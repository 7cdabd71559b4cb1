"""How Lambda, Step Functions, ECR, EventBridge and its Scheduler name their resources in calls."""

from __future__ import annotations

from sandbox.authorisation import arns
from sandbox.authorisation.arns import function_arn, in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.maker import Maker, Paths, as_given
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call


def _function(call: Call, look_up: LookUp, given: str) -> str | None:
    """A function, with the version or alias that the call names: policies on one are not about the other.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html"""
    if given.startswith("arn:") and ":function:" not in given:
        return None
    return function_arn(call, given, text(call.params, "Qualifier"))


def _layer(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "lambda", f"layer:{given}")


def _layer_version(call: Call, look_up: LookUp, given: str) -> str:
    layer = _layer(call, look_up, given)
    version = text(call.params, "VersionNumber")
    return layer if version is None or layer.count(":") > 6 else f"{layer}:{version}"


def _state_machine(call: Call, look_up: LookUp, given: str) -> str:
    """A state machine without its version or alias, which is a condition key.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    if not given.startswith("arn:"):
        return in_partition(call, "states", f"stateMachine:{given}")
    return ":".join(given.split(":")[:7])


def _bus(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "events", f"event-bus/{given}")


def _bus_name(call: Call) -> str | None:
    """The name of the bus that a rule is on; None for the default one."""
    given = text(call.params, "EventBusName")
    if given is None:
        return None
    name = given.partition(":event-bus/")[2] if given.startswith("arn:") else given
    return None if name == "default" else name


def _rule_on_default(call: Call, look_up: LookUp, given: str) -> str | None:
    if given.startswith("arn:"):
        return given if given.partition(":rule/")[2].count("/") == 0 else None
    return in_partition(call, "events", f"rule/{given}") if _bus_name(call) is None else None


def _rule_on_custom(call: Call, look_up: LookUp, given: str) -> str | None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html"""
    if given.startswith("arn:"):
        return given if "/" in given.partition(":rule/")[2] else None
    bus = _bus_name(call)
    if bus is None:
        return None
    of_bus = arns.parse(text(call.params, "EventBusName") or "")
    owner = of_bus.account if of_bus is not None else None
    return in_partition(call, "events", f"rule/{bus}/{given}", account=owner)


def _repository(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "ecr", f"repository/{given}", account=text(call.params, "registryId"))


NAMES: dict[str, Paths] = {
    "ecr:repository": ("repositoryName", "repositoryNames[]"),
    "events:event-bus": ("EventBusName",),
    "events:rule-on-custom-event-bus": ("Name", "Rule"),
    "events:rule-on-default-event-bus": ("Name", "Rule"),
    "lambda:function": ("FunctionName",),
    "lambda:layer": ("LayerName",),
    "lambda:layerVersion": ("LayerName", "Arn"),
    "scheduler:schedule": ("Name",),
    "scheduler:schedule.GroupName": ("GroupName", "=default"),
    "states:activity": ("activityArn", "name"),
    "states:execution": ("executionArn",),
    "states:statemachine": ("stateMachineArn", "stateMachineAliasArn", "stateMachineVersionArn"),
}

_EITHER_POLICY: dict[str, Paths] = {"function": ("?", "ResourceArn"), "webFunction": ("?", "ResourceArn")}

RULES: dict[str, dict[str, Paths]] = {
    "events:CreateArchive": {"archive": ("ArchiveName",), "event-bus": ("EventSourceArn",)},
    "events:DescribeApiDestination": {"api-destination": ("Name",)},
    "events:DescribeEventBus": {"event-bus": ("Name", "=default")},
    "events:StartReplay": {
        "archive": ("EventSourceArn",),
        "event-bus": ("Destination.Arn",),
        "replay": ("ReplayName",),
    },
    "events:UpdateArchive": {"archive": ("ArchiveName",)},
    "events:UpdateEventBus": {"event-bus": ("Name", "=default")},
    "lambda:DeleteProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:DeleteResourcePolicy": _EITHER_POLICY,
    "lambda:GetProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:GetResourcePolicy": _EITHER_POLICY,
    "lambda:PutProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:PutResourcePolicy": _EITHER_POLICY,
    "states:CreateStateMachine": {"statemachine": ("name",)},
    "states:CreateStateMachineAlias": {"statemachine": ("routingConfiguration[].stateMachineVersionArn",)},
    "states:DescribeExecution": {"execution": ("executionArn",)},
    "states:ListExecutions": {"statemachine": ("?", "stateMachineArn"), "maprun": ("?", "mapRunArn")},
}

MAKERS: dict[str, Maker] = {
    "ecr:repository": _repository,
    "events:event-bus": _bus,
    "events:rule-on-custom-event-bus": _rule_on_custom,
    "events:rule-on-default-event-bus": _rule_on_default,
    "lambda:function": _function,
    "lambda:function alias": _function,
    "lambda:layer": _layer,
    "lambda:layerVersion": _layer_version,
    "states:execution": as_given,
    "states:statemachine": _state_machine,
}
