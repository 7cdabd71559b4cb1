"""Who calls: from a request's signature to its principal, or the error that the service gives instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.loaders import Loader

from sandbox.clock import Clock, wall
from sandbox.gateway import signature
from sandbox.gateway.call import DEFAULT_ACCOUNT, AwsError, Principal
from sandbox.gateway.message import Request
from sandbox.gateway.services import UNSIGNED_OPERATIONS
from sandbox.gateway.signature import Claim

#: How far a signature's time may lie from ours, in seconds: five minutes, with S3 fifteen.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
#: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (time stamp requirement)
MAX_SKEW_SECONDS = 300
S3_MAX_SKEW_SECONDS = 900

ANONYMOUS = Principal(
    account=DEFAULT_ACCOUNT, arn="arn:aws:iam::aws:anonymous", user_id="ANONYMOUS_PRINCIPAL", kind="Anonymous"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key that exists: its secret, whose it is, and for a session its token and end (sandbox time)."""

    secret: str
    principal: Principal
    token: str | None = None
    expires: datetime | None = None


#: Sessions of users without a second factor, to which IAM does not answer.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
_WITHOUT_IAM = frozenset({"GetSessionToken", "GetFederationToken"})

#: Finds an access key by its id; None if there is no such key, or an inactive one.
KeyFinder = Callable[[str], Key | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The codes and words with which a family of services refuses to identify a caller."""

    unknown_key: tuple[str, str]
    bad_signature: tuple[str, str]
    expired_token: tuple[str, str]
    bad_token: tuple[str, str]
    missing: tuple[str, str]
    incomplete: tuple[str, str]
    skewed: tuple[str, str]
    status: int
    expired_status: int


_BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_MISSING = "Request is missing Authentication Token"

#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_S3 = Refusal(
    unknown_key=("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    bad_signature=(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    ),
    expired_token=("ExpiredToken", "The provided token has expired."),
    bad_token=("InvalidToken", "The provided token is malformed or otherwise invalid."),
    missing=("AccessDenied", "Access Denied"),
    incomplete=("AuthorizationHeaderMalformed", ""),
    skewed=("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    status=403,
    expired_status=400,
)
#: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_QUERY = Refusal(
    unknown_key=("InvalidClientTokenId", _INVALID_TOKEN),
    bad_signature=("SignatureDoesNotMatch", _BAD_SIGNATURE),
    expired_token=("ExpiredToken", _EXPIRED),
    bad_token=("InvalidClientTokenId", _INVALID_TOKEN),
    missing=("MissingAuthenticationToken", _MISSING),
    incomplete=("IncompleteSignature", ""),
    skewed=("SignatureDoesNotMatch", ""),
    status=403,
    expired_status=403,
)
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_EC2 = Refusal(
    unknown_key=("AuthFailure", "AWS was not able to validate the provided access credentials"),
    bad_signature=("SignatureDoesNotMatch", _BAD_SIGNATURE),
    expired_token=("RequestExpired", "Request has expired."),
    bad_token=("AuthFailure", "AWS was not able to validate the provided access credentials"),
    missing=("MissingAuthenticationToken", _MISSING),
    incomplete=("IncompleteSignature", ""),
    skewed=("RequestExpired", "Request has expired."),
    status=401,
    expired_status=400,
)


def _json(status: int) -> Refusal:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html"""
    return Refusal(
        unknown_key=("UnrecognizedClientException", _INVALID_TOKEN),
        bad_signature=("InvalidSignatureException", _BAD_SIGNATURE),
        expired_token=("ExpiredTokenException", _EXPIRED),
        bad_token=("UnrecognizedClientException", _INVALID_TOKEN),
        missing=("MissingAuthenticationTokenException", _MISSING),
        incomplete=("IncompleteSignatureException", ""),
        skewed=("InvalidSignatureException", ""),
        status=status,
        expired_status=status,
    )


_BY_PROTOCOL = {
    "query": _QUERY,
    "ec2": _EC2,
    "json": _json(400),
    "cbor": _json(400),
    "rest-json": _json(403),
    "rest-xml": _QUERY,
}


def refusal_of(service: str, protocol: str) -> Refusal:
    return _S3 if service == "s3" else _BY_PROTOCOL[protocol]


def identify(
    request: Request,
    claim: Claim | None,
    service: str,
    operation: str,
    protocol: str,
    find_key: KeyFinder,
    clock: Clock,
) -> tuple[Principal, str]:
    """The principal behind a request and its secret key; AwsError as the service gives it if there is none."""
    refusal = refusal_of(service, protocol)
    if claim is None:
        if service == "s3" or operation in UNSIGNED_OPERATIONS.get(service, ()):
            # Whom a bucket's policy lets in, it need not know.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-overview.html
            return ANONYMOUS, ""
        raise _refuse(refusal.missing, refusal.status)
    key = find_key(claim.access_key)
    if key is None:
        members = {"AWSAccessKeyId": claim.access_key} if service == "s3" else {}
        raise _refuse(refusal.unknown_key, refusal.status, **members)
    if not signature.is_genuine(claim, key.secret, request):
        members = {"AWSAccessKeyId": claim.access_key, "SignatureProvided": claim.signature} if service == "s3" else {}
        raise _refuse(refusal.bad_signature, 403 if refusal.status == 401 else refusal.status, **members)
    if claim.version == 4 and claim.region not in regions():
        raise _elsewhere(claim.region, refusal)
    if claim.token != key.token:
        raise _refuse(refusal.bad_token, refusal.expired_status if service == "s3" else refusal.status)
    _expect_timely(claim, refusal, clock)
    if key.expires is not None and key.expires <= clock.datetime():
        raise _refuse(refusal.expired_token, refusal.expired_status)
    session = key.principal.session
    if service == "iam" and session is not None and session.via in _WITHOUT_IAM:
        raise _refuse(refusal.bad_token, refusal.status)
    return key.principal, key.secret


@functools.cache
def regions() -> frozenset[str]:
    """The Regions of AWS, as botocore has them."""
    return frozenset(name for one in Loader().load_data("partitions")["partitions"] for name in one["regions"])


def _elsewhere(region: str, refusal: Refusal) -> AwsError:
    # In AWS its endpoints have no address; an endpoint of another Region says this.
    if refusal is _S3:
        code = refusal.incomplete[0]
        message = f"The authorization header is malformed; the region '{region}' is wrong; expecting 'us-east-1'"
        return AwsError(code, message, 400, Region="us-east-1")
    return AwsError(
        refusal.bad_signature[0], f"Credential should be scoped to a valid region, not '{region}'.", refusal.status
    )


def _expect_timely(claim: Claim, refusal: Refusal, clock: Clock) -> None:
    # A learner's process signs by the wall's clock, a handler by the sandbox's: either will do.
    clocks = (wall(), clock.now())
    if claim.expires_after is not None:
        expires = claim.signed_at + timedelta(seconds=claim.expires_after)
        if all(now > expires.timestamp() for now in clocks):
            if refusal is not _S3:
                raise _refuse(refusal.expired_token, refusal.expired_status)
            raise AwsError("AccessDenied", "Request has expired", 403, Expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return
    signed = claim.signed_at.timestamp()
    limit = S3_MAX_SKEW_SECONDS if refusal is _S3 else MAX_SKEW_SECONDS
    if all(abs(now - signed) > limit for now in clocks):
        code, message = refusal.skewed
        status = 403 if refusal.status == 401 else refusal.status
        raise AwsError(code, message or _skew(claim.signed_at, clock.datetime(), limit), status)


def _skew(signed: datetime, now: datetime, limit: int) -> str:
    form = "%Y%m%dT%H%M%SZ"
    margin = timedelta(seconds=limit)
    if signed < now:
        bound, what, sign = now - margin, "Signature expired: {} is now earlier than", "-"
    else:
        bound, what, sign = now + margin, "Signature not yet current: {} is still later than", "+"
    return (
        f"{what.format(signed.strftime(form))} {bound.strftime(form)} ({now.strftime(form)} {sign} {limit // 60} min.)"
    )


def malformed(service: str, protocol: str, why: str) -> AwsError:
    """The error for a signature that can't even be read."""
    return AwsError(refusal_of(service, protocol).incomplete[0], why, 400)


def _refuse(words: tuple[str, str], status: int, **members: str) -> AwsError:
    return AwsError(words[0], words[1], status, **members)
