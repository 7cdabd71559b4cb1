"""Whatever is asked of any service, the answer is a success or an error that an SDK reads in the service's protocol."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

#: At least one service of each protocol, and of those that share a signing name; none that takes 100 MB to load.
HELD = ["sqs", "sns", "iam", "sts", "s3", "dynamodb", "dynamodbstreams", "logs", "cloudwatch", "events"]
HELD += ["cloudtrail", "ssm", "kms", "secretsmanager", "lambda", "kinesis", "stepfunctions", "ecr", "backup", "appmesh"]
HELD += ["route53", "elb", "elbv2", "apigateway", "apigatewayv2", "appconfig", "kinesisanalytics", "lexv2-models"]
#: Services that moto has not, most of them signing with the name of one that it has.
NOT_HELD = ["s3files", "simpledbv2", "lex-models", "bedrock-agent-runtime", "bedrock-data-automation", "eventbridgev2"]
NOT_HELD += ["chime-sdk-voice", "greengrassv2", "lambda-core", "keyspacesstreams", "cloudwatchomni", "appintegrations"]
NOT_HELD += ["pinpoint-email", "pinpoint-sms-voice-v2", "marketplace-agreement", "gamelift", "s3outposts"]


def answers(client: Any) -> dict[str, tuple[int, str, str]]:
    """Status, code and message of every List, Describe and Get operation that needs no argument."""
    given = {}
    for operation in client.meta.service_model.operation_names:
        shape = client.meta.service_model.operation_model(operation).input_shape
        if operation.startswith(("List", "Describe", "Get")) and not (shape and shape.required_members):
            try:
                answer = getattr(client, xform_name(operation))()
                given[operation] = (answer["ResponseMetadata"]["HTTPStatusCode"], "", "")
            except ClientError as error:
                said = error.response["Error"]
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                given[operation] = (status, said["Code"], said["Message"])
    return given


@pytest.mark.parametrize("service", HELD)
def test_no_reading_call_fails_in_a_way_that_aws_does_not(clients: Any, service: str) -> None:
    given = answers(clients(service))
    assert given
    for operation, (status, code, message) in given.items():
        assert status < 500, (operation, code, message)
        if status >= 300:
            assert code[:1].isalpha(), (operation, status, code, message)
            assert message, (operation, code)
        if code in ("NotImplementedException", "InternalFailure"):
            assert f"{service}:{operation}" in message


@pytest.mark.parametrize("service", NOT_HELD)
def test_a_service_that_nobody_answers_is_refused_by_operation(clients: Any, service: str) -> None:
    given = answers(clients(service))
    assert given
    for operation, (status, code, message) in given.items():
        assert (status, code) == (400, "NotImplementedException"), (operation, message)
        # Some have the very paths of an older service, chime-sdk-voice those of chime.
        assert message.startswith("coldstart does not support ")
        assert f":{operation}: " in message


@pytest.mark.parametrize(("service", "operation"), [("backup", "list_backup_plans"), ("appmesh", "list_meshes")])
def test_a_list_without_parameters_is_answered(clients: Any, service: str, operation: str) -> None:
    # moto takes a query without parameters from the headers, and an empty one broke it.
    assert getattr(clients(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_service_is_not_answered_by_its_successor_of_the_same_signing_name(clients: Any) -> None:
    with pytest.raises(ClientError, match="kinesisanalytics:ListApplications"):
        clients("kinesisanalytics").list_applications()
    assert clients("kinesisanalyticsv2").list_applications()["ApplicationSummaries"] == []


def test_directory_buckets_are_refused(clients: Any) -> None:
    with pytest.raises(ClientError, match="s3:ListDirectoryBuckets") as caught:
        clients("s3").list_directory_buckets()
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
