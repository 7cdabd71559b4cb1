"""The resource types that the sandbox has, by name, and the refusal of all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.replacement import TypeRules
from sandbox.templates.types import (
    cdk,
    cloudformation,
    cloudwatch,
    codedeploy,
    cognito,
    dynamodb,
    ec2_gateways,
    ec2_group_rules,
    ec2_networks,
    events,
    http_apis,
    iam,
    iam_policies,
    kinesis,
    kms,
    lambda_functions,
    lambda_invocation,
    lambda_layers,
    logs,
    rest_apis,
    rest_parts,
    rest_stages,
    s3,
    schemas,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
    usage_plans,
)
from sandbox.templates.types.resource_type import ResourceType

_MODULES = (
    cdk,
    cloudformation,
    cloudwatch,
    codedeploy,
    cognito,
    dynamodb,
    ec2_gateways,
    ec2_group_rules,
    ec2_networks,
    events,
    http_apis,
    iam,
    iam_policies,
    kinesis,
    kms,
    lambda_functions,
    lambda_invocation,
    lambda_layers,
    logs,
    rest_apis,
    rest_parts,
    rest_stages,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
    usage_plans,
)

TYPES: Mapping[str, ResourceType] = {one.name: one for module in _MODULES for one in module.TYPES}

#: Custom resources: any name after `Custom::` is one.
CUSTOM = "AWS::CloudFormation::CustomResource"


def find(name: str) -> ResourceType:
    """The entry of a type. TemplateError for a type that AWS has not, Unsupported for one that the sandbox has not."""
    check([name])
    return TYPES[CUSTOM if name.startswith("Custom::") else name]


def supported(name: str) -> bool:
    """Whether the sandbox has a type."""
    return name in TYPES or name.startswith("Custom::")


def check_known(names: Iterable[str]) -> None:
    """TemplateError, in CloudFormation's words, if one of these is no resource type."""
    unknown = [name for name in dict.fromkeys(names) if not supported(name) and not schemas.known(name)]
    if unknown:
        raise TemplateError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def check(names: Iterable[str]) -> None:
    """The same, and Unsupported if one is not built."""
    wanted = list(dict.fromkeys(names))
    check_known(wanted)
    missing = [name for name in wanted if not supported(name)]
    if missing:
        raise Unsupported(f"Resource types that are not supported by this sandbox: [{', '.join(missing)}]")


def rules(name: str) -> TypeRules:
    """What a change of the properties of a type means."""
    one = find(name)
    if one.rules is not None:
        return one.rules
    return schemas.rules(name) if one.checked else TypeRules(tags=None)
