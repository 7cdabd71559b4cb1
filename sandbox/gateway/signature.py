"""Signature Version 4, and S3's query form of Version 2: what a request says about its signer, and whether it is true.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from botocore.auth import HmacV1Auth
from botocore.utils import normalize_url_path

from sandbox.gateway.call import AwsError
from sandbox.gateway.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_PREFIX = "STREAMING-"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


class Malformed(Exception):
    """The request claims to be signed, but the claim can't be read. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed request says: who signed it, when, for which region and service, and how.

    `expires_after` (seconds) is set for presigned URLs only. `version` is 4, or 2 for S3's old presigned URLs,
    whose `signed_at` is then the time of expiry.
    """

    access_key: str
    token: str | None
    signed_at: datetime
    date: str
    region: str
    signing_name: str
    signed_headers: tuple[str, ...]
    signature: str
    expires_after: int | None = None
    version: int = 4

    @property
    def presigned(self) -> bool:
        return self.expires_after is not None


def read_claim(request: Request, default_region: str) -> Claim | None:
    """The request's claim to be signed; None for an unsigned request; Malformed if it can't be read."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _from_header(request, authorization)
    if "X-Amz-Signature=" in request.query or "X-Amz-Credential=" in request.query:
        return _from_query(request)
    if "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        return _from_version_2_query(request, default_region)
    return None


def _from_header(request: Request, authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise Malformed(f"the signing algorithm {algorithm!r} is not supported; use {ALGORITHM}")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if missing:
        # As AWS words it: IncompleteSignature.
        raise Malformed(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    date_header = request.headers.get("x-amz-date")
    if date_header is None:
        raise Malformed("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    return _claim(
        parts["Credential"],
        parts["SignedHeaders"],
        parts["Signature"],
        date_header,
        request.headers.get("x-amz-security-token"),
        None,
    )


def _from_query(request: Request) -> Claim:
    values = {name: request.query_value(f"X-Amz-{name}") for name in _QUERY_FIELDS}
    missing = [f"X-Amz-{name}" for name, value in values.items() if value is None and name != "Security-Token"]
    if missing:
        raise Malformed("the presigned URL lacks " + ", ".join(missing))
    if values["Algorithm"] != ALGORITHM:
        raise Malformed(f"X-Amz-Algorithm only supports {ALGORITHM!r}")
    try:
        expires_after = int(values["Expires"] or "")
    except ValueError as error:
        raise Malformed(f"X-Amz-Expires should be a number, not {values['Expires']!r}") from error
    if not 0 < expires_after <= 604_800:
        raise Malformed("X-Amz-Expires must be less than a week (in seconds) that is, less than 604800")
    return _claim(
        values["Credential"] or "",
        values["SignedHeaders"] or "",
        values["Signature"] or "",
        values["Date"] or "",
        values["Security-Token"],
        expires_after,
    )


_QUERY_FIELDS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token")


def _from_version_2_query(request: Request, region: str) -> Claim:
    try:
        expires = datetime.fromtimestamp(int(request.query_value("Expires") or ""), UTC)
    except ValueError as error:
        raise Malformed("the presigned URL's Expires is not a time in seconds") from error
    return Claim(
        access_key=request.query_value("AWSAccessKeyId") or "",
        token=request.query_value("x-amz-security-token"),
        signed_at=expires,
        date="",
        region=region,
        signing_name="s3",
        signed_headers=(),
        signature=request.query_value("Signature") or "",
        expires_after=0,
        version=2,
    )


def _claim(
    credential: str, signed_headers: str, signature: str, date: str, token: str | None, expires_after: int | None
) -> Claim:
    scope = credential.split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise Malformed(f"Credential must have 5 slash-delimited elements ending in aws4_request, not {credential!r}")
    try:
        signed_at = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"X-Amz-Date must be in ISO8601 format 'YYYYMMDD'T'HHMMSS'Z'', not {date!r}") from error
    if scope[1] != date[:8]:
        raise Malformed(f"Date in Credential scope does not match YYYYMMDD from X-Amz-Date: {scope[1]}, {date}")
    return Claim(
        access_key=scope[0],
        token=token,
        signed_at=signed_at,
        date=scope[1],
        region=scope[2],
        signing_name=scope[3],
        signed_headers=tuple(name.lower() for name in signed_headers.split(";")),
        signature=signature,
        expires_after=expires_after,
    )


# -- verifying -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=512)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of the day that a secret gives for a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def is_genuine(claim: Claim, secret: str, request: Request) -> bool:
    """Whether the request was signed with `secret` as it claims."""
    if claim.version == 2:
        return _is_genuine_version_2(claim, secret, request)
    payload = payload_hash(claim, request)
    # A client may send a path less encoded than it signs it: the second form is what S3 then computes itself.
    return any(
        hmac.compare_digest(claim.signature, _sign(claim, secret, _canonical(claim, request, path, payload)))
        for path in dict.fromkeys(_canonical_paths(claim, request.path))
    )


def payload_hash(claim: Claim, request: Request) -> str:
    """The last line of the canonical request."""
    declared = request.headers.get("x-amz-content-sha256")
    if claim.signing_name in ("s3", "s3express", "s3-outposts"):
        if claim.presigned and "x-amz-content-sha256" not in claim.signed_headers:
            return UNSIGNED_PAYLOAD
        if declared is not None:
            return declared
    elif declared is not None and (declared == UNSIGNED_PAYLOAD or declared.startswith(STREAMING_PREFIX)):
        return declared
    return hashlib.sha256(request.body).hexdigest()


def _canonical_paths(claim: Claim, path: str) -> Iterable[str]:
    if claim.signing_name == "s3":
        yield path
        yield quote(unquote(path), safe="/~")
    else:
        yield quote(normalize_url_path(path), safe="/~")
        yield normalize_url_path(path)


def _canonical(claim: Claim, request: Request, path: str, payload: str) -> str:
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.signed_headers)
    return "\n".join(
        (
            request.method,
            path or "/",
            _canonical_query(request.query),
            headers,
            ";".join(claim.signed_headers),
            payload,
        )
    )


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _scope(claim: Claim) -> str:
    return f"{claim.date}/{claim.region}/{claim.signing_name}/aws4_request"


def _sign(claim: Claim, secret: str, canonical: str) -> str:
    to_sign = "\n".join(
        (
            ALGORITHM,
            claim.signed_at.strftime(_DATE_FORMAT),
            _scope(claim),
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = signing_key(secret, claim.date, claim.region, claim.signing_name)
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def _is_genuine_version_2(claim: Claim, secret: str, request: Request) -> bool:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (query string authentication)"""
    amz = {name: value.strip() for name, value in request.headers.items() if name.startswith("x-amz-")}
    # botocore signs x-amz-... as headers, and then sends them in the URL.
    amz |= {name.lower(): value for name, value in request.query_pairs() if name.lower().startswith("x-amz-")}
    parts = [part.partition("=") for part in request.query.split("&")]
    queried = sorted(
        (f"{name}={unquote(value)}" if equals else name)
        for name, equals, value in parts
        if name in HmacV1Auth.QSAOfInterest and not name.startswith("x-amz-")
    )
    to_sign = "\n".join(
        (
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            str(int(claim.signed_at.timestamp())),
            "".join(f"{name}:{amz[name]}\n" for name in sorted(amz))
            + request.path
            + ("?" + "&".join(queried) if queried else ""),
        )
    )
    digest = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), claim.signature)


def expect_payload(request: Request, declared: str) -> None:
    """AwsError XAmzContentSHA256Mismatch if the body is not the one that S3's hash header was made of."""
    if declared and declared != UNSIGNED_PAYLOAD and declared != hashlib.sha256(request.body).hexdigest():
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
            ClientComputedContentSHA256=declared,
        )


#: The checksums that Python has built in; S3's crc32c and crc64nvme are taken on trust.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "content-md5": lambda body: hashlib.md5(body).digest(),
}


def expect_checksums(request: Request) -> None:
    """AwsError BadDigest if an upload's body does not have the checksums in its headers."""
    for name, checksum in _CHECKSUMS.items():
        declared = request.headers.get(name)
        if declared is not None and declared != base64.b64encode(checksum(request.body)).decode():
            what = "Content-MD5" if name == "content-md5" else name.rpartition("-")[2].upper()
            raise AwsError("BadDigest", f"The {what} you specified did not match the calculated checksum.", 400)


# -- chunked bodies ------------------------------------------------------------------------------------

_CHUNK_HEADER = re.compile(rb"([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?\Z")


@dataclass(frozen=True, slots=True)
class ChunkedBody:
    """A decoded aws-chunked body: its content and the trailing headers (names in lower case)."""

    content: bytes
    trailers: dict[str, str]


class BadChunk(Exception):
    """An aws-chunked body is broken. `forged` is true if a chunk's signature is not its signer's."""

    def __init__(self, message: str, *, forged: bool = False) -> None:
        super().__init__(message)
        self.forged = forged


def decode_chunks(claim: Claim | None, secret: str, request: Request) -> ChunkedBody:
    """Decode a body of Content-Encoding aws-chunked, and verify its chunks' signatures where it has them.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and .../sigv4-streaming-trailers.html
    """
    kind = request.headers.get("x-amz-content-sha256", "")
    signed = kind.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") and claim is not None
    previous = claim.signature if claim is not None else ""
    content = bytearray()
    body = request.body
    position = 0
    while True:
        end = body.find(b"\r\n", position)
        header = _CHUNK_HEADER.match(body[position:end]) if end >= 0 else None
        if header is None:
            raise BadChunk("The request body is not a well-formed aws-chunked body.")
        size = int(header[1], 16)
        start = end + 2
        chunk = body[start : start + size]
        if len(chunk) < size:
            raise BadChunk("You did not provide the number of bytes specified by the Content-Length HTTP header")
        if signed:
            assert claim is not None
            previous = _expect_chunk_signature(claim, secret, previous, chunk, (header[2] or b"").decode())
        position = start + size
        if size == 0:
            break
        content += chunk
        if body[position : position + 2] != b"\r\n":
            raise BadChunk("The request body is not a well-formed aws-chunked body.")
        position += 2
    declared = request.headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(len(content)):
        raise BadChunk(f"x-amz-decoded-content-length is {declared}, but the body holds {len(content)} bytes.")
    return ChunkedBody(bytes(content), _trailers(claim if signed else None, secret, previous, body[position:]))


def _expect_chunk_signature(claim: Claim, secret: str, previous: str, chunk: bytes, given: str) -> str:
    empty = hashlib.sha256(b"").hexdigest()
    expected = _sign_part(
        claim, secret, "AWS4-HMAC-SHA256-PAYLOAD", previous, f"{empty}\n{hashlib.sha256(chunk).hexdigest()}"
    )
    if not hmac.compare_digest(expected, given):
        raise BadChunk("a chunk's signature does not match", forged=True)
    return expected


def _sign_part(claim: Claim, secret: str, kind: str, previous: str, content: str) -> str:
    to_sign = "\n".join((kind, claim.signed_at.strftime(_DATE_FORMAT), _scope(claim), previous, content))
    key = signing_key(secret, claim.date, claim.region, claim.signing_name)
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def _trailers(claim: Claim | None, secret: str, previous: str, text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split(b"\n"):
        name, colon, value = line.strip().partition(b":")
        if colon:
            found[name.decode("latin-1").lower().strip()] = value.decode("latin-1").strip()
    given = found.pop("x-amz-trailer-signature", None)
    if claim is not None and found:
        canonical = "".join(f"{name}:{value}\n" for name, value in found.items())
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        expected = _sign_part(claim, secret, "AWS4-HMAC-SHA256-TRAILER", previous, digest)
        if given is None or not hmac.compare_digest(expected, given):
            raise BadChunk("the trailing headers' signature does not match", forged=True)
    return found
