"""How services name their resources in calls, where the general rule of resources.py would go wrong.

Five tables, all by the prefix of a service's actions: where a type's names stand (`NAMES`), what a single operation
asks about (`RULES`), what becomes of a name (`MAKERS`), what is asked about as a whole (`WHOLE`), and which types of
the reference no call names (`NOT_ASKED`). Each service's page of the reference is
https://docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html; further pages stand beside the
rules that they give.

In a list of paths (parameters.py) the first that leads to something counts; `+` before a path adds what it leads to;
`=text` gives the text itself; a lone `?` says that the type may be absent.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

from sandbox.authorisation import arns
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.keys import function_arn
from sandbox.authorisation.look_up import Kind, LookUp
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call

#: From the name (or id, URL, ARN) in a call to the resource's ARN; None if it names nothing of the type.
Maker = Callable[[Call, LookUp, str], str | None]

_Paths = tuple[str, ...]


def as_given(call: Call, look_up: LookUp, given: str) -> str | None:
    """An ARN as it is."""
    return given if given.startswith("arn:") else None


def key_arn(call: Call, look_up: LookUp, given: str) -> str:
    """The ARN of a KMS key, given by id, ARN, or an alias's name or ARN. An unknown alias stands for itself.
    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id"""
    found = look_up.arn(call.account, call.region, "kms:key", given)
    if found is not None:
        return found
    if given.startswith("arn:"):
        return given
    return in_partition(call, "kms", given if given.startswith("alias/") else f"key/{given}")


# -- data stores and messages --------------------------------------------------------------------------


def _queue(call: Call, look_up: LookUp, given: str) -> str:
    """A queue by URL, name or ARN. The URL's host is the endpoint's; the account is in its path.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""
    if given.startswith("arn:"):
        return given
    parts = given.rstrip("/").split("/")
    owner = parts[-2] if len(parts) > 1 and len(parts[-2]) == 12 and parts[-2].isdigit() else call.account
    if call.operation == "GetQueueUrl":
        owner = text(call.params, "QueueOwnerAWSAccountId") or owner
    return in_partition(call, "sqs", parts[-1], account=owner)


def _moved_from(call: Call, look_up: LookUp, given: str) -> str | None:
    found = look_up.arn(call.account, call.region, "sqs:message-move-task", given)
    if found is not None:
        return found
    try:
        handle = json.loads(base64.b64decode(given + "=="))
    except (ValueError, RecursionError):
        return None
    source = handle.get("sourceArn") if isinstance(handle, dict) else None
    return source if isinstance(source, str) else None


def _topic(call: Call, look_up: LookUp, given: str) -> str:
    """A topic by name or ARN; a subscription's ARN is its topic's with an id behind."""
    if not given.startswith("arn:"):
        return in_partition(call, "sns", given)
    parts = given.split(":")
    return ":".join(parts[:6]) if len(parts) == 7 and "/" not in parts[5] else given


def _table(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "dynamodb", f"table/{given}")


def _index(call: Call, look_up: LookUp, given: str) -> str | None:
    table = text(call.params, "TableName")
    return None if table is None else f"{_table(call, look_up, table)}/index/{given}"


def _stream_of_iterator(call: Call, look_up: LookUp, given: str) -> str | None:
    """An iterator of DynamoDB Streams begins with its stream's ARN."""
    return given.partition("|")[0] if given.startswith("arn:") else None


def _kinesis_stream(call: Call, look_up: LookUp, given: str) -> str | None:
    if given.startswith("arn:"):
        return given
    if call.operation == "GetRecords":
        return look_up.arn(call.account, call.region, "kinesis:shard-iterator", given)
    return in_partition(call, "kinesis", f"stream/{given}")


def _consumer(call: Call, look_up: LookUp, given: str) -> str | None:
    if ":consumer/" in given or "/consumer/" in given:
        return given
    # Given by its stream and its name; the ARN ends in the second of its making.
    # https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
    name = text(call.params, "ConsumerName")
    if name is None:
        return None
    found = look_up.arn(call.account, call.region, "kinesis:consumer", f"{given}/{name}")
    return found or f"{given}/consumer/{name}:*"


# -- keys, secrets, parameters -------------------------------------------------------------------------


def _key(call: Call, look_up: LookUp, given: str) -> str | None:
    return key_arn(call, look_up, given)


def _alias(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "kms", given)


def _key_of_alias(call: Call, look_up: LookUp, given: str) -> str | None:
    return look_up.arn(call.account, call.region, "kms:key", given)


def _secret(call: Call, look_up: LookUp, given: str) -> str:
    """A secret by name or ARN. AWS puts a hyphen and six characters behind the name; those of a secret that isn't there
    (yet) stand as `??????`, so that a policy on `...:secret:orders-??????` or `...:secret:orders-*` is about it.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html"""
    if call.operation != "CreateSecret":
        found = look_up.arn(call.account, call.region, "secretsmanager:Secret", given)
        if found is not None:
            return found
    if given.startswith("arn:"):
        return given
    return in_partition(call, "secretsmanager", f"secret:{given}-??????")


def _parameter(call: Call, look_up: LookUp, given: str) -> str:
    """A parameter by name, path or ARN, with or without a version or label behind a colon. `/a/b` and `a/b` are the
    same resource; the path `/` is `parameter/`.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html"""
    if given.startswith("arn:"):
        parts = given.split(":", 6)
        return ":".join(parts[:6])
    name = given.partition(":")[0]
    return in_partition(call, "ssm", f"parameter/{name.removeprefix('/')}")


def _document(call: Call, look_up: LookUp, given: str) -> str:
    """AWS's own documents are of no account.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/security_iam_service-with-iam.html"""
    if given.startswith("arn:"):
        return given
    owner = "" if given.startswith(("AWS-", "AWS", "Amazon")) and "-" in given else call.account
    return in_partition(call, "ssm", f"document/{given}", account=owner)


def _instance(call: Call, look_up: LookUp, given: str) -> str | None:
    return None if given.startswith("mi-") else in_partition(call, "ec2", f"instance/{given}")


def _managed_instance(call: Call, look_up: LookUp, given: str) -> str | None:
    return in_partition(call, "ssm", f"managed-instance/{given}") if given.startswith("mi-") else None


def _setting(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "ssm", f"servicesetting/{given.removeprefix('/')}")


#: What Systems Manager's tagging operations call a type of resource.
#: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
_TAGGED = {
    "Association": "association",
    "Automation": "automation-execution",
    "CloudConnector": "cloud-connector",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "OpsMetadata": "opsmetadata",
    "PatchBaseline": "patchbaseline",
}


def _tagged_by_ssm(call: Call, look_up: LookUp, given: str) -> str | None:
    kind = text(call.params, "ResourceType")
    if given.startswith("arn:"):
        return given
    if kind == "Parameter":
        return _parameter(call, look_up, given)
    if kind == "Document":
        return _document(call, look_up, given)
    return in_partition(call, "ssm", f"{_TAGGED[kind]}/{given}") if kind in _TAGGED else None


# -- compute and orchestration -------------------------------------------------------------------------


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


def _stack(call: Call, look_up: LookUp, given: str) -> str | None:
    """A stack by name, ARN or its change set's ARN. The ARN ends in an id that a name doesn't tell.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
    if ":stack/" in given:
        return given
    if given == call.params.get("ChangeSetName") and not given.startswith("arn:"):
        # The name of a change set says nothing without its stack's, which stands beside it.
        return None
    found = look_up.arn(call.account, call.region, "cloudformation:stack", given)
    if found is not None:
        return found
    if given.startswith("arn:"):
        # A change set that is not there (any more) is of no stack: who may look at all of them is told so.
        return in_partition(call, "cloudformation", "stack/*/*")
    return in_partition(call, "cloudformation", f"stack/{given}/*")


def _stack_set(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "cloudformation", f"stackset/{given}" if ":" in given else f"stackset/{given}:*")


def _deployment(call: Call, look_up: LookUp, given: str) -> str | None:
    found = look_up.arn(call.account, call.region, "codedeploy:deployment", given)
    # A deployment that is not there is of no group: who may look at those of all groups is told so.
    return found or in_partition(call, "codedeploy", "deploymentgroup:*")


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


#: What EC2's ids begin with, and the type of resource that they are of.
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
_ID_PREFIXES = {
    "acl": "network-acl",
    "ami": "image",
    "cgw": "customer-gateway",
    "cr": "capacity-reservation",
    "dopt": "dhcp-options",
    "eigw": "egress-only-internet-gateway",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "fleet": "fleet",
    "h": "dedicated-host",
    "i": "instance",
    "igw": "internet-gateway",
    "key": "key-pair",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pg": "placement-group",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "sir": "spot-instances-request",
    "snap": "snapshot",
    "subnet": "subnet",
    "tgw": "transit-gateway",
    "tgw-attach": "transit-gateway-attachment",
    "tgw-rtb": "transit-gateway-route-table",
    "vgw": "vpn-gateway",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
    "vpce-svc": "vpc-endpoint-service",
    "vpn": "vpn-connection",
}


def _tagged_by_ec2(call: Call, look_up: LookUp, given: str) -> str:
    kind = _ID_PREFIXES.get(given.rpartition("-")[0])
    if kind is None:
        raise Underivable(f"ec2:{call.operation}: the type of {given!r} can't be told")
    # Images and snapshots are of no account in ARNs.
    return in_partition(call, "ec2", f"{kind}/{given}", account="" if kind in ("image", "snapshot") else None)


def _by_id_or(prefix: str, resource: str, kind: Kind) -> Maker:
    """By an id, or by another name that the state knows."""

    def make(call: Call, look_up: LookUp, given: str) -> str | None:
        if given.startswith("arn:"):
            return given
        named = given if given.startswith(prefix) else None
        found = None if named else look_up.arn(call.account, call.region, kind, given)
        return found or in_partition(call, "ec2", f"{resource}/{given}")

    return make


def _associated(kind: Kind) -> Maker:
    """What an association's id stands for; nothing for one that is not there."""
    return lambda call, look_up, given: look_up.arn(call.account, call.region, kind, given)


_security_group = _by_id_or("sg-", "security-group", "ec2:security-group")
_elastic_ip = _by_id_or("eipalloc-", "elastic-ip", "ec2:elastic-ip")
_launch_template = _by_id_or("lt-", "launch-template", "ec2:launch-template")


# -- logs and metrics ----------------------------------------------------------------------------------


def log_group_name(given: str) -> str:
    """The name of a log group that is given by name or by ARN (with or without `:*` behind)."""
    if given.startswith("arn:") and ":log-group:" in given:
        return given.partition(":log-group:")[2].partition(":")[0]
    return given


def _log_group(call: Call, look_up: LookUp, given: str) -> str:
    """A log group. But for tags the ARN that is asked about goes on to the log streams, so that a policy has to end in
    `:*`: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html. A denial names
    it as `log-group:NAME:log-stream:`; what is about no single group has an empty name there."""
    if given.startswith("arn:") and ":log-group:" not in given:
        return given
    owner = arns.parse(given)
    return in_partition(
        call, "logs", f"log-group:{log_group_name(given)}:log-stream:", account=owner.account if owner else None
    )


def _tagged_log_group(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given.removesuffix(":*")
    return in_partition(call, "logs", f"log-group:{given}")


def _log_stream(call: Call, look_up: LookUp, given: str) -> str | None:
    name, identifier = text(call.params, "logGroupName"), text(call.params, "logGroupIdentifier")
    if name is not None and identifier is not None:
        raise Underivable(f"logs:{call.operation} names its log group twice")
    group = name or identifier
    return None if group is None else _log_group(call, look_up, group) + given


def log_groups(call: Call) -> str:
    """All log groups, as logs:DescribeLogGroups asks."""
    return in_partition(call, "logs", "log-group::log-stream:")


def _tracing_group(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "xray", f"group/{given}/*")


def _queried_store(call: Call, look_up: LookUp, given: str) -> str:
    """The event data store in a query's FROM.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-limitations.html"""
    found = re.search(r"\bfrom\s+['\"]?([0-9a-f-]{36})", given, re.IGNORECASE)
    return in_partition(call, "cloudtrail", f"eventdatastore/{found[1] if found else '*'}")


# -- identities ----------------------------------------------------------------------------------------


def _identity(kind: Kind) -> Maker:
    """A user, role, group and the like by name: the ARN has the path, which the state knows, or the request of the one
    that is being made. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""
    resource = kind.partition(":")[2]

    def make(call: Call, look_up: LookUp, given: str) -> str | None:
        if given.startswith("arn:"):
            return given
        if call.operation.startswith(("Create", "Upload")) and call.service == "iam" and _is_made(call, resource):
            return in_partition(call, "iam", f"{resource}{text(call.params, 'Path') or '/'}{given}", region="")
        found = look_up.arn(call.account, call.region, kind, given)
        return found or in_partition(call, "iam", f"{resource}/{given}", region="")

    return make


def _is_made(call: Call, resource: str) -> bool:
    return call.operation.lower().endswith(resource.replace("-", ""))


def _user(call: Call, look_up: LookUp, given: str) -> str:
    """A user by name; without one the caller itself, as
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html has it."""
    if not given:
        return call.principal.arn if call.principal.kind in ("IAMUser", "Root") else "*"
    return _identity("iam:user")(call, look_up, given) or "*"


def _user_of_key(call: Call, look_up: LookUp, given: str) -> str:
    return look_up.arn(call.account, call.region, "iam:access-key", given) or "*"


def _policy(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "iam", f"policy{text(call.params, 'Path') or '/'}{given}", region="")


def _mfa(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "iam", f"mfa{text(call.params, 'Path') or '/'}{given}", region="")


def _oidc_provider(call: Call, look_up: LookUp, given: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html: the URL without its
    scheme."""
    if given.startswith("arn:"):
        return given
    return in_partition(call, "iam", f"oidc-provider/{given.removeprefix('https://').rstrip('/')}", region="")


def _service_linked_role(call: Call, look_up: LookUp, given: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html"""
    resource = f"role/aws-service-role/{given}/AWSServiceRoleFor*"
    return in_partition(call, "iam", resource, region="")


def _role_being_deleted(call: Call, look_up: LookUp, given: str) -> str:
    """A deletion task is `task/PATH/ROLE/ID`."""
    named = given.removeprefix("task/").rpartition("/")[0]
    return in_partition(call, "iam", f"role/{named}", region="")


def _assumed(call: Call, look_up: LookUp, given: str) -> str | None:
    return as_given(call, look_up, given)


def _root_user(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given
    return in_partition(call, "iam", "root", region="", account=given)


def _listed(resource: str) -> Callable[[Call], str]:
    """All users (roles, groups ...) under a path: denials name them as `...:user/`."""

    def make(call: Call) -> str:
        return in_partition(call, "iam", resource + (text(call.params, "PathPrefix") or "/"), region="")

    return make


def _policies(call: Call) -> str:
    """As denials of iam:ListPolicies name it."""
    return f"policy path {text(call.params, 'PathPrefix') or '/'}"


#: What an organization's ids begin with (accounts' are twelve digits), and what the ARN's resource is made of.
#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_arn.html
_ORGANIZATIONAL = {
    "account": (re.compile(r"\d{12}"), "account"),
    "ou": (re.compile(r"ou-.+"), "ou"),
    "root": (re.compile(r"r-.+"), "root"),
    "policy": (re.compile(r"p-.+"), "policy"),
    "handshake": (re.compile(r"h-.+"), "handshake"),
}


def _organizational(kind: str) -> Maker:
    pattern, resource = _ORGANIZATIONAL[kind]

    def make(call: Call, look_up: LookUp, given: str) -> str | None:
        named = given or call.account
        if not pattern.fullmatch(named):
            return None
        found = look_up.arn(call.account, call.region, f"organizations:{kind}", named)  # type: ignore[arg-type]
        if found is not None:
            return found
        organization = arns.parse(look_up.arn(call.account, call.region, "organizations:organization", "") or "")
        if organization is None:
            raise Underivable(f"organizations:{call.operation}: {named} is of no organization")
        own = organization.resource.removeprefix("organization/")
        between = {"policy": "*/", "handshake": "*/"}.get(kind, "")
        return str(organization._replace(resource=f"{resource}/{own}/{between}{named}"))

    return make


# -- the tables ----------------------------------------------------------------------------------------

#: Where a type's names (or ids, URLs, ARNs) stand, by `prefix:type`, or a variable of its ARN, by
#: `prefix:type.Variable`.
NAMES: dict[str, _Paths] = {
    "cloudformation:stack": ("StackName", "StackId"),
    "cloudformation:stackset": ("StackSetName",),
    "cloudtrail:channel": ("Channel", "Name"),
    "cloudtrail:dashboard": ("DashboardId", "Name"),
    "cloudtrail:eventdatastore": ("EventDataStore", "EventDataStores[]"),
    "cloudtrail:trail": ("Name", "TrailName"),
    "cloudwatch:alarm": ("AlarmName", "AlarmNames[]"),
    "cloudwatch:insight-rule": ("RuleName", "RuleNames[]"),
    "codedeploy:deploymentgroup": ("deploymentGroupName", "deploymentGroupNames[]", "currentDeploymentGroupName"),
    "dynamodb:table": ("TableName", "TableArn"),
    "ec2:certificate": ("CertificateArn",),
    "ec2:coip-pool": ("CoipPoolId", "PoolIds[]", "PoolId"),
    "ec2:declarative-policies-report": ("ReportId",),
    "ec2:dedicated-host": ("HostId", "HostIds[]"),
    "ec2:elastic-ip": ("AllocationId", "AllocationIds[]", "PublicIp", "Address"),
    "ec2:image-usage-report": ("ReportId",),
    "ec2:instance": ("InstanceId", "InstanceIds[]", "Instances[]"),
    "ec2:ipv4pool-ec2": ("PoolId", "PublicIpv4Pool"),
    "ec2:ipv6pool-ec2": ("PoolId", "Ipv6Pool"),
    "ec2:key-pair": ("KeyName", "KeyPairId"),
    "ec2:launch-template": ("LaunchTemplateId", "LaunchTemplateName", "LaunchTemplate.LaunchTemplateId"),
    "ec2:local-gateway-route-table": ("LocalGatewayRouteTableId",),
    "ec2:network-acl": ("NetworkAclId",),
    "ec2:placement-group": ("GroupName", "Placement.GroupName"),
    "ec2:reserved-instances": ("ReservedInstancesId", "ReservedInstancesIds[]", "ReservedInstanceIds[]"),
    "ec2:security-group": ("GroupId", "SecurityGroupIds[]", "SecurityGroupId", "Groups[]", "GroupName"),
    "ec2:spot-fleet-request": ("SpotFleetRequestId", "SpotFleetRequestIds[]"),
    "ec2:spot-instances-request": ("SpotInstanceRequestIds[]",),
    "ec2:vpc-block-public-access-exclusion": ("ExclusionId", "ExclusionIds[]"),
    "ec2:vpc-endpoint-connection": ("VpcEndpointConnectionId", "VpcEndpointIds[]"),
    "ec2:vpc-endpoint-service": ("ServiceId", "ServiceIds[]"),
    "ec2:vpc-flow-log": ("FlowLogId", "FlowLogIds[]"),
    "ecr:repository": ("repositoryName", "repositoryNames[]"),
    "events:event-bus": ("EventBusName",),
    "events:rule-on-custom-event-bus": ("Name", "Rule"),
    "events:rule-on-default-event-bus": ("Name", "Rule"),
    "iam:delegation-request": ("DelegationRequestId", "EntityArn"),
    "iam:group": ("GroupName",),
    "iam:instance-profile": ("InstanceProfileName",),
    "iam:mfa": ("SerialNumber", "VirtualMFADeviceName"),
    "iam:oidc-provider": ("OpenIDConnectProviderArn", "Url"),
    "iam:policy": ("PolicyArn", "PolicyName"),
    "iam:role": ("RoleName",),
    "iam:role-template": ("TemplateArn",),
    "iam:server-certificate": ("ServerCertificateName",),
    "iam:user": ("UserName", "="),
    "kinesis:stream": ("+StreamARN", "+StreamName"),
    "kms:alias": ("AliasName",),
    "kms:key": ("KeyId", "TargetKeyId"),
    "lambda:function": ("FunctionName",),
    "lambda:layer": ("LayerName",),
    "lambda:layerVersion": ("LayerName", "Arn"),
    "logs:log-group": (
        "+logGroupName",
        "+logGroupIdentifier",
        "+logGroupIdentifiers",
        "+logGroupNames",
        "+logGroupArnList",
        "+resourceIdentifier",
        "=",
    ),
    "logs:log-stream": ("logStreamName",),
    "organizations:account": ("AccountId", "TargetId", "ChildId", "ResourceId", "Target.Id"),
    "organizations:handshake": ("HandshakeId",),
    "organizations:organizationalunit": ("OrganizationalUnitId", "ParentId", "TargetId", "ChildId", "ResourceId"),
    "organizations:policy": ("PolicyId", "ResourceId"),
    "organizations:root": ("RootId", "ParentId", "TargetId", "ResourceId"),
    "rds:auto-backup": ("DBInstanceAutomatedBackupsArn", "DbiResourceId"),
    "rds:cev.Engine": ("Engine",),
    "rds:cluster": (
        "DBClusterIdentifier",
        "DBClusterIdentifiers[]",
        "DbClusterIdentifier",
        "TargetDbClusterIdentifier",
    ),
    "rds:cluster-auto-backup": ("DbClusterResourceId",),
    "rds:cluster-endpoint": ("DBClusterEndpointIdentifier",),
    "rds:cluster-pg": ("DBClusterParameterGroupName", "TargetDBClusterParameterGroupName"),
    "rds:cluster-snapshot": ("DBClusterSnapshotIdentifier", "SnapshotIdentifier", "FinalDBSnapshotIdentifier"),
    "rds:db": (
        "DBInstanceIdentifier",
        "DBInstanceIdentifiers[]",
        "SourceDBInstanceIdentifier",
        "SourceDBInstanceArn",
        "TargetDBInstanceIdentifier",
    ),
    "rds:deployment": ("BlueGreenDeploymentIdentifier", "BlueGreenDeploymentName"),
    "rds:es": ("SubscriptionName",),
    "rds:global-cluster": ("GlobalClusterIdentifier",),
    "rds:integration": ("IntegrationIdentifier", "IntegrationName"),
    "rds:og": ("OptionGroupName",),
    "rds:pg": ("DBParameterGroupName", "TargetDBParameterGroupName"),
    "rds:proxy": ("DBProxyName",),
    "rds:proxy-endpoint": ("DBProxyEndpointName",),
    "rds:ri": ("ReservedDBInstanceId",),
    "rds:secgrp": ("DBSecurityGroupName", "DBSecurityGroups[]"),
    "rds:shardgrp": ("DBShardGroupIdentifier",),
    "rds:snapshot": ("DBSnapshotIdentifier",),
    "rds:subgrp": ("DBSubnetGroupName",),
    "rds:target-group": ("TargetGroupName", "=default"),
    "rds:tenant-database": ("TenantDBName",),
    "scheduler:schedule": ("Name",),
    "scheduler:schedule.GroupName": ("GroupName", "=default"),
    "secretsmanager:Secret": ("SecretId", "Name"),
    "sns:topic": ("TopicArn", "SubscriptionArn"),
    "sqs:queue": ("QueueUrl", "QueueName", "SourceArn"),
    "ssm:document": ("DocumentName", "Name", "CalendarNames[]"),
    "ssm:maintenancewindow": ("WindowId",),
    "ssm:opsitem": ("OpsItemId", "AccessRequestId"),
    "ssm:parameter": ("Name", "Names[]", "Path"),
    "ssm:patchbaseline": ("BaselineId",),
    "ssm:servicesetting": ("SettingId",),
    "states:activity": ("activityArn", "name"),
    "states:execution": ("executionArn",),
    "states:statemachine": ("stateMachineArn", "stateMachineAliasArn", "stateMachineVersionArn"),
    "sts:federated-user": ("Name",),
    "sts:role": ("RoleArn",),
    "sts:root-user": ("TargetPrincipal",),
    "xray:group": ("+GroupARN", "+GroupName"),
    "xray:sampling-rule": (
        "RuleARN",
        "RuleName",
        "SamplingRule.RuleARN",
        "SamplingRule.RuleName",
        "SamplingRuleUpdate.RuleARN",
        "SamplingRuleUpdate.RuleName",
    ),
}

_INSTANCES: dict[str, _Paths] = {
    "instance": ("?", "InstanceIds[]", "InstanceId", "Target", "ResourceId"),
    "managed-instance": ("?", "InstanceIds[]", "InstanceId", "Target", "ResourceId"),
}
_PARENTS = ("?", "+SourceParentId", "+DestinationParentId")
_EITHER_POLICY: dict[str, _Paths] = {"function": ("?", "ResourceArn"), "webFunction": ("?", "ResourceArn")}
_OF_CHANGE_SET: dict[str, _Paths] = {"stack": ("+StackName", "+ChangeSetName")}
_OF_DEPLOYMENT: dict[str, _Paths] = {"deploymentgroup": ("deploymentId", "deploymentIds[]")}
_GLOBAL_TABLE: dict[str, _Paths] = {"global-table": ("GlobalTableName",), "table": ("GlobalTableName",)}
_TAGGED_LOGS: dict[str, _Paths] = {"log-group": ("resourceArn", "logGroupName")}
_SSM_TAGS: dict[str, _Paths] = {"parameter": ("ResourceId",)}
_MAINTAINED: dict[str, _Paths] = {"cluster": ("?", "ResourceIdentifier"), "db": ("?", "ResourceIdentifier")}
_INSIGHTS: dict[str, _Paths] = {"table": ("TableName",), "index": ("?", "IndexName")}

#: What a single operation asks about, by `prefix:Operation`: types, and where they are named.
RULES: dict[str, dict[str, _Paths]] = {
    "cloudformation:CreateStackRefactor": {"stack": ("StackDefinitions[].StackName",)},
    "cloudformation:DeleteChangeSet": _OF_CHANGE_SET,
    "cloudformation:DescribeChangeSet": _OF_CHANGE_SET,
    "cloudformation:DescribeChangeSetHooks": _OF_CHANGE_SET,
    "cloudformation:DescribeEvents": {"stack": ("?", "+StackName", "+ChangeSetName")},
    "cloudformation:ExecuteChangeSet": _OF_CHANGE_SET,
    "cloudformation:GetTemplate": _OF_CHANGE_SET,
    "cloudtrail:CancelQuery": {"eventdatastore": ("EventDataStore", "=*")},
    "cloudtrail:CreateChannel": {"channel": ("Name",), "eventdatastore": ("Destinations[].Location",)},
    "cloudtrail:CreateEventDataStore": {"eventdatastore": ("=*",)},
    "cloudtrail:GetQueryResults": {"eventdatastore": ("EventDataStore", "=*")},
    "cloudtrail:ListInsightsData": {"trail": ("InsightSource",)},
    "cloudtrail:ListTags": {"trail": ("ResourceIdList[]",)},
    "cloudtrail:StartQuery": {"eventdatastore": ("QueryStatement", "=*")},
    "cloudwatch:PutAlarmMuteRule": {"alarm-mute-rule": ("Name",), "alarm": ("?", "MuteTargets.AlarmNames[]")},
    "codedeploy:BatchGetDeploymentInstances": _OF_DEPLOYMENT,
    "codedeploy:BatchGetDeployments": _OF_DEPLOYMENT,
    "codedeploy:GetDeployment": _OF_DEPLOYMENT,
    "codedeploy:GetDeploymentInstance": _OF_DEPLOYMENT,
    "codedeploy:ListDeploymentInstances": _OF_DEPLOYMENT,
    # The reference has no type for it; hooks are given it for their group all the same:
    # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
    "codedeploy:PutLifecycleEventHookExecutionStatus": {"deploymentgroup": ("?", "deploymentId")},
    "dynamodb:CreateGlobalTable": _GLOBAL_TABLE,
    "dynamodb:DescribeContributorInsights": _INSIGHTS,
    "dynamodb:GetRecords": {"stream": ("ShardIterator",)},
    "dynamodb:ImportTable": {"table": ("TableCreationParameters.TableName",)},
    "dynamodb:RestoreTableFromBackup": {"backup": ("BackupArn",), "table": ("TargetTableName",)},
    "dynamodb:RestoreTableToPointInTime": {
        "table": ("+SourceTableArn", "+SourceTableName", "+TargetTableName"),
    },
    "dynamodb:SearchVectors": {"index": ("IndexName",)},
    "dynamodb:UpdateContributorInsights": _INSIGHTS,
    "dynamodb:UpdateGlobalTable": _GLOBAL_TABLE,
    "dynamodb:UpdateGlobalTableSettings": _GLOBAL_TABLE,
    "ec2:AcceptVpcPeeringConnection": {"vpc-peering-connection": ("VpcPeeringConnectionId",), "vpc": ("=*",)},
    "ec2:AllocateAddress": {
        "elastic-ip": ("=*",),
        "ipam-pool": ("?", "IpamPoolId"),
        "ipv4pool-ec2": ("?", "PublicIpv4Pool"),
    },
    "ec2:AssociateIpamResourceDiscovery": {
        "ipam": ("IpamId",),
        "ipam-resource-discovery": ("IpamResourceDiscoveryId",),
        "ipam-resource-discovery-association": ("=*",),
    },
    "ec2:CreateFlowLogs": {"vpc-flow-log": ("=*",), "vpc": ("ResourceIds[]",)},
    "ec2:CreateRestoreImageTask": {"image": ("=*",)},
    "ec2:CreateTags": {"instance": ("Resources[]",)},
    "ec2:DeleteTags": {"instance": ("Resources[]",)},
    "ec2:DisableFastSnapshotRestores": {"snapshot": ("SourceSnapshotIds[]",)},
    "ec2:DisableVgwRoutePropagation": {"route-table": ("RouteTableId",), "vpn-gateway": ("GatewayId",)},
    "ec2:DisassociateRouteTable": {"route-table": ("?", "AssociationId"), "subnet": ("?", "AssociationId")},
    "ec2:EnableFastSnapshotRestores": {"snapshot": ("SourceSnapshotIds[]",)},
    "ec2:EnableVgwRoutePropagation": {"route-table": ("RouteTableId",), "vpn-gateway": ("GatewayId",)},
    "ec2:ModifyInstanceCreditSpecification": {"instance": ("InstanceCreditSpecifications[].InstanceId",)},
    "ec2:ModifySecurityGroupRules": {
        "security-group": ("GroupId",),
        "security-group-rule": ("SecurityGroupRules[].SecurityGroupRuleId",),
    },
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
    "iam:CreateServiceLinkedRole": {"role": ("AWSServiceName",)},
    "iam:DeleteVirtualMFADevice": {"mfa": ("SerialNumber",)},
    "iam:GenerateServiceLastAccessedDetails": {"user": ("Arn",)},
    "iam:GetAccessKeyLastUsed": {"user": ("AccessKeyId",)},
    "iam:GetContextKeysForPrincipalPolicy": {"user": ("PolicySourceArn",)},
    "iam:GetServiceLinkedRoleDeletionStatus": {"role": ("DeletionTaskId",)},
    "iam:ListPoliciesGrantingServiceAccess": {"user": ("Arn",)},
    "iam:SimulatePrincipalPolicy": {"user": ("PolicySourceArn",)},
    "kinesis:DeregisterStreamConsumer": {"consumer": ("ConsumerARN", "StreamARN")},
    "kinesis:DescribeStreamConsumer": {"consumer": ("ConsumerARN", "StreamARN")},
    "kinesis:GetRecords": {"stream": ("StreamARN", "ShardIterator")},
    "kms:DeleteAlias": {"alias": ("AliasName",), "key": ("?", "AliasName")},
    "kms:RetireGrant": {"key": ("?", "KeyId")},
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html: the key that the alias leaves, too.
    "kms:UpdateAlias": {"alias": ("AliasName",), "key": ("+TargetKeyId", "+AliasName")},
    "lambda:DeleteProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:DeleteResourcePolicy": _EITHER_POLICY,
    "lambda:GetProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:GetResourcePolicy": _EITHER_POLICY,
    "lambda:PutProvisionedConcurrencyConfig": {"function alias": ("FunctionName",)},
    "lambda:PutResourcePolicy": _EITHER_POLICY,
    "logs:DeleteDeliverySource": {"delivery-source": ("name",)},
    "logs:ListTagsForResource": _TAGGED_LOGS,
    "logs:ListTagsLogGroup": _TAGGED_LOGS,
    "logs:TagLogGroup": _TAGGED_LOGS,
    "logs:TagResource": _TAGGED_LOGS,
    "logs:UntagLogGroup": _TAGGED_LOGS,
    "logs:UntagResource": _TAGGED_LOGS,
    "logs:UpdateDeliveryConfiguration": {"delivery": ("id",)},
    "organizations:DescribeEffectivePolicy": {"account": ("TargetId", "=")},
    "organizations:MoveAccount": {"account": ("AccountId",), "organizationalunit": _PARENTS, "root": _PARENTS},
    "rds:ApplyPendingMaintenanceAction": _MAINTAINED,
    "rds:CreateCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:CreateTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:DeleteCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:DeleteTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:DescribeDBInstanceAutomatedBackups": {"auto-backup": ("DBInstanceAutomatedBackupsArn", "DbiResourceId", "=*")},
    "rds:DescribePendingMaintenanceActions": _MAINTAINED,
    "rds:ModifyActivityStream": {"db": ("ResourceArn",)},
    "rds:ModifyCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:ModifyTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:CopyDBClusterParameterGroup": {
        "cluster-pg": ("+SourceDBClusterParameterGroupIdentifier", "+TargetDBClusterParameterGroupIdentifier"),
    },
    "rds:CopyDBClusterSnapshot": {
        "cluster-snapshot": ("+SourceDBClusterSnapshotIdentifier", "+TargetDBClusterSnapshotIdentifier"),
    },
    "rds:CopyDBParameterGroup": {"pg": ("+SourceDBParameterGroupIdentifier", "+TargetDBParameterGroupIdentifier")},
    "rds:CopyDBSnapshot": {"snapshot": ("+SourceDBSnapshotIdentifier", "+TargetDBSnapshotIdentifier")},
    "rds:CopyOptionGroup": {"og": ("+SourceOptionGroupIdentifier", "+TargetOptionGroupIdentifier")},
    "rds:CreateDBInstanceReadReplica": {
        "db": ("+DBInstanceIdentifier", "+SourceDBInstanceIdentifier"),
        "cluster": ("?", "SourceDBClusterIdentifier"),
        "og": ("?", "OptionGroupName"),
        "pg": ("?", "DBParameterGroupName"),
        "subgrp": ("?", "DBSubnetGroupName"),
    },
    "rds:RestoreDBInstanceToPointInTime": {
        "db": ("+SourceDBInstanceIdentifier", "+TargetDBInstanceIdentifier"),
        "og": ("?", "OptionGroupName"),
        "pg": ("?", "DBParameterGroupName"),
        "subgrp": ("?", "DBSubnetGroupName"),
    },
    "rds:StartExportTask": {
        "cluster": ("?", "SourceArn"),
        "cluster-snapshot": ("?", "SourceArn"),
        "snapshot": ("?", "SourceArn"),
    },
    "secretsmanager:ValidateResourcePolicy": {"Secret": ("?", "SecretId")},
    "sns:Publish": {"topic": ("?", "+TopicArn", "+TargetArn")},
    "sqs:CancelMessageMoveTask": {"queue": ("TaskHandle",)},
    "ssm:AddTagsToResource": _SSM_TAGS,
    "ssm:CreateAssociation": {"association": ("=*",), "document": ("Name",), **_INSTANCES},
    "ssm:CreateAssociationBatch": {
        "document": ("Entries[].Name",),
        "instance": ("?", "Entries[].InstanceId"),
        "managed-instance": ("?", "Entries[].InstanceId"),
    },
    "ssm:DeleteAssociation": {"association": ("AssociationId", "=*")},
    "ssm:DescribeAssociation": {"association": ("AssociationId", "=*")},
    "ssm:DescribeEffectiveInstanceAssociations": _INSTANCES,
    "ssm:DescribeInstanceAssociationsStatus": _INSTANCES,
    "ssm:DescribeInstancePatchStates": _INSTANCES,
    "ssm:DescribeInstancePatches": _INSTANCES,
    "ssm:GetConnectionStatus": _INSTANCES,
    "ssm:GetDefaultPatchBaseline": {"patchbaseline": ("=*",)},
    "ssm:GetOpsSummary": {"resourcedatasync": ("SyncName", "=*")},
    "ssm:ListTagsForResource": _SSM_TAGS,
    "ssm:PutComplianceItems": _INSTANCES,
    "ssm:RemoveTagsFromResource": _SSM_TAGS,
    "ssm:SendCommand": {
        "document": ("DocumentName",),
        "instance": ("?", "InstanceIds[]", "=*"),
        "managed-instance": ("?", "InstanceIds[]"),
        "bucket": ("?", "OutputS3BucketName"),
    },
    "ssm:StartAutomationExecution": {"automation-execution": ("=*",), "document": ("DocumentName",)},
    "ssm:StartChangeRequestExecution": {"automation-execution": ("=*",), "document": ("DocumentName",)},
    "ssm:StartSession": {"document": ("?", "DocumentName"), **_INSTANCES},
    "ssm:UpdateAssociationStatus": {"document": ("Name",), **_INSTANCES},
    "states:CreateStateMachine": {"statemachine": ("name",)},
    "states:CreateStateMachineAlias": {"statemachine": ("routingConfiguration[].stateMachineVersionArn",)},
    "states:DescribeExecution": {"execution": ("executionArn",)},
    "states:ListExecutions": {"statemachine": ("?", "stateMachineArn"), "maprun": ("?", "mapRunArn")},
}

MAKERS: dict[str, Maker] = {
    "cloudformation:stack": _stack,
    "cloudformation:stackset": _stack_set,
    "cloudtrail:ListInsightsData/trail": as_given,
    "cloudtrail:ListTags/trail": as_given,
    "cloudtrail:StartQuery/eventdatastore": _queried_store,
    "codedeploy:BatchGetDeploymentInstances/deploymentgroup": _deployment,
    "codedeploy:BatchGetDeployments/deploymentgroup": _deployment,
    "codedeploy:GetDeployment/deploymentgroup": _deployment,
    "codedeploy:GetDeploymentInstance/deploymentgroup": _deployment,
    "codedeploy:ListDeploymentInstances/deploymentgroup": _deployment,
    "codedeploy:PutLifecycleEventHookExecutionStatus/deploymentgroup": _deployment,
    "dynamodb:GetRecords/stream": _stream_of_iterator,
    "dynamodb:index": _index,
    "dynamodb:table": _table,
    "ec2:CreateFlowLogs/vpc": _tagged_by_ec2,
    "ec2:CreateTags/instance": _tagged_by_ec2,
    "ec2:DeleteTags/instance": _tagged_by_ec2,
    "ec2:DisassociateRouteTable/route-table": _associated("ec2:associated-route-table"),
    "ec2:DisassociateRouteTable/subnet": _associated("ec2:associated-subnet"),
    "ec2:elastic-ip": _elastic_ip,
    "ec2:launch-template": _launch_template,
    "ec2:security-group": _security_group,
    "ecr:repository": _repository,
    "events:event-bus": _bus,
    "events:rule-on-custom-event-bus": _rule_on_custom,
    "events:rule-on-default-event-bus": _rule_on_default,
    "iam:CreateServiceLinkedRole/role": _service_linked_role,
    "iam:GenerateServiceLastAccessedDetails/user": as_given,
    "iam:GetAccessKeyLastUsed/user": _user_of_key,
    "iam:GetContextKeysForPrincipalPolicy/user": as_given,
    "iam:GetServiceLinkedRoleDeletionStatus/role": _role_being_deleted,
    "iam:ListPoliciesGrantingServiceAccess/user": as_given,
    "iam:SimulatePrincipalPolicy/user": as_given,
    "iam:group": _identity("iam:group"),
    "iam:instance-profile": _identity("iam:instance-profile"),
    "iam:mfa": _mfa,
    "iam:oidc-provider": _oidc_provider,
    "iam:policy": _policy,
    "iam:role": _identity("iam:role"),
    "iam:server-certificate": _identity("iam:server-certificate"),
    "iam:user": _user,
    "kinesis:consumer": _consumer,
    "kinesis:kmsKey": _key,
    "kinesis:stream": _kinesis_stream,
    "kms:DeleteAlias/key": _key_of_alias,
    "kms:alias": _alias,
    "kms:key": _key,
    "lambda:function": _function,
    "lambda:function alias": _function,
    "lambda:layer": _layer,
    "lambda:layerVersion": _layer_version,
    "logs:ListTagsForResource/log-group": _tagged_log_group,
    "logs:ListTagsLogGroup/log-group": _tagged_log_group,
    "logs:TagLogGroup/log-group": _tagged_log_group,
    "logs:TagResource/log-group": _tagged_log_group,
    "logs:UntagLogGroup/log-group": _tagged_log_group,
    "logs:UntagResource/log-group": _tagged_log_group,
    "logs:log-group": _log_group,
    "logs:log-stream": _log_stream,
    "organizations:account": _organizational("account"),
    "organizations:handshake": _organizational("handshake"),
    "organizations:organizationalunit": _organizational("ou"),
    "organizations:policy": _organizational("policy"),
    "organizations:root": _organizational("root"),
    "secretsmanager:Secret": _secret,
    "sns:topic": _topic,
    "sqs:CancelMessageMoveTask/queue": _moved_from,
    "sqs:queue": _queue,
    "ssm:AddTagsToResource/parameter": _tagged_by_ssm,
    "ssm:ListTagsForResource/parameter": _tagged_by_ssm,
    "ssm:RemoveTagsFromResource/parameter": _tagged_by_ssm,
    "ssm:document": _document,
    "ssm:instance": _instance,
    "ssm:managed-instance": _managed_instance,
    "ssm:parameter": _parameter,
    "ssm:servicesetting": _setting,
    "states:execution": as_given,
    "states:statemachine": _state_machine,
    "sts:role": _assumed,
    "sts:root-user": _root_user,
    "xray:group": _tracing_group,
}

#: What operations ask about that are about no single resource, where that is not `*`. Denials show it so:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html wants `log-group:*` for
#: logs:DescribeLogGroups, logs:DescribeResourcePolicies and logs:PutResourcePolicy.
WHOLE: dict[str, Callable[[Call], str]] = {
    "iam:ListGroups": _listed("group"),
    "iam:ListInstanceProfiles": _listed("instance-profile"),
    "iam:ListPolicies": _policies,
    "iam:ListRoles": _listed("role"),
    "iam:ListServerCertificates": _listed("server-certificate"),
    "iam:ListUsers": _listed("user"),
    "logs:DescribeLogGroups": log_groups,
    "logs:DescribeResourcePolicies": log_groups,
    "logs:PutResourcePolicy": log_groups,
}

#: Types of the reference that the service looks at by itself, or that belong to another's actions.
NOT_ASKED: dict[str, tuple[str, ...]] = {
    "cloudformation": ("stackset-target", "type", "typeHook"),
    "cognito-idp": ("webacl",),
    "events": ("alias", "key", "event-busv2", "event-sourcev2", "subscriber"),
    "ssm": ("automation-definition", "task"),
}
