"""What deriving a call's needs asks (look_up.py), answered from the state of the cloud."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.authorisation.look_up import Kind
from sandbox.authorisation.organization import Organization
from sandbox.gateway import moto_adapter, moto_iam, moto_names, moto_resources
from sandbox.gateway.moto_resources import arn_of

_IAM_KINDS = {"iam:user", "iam:role", "iam:group", "iam:instance-profile", "iam:server-certificate"}


class CloudState:
    """Answers from moto's state and the organization's.

    `mapped_function` knows the functions of Lambda's event source mappings, by the mapping's ARN; `stack` knows the
    ARNs of stacks, by account, Region, and the stack's name or a change set's ARN; `deployment` knows the ARNs of
    CodeDeploy's deployment groups, by account, Region, and a deployment's id.
    """

    def __init__(
        self,
        organization: Organization | None = None,
        mapped_function: Callable[[str], str | None] | None = None,
        stack: Callable[[str, str, str], str | None] | None = None,
        deployment: Callable[[str, str, str], str | None] | None = None,
    ) -> None:
        self._organization = organization
        self._mapped_function = mapped_function
        self._stack = stack
        self._deployment = deployment

    def arn(self, account: str, region: str, kind: Kind, given: str) -> str | None:
        """The ARN of what a call names; None for what is not there."""
        if kind == "cloudformation:stack":
            return self._stack(account, region, given) if self._stack is not None else None
        if kind == "codedeploy:deployment":
            return self._deployment(account, region, given) if self._deployment is not None else None
        if kind in _IAM_KINDS:
            return moto_iam.arn_by_name(account, kind.partition(":")[2], given)
        if kind.startswith("organizations:"):
            return self._of_organization(kind.partition(":")[2], given)
        match kind:
            case "secretsmanager:Secret":
                return moto_names.secret(account, region, given)
            case "kms:key":
                return moto_names.key(account, region, given)
            case "kms:ciphertext":
                return moto_names.key_of_ciphertext(region, given)
            case "iam:access-key":
                return moto_names.owner_of_access_key(given)
            case "iam:instance-profile-role":
                return moto_names.role_of_instance_profile(account, given)
            case "kinesis:shard-iterator":
                return moto_names.stream_of_iterator(account, region, given)
            case "kinesis:consumer":
                return moto_names.consumer(given)
            case "ec2:associated-route-table" | "ec2:associated-subnet":
                return moto_names.associated(account, region, kind.removeprefix("ec2:associated-"), given)
            case "ec2:security-group":
                return moto_names.security_group(account, region, given)
            case "ec2:elastic-ip":
                return moto_names.elastic_ip(account, region, given)
            case "ec2:launch-template":
                return moto_names.launch_template(account, region, given)
            case "ec2:key-pair":
                # It is named in its ARN as it is in calls.
                return f"arn:aws:ec2:{region}:{account}:key-pair/{given}"
        return None

    def _of_organization(self, kind: str, given: str) -> str | None:
        if self._organization is None:
            return None
        if kind == "organization":
            return self._organization.arn
        if kind == "policy":
            policy = self._organization.policies.get(given)
            return policy.arn if policy is not None else None
        node = self._organization.nodes.get(given)
        return node.arn if node is not None else None

    def partition_key(self, table_arn: str, index: str | None) -> str | None:
        return moto_names.partition_key(table_arn, index)

    def bucket_owner(self, bucket: str) -> str | None:
        return moto_adapter.bucket_account(bucket)

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool | None:
        arn = arn_of(f"arn:aws:s3:::{bucket}/{key}")
        if arn is None or moto_resources.object_of(arn, version) is None:
            return None
        return bool(moto_resources.object_tags(arn, version))

    def encryption_key(self, arn: str) -> str | None:
        return moto_names.encryption_key(arn)

    def permissions_boundary(self, arn: str) -> str | None:
        entity = moto_iam.identity(arn)
        return entity.boundary_arn if entity is not None else None

    def mapped_function(self, mapping_arn: str) -> str | None:
        return self._mapped_function(mapping_arn) if self._mapped_function is not None else None
