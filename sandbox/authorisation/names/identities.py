"""How IAM, STS and Organizations name their resources in calls."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.authorisation import arns
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import Kind, LookUp
from sandbox.authorisation.names.maker import Maker, Paths, as_given
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call


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


NAMES: dict[str, Paths] = {
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
    "organizations:account": ("AccountId", "TargetId", "ChildId", "ResourceId", "Target.Id"),
    "organizations:handshake": ("HandshakeId",),
    "organizations:organizationalunit": ("OrganizationalUnitId", "ParentId", "TargetId", "ChildId", "ResourceId"),
    "organizations:policy": ("PolicyId", "ResourceId"),
    "organizations:root": ("RootId", "ParentId", "TargetId", "ResourceId"),
    "sts:federated-user": ("Name",),
    "sts:role": ("RoleArn",),
    "sts:root-user": ("TargetPrincipal",),
}

_PARENTS = ("?", "+SourceParentId", "+DestinationParentId")

RULES: dict[str, dict[str, Paths]] = {
    "iam:CreateServiceLinkedRole": {"role": ("AWSServiceName",)},
    "iam:DeleteVirtualMFADevice": {"mfa": ("SerialNumber",)},
    "iam:GenerateServiceLastAccessedDetails": {"user": ("Arn",)},
    "iam:GetAccessKeyLastUsed": {"user": ("AccessKeyId",)},
    "iam:GetContextKeysForPrincipalPolicy": {"user": ("PolicySourceArn",)},
    "iam:GetServiceLinkedRoleDeletionStatus": {"role": ("DeletionTaskId",)},
    "iam:ListPoliciesGrantingServiceAccess": {"user": ("Arn",)},
    "iam:SimulatePrincipalPolicy": {"user": ("PolicySourceArn",)},
    "organizations:DescribeEffectivePolicy": {"account": ("TargetId", "=")},
    "organizations:MoveAccount": {"account": ("AccountId",), "organizationalunit": _PARENTS, "root": _PARENTS},
}

MAKERS: dict[str, Maker] = {
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
    "organizations:account": _organizational("account"),
    "organizations:handshake": _organizational("handshake"),
    "organizations:organizationalunit": _organizational("ou"),
    "organizations:policy": _organizational("policy"),
    "organizations:root": _organizational("root"),
    "sts:role": as_given,
    "sts:root-user": _root_user,
}

WHOLE: dict[str, Callable[[Call], str]] = {
    "iam:ListGroups": _listed("group"),
    "iam:ListInstanceProfiles": _listed("instance-profile"),
    "iam:ListPolicies": _policies,
    "iam:ListRoles": _listed("role"),
    "iam:ListServerCertificates": _listed("server-certificate"),
    "iam:ListUsers": _listed("user"),
}
