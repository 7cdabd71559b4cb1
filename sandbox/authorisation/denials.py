"""A denial as the service that was called gives it: code, status and words.

The sentence is the evaluator's (sandbox/access/wording.py); services differ in the code, and some in how they write the
action or the resource.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.access import wording
from sandbox.access.decision import Decision
from sandbox.authorisation.need import NoAction, Underivable
from sandbox.gateway import moto_adapter, refusals
from sandbox.gateway.call import AwsError, Call

#: Services whose error is not the one of their protocol.
#: https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (AuthorizationError),
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (UnauthorizedOperation)
_CODES = {
    "s3": ("AccessDenied", 403),
    "s3control": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
}
#: The rest by protocol. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html,
#: https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html,
#: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_BY_PROTOCOL = {
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
    "smithy-rpc-v2-cbor": ("AccessDeniedException", 403),
    "query": ("AccessDenied", 403),
    "ec2": ("AccessDenied", 403),
    "rest-xml": ("AccessDenied", 403),
}


def denied(call: Call, decision: Decision) -> AwsError:
    """The error that answers a call which `decision` denies."""
    request = decision.request
    if call.principal.kind == "Anonymous" and call.service == "s3":
        return _error(call, "Access Denied")
    if call.service == "lambda" and request.action.startswith("s3:"):
        # https://repost.aws/knowledge-center/access-denied-lambda-s3-bucket
        bucket_and_key = request.resource.partition(":::")[2]
        return _error(
            call,
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject "
            f"for {bucket_and_key}. S3 Error Code: AccessDenied. S3 Error Message: {wording.denial(decision)}",
        )
    return _error(call, _worded(call, decision))


def undecidable(call: Call, why: Underivable) -> AwsError:
    """The error for a call of which can't be told what it needs: nothing is allowed that can't be judged."""
    if isinstance(why, NoAction):
        return refusals.unsupported(call.service, call.operation, str(why))
    model = moto_adapter.operation_model(call.service, call.operation).input_shape
    lacking = [] if model is None else [name for name in model.required_members if call.params.get(name) is None]
    if lacking:
        return _incomplete(call, lacking)
    return _error(
        call,
        f"User: {call.principal.arn} is not authorized to perform: {call.service}:{call.operation}, because coldstart "
        f"can't tell what this call needs: {why}",
    )


def _incomplete(call: Call, lacking: list[str]) -> AwsError:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ValidationError),
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (MissingParameter)"""
    protocol = moto_adapter.service_model(call.service).protocol
    if call.service in ("ec2", "sqs"):
        return AwsError("MissingParameter", f"The request must contain the parameter {lacking[0]}.", 400)
    several = "s" if len(lacking) > 1 else ""
    wrong = "; ".join(
        f"Value null at '{name}' failed to satisfy constraint: Member must not be null" for name in lacking
    )
    return AwsError(
        "ValidationError" if protocol == "query" else "ValidationException",
        f"{len(lacking)} validation error{several} detected: {wrong}",
        400,
    )


def _error(call: Call, message: str) -> AwsError:
    code, status = _CODES.get(call.service) or _BY_PROTOCOL.get(
        moto_adapter.service_model(call.service).protocol, ("AccessDenied", 403)
    )
    if call.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    return AwsError(code, message, status)


def _worded(call: Call, decision: Decision) -> str:
    request = decision.request
    # SQS writes its actions small (sqs:sendmessage), SNS its own name large (SNS:Publish).
    if request.action.startswith("sqs:"):
        return wording.denial(replace(decision, request=replace(request, action=request.action.lower())))
    if request.action.startswith("sns:"):
        return wording.denial(replace(decision, request=replace(request, action=f"SNS:{request.action[4:]}")))
    sentence = wording.denial(decision)
    if call.service == "s3":
        return sentence.replace(f"on resource: {request.resource} ", f'on resource: "{request.resource}" ', 1)
    return sentence
