"""What deriving a call's needs asks the state of the cloud: real ARNs, table keys, owners."""

from __future__ import annotations

from typing import Literal, Protocol

#: What `LookUp.arn` is asked for, and what is given for it (always beside the caller's account and the call's region):
#:
#: - `secretsmanager:Secret`: a secret's name, or its ARN with or without the suffix; its ARN with the suffix
#: - `kms:key`: a key's id or ARN, an alias's name (`alias/orders`) or ARN; the key's ARN
#: - `kms:ciphertext`: a CiphertextBlob, decoded by Latin-1; the ARN of the key that it was encrypted under
#: - `iam:user`, `iam:role`, `iam:group`, `iam:instance-profile`, `iam:server-certificate`: a name; the whole ARN
#: - `iam:access-key`: an access key's id; the ARN of its user
#: - `iam:instance-profile-role`: an instance profile's name; the ARN of the role in it
#: - `cloudformation:stack`: a stack's name, or a change set's ARN; the stack's ARN
#: - `codedeploy:deployment`: a deployment's id; the ARN of its deployment group
#: - `kinesis:shard-iterator`: a shard iterator; the stream's ARN.  `kinesis:consumer`: `STREAM-ARN/NAME`; its ARN
#: - `organizations:account`, `:ou`, `:root`, `:policy`, `:organization`, `:handshake`: an id (empty for the
#:   organization); its ARN
#: - `sqs:message-move-task`: a task's handle; the ARN of its source queue
#: - `ec2:associated-route-table`, `ec2:associated-subnet`: the id of the association of a route table with a subnet
#: - `ec2:security-group`: a group's name.  `ec2:elastic-ip`: a public IP address.  `ec2:launch-template`,
#:   `ec2:key-pair`: a name; the ARNs
Kind = Literal[
    "secretsmanager:Secret",
    "kms:key",
    "kms:ciphertext",
    "iam:user",
    "iam:role",
    "iam:group",
    "iam:instance-profile",
    "iam:server-certificate",
    "iam:access-key",
    "iam:instance-profile-role",
    "cloudformation:stack",
    "codedeploy:deployment",
    "kinesis:shard-iterator",
    "kinesis:consumer",
    "organizations:account",
    "organizations:ou",
    "organizations:root",
    "organizations:policy",
    "organizations:organization",
    "organizations:handshake",
    "sqs:message-move-task",
    "ec2:associated-route-table",
    "ec2:associated-subnet",
    "ec2:security-group",
    "ec2:elastic-ip",
    "ec2:launch-template",
    "ec2:key-pair",
]


class LookUp(Protocol):
    """What is known of the cloud's state. Every method answers None for what it doesn't know, and never raises."""

    def arn(self, account: str, region: str, kind: Kind, given: str) -> str | None:
        """The ARN of what a call names by a name, an id or part of an ARN; `Kind` says what is given for what."""

    def partition_key(self, table_arn: str, index: str | None) -> str | None:
        """The name of the partition key of a table, or of one of its indexes."""

    def bucket_owner(self, bucket: str) -> str | None:
        """The account that owns an S3 bucket."""

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool | None:
        """Whether an S3 object has tags."""

    def encryption_key(self, arn: str) -> str | None:
        """The ARN of the customer managed key that encrypts a secret, a parameter, a queue, a topic, a bucket (its
        default) or an object; None where AWS's own keys do, which ask nobody for leave."""

    def permissions_boundary(self, arn: str) -> str | None:
        """The ARN of the permissions boundary that an IAM user or role has now."""

    def mapped_function(self, mapping_arn: str) -> str | None:
        """The ARN of the function that a Lambda event source mapping invokes."""


class Nothing:
    """Knows nothing: needs are then told from the call alone."""

    def arn(self, account: str, region: str, kind: Kind, given: str) -> str | None:
        return None

    def partition_key(self, table_arn: str, index: str | None) -> str | None:
        return None

    def bucket_owner(self, bucket: str) -> str | None:
        return None

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool | None:
        return None

    def encryption_key(self, arn: str) -> str | None:
        return None

    def permissions_boundary(self, arn: str) -> str | None:
        return None

    def mapped_function(self, mapping_arn: str) -> str | None:
        return None


NOTHING: LookUp = Nothing()
