"""The condition keys that a resource's own state brings: its tags, and what services tell of their resources.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.access import Values
from sandbox.authorisation.need import Need
from sandbox.gateway import moto_iam, moto_resources
from sandbox.gateway.moto_resources import arn_of

#: The tags of a resource that a service of the sandbox's own keeps, by the resource's ARN.
TagReader = Callable[[str], Mapping[str, str]]

#: Services that have a key of their own for a resource's tags, beside aws:ResourceTag/...: the service in the ARN to
#: the key's first part. https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_OWN_KEYS = {
    "ec2": "ec2:ResourceTag/",
    "ecr": "ecr:ResourceTag/",
    "iam": "iam:ResourceTag/",
    "secretsmanager": "secretsmanager:ResourceTag/",
    "ssm": "ssm:resourceTag/",
}


class Tags:
    """Tells the keys of resources: with one of `readers`, by the service in the ARN, else from moto's state."""

    def __init__(self, readers: Mapping[str, TagReader]) -> None:
        self._readers = readers

    def of(self, need: Need) -> dict[str, Values]:
        """aws:ResourceTag/..., the service's own key for the same, and other keys that hang on the resource."""
        context: dict[str, Values] = {}
        arn = arn_of(need.resource)
        if arn is None:
            return context
        service = arn.service
        if service == "s3":
            # Tags of buckets don't authorise until a bucket is told so (PutBucketAbac, which is not built); those of
            # objects do. https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html,
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html
            version = need.context.get("s3:VersionId")
            for key, value in moto_resources.object_tags(arn, None if version is None else str(version)).items():
                context[f"s3:ExistingObjectTag/{key}"] = value or ""
            return context
        reader = self._readers.get(service)
        tags = reader(need.resource) if reader is not None else moto_resources.tags(arn)
        own = _OWN_KEYS.get(service)
        for key, value in list(tags.items()):
            context[f"aws:ResourceTag/{key}"] = value or ""
            if own is not None:
                context[own + key] = value or ""
        if service == "kms":
            context.update(moto_resources.key_facts(arn))
        elif service == "iam":
            entity = moto_iam.identity(need.resource)
            if entity is not None and entity.boundary_arn is not None:
                # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
                context["iam:PermissionsBoundary"] = entity.boundary_arn
        return context
