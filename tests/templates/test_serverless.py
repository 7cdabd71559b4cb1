"""SAM's transform by AWS's own translator: what becomes of serverless resources, and what is refused in which words.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
"""

from __future__ import annotations

import contextlib
import copy
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.gateway import moto_iam
from sandbox.templates import Template, TemplateError, Unsupported, read
from sandbox.templates.document import Document, walk
from sandbox.templates.serverless import expand

FUNCTION = "Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.13"
FAILED = "Transform AWS::Serverless-2016-10-31 failed with: "
INVALID = f"{FAILED}Invalid Serverless Application Specification document. Number of errors found: "


def expanded(text: str, parameters: dict[str, str | list[str]] | None = None, **more: Any) -> Document:
    """The document after the transform, of which a template can be made."""
    document = read(f"Transform: AWS::Serverless-2016-10-31\n{textwrap.dedent(text)}")
    before = copy.deepcopy(document)
    result = expand(document, parameters or {}, region=more.pop("region", "eu-west-1"), **more)
    assert document == before
    Template.of(result)
    return result


def types(document: Document) -> dict[str, str]:
    """The type of each resource by its logical id."""
    return {name: resource["Type"] for name, resource in document["Resources"].items()}


def function(more: str, uri: str = "s3://code/one") -> str:
    """A template of one function F with more properties."""
    return f"Resources: {{F: {{{FUNCTION}, CodeUri: '{uri}', {more}}}}}}}"


# -- what comes out ------------------------------------------------------------------------------------


def test_a_function_becomes_a_lambda_function_with_a_role() -> None:
    document = expanded(function("Timeout: 5"))
    assert types(document) == {"F": "AWS::Lambda::Function", "FRole": "AWS::IAM::Role"}
    made = document["Resources"]["F"]["Properties"]
    assert made["Code"] == {"S3Bucket": "code", "S3Key": "one"}
    assert made["Role"] == {"Fn::GetAtt": ["FRole", "Arn"]}
    assert made["Tags"] == [{"Key": "lambda:createdBy", "Value": "SAM"}]
    assert "Transform" not in document
    assert "Globals" not in document


@pytest.mark.parametrize("transform", ["AWS::Serverless-2016-10-31", ["AWS::Serverless-2016-10-31"]])
def test_transform_is_a_name_or_a_list(transform: Any) -> None:
    document = read(function("Timeout: 5")) | {"Transform": transform}
    result = expand(document, {}, region="eu-west-1")
    assert "Transform" not in result
    assert result["Resources"]["F"]["Type"] == "AWS::Lambda::Function"


def test_other_resources_and_sections_stay_in_place() -> None:
    text = """
    AWSTemplateFormatVersion: 2010-09-09
    Description: Orders.
    Metadata: {Why: because}
    Parameters: {Stage: {Type: String}}
    Mappings: {Sizes: {dev: {Memory: 128}}}
    Conditions: {Always: !Equals [a, a]}
    Resources:
      Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Stage}}
      Table: {Type: 'AWS::Serverless::SimpleTable', Condition: Always}
    Outputs: {Url: {Value: !GetAtt Queue.QueueUrl}}
    """
    document = expanded(text, {"Stage": "dev"})
    given_document = read(textwrap.dedent(text))
    assert {key: document[key] for key in given_document if key != "Resources"} == {
        key: value for key, value in given_document.items() if key != "Resources"
    }
    assert document["Resources"]["Queue"] == given_document["Resources"]["Queue"]
    assert document["Resources"]["Table"]["Type"] == "AWS::DynamoDB::Table"
    assert document["Resources"]["Table"]["Condition"] == "Always"


def test_a_resources_metadata_goes_with_it() -> None:
    document = expanded(
        f"Resources: {{F: {{{FUNCTION}, CodeUri: 's3://code/one'}}, Metadata: {{SamResourceId: F}}, Condition: C}}}}\n"
        "Conditions: {C: !Equals [a, a]}"
    )
    assert document["Resources"]["F"]["Metadata"] == {"SamResourceId": "F"}
    assert document["Resources"]["FRole"]["Condition"] == "C"
    assert "Metadata" not in document["Resources"]["FRole"]


def test_globals_go_into_each_function() -> None:
    document = expanded(
        f"""
        Parameters: {{Stage: {{Type: String, Default: dev}}}}
        Globals:
          Function:
            Timeout: 7
            Environment: {{Variables: {{STAGE: !Ref Stage, TABLE: !Ref Table}}}}
        Resources:
          A: {{{FUNCTION}, CodeUri: s3://code/one, Environment: {{Variables: {{OWN: 1}}}}}}}}
          B: {{{FUNCTION}, CodeUri: s3://code/one, Timeout: 9}}}}
          Table: {{Type: AWS::Serverless::SimpleTable}}
        """
    )
    first, second = (document["Resources"][name]["Properties"] for name in ("A", "B"))
    assert (first["Timeout"], second["Timeout"]) == (7, 9)
    assert first["Environment"]["Variables"] == {"STAGE": {"Ref": "Stage"}, "TABLE": {"Ref": "Table"}, "OWN": 1}


def test_policy_templates_and_names_of_managed_policies() -> None:
    role = expanded(
        function(
            "Policies: [AmazonDynamoDBReadOnlyAccess, {SQSPollerPolicy: {QueueName: orders}},"
            " arn:aws:iam::123456789012:policy/own]"
        )
    )["Resources"]["FRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess",
        "arn:aws:iam::123456789012:policy/own",
    ]
    assert "sqs:ReceiveMessage" in role["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"]


def test_a_managed_policy_that_the_translator_does_not_bring_is_asked_of_iam() -> None:
    asked = []

    def managed_policies() -> dict[str, str]:
        asked.append(True)
        return {"BrandNewAccess": "arn:aws:iam::aws:policy/BrandNewAccess"}

    text = function("Policies: [BrandNewAccess, AmazonSQSFullAccess]")
    role = expanded(text, managed_policies=managed_policies)["Resources"]["FRole"]["Properties"]
    assert role["ManagedPolicyArns"][1:] == [
        "arn:aws:iam::aws:policy/BrandNewAccess",
        "arn:aws:iam::aws:policy/AmazonSQSFullAccess",
    ]
    assert asked == [True]


def test_iam_knows_managed_policies_by_name() -> None:
    policies = moto_iam.managed_policies()
    assert policies["AWSLambdaBasicExecutionRole"] == "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    assert policies["ReadOnlyAccess"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"


#: An event of a function, and the types that it adds.
EVENTS: list[tuple[str, set[str]]] = [
    ("Type: Api, Properties: {Path: /, Method: get}", {"AWS::ApiGateway::RestApi", "AWS::Lambda::Permission"}),
    ("Type: HttpApi", {"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", "AWS::Lambda::Permission"}),
    ("Type: SQS, Properties: {Queue: !GetAtt Q.Arn}", {"AWS::Lambda::EventSourceMapping"}),
    ("Type: SNS, Properties: {Topic: !Ref T}", {"AWS::SNS::Subscription", "AWS::Lambda::Permission"}),
    ("Type: S3, Properties: {Bucket: !Ref B, Events: 's3:ObjectCreated:*'}", {"AWS::Lambda::Permission"}),
    (
        "Type: Schedule, Properties: {Schedule: rate(1 minute)}",
        {"AWS::Events::Rule", "AWS::Lambda::Permission"},
    ),
    (
        "Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}",
        {"AWS::Scheduler::Schedule", "AWS::IAM::Role"},
    ),
    ("Type: EventBridgeRule, Properties: {Pattern: {source: [a]}}", {"AWS::Events::Rule", "AWS::Lambda::Permission"}),
    ("Type: CloudWatchEvent, Properties: {Pattern: {source: [a]}}", {"AWS::Events::Rule", "AWS::Lambda::Permission"}),
    (
        "Type: CloudWatchLogs, Properties: {LogGroupName: g, FilterPattern: p}",
        {"AWS::Logs::SubscriptionFilter", "AWS::Lambda::Permission"},
    ),
    (
        "Type: Kinesis, Properties: {Stream: !GetAtt S.Arn, StartingPosition: LATEST}",
        {"AWS::Lambda::EventSourceMapping"},
    ),
    (
        "Type: DynamoDB, Properties: {Stream: !GetAtt D.StreamArn, StartingPosition: LATEST}",
        {"AWS::Lambda::EventSourceMapping"},
    ),
    ("Type: AlexaSkill", {"AWS::Lambda::Permission"}),
    ("Type: IoTRule, Properties: {Sql: SELECT 1}", {"AWS::IoT::TopicRule", "AWS::Lambda::Permission"}),
    ("Type: Cognito, Properties: {UserPool: !Ref U, Trigger: PreSignUp}", {"AWS::Lambda::Permission"}),
]


@pytest.mark.parametrize(("event", "added"), EVENTS)
def test_events_become_what_invokes_the_function(event: str, added: set[str]) -> None:
    text = f"""
    Resources:
      F: {{{FUNCTION}, CodeUri: s3://code/one, Events: {{E: {{{event}}}}}}}}}
      B: {{Type: AWS::S3::Bucket}}
      T: {{Type: AWS::SNS::Topic}}
      Q: {{Type: AWS::SQS::Queue}}
      S: {{Type: AWS::Kinesis::Stream}}
      D: {{Type: AWS::DynamoDB::Table}}
      U: {{Type: AWS::Cognito::UserPool}}
    """
    assert added <= set(types(expanded(text)).values())


#: A resource, and the types that it becomes.
RESOURCES: list[tuple[str, set[str]]] = [
    (
        "{Type: AWS::Serverless::Api, Properties: {StageName: dev, DefinitionUri: s3://code/api.yaml}}",
        {"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"},
    ),
    (
        "{Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: s3://code/api.yaml}}",
        {"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"},
    ),
    (
        "{Type: AWS::Serverless::StateMachine, Properties: {Definition: {StartAt: A, States: {A: {Type: Pass}}}}}",
        {"AWS::StepFunctions::StateMachine", "AWS::IAM::Role"},
    ),
    (
        "{Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: s3://code/layer}}",
        {"AWS::Lambda::LayerVersion"},
    ),
    (
        "{Type: AWS::Serverless::GraphQLApi, Properties: {SchemaUri: s3://code/s, Auth: {Type: AWS_IAM}}}",
        {"AWS::AppSync::GraphQLApi", "AWS::AppSync::GraphQLSchema"},
    ),
    (
        "{Type: AWS::Serverless::Application, Properties: {Location: 'https://s3.amazonaws.com/code/nested.yaml'}}",
        {"AWS::CloudFormation::Stack"},
    ),
]


@pytest.mark.parametrize(("resource", "made"), RESOURCES)
def test_serverless_resources_become_resources(resource: str, made: set[str]) -> None:
    assert made <= set(types(expanded(f"Resources: {{R: {resource}}}")).values())


def test_a_nested_application_is_a_stack_with_its_template() -> None:
    text = (
        "Resources: {Nested: {Type: AWS::Serverless::Application, "
        "Properties: {Location: 'https://s3/b/k', Parameters: {Stage: dev}}}}"
    )
    made = expanded(text)["Resources"]["Nested"]["Properties"]
    assert made["TemplateURL"] == "https://s3/b/k"
    assert made["Parameters"] == {"Stage": "dev"}


def test_a_connector_becomes_a_policy() -> None:
    text = f"""
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties: {{Handler: a.b, Runtime: python3.13, CodeUri: s3://code/one}}
        Connectors: {{ToTable: {{Properties: {{Destination: {{Id: Table}}, Permissions: [Read]}}}}}}
      G: {{{FUNCTION}, CodeUri: s3://code/one}}}}
      Table: {{Type: AWS::Serverless::SimpleTable}}
      Own: {{Type: AWS::Serverless::Connector, Properties: {{
        Source: {{Id: G}}, Destination: {{Id: Table}}, Permissions: [Write]}}}}
    """
    made = types(expanded(text))
    assert list(made.values()).count("AWS::IAM::ManagedPolicy") == 2


# -- versions ------------------------------------------------------------------------------------------


def version(text: str, parameters: dict[str, str | list[str]] | None = None) -> str:
    """The logical id of the only version."""
    [found] = [name for name, kind in types(expanded(text, parameters)).items() if kind == "AWS::Lambda::Version"]
    return found


def test_auto_publish_alias_makes_a_version_that_is_kept() -> None:
    document = expanded(function("AutoPublishAlias: live"))
    [name] = [name for name, kind in types(document).items() if kind == "AWS::Lambda::Version"]
    assert document["Resources"][name]["DeletionPolicy"] == "Retain"
    alias = document["Resources"]["FAliaslive"]["Properties"]
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [name, "Version"]}


def test_only_new_code_publishes_a_new_version() -> None:
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html"""
    first = version(function("AutoPublishAlias: live"))
    assert version(function("AutoPublishAlias: live")) == first
    assert version(function("AutoPublishAlias: live, Timeout: 9")) == first
    assert version(function("AutoPublishAlias: live", "s3://code/two")) != first
    assert version(function("AutoPublishAlias: live, AutoPublishCodeSha256: abc")) != first


def test_all_properties_publish_a_new_version_if_wanted() -> None:
    always = "AutoPublishAlias: live, AutoPublishAliasAllProperties: true"
    assert version(function(f"{always}, Timeout: 5")) != version(function(f"{always}, Timeout: 6"))


def test_a_parameter_in_the_codes_place_counts_with_its_value() -> None:
    text = "Parameters: {Key: {Type: String, Default: one}}\n" + function("AutoPublishAlias: live", "PLACE").replace(
        "'PLACE'", "{Bucket: code, Key: !Ref Key}"
    )
    assert version(text) == version(text, {"Key": "one"}) != version(text, {"Key": "two"})


def test_a_deployment_preference_makes_a_codedeploy_application() -> None:
    made = types(expanded(function("AutoPublishAlias: live, DeploymentPreference: {Type: AllAtOnce}")))
    assert made["ServerlessDeploymentApplication"] == "AWS::CodeDeploy::Application"
    assert made["FDeploymentGroup"] == "AWS::CodeDeploy::DeploymentGroup"
    assert made["CodeDeployServiceRole"] == "AWS::IAM::Role"


# -- the same each time --------------------------------------------------------------------------------

API = """
Parameters: {Stage: {Type: String, Default: dev}}
Globals: {Api: {Cors: "'*'"}, Function: {Runtime: python3.13, Handler: a.b, CodeUri: s3://code/one}}
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: !Ref Stage, Auth: {DefaultAuthorizer: AWS_IAM}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A: {Type: Api, Properties: {Path: /a, Method: get, RestApiId: !Ref Api}}
        B: {Type: Api, Properties: {Path: '/b/{id}', Method: post, RestApiId: !Ref Api}}
        C: {Type: HttpApi, Properties: {Path: /c, Method: any}}
"""


def test_the_same_template_gives_the_same_ids_in_the_same_order() -> None:
    """The ids of deployments and versions are hashes: if they differed, each deployment would replace them."""
    code = "from tests.templates.test_serverless import API, expanded\nimport json\nprint(json.dumps(expanded(API)))"
    answers = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_a_region_needs_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert "F" in expanded(function("Timeout: 5"), region="us-east-2")["Resources"]


# -- refusals ------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, str]] = [
    (
        f"Resources: {{F: {{{FUNCTION}}}}}}}",
        f"{INVALID}1. Resource with id [F] is invalid. Only one of 'InlineCode' or 'CodeUri' can be set.",
    ),
    (
        function("Timeout: 1", "code"),
        f"{INVALID}1. Resource with id [F] is invalid. 'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' "
        "with optional versionId query parameter.",
    ),
    (
        f"Resources: {{L: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: x}}}}, F: {{{FUNCTION},"
        " CodeUri: 's3://b/k', Event: {}}}}",
        f"{INVALID}2. Resource with id [F] is invalid. property Event not defined for resource of type "
        "AWS::Serverless::Function Resource with id [L7b832925f0] is invalid. 'ContentUri' is not a valid S3 Uri of "
        "the form 's3://bucket/key' with optional versionId query parameter.",
    ),
    (
        function("Events: {E: {Type: Nope}}"),
        f"{INVALID}1. Resource with id [F] is invalid. Event with id [E] is invalid. Resource dict has missing or "
        "invalid value for key Type. Event Type is: Nope.",
    ),
    ("Description: d", f"{INVALID}1. Structure of the SAM template is invalid. 'Resources' section is required"),
    (
        "Globals: {Nope: {}}\n" + function("Timeout: 1"),
        f"{INVALID}1. 'Globals' section is invalid. 'Nope' is not supported.",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_an_invalid_document_is_refused_in_the_words_of_sam(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        expanded(text)
    assert refused.value.message.startswith(message)


def test_an_application_of_the_repository_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"Serverless Application Repository is not supported.*resource Nested"):
        expanded(
            "Resources: {Nested: {Type: AWS::Serverless::Application, Properties: "
            "{Location: {ApplicationId: 'arn:aws:serverlessrepo:us-east-1:1:applications/a', SemanticVersion: 1.0.0}}}}"
        )


def test_too_many_resources_are_refused_before_they_are_expanded() -> None:
    events = ", ".join(
        f"E{number}: {{Type: Api, Properties: {{Path: /{number}, Method: get}}}}" for number in range(501)
    )
    with pytest.raises(TemplateError, match="Number of resources, 502, is greater than maximum allowed, 500"):
        expanded(function(f"Events: {{{events}}}"))


def test_a_processed_template_has_the_limit_of_any_template() -> None:
    functions = "".join(f"  F{one}: {{{FUNCTION}, CodeUri: s3://code/one}}}}\n" for one in range(30))
    with pytest.raises(TemplateError, match="Template may not exceed 1000000 bytes in size"):
        expanded(f"Globals: {{Function: {{Description: {'d' * 40_000}}}}}\nResources:\n{functions}")


# -- odd documents -------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.sampled_from(["", "a", "Ref", "s3://b/k", "Api", "GET", "/", "live", "${AWS::Region}", "F"]),
    st.integers(-1, 3),
    st.booleans(),
    st.floats(0, 2),
)
KEYS = st.sampled_from(
    [
        *("Ref", "Fn::Sub", "Fn::If", "Fn::GetAtt", "Type", "Properties", "Events", "CodeUri", "Auth", "Cors"),
        *("DefinitionBody", "paths", "Path", "Method", "Policies", "Bucket", "Key", "Tags", "x", "Domain", "Queue"),
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
BASE = read(
    API
    + """
  G: {Type: AWS::Serverless::Function, Properties: {AutoPublishAlias: live, DeploymentPreference: {Type: AllAtOnce},
    Policies: [{SQSPollerPolicy: {QueueName: q}}], Events: {E: {Type: SQS, Properties: {Queue: a, BatchSize: 1}}}}}
  Http: {Type: AWS::Serverless::HttpApi, Properties: {Auth: {Authorizers: {J: {JwtConfiguration: {issuer: i,
    audience: [a]}, IdentitySource: s}}}, Domain: {DomainName: d, CertificateArn: c}}}
  S: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {StartAt: A}, Events: {E: {Type: Schedule,
    Properties: {Schedule: rate(1 day)}}}}}
  T: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: id, Type: String}}}
  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: s3://b/k}}
  N: {Type: AWS::Serverless::Application, Properties: {Location: l}}
  C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: F}, Destination: {Id: T}, Permissions: [Read]}}
  Q: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaUri: s3://b/k, Auth: {Type: AWS_IAM}}}
Conditions: {Always: !Equals [a, a]}
Mappings: {M: {a: {b: c}}}
Outputs: {O: {Value: !Ref F.Version}}
"""
)
PATHS = [path for path, _ in walk(BASE) if path]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3))
def test_odd_documents_are_expanded_or_refused(changes: list[tuple[tuple[str | int, ...], Any]]) -> None:
    document: Any = copy.deepcopy(BASE)
    for path, value in changes:
        within = document
        for part in path[:-1]:
            try:
                within = within[part]
            except (KeyError, IndexError, TypeError):
                within = None
                break
        if isinstance(within, dict):
            within[str(path[-1])] = copy.deepcopy(value)
    with contextlib.suppress(TemplateError):
        assert isinstance(expand(document, {}, region="eu-west-1"), dict)


def test_a_document_nested_as_deep_as_may_be_is_expanded() -> None:
    deep: Any = "x"
    for _ in range(90):
        deep = {"a": deep}
    document = {"Resources": {"A": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "s"}}}}
    document["Resources"]["A"]["Properties"]["DefinitionBody"] = {"swagger": "2.0", "paths": {}, "x-deep": deep}  # type: ignore[index]
    assert "A" in expand(document, {}, region="eu-west-1")["Resources"]
