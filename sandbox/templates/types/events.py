"""EventBridge: event buses, rules, connections and API destinations.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import Failed, ResourceType, Work, gone, refuse_existing

# -- event buses -----------------------------------------------------------------------------------------------


def _create_bus(work: Work) -> str:
    name = str(work["Name"])
    given = work.fitted("events", "CreateEventBus", without=("Name", "Tags"))
    work.call("events", "CreateEventBus", Name=name, Tags=work.tag_list(), **given)
    work.made(name)
    if work["Policy"] is not None:
        work.call("events", "PutPermission", EventBusName=name, Policy=document(work["Policy"]))
    return name


def _update_bus(work: Work) -> None:
    name, changed = work.physical_id, work.changed
    if changed & {"Description", "DeadLetterConfig", "KmsKeyIdentifier", "LogConfig"}:
        work.call(
            "events",
            "UpdateEventBus",
            Name=name,
            Description=work["Description"] or "",
            DeadLetterConfig=work["DeadLetterConfig"],
            KmsKeyIdentifier=work["KmsKeyIdentifier"],
            LogConfig=work["LogConfig"],
        )
    if "Policy" in changed:
        if work["Policy"] is None:
            work.call("events", "RemovePermission", EventBusName=name, RemoveAllPermissions=True)
        else:
            work.call("events", "PutPermission", EventBusName=name, Policy=document(work["Policy"]))
    _tag(work, work.arn("events", f"event-bus/{name}"))


def _tag(work: Work, arn: str) -> None:
    added, removed = work.tag_changes()
    if added:
        tags = [{"Key": key, "Value": value} for key, value in added.items()]
        work.call("events", "TagResource", ResourceARN=arn, Tags=tags)
    if removed:
        work.call("events", "UntagResource", ResourceARN=arn, TagKeys=removed)


EVENT_BUS = ResourceType(
    "AWS::Events::EventBus",
    create=_create_bus,
    update=_update_bus,
    delete=lambda work: work.call("events", "DeleteEventBus", Name=work.physical_id),
    attributes=lambda work: {"Arn": work.arn("events", f"event-bus/{work.physical_id}"), "Name": work.physical_id},
    named="Name",
    refused={"EventSourceName": "there are no partners' event sources"},
)


# -- rules -----------------------------------------------------------------------------------------------------

_DEFAULT_BUS = "default"


def _bus(properties: Mapping[str, Any]) -> str:
    """The name of a rule's bus, which may be given by its ARN."""
    return str(properties.get("EventBusName") or _DEFAULT_BUS).rpartition("/")[2]


def _named(work: Work) -> dict[str, Any]:
    """How a rule is named to the API. Its physical id tells its bus, unless that is the default one."""
    bus, _, name = work.physical_id.rpartition("|")
    return {"Name": name, "EventBusName": bus or _DEFAULT_BUS}


def _put_rule(work: Work, name: str, **tags: Any) -> None:
    pattern = work["EventPattern"]
    work.call(
        "events",
        "PutRule",
        Name=name,
        EventBusName=work["EventBusName"],
        EventPattern=document(pattern) if pattern is not None else None,
        ScheduleExpression=work["ScheduleExpression"],
        State=work["State"],
        Description=work["Description"],
        RoleArn=work["RoleArn"],
        **tags,
    )


def _targets(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {target["Id"]: target for target in properties.get("Targets") or ()}


def _create_rule(work: Work) -> str:
    name, bus = work.name("Name", 64), _bus(work.properties)
    if work["Name"] is not None:
        refuse_existing(name, lambda: work.call("events", "DescribeRule", Name=name, EventBusName=bus))
    _put_rule(work, name, Tags=work.tag_list())
    made = work.made(name if bus == _DEFAULT_BUS else f"{bus}|{name}")
    _put_targets(work, list(_targets(work.properties).values()))
    return made


def _put_targets(work: Work, targets: list[Any]) -> None:
    if not targets:
        return
    named = _named(work)
    answer = work.call("events", "PutTargets", Rule=named["Name"], EventBusName=named["EventBusName"], Targets=targets)
    _expect_all(answer)


def _remove_targets(work: Work, ids: list[str]) -> None:
    if not ids:
        return
    named = _named(work)
    answer = work.call("events", "RemoveTargets", Rule=named["Name"], EventBusName=named["EventBusName"], Ids=ids)
    # A target that the rule never got, or that somebody took away, is as gone as it should be.
    _expect_all(answer, but="ResourceNotFoundException")


def _expect_all(answer: Mapping[str, Any], but: str | None = None) -> None:
    failed = [one for one in answer.get("FailedEntries") or () if but is None or one["ErrorCode"] != but]
    if failed:
        raise Failed("; ".join(f"{one['TargetId']}: {one['ErrorMessage']}" for one in failed))


def _update_rule(work: Work) -> None:
    if _bus(work.before) != _bus(work.properties):
        raise Failed("A rule can't move to another event bus", "NotUpdatable")
    if work.changed - {"Tags", "Targets"}:
        _put_rule(work, _named(work)["Name"])
    before, after = _targets(work.before), _targets(work.properties)
    _remove_targets(work, [name for name in before if name not in after])
    _put_targets(work, [target for name, target in after.items() if before.get(name) != target])
    _tag(work, _rule_arn(work))


def _delete_rule(work: Work) -> None:
    named = _named(work)
    try:
        _remove_targets(work, list(_targets(work.properties)))
    except ClientError as error:
        if not gone(error):
            raise
    work.call("events", "DeleteRule", **named)


def _rule_arn(work: Work) -> str:
    named = _named(work)
    bus = named["EventBusName"]
    return work.arn("events", f"rule/{named['Name']}" if bus == _DEFAULT_BUS else f"rule/{bus}/{named['Name']}")


RULE = ResourceType(
    "AWS::Events::Rule",
    create=_create_rule,
    update=_update_rule,
    delete=_delete_rule,
    attributes=lambda work: {"Arn": _rule_arn(work), "RuleName": _named(work)["Name"]},
    named="Name",
)


# -- connections and API destinations --------------------------------------------------------------------------


def _create_by(operation: str) -> Callable[[Work], str]:
    def create(work: Work) -> str:
        name = work.name("Name", 64)
        work.call("events", operation, Name=name, **work.fitted("events", operation, without=("Name",)))
        return name

    return create


def _update_connection(work: Work) -> None:
    parameters = None
    if work.changed & {"AuthParameters", "AuthorizationType"}:
        # An update keeps what it is not given.
        parameters = {"InvocationHttpParameters": {}, **(work["AuthParameters"] or {})}
    work.call(
        "events",
        "UpdateConnection",
        Name=work.physical_id,
        AuthorizationType=work["AuthorizationType"],
        AuthParameters=parameters,
        Description=work["Description"] or "",
        InvocationConnectivityParameters=work["InvocationConnectivityParameters"],
        KmsKeyIdentifier=work["KmsKeyIdentifier"],
    )


def _connection_attributes(work: Work) -> Mapping[str, Any]:
    told = work.call("events", "DescribeConnection", Name=work.physical_id)
    return {
        "Arn": told["ConnectionArn"],
        "ArnForPolicy": work.arn("events", f"connection/{work.physical_id}"),
        "SecretArn": told.get("SecretArn", ""),
    }


CONNECTION = ResourceType(
    "AWS::Events::Connection",
    create=_create_by("CreateConnection"),
    update=_update_connection,
    delete=lambda work: work.call("events", "DeleteConnection", Name=work.physical_id),
    attributes=_connection_attributes,
    named="Name",
)


#: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateApiDestination.html
_RATE = 300


def _update_destination(work: Work) -> None:
    given = work.fitted("events", "UpdateApiDestination", without=("Name",))
    before = {"Description": "", "InvocationRateLimitPerSecond": _RATE}
    work.call("events", "UpdateApiDestination", Name=work.physical_id, **{**before, **given})


def _destination_attributes(work: Work) -> Mapping[str, Any]:
    told = work.call("events", "DescribeApiDestination", Name=work.physical_id)
    return {
        "Arn": told["ApiDestinationArn"],
        "ArnForPolicy": work.arn("events", f"api-destination/{work.physical_id}"),
    }


API_DESTINATION = ResourceType(
    "AWS::Events::ApiDestination",
    create=_create_by("CreateApiDestination"),
    update=_update_destination,
    delete=lambda work: work.call("events", "DeleteApiDestination", Name=work.physical_id),
    attributes=_destination_attributes,
    named="Name",
)

TYPES = (EVENT_BUS, RULE, CONNECTION, API_DESTINATION)
