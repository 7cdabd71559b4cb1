"""IAM: policies that are resources by themselves, and OpenID Connect providers.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types import tagging
from sandbox.templates.types.fitting import document
from sandbox.templates.types.iam import take
from sandbox.templates.types.resource_type import Failed, ResourceType, Work

#: The properties that list who gets a policy, and the kind of entity that each lists.
_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}

#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MOST_VERSIONS = 5


def _holders(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind, name) of those who get a policy."""
    return [(kind, name) for prop, kind in _HOLDERS.items() for name in properties.get(prop) or ()]


# -- inline policies -----------------------------------------------------------------------------------------


def _put_inline(work: Work) -> None:
    holders = _holders(work.properties)
    if not holders:
        # In CloudFormation's words, as users report them.
        raise Failed("At least one of [Groups,Roles,Users] must be non-empty.", "InvalidRequest")
    name, text = work["PolicyName"], document(work["PolicyDocument"])
    for kind, holder in holders:
        work.call("iam", f"Put{kind}Policy", **{f"{kind}Name": holder}, PolicyName=name, PolicyDocument=text)
    before = work.before.get("PolicyName")
    for kind, holder in _holders(work.before):
        if before != name or (kind, holder) not in holders:
            take(work, f"Delete{kind}Policy", **{f"{kind}Name": holder}, PolicyName=before)


def _create_inline(work: Work) -> str:
    made = work.made(work.generated(128))
    _put_inline(work)
    return made


def _delete_inline(work: Work) -> None:
    for kind, holder in _holders(work.properties):
        take(work, f"Delete{kind}Policy", **{f"{kind}Name": holder}, PolicyName=work["PolicyName"])


POLICY = ResourceType(
    "AWS::IAM::Policy",
    create=_create_inline,
    update=_put_inline,
    delete=_delete_inline,
    attributes=lambda work: {"Id": work.physical_id},
)


# -- managed policies ----------------------------------------------------------------------------------------


def _create_managed(work: Work) -> str:
    answer = work.call(
        "iam",
        "CreatePolicy",
        PolicyName=work.name("ManagedPolicyName", 128),
        Path=work["Path"],
        Description=work["Description"],
        PolicyDocument=document(work["PolicyDocument"]),
    )
    arn = work.made(str(answer["Policy"]["Arn"]))
    _attach(work)
    return arn


def _attach(work: Work) -> None:
    before, after = _holders(work.before), _holders(work.properties)
    for kind, holder in after:
        if (kind, holder) not in before:
            work.call("iam", f"Attach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=work.physical_id)
    for kind, holder in before:
        if (kind, holder) not in after:
            take(work, f"Detach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=work.physical_id)


def _update_managed(work: Work) -> None:
    arn = work.physical_id
    if "PolicyDocument" in work.changed:
        versions = _other_versions(work)
        if len(versions) + 1 >= _MOST_VERSIONS:
            work.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=versions[0])
        text = document(work["PolicyDocument"])
        work.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    _attach(work)


def _other_versions(work: Work) -> list[str]:
    """All but the default version, the oldest first."""
    versions = work.call("iam", "ListPolicyVersions", PolicyArn=work.physical_id)["Versions"]
    found = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
    return sorted(found, key=lambda version: int(version[1:]))


def _delete_managed(work: Work) -> None:
    for kind, holder in _holders(work.properties):
        take(work, f"Detach{kind}Policy", **{f"{kind}Name": holder}, PolicyArn=work.physical_id)
    for version in _other_versions(work):
        take(work, "DeletePolicyVersion", PolicyArn=work.physical_id, VersionId=version)
    work.call("iam", "DeletePolicy", PolicyArn=work.physical_id)


def _managed_attributes(work: Work) -> Mapping[str, Any]:
    policy = work.call("iam", "GetPolicy", PolicyArn=work.physical_id)["Policy"]
    return {
        "AttachmentCount": policy["AttachmentCount"],
        "CreateDate": policy["CreateDate"].isoformat(),
        "DefaultVersionId": policy["DefaultVersionId"],
        "IsAttachable": policy["IsAttachable"],
        "PermissionsBoundaryUsageCount": policy.get("PermissionsBoundaryUsageCount", 0),
        "PolicyArn": policy["Arn"],
        "PolicyId": policy["PolicyId"],
        "UpdateDate": policy["UpdateDate"].isoformat(),
    }


MANAGED_POLICY = ResourceType(
    "AWS::IAM::ManagedPolicy",
    create=_create_managed,
    update=_update_managed,
    delete=_delete_managed,
    attributes=_managed_attributes,
    named="ManagedPolicyName",
)


# -- OpenID Connect providers --------------------------------------------------------------------------------


def _create_provider(work: Work) -> str:
    answer = work.call(
        "iam",
        "CreateOpenIDConnectProvider",
        Url=work["Url"],
        ClientIDList=work["ClientIdList"],
        ThumbprintList=work["ThumbprintList"],
        Tags=tagging.own_list(work),
    )
    return str(answer["OpenIDConnectProviderArn"])


def _update_provider(work: Work) -> None:
    named = {"OpenIDConnectProviderArn": work.physical_id}
    before, after = work.before.get("ClientIdList") or [], work["ClientIdList"] or []
    for client in after:
        if client not in before:
            work.call("iam", "AddClientIDToOpenIDConnectProvider", **named, ClientID=client)
    for client in before:
        if client not in after:
            take(work, "RemoveClientIDFromOpenIDConnectProvider", **named, ClientID=client)
    # Without a list AWS would look the thumbprint up anew; nothing is looked up here, so the old one stays.
    if "ThumbprintList" in work.changed and work["ThumbprintList"]:
        work.call("iam", "UpdateOpenIDConnectProviderThumbprint", **named, ThumbprintList=work["ThumbprintList"])
    added, removed = work.tag_changes()
    if tagging.own(added):
        work.call("iam", "TagOpenIDConnectProvider", **named, Tags=tagging.pairs(tagging.own(added)))
    if removed:
        work.call("iam", "UntagOpenIDConnectProvider", **named, TagKeys=removed)


OIDC_PROVIDER = ResourceType(
    "AWS::IAM::OIDCProvider",
    create=_create_provider,
    update=_update_provider,
    delete=lambda work: work.call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=work.physical_id),
    attributes=lambda work: {"Arn": work.physical_id},
)

TYPES = (POLICY, MANAGED_POLICY, OIDC_PROVIDER)
