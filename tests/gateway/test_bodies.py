"""Bodies as SDKs pack them, S3's odd keys, and requests that are broken or too large."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import zlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.gateway.pipeline import Gateway
from sandbox.gateway.server import MAX_BODY_BYTES
from sandbox.gateway.signature import signing_key

EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(scope="module")
def s3(clients: Any) -> Any:
    client = clients("s3")
    client.create_bucket(Bucket="parcels")
    return client


@pytest.mark.parametrize(
    "key",
    [
        "plain.txt",
        "with space",
        "plus+sign",
        "a//b",
        "/leading",
        "trailing/",
        "ünï¢ødé/日本",
        "percent%20literal",
        "q?x=1&y=2",
        "hash#tag",
        "a/../b",
        "~tilde-._!*'()",
        'quote"and<angle>',
        "equals=a;b,c:d@e$f",
    ],
)
def test_an_object_keeps_its_odd_key(s3: Any, key: str) -> None:
    s3.put_object(Bucket="parcels", Key=key, Body=key.encode(), Metadata={"my_key": "v", "other-key": "w"})
    found = s3.get_object(Bucket="parcels", Key=key)
    assert found["Body"].read() == key.encode()
    assert found["Metadata"] == {"my_key": "v", "other-key": "w"}
    assert key in [entry["Key"] for entry in s3.list_objects_v2(Bucket="parcels")["Contents"]]
    assert s3.head_object(Bucket="parcels", Key=key)["ContentLength"] == len(key.encode())
    s3.delete_object(Bucket="parcels", Key=key)


def test_an_object_that_is_packed_stays_packed(s3: Any) -> None:
    packed = zlib.compress(b"content")
    s3.put_object(Bucket="parcels", Key="z", Body=packed, ContentEncoding="gzip")
    found = s3.get_object(Bucket="parcels", Key="z")
    assert found["Body"].read() == packed
    assert found["ContentEncoding"] == "gzip"


def test_a_missing_object_answers_a_head_without_a_body(s3: Any) -> None:
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket="parcels", Key="absent")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert s3.list_buckets()["Buckets"]  # the connection is still in step


class Upload:
    """An aws-chunked PUT, built here from AWS's description of it."""

    def __init__(self, gateway: Gateway, kind: str, chunks: list[bytes], trailers: dict[str, str]) -> None:
        self.url = f"{gateway.endpoint_url}/parcels/chunked"
        self.secret = gateway.learner["AWS_SECRET_ACCESS_KEY"]
        size = sum(map(len, chunks))
        headers = {
            "Content-Encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(size),
            "X-Amz-Content-SHA256": kind,
        }
        if trailers:
            headers["x-amz-trailer"] = ",".join(trailers)
        request = AWSRequest("PUT", self.url, headers=headers)
        auth = S3SigV4Auth(Credentials(gateway.learner["AWS_ACCESS_KEY_ID"], self.secret), "s3", "us-east-1")
        auth.payload = lambda request: kind  # type: ignore[method-assign]
        auth._should_sha256_sign_payload = lambda request: False
        request.context["payload_signing_enabled"] = False
        auth.add_auth(request)
        request.headers["X-Amz-Content-SHA256"] = kind
        self.headers = dict(request.headers.items())
        self.stamp = request.headers["X-Amz-Date"]
        self.previous = self.headers["Authorization"].rpartition("Signature=")[2]
        self.signed = "HMAC" in kind
        self.body = b"".join(self._chunk(chunk) for chunk in chunks) + self._end(trailers)

    def _sign(self, kind: str, content: str) -> str:
        scope = f"{self.stamp[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join((kind, self.stamp, scope, self.previous, content))
        key = signing_key(self.secret, self.stamp[:8], "us-east-1", "s3")
        self.previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def _head(self, chunk: bytes) -> bytes:
        if not self.signed:
            return b"%x\r\n" % len(chunk)
        content = f"{EMPTY}\n{hashlib.sha256(chunk).hexdigest()}"
        signature = self._sign("AWS4-HMAC-SHA256-PAYLOAD", content)
        return b"%x;chunk-signature=%s\r\n" % (len(chunk), signature.encode())

    def _chunk(self, chunk: bytes) -> bytes:
        return self._head(chunk) + chunk + b"\r\n"

    def _end(self, trailers: dict[str, str]) -> bytes:
        end = self._head(b"")
        for name, value in trailers.items():
            end += f"{name}:{value}\r\n".encode()
        if trailers and self.signed:
            canonical = "".join(f"{name}:{value}\n" for name, value in trailers.items())
            signature = self._sign("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(canonical.encode()).hexdigest())
            end += f"x-amz-trailer-signature:{signature}\r\n".encode()
        return end + b"\r\n"

    def send(self) -> tuple[int, bytes]:
        return raw("PUT", self.url, self.headers, self.body)


def raw(method: str, url: str, headers: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    import http.client

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    text = {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}
    connection.request(method, parts.path or "/", body=body, headers=text)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


CRC = base64.b64encode(zlib.crc32(b"first chunk, second").to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    ("kind", "trailers"),
    [
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", {"x-amz-checksum-crc32": CRC}),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", {}),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", {"x-amz-checksum-crc32": CRC}),
    ],
)
class TestChunkedUploads:
    def test_the_object_is_what_was_sent(self, s3: Any, gateway: Gateway, kind: str, trailers: dict[str, str]) -> None:
        status, body = Upload(gateway, kind, [b"first chunk, ", b"second"], trailers).send()
        assert status == 200, body
        found = s3.get_object(Bucket="parcels", Key="chunked")
        assert found["Body"].read() == b"first chunk, second"
        assert "aws-chunked" not in found.get("ContentEncoding", "")

    def test_a_changed_chunk_is_refused(self, s3: Any, gateway: Gateway, kind: str, trailers: dict[str, str]) -> None:
        upload = Upload(gateway, kind, [b"first chunk, ", b"second"], trailers)
        upload.body = upload.body.replace(b"second", b"SECOND")
        status, body = upload.send()
        assert status == (403 if upload.signed else 400), body
        assert (b"SignatureDoesNotMatch" if upload.signed else b"BadDigest") in body

    def test_a_truncated_body_is_refused(self, s3: Any, gateway: Gateway, kind: str, trailers: dict[str, str]) -> None:
        upload = Upload(gateway, kind, [b"first chunk, ", b"second"], trailers)
        upload.body = upload.body[:30]
        status, body = upload.send()
        assert status in (400, 403)
        assert b"<Error>" in body


def test_a_body_that_is_not_the_hashed_one_is_refused(s3: Any, gateway: Gateway) -> None:
    url = f"{gateway.endpoint_url}/parcels/k"
    request = AWSRequest("PUT", url, data=b"one")
    key = Credentials(gateway.learner["AWS_ACCESS_KEY_ID"], gateway.learner["AWS_SECRET_ACCESS_KEY"])
    S3SigV4Auth(key, "s3", "us-east-1").add_auth(request)
    status, body = raw("PUT", url, dict(request.headers.items()), b"two")
    assert status == 400
    assert b"XAmzContentSHA256Mismatch" in body


@pytest.mark.parametrize(
    "body", [b"{broken", b"[1, 2]", b'"text"', b"\xff\xfe", b'{"TableName": {"a": ' + b"[" * 90_000]
)
def test_a_body_that_is_not_json_is_an_aws_error(clients: Any, body: bytes) -> None:
    client = clients("dynamodb")

    def replace(request: Any, **_: Any) -> None:
        request.data = body

    client.meta.events.register("before-sign", replace)
    with pytest.raises(ClientError) as caught:
        client.describe_table(TableName="orders")
    assert caught.value.response["Error"]["Code"] == "SerializationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_xml_that_is_none_is_malformed(s3: Any, clients: Any) -> None:
    client = clients("s3")

    def replace(request: Any, **_: Any) -> None:
        request.data = b"<Versioning"

    client.meta.events.register("before-sign", replace)
    with pytest.raises(ClientError, match="MalformedXML"):
        client.put_bucket_versioning(Bucket="parcels", VersioningConfiguration={"Status": "Enabled"})


def exchange(gateway: Gateway, data: bytes) -> bytes:
    """Everything that comes back for raw bytes on a connection of their own."""
    parts = urlsplit(gateway.endpoint_url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_gets_an_answer_and_a_closed_connection(gateway: Gateway, data: bytes, status: int) -> None:
    answer = exchange(gateway, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert "message" in json.loads(body)


def test_one_connection_serves_many_requests_chunked_or_not(gateway: Gateway) -> None:
    plain = b"GET /_sandbox/clock HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunked = (
        b"POST /_sandbox/clock/advance HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'6\r\n{"seco\r\n8\r\nnds": 1}\r\n0\r\n\r\n'
    )
    answer = exchange(gateway, plain + chunked + plain)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b'{"now": "') == 3


def test_the_date_header_is_the_walls(gateway: Gateway) -> None:
    gateway.clock.advance(86_400)
    answer = exchange(gateway, b"GET /_sandbox/clock HTTP/1.1\r\nHost: localhost\r\n\r\n").decode()
    assert f"Date: {datetime.now(UTC):%a, %d %b %Y}" in answer
