"""AWS Organizations: the operations by which the management account reads and changes the organization.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.access import grammar
from sandbox.access.policy import MalformedPolicy
from sandbox.authorisation.organization import (
    ACCESS_ROLE,
    RESOURCE_CONTROL,
    SERVICE_CONTROL,
    ControlPolicy,
    Node,
    Organization,
    PolicyType,
    letters,
)
from sandbox.gateway.call import AwsError, Call, Operation

#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
MAX_ACCOUNTS = 10
MAX_UNIT_DEPTH = 5
MAX_POLICY_CHARACTERS = 5_120
MAX_ATTACHED = 5
_PAGE = 20
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+", re.ASCII)
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)

#: Makes an account, with a role of this name in it that trusts the management account.
OpenAccount = Callable[[str, str], None]

#: What a member account may ask. https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
_FOR_MEMBERS = frozenset({"DescribeOrganization"})
_ONE_ORGANIZATION = "the sandbox has one organization, from its start to its end"


class Organizations:
    """The service organizations. `open_account` makes what CreateAccount is asked for."""

    name = "organizations"
    whole = True
    refused: Mapping[str, str] = {
        "CloseAccount": "accounts stay until the sandbox ends",
        "CreateGovCloudAccount": "there is no other partition",
        "CreateOrganization": _ONE_ORGANIZATION,
        "DeleteOrganization": _ONE_ORGANIZATION,
        "InviteAccountToOrganization": "there is no account outside the organization; CreateAccount makes one in it",
        "LeaveOrganization": "there is nothing outside the organization that an account could go to",
        "RemoveAccountFromOrganization": "there is nothing outside the organization that an account could go to",
    }

    def __init__(self, organization: Organization, open_account: OpenAccount) -> None:
        self._organization = organization
        self._open_account = open_account
        self._requests: dict[str, tuple[Node, datetime]] = {}
        operations: dict[str, Operation] = {
            "AttachPolicy": self._attach_policy,
            "CreateAccount": self._create_account,
            "CreateOrganizationalUnit": self._create_unit,
            "CreatePolicy": self._create_policy,
            "DeleteOrganizationalUnit": self._delete_unit,
            "DeletePolicy": self._delete_policy,
            "DescribeAccount": self._describe_account,
            "DescribeCreateAccountStatus": self._describe_status,
            "DescribeOrganization": self._describe_organization,
            "DescribeOrganizationalUnit": self._describe_unit,
            "DescribePolicy": self._describe_policy,
            "DetachPolicy": self._detach_policy,
            "DisablePolicyType": self._disable_type,
            "EnablePolicyType": self._enable_type,
            "ListAccounts": self._list_accounts,
            "ListAccountsForParent": self._list_accounts_for_parent,
            "ListChildren": self._list_children,
            "ListCreateAccountStatus": self._list_statuses,
            "ListOrganizationalUnitsForParent": self._list_units_for_parent,
            "ListParents": self._list_parents,
            "ListPolicies": self._list_policies,
            "ListPoliciesForTarget": self._list_policies_for_target,
            "ListRoots": self._list_roots,
            "ListTagsForResource": self._list_tags,
            "ListTargetsForPolicy": self._list_targets,
            "MoveAccount": self._move_account,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateOrganizationalUnit": self._update_unit,
            "UpdatePolicy": self._update_policy,
        }
        self.operations: Mapping[str, Operation] = {
            name: self._for_the_management(name, operation) for name, operation in operations.items()
        }

    def _for_the_management(self, name: str, operation: Operation) -> Operation:
        def answer(call: Call) -> Mapping[str, Any] | None:
            if name not in _FOR_MEMBERS and call.principal.account != self._organization.management:
                raise AwsError("AccessDeniedException", "You don't have permissions to access this resource.")
            with self._organization.lock:
                return operation(call)

        return answer

    # -- the organization and its root -----------------------------------------------------------------

    def _describe_organization(self, call: Call) -> Mapping[str, Any]:
        organization = self._organization
        management = organization.nodes[organization.management]
        return {
            "Organization": {
                "Id": organization.id,
                "Arn": organization.arn,
                "FeatureSet": "ALL",
                "MasterAccountArn": management.arn,
                "MasterAccountId": management.id,
                "MasterAccountEmail": management.email,
                "AvailablePolicyTypes": self._types(),
            }
        }

    def _list_roots(self, call: Call) -> Mapping[str, Any]:
        return _page(call.params, "Roots", [self._root()])

    def _root(self) -> dict[str, Any]:
        return {**_named(self._organization.root), "PolicyTypes": self._types()}

    def _types(self) -> list[dict[str, str]]:
        return [{"Type": kind, "Status": "ENABLED"} for kind in self._organization.enabled]

    def _enable_type(self, call: Call) -> Mapping[str, Any]:
        kind = self._root_and_type(call)
        if kind in self._organization.enabled:
            raise AwsError("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
        self._organization.enable(kind)
        return {"Root": self._root()}

    def _disable_type(self, call: Call) -> Mapping[str, Any]:
        kind = self._root_and_type(call)
        if kind not in self._organization.enabled:
            raise _not_enabled()
        self._organization.disable(kind)
        return {"Root": self._root()}

    def _root_and_type(self, call: Call) -> PolicyType:
        if call.params.get("RootId") != self._organization.root.id:
            raise AwsError("RootNotFoundException", "You specified a root that doesn't exist.")
        return _policy_type(call.params.get("PolicyType"))

    # -- accounts --------------------------------------------------------------------------------------

    def _create_account(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        email, name = _text(params, "Email"), _text(params, "AccountName")
        role = str(params.get("RoleName") or ACCESS_ROLE)
        if not _EMAIL.fullmatch(email):
            raise _invalid("INVALID_EMAIL_ADDRESS_TARGET", f"You specified an invalid email address: {email!r}.")
        if not _ROLE_NAME.fullmatch(role):
            raise _invalid("INVALID_ROLE_NAME", f"You specified an invalid role name: {role!r}.")
        accounts = self._accounts()
        if len(accounts) >= MAX_ACCOUNTS:
            raise _constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
        if any(node.email == email for node in accounts):
            raise _invalid(
                "INVALID_EMAIL_ADDRESS_TARGET", f"An account of this organization has the email {email} already."
            )
        account = _new_account_id(self._organization)
        self._open_account(account, role)
        node = self._organization.add_account(account, name, email)
        node.tags.update(_tags(params))
        request = "car-" + letters(32)
        self._requests[request] = (node, call.time)
        # The answer comes before the account does: as in AWS, the status tells its id.
        status = {"Id": request, "AccountName": name, "State": "IN_PROGRESS", "RequestedTimestamp": call.time}
        return {"CreateAccountStatus": status}

    def _describe_status(self, call: Call) -> Mapping[str, Any]:
        request = _text(call.params, "CreateAccountRequestId")
        if request not in self._requests:
            raise AwsError("CreateAccountStatusNotFoundException", "You specified a request that doesn't exist.")
        return {"CreateAccountStatus": self._status(request)}

    def _list_statuses(self, call: Call) -> Mapping[str, Any]:
        states = call.params.get("States") or ["SUCCEEDED"]
        found = [self._status(request) for request in self._requests] if "SUCCEEDED" in states else []
        return _page(call.params, "CreateAccountStatuses", found)

    def _status(self, request: str) -> dict[str, Any]:
        node, asked = self._requests[request]
        return {
            "Id": request,
            "AccountName": node.name,
            "State": "SUCCEEDED",
            "RequestedTimestamp": asked,
            "CompletedTimestamp": node.joined,
            "AccountId": node.id,
        }

    def _accounts(self) -> list[Node]:
        return [node for node in self._organization.nodes.values() if node.type == "ACCOUNT"]

    def _account(self, account: str) -> Node:
        node = self._organization.nodes.get(account)
        if node is None or node.type != "ACCOUNT":
            raise AwsError("AccountNotFoundException", "You specified an account that doesn't exist.")
        return node

    def _account_shape(self, node: Node) -> dict[str, Any]:
        return {
            **_named(node),
            "Email": node.email,
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "Paths": list(self._organization.paths(node.id)),
            "JoinedMethod": node.joined_method,
            "JoinedTimestamp": node.joined,
        }

    def _describe_account(self, call: Call) -> Mapping[str, Any]:
        return {"Account": self._account_shape(self._account(_text(call.params, "AccountId")))}

    def _list_accounts(self, call: Call) -> Mapping[str, Any]:
        return _page(call.params, "Accounts", [self._account_shape(node) for node in self._accounts()])

    def _list_accounts_for_parent(self, call: Call) -> Mapping[str, Any]:
        parent = self._parent(_text(call.params, "ParentId"))
        found = [self._account_shape(node) for node in self._accounts() if node.parent is parent]
        return _page(call.params, "Accounts", found)

    def _move_account(self, call: Call) -> None:
        node = self._account(_text(call.params, "AccountId"))
        source = self._parent(_text(call.params, "SourceParentId"), "SourceParentNotFoundException")
        target = self._parent(_text(call.params, "DestinationParentId"), "DestinationParentNotFoundException")
        if node.parent is not source:
            raise AwsError("SourceParentNotFoundException", "The account is not below the source that you specified.")
        if target is source:
            raise AwsError("DuplicateAccountException", "That account is already present in the specified destination.")
        node.parent = target
        self._organization.changed()

    # -- organizational units --------------------------------------------------------------------------

    def _parent(self, node_id: str, code: str = "ParentNotFoundException") -> Node:
        node = self._organization.nodes.get(node_id)
        if node is None or node.type == "ACCOUNT":
            raise AwsError(code, "We can't find a root or OU with the ParentId that you specified.")
        return node

    def _unit(self, call: Call) -> Node:
        node = self._organization.nodes.get(_text(call.params, "OrganizationalUnitId"))
        if node is None or node.type != "ORGANIZATIONAL_UNIT":
            raise AwsError(
                "OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist."
            )
        return node

    def _children(self, parent: Node) -> list[Node]:
        return [node for node in self._organization.nodes.values() if node.parent is parent]

    def _free_name(self, parent: Node, name: str) -> str:
        if not 1 <= len(name) <= 128:
            raise _invalid("MAX_LENGTH_EXCEEDED", "An organizational unit's name has 1 to 128 characters.")
        if any(node.type == "ORGANIZATIONAL_UNIT" and node.name == name for node in self._children(parent)):
            raise AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
        return name

    def _create_unit(self, call: Call) -> Mapping[str, Any]:
        parent = self._parent(_text(call.params, "ParentId"))
        if len(list(parent.line())) > MAX_UNIT_DEPTH:
            raise _constraint("OU_DEPTH_LIMIT_EXCEEDED", "You exceeded the maximum number of levels of OUs.")
        node = self._organization.add_unit(parent, self._free_name(parent, _text(call.params, "Name")))
        node.tags.update(_tags(call.params))
        return {"OrganizationalUnit": self._unit_shape(node)}

    def _update_unit(self, call: Call) -> Mapping[str, Any]:
        node = self._unit(call)
        name = call.params.get("Name")
        if name and name != node.name and node.parent is not None:
            node.name = self._free_name(node.parent, str(name))
        return {"OrganizationalUnit": self._unit_shape(node)}

    def _delete_unit(self, call: Call) -> None:
        node = self._unit(call)
        if self._children(node):
            raise AwsError(
                "OrganizationalUnitNotEmptyException", "The OU still has accounts or OUs: move or delete them first."
            )
        del self._organization.nodes[node.id]
        self._organization.changed()

    def _describe_unit(self, call: Call) -> Mapping[str, Any]:
        return {"OrganizationalUnit": self._unit_shape(self._unit(call))}

    def _unit_shape(self, node: Node) -> dict[str, Any]:
        return _named(node)

    def _list_units_for_parent(self, call: Call) -> Mapping[str, Any]:
        children = self._children(self._parent(_text(call.params, "ParentId")))
        found = [self._unit_shape(node) for node in children if node.type == "ORGANIZATIONAL_UNIT"]
        return _page(call.params, "OrganizationalUnits", found)

    def _list_children(self, call: Call) -> Mapping[str, Any]:
        kind = call.params.get("ChildType")
        if kind not in ("ACCOUNT", "ORGANIZATIONAL_UNIT"):
            raise _invalid("INVALID_ENUM", "You specified an invalid value for ChildType.")
        children = self._children(self._parent(_text(call.params, "ParentId")))
        return _page(
            call.params, "Children", [{"Id": node.id, "Type": node.type} for node in children if node.type == kind]
        )

    def _list_parents(self, call: Call) -> Mapping[str, Any]:
        node = self._organization.nodes.get(_text(call.params, "ChildId"))
        if node is None or node.parent is None:
            raise AwsError(
                "ChildNotFoundException", "We can't find an organizational unit or account with the ChildId."
            )
        return _page(call.params, "Parents", [{"Id": node.parent.id, "Type": node.parent.type}])

    # -- policies --------------------------------------------------------------------------------------

    def _policy(self, call: Call) -> ControlPolicy:
        policy = self._organization.policies.get(_text(call.params, "PolicyId"))
        if policy is None:
            raise AwsError("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
        return policy

    def _own_policy(self, call: Call) -> ControlPolicy:
        policy = self._policy(call)
        if policy.aws_managed:
            raise _invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
        return policy

    def _free_policy_name(self, kind: PolicyType, name: str, but: ControlPolicy | None = None) -> str:
        if not 1 <= len(name) <= 128:
            raise _invalid("MAX_LENGTH_EXCEEDED", "A policy's name has 1 to 128 characters.")
        if any(
            each.type == kind and each.name == name and each is not but for each in self._organization.policies.values()
        ):
            raise AwsError("DuplicatePolicyException", "A policy with the same name already exists.")
        return name

    def _create_policy(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        kind = _policy_type(params.get("Type"))
        name = self._free_policy_name(kind, _text(params, "Name"))
        document = _document(kind, params.get("Content"))
        policy = self._organization.add_policy(kind, name, str(params.get("Description") or ""), document)
        policy.tags.update(_tags(params))
        return {"Policy": _policy_shape(policy)}

    def _update_policy(self, call: Call) -> Mapping[str, Any]:
        policy, params = self._own_policy(call), call.params
        name = self._free_policy_name(policy.type, str(params.get("Name") or policy.name), policy)
        document = policy.document if params.get("Content") is None else _document(policy.type, params["Content"])
        description = params.get("Description")
        policy.name, policy.document = name, document
        policy.description = policy.description if description is None else str(description)
        self._organization.changed()
        return {"Policy": _policy_shape(policy)}

    def _delete_policy(self, call: Call) -> None:
        policy = self._own_policy(call)
        if self._holders(policy):
            raise AwsError(
                "PolicyInUseException",
                "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts "
                "before performing this operation.",
            )
        del self._organization.policies[policy.id]

    def _describe_policy(self, call: Call) -> Mapping[str, Any]:
        return {"Policy": _policy_shape(self._policy(call))}

    def _list_policies(self, call: Call) -> Mapping[str, Any]:
        kind = _policy_type(call.params.get("Filter"))
        found = [_summary(policy) for policy in self._organization.policies.values() if policy.type == kind]
        return _page(call.params, "Policies", found)

    def _holders(self, policy: ControlPolicy) -> list[Node]:
        return [node for node in self._organization.nodes.values() if policy in node.policies]

    def _target(self, call: Call, parameter: str = "TargetId") -> Node:
        node = self._organization.nodes.get(_text(call.params, parameter))
        if node is None:
            raise AwsError(
                "TargetNotFoundException", "We can't find a root, OU, or account with the TargetId that you specified."
            )
        return node

    def _attach_policy(self, call: Call) -> None:
        policy, node = self._policy(call), self._target(call)
        if policy.type not in self._organization.enabled:
            raise _not_enabled()
        if policy in node.policies:
            raise AwsError(
                "DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target."
            )
        if sum(each.type == policy.type for each in node.policies) >= MAX_ATTACHED:
            raise _constraint(
                "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                "You have attached the maximum number of policies of that type to the specified target.",
            )
        node.policies.append(policy)
        self._organization.changed()

    def _detach_policy(self, call: Call) -> None:
        policy, node = self._policy(call), self._target(call)
        if policy not in node.policies:
            raise AwsError(
                "PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root."
            )
        if policy.aws_managed and policy.type == RESOURCE_CONTROL:
            raise _invalid("NON_DETACHABLE_POLICY", f"You can't detach the policy {policy.name}.")
        if sum(each.type == policy.type for each in node.policies) == 1:
            raise _constraint(
                "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
                "You cannot remove the last policy attached to the specified target. You must have at least one "
                "attached at all times.",
            )
        node.policies.remove(policy)
        self._organization.changed()

    def _list_policies_for_target(self, call: Call) -> Mapping[str, Any]:
        kind = _policy_type(call.params.get("Filter"))
        found = [_summary(policy) for policy in self._target(call).policies if policy.type == kind]
        return _page(call.params, "Policies", found)

    def _list_targets(self, call: Call) -> Mapping[str, Any]:
        found = [
            {"TargetId": node.id, "Arn": node.arn, "Name": node.name, "Type": node.type}
            for node in self._holders(self._policy(call))
        ]
        return _page(call.params, "Targets", found)

    # -- tags ------------------------------------------------------------------------------------------

    def _tagged(self, call: Call) -> Node | ControlPolicy:
        policy = self._organization.policies.get(str(call.params.get("ResourceId")))
        return policy if policy is not None else self._target(call, "ResourceId")

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(call).tags.items()]}

    def _tag(self, call: Call) -> None:
        self._tagged(call).tags.update(_tags(call.params))

    def _untag(self, call: Call) -> None:
        tags = self._tagged(call).tags
        keys = call.params.get("TagKeys")
        for key in keys if isinstance(keys, list) else ():
            tags.pop(str(key), None)


def _named(node: Node) -> dict[str, Any]:
    return {"Id": node.id, "Arn": node.arn, "Name": node.name}


def _summary(policy: ControlPolicy) -> dict[str, Any]:
    return {
        "Id": policy.id,
        "Arn": policy.arn,
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.aws_managed,
    }


def _policy_shape(policy: ControlPolicy) -> dict[str, Any]:
    return {"PolicySummary": _summary(policy), "Content": policy.document}


def _document(kind: PolicyType, content: object) -> str:
    document = str(content or "")
    if len(document) > MAX_POLICY_CHARACTERS:
        raise _constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
    try:
        grammar.check(document, "service-control" if kind == SERVICE_CONTROL else "resource-control")
    except MalformedPolicy as malformed:
        raise AwsError(
            "MalformedPolicyDocumentException",
            f"The provided policy document does not meet the requirements of the specified policy type: "
            f"{malformed.reason}",
        ) from malformed
    return document


def _policy_type(kind: object) -> PolicyType:
    if kind == SERVICE_CONTROL:
        return SERVICE_CONTROL
    if kind == RESOURCE_CONTROL:
        return RESOURCE_CONTROL
    raise _invalid(
        "INVALID_ENUM_POLICY_TYPE",
        f"coldstart has no policies of the type {kind!r}: {SERVICE_CONTROL} and {RESOURCE_CONTROL} work.",
    )


def _tags(params: Mapping[str, Any]) -> dict[str, str]:
    tags = params.get("Tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, Mapping) and tag.get("Key") for tag in tags):
        raise _invalid("INVALID_LIST_MEMBER", "Tags must be a list of keys with their values.")
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags}


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid("INPUT_REQUIRED", f"You must include a value for {name}.")
    return value


def _page(params: Mapping[str, Any], member: str, items: Iterable[Any]) -> dict[str, Any]:
    """One page of a list; the token is where the next begins."""
    found = list(items)
    size = params.get("MaxResults") or _PAGE
    if not isinstance(size, int) or not 1 <= size <= _PAGE:
        raise _invalid("MAX_VALUE_EXCEEDED", f"MaxResults must lie between 1 and {_PAGE}.")
    start = 0
    token = params.get("NextToken")
    if token:
        try:
            start = int(base64.b64decode(str(token), validate=True).decode().removeprefix("from:"))
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise _invalid("INVALID_NEXT_TOKEN", "The NextToken is not one that this operation gave.") from error
    answer: dict[str, Any] = {member: found[start : start + size]}
    if start + size < len(found):
        answer["NextToken"] = base64.b64encode(f"from:{start + size}".encode()).decode()
    return answer


def _new_account_id(organization: Organization) -> str:
    while True:
        account = str(secrets.randbelow(9 * 10**11) + 10**11)
        if account not in organization.nodes:
            return account


def _not_enabled() -> AwsError:
    return AwsError("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")


def _invalid(reason: str, message: str) -> AwsError:
    return AwsError("InvalidInputException", message, Reason=reason)


def _constraint(reason: str, message: str) -> AwsError:
    return AwsError("ConstraintViolationException", message, Reason=reason)
