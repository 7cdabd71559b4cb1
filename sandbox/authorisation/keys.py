"""The context keys that a call brings: the global ones, its tags, and those of the service that its parameters fill.

Which keys an action has is AWS's reference's to say (`sandbox.access.catalog`); here stands where in the parameters
their values are. Keys of the principal and of the resource as it is (its tags, say) are not the call's: they come from
the state. What the two have in common are a few defaults, where AWS documents that a key always has a value.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from sandbox.access import catalog
from sandbox.access.request import Values
from sandbox.authorisation import arns
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.parameters import at, text, texts
from sandbox.gateway.call import Call

#: Services without regions: their calls are made to us-east-1 (Global Accelerator's to us-west-2).
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
_GLOBAL_REGIONS = {
    "account": "us-east-1",
    "budgets": "us-east-1",
    "ce": "us-east-1",
    "cloudfront": "us-east-1",
    "globalaccelerator": "us-west-2",
    "iam": "us-east-1",
    "organizations": "us-east-1",
    "route53": "us-east-1",
    "route53domains": "us-east-1",
    "shield": "us-east-1",
    "support": "us-east-1",
    "waf": "us-east-1",
}

# -- keys of every call --------------------------------------------------------------------------------


def call_context(call: Call) -> dict[str, Values]:
    """The keys that every call has, whatever it asks for.

    aws:SecureTransport is true although the sandbox's endpoint speaks plain HTTP on the loopback: the
    endpoint stands for AWS's, which its clients reach by TLS, and the widespread "deny unless SecureTransport" would
    otherwise shut everyone out.
    """
    called_via = call.principal.via
    context: dict[str, Values] = {
        "aws:RequestedRegion": _GLOBAL_REGIONS.get(call.service, call.region),
        "aws:SecureTransport": True,
        "aws:ViaAWSService": bool(called_via),
        **clock_context(call.time),
    }
    if call.source_ip and not called_via:
        context["aws:SourceIp"] = call.source_ip
    if call.user_agent:
        context["aws:UserAgent"] = call.user_agent
    if called_via:
        context["aws:CalledVia"] = list(called_via)
        context["aws:CalledViaFirst"] = called_via[0]
        context["aws:CalledViaLast"] = called_via[-1]
    return context


def clock_context(time: datetime) -> dict[str, Values]:
    """The keys that tell the time, of the sandbox's clock."""
    return {"aws:CurrentTime": time, "aws:EpochTime": int(time.timestamp())}


# -- keys of an action ---------------------------------------------------------------------------------

#: A path in the parameters, or a function of the call and the resource asked about that gives the value (None: no key).
_Source = str | Callable[[Call, str], Any]


def of_action(
    call: Call, action: catalog.Action, resource: str, look_up: LookUp = NOTHING, kind: str = ""
) -> dict[str, Values]:
    """The keys that a call's parameters give an action on a resource: tags in the request and the service's own.

    `kind` is the resource's type in the reference, which has keys besides the action's.
    """
    context: dict[str, Values] = {}
    plan = _plan(action.full_name, kind)
    if plan.tags:
        context.update(_request_tags(call, resource))
    for name, source, several in plan.keys:
        value = at(call.params, source) if isinstance(source, str) else source(call, resource)
        _put(context, name, value, several)
    special = _SPECIAL.get(action.service)
    if special is not None:
        context.update(special(call, action, resource, look_up))
    return context


def requested(call: Call, service: str) -> dict[str, Values]:
    """The keys of a service that the parameters fill, for an action that the reference gives no keys of its own
    (API Gateway's verbs), and the tags in the request."""
    context = _request_tags(call, "")
    for name, source in KEYS[service].items():
        value = at(call.params, source) if isinstance(source, str) else source(call, "")
        key = catalog.condition_key(name)
        _put(context, name, value, key is not None and key.multivalued)
    return context


def _put(context: dict[str, Values], name: str, value: Any, several: bool) -> None:
    if value is None or value == []:
        return
    values = value if isinstance(value, list) else [value]
    plain = [each for each in values if isinstance(each, str | bool | int | float | datetime)]
    if plain:
        context[name] = plain if several else plain[0]


class _Plan:
    __slots__ = ("keys", "tags")

    def __init__(self, keys: tuple[tuple[str, _Source, bool], ...], tags: bool) -> None:
        self.keys = keys
        self.tags = tags


@functools.lru_cache(maxsize=4096)
def _plan(full_name: str, kind: str) -> _Plan:
    action = catalog.action(full_name)
    if action is None:
        return _Plan((), False)
    known = list(action.condition_keys)
    types = catalog.resource_types(action.service)
    if kind.lower() in types:
        known += types[kind.lower()].condition_keys
    sources = KEYS.get(action.service, {})
    keys = []
    for name in dict.fromkeys(known):
        if name in sources:
            key = catalog.condition_key(name)
            keys.append((name, sources[name], key is not None and key.multivalued))
    return _Plan(tuple(keys), any(name in ("aws:RequestTag/${TagKey}", "aws:TagKeys") for name in known))


# -- tags in the request -------------------------------------------------------------------------------

#: Members that hold tags to set: lists of key and value, or maps.
_TAG_MEMBERS = frozenset(
    {
        "addtags",
        "backupplantags",
        "backupvaulttags",
        "hostedzonetags",
        "identitypooltags",
        "newtags",
        "recoverypointtags",
        "tag",
        "taglist",
        "tags",
        "tagset",
        "tagslist",
        "tagstoadd",
        "userpooltags",
    }
)
#: Members that hold the keys of tags to remove.
_TAG_KEY_MEMBERS = frozenset({"tagkeylist", "tagkeys", "tagstoremove"})


def request_tags(params: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The tags that a request sets, and the keys of all tags that it sets or removes."""
    tags: dict[str, str] = {}
    keys: dict[str, None] = {}
    for name, value in params.items():
        lower = name.lower()
        if lower in _TAG_MEMBERS:
            for key, tag in _tags_in(value):
                keys[key] = None
                if tag is not None:
                    tags[key] = tag
        elif lower in _TAG_KEY_MEMBERS and isinstance(value, Sequence):
            keys.update((str(key), None) for key in value)
        elif lower in ("tagging", "createbucketconfiguration") and isinstance(value, Mapping):
            inner = value.get("TagSet") or value.get("Tags")
            for key, tag in _tags_in(inner):
                tags[key] = tag or ""
                keys[key] = None
    return tags, list(keys)


def _tags_in(value: Any) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, Mapping):
        if "Items" in value:
            # CloudFront's tags.
            yield from _tags_in(value["Items"])
            return
        for key, tag in value.items():
            yield str(key), None if tag is None else str(tag)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            if isinstance(each, str):
                yield each, None
            elif isinstance(each, Mapping):
                lowered = {name.lower(): inner for name, inner in each.items()}
                key = lowered.get("key", lowered.get("tagkey"))
                tag = lowered.get("value", lowered.get("tagvalue"))
                if key is not None:
                    yield str(key), "" if tag is None else str(tag)


def tag_context(tags: Mapping[str, str], keys: Sequence[str]) -> dict[str, Values]:
    """aws:RequestTag/... and aws:TagKeys."""
    context: dict[str, Values] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if keys:
        context["aws:TagKeys"] = list(keys)
    return context


def _request_tags(call: Call, resource: str) -> dict[str, Values]:
    if call.service == "ec2" and "TagSpecifications" in call.params:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html: tags belong to the
        # type of resource that they are for.
        arn = arns.parse(resource)
        kind = arn.resource.partition("/")[0] if arn is not None else ""
        tags: dict[str, str] = {}
        for each in at(call.params, "TagSpecifications[]"):
            if each.get("ResourceType") == kind or not kind:
                tags.update((key, value or "") for key, value in _tags_in(each.get("Tags")))
        return tag_context(tags, list(tags))
    return tag_context(*request_tags(call.params))


# -- keys that take more than a path -------------------------------------------------------------------


def _default(path: str, value: Values) -> Callable[[Call, str], Values | None]:
    """What stands at a path, or the value that AWS takes where nothing does."""

    def source(call: Call, _: str) -> Values | None:
        found = at(call.params, path)
        return found[0] if found else value

    return source


def _first(*paths: str) -> Callable[[Call, str], list[Any]]:
    """What stands at the first path at which something does."""

    def source(call: Call, _: str) -> list[Any]:
        return next((found for path in paths if (found := at(call.params, path))), [])

    return source


def _all(*paths: str) -> Callable[[Call, str], list[Any]]:
    """What stands at all the paths together."""

    def source(call: Call, _: str) -> list[Any]:
        return [each for path in paths for each in at(call.params, path)]

    return source


def _only(operations: Sequence[str], path: str) -> Callable[[Call, str], list[Any]]:
    """What stands at a path, for some operations only."""

    def source(call: Call, _: str) -> list[Any]:
        return at(call.params, path) if call.operation in operations else []

    return source


def _flag(path: str) -> Callable[[Call, str], str | None]:
    """A bool as the text that policies compare it with."""

    def source(call: Call, _: str) -> str | None:
        found = at(call.params, path)
        return str(bool(found[0])).lower() if found else None

    return source


def _subnet_arn(call: Call, _: str) -> str | None:
    subnet = text(call.params, "SubnetId") or text(call.params, "NetworkInterfaces[].SubnetId")
    return in_partition(call, "ec2", f"subnet/{subnet}") if subnet else None


def _requested_key(path: str) -> Callable[[Call, str], str | None]:
    """The ARN of a KMS key in the request."""

    def source(call: Call, _: str) -> str | None:
        given = text(call.params, path)
        if given is None or given.startswith("arn:"):
            return given
        return in_partition(call, "kms", given if given.startswith("alias/") else f"key/{given}")

    return source


_FUNCTION = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?"
    r"(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


def function_arn(call: Call, given: str, qualifier: str | None = None) -> str:
    """The ARN of a function in any of the forms that Lambda takes: name, partial ARN or ARN, each with or without a
    qualifier. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax"""
    found = _FUNCTION.fullmatch(given)
    if found is None:
        raise Underivable(f"{call.service}:{call.operation}: {given!r} is no function's name or ARN")
    region, account, name, named_qualifier = found.groups()
    chosen = qualifier or named_qualifier
    resource = f"function:{name}:{chosen}" if chosen else f"function:{name}"
    arn = in_partition(call, "lambda", resource, region=region, account=account)
    return arn if call.service != "lambda" else arns.of_region(call, arn)


def _function(call: Call, _: str) -> str | None:
    given = text(call.params, "FunctionName")
    return None if given is None else function_arn(call, given, text(call.params, "Qualifier"))


def _queried_logs(call: Call, _: str) -> list[Any]:
    """The log groups in an insight rule's definition.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-contributor.html"""
    definition = _json(text(call.params, "RuleDefinition"))
    return at(definition, "LogGroupNames[]")


def _event_pattern(path: str) -> Callable[[Call, str], list[Any]]:
    """What an event pattern wants at a path.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html"""

    def source(call: Call, _: str) -> list[Any]:
        return [each for each in at(_json(text(call.params, "EventPattern")), path + "[]") if isinstance(each, str)]

    return source


def _json(document: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(document or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _qualifier(call: Call, _: str) -> list[str]:
    """The versions or aliases in state machines' ARNs.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    paths = (
        "stateMachineArn",
        "stateMachineAliasArn",
        "stateMachineVersionArn",
        "routingConfiguration[].stateMachineVersionArn",
    )
    parts = (given.split(":") for path in paths for given in texts(call.params, path))
    return [each[7] for each in parts if len(each) > 7]


# -- S3 ------------------------------------------------------------------------------------------------


def s3_context(call: Call, action: str) -> dict[str, Values]:
    """The keys of an S3 action (its name, `GetObject`) that a call's parameters fill.

    s3:authType, s3:signatureAge and s3:x-amz-content-sha256 are missing: a decoded call doesn't tell them.
    https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
    """
    known = catalog.action(action if ":" in action else f"s3:{action}") if action else None
    context: dict[str, Values] = {} if known is None else of_action(call, known, "")
    # Answered for TLS's sake like aws:SecureTransport.
    context["s3:TlsVersion"] = 1.3
    if call.principal.kind != "Anonymous":
        context["s3:signatureversion"] = "AWS4-HMAC-SHA256"
    bucket = arns.parse(str(call.params.get("Bucket", "")))
    if bucket is not None:
        context["s3:DataAccessPointArn"] = str(bucket)
        context["s3:DataAccessPointAccount"] = bucket.account
    return context


def _object_tags(call: Call) -> dict[str, str]:
    tagging = call.params.get("Tagging")
    if isinstance(tagging, str):
        return dict(parse_qsl(tagging, keep_blank_values=True))
    return {key: tag or "" for key, tag in _tags_in((tagging or {}).get("TagSet"))} if tagging else {}


def _s3(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    if "s3:RequestObjectTagKeys" not in action.condition_keys:
        return {}
    tags = _object_tags(call)
    context: dict[str, Values] = {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
    if tags:
        context["s3:RequestObjectTagKeys"] = list(tags)
    return context


def _copy_source(call: Call, _: str) -> str | None:
    """Bucket and key, decoded, without the slash before.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html"""
    given = call.params.get("CopySource")
    if isinstance(given, Mapping):
        return f"{given.get('Bucket')}/{given.get('Key')}"
    return None if given is None else unquote(str(given).partition("?")[0]).removeprefix("/")


def _creates_object(call: Call, _: str) -> bool:
    return call.operation in ("PutObject", "CopyObject", "CompleteMultipartUpload")


def _remaining_days(call: Call, _: str) -> int | None:
    until = _first("ObjectLockRetainUntilDate", "Retention.RetainUntilDate")(call, "")
    if not until or not isinstance(until[0], datetime):
        return None
    return max(0, (until[0] - call.time).days)


# -- KMS -----------------------------------------------------------------------------------------------


def _kms(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"""
    context: dict[str, Values] = {"kms:CallerAccount": call.principal.account}
    given = call.params.get("EncryptionContext")
    if action.name == "ReEncryptFrom":
        given = call.params.get("SourceEncryptionContext")
    elif action.name == "ReEncryptTo":
        given = call.params.get("DestinationEncryptionContext")
    elif action.name == "CreateGrant":
        constraints = call.params.get("Constraints") or {}
        given = constraints.get("EncryptionContextSubset") or constraints.get("EncryptionContextEquals")
        kinds = [kind for kind in ("EncryptionContextEquals", "EncryptionContextSubset") if constraints.get(kind)]
        if kinds:
            context["kms:GrantConstraintType"] = kinds[0]
    if "kms:EncryptionContextKeys" in action.condition_keys and given:
        context.update(encryption_context(given))
    if "kms:RequestAlias" in action.condition_keys:
        member = {"ReEncryptFrom": "SourceKeyId", "ReEncryptTo": "DestinationKeyId"}.get(action.name, "KeyId")
        asked = str(call.params.get(member, ""))
        if asked.startswith("alias/") or ":alias/" in asked:
            context["kms:RequestAlias"] = asked[asked.index("alias/") :]
    return context


def encryption_context(given: Mapping[str, str]) -> dict[str, Values]:
    """kms:EncryptionContext:... and kms:EncryptionContextKeys."""
    context: dict[str, Values] = {f"kms:EncryptionContext:{key}": value for key, value in given.items()}
    context["kms:EncryptionContextKeys"] = list(given)
    return context


# -- the others ----------------------------------------------------------------------------------------


def _iam(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """iam:PermissionsBoundary is what the request sets where it sets one, else what the user or role has.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    if "iam:PermissionsBoundary" not in action.condition_keys:
        return {}
    boundary = text(call.params, "PermissionsBoundary")
    if boundary is None and not action.name.startswith("Create"):
        boundary = look_up.permissions_boundary(resource)
    return {} if boundary is None else {"iam:PermissionsBoundary": boundary}


def _lambda(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """lambda:FunctionArn of an event source mapping: the function in the request, else the mapping's own.
    https://docs.aws.amazon.com/lambda/latest/dg/access-control-identity-based.html"""
    if "EventSourceMapping" not in action.name or "lambda:FunctionArn" not in action.condition_keys:
        return {}
    function = _function(call, "") or look_up.mapped_function(resource)
    return {} if function is None else {"lambda:FunctionArn": function}


def _secretsmanager(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    if "secretsmanager:SecretId" in action.condition_keys and resource != "*":
        return {"secretsmanager:SecretId": resource}
    return {}


def _ec2(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    return {"ec2:Region": call.region}


def _rds(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    tags, _ = request_tags(call.params)
    return {f"rds:req-tag/{key}": value for key, value in tags.items()}


_SPECIAL: dict[str, Callable[[Call, catalog.Action, str, LookUp], dict[str, Values]]] = {
    "ec2": _ec2,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "rds": _rds,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
}

#: Where a service's keys stand in its calls' parameters. The key applies where AWS's reference says so; the pages of
#: the reference are https://docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html.
KEYS: dict[str, dict[str, _Source]] = {
    "apigateway": {
        "apigateway:Request/AccessAssociationSource": "accessAssociationSource",
        "apigateway:Request/AccessLoggingDestination": _first("AccessLogSettings.DestinationArn"),
        "apigateway:Request/AccessLoggingFormat": _first("AccessLogSettings.Format"),
        "apigateway:Request/ApiKeyRequired": _first("apiKeyRequired", "ApiKeyRequired"),
        "apigateway:Request/ApiName": lambda call, _: (
            text(call.params, "name") or text(call.params, "Name") if "Api" in call.operation else None
        ),
        "apigateway:Request/AuthorizerType": _only(("CreateAuthorizer", "UpdateAuthorizer"), "type"),
        "apigateway:Request/AuthorizerUri": _first("authorizerUri", "AuthorizerUri"),
        "apigateway:Request/DisableExecuteApiEndpoint": _first(
            "disableExecuteApiEndpoint", "DisableExecuteApiEndpoint"
        ),
        "apigateway:Request/DomainNameArn": "domainNameArn",
        "apigateway:Request/EndpointType": _first(
            "endpointConfiguration.types[]", "DomainNameConfigurations[].EndpointType"
        ),
        "apigateway:Request/MtlsTrustStoreUri": _first(
            "mutualTlsAuthentication.truststoreUri", "MutualTlsAuthentication.TruststoreUri"
        ),
        "apigateway:Request/MtlsTrustStoreVersion": _first(
            "mutualTlsAuthentication.truststoreVersion", "MutualTlsAuthentication.TruststoreVersion"
        ),
        "apigateway:Request/Priority": "Priority",
        "apigateway:Request/RouteAuthorizationType": _first("authorizationType", "AuthorizationType"),
        "apigateway:Request/RoutingMode": _first("routingMode", "RoutingMode"),
        "apigateway:Request/SecurityPolicy": _first("securityPolicy", "DomainNameConfigurations[].SecurityPolicy"),
        "apigateway:Request/StageName": lambda call, _: (
            text(call.params, "stageName") or text(call.params, "StageName")
            if call.operation == "CreateDeployment"
            else None
        ),
    },
    "cloudformation": {
        "cloudformation:ChangeSetName": "ChangeSetName",
        "cloudformation:ImportResourceTypes": "ResourcesToImport[].ResourceType",
        "cloudformation:ResourceTypes": "ResourceTypes[]",
        "cloudformation:RoleArn": "RoleARN",
        "cloudformation:StackPolicyUrl": "StackPolicyURL",
        "cloudformation:TargetRegion": "Regions[]",
        "cloudformation:TemplateUrl": "TemplateURL",
    },
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys.html
    "cloudwatch": {
        "cloudwatch:AlarmActions": _all("AlarmActions[]", "OKActions[]", "InsufficientDataActions[]"),
        "cloudwatch:ResourceArn": "ResourceArn",
        "cloudwatch:namespace": "Namespace",
        "cloudwatch:requestInsightRuleLogGroups": _queried_logs,
        "cloudwatch:requestManagedResourceARNs": _first("ManagedRules[].ResourceARN", "ResourceARN"),
    },
    "ec2": {
        "ec2:AllocationId": "AllocationId",
        "ec2:AvailabilityZone": _first("AvailabilityZone", "Placement.AvailabilityZone"),
        "ec2:Domain": "Domain",
        "ec2:EbsOptimized": "EbsOptimized",
        "ec2:Encrypted": "Encrypted",
        "ec2:ImageID": "ImageId",
        "ec2:InstanceProfile": "IamInstanceProfile.Arn",
        "ec2:InstanceType": "InstanceType",
        "ec2:InternetGatewayID": "InternetGatewayId",
        "ec2:KeyPairName": "KeyName",
        "ec2:MetadataHttpEndpoint": "MetadataOptions.HttpEndpoint",
        "ec2:MetadataHttpPutResponseHopLimit": "MetadataOptions.HttpPutResponseHopLimit",
        "ec2:MetadataHttpTokens": "MetadataOptions.HttpTokens",
        "ec2:NetworkInterfaceID": "NetworkInterfaceId",
        "ec2:PlacementGroupName": "Placement.GroupName",
        "ec2:RouteTableID": "RouteTableId",
        "ec2:SecurityGroupID": "GroupId",
        "ec2:SnapshotID": "SnapshotId",
        "ec2:Subnet": _subnet_arn,
        "ec2:SubnetID": "SubnetId",
        "ec2:Tenancy": _first("Placement.Tenancy", "InstanceTenancy"),
        "ec2:VolumeID": "VolumeId",
        "ec2:VolumeIops": "Iops",
        "ec2:VolumeSize": "Size",
        "ec2:VolumeThroughput": "Throughput",
        "ec2:VolumeType": "VolumeType",
        "ec2:VpcID": "VpcId",
    },
    "ecr": {"ecr:AccountSetting": "name"},
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    "events": {
        "events:EventBusArn": "EventBuses[].EventBusArn",
        "events:TargetArn": "Targets[].Arn",
        "events:creatorAccount": lambda call, _: call.account,
        "events:detail-type": _event_pattern("detail-type"),
        "events:detail.eventTypeCode": _event_pattern("detail.eventTypeCode"),
        "events:detail.service": _event_pattern("detail.service"),
        "events:detail.userIdentity.principalId": _event_pattern("detail.userIdentity.principalId"),
        "events:source": _event_pattern("source"),
    },
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    "iam": {
        "iam:AWSServiceName": "AWSServiceName",
        "iam:OrganizationsPolicyId": "OrganizationsPolicyId",
        "iam:PolicyARN": "PolicyArn",
        "iam:ServiceSpecificCredentialAgeDays": "CredentialAgeDays",
        "iam:ServiceSpecificCredentialServiceName": "ServiceName",
        "iam:TemplateArn": "Permissions.PolicyTemplateArn",
    },
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    "kms": {
        "kms:BypassPolicyLockoutSafetyCheck": _default("BypassPolicyLockoutSafetyCheck", False),
        "kms:DataKeyPairSpec": "KeyPairSpec",
        "kms:EncapsulationAlgorithm": "EncapsulationAlgorithm",
        "kms:EncryptionAlgorithm": lambda call, _: (
            text(call.params, "EncryptionAlgorithm")
            or text(call.params, "DestinationEncryptionAlgorithm")
            or "SYMMETRIC_DEFAULT"
        ),
        "kms:ExpirationModel": _default("ExpirationModel", "KEY_MATERIAL_EXPIRES"),
        "kms:GrantConstraintSourceArn": "Constraints.SourceArn",
        "kms:GrantOperations": "Operations[]",
        "kms:GranteePrincipal": "GranteePrincipal",
        "kms:GranteeServicePrincipal": "GranteeServicePrincipal",
        "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithm",
        # Of a key that is being made; an existing key's come from the state.
        "kms:KeyOrigin": lambda call, _: text(call.params, "Origin") or "AWS_KMS" if _makes_key(call) else None,
        "kms:KeySpec": lambda call, _: (
            text(call.params, "KeySpec") or text(call.params, "CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"
            if _makes_key(call)
            else None
        ),
        "kms:KeyUsage": lambda call, _: (
            text(call.params, "KeyUsage") or "ENCRYPT_DECRYPT" if _makes_key(call) else None
        ),
        "kms:MacAlgorithm": "MacAlgorithm",
        "kms:MessageType": _default("MessageType", "RAW"),
        "kms:MultiRegion": lambda call, _: bool(at(call.params, "MultiRegion") == [True]) if _makes_key(call) else None,
        "kms:PrimaryRegion": "PrimaryRegion",
        "kms:ReplicaRegion": "ReplicaRegion",
        "kms:RetiringPrincipal": "RetiringPrincipal",
        "kms:RetiringServicePrincipal": "RetiringServicePrincipal",
        "kms:RotationPeriodInDays": _default("RotationPeriodInDays", 365),
        "kms:ScheduleKeyDeletionPendingWindowInDays": _default("PendingWindowInDays", 30),
        "kms:SigningAlgorithm": "SigningAlgorithm",
        "kms:ValidTo": "ValidTo",
        "kms:WrappingAlgorithm": "WrappingAlgorithm",
        "kms:WrappingKeySpec": "WrappingKeySpec",
    },
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    "lambda": {
        "lambda:CodeSigningConfigArn": "CodeSigningConfigArn",
        "lambda:FunctionArn": _function,
        "lambda:FunctionUrlAuthType": _first("AuthType", "FunctionUrlAuthType"),
        "lambda:Layer": "Layers[]",
        "lambda:Principal": "Principal",
        "lambda:SecurityGroupIds": "VpcConfig.SecurityGroupIds[]",
        "lambda:SubnetIds": "VpcConfig.SubnetIds[]",
    },
    "logs": {
        "logs:DeliveryDestinationResourceArn": "deliveryDestinationConfiguration.destinationResourceArn",
        "logs:LogGeneratingResourceArns": "resourceArn",
    },
    "organizations": {
        "organizations:PolicyType": _first("PolicyType", "Filter", "Type"),
        "organizations:ServicePrincipal": "ServicePrincipal",
    },
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/security_iam_service-with-iam.html
    "rds": {
        "rds:BackupTarget": "BackupTarget",
        "rds:CopyOptionGroup": "CopyOptionGroup",
        "rds:DatabaseClass": _first("DBInstanceClass", "DBClusterInstanceClass"),
        "rds:DatabaseEngine": "Engine",
        "rds:DatabaseName": _first("DBName", "DatabaseName"),
        "rds:EndpointType": "EndpointType",
        "rds:ManageMasterUserPassword": "ManageMasterUserPassword",
        "rds:MultiAz": "MultiAZ",
        "rds:Piops": "Iops",
        "rds:PubliclyAccessible": "PubliclyAccessible",
        "rds:StorageEncrypted": "StorageEncrypted",
        "rds:StorageSize": "AllocatedStorage",
        "rds:TenantDatabaseName": _first("NewTenantDBName", "TenantDBName"),
        "rds:Vpc": lambda call, _: True if text(call.params, "DBSubnetGroupName") else None,
    },
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    "s3": {
        "s3:ObjectCreationOperation": _creates_object,
        "s3:annotation-prefix": "AnnotationPrefix",
        "s3:delimiter": "Delimiter",
        "s3:if-match": "IfMatch",
        "s3:if-none-match": "IfNoneMatch",
        "s3:locationconstraint": "CreateBucketConfiguration.LocationConstraint",
        "s3:max-annotation-results": "MaxAnnotationResults",
        "s3:max-keys": "MaxKeys",
        "s3:object-lock-legal-hold": _first("ObjectLockLegalHoldStatus", "LegalHold.Status"),
        "s3:object-lock-mode": _first("ObjectLockMode", "Retention.Mode"),
        "s3:object-lock-remaining-retention-days": _remaining_days,
        "s3:object-lock-retain-until-date": _first("ObjectLockRetainUntilDate", "Retention.RetainUntilDate"),
        "s3:prefix": "Prefix",
        "s3:versionid": "VersionId",
        "s3:x-amz-acl": "ACL",
        "s3:x-amz-bucket-namespace": "BucketNamespace",
        "s3:x-amz-copy-source": _copy_source,
        "s3:x-amz-grant-full-control": "GrantFullControl",
        "s3:x-amz-grant-read": "GrantRead",
        "s3:x-amz-grant-read-acp": "GrantReadACP",
        "s3:x-amz-grant-write": "GrantWrite",
        "s3:x-amz-grant-write-acp": "GrantWriteACP",
        "s3:x-amz-metadata-directive": "MetadataDirective",
        "s3:x-amz-object-annotation-directive": "AnnotationDirective",
        "s3:x-amz-object-if-match": "ObjectIfMatch",
        "s3:x-amz-object-ownership": "ObjectOwnership",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": _requested_key("SSEKMSKeyId"),
        "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
        "s3:x-amz-storage-class": "StorageClass",
        "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    },
    "secretsmanager": {
        "secretsmanager:AddReplicaRegions": "AddReplicaRegions[].Region",
        "secretsmanager:BlockPublicPolicy": "BlockPublicPolicy",
        "secretsmanager:Description": "Description",
        "secretsmanager:ExternalSecretRotationRoleArn": "ExternalSecretRotationRoleArn",
        "secretsmanager:ForceDeleteWithoutRecovery": "ForceDeleteWithoutRecovery",
        "secretsmanager:ForceOverwriteReplicaSecret": "ForceOverwriteReplicaSecret",
        "secretsmanager:KmsKeyArn": _requested_key("KmsKeyId"),
        "secretsmanager:KmsKeyId": "KmsKeyId",
        "secretsmanager:ModifyRotationRules": lambda call, _: True if call.params.get("RotationRules") else None,
        "secretsmanager:Name": "Name",
        "secretsmanager:RecoveryWindowInDays": "RecoveryWindowInDays",
        "secretsmanager:RotateImmediately": "RotateImmediately",
        "secretsmanager:RotationLambdaARN": "RotationLambdaARN",
        "secretsmanager:Type": "Type",
        "secretsmanager:VersionId": "VersionId",
        "secretsmanager:VersionStage": "VersionStage",
    },
    # https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html#sns-policy-keys
    "sns": {"sns:Endpoint": "Endpoint", "sns:Protocol": "Protocol"},
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    "ssm": {
        "ssm:AutoApprove": "AutoApprove",
        "ssm:DocumentVersion": "DocumentVersion",
        "ssm:InventoryTypeName": "Items[].TypeName",
        "ssm:Overwrite": _flag("Overwrite"),
        "ssm:Policies": "Policies",
        "ssm:Recursive": _flag("Recursive"),
        "ssm:SyncType": "SyncType",
    },
    "states": {"states:StateMachineQualifier": _qualifier},
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-sts
    "sts": {
        "sts:DurationSeconds": "DurationSeconds",
        "sts:ExternalId": "ExternalId",
        "sts:IdentityTokenAudience": "Audience[]",
        "sts:RequestContextProviders": "ProvidedContexts[].ProviderArn",
        "sts:RoleSessionName": "RoleSessionName",
        "sts:SigningAlgorithm": "SigningAlgorithm",
        "sts:SourceIdentity": "SourceIdentity",
        "sts:TaskPolicyArn": "TaskPolicyArn.arn",
        "sts:TransitiveTagKeys": "TransitiveTagKeys[]",
    },
    "xray": {"xray:ResourcePolicyName": "PolicyName", "xray:TraceSegmentDestination": "Destination"},
}


def _makes_key(call: Call) -> bool:
    return call.operation in ("CreateKey", "ReplicateKey")
