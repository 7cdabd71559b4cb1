"""IAM: roles, users, groups, and instance profiles. Their policies that are resources by themselves: iam_policies.py.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types import tagging
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import ResourceType, Work, gone

_LONGEST = {"Role": 64, "User": 64, "Group": 128}


def take(work: Work, operation: str, **parameters: Any) -> None:
    """A call that takes something away; if it is gone already, all is well."""
    try:
        work.call("iam", operation, **parameters)
    except ClientError as error:
        if not gone(error):
            raise


# -- what roles, users and groups have in common: `kind` is Role, User or Group ---------------------------------


def _inline(policies: Any) -> dict[str, str]:
    return {one["PolicyName"]: document(one["PolicyDocument"]) for one in policies or ()}


def _put_policies(work: Work, kind: str) -> None:
    """Bring inline and managed policies from those before to those of the template."""
    named = {f"{kind}Name": work.physical_id}
    before, after = _inline(work.before.get("Policies")), _inline(work["Policies"])
    for name, text in after.items():
        if before.get(name) != text:
            work.call("iam", f"Put{kind}Policy", **named, PolicyName=name, PolicyDocument=text)
    for name in before.keys() - after.keys():
        take(work, f"Delete{kind}Policy", **named, PolicyName=name)
    attached, wanted = work.before.get("ManagedPolicyArns") or [], work["ManagedPolicyArns"] or []
    for arn in dict.fromkeys(wanted):
        if arn not in attached:
            work.call("iam", f"Attach{kind}Policy", **named, PolicyArn=arn)
    for arn in dict.fromkeys(attached):
        if arn not in wanted:
            take(work, f"Detach{kind}Policy", **named, PolicyArn=arn)


def _take_policies(work: Work, kind: str) -> None:
    named = {f"{kind}Name": work.physical_id}
    for name in _inline(work["Policies"]):
        take(work, f"Delete{kind}Policy", **named, PolicyName=name)
    for arn in dict.fromkeys(work["ManagedPolicyArns"] or []):
        take(work, f"Detach{kind}Policy", **named, PolicyArn=arn)


def _change_boundary_and_tags(work: Work, kind: str) -> None:
    named = {f"{kind}Name": work.physical_id}
    if "PermissionsBoundary" in work.changed:
        if work["PermissionsBoundary"] is None:
            work.call("iam", f"Delete{kind}PermissionsBoundary", **named)
        else:
            boundary = work["PermissionsBoundary"]
            work.call("iam", f"Put{kind}PermissionsBoundary", **named, PermissionsBoundary=boundary)
    added, removed = work.tag_changes()
    if tagging.own(added):
        work.call("iam", f"Tag{kind}", **named, Tags=tagging.pairs(tagging.own(added)))
    if removed:
        work.call("iam", f"Untag{kind}", **named, TagKeys=removed)


def _create(work: Work, kind: str, **parameters: Any) -> str:
    name = work.name(f"{kind}Name", _LONGEST[kind])
    work.call("iam", f"Create{kind}", **{f"{kind}Name": name}, Path=work["Path"], **parameters)
    work.made(name)
    _put_policies(work, kind)
    return name


def _delete(work: Work, kind: str) -> None:
    _take_policies(work, kind)
    work.call("iam", f"Delete{kind}", **{f"{kind}Name": work.physical_id})


def _arn(work: Work, kind: str) -> str:
    path = work["Path"] or "/"
    return f"arn:{work.stack.partition}:iam::{work.stack.account}:{kind}{path}{work.physical_id}"


# -- roles -------------------------------------------------------------------------------------------------


def _create_role(work: Work) -> str:
    return _create(
        work,
        "Role",
        AssumeRolePolicyDocument=document(work["AssumeRolePolicyDocument"]),
        Description=work["Description"],
        MaxSessionDuration=work["MaxSessionDuration"],
        PermissionsBoundary=work["PermissionsBoundary"],
        Tags=tagging.own_list(work),
    )


def _update_role(work: Work) -> None:
    name, changed = work.physical_id, work.changed
    if "AssumeRolePolicyDocument" in changed:
        trust = document(work["AssumeRolePolicyDocument"])
        work.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=trust)
    if changed & {"Description", "MaxSessionDuration"}:
        work.call(
            "iam",
            "UpdateRole",
            RoleName=name,
            Description=work["Description"] or "",
            MaxSessionDuration=work["MaxSessionDuration"] or 3600,
        )
    _put_policies(work, "Role")
    _change_boundary_and_tags(work, "Role")


def _role_attributes(work: Work) -> Mapping[str, Any]:
    role = work.call("iam", "GetRole", RoleName=work.physical_id)["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


ROLE = ResourceType(
    "AWS::IAM::Role",
    create=_create_role,
    update=_update_role,
    delete=lambda work: _delete(work, "Role"),
    attributes=_role_attributes,
    named="RoleName",
)


# -- users -------------------------------------------------------------------------------------------------


def _create_user(work: Work) -> str:
    tags = tagging.own_list(work)
    name = _create(work, "User", PermissionsBoundary=work["PermissionsBoundary"], Tags=tags)
    _join_groups(work)
    return name


def _join_groups(work: Work) -> None:
    before, after = work.before.get("Groups") or [], work["Groups"] or []
    for group in after:
        if group not in before:
            work.call("iam", "AddUserToGroup", GroupName=group, UserName=work.physical_id)
    for group in before:
        if group not in after:
            take(work, "RemoveUserFromGroup", GroupName=group, UserName=work.physical_id)


def _update_user(work: Work) -> None:
    if "Path" in work.changed:
        work.call("iam", "UpdateUser", UserName=work.physical_id, NewPath=work["Path"] or "/")
    _put_policies(work, "User")
    _join_groups(work)
    _change_boundary_and_tags(work, "User")


def _delete_user(work: Work) -> None:
    for group in work["Groups"] or ():
        take(work, "RemoveUserFromGroup", GroupName=group, UserName=work.physical_id)
    _delete(work, "User")


USER = ResourceType(
    "AWS::IAM::User",
    create=_create_user,
    update=_update_user,
    delete=_delete_user,
    attributes=lambda work: {"Arn": _arn(work, "user")},
    named="UserName",
    refused={"LoginProfile": "there is no console to sign in to"},
)


# -- groups ------------------------------------------------------------------------------------------------


def _update_group(work: Work) -> None:
    if "Path" in work.changed:
        work.call("iam", "UpdateGroup", GroupName=work.physical_id, NewPath=work["Path"] or "/")
    _put_policies(work, "Group")


GROUP = ResourceType(
    "AWS::IAM::Group",
    create=lambda work: _create(work, "Group"),
    update=_update_group,
    delete=lambda work: _delete(work, "Group"),
    attributes=lambda work: {"Arn": _arn(work, "group")},
    named="GroupName",
)


# -- instance profiles -------------------------------------------------------------------------------------


def _create_profile(work: Work) -> str:
    name = work.name("InstanceProfileName", 128)
    work.call("iam", "CreateInstanceProfile", InstanceProfileName=name, Path=work["Path"])
    work.made(name)
    for role in work["Roles"]:
        work.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)
    return name


def _update_profile(work: Work) -> None:
    name = work.physical_id
    # A profile takes one role: the old one goes first.
    for role in work.before.get("Roles") or ():
        if role not in work["Roles"]:
            take(work, "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role)
    for role in work["Roles"]:
        if role not in (work.before.get("Roles") or ()):
            work.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)


def _delete_profile(work: Work) -> None:
    for role in work["Roles"]:
        take(work, "RemoveRoleFromInstanceProfile", InstanceProfileName=work.physical_id, RoleName=role)
    work.call("iam", "DeleteInstanceProfile", InstanceProfileName=work.physical_id)


INSTANCE_PROFILE = ResourceType(
    "AWS::IAM::InstanceProfile",
    create=_create_profile,
    update=_update_profile,
    delete=_delete_profile,
    attributes=lambda work: {"Arn": _arn(work, "instance-profile")},
    named="InstanceProfileName",
)


# -- access keys -------------------------------------------------------------------------------------------
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-accesskey.html


def _create_key(work: Work) -> str:
    # A template counts Serial up to get another key; the API knows nothing of it.
    work.properties.get("Serial")
    key = work.call("iam", "CreateAccessKey", UserName=work["UserName"])["AccessKey"]
    work.made(key["AccessKeyId"])
    # Nobody is told it again.
    work.found, work.secret = {"SecretAccessKey": key["SecretAccessKey"]}, True
    _set_key_status(work)
    return str(key["AccessKeyId"])


def _set_key_status(work: Work) -> None:
    status = work["Status"] or "Active"
    if status != (work.before.get("Status") or "Active"):
        work.call("iam", "UpdateAccessKey", UserName=work["UserName"], AccessKeyId=work.physical_id, Status=status)


def _update_key(work: Work) -> None:
    work.secret = True
    _set_key_status(work)


ACCESS_KEY = ResourceType(
    "AWS::IAM::AccessKey",
    create=_create_key,
    update=_update_key,
    delete=lambda work: take(work, "DeleteAccessKey", UserName=work["UserName"], AccessKeyId=work.physical_id),
    attributes=lambda work: work.found,
)

TYPES = (ROLE, USER, GROUP, INSTANCE_PROFILE, ACCESS_KEY)
