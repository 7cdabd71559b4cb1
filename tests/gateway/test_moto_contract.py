"""What the sandbox uses of moto's inside. A failure means that moto has changed: see sandbox/gateway/moto_adapter.py.

Each test names one thing that the adapter relies on, so that the first red line after an upgrade says what to mend.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

from sandbox.deliveries import s3_events
from sandbox.gateway import (
    moto_adapter,
    moto_cognito,
    moto_deliveries,
    moto_events,
    moto_iam,
    moto_policies,
    moto_resources,
    refusals,
)
from sandbox.gateway.call import DEFAULT_ACCOUNT, MEMBER_ACCOUNT
from sandbox.gateway.message import Request
from sandbox.gateway.pipeline import Gateway
from sandbox.gateway.services import LABS_SERVICES


def test_the_version_is_the_one_that_was_looked_at() -> None:
    assert importlib.metadata.version("moto").startswith("5.2.")


def test_loading_what_the_labs_use_does_not_load_ec2() -> None:
    # A second and 120 MB. The stand-in for it is in moto_adapter._import_ssm.
    script = (
        "import sys; from sandbox.gateway.pipeline import preload; preload(); print('moto.ec2.models' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "False\n", done.stderr


def test_ssm_still_reaches_ec2_when_it_needs_it(clients: Any) -> None:
    ec2, ssm = clients("ec2"), clients("ssm")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert vpc.startswith("vpc-")
    import moto.ssm.models

    assert moto.ssm.models.ec2_backends[DEFAULT_ACCOUNT]["us-east-1"].vpcs
    assert ssm.describe_parameters()["Parameters"] == []


@pytest.mark.parametrize("service", sorted(LABS_SERVICES))
def test_models_give_operations_shapes_and_metadata(service: str) -> None:
    model = moto_adapter.service_model(service)
    assert model.operation_names
    assert model.signing_name == LABS_SERVICES[service]
    operation = moto_adapter.operation_model(service, next(iter(model.operation_names)))
    assert operation.http_trait.method


def request(
    method: str, path: str, query: str = "", body: bytes = b"", headers: dict[str, str] | None = None
) -> Request:
    headers = headers or {}

    def environ() -> dict[str, Any]:
        import io

        made: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "RAW_URI": path + (f"?{query}" if query else ""),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "HTTP_HOST": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
        }
        for name, value in headers.items():
            made["HTTP_" + name.upper().replace("-", "_")] = value
        return made

    return Request(method, path, query, headers, body, environ)


@pytest.mark.parametrize(
    ("service", "method", "path", "query", "operation", "parameters"),
    [
        ("s3", "GET", "/b/a%2Fk//x", "", "GetObject", {"Bucket": "b", "Key": "a/k//x"}),
        ("s3", "GET", "/b", "list-type=2", "ListObjectsV2", {"Bucket": "b"}),
        ("s3", "DELETE", "/b", "inventory=&id=i", "DeleteBucketInventoryConfiguration", {"Bucket": "b"}),
        ("lambda", "GET", "/2015-03-31/functions/arn%3Aaws%3Alambda/aliases/live", "", "GetAlias", None),
        ("apigatewayv2", "GET", "/v2/apis", "", "GetApis", {}),
    ],
)
def test_rest_requests_are_routed(
    service: str, method: str, path: str, query: str, operation: str, parameters: dict[str, Any] | None
) -> None:
    found = moto_adapter.route(service, request(method, path, query))
    assert found is not None
    assert found[0] == operation
    if parameters is not None:
        assert found[1] == parameters


def test_a_path_that_nothing_has_is_not_routed() -> None:
    assert moto_adapter.route("lambda", request("GET", "/nonsense")) is None


def test_parameters_are_parsed_in_each_protocol() -> None:
    query = moto_adapter.operation_model("iam", "CreateRole")
    body = b"Action=CreateRole&RoleName=r&Tags.member.1.Key=k&Tags.member.1.Value=v"
    assert moto_adapter.parse(query, "query", request("POST", "/", body=body), {}) == {
        "RoleName": "r",
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    json_model = moto_adapter.operation_model("kms", "Encrypt")
    parsed = moto_adapter.parse(json_model, "json", request("POST", "/", body=b'{"KeyId":"k","Plaintext":"YWI="}'), {})
    assert parsed == {"KeyId": "k", "Plaintext": b"ab"}
    rest = moto_adapter.operation_model("lambda", "CreateAlias")
    parsed = moto_adapter.parse(
        rest,
        "rest-json",
        request(
            "POST",
            "/",
            body=b'{"Name":"live","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.1}}}',
        ),
        {"FunctionName": "f"},
    )
    assert parsed == {
        "FunctionName": "f",
        "Name": "live",
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}},
    }


def test_xml_results_are_written_with_our_request_id() -> None:
    model = moto_adapter.operation_model("sts", "GetCallerIdentity")
    response = moto_adapter.serialise(model, "query", {"Account": "1", "Arn": "a", "UserId": "u"}, "the-id")
    assert response.status == 200
    assert b"<Account>1</Account>" in response.body
    assert b"<RequestId>the-id</RequestId>" in response.body


@pytest.mark.parametrize(
    ("service", "operation"), [("sns", "list_topics"), ("ec2", "describe_vpcs"), ("sqs", "list_queues")]
)
def test_moto_answers_with_our_request_id(clients: Any, service: str, operation: str) -> None:
    metadata = getattr(clients(service), operation)()["ResponseMetadata"]
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert len(metadata["RequestId"]) == 36


def test_moto_lets_its_bugs_out(clients: Any) -> None:
    # Flask must not turn them into an HTML page.
    import flask

    app = moto_adapter._dispatcher.create_app("sns")
    assert isinstance(app, flask.Flask)
    assert app.debug


def test_the_places_that_are_changed_exist() -> None:
    import moto.awslambda.models
    import moto.core.responses
    import moto.core.serialize
    import moto.core.utils
    import moto.iam.models
    import moto.moto_server.werkzeug_app
    import moto.sqs.models

    assert hasattr(moto.core.responses.method_names_from_class, "cache_info")
    assert moto.core.responses.gen_amzn_requestid_long.__module__ == moto_adapter.__name__
    assert moto.core.utils.unix_time.__module__ == moto_adapter.__name__
    assert hasattr(moto.core.utils.create_loader, "cache_info")
    assert moto.sqs.models.Queue.add_message.__module__ == moto_adapter.__name__
    assert moto.iam.models.load_iam_aws_managed_policies.__module__ == moto_adapter.__name__
    assert moto.moto_server.werkzeug_app.DISABLE_GLOBAL_CORS is True
    for owner in (moto.awslambda.models.LambdaFunction, moto.awslambda.models.LambdaBackend):
        with pytest.raises(moto_adapter.NotInMoto, match="invoked by moto"):
            owner.invoke(None)
    assert "unix_time" in inspect.getsource(moto.core.utils.unix_time_millis)


def test_time_is_bound_by_names_that_can_be_rebound() -> None:
    import datetime
    import time

    import moto.core.utils
    import moto.secretsmanager.models

    assert moto.core.utils.datetime is not datetime
    assert moto.secretsmanager.models.time is not time
    assert isinstance(moto.core.utils.utcnow(), datetime.datetime)
    assert type(moto.core.utils.utcnow()) is datetime.datetime


def test_users_keys_and_roles_are_where_they_are_looked_for(
    clients: Any, gateway: Gateway, role_arn: str, trust_policy: str
) -> None:
    key = moto_adapter.find_key(gateway.learner["AWS_ACCESS_KEY_ID"])
    assert key is not None
    assert (key.user_name, key.active) == ("learner", True)
    role = moto_adapter.find_role(role_arn)
    assert role is not None
    assert (role.name, role.max_session_seconds) == ("fn", 3600)
    assert clients("iam").get_role(RoleName="fn")["Role"]["RoleId"] == role.role_id


def test_moto_answers_in_the_account_that_it_is_told(gateway: Gateway) -> None:
    from moto.core.responses import BaseResponse

    assert "x-moto-account-id" in inspect.getsource(BaseResponse.get_current_account)
    assert moto_adapter.has_account(MEMBER_ACCOUNT)
    assert not moto_adapter.has_account("999999999999")
    role = moto_adapter.find_role(f"arn:aws:iam::{MEMBER_ACCOUNT}:role/OrganizationAccountAccessRole")
    assert role is not None
    assert moto_adapter.find_role("arn:aws:iam::999999999999:role/OrganizationAccountAccessRole") is None
    assert not moto_adapter.has_account("999999999999")


def test_an_accounts_copies_of_awss_policies_are_its_own(gateway: Gateway) -> None:
    import moto.iam.models

    ours, theirs = (moto.iam.models.iam_backends[account]["aws"] for account in (DEFAULT_ACCOUNT, MEMBER_ACCOUNT))
    assert ours.managed_policies.keys() == theirs.managed_policies.keys()
    arn = moto_adapter.ADMINISTRATOR_ACCESS
    one, two = ours.managed_policies[arn], theirs.managed_policies[arn]
    assert (one.account_id, two.account_id) == (DEFAULT_ACCOUNT, MEMBER_ACCOUNT)
    assert one.versions[0] is not two.versions[0]
    assert one.versions[0].document == two.versions[0].document
    assert one.attachment_count == 2


def test_buckets_keys_and_providers_are_where_they_are_looked_for(clients: Any) -> None:
    clients("s3").create_bucket(Bucket="looked-for")
    assert moto_adapter.bucket_account("looked-for") == DEFAULT_ACCOUNT
    assert moto_adapter.bucket_account("absent") is None
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert moto_adapter.key_of_ciphertext(blob, "us-east-1") == key
    assert moto_adapter.key_of_ciphertext(b"\xff" * 60, "us-east-1") is None
    clients("iam").create_open_id_connect_provider(Url="https://issuer.example/a", ClientIDList=["one", "two"])
    provider = moto_adapter.find_oidc_provider(DEFAULT_ACCOUNT, "https://issuer.example/a")
    assert provider is not None
    assert provider.client_ids == ("one", "two")
    assert provider.arn == f"arn:aws:iam::{DEFAULT_ACCOUNT}:oidc-provider/issuer.example/a"
    assert moto_adapter.find_oidc_provider(DEFAULT_ACCOUNT, "https://issuer.example") is None


def test_aws_managed_policies_are_there(clients: Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    assert clients("iam").get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "AWSLambdaBasicExecutionRole"


def test_a_queues_times_are_where_they_are_looked_for(clients: Any, gateway: Gateway) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="looked-at", Attributes={"ReceiveMessageWaitTimeSeconds": "7"})["QueueUrl"]
    assert moto_adapter.queue_wait_seconds("us-east-1", "looked-at") == 7
    assert moto_adapter.next_visible_at("us-east-1", "looked-at") is None
    sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=60)
    at = moto_adapter.next_visible_at("us-east-1", "looked-at")
    assert at is not None
    assert 50 < at - gateway.clock.now() <= 60
    assert moto_adapter.next_visible_at("us-east-1", "absent") is None


# -- what authorising reads: users, roles, resources (moto_iam, moto_resources, moto_policies, moto_names) -------------


@pytest.mark.parametrize("service", ["dynamodb", "ec2", "ecr", "events", "iam", "kinesis", "kms", "s3", "sns", "sqs"])
def test_stores_are_plain_dicts_of_accounts_and_regions(service: str) -> None:
    import importlib

    stores = getattr(importlib.import_module(f"moto.{service}.models"), f"{service}_backends")
    # Asking so makes no account; indexing would.
    assert dict.get(stores, "000000000000") is None
    assert stores.get("000000000000") is None
    assert "000000000000" not in dict.keys(stores)
    region = "aws" if service in ("iam", "s3") else "us-east-1"
    assert stores[DEFAULT_ACCOUNT][region] is stores.get(DEFAULT_ACCOUNT).get(region)


def test_what_was_deleted_is_not_kept_in_memory(clients: Any) -> None:
    from moto.sqs.models import Message

    queue = clients("sqs").create_queue(QueueName="orders")["QueueUrl"]
    clients("sqs").send_message(QueueUrl=queue, MessageBody="an order")
    assert Message.instances_tracked == []
    assert clients("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "an order"


def test_roles_are_kept_by_id_users_and_groups_by_name(clients: Any, role_arn: str) -> None:
    iam = moto_iam.iam_of(DEFAULT_ACCOUNT)
    client = clients("iam")
    role = client.get_role(RoleName="fn")["Role"]
    assert iam.roles[role["RoleId"]].arn == role_arn
    assert (iam.roles[role["RoleId"]].policies, iam.roles[role["RoleId"]].managed_policies) == ({}, {})
    client.create_user(UserName="kept")
    client.create_group(GroupName="kept")
    client.add_user_to_group(GroupName="kept", UserName="kept")
    assert iam.groups["kept"].users == [iam.users["kept"]]
    assert client.get_user(UserName="kept")["User"]["UserId"] == iam.users["kept"].id


def test_unique_ids_begin_as_those_of_aws_do(clients: Any, role_arn: str) -> None:
    client = clients("iam")
    ids = [
        client.create_user(UserName="named")["User"]["UserId"],
        client.create_group(GroupName="named")["Group"]["GroupId"],
        client.get_role(RoleName="fn")["Role"]["RoleId"],
    ]
    assert [(one[:4], len(one), one.isupper()) for one in ids] == [
        ("AIDA", 21, True),
        ("AGPA", 21, True),
        ("AROA", 21, True),
    ]


def test_managed_policies_are_kept_by_arn_with_their_versions(clients: Any) -> None:
    iam = moto_iam.iam_of(DEFAULT_ACCOUNT)
    policy = iam.managed_policies[moto_adapter.ADMINISTRATOR_ACCESS]
    assert [version.document for version in policy.versions if version.version_id == policy.default_version_id]


def test_users_can_have_a_boundary() -> None:
    import moto.iam.models
    import moto.iam.responses

    assert moto.iam.models.User.permissions_boundary_arn is None
    for method in ("create_user", "put_user_permissions_boundary", "delete_user_permissions_boundary"):
        assert getattr(moto.iam.responses.IamResponse, method).__module__ == moto_iam.__name__


def test_moto_leaves_policies_unchecked(clients: Any) -> None:
    import moto.iam.models

    for name in ("IAMPolicyDocumentValidator", "IAMTrustPolicyDocumentValidator"):
        assert getattr(moto.iam.models, name).__module__ == moto_adapter.__name__
        assert name in inspect.getsource(moto.iam.models)
    iam = clients("iam")
    # Good policies that moto would refuse.
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    inline = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
    iam.create_role(RoleName="no-version", AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
    iam.put_role_policy(RoleName="no-version", PolicyName="p", PolicyDocument=inline)
    assert moto_iam.inline_policies(DEFAULT_ACCOUNT, "role", "no-version") == {"p": inline}
    assert moto_iam.inline_policies(DEFAULT_ACCOUNT, "group", "no-version") == {}


def test_moto_does_not_judge(clients: Any) -> None:
    import moto.kms.responses
    import moto.s3.models
    from moto.iam.access_control import PermissionResult

    assert moto.s3.models.FakeBucket.get_permission(None, "", "") is PermissionResult.NEUTRAL
    assert moto.kms.responses.validate_policy.__module__ == moto_policies.__name__
    # A bucket policy that asks for TLS: moto alone would deny every call, whatever the condition.
    s3 = clients("s3")
    s3.create_bucket(Bucket="tls-only")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::tls-only/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_object(Bucket="tls-only", Key="k", Body=b"v")
    assert s3.get_object(Bucket="tls-only", Key="k")["Body"].read() == b"v"


def test_secrets_are_kept_by_name(clients: Any) -> None:
    arn = clients("secretsmanager").create_secret(Name="kept", SecretString="s")["ARN"]
    store = moto_resources.store("secretsmanager", DEFAULT_ACCOUNT, "us-east-1")
    assert dict.get(store.secrets, "kept").arn == arn


def test_parameters_and_their_tags_are_kept_by_name(clients: Any) -> None:
    clients("ssm").put_parameter(
        Name="/kept", Value="v", Type="SecureString", KeyId="alias/a", Tags=[{"Key": "a", "Value": "b"}]
    )
    store = moto_resources.store("ssm", DEFAULT_ACCOUNT, "us-east-1")
    # A name of one part is kept without its slash, others with it; tags under the name as given.
    assert dict.get(store._parameters, "kept")[-1].keyid == "alias/a"
    assert store._resource_tags["Parameter"]["/kept"] == {"a": "b"}


# -- what is delivered (moto_deliveries) ------------------------------------------------------------------------------


def test_deliveries_pass_the_places_that_are_changed() -> None:
    import moto.s3.models
    import moto.sns.models
    import moto.sqs.models

    notifications = moto.s3.models.notifications
    for changed in (
        moto.sns.models.Topic.publish,
        moto.sns.models.Subscription.publish,
        moto.sns.models.SNSBackend._validate_filter_policy,
        notifications.send_event,
        moto.s3.models.S3Backend.delete_object,
    ):
        assert changed.__module__ == moto_deliveries.__name__
    assert "_validate_filter_policy(filter_policy, scope=" in inspect.getsource(moto.sns.models.SNSBackend)
    events = {event.value for event in notifications.S3NotificationEvent}
    assert set(s3_events.RAISED.values()) | {s3_events.DELETED, s3_events.MARKER_CREATED} <= events
    assert list(inspect.signature(moto.sqs.models.SQSBackend.send_message).parameters)[1:] == [
        "queue_name",
        "message_body",
        "message_attributes",
        "delay_seconds",
        "deduplication_id",
        "group_id",
        "system_attributes",
        "validate_group_id",
    ]


# -- rules and buses (moto_events) ------------------------------------------------------------------------------------


def test_rules_are_kept_where_they_are_looked_for(gateway: Any) -> None:
    import moto.events.models

    assert moto.events.models.Rule.send_to_targets.__module__ == moto_events.__name__
    bus = moto_events.find_bus(DEFAULT_ACCOUNT, "us-east-1", "default")
    rule = moto_events.put_rule(
        bus, "r", pattern='{"a": [1]}', schedule="rate(1 day)", state="DISABLED", description="d", role_arn="arn:role"
    )
    rule.targets.append({"Id": "1", "Arn": "arn"})
    assert rule.arn == f"arn:aws:events:us-east-1:{DEFAULT_ACCOUNT}:rule/r"
    assert (rule.name, rule.state, rule.description, rule.role_arn) == ("r", "DISABLED", "d", "arn:role")
    assert (rule.account_id, rule.region_name, rule.event_bus_name) == (DEFAULT_ACCOUNT, "us-east-1", "default")
    assert (rule.scheduled_expression, rule.managed_by) == ("rate(1 day)", None)
    assert moto_events.pattern_of(rule) == '{"a": [1]}'
    again = moto_events.put_rule(
        bus, "r", pattern=None, schedule="rate(1 day)", state="ENABLED", description=None, role_arn=None
    )
    assert moto_events.pattern_of(again) is None
    assert again.targets == [{"Id": "1", "Arn": "arn"}]
    assert moto_events.find_rule(bus, "r") is again
    moto_events.tag_rule(again, [{"Key": "a", "Value": "1"}])
    arn = moto_resources.arn_of(again.arn)
    assert arn is not None
    assert moto_resources.tags(arn) == {"a": "1"}
    moto_events.drop_rule(bus, again)
    assert moto_events.rules_of(bus) == []
    assert moto_resources.tags(arn) == {}


def test_the_operations_that_are_refused_exist() -> None:
    for service, operations in refusals.OPERATIONS.items():
        assert set(operations) <= moto_adapter.operation_names(service), service
    for service, operation in refusals.OBJECTIONS:
        assert operation in moto_adapter.operation_names(service)
    for service in refusals.SERVICES:
        assert moto_adapter.operation_names(service)


def test_what_motos_s3_does_not_know_is_refused() -> None:
    """moto's S3 takes a request with an unknown part in its URL for another operation: all such must be listed."""
    from moto.core.utils import camelcase_to_underscores, method_names_from_class
    from moto.s3.responses import S3Response

    methods = set(method_names_from_class(S3Response))
    # Known to moto under other names, or as a part of what has another name.
    known = {
        "BucketCORSPreflightCheck",
        "CompleteMultipartUpload",
        "CreateBucket",
        "CreateMultipartUpload",
        "DeleteObjects",
        "GetBucketLifecycleConfiguration",
        "GetBucketNotificationConfiguration",
        "GetBucketTagging",
        "ListBuckets",
        "ObjectCORSPreflightCheck",
        "PutBucketAccelerateConfiguration",
        "PutBucketAcl",
        "PutBucketCors",
        "PutBucketEncryption",
        "PutBucketInventoryConfiguration",
        "PutBucketLifecycle",
        "PutBucketLifecycleConfiguration",
        "PutBucketLogging",
        "PutBucketNotification",
        "PutBucketNotificationConfiguration",
        "PutBucketOwnershipControls",
        "PutBucketPolicy",
        "PutBucketReplication",
        "PutBucketTagging",
        "PutBucketVersioning",
        "PutBucketWebsite",
        "PutObjectLockConfiguration",
        "PutPublicAccessBlock",
        "RestoreObject",
        "SelectObjectContent",
    }
    unknown = {
        name for name in moto_adapter.operation_names("s3") if camelcase_to_underscores(name) not in methods
    } - known
    assert unknown == set(refusals.OPERATIONS["s3"])


def test_a_user_pool_s_tokens_are_signed_by_its_own_key(clients: Any) -> None:
    """moto_cognito wraps CognitoIdpUserPool.create_jwt, and reads clients, extended_config and users' attributes."""
    import jwt

    idp = clients("cognito-idp")
    pool = idp.create_user_pool(PoolName="contract")["UserPool"]["Id"]
    client = idp.create_user_pool_client(
        UserPoolId=pool, ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"], AccessTokenValidity=2
    )["UserPoolClient"]["ClientId"]
    attributes = [{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]
    idp.admin_create_user(UserPoolId=pool, Username="ada", UserAttributes=attributes)
    idp.admin_set_user_password(UserPoolId=pool, Username="ada", Password="Correct-Horse-7", Permanent=True)
    given = idp.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Correct-Horse-7"},
    )["AuthenticationResult"]
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{pool}"
    (key,) = (moto_cognito.keys(issuer) or {}).values()
    claims = jwt.decode(given["IdToken"], key, algorithms=["RS256"], audience=client, issuer=issuer)
    assert (claims["email"], claims["email_verified"], claims["token_use"]) == ("ada@example.com", True, "id")
    claims = jwt.decode(given["AccessToken"], key, algorithms=["RS256"], issuer=issuer)
    assert claims["exp"] - claims["iat"] == given["ExpiresIn"] == 7200
    # The token that was given out is the one that moto knows.
    assert idp.get_user(AccessToken=given["AccessToken"])["Username"] == "ada"
    assert moto_cognito.keys("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_none") is None
