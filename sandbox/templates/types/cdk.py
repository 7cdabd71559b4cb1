"""The AWS CDK: what its templates say of themselves. There is nothing behind it in AWS either.

https://docs.aws.amazon.com/cdk/v2/guide/usage-data.html
"""

from __future__ import annotations

from sandbox.templates.types.resource_type import ResourceType, Work, nothing


def _note(work: Work) -> str:
    """Which constructs the template was made of: AWS counts them, and nothing else."""
    _ = work["Analytics"], work["Modules"]
    return work.physical_id or work.generated(128)


METADATA = ResourceType("AWS::CDK::Metadata", create=_note, update=_note, delete=nothing)

TYPES = (METADATA,)
