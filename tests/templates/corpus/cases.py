"""What is known of single templates: what they take for granted, and which of them no deployment can come of.

A template that stands in none of the tables is deployed as it is, and must come to CREATE_COMPLETE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """What a template is given: parameters, exports of other stacks, roles for functions, values of SSM parameters."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    stored: Mapping[str, str] = field(default_factory=dict)
    buckets: tuple[str, ...] = ()


NOTHING = Given()

_NO_PIPELINE = dict.fromkeys(("PipelineUserArn", "PipelineExecutionRoleArn", "CloudFormationExecutionRoleArn"), "")

GIVEN: Mapping[str, Given] = {
    "good/conditions/and.yaml": Given({"Users": ",another"}),
    "good/transform/auto_publish_code_sha256.yaml": Given(
        {"GitCommit": "c" * 64, "CodeBucket": "code-of-templates", "Basepath": "releases"}
    ),
    "good/resources/cloudformation/nested_stack_dynamic.yaml": Given(
        stored={"/sdlf/pipeline/main": "https://s3.amazonaws.com/nested-templates/main.yaml"}
    ),
    "good/resources/lambda/required_properties.yaml": Given(roles=("lambda-role",)),
    "aws-sam-cli/pipeline-stage/template.yaml": Given(
        {
            **_NO_PIPELINE,
            "ArtifactsBucketArn": "",
            "ImageRepositoryArn": "",
            "IdentityProviderThumbprint": "a" * 40,
            "OidcClientId": "sts.amazonaws.com",
            "OidcProviderUrl": "https://token.example.com",
            "UseOidcProvider": "true",
            "CreateNewOidcProvider": "true",
            "SubjectClaim": "repo:shop/orders:*",
        }
    ),
}
