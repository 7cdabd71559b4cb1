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
    "integration/aws-lambda-function.yaml": "Runtime and Handler are mandatory",
    "integration/custom-resources.yaml": "Requested attribute ArnA does not exist",
    "integration/metdata.yaml": _NO_RESOURCES,
    "integration/yaml-alias-amplification.yaml": _ALIASES,
    "integration/yaml-alias-scalar.yaml": _ALIASES,
    "integration/yaml-alias.yaml": _ALIASES,
}

#: Templates with something that the sandbox has not, by what it names first of that.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::Instance": (
        "good/conditions.yaml",
        "good/core/conditions.yaml",
        "good/override/complete.yaml",
        "good/resources/name.yaml",
        "integration/formats.yaml",
        "integration/resources-cloudformation-init.yaml",
    ),
    "nodejs": (
        "good/custom/numeric-inequalities-large.yaml",
        "good/custom/numeric-inequalities-small.yaml",
        "good/resources/serverless/ignore_globals_valid.yaml",
        "good/transform_serverless_ignore_globals.yaml",
    ),
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
    "Fn::GetStackOutput": (
        "good/functions/get_stack_output.yaml",
        "integration/get-stack-output.yaml",
    ),
    "AWS::CloudFront::Distribution": (
        "good/functions/getatt_serverless_function_version.yaml",
        "good/resources/cloudfront/aliases.yaml",
        "integration/ref-no-value.yaml",
    ),
    "My::S3::Bucket::MODULE": ("good/functions/ref.yaml",),
    "AWS::AppConfig::Application": ("good/functions/relationship_conditions_sam.yaml",),
    "Fn::Transform DynamicUserData": (
        "good/functions/sub.yaml",
        "good/parameters/not_used_parameters.yaml",
        "good/parameters/used_transforms.yaml",
    ),
    "My::Organization::Custom::MODULE": ("good/generic.yaml",),
    "Some::IAM::Role::MODULE": ("good/modules/minimal.yaml",),
    "AWS::RDS::DBParameterGroup": (
        "good/no_value.yaml",
        "quickstart/test.yaml",
    ),
    "AWS::Backup::BackupPlan": ("good/resources/backup/test_backup_plan_lifecycle_rule.yml",),
    "AWS::CloudFormation::WaitConditionHandle": ("good/resources/cloudformation/sam_app_nested.yaml",),
    "AWS::Serverless::Application": (
        "good/resources/cloudformation/sam_stacks.yaml",
        "good/transform.yaml",
    ),
    "Fn::Transform AWS::Include": ("good/resources/dynamodb/attributes_transform.yaml",),
    "AWS::ElastiCache::ParameterGroup": ("good/resources/elasticache/cache_cluster_failover.yaml",),
    "AWS::CodeBuild::Project": ("good/resources/iam/ref_with_path.yaml",),
    "AWS::ECR::Repository": (
        "good/resources/iam/resource_policy.yaml",
        "aws-sam-cli/image-repositories/template.yaml",
    ),
    "container images": ("good/resources/lambda/required_properties.yaml",),
    "AWS::CDK::Metadata": (
        "good/resources/properties/az_cdk.yaml",
        "good/resources/properties/hard_coded_arn_properties_cdk.yaml",
    ),
    "AWS::EC2::SecurityGroupIngress": ("good/resources/properties/exclusive.yaml",),
    "AWS::OSIS::Pipeline": ("good/resources/properties/hard_coded_arn_properties_sam.yaml",),
    "AWS::RDS::DBInstance": (
        "good/resources/properties/password.yaml",
        "good/resources/rds/instance_sizes.yaml",
    ),
    "AWS::CodeCommit::Repository": ("good/resources/properties/string_size.yaml",),
    "AWS::AppSync::GraphQLApi": ("good/resources/properties/templated_code.yaml",),
    "AWS::CodePipeline::Pipeline": ("good/resources_codepipeline.yaml",),
    "AWS::Logs::SubscriptionFilter": ("good/some_logs_stream_lambda.yaml",),
    "Transform UnsupportedTransform": ("good/transform/list_transform_many.yaml",),
    "Transform TestTransform": ("good/transform/list_transform_not_sam.yaml",),
    "AWS::CodeDeploy::DeploymentGroup": (
        "good/transform_serverless_api.yaml",
        "good/transform_serverless_function.yaml",
        "good/transform_serverless_globals.yaml",
    ),
    "AWS::Config::ConfigRule": (
        "quickstart/cis_benchmark.yaml",
        "quickstart/config-rules.json",
        "quickstart/nist_config_rules.yaml",
    ),
    "AWS::EC2::NetworkInterface": (
        "quickstart/nat-instance.json",
        "integration/aws-ec2-instance.yaml",
        "integration/aws-ec2-networkinterface.yaml",
    ),
    "AWS::AutoScaling::LaunchConfiguration": ("quickstart/nist_application.yaml",),
    "AWS::Logs::MetricFilter": ("quickstart/nist_logging.yaml",),
    "AWS::EC2::EIPAssociation": ("quickstart/nist_vpc_management.yaml",),
    "AWS::EC2::VPCDHCPOptionsAssociation": ("quickstart/nist_vpc_production.yaml",),
    "Fn::ValueOfAll": ("quickstart/openshift.yaml",),
    "AWS::EC2::DHCPOptions": (
        "quickstart/vpc-management.json",
        "quickstart/vpc.json",
    ),
    "Ipv4NetmaskLength of AWS::EC2::Subnet": ("integration/aws-ec2-subnet.yaml",),
    "AWS::ECS::TaskDefinition": ("integration/cfn-gather.yaml",),
    "AWS::CloudFormation::WaitCondition": ("integration/creationpolicy.yaml",),
    "AWS::AmazonMQ::Broker": ("integration/dynamic-references.yaml",),
    "AWS::S3::Bucket::MODULE": ("integration/module-sub-resources.yaml",),
    "AWS::ECS::Cluster": ("integration/ref-types.yaml",),
    "AWS::EC2::LaunchTemplate": ("integration/updatepolicy.yaml",),
    "AWS::ApplicationInsights::Application": (
        "aws-sam-cli/hello-application-insights/template.yaml",
        "aws-sam-cli/hello-everything/template.yaml",
    ),
    "LoggingConfiguration of AWS::S3::Bucket": ("aws-sam-cli/pipeline-stage/template.yaml",),
}
