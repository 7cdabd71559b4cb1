"""Lambda: what invokes a function, and how: permissions, event source mappings, URLs, asynchronous events.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed, ResourceType, Work, gone

# -- permissions -------------------------------------------------------------------------------------------


def _create_permission(work: Work) -> str:
    statement = work.generated(100)
    work.call("lambda", "AddPermission", StatementId=statement, **work.fitted("lambda", "AddPermission"))
    return statement


PERMISSION = ResourceType(
    "AWS::Lambda::Permission",
    create=_create_permission,
    delete=lambda work: work.call(
        "lambda", "RemovePermission", FunctionName=work["FunctionName"], StatementId=work.physical_id
    ),
    attributes=lambda work: {"Id": work.physical_id},
)


# -- event source mappings -----------------------------------------------------------------------------------

#: What a property goes back to when the template no longer gives it.
#: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
_MAPPING_DEFAULTS: Mapping[str, Any] = {
    "BatchSize": 10,
    "Enabled": True,
    "FilterCriteria": {"Filters": []},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "ScalingConfig": {},
}


def _create_mapping(work: Work) -> str:
    given = work.fitted("lambda", "CreateEventSourceMapping", without=("Tags",))
    return str(work.call("lambda", "CreateEventSourceMapping", Tags=work.tags(), **given)["UUID"])


def _update_mapping(work: Work) -> None:
    added, removed = work.tag_changes()
    arn = _mapping_arn(work)
    if added:
        work.call("lambda", "TagResource", Resource=arn, Tags=added)
    if removed:
        work.call("lambda", "UntagResource", Resource=arn, TagKeys=removed)
    changed = work.changed
    # Read in any case: what the source is does not change.
    given = work.fitted("lambda", "CreateEventSourceMapping", without=("Tags",))
    defaults = {name: value for name, value in _MAPPING_DEFAULTS.items() if name in changed}
    wanted = {name: value for name, value in {**defaults, **given}.items() if name in _parameters(changed)}
    if wanted:
        work.call("lambda", "UpdateEventSourceMapping", UUID=work.physical_id, **wanted)


def _parameters(names: set[str]) -> set[str]:
    return {"KMSKeyArn" if name == "KmsKeyArn" else name for name in names}


def _mapping_arn(work: Work) -> str:
    return work.arn("lambda", f"event-source-mapping:{work.physical_id}")


def _mapping_state(work: Work) -> str:
    """Empty if there is no such mapping."""
    try:
        return str(work.call("lambda", "GetEventSourceMapping", UUID=work.physical_id)["State"])
    except ClientError as error:
        if gone(error):
            return ""
        raise


def _settled(work: Work) -> bool:
    return _mapping_state(work) in ("", "Enabled", "Disabled")


def _delete_mapping(work: Work) -> None:
    # One that is being changed can't be deleted.
    if not work.acting.wait(lambda: _settled(work), 60):
        raise Failed(f"The event source mapping {work.physical_id} did not settle", "NotStabilized")
    work.call("lambda", "DeleteEventSourceMapping", UUID=work.physical_id)


EVENT_SOURCE_MAPPING = ResourceType(
    "AWS::Lambda::EventSourceMapping",
    create=_create_mapping,
    update=_update_mapping,
    delete=_delete_mapping,
    attributes=lambda work: {"Id": work.physical_id, "EventSourceMappingArn": _mapping_arn(work)},
    ready=_settled,
    absent=lambda work: _mapping_state(work) == "",
)


# -- URLs ----------------------------------------------------------------------------------------------------


def _create_url(work: Work) -> str:
    answer = work.call(
        "lambda",
        "CreateFunctionUrlConfig",
        FunctionName=work["TargetFunctionArn"],
        Qualifier=work["Qualifier"],
        AuthType=work["AuthType"],
        Cors=work["Cors"],
        InvokeMode=work["InvokeMode"],
    )
    return str(answer["FunctionArn"])


def _update_url(work: Work) -> None:
    work.call(
        "lambda",
        "UpdateFunctionUrlConfig",
        **_url_name(work),
        AuthType=work["AuthType"],
        Cors=work["Cors"] or {},
        InvokeMode=work["InvokeMode"] or "BUFFERED",
    )


def _url_name(work: Work) -> dict[str, Any]:
    return {"FunctionName": work["TargetFunctionArn"], "Qualifier": work["Qualifier"]}


def _url_attributes(work: Work) -> dict[str, Any]:
    found = work.call("lambda", "GetFunctionUrlConfig", **_url_name(work))
    return {"FunctionArn": found["FunctionArn"], "FunctionUrl": found["FunctionUrl"]}


URL = ResourceType(
    "AWS::Lambda::Url",
    create=_create_url,
    update=_update_url,
    delete=lambda work: work.call("lambda", "DeleteFunctionUrlConfig", **_url_name(work)),
    attributes=_url_attributes,
)


# -- asynchronous events -------------------------------------------------------------------------------------

#: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
_EVENT_DEFAULTS: Mapping[str, Any] = {
    "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    "MaximumEventAgeInSeconds": 21600,
    "MaximumRetryAttempts": 2,
}


def _create_event_config(work: Work) -> str:
    given = work.fitted("lambda", "PutFunctionEventInvokeConfig")
    work.call("lambda", "PutFunctionEventInvokeConfig", **given)
    return f"{work['FunctionName']}|{work['Qualifier']}"


def _update_event_config(work: Work) -> None:
    given = work.fitted("lambda", "UpdateFunctionEventInvokeConfig")
    work.call("lambda", "UpdateFunctionEventInvokeConfig", **{**_EVENT_DEFAULTS, **given})


EVENT_INVOKE_CONFIG = ResourceType(
    "AWS::Lambda::EventInvokeConfig",
    create=_create_event_config,
    update=_update_event_config,
    delete=lambda work: work.call(
        "lambda", "DeleteFunctionEventInvokeConfig", FunctionName=work["FunctionName"], Qualifier=work["Qualifier"]
    ),
)

TYPES = (PERMISSION, EVENT_SOURCE_MAPPING, URL, EVENT_INVOKE_CONFIG)
