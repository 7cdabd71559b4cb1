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
    # A network vpc-123456, and a block of addresses XXX.XXX.XXX.XXX/XX.
    "good/mappings/used.yaml": "vpc-123456 does not exist",
    "good/parameters/default.yaml": _NO_RESOURCES,
    # An integration without a type.
    "good/parameters/used_transform_removed.yaml": "Enumeration value for parameter type must be one of",
    # A network vpc-1234567, which no account has.
    "good/properties_ec2_vpc.yaml": "vpc-1234567",
    # A topic of the Region `region`.
    "good/properties_rt_association.yaml": "valid region, not 'region'",
    "good/resources/cloudformation/stack_nested.yaml": _NO_RESOURCES,
    "good/resources/cloudformation/stacks.yaml": "TemplateURL must be a supported URL.",
    # Images that are neither built nor named, and one of a function that is no image.
    "good/resources/lambda/sam_required_properties.yaml": _NO_IMAGE,
    # Permissions of a function `us-east-1`, and Fn::If in place of a resource's properties.
    "good/resources/primary_identifiers.yaml": "function:us-east-1",
    # A network vpc-1234567.
    "good/resources/properties/az_cdk.yaml": "vpc-1234567",
    "good/resources/properties/custom.yaml": "Invalid service token",
    # A group sg-abc1234567.
    "good/resources/properties/exclusive.yaml": "sg-abc1234567",
    # An API RestApiId and a bucket `bucket` (which somebody has).
    "good/resources/properties/hard_coded_arn_properties.yaml": "Invalid API identifier specified",
    # A bucket that tells a function which nobody has made.
    "good/resources/properties/hard_coded_arn_properties_cdk.yaml": "Unable to validate the following destination",
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
    "integration/aws-lambda-function.yaml": "Runtime and Handler are mandatory",
    "integration/custom-resources.yaml": "Requested attribute ArnA does not exist",
    "integration/metdata.yaml": _NO_RESOURCES,
    "integration/yaml-alias-amplification.yaml": _ALIASES,
    "integration/yaml-alias-scalar.yaml": _ALIASES,
    "integration/yaml-alias.yaml": _ALIASES,
}

#: Templates with something that the sandbox has not, by what it names of that.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "AWS::AmazonMQ::Broker": ("integration/dynamic-references.yaml",),
    "AWS::AppConfig::Application": ("good/functions/relationship_conditions_sam.yaml",),
    "AWS::AppSync::GraphQLApi": ("good/resources/properties/templated_code.yaml",),
    "AWS::ApplicationInsights::Application": (
        "aws-sam-cli/hello-application-insights/template.yaml",
        "aws-sam-cli/hello-everything/template.yaml",
    ),
    "AWS::AutoScaling::AutoScalingGroup": (
        "quickstart/nist_application.yaml",
        "integration/updatepolicy.yaml",
    ),
    "AWS::AutoScaling::LaunchConfiguration": ("integration/ref-types.yaml",),
    "AWS::Backup::BackupPlan": ("good/resources/backup/test_backup_plan_lifecycle_rule.yml",),
    "AWS::CloudFormation::WaitCondition": ("integration/creationpolicy.yaml",),
    "AWS::CloudFormation::WaitConditionHandle": ("good/resources/cloudformation/sam_app_nested.yaml",),
    "AWS::CloudFront::Distribution": (
        "good/conditions.yaml",
        "good/functions/getatt_serverless_function_version.yaml",
        "good/resources/cloudfront/aliases.yaml",
        "integration/ref-no-value.yaml",
    ),
    "AWS::CloudTrail::Trail": ("quickstart/nist_logging.yaml",),
    "AWS::CodeBuild::Project": ("good/resources/iam/ref_with_path.yaml",),
    "AWS::CodeCommit::Repository": ("good/resources/properties/string_size.yaml",),
    "AWS::CodePipeline::Pipeline": ("good/resources_codepipeline.yaml",),
    "AWS::Config::ConfigRule": (
        "quickstart/cis_benchmark.yaml",
        "quickstart/config-rules.json",
        "quickstart/nist_config_rules.yaml",
    ),
    "AWS::EC2::DHCPOptions": (
        "quickstart/nist_vpc_management.yaml",
        "quickstart/nist_vpc_production.yaml",
        "quickstart/vpc-management.json",
        "quickstart/vpc.json",
    ),
    "AWS::EC2::EIPAssociation": ("quickstart/nat-instance.json",),
    "AWS::EC2::Instance": (
        "good/core/conditions.yaml",
        "good/override/complete.yaml",
        "good/resources/name.yaml",
        "integration/aws-ec2-instance.yaml",
        "integration/formats.yaml",
        "integration/resources-cloudformation-init.yaml",
    ),
    "AWS::EC2::NetworkInterface": ("integration/aws-ec2-networkinterface.yaml",),
    "AWS::ECR::Repository": (
        "good/resources/iam/resource_policy.yaml",
        "aws-sam-cli/image-repositories/template.yaml",
    ),
    "AWS::ECS::Service": ("integration/cfn-gather.yaml",),
    "AWS::ElastiCache::ParameterGroup": ("good/resources/elasticache/cache_cluster_failover.yaml",),
    "AWS::LanguageExtensions": (
        "good/functions/foreach.yaml",
        "good/functions_findinmap_default_value.yaml",
        "good/functions_findinmap_enhanced.yaml",
        "good/parameters/used_transform_language_extension.json",
        "good/resources_deletionpolicy.yaml",
        "good/resources_updatereplacepolicy.yaml",
        "good/transform/function_use_s3_uri.yaml",
        "good/transform/language_extension.yaml",
        "integration/getatt-types.yaml",
    ),
    "AWS::Logs::SubscriptionFilter": ("good/some_logs_stream_lambda.yaml",),
    "AWS::OSIS::Pipeline": ("good/resources/properties/hard_coded_arn_properties_sam.yaml",),
    "AWS::RDS::DBInstance": (
        "good/no_value.yaml",
        "good/resources/properties/password.yaml",
        "good/resources/rds/instance_sizes.yaml",
        "quickstart/test.yaml",
    ),
    "Fn::GetStackOutput": (
        "good/functions/get_stack_output.yaml",
        "integration/get-stack-output.yaml",
    ),
    "Fn::ValueOfAll": ("quickstart/openshift.yaml",),
    "Ipv4NetmaskLength of AWS::EC2::Subnet": ("integration/aws-ec2-subnet.yaml",),
    "LoggingConfiguration of AWS::S3::Bucket": ("aws-sam-cli/pipeline-stage/template.yaml",),
    "Macros": (
        "good/functions/sub.yaml",
        "good/parameters/not_used_parameters.yaml",
        "good/parameters/used_transforms.yaml",
        "good/resources/dynamodb/attributes_transform.yaml",
        "good/transform/list_transform_many.yaml",
        "good/transform/list_transform_not_sam.yaml",
    ),
    "Modules": (
        "good/functions/ref.yaml",
        "good/generic.yaml",
        "good/modules/minimal.yaml",
        "integration/module-sub-resources.yaml",
    ),
    "The AWS Serverless Application Repository": (
        "good/resources/cloudformation/sam_stacks.yaml",
        "good/transform.yaml",
    ),
    "container images": ("good/resources/lambda/required_properties.yaml",),
    "nodejs": (
        "good/custom/numeric-inequalities-large.yaml",
        "good/custom/numeric-inequalities-small.yaml",
        "good/resources/serverless/ignore_globals_valid.yaml",
        "good/transform_serverless_api.yaml",
        "good/transform_serverless_function.yaml",
        "good/transform_serverless_globals.yaml",
        "good/transform_serverless_ignore_globals.yaml",
    ),
}
