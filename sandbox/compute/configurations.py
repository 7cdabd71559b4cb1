"""Reads a function's configuration out of a request, and refuses what AWS refuses or what does not run here.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.compute.errors import invalid, unsupported
from sandbox.compute.functions import Configuration
from sandbox.compute.layers import Layers
from sandbox.compute.packages import Package
from sandbox.gateway.call import Call

MAX_VARIABLES_BYTES = 4 * 1024

#: Keys that Lambda sets itself: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)

_UNSUPPORTED = {
    "ImageConfig": "functions run from .zip packages",
    "FileSystemConfigs": "there is no EFS or S3 Files to mount",
    "CodeSigningConfigArn": "code signing is not built",
    "CapacityProviderConfig": "Lambda Managed Instances are not built",
    "DurableConfig": "durable functions are not built",
    "TenancyConfig": "tenant isolation is not built",
    "PublishTo": "Lambda Managed Instances are not built",
    "KMSKeyArn": "nothing is encrypted at rest here",
}
_QUEUE_OR_TOPIC = re.compile(r"arn:aws[a-zA-Z-]*:(sqs|sns):[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")

#: Whether a role exists and lets Lambda assume it.
Trusts = Callable[[str], bool]


class ConfigurationReader:
    """Turns the members of a request into a Configuration."""

    def __init__(self, layers: Layers, trusts: Trusts, runtimes: tuple[str, ...]) -> None:
        self._layers = layers
        self._trusts = trusts
        self._runtimes = runtimes

    def create(self, call: Call, package: Package) -> Configuration:
        """The configuration of a new function."""
        params = call.params
        if params.get("PackageType", "Zip") != "Zip":
            raise unsupported("PackageType Image", "functions run from .zip packages")
        if not params.get("Runtime") or not params.get("Handler"):
            raise invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        self._check_role(params["Role"])
        return self._changed(Configuration(package, params["Role"], params["Handler"], params["Runtime"]), call)

    def update(self, call: Call, before: Configuration) -> Configuration:
        """The configuration after an update: what the request doesn't name stays."""
        if call.params.get("Role"):
            self._check_role(call.params["Role"])
        return self._changed(before, call)

    def _check_role(self, role: str) -> None:
        if not self._trusts(role):
            raise invalid("The role defined for the function cannot be assumed by Lambda.")

    def _changed(self, before: Configuration, call: Call) -> Configuration:
        params = call.params
        _refuse_unsupported(params)
        changes: dict[str, Any] = {}
        for member, name in (
            ("Role", "role"),
            ("Handler", "handler"),
            ("Description", "description"),
            ("Timeout", "timeout"),
            ("MemorySize", "memory"),
        ):
            if params.get(member) is not None:
                changes[name] = params[member]
        if params.get("Runtime"):
            changes["runtime"] = self._runtime(params["Runtime"])
        if params.get("EphemeralStorage"):
            changes["ephemeral"] = params["EphemeralStorage"]["Size"]
        if params.get("Environment") is not None:
            changes["variables"] = _variables(params["Environment"].get("Variables") or {})
        if (params.get("TracingConfig") or {}).get("Mode"):
            changes["tracing"] = params["TracingConfig"]["Mode"]
        if params.get("DeadLetterConfig") is not None:
            changes["dead_letter"] = _dead_letter(params["DeadLetterConfig"].get("TargetArn") or "")
        if params.get("Architectures"):
            changes["architecture"] = params["Architectures"][0]
        if params.get("Layers") is not None:
            changes["layers"] = self._layers.resolve(params["Layers"], call, before.package.unzipped)
        if params.get("LoggingConfig") is not None:
            changes.update(_logging(params["LoggingConfig"], before))
        return replace(before, **changes)

    def _runtime(self, name: str) -> str:
        if name not in self._runtimes:
            raise invalid(
                f"Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                f"[{', '.join(self._runtimes)}] or be a valid ARN (AWS knows more runtimes; these run in this sandbox)"
            )
        return name


def _refuse_unsupported(params: Mapping[str, Any]) -> None:
    for member, reason in _UNSUPPORTED.items():
        if params.get(member):
            raise unsupported(member, reason)
    vpc = params.get("VpcConfig") or {}
    if vpc.get("SubnetIds") or vpc.get("SecurityGroupIds"):
        raise unsupported(
            "VpcConfig", "there are no network interfaces, every function reaches this machine's services"
        )
    if (params.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise unsupported("SnapStart", "no snapshots of environments are taken")


def _variables(variables: Mapping[str, str]) -> Mapping[str, str]:
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    text = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > MAX_VARIABLES_BYTES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {text}"
        )
    return dict(variables)


def _dead_letter(arn: str) -> str:
    if arn and not _QUEUE_OR_TOPIC.fullmatch(arn):
        raise invalid(f"The dead letter target {arn} is neither an SQS queue nor an SNS topic.")
    if arn.endswith(".fifo"):
        raise invalid(f"The dead letter target {arn} is a FIFO resource; Lambda takes standard queues and topics.")
    return arn


def _logging(logging: Mapping[str, Any], before: Configuration) -> dict[str, Any]:
    log_format = logging.get("LogFormat") or before.log_format
    if log_format != "JSON" and (logging.get("ApplicationLogLevel") or logging.get("SystemLogLevel")):
        raise invalid("Log levels can be set only with LogFormat JSON.")
    changes: dict[str, Any] = {"log_format": log_format}
    if log_format != "JSON":
        changes["application_log_level"] = changes["system_log_level"] = "INFO"
    if logging.get("ApplicationLogLevel"):
        changes["application_log_level"] = logging["ApplicationLogLevel"]
    if logging.get("SystemLogLevel"):
        changes["system_log_level"] = logging["SystemLogLevel"]
    if logging.get("LogGroup"):
        changes["log_group"] = logging["LogGroup"]
    return changes
