"""Who a signed request comes from, and how each family of services refuses one that is not what it claims."""

from __future__ import annotations

import datetime
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.gateway.pipeline import Gateway

#: One operation for each family of services.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("list_buckets", {}),
    "sts": ("get_caller_identity", {}),
    "iam": ("list_users", {}),
    "ec2": ("describe_vpcs", {}),
    "dynamodb": ("list_tables", {}),
    "sqs": ("list_queues", {}),
    "lambda": ("list_functions", {}),
}


def failure(client: Any, service: str) -> tuple[str, int]:
    operation, params = CALLS[service]
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("s3", "InvalidAccessKeyId", 403),
        ("sts", "InvalidClientTokenId", 403),
        ("iam", "InvalidClientTokenId", 403),
        ("ec2", "AuthFailure", 401),
        ("dynamodb", "UnrecognizedClientException", 400),
        ("sqs", "InvalidClientTokenId", 400),
        ("lambda", "UnrecognizedClientException", 403),
    ],
)
def test_an_unknown_key_is_refused_in_the_services_words(clients: Any, service: str, code: str, status: int) -> None:
    unknown = {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN00", "AWS_SECRET_ACCESS_KEY": "x" * 40}
    assert failure(clients(service, unknown), service) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("s3", "SignatureDoesNotMatch", 403),
        ("sts", "SignatureDoesNotMatch", 403),
        ("ec2", "SignatureDoesNotMatch", 403),
        ("dynamodb", "InvalidSignatureException", 400),
        ("lambda", "InvalidSignatureException", 403),
    ],
)
def test_a_wrong_secret_is_refused_in_the_services_words(
    clients: Any, gateway: Gateway, service: str, code: str, status: int
) -> None:
    wrong = {**gateway.learner, "AWS_SECRET_ACCESS_KEY": "x" * 40}
    assert failure(clients(service, wrong), service) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("iam", "MissingAuthenticationToken", 403),
        ("dynamodb", "MissingAuthenticationTokenException", 400),
        ("lambda", "MissingAuthenticationTokenException", 403),
    ],
)
def test_an_unsigned_call_is_refused(clients: Any, service: str, code: str, status: int) -> None:
    client = clients(service, config=Config(signature_version=UNSIGNED))
    assert failure(client, service) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("s3", "ExpiredToken", 400),
        ("sts", "ExpiredToken", 403),
        ("ec2", "RequestExpired", 400),
        ("dynamodb", "ExpiredTokenException", 400),
        ("lambda", "ExpiredTokenException", 403),
    ],
)
def test_a_session_ends_by_sandbox_time(
    clients: Any, gateway: Gateway, role_arn: str, service: str, code: str, status: int
) -> None:
    session = gateway.issue_session(role_arn, "caller", 900)
    assert clients("sts", session).get_caller_identity()["Arn"].endswith(":assumed-role/fn/caller")
    gateway.clock.advance(901)
    assert failure(clients(service, session), service) == (code, status)


def test_a_session_key_without_its_token_is_refused(clients: Any, gateway: Gateway, role_arn: str) -> None:
    session = gateway.issue_session(role_arn, "caller", 900)
    del session["AWS_SESSION_TOKEN"]
    assert failure(clients("sts", session), "sts") == ("InvalidClientTokenId", 403)
    assert failure(clients("s3", session), "s3") == ("InvalidToken", 400)


def test_a_session_of_an_absent_role_is_not_issued(gateway: Gateway) -> None:
    from sandbox.gateway.call import AwsError

    with pytest.raises(AwsError, match="NoSuchEntity") as caught:
        gateway.issue_session("arn:aws:iam::123456789012:role/absent", "caller", 900)
    assert "role/absent" in caught.value.message


def test_a_user_made_through_iam_can_sign_until_his_key_is_switched_off(clients: Any) -> None:
    iam = clients("iam")
    iam.create_user(UserName="ana")
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert clients("sts", own).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ana"
    iam.update_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert failure(clients("sts", own), "sts")[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"], Status="Active")
    iam.delete_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"])
    assert failure(clients("sts", own), "sts")[0] == "InvalidClientTokenId"


def test_both_administrators_are_users_with_administrator_access(clients: Any, gateway: Gateway) -> None:
    for name, credentials in (("learner", gateway.learner), ("coldstart-judge", gateway.judge)):
        assert clients("sts", credentials).get_caller_identity()["Arn"].endswith(f":user/{name}")
        attached = clients("iam").list_attached_user_policies(UserName=name)["AttachedPolicies"]
        assert [policy["PolicyArn"] for policy in attached] == ["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert gateway.learner["AWS_SECRET_ACCESS_KEY"] != gateway.judge["AWS_SECRET_ACCESS_KEY"]


def signed_at(moment: float, gateway: Gateway, credentials: Mapping[str, str], monkeypatch: Any) -> int:
    """The status of a GetCallerIdentity that was signed at another time, Unix seconds."""
    stamp = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: stamp)
    request = AWSRequest(
        "POST",
        gateway.endpoint_url + "/",
        data="Action=GetCallerIdentity&Version=2011-06-15",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    key = Credentials(credentials["AWS_ACCESS_KEY_ID"], credentials["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "sts", "us-east-1").add_auth(request)
    return send(request)[0]


def send(request: AWSRequest) -> tuple[int, bytes]:
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request(prepared.method, target, body=prepared.body, headers=dict(prepared.headers.items()))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_a_signature_may_be_made_by_the_walls_clock_or_the_sandboxes(gateway: Gateway, monkeypatch: Any) -> None:
    gateway.clock.advance(7200)
    now = time.time()
    for moment, status in (
        (now, 200),
        (now - 280, 200),
        (now - 320, 403),
        (gateway.clock.now(), 200),
        (gateway.clock.now() + 320, 403),
        (now + 3600, 403),
    ):
        assert signed_at(moment, gateway, gateway.learner, monkeypatch) == status


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/b/c", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 nonsense", "IncompleteSignature"),
        ("Basic dXNlcjpwYXNz", "IncompleteSignature"),
    ],
)
def test_a_broken_authorization_header_is_an_aws_error(gateway: Gateway, header: str, code: str) -> None:
    request = AWSRequest(
        "POST",
        gateway.endpoint_url + "/",
        data="Action=GetCallerIdentity&Version=2011-06-15",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Authorization": header},
    )
    status, body = send(request)
    assert status == 400
    assert f"<Code>{code}</Code>".encode() in body


def test_a_changed_body_does_not_match_its_signature(gateway: Gateway) -> None:
    request = AWSRequest(
        "POST",
        gateway.endpoint_url + "/",
        data="Action=GetCallerIdentity&Version=2011-06-15",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    key = Credentials(gateway.learner["AWS_ACCESS_KEY_ID"], gateway.learner["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "sts", "us-east-1").add_auth(request)
    request.data = "Action=GetSessionToken&Version=2011-06-15"
    status, body = send(request)
    assert status == 403
    assert b"SignatureDoesNotMatch" in body


def test_a_presigned_sts_url_is_its_signers_identity(gateway: Gateway) -> None:
    key = Credentials(gateway.learner["AWS_ACCESS_KEY_ID"], gateway.learner["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("GET", f"{gateway.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(key, "sts", "us-east-1", expires=60).add_auth(request)
    status, body = send(request)
    assert status == 200
    assert b":user/learner</Arn>" in body


@pytest.mark.parametrize("version", ["s3", "s3v4"])
class TestPresignedS3:
    """Both kinds of URL: boto3 still makes the old one by default."""

    KEY = "a folder//ünï+cødé & more=1?.txt"

    @pytest.fixture
    def s3(self, clients: Any, version: str) -> Any:
        clients("s3").create_bucket(Bucket="orders")
        return clients("s3", config=Config(signature_version=version))

    def test_a_url_reads_and_writes_until_it_expires(self, s3: Any, gateway: Gateway) -> None:
        put = s3.generate_presigned_url("put_object", Params={"Bucket": "orders", "Key": self.KEY}, ExpiresIn=300)
        urllib.request.urlopen(urllib.request.Request(put, data=b"one", method="PUT", headers={"Content-Type": ""}))
        get = s3.generate_presigned_url("get_object", Params={"Bucket": "orders", "Key": self.KEY}, ExpiresIn=300)
        assert urllib.request.urlopen(get).read() == b"one"

    def test_a_session_can_sign_one(self, s3: Any, clients: Any, gateway: Gateway, role_arn: str) -> None:
        clients("s3").put_object(Bucket="orders", Key="k", Body=b"two")
        session = gateway.issue_session(role_arn, "caller", 900)
        signer = clients("s3", session, config=Config(signature_version=s3.meta.config.signature_version))
        url = signer.generate_presigned_url("get_object", Params={"Bucket": "orders", "Key": "k"}, ExpiresIn=300)
        assert urllib.request.urlopen(url).read() == b"two"

    def test_a_url_for_another_key_is_refused(self, s3: Any) -> None:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "orders", "Key": "mine"}, ExpiresIn=300)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace("mine", "other"))
        assert caught.value.code == 403
        assert b"SignatureDoesNotMatch" in caught.value.read()

    def test_an_expired_url_is_refused(self, s3: Any, gateway: Gateway, monkeypatch: Any) -> None:
        if s3.meta.config.signature_version == "s3":
            monkeypatch.setattr(time, "time", lambda wall=time.time: wall() - 7200)
        else:
            past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
            monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: past)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "orders", "Key": "k"}, ExpiresIn=300)
        monkeypatch.undo()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)
        assert caught.value.code == 403
        assert b"Request has expired" in caught.value.read()


def test_an_unsigned_call_that_needs_none_is_anonymous(clients: Any, gateway: Gateway) -> None:
    idp = clients("cognito-idp")
    pool = idp.create_user_pool(PoolName="shop")["UserPool"]["Id"]
    app = idp.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    anyone = clients("cognito-idp", config=Config(signature_version=UNSIGNED))
    assert anyone.sign_up(ClientId=app, Username="ana", Password="Secret-123")["UserSub"]
    with pytest.raises(ClientError, match="MissingAuthenticationTokenException"):
        anyone.list_user_pools(MaxResults=1)


def test_a_service_speaks_for_itself_through_its_own_client(gateway: Gateway) -> None:
    seen = []
    gateway.on_call(lambda call, result: seen.append(call.principal.kind))
    gateway.client("sqs").list_queues()
    assert seen == ["AWSService"]


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("s3", "AuthorizationHeaderMalformed", 400),
        ("sqs", "SignatureDoesNotMatch", 400),
        ("dynamodb", "InvalidSignatureException", 400),
        ("lambda", "InvalidSignatureException", 403),
    ],
)
def test_a_region_that_aws_has_not_is_refused(clients: Any, service: str, code: str, status: int) -> None:
    assert failure(clients(service, region="nowhere-1"), service) == (code, status)
