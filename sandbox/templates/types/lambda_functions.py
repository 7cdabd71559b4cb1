"""Lambda: functions, their versions and aliases.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types import alias_updates, inline_code
from sandbox.templates.types.resource_type import Failed, ResourceType, Unsupported, Work

_RUNTIME_VERSION = "a runtime's patch version is that of the interpreter on this machine, and can't be pinned"
_MANAGED = "Lambda Managed Instances are not built"
#: Properties that CreateFunction and UpdateFunctionConfiguration take as they are. KmsKeyArn, VpcConfig and SnapStart
#: the service judges itself.
_CONFIGURATION = (
    *("DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "KmsKeyArn", "Layers"),
    *("LoggingConfig", "MemorySize", "Role", "Runtime", "SnapStart", "Timeout", "TracingConfig", "VpcConfig"),
)
#: What a property goes back to when the template no longer gives it.
#: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_DEFAULTS: Mapping[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "KmsKeyArn": "",
    "Layers": [],
    "MemorySize": 128,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}


# -- functions ---------------------------------------------------------------------------------------------


def _code(work: Work) -> dict[str, Any]:
    code = dict(work["Code"])
    if code.get("ZipFile") is not None:
        code["ZipFile"] = inline_code.package(str(code["ZipFile"]))
    return code


def _logging(work: Work, name: str) -> dict[str, Any]:
    """The whole of LoggingConfig: what the template does not give has its default."""
    given = work["LoggingConfig"] or {}
    whole = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **given}
    if whole["LogFormat"] == "JSON":
        whole = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **whole}
    return whole


def _refuse_others(work: Work) -> None:
    if (work["RuntimeManagementConfig"] or {}).get("UpdateRuntimeOn", "Auto") != "Auto":
        raise Unsupported(f"RuntimeManagementConfig is not supported by this sandbox: {_RUNTIME_VERSION}")


def _create_function(work: Work) -> str:
    _refuse_others(work)
    name = work.name("FunctionName", 64)
    configuration = {property_: work[property_] for property_ in _CONFIGURATION}
    answer = work.call(
        "lambda",
        "CreateFunction",
        FunctionName=name,
        Code=_code(work),
        PackageType=work["PackageType"],
        Architectures=work["Architectures"],
        Tags=work.tags(),
        **_as_parameters(configuration),
    )
    made = work.made(str(answer["FunctionName"]))
    reserved = work["ReservedConcurrentExecutions"]
    if reserved is not None:
        work.call("lambda", "PutFunctionConcurrency", FunctionName=made, ReservedConcurrentExecutions=reserved)
    if work["RecursiveLoop"] is not None:
        work.call("lambda", "PutFunctionRecursionConfig", FunctionName=made, RecursiveLoop=work["RecursiveLoop"])
    return made


def _update_function(work: Work) -> None:
    _refuse_others(work)
    name, changed = work.physical_id, work.changed
    if changed & {"Code", "Architectures"}:
        architectures = work["Architectures"] or ["x86_64"]
        work.call("lambda", "UpdateFunctionCode", FunctionName=name, Architectures=architectures, **_code(work))
        _settle(work)
    configuration = {
        property_: work[property_] if work[property_] is not None else _DEFAULTS.get(property_)
        for property_ in _CONFIGURATION
        if property_ in changed
    }
    if "LoggingConfig" in configuration:
        configuration["LoggingConfig"] = _logging(work, name)
    if configuration:
        parameters = _as_parameters(configuration)
        work.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **parameters)
    if "ReservedConcurrentExecutions" in changed:
        reserved = work["ReservedConcurrentExecutions"]
        if reserved is None:
            work.call("lambda", "DeleteFunctionConcurrency", FunctionName=name)
        else:
            work.call("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)
    if "RecursiveLoop" in changed:
        loop = work["RecursiveLoop"] or "Terminate"
        work.call("lambda", "PutFunctionRecursionConfig", FunctionName=name, RecursiveLoop=loop)
    added, removed = work.tag_changes()
    arn = work.arn("lambda", f"function:{name}")
    if added:
        work.call("lambda", "TagResource", Resource=arn, Tags=added)
    if removed:
        work.call("lambda", "UntagResource", Resource=arn, TagKeys=removed)


def _as_parameters(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in configuration.items()}


def _active(work: Work) -> bool:
    found = work.call("lambda", "GetFunction", FunctionName=work.physical_id)["Configuration"]
    if "Failed" in (found.get("State"), found.get("LastUpdateStatus")):
        reason = found.get("LastUpdateStatusReason") or found.get("StateReason")
        raise Failed(f"The function {work.physical_id} did not become active: {reason}", "NotStabilized")
    return bool(found.get("State") == "Active" and found.get("LastUpdateStatus") != "InProgress")


def _settle(work: Work) -> None:
    """A second update is refused while the first is in progress."""
    if not work.acting.wait(lambda: _active(work), 600):
        raise Failed(f"The function {work.physical_id} did not become active", "NotStabilized")


FUNCTION = ResourceType(
    "AWS::Lambda::Function",
    create=_create_function,
    update=_update_function,
    delete=lambda work: work.call("lambda", "DeleteFunction", FunctionName=work.physical_id),
    attributes=lambda work: {
        "Arn": work.arn("lambda", f"function:{work.physical_id}"),
        "SnapStartResponse": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "SnapStartResponse.ApplyOn": "None",
        "SnapStartResponse.OptimizationStatus": "Off",
    },
    named="FunctionName",
    ready=_active,
    refused={
        "CapacityProviderConfig": _MANAGED,
        "CodeSigningConfigArn": "code signing is not built",
        "DurableConfig": "durable functions are not built",
        "FileSystemConfigs": "there is no EFS or S3 Files to mount",
        "FunctionScalingConfig": _MANAGED,
        "ImageConfig": "functions run from .zip packages",
        "PublishToLatestPublished": _MANAGED,
        "TenancyConfig": "tenant isolation is not built",
    },
)


# -- versions ----------------------------------------------------------------------------------------------


def _published(work: Work) -> set[str]:
    pages = work.acting.client("lambda").get_paginator("list_versions_by_function")
    return {
        str(version["Version"])
        for page in pages.paginate(FunctionName=work["FunctionName"])
        for version in page["Versions"]
    }


def _create_version(work: Work) -> str:
    if (work["RuntimePolicy"] or {}).get("UpdateRuntimeOn", "Auto") != "Auto":
        raise Unsupported(f"RuntimePolicy is not supported by this sandbox: {_RUNTIME_VERSION}")
    before = _published(work)
    function = work["FunctionName"]
    version = work.call(
        "lambda",
        "PublishVersion",
        FunctionName=function,
        CodeSha256=work["CodeSha256"],
        Description=work["Description"],
    )
    if version["Version"] in before:
        # In CloudFormation's words, as users report them.
        raise Failed(
            f"A version for this Lambda function exists ( {version['Version']} ). Modify the function to create a new "
            "version.",
            "AlreadyExists",
        )
    made = work.made(str(version["FunctionArn"]))
    _provision(work, *_split(made))
    return made


def _split(arn: str) -> tuple[str, str]:
    """The ARN of a function, and the version or alias behind it."""
    function, _, qualifier = arn.rpartition(":")
    return function, qualifier


def _provision(work: Work, function: str, qualifier: str) -> None:
    wanted = work["ProvisionedConcurrencyConfig"]
    before = work.before.get("ProvisionedConcurrencyConfig")
    named = {"FunctionName": function, "Qualifier": qualifier}
    if wanted is not None and wanted != before:
        executions = wanted["ProvisionedConcurrentExecutions"]
        work.call("lambda", "PutProvisionedConcurrencyConfig", **named, ProvisionedConcurrentExecutions=executions)
    elif wanted is None and before is not None:
        work.call("lambda", "DeleteProvisionedConcurrencyConfig", **named)


def _provisioned(work: Work) -> bool:
    if work["ProvisionedConcurrencyConfig"] is None:
        return True
    function, qualifier = _split(work.physical_id)
    found = work.call("lambda", "GetProvisionedConcurrencyConfig", FunctionName=function, Qualifier=qualifier)
    if found["Status"] == "FAILED":
        raise Failed(f"Provisioned concurrency of {work.physical_id}: {found.get('StatusReason')}", "NotStabilized")
    return bool(found["Status"] == "READY")


def _delete_version(work: Work) -> None:
    function, number = _split(work.physical_id)
    work.call("lambda", "DeleteFunction", FunctionName=function, Qualifier=number)


VERSION = ResourceType(
    "AWS::Lambda::Version",
    create=_create_version,
    delete=_delete_version,
    attributes=lambda work: {"FunctionArn": work.physical_id, "Version": _split(work.physical_id)[1]},
    ready=_provisioned,
    refused={"FunctionScalingConfig": _MANAGED},
)


# -- aliases -----------------------------------------------------------------------------------------------


def _routing(work: Work) -> dict[str, Any]:
    weights = (work["RoutingConfig"] or {}).get("AdditionalVersionWeights") or []
    return {"AdditionalVersionWeights": {one["FunctionVersion"]: one["FunctionWeight"] for one in weights}}


def _create_alias(work: Work) -> str:
    alias = work.call(
        "lambda",
        "CreateAlias",
        FunctionName=work["FunctionName"],
        Name=work["Name"],
        FunctionVersion=work["FunctionVersion"],
        Description=work["Description"],
        RoutingConfig=_routing(work),
    )
    made = work.made(str(alias["AliasArn"]))
    _provision(work, *_split(made))
    return made


def _update_alias(work: Work) -> None:
    function, name = _split(work.physical_id)
    left = set(work.changed)
    if alias_updates.moves(work):
        alias_updates.move(work, function.rpartition(":")[2], name)
        left -= {"FunctionVersion"}
    if left - {"ProvisionedConcurrencyConfig"}:
        work.call(
            "lambda",
            "UpdateAlias",
            FunctionName=function,
            Name=name,
            FunctionVersion=work["FunctionVersion"],
            Description=work["Description"] or "",
            RoutingConfig=_routing(work),
        )
    _provision(work, function, name)


def _delete_alias(work: Work) -> None:
    function, name = _split(work.physical_id)
    work.call("lambda", "DeleteAlias", FunctionName=function, Name=name)


ALIAS = ResourceType(
    "AWS::Lambda::Alias",
    create=_create_alias,
    update=_update_alias,
    delete=_delete_alias,
    attributes=lambda work: {"AliasArn": work.physical_id},
    ready=_provisioned,
)

TYPES = (FUNCTION, VERSION, ALIAS)
