"""Local clients use what they are given and nothing else, and can't leave this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud, Refused, open_cloud
from sandbox.isolation import isolated_session, local_config, refuse_to_leave
from sandbox.loopback import is_loopback

LAB_SERVICES = (
    "apigateway",
    "apigatewayv2",
    "cloudformation",
    "cloudtrail",
    "cloudwatch",
    "codedeploy",
    "dynamodb",
    "events",
    "iam",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "rds",
    "s3",
    "s3control",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
    "xray",
)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment in which everything that botocore reads points away from this machine."""
    home = tmp_path / "home"
    aws = home / ".aws"
    aws.mkdir(parents=True)
    config = (
        "[default]\nregion = eu-west-9\nendpoint_url = http://10.0.0.2\nservices = away\n"
        "use_fips_endpoint = true\ndefaults_mode = auto\nca_bundle = /nowhere.pem\nretry_mode = legacy\n"
        "[profile elsewhere]\nregion = eu-west-9\nendpoint_url = http://10.0.0.3\nservices = away\n"
        "[services away]\nsqs =\n  endpoint_url = http://10.0.0.4\nlambda =\n  endpoint_url = http://10.0.0.4\n"
    )
    (aws / "config").write_text(config)
    (aws / "credentials").write_text("[elsewhere]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    model = aws / "models" / "sqs" / "2099-01-01"
    model.mkdir(parents=True)
    (model / "service-2.json").write_text('{"metadata": {"endpointPrefix": "stolen"}, "operations": {}, "shapes": {}}')
    for name, value in {
        "HOME": str(home),
        "AWS_PROFILE": "elsewhere",
        "AWS_CONFIG_FILE": str(aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_DATA_PATH": str(aws / "models"),
        "AWS_ENDPOINT_URL_SQS": "http://10.0.0.1",
        "AWS_ENDPOINT_URL_LAMBDA": "http://10.0.0.1",
        "AWS_ENDPOINT_URL_S3": "http://10.0.0.1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_CSM_ENABLED": "true",
        "AWS_CSM_HOST": "10.0.0.1",
        "AWS_CA_BUNDLE": "/nowhere.pem",
        "AWS_RETRY_MODE": "legacy",
        "AWS_MAX_ATTEMPTS": "9",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://10.0.0.1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/credentials",
        "HTTP_PROXY": "http://10.0.0.1:3128",
        "http_proxy": "http://10.0.0.1:3128",
        "HTTPS_PROXY": "http://10.0.0.1:3128",
        "ALL_PROXY": "http://10.0.0.1:3128",
    }.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def cloud(endpoint: Any, credentials: dict[str, str]) -> Cloud:
    return open_cloud(endpoint=endpoint.url, credentials=credentials)


@pytest.mark.parametrize("service", LAB_SERVICES)
def test_every_client_keeps_to_the_endpoint_in_a_hostile_environment(
    hostile: Path, cloud: Cloud, endpoint: Any, service: str
) -> None:
    client = cloud.client(service)
    assert client.meta.endpoint_url == endpoint.url
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.proxies == {}
    assert client.meta.config.retries["mode"] == "standard"
    assert client.meta.service_model.endpoint_prefix != "stolen"


def test_calls_in_a_hostile_environment_reach_the_endpoint_and_pass_no_proxy(
    hostile: Path, cloud: Cloud, endpoint: Any
) -> None:
    assert cloud.client("lambda").invoke(FunctionName="f", Payload=b"1")["StatusCode"] == 200
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"
    cloud.clock.advance(5)
    assert [path for _, path in endpoint.requests] == [
        "/2015-03-31/functions/f/invocations",
        "/",
        "/_sandbox/clock",
        "/_sandbox/clock/advance",
    ]


def test_credentials_are_those_given_and_not_the_profiles(hostile: Path, cloud: Cloud) -> None:
    signed = []
    cloud.client("sts").meta.events.register("before-send", lambda request, **_: signed.append(request.headers))
    cloud.client("sts").get_caller_identity()
    assert b"AKIAFAKE" in signed[0]["Authorization"]


def test_a_client_that_points_away_is_stopped_before_it_sends(credentials: dict[str, str]) -> None:
    session = isolated_session(credentials, "us-east-1")
    client = session.client("sqs", endpoint_url="http://10.0.0.1", config=local_config("sqs"))
    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        client.list_queues()
    away = session.client("sqs", config=local_config("sqs"))
    with pytest.raises(Refused, match="amazonaws"):
        away.list_queues()


def test_a_bucket_and_a_host_prefix_do_not_become_part_of_the_host(cloud: Cloud, endpoint: Any) -> None:
    sent: list[str] = []

    def note(request: AWSRequest, **_: Any) -> None:
        sent.append(request.url)

    for service in ("s3", "stepfunctions"):
        cloud.client(service).meta.events.register("before-send", note)
    with pytest.raises(ClientError):
        cloud.client("s3").get_object(Bucket="orders.example", Key="a b")
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    with pytest.raises(ClientError):
        cloud.client("stepfunctions").start_sync_execution(stateMachineArn=machine)
    assert len(sent) == 2
    assert all(url.startswith(endpoint.url + "/") for url in sent)


def test_a_service_whose_rules_move_the_host_is_stopped(cloud: Cloud, endpoint: Any) -> None:
    with pytest.raises(Refused, match="would have left this machine"):
        cloud.client("s3control").list_jobs(AccountId="123456789012")
    assert endpoint.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:4566",
        "https://sqs.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com",
        "http://0.0.0.0:4566",
        "http://[::2]:1",
        "ftp://127.0.0.1",
        "127.0.0.1:4566",
        "http://",
        "http://127.0.0.1:port",
    ],
)
def test_an_endpoint_off_this_machine_is_refused_by_value(
    url: str, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_loopback(url)
    with pytest.raises(Refused) as refused:
        open_cloud(endpoint=url, credentials=credentials)
    assert url in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(Refused, match="AWS_ENDPOINT_URL is"):
        open_cloud(credentials=credentials)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.8.9.1:1/", "http://[::1]:1", "http://localhost:1"])
def test_loopback_is_every_form_of_it(url: str) -> None:
    assert is_loopback(url)


def test_the_last_look_refuses_by_host() -> None:
    with pytest.raises(Refused, match=r"sqs\.eu-west-1\.amazonaws\.com"):
        refuse_to_leave(AWSRequest(method="GET", url="https://sqs.eu-west-1.amazonaws.com/").prepare())


def test_missing_endpoint_and_credentials_say_what_to_do(credentials: dict[str, str]) -> None:
    with pytest.raises(Refused, match="AWS_ENDPOINT_URL"):
        open_cloud(credentials=credentials)
    with pytest.raises(Refused, match="the environment has no AWS_ACCESS_KEY_ID"):
        open_cloud(endpoint="http://127.0.0.1:1")
    with pytest.raises(Refused, match="credentials has no AWS_SECRET_ACCESS_KEY"):
        open_cloud(endpoint="http://127.0.0.1:1", credentials={"AWS_ACCESS_KEY_ID": "A"})


def test_the_environment_alone_suffices(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    cloud = open_cloud()
    assert (cloud.target, cloud.region, cloud.account) == ("local", "eu-central-1", "123456789012")
    assert cloud.environment == {
        **{name: os.environ[name] for name in os.environ if name.startswith("AWS_")},
        "AWS_REGION": "eu-central-1",
    }


def test_a_plain_boto3_session_works_with_the_environment_of_a_cloud(
    cloud: Cloud, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_function_may_take_its_fifteen_minutes(cloud: Cloud) -> None:
    assert cloud.client("lambda").meta.config.read_timeout > 900
    assert cloud.client("lambda").meta.config.max_pool_connections >= 256


def test_clients_are_made_once(cloud: Cloud) -> None:
    assert cloud.client("sqs") is cloud.client("sqs")
