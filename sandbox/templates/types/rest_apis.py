"""API Gateway v1: REST APIs, their resources and methods.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types import rest_patches
from sandbox.templates.types.api_documents import defined, definition
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work, gone
from sandbox.templates.types.rest_patches import API, replace

# -- APIs ----------------------------------------------------------------------------------------------

_DEFINITION = ("Body", "BodyS3Location", "FailOnWarnings", "Mode", "Parameters")
#: Settings that stand beside a definition, with their paths in patches and what they go back to.
_SETTINGS: Mapping[str, tuple[str, Any]] = {
    "Name": ("/name", ""),
    "Description": ("/description", ""),
    "Version": ("/version", ""),
    "ApiKeySourceType": ("/apiKeySource", "HEADER"),
    "DisableExecuteApiEndpoint": ("/disableExecuteApiEndpoint", False),
    "MinimumCompressionSize": ("/minimumCompressionSize", None),
}
#: What PutRestApi leaves as it was, and an update must take back where the template gives it no longer.
_LEFT_BY_OVERWRITE = frozenset({"DisableExecuteApiEndpoint"})
_LEFT_BY_MERGE = frozenset({*_SETTINGS, "BinaryMediaTypes", "Policy"} - {"Name"})


def _check_api(work: Work) -> None:
    for name in _DEFINITION:
        # Without a definition they say nothing.
        work.properties.get(name)
    if (work["EndpointConfiguration"] or {}).get("IpAddressType") not in (None, "ipv4"):
        raise Unsupported(
            "EndpointConfiguration.IpAddressType dualstack is not supported by this sandbox: APIs answer on IPv4 only"
        )


def _import(work: Work, operation: str, **which: str) -> str:
    parameters = dict(work["Parameters"] or {})
    types = (work["EndpointConfiguration"] or {}).get("Types")
    if types:
        parameters.setdefault("endpointConfigurationTypes", ",".join(types))
    body = definition(work, work["Name"] or work.logical_id)
    given = {"failOnWarnings": work["FailOnWarnings"], "parameters": parameters or None}
    return str(work.call(API, operation, body=body, **given, **which)["id"])


def _overrides(before: Mapping[str, Any], work: Work) -> rest_patches.Patches:
    found = rest_patches.scalars(before, {name: work[name] for name in _SETTINGS}, _SETTINGS)
    found += rest_patches.members(
        before.get("BinaryMediaTypes"), work["BinaryMediaTypes"], "/binaryMediaTypes", within=True
    )
    old, new = (document(each) if each is not None else "" for each in (before.get("Policy"), work["Policy"]))
    return found if old == new else [*found, replace("/policy", new)]


def _create_api(work: Work) -> str:
    _check_api(work)
    if not defined(work.properties):
        answer = work.call(
            API,
            "CreateRestApi",
            name=work["Name"] or "",
            description=work["Description"],
            version=work["Version"],
            apiKeySource=work["ApiKeySourceType"],
            binaryMediaTypes=work["BinaryMediaTypes"],
            disableExecuteApiEndpoint=work["DisableExecuteApiEndpoint"],
            endpointConfiguration=work["EndpointConfiguration"],
            minimumCompressionSize=work["MinimumCompressionSize"],
            policy=document(work["Policy"]) if work["Policy"] is not None else None,
            tags=work.tags(),
        )
        return str(answer["id"])
    api = work.made(_import(work, "ImportRestApi"))
    _patch_api(work, _overrides({}, work))
    work.call(API, "TagResource", resourceArn=rest_patches.arn(work, f"/restapis/{api}"), tags=work.tags())
    return api


def _patch_api(work: Work, patches: rest_patches.Patches) -> None:
    if patches:
        work.call(API, "UpdateRestApi", restApiId=work.physical_id, patchOperations=patches)


def _update_api(work: Work) -> None:
    _check_api(work)
    before = work.before
    if defined(work.properties) and work.changed - {"Tags"}:
        # The definition takes the place of the whole API, or is merged into it: what stands beside it is said again.
        _import(work, "PutRestApi", restApiId=work.physical_id, mode=str(work["Mode"] or "overwrite"))
        left = _LEFT_BY_MERGE if work["Mode"] == "merge" else _LEFT_BY_OVERWRITE
        before = {name: value for name, value in before.items() if name in left and work[name] is None}
    elif "EndpointConfiguration" in work.changed:
        old, new = (((one or {}).get("Types") or ["EDGE"])[0] for one in _endpoints(work))
        if old != new:
            _patch_api(work, [replace(f"/endpointConfiguration/types/{old}", new)])
    _patch_api(work, _overrides(before, work))
    rest_patches.retag(work, f"/restapis/{work.physical_id}")


def _endpoints(work: Work) -> tuple[Any, Any]:
    return work.before.get("EndpointConfiguration"), work["EndpointConfiguration"]


def _api_attributes(work: Work) -> Mapping[str, Any]:
    found = work.call(API, "GetRestApi", restApiId=work.physical_id)
    return {"RestApiId": work.physical_id, "RootResourceId": found["rootResourceId"]}


REST_API = ResourceType(
    "AWS::ApiGateway::RestApi",
    create=_create_api,
    update=_update_api,
    delete=lambda work: work.call(API, "DeleteRestApi", restApiId=work.physical_id),
    attributes=_api_attributes,
    refused={
        "CloneFrom": "give the definition as Body",
        "EndpointAccessMode": "there is no TLS behind it",
        "SecurityPolicy": "there is no TLS behind it",
    },
)


# -- resources and methods -----------------------------------------------------------------------------


RESOURCE = ResourceType(
    "AWS::ApiGateway::Resource",
    create=lambda work: str(work.call(API, "CreateResource", **work.fitted(API, "CreateResource"))["id"]),
    delete=lambda work: work.call(API, "DeleteResource", restApiId=work["RestApiId"], resourceId=work.physical_id),
    attributes=lambda work: {"ResourceId": work.physical_id},
)


def _which(work: Work) -> dict[str, str]:
    verb = str(work["HttpMethod"]).upper()
    return {"restApiId": work["RestApiId"], "resourceId": work["ResourceId"], "httpMethod": verb}


def _create_method(work: Work) -> str:
    which = _which(work)
    names = {"RestApiId", "ResourceId", "HttpMethod", "Integration", "MethodResponses"}
    method = work.fitted(API, "PutMethod", without=tuple(names))
    method.setdefault("authorizationType", "NONE")
    work.call(API, "PutMethod", **which, **method)
    physical_id = work.made("|".join(which.values()))
    for response in work["MethodResponses"] or ():
        work.call(API, "PutMethodResponse", **which, **response)
    integration = dict(work["Integration"] or {})
    responses = integration.pop("IntegrationResponses", None) or ()
    if integration:
        work.call(API, "PutIntegration", **which, **integration)
    for response in responses:
        work.call(API, "PutIntegrationResponse", **which, **response)
    return physical_id


def _update_method(work: Work) -> None:
    """As AWS's own handler: the method is taken away and made anew. Stages go on with what is deployed."""
    try:
        _delete_method(work)
    except ClientError as error:
        if not gone(error):
            raise
    _create_method(work)


def _delete_method(work: Work) -> None:
    work.call(API, "DeleteMethod", **_which(work))


METHOD = ResourceType("AWS::ApiGateway::Method", create=_create_method, update=_update_method, delete=_delete_method)

TYPES = (REST_API, RESOURCE, METHOD)
