"""What is known of single templates: what they take for granted, and which of them no deployment can come of.

A template that stands in none of the tables is deployed as it is, and must come to CREATE_COMPLETE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """What a template is given.

    Values of its parameters, exports of other stacks, roles for functions, SSM parameters, and objects in S3 by
    `bucket/key`.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    stored: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)


NOTHING = Given()

_NO_PIPELINE = dict.fromkeys(("PipelineUserArn", "PipelineExecutionRoleArn", "CloudFormationExecutionRoleArn"), "")

GIVEN: Mapping[str, Given] = {
    "good/conditions/and.yaml": Given({"Users": ",another"}),
    "good/mappings/used.yaml": Given({"Environment": "acceptance"}),
    "good/properties_ec2_vpc.yaml": Given({"cidrBlockAllowedPattern": "10.0.0.0/14"}),
    "good/transform/auto_publish_code_sha256.yaml": Given(
        {"GitCommit": "c" * 64, "CodeBucket": "code-of-templates", "Basepath": "releases"}
    ),
    "good/resources/cloudformation/nested_stack_dynamic.yaml": Given(
        stored={"/sdlf/pipeline/main": "https://s3.amazonaws.com/nested-templates/main.yaml"},
        objects={"nested-templates/main.yaml": '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'},
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

_NO_RESOURCES = "At least one Resources member must be defined"
_NO_IMAGE = "'ImageUri' must be set"
_ALIASES = "YAML aliases are not allowed"

#: Templates that cfn-lint takes for good, because it tests one rule with them or can't know better, and that no account
#: could deploy: what CloudFormation, SAM's translator or a service says to that.
INVALID: Mapping[str, str] = {
    "good/core/config_only_i1002.yaml": _NO_RESOURCES,
    "good/core/config_only_i1003.yaml": _NO_RESOURCES,
    "good/core/config_parameters.yaml": _NO_RESOURCES,
    # A section `Parameter`.
    "good/custom/is-defined.yaml": "Invalid template property or properties [Parameter]",
    # A text for a function's variables.
    "good/custom/is-not-defined.yaml": "#/Environment/Variables: expected type: JSONObject, found: String",
    "good/decode/parsing.json": _NO_RESOURCES,
    # The condition leaves the function without a role.
    "good/functions/relationship_conditions.yaml": "required key [Role] not found",
    "good/functions/sub_needed.yaml": "Fn::GetAtt references undefined resource GreetingLambda",
    # A role's name with ${Stage} in it, because Fn::Sub is missing.
    "good/functions/sub_needed_custom_excludes.yaml": "#/RoleName: string [TestRole-${Stage}] does not match pattern",
    "good/functions_findinmap.yaml": "map keys must be strings; received numeric [32] instead",
    "good/mappings/name.yaml": _NO_RESOURCES,
    # XXX.XXX.XXX.XXX/XX for a block of addresses.
    "good/mappings/used.yaml": "XXX.XXX.XXX.XXX/XX",
    "good/parameters/default.yaml": _NO_RESOURCES,
    # An integration without a type.
    "good/parameters/used_transform_removed.yaml": "Enumeration value for parameter type must be one of",
    # A network vpc-1234567, which no account has.
    "good/properties_ec2_vpc.yaml": "vpc-1234567",
    # A topic of the Region `region`.
    "good/properties_rt_association.yaml": "arn:aws:sns:region:account-id:topicname",
    "good/resources/cloudformation/stack_nested.yaml": _NO_RESOURCES,
    "good/resources/cloudformation/stacks.yaml": "TemplateURL must be a supported URL.",
    # Images that are neither built nor named, and one of a function that is no image.
    "good/resources/lambda/sam_required_properties.yaml": _NO_IMAGE,
    # Permissions of a function `us-east-1`, and Fn::If in place of a resource's properties.
    "good/resources/primary_identifiers.yaml": "function:us-east-1",
    "good/resources/properties/custom.yaml": "Invalid service token",
    # An API RestApiId and a bucket `bucket` (which somebody has).
    "good/resources/properties/hard_coded_arn_properties.yaml": "Invalid API identifier specified",
    # Empty trust policies.
    "good/resources/properties/list_duplicates.yaml": "Missing required field Statement",
    # A type of somebody's own registry.
    "good/schema_resource.yaml": "Unrecognized resource types: [Initech::TPS::Report]",
    "good/transform/applications_location.yaml": "missing the required [SemanticVersion] property",
    "good/transform/function_using_image.yaml": _NO_IMAGE,
    "good/transform/yaml_alias_serverless.yaml": _ALIASES,
    # A network vpc-abc12345.
    "integration/availability-zones.yaml": "vpc-abc12345",
    "integration/aws-dynamodb-table.yaml": "#/SSESpecification/SSEType",
    "integration/aws-ec2-launchtemplate.yaml": "Unresolved resource dependencies [NetworkInterface]",
    "integration/custom-resources.yaml": "Requested attribute ArnA does not exist",
    "integration/metdata.yaml": _NO_RESOURCES,
    "integration/yaml-alias-amplification.yaml": _ALIASES,
    "integration/yaml-alias-scalar.yaml": _ALIASES,
    "integration/yaml-alias.yaml": _ALIASES,
}
