"""API Gateway v1: models, validators, authorizers and gateway responses of REST APIs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from sandbox.templates.types import rest_patches
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import ResourceType, Work
from sandbox.templates.types.rest_patches import API, replace

# -- models and validators -----------------------------------------------------------------------------


def _create_model(work: Work) -> str:
    answer = work.call(
        API,
        "CreateModel",
        restApiId=work["RestApiId"],
        name=work.name("Name", 128, between=""),
        contentType=work["ContentType"] or "application/json",
        description=work["Description"],
        schema=document(work["Schema"]) if work["Schema"] is not None else None,
    )
    return str(answer["name"])


def _update_model(work: Work) -> None:
    changed = work.changed
    patches = [replace("/description", work["Description"] or "")] if "Description" in changed else []
    if "Schema" in changed:
        patches.append(replace("/schema", document(work["Schema"] or {})))
    if patches:
        which = {"restApiId": work["RestApiId"], "modelName": work.physical_id}
        work.call(API, "UpdateModel", **which, patchOperations=patches)


MODEL = ResourceType(
    "AWS::ApiGateway::Model",
    create=_create_model,
    update=_update_model,
    delete=lambda work: work.call(API, "DeleteModel", restApiId=work["RestApiId"], modelName=work.physical_id),
    named="Name",
)

_VALIDATIONS = {
    "ValidateRequestBody": ("/validateRequestBody", False),
    "ValidateRequestParameters": ("/validateRequestParameters", False),
}


def _create_validator(work: Work) -> str:
    answer = work.call(
        API,
        "CreateRequestValidator",
        restApiId=work["RestApiId"],
        name=work.name("Name", 128),
        validateRequestBody=work["ValidateRequestBody"],
        validateRequestParameters=work["ValidateRequestParameters"],
    )
    return str(answer["id"])


def _update_validator(work: Work) -> None:
    patches = rest_patches.scalars(work.before, {name: work[name] for name in _VALIDATIONS}, _VALIDATIONS)
    which = {"restApiId": work["RestApiId"], "requestValidatorId": work.physical_id}
    work.call(API, "UpdateRequestValidator", **which, patchOperations=patches)


VALIDATOR = ResourceType(
    "AWS::ApiGateway::RequestValidator",
    create=_create_validator,
    update=_update_validator,
    delete=lambda work: work.call(
        API, "DeleteRequestValidator", restApiId=work["RestApiId"], requestValidatorId=work.physical_id
    ),
    attributes=lambda work: {"RequestValidatorId": work.physical_id},
)


# -- authorizers ---------------------------------------------------------------------------------------

_AUTHORIZER = {
    "Name": ("/name", None),
    "Type": ("/type", None),
    "AuthType": ("/authType", None),
    "AuthorizerUri": ("/authorizerUri", None),
    "AuthorizerCredentials": ("/authorizerCredentials", None),
    "IdentitySource": ("/identitySource", None),
    "IdentityValidationExpression": ("/identityValidationExpression", None),
    "AuthorizerResultTtlInSeconds": ("/authorizerResultTtlInSeconds", 300),
}


def _create_authorizer(work: Work) -> str:
    return str(work.call(API, "CreateAuthorizer", **work.fitted(API, "CreateAuthorizer"))["id"])


def _update_authorizer(work: Work) -> None:
    patches = rest_patches.scalars(work.before, {name: work[name] for name in _AUTHORIZER}, _AUTHORIZER)
    # Those that come first: an authorizer has one pool at least.
    pools = rest_patches.members(work.before.get("ProviderARNs"), work["ProviderARNs"], "/providerARNs")
    patches += sorted(pools, key=lambda patch: patch["op"])
    which = {"restApiId": work["RestApiId"], "authorizerId": work.physical_id}
    work.call(API, "UpdateAuthorizer", **which, patchOperations=patches)


AUTHORIZER = ResourceType(
    "AWS::ApiGateway::Authorizer",
    create=_create_authorizer,
    update=_update_authorizer,
    delete=lambda work: work.call(API, "DeleteAuthorizer", restApiId=work["RestApiId"], authorizerId=work.physical_id),
    attributes=lambda work: {"AuthorizerId": work.physical_id},
)


# -- gateway responses ---------------------------------------------------------------------------------


def _put_response(work: Work) -> None:
    work.call(API, "PutGatewayResponse", **work.fitted(API, "PutGatewayResponse"))


def _create_response(work: Work) -> str:
    _put_response(work)
    return work.generated(64)


RESPONSE = ResourceType(
    "AWS::ApiGateway::GatewayResponse",
    create=_create_response,
    update=_put_response,
    delete=lambda work: work.call(
        API, "DeleteGatewayResponse", restApiId=work["RestApiId"], responseType=work["ResponseType"]
    ),
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (MODEL, VALIDATOR, AUTHORIZER, RESPONSE)
