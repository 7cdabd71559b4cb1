"""What AWS's schemas say of the resource types that the sandbox deploys.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandbox.templates.replacement import required
from sandbox.templates.types import schemas

#: The types that the sandbox deploys, and a few besides.
TYPES = [
    f"AWS::{service}::{name}"
    for service, names in {
        "Lambda": "Function Version Alias Permission EventSourceMapping LayerVersion LayerVersionPermission Url "
        "EventInvokeConfig",
        "ApiGateway": "RestApi Resource Method Deployment Stage Authorizer Account UsagePlan ApiKey UsagePlanKey Model "
        "RequestValidator GatewayResponse",
        "ApiGatewayV2": "Api Stage Route Integration Authorizer Deployment",
        "IAM": "Role Policy ManagedPolicy InstanceProfile User Group OIDCProvider",
        "DynamoDB": "Table",
        "SQS": "Queue QueuePolicy",
        "SNS": "Topic Subscription TopicPolicy",
        "S3": "Bucket BucketPolicy",
        "Events": "Rule EventBus Archive Connection ApiDestination",
        "Logs": "LogGroup",
        "SSM": "Parameter",
        "SecretsManager": "Secret",
        "KMS": "Key Alias",
        "Kinesis": "Stream",
        "EC2": "VPC Subnet SecurityGroup RouteTable Route SubnetRouteTableAssociation InternetGateway "
        "VPCGatewayAttachment EIP NatGateway VPCEndpoint",
        "StepFunctions": "StateMachine",
        "Cognito": "UserPool UserPoolClient",
        "CloudFormation": "Stack CustomResource",
    }.items()
    for name in names.split()
]


@pytest.mark.parametrize("name", TYPES)
def test_a_type_of_the_sandbox_has_a_schema_with_paths_that_lead_somewhere(name: str) -> None:
    assert schemas.known(name)
    properties = schemas.schema(name)["properties"]
    rules = schemas.rules(name)
    for path in rules.recreation:
        assert path.split("/")[0] in properties
    assert rules.tags is None or rules.tags in properties
    assert schemas.attributes(name) == frozenset(filter(None, schemas.attributes(name)))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("AWS::SQS::Queue", True),
        ("AWS::DeviceFarm::Project", True),
        ("Custom::Anything", True),
        ("AWS::CloudFormation::CustomResource", True),
        ("AWS::SQS::Cue", False),
        ("AWS::Serverless::Function", False),
        ("sqs", False),
        ("", False),
    ],
)
def test_a_type_is_known_if_any_region_has_it(name: str, known: bool) -> None:
    assert schemas.known(name) is known


def test_an_unknown_type_has_no_schema() -> None:
    for ask in (schemas.schema, schemas.rules, schemas.attributes):
        with pytest.raises(KeyError, match="AWS::SQS::Cue"):
            ask("AWS::SQS::Cue")


# -- rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path", "recreation"),
    [
        ("AWS::SQS::Queue", "QueueName", "Always"),
        ("AWS::SQS::Queue", "DelaySeconds", None),
        ("AWS::DynamoDB::Table", "TableName", "Always"),
        ("AWS::DynamoDB::Table", "KeySchema", "Conditionally"),
        ("AWS::SNS::Subscription", "Region", "Conditionally"),
        ("AWS::Lambda::Function", "FunctionName", "Always"),
        ("AWS::Lambda::Function", "Code", None),
        ("AWS::EC2::VPCEndpoint", "DnsOptions/PrivateDnsPreference", "Always"),
        ("AWS::CloudFormation::CustomResource", "ServiceToken", "Always"),
        # Within a list: some of its members may not change.
        ("AWS::MSK::Replicator", "ReplicationInfoList", "Conditionally"),
    ],
)
def test_what_needs_a_replacement(name: str, path: str, recreation: str | None) -> None:
    assert schemas.rules(name).recreation.get(path) == recreation


def test_a_path_counts_below_its_property() -> None:
    rules = schemas.rules("AWS::EC2::VPCEndpoint")
    before = {"DnsOptions": {"PrivateDnsPreference": "ALL_DOMAINS", "DnsRecordIpType": "ipv4"}}
    other_type = {"DnsOptions": {"PrivateDnsPreference": "ALL_DOMAINS", "DnsRecordIpType": "ipv6"}}
    other_preference = {"DnsOptions": {"PrivateDnsPreference": "VERIFIED_DOMAINS_ONLY", "DnsRecordIpType": "ipv4"}}
    assert required(rules, before, other_type) == "Never"
    assert required(rules, before, other_preference) == "Always"


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("AWS::SQS::Queue", "Tags"),
        ("AWS::Cognito::UserPool", "UserPoolTags"),
        ("AWS::IAM::InstanceProfile", None),
        ("AWS::Lambda::Version", None),
        ("AWS::SNS::Subscription", None),
    ],
)
def test_where_the_tags_are(name: str, tags: str | None) -> None:
    assert schemas.rules(name).tags == tags


# -- attributes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("AWS::Lambda::Function", "Arn"),
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::SNS::Topic", "TopicName"),
        ("AWS::S3::Bucket", "RegionalDomainName"),
        ("AWS::EC2::VPC", "CidrBlock"),
        ("AWS::RDS::DBInstance", "Endpoint.Address"),
        ("AWS::CloudFormation::Stack", "Outputs.Url"),
        ("Custom::Thing", "Whatever.It.Says"),
    ],
)
def test_attributes_that_a_type_gives(name: str, attribute: str) -> None:
    assert schemas.refused_attribute(name, attribute) is None


@pytest.mark.parametrize(
    ("name", "attribute", "words"),
    [
        ("AWS::Lambda::Alias", "Arn", "Requested attribute Arn does not exist in schema for AWS::Lambda::Alias"),
        ("AWS::SQS::Queue", "Nope.Arn", "Requested attribute Nope.Arn does not exist in schema for AWS::SQS::Queue"),
        (
            "AWS::Lambda::Function",
            "Timeout",
            "Requested attribute Timeout must be a readonly property in schema for AWS::Lambda::Function",
        ),
        (
            "AWS::CloudFormation::Stack",
            "Url",
            "Requested attribute Url does not exist in schema for AWS::CloudFormation::Stack",
        ),
    ],
)
def test_other_attributes_are_refused_in_the_words_of_cloudformation(name: str, attribute: str, words: str) -> None:
    assert schemas.refused_attribute(name, attribute) == words


def test_read_only_properties_are_not_for_templates() -> None:
    assert schemas.read_only("AWS::SQS::Queue") == {"Arn", "QueueUrl"}
    assert "FunctionName" not in schemas.read_only("AWS::Lambda::Function")


def test_the_linter_itself_is_not_loaded() -> None:
    """Its import takes longer than a sandbox may take to start."""
    code = (
        "import sys\n"
        "from sandbox.templates.types import schemas\n"
        "schemas.rules('AWS::SQS::Queue')\n"
        "assert 'cfnlint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
