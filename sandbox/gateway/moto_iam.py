"""What moto's IAM knows of users and roles: their policies, boundaries and tags, without a walk over all of them.

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from sandbox.gateway import moto_adapter
from sandbox.gateway.call import DEFAULT_ACCOUNT


class AttachedPolicy(NamedTuple):
    """A policy and where it is attached: `role/orders`, `user/ada`, `group/devs`. `name` is a managed policy's ARN."""

    name: str
    document: str
    attached_to: str


#: Of a permissions boundary that is not there: it allows nothing.
_NOTHING = '{"Version":"2012-10-17","Statement":[]}'


def iam_of(account: str) -> Any:
    """The account's IAM; None if there is no such account. (moto would make one for any number it is asked for.)"""
    stores = getattr(sys.modules.get("moto.iam.models"), "iam_backends", None)
    partitions = stores.get(account) if stores is not None else None
    return partitions.get("aws") if partitions is not None else None


class Identity:
    """A user or a role as moto keeps it, read at the moment of asking."""

    __slots__ = ("_iam", "_kept", "kind")

    def __init__(self, iam: Any, kept: Any, kind: str) -> None:
        self._iam = iam
        self._kept = kept
        self.kind = kind

    @property
    def arn(self) -> str:
        return str(self._kept.arn)

    @property
    def name(self) -> str:
        return str(self._kept.name)

    @property
    def id(self) -> str:
        """The unique id: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""
        return str(self._kept.id)

    @property
    def tags(self) -> Mapping[str, str]:
        if self.kind == "user":
            found: Mapping[str, str] = self._iam.tagger.tags.get(self._kept.arn, {})
            return found
        return {tag["Key"]: tag["Value"] for tag in list(self._kept.tags)}

    @property
    def policies(self) -> list[AttachedPolicy]:
        """Inline and managed policies, those of a user's groups after his own."""
        found: list[AttachedPolicy] = []
        _add(found, self._kept, f"{self.kind}/{self._kept.name}")
        if self.kind == "user":
            for group in list(self._iam.groups.values()):
                if self._kept in group.users:
                    _add(found, group, f"group/{group.name}")
        return found

    @property
    def boundary(self) -> AttachedPolicy | None:
        """The permissions boundary: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
        arn = getattr(self._kept, "permissions_boundary_arn", None)
        if not arn:
            return None
        policy = self._iam.managed_policies.get(arn)
        return AttachedPolicy(arn, _NOTHING if policy is None else _default(policy), f"{self.kind}/{self._kept.name}")

    @property
    def boundary_arn(self) -> str | None:
        return getattr(self._kept, "permissions_boundary_arn", None) or None

    @property
    def trust_policy(self) -> str | None:
        """A role's: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html"""
        return self._kept.assume_role_policy_document if self.kind == "role" else None


def _add(found: list[AttachedPolicy], kept: Any, attached_to: str) -> None:
    for name, document in list(kept.policies.items()):
        found.append(AttachedPolicy(name, document, attached_to))
    for arn, policy in list(kept.managed_policies.items()):
        found.append(AttachedPolicy(arn, _default(policy), attached_to))


def _default(policy: Any) -> str:
    """The text of a managed policy's default version."""
    wanted = policy.default_version_id
    return next((version.document for version in policy.versions if version.version_id == wanted), _NOTHING)


# -- finding -------------------------------------------------------------------------------------------


def user(account: str, user_id: str, name: str) -> Identity | None:
    """A user by his unique id; `name` is where he is looked for first. A namesake made later is not he."""
    iam = iam_of(account)
    if iam is None:
        return None
    found = iam.users.get(name)
    if found is None or found.id != user_id:
        found = next((each for each in list(iam.users.values()) if each.id == user_id), None)
    return Identity(iam, found, "user") if found is not None else None


def role_with_id(account: str, role_id: str) -> Identity | None:
    """A role by its unique id: a session keeps to the role it was made of, not to a namesake made later."""
    iam = iam_of(account)
    found = iam.roles.get(role_id) if iam is not None else None
    return Identity(iam, found, "role") if found is not None else None


def identity(arn: str) -> Identity | None:
    """The user or role with this ARN."""
    account, kind, name = _parts(arn)
    iam = iam_of(account)
    if iam is None:
        return None
    found = None
    if kind == "user":
        found = iam.users.get(name)
    elif kind == "role":
        found = _role_named(iam, account, name)
    return Identity(iam, found, kind) if found is not None and found.arn == arn else None


def group(arn: str) -> Identity | None:
    """The group with this ARN: it has policies, but no boundary, no tags and no trust policy."""
    account, kind, name = _parts(arn)
    iam = iam_of(account)
    found = iam.groups.get(name) if iam is not None and kind == "group" else None
    return Identity(iam, found, "group") if found is not None and found.arn == arn else None


def managed_policy(account: str, arn: str) -> str | None:
    """The text of a managed policy's default version, the account's own or one of AWS's; None if there is none."""
    iam = iam_of(account)
    policy = iam.managed_policies.get(arn) if iam is not None else None
    return _default(policy) if policy is not None else None


@functools.cache
def managed_policies() -> Mapping[str, str]:
    """The names of AWS's managed policies, each with its ARN. Read at the first call: 50 ms."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies = json.loads(aws_managed_policies_data)
    return {name: f"arn:aws:iam::aws:policy{policy['Path']}{name}" for name, policy in policies.items()}


def inline_policies(account: str, kind: str, name: str) -> Mapping[str, str]:
    """The texts of the inline policies of a user, role or group, by their names; empty if there is no such one."""
    arn = arn_by_name(account, kind, name)
    iam = iam_of(account)
    if arn is None or iam is None:
        return {}
    store = {"user": iam.users, "group": iam.groups}
    kept = _role_named(iam, account, name) if kind == "role" else store[kind].get(name)
    return dict(kept.policies)


def arn_by_name(account: str, kind: str, name: str) -> str | None:
    """The ARN, with its path, of a user, role, group, instance-profile or server-certificate; None if there is none."""
    iam = iam_of(account)
    if iam is None:
        return None
    if kind == "role":
        found = _role_named(iam, account, name)
    elif kind == "server-certificate":
        found = next((each for each in list(iam.certificates.values()) if each.cert_name == name), None)
    else:
        store = {"user": iam.users, "group": iam.groups, "instance-profile": iam.instance_profiles}
        found = store[kind].get(name)
    return str(found.arn) if found is not None else None


def tags_by_arn(arn: str) -> Mapping[str, str]:
    """The tags of a user, role, managed policy, instance profile or OpenID Connect provider."""
    account, kind, name = _parts(arn)
    iam = iam_of(account)
    if iam is None:
        return {}
    if kind in ("user", "role"):
        found = identity(arn)
        return found.tags if found is not None else {}
    if kind == "policy":
        policy = iam.managed_policies.get(arn)
        return {tag["Key"]: tag["Value"] for tag in policy.tags.values()} if policy is not None else {}
    if kind == "oidc-provider":
        provider = iam.open_id_providers.get(arn)
        return {tag["Key"]: tag["Value"] for tag in provider.tags.values()} if provider is not None else {}
    if kind == "instance-profile":
        profile = iam.instance_profiles.get(name)
        return {tag["Key"]: tag["Value"] for tag in profile.tags} if profile is not None else {}
    return {}


def _parts(arn: str) -> tuple[str, str, str]:
    """Account, kind and name of `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`."""
    fields = arn.split(":", 5)
    if len(fields) != 6 or fields[2] != "iam":
        return "", "", ""
    kind, _, path = fields[5].partition("/")
    return fields[4] or DEFAULT_ACCOUNT, kind, path.rpartition("/")[2]


#: moto keeps roles by their unique id: account to name to id, each entry checked against moto's store when it is used.
_role_ids: dict[str, dict[str, str]] = {}


def _role_named(iam: Any, account: str, name: str) -> Any:
    roles = iam.roles
    found = roles.get(_role_ids.get(account, {}).get(name, ""))
    if found is not None and found.name == name:
        return found
    _role_ids[account] = ids = {role.name: role.id for role in list(roles.values())}
    return roles.get(ids.get(name, ""))


# -- permissions boundaries of users, which moto has for roles only --------------------------------------


def install() -> None:
    """Give moto what it lacks."""
    moto_adapter.after_import("moto.iam.models", _keep_boundaries_of_users)
    moto_adapter.after_import("moto.iam.models", _give_ids_their_prefixes)
    moto_adapter.after_import("moto.iam.responses", _answer_boundaries_of_users)


def _keep_boundaries_of_users(models: ModuleType) -> None:
    """Give moto's users a boundary, in its answers too."""
    models.User.permissions_boundary_arn = None
    models.User.permissions_boundary = models.Role.permissions_boundary


def _give_ids_their_prefixes(models: ModuleType) -> None:
    """Give users and groups unique ids like AWS's, where moto's are any letters.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    """
    for kind, prefix in ((models.User, "AIDA"), (models.Group, "AGPA")):
        kind.__init__ = _with_prefixed_id(kind.__init__, prefix, models.random_role_id)


def _with_prefixed_id(made: Any, prefix: str, role_id: Any) -> Any:
    @functools.wraps(made)
    def init(self: Any, account_id: str, *given: Any, **named: Any) -> None:
        made(self, account_id, *given, **named)
        self.id = prefix + role_id(account_id)[len(prefix) :]

    return init


def _answer_boundaries_of_users(responses: ModuleType) -> None:
    """Let moto's IAM answer PutUserPermissionsBoundary and DeleteUserPermissionsBoundary, and CreateUser with one.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
    """
    answers = responses.IamResponse
    create = answers.create_user
    from moto.core.responses import EmptyResult
    from moto.iam.exceptions import NoSuchEntity

    def bounded(self: Any, user: Any, boundary: str) -> None:
        if boundary not in self.backend.managed_policies:
            raise NoSuchEntity(f"Policy {boundary} does not exist or is not attachable.")
        user.permissions_boundary_arn = boundary

    def create_user(self: Any) -> Any:
        boundary = self._get_param("PermissionsBoundary")
        if boundary and boundary not in self.backend.managed_policies:
            raise NoSuchEntity(f"Policy {boundary} does not exist or is not attachable.")
        made = create(self)
        if boundary:
            bounded(self, self.backend.get_user(self._get_param("UserName")), boundary)
        return made

    def put_user_permissions_boundary(self: Any) -> Any:
        bounded(self, self.backend.get_user(self._get_param("UserName")), self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_user_permissions_boundary(self: Any) -> Any:
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = None
        return EmptyResult()

    answers.create_user = create_user
    answers.put_user_permissions_boundary = put_user_permissions_boundary
    answers.delete_user_permissions_boundary = delete_user_permissions_boundary
    for shape in ("GetUserResponse.User", "CreateUserResponse.User"):
        answers.RESPONSE_KEY_PATH_TO_TRANSFORMER.setdefault(
            f"{shape}.PermissionsBoundary",
            answers.RESPONSE_KEY_PATH_TO_TRANSFORMER["GetRoleResponse.Role.PermissionsBoundary"],
        )
