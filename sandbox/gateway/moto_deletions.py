"""What AWS refuses to delete because others hang on it, and moto would delete.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html and its like. The sentences are reported.
tests/gateway/test_moto_deletions.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter


def install() -> None:
    """Have moto refuse them."""
    moto_adapter.after_import("moto.iam.models", _keep_what_is_used)


def _keep_what_is_used(models: ModuleType) -> None:
    backend, conflict = models.IAMBackend, models.DeleteConflictException
    delete_policy, delete_user, delete_group = backend.delete_policy, backend.delete_user, backend.delete_group

    def policy(self: Any, policy_arn: str) -> None:
        found = self.get_policy(policy_arn)
        if found.attachment_count:
            raise conflict("Cannot delete a policy attached to entities.")
        if len(found.versions) > 1:
            raise conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        delete_policy(self, policy_arn)

    def user(self: Any, user_name: str) -> None:
        found = self.get_user(user_name)
        if found.access_keys:
            raise conflict("Cannot delete entity, must delete access keys first.")
        if any(found in group.users for group in self.groups.values()):
            raise conflict("Cannot delete entity, must remove users from group first.")
        delete_user(self, user_name)

    def group(self: Any, group_name: str) -> None:
        found = self.groups.get(group_name)
        if found is not None:
            if found.users:
                raise conflict("Cannot delete entity, must remove users from group first.")
            if found.managed_policies:
                raise conflict("Cannot delete entity, must detach all policies first.")
            if found.policies:
                raise conflict("Cannot delete entity, must delete policies first.")
        delete_group(self, group_name)

    backend.delete_policy, backend.delete_user, backend.delete_group = policy, user, group
