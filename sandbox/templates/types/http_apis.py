"""API Gateway v2: HTTP APIs and their stages, routes, integrations, authorizers and deployments.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.templates.types.api_documents import defined, definition
from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work, gone

_API = "apigatewayv2"
_WEBSOCKET = "WebSocket APIs are not built"

#: What of an API its definition holds, and what the template may say otherwise beside it.
_DEFINITION = ("Body", "BodyS3Location", "BasePath", "FailOnWarnings")
_SETTINGS: Mapping[str, Any] = {
    "Name": None,
    "Description": "",
    "Version": "",
    "DisableExecuteApiEndpoint": False,
    "CorsConfiguration": None,
}
_QUICK = ("Target", "RouteKey", "CredentialsArn")


def _arn(work: Work, path: str) -> str:
    return f"arn:{work.stack.partition}:apigateway:{work.stack.region}::/apis/{path}"


def _retag(work: Work, arn: str) -> None:
    added, removed = work.tag_changes()
    if added:
        work.call(_API, "TagResource", ResourceArn=arn, Tags=added)
    if removed:
        work.call(_API, "UntagResource", ResourceArn=arn, TagKeys=removed)


# -- APIs ----------------------------------------------------------------------------------------------


def _check_api(work: Work) -> None:
    for name in _DEFINITION:
        # Without a definition they say nothing.
        work.properties.get(name)
    if work["ProtocolType"] not in (None, "HTTP"):
        raise Unsupported(f"ProtocolType {work['ProtocolType']} is not supported by this sandbox: {_WEBSOCKET}")
    if work["IpAddressType"] not in (None, "ipv4"):
        raise Unsupported(
            f"IpAddressType {work['IpAddressType']} is not supported by this sandbox: APIs answer on IPv4 only"
        )
    if work["RouteSelectionExpression"] not in (None, "$request.method $request.path"):
        raise Unsupported(f"RouteSelectionExpression is not supported by this sandbox: {_WEBSOCKET}")


def _import(work: Work, operation: str, **which: str) -> str:
    body = definition(work, work["Name"])
    given = {"Basepath": work["BasePath"], "FailOnWarnings": work["FailOnWarnings"]}
    return str(work.call(_API, operation, Body=body, **given, **which)["ApiId"])


def _override(work: Work, api: str) -> None:
    """Gives an API those of its settings that the template names beside the definition."""
    given = {name: work[name] for name in _SETTINGS if work[name] is not None}
    if given:
        work.call(_API, "UpdateApi", ApiId=api, **given)


def _create_api(work: Work) -> str:
    _check_api(work)
    if not defined(work.properties):
        given = {name: work[name] for name in (*_SETTINGS, *_QUICK)}
        answer = work.call(_API, "CreateApi", **given, ProtocolType=work["ProtocolType"], Tags=work.tags())
        return str(answer["ApiId"])
    api = work.made(_import(work, "ImportApi"))
    _override(work, api)
    work.call(_API, "TagResource", ResourceArn=_arn(work, api), Tags=work.tags())
    return api


def _update_api(work: Work) -> None:
    _check_api(work)
    api, changed = work.physical_id, work.changed
    if defined(work.properties):
        if changed.intersection((*_DEFINITION, *_SETTINGS)):
            _import(work, "ReimportApi", ApiId=api)
            _override(work, api)
    else:
        given = {name: work[name] for name in (*_SETTINGS, *_QUICK) if name in changed}
        given = {name: _SETTINGS.get(name) if value is None else value for name, value in given.items()}
        if any(value is not None for value in given.values()):
            work.call(_API, "UpdateApi", ApiId=api, **given)
        if "CorsConfiguration" in changed and work["CorsConfiguration"] is None:
            work.call(_API, "DeleteCorsConfiguration", ApiId=api)
    _retag(work, _arn(work, api))


def _api_attributes(work: Work) -> Mapping[str, Any]:
    api, stack = work.physical_id, work.stack
    return {
        "ApiId": api,
        "ApiEndpoint": f"https://{api}.execute-api.{stack.region}.{stack.url_suffix}",
        "ExecuteApiArn": work.arn("execute-api", api),
    }


API = ResourceType(
    "AWS::ApiGatewayV2::Api",
    create=_create_api,
    update=_update_api,
    delete=lambda work: work.call(_API, "DeleteApi", ApiId=work.physical_id),
    attributes=_api_attributes,
    refused={
        "ApiKeySelectionExpression": _WEBSOCKET,
        "DisableSchemaValidation": _WEBSOCKET,
    },
)


# -- stages --------------------------------------------------------------------------------------------

_STAGE_DEFAULTS: Mapping[str, Any] = {
    "AutoDeploy": False,
    "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
    "Description": "",
    "RouteSettings": {},
    "StageVariables": {},
}


def _create_stage(work: Work) -> str:
    given = work.fitted(_API, "CreateStage", without=("Tags",))
    return str(work.call(_API, "CreateStage", **given, Tags=work.tags())["StageName"])


def _update_stage(work: Work) -> None:
    which = {"ApiId": work["ApiId"], "StageName": work.physical_id}
    changed = work.changed - {"ApiId", "StageName", "Tags"}
    for key in work.before.get("RouteSettings") or {}:
        if key not in (work["RouteSettings"] or {}):
            _ignore_gone(work, "DeleteRouteSettings", **which, RouteKey=key)
    if "AccessLogSettings" in changed and work["AccessLogSettings"] is None:
        work.call(_API, "DeleteAccessLogSettings", **which)
    given = {name: _STAGE_DEFAULTS.get(name) if work[name] is None else work[name] for name in changed}
    if any(value is not None for value in given.values()):
        work.call(_API, "UpdateStage", **which, **given)
    _retag(work, _arn(work, f"{work['ApiId']}/stages/{work.physical_id}"))


def _ignore_gone(work: Work, operation: str, **parameters: Any) -> None:
    try:
        work.call(_API, operation, **parameters)
    except ClientError as error:
        if not gone(error):
            raise


STAGE = ResourceType(
    "AWS::ApiGatewayV2::Stage",
    create=_create_stage,
    update=_update_stage,
    delete=lambda work: work.call(_API, "DeleteStage", ApiId=work["ApiId"], StageName=work.physical_id),
    refused={"ClientCertificateId": _WEBSOCKET},
)


# -- routes, integrations, authorizers -----------------------------------------------------------------


def _part(kind: str, defaults: Mapping[str, Any], refused: Mapping[str, str]) -> ResourceType:
    """A part of an API that has an id of its own. `defaults` are what its settings go back to."""
    identifier = f"{kind}Id"

    def create(work: Work) -> str:
        return str(work.call(_API, f"Create{kind}", **work.fitted(_API, f"Create{kind}"))[identifier])

    def update(work: Work) -> None:
        given = {name: defaults.get(name) if work[name] is None else work[name] for name in work.changed}
        work.call(_API, f"Update{kind}", **{"ApiId": work["ApiId"], identifier: work.physical_id}, **given)

    return ResourceType(
        f"AWS::ApiGatewayV2::{kind}",
        create=create,
        update=update,
        delete=lambda work: work.call(_API, f"Delete{kind}", **{"ApiId": work["ApiId"], identifier: work.physical_id}),
        attributes=lambda work: {identifier: work.physical_id},
        refused=refused,
    )


ROUTE = _part(
    "Route",
    {
        "ApiKeyRequired": False,
        "AuthorizationScopes": [],
        "AuthorizationType": "NONE",
        "AuthorizerId": "",
        "OperationName": "",
    },
    dict.fromkeys(
        ("ModelSelectionExpression", "RequestModels", "RequestParameters", "RouteResponseSelectionExpression"),
        _WEBSOCKET,
    ),
)

INTEGRATION = _part(
    "Integration",
    {
        "ConnectionType": "INTERNET",
        "CredentialsArn": "",
        "Description": "",
        "IntegrationMethod": "",
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": 30_000,
    },
    {
        "ConnectionId": "there are no VPCs behind it",
        "ContentHandlingStrategy": _WEBSOCKET,
        "IntegrationSubtype": "integrations with services other than Lambda are not built",
        "PassthroughBehavior": _WEBSOCKET,
        "RequestParameters": "requests go through as they are",
        "RequestTemplates": _WEBSOCKET,
        "ResponseParameters": "answers go through as they are",
        "TemplateSelectionExpression": _WEBSOCKET,
        "TlsConfig": "there is no TLS behind it",
    },
)

AUTHORIZER = _part(
    "Authorizer",
    {
        "AuthorizerCredentialsArn": "",
        "AuthorizerResultTtlInSeconds": 0,
        "EnableSimpleResponses": False,
        "IdentitySource": [],
        "IdentityValidationExpression": "",
    },
    {},
)


# -- deployments ---------------------------------------------------------------------------------------


def _create_deployment(work: Work) -> str:
    given = work.fitted(_API, "CreateDeployment")
    return str(work.call(_API, "CreateDeployment", **given)["DeploymentId"])


def _update_deployment(work: Work) -> None:
    which = {"ApiId": work["ApiId"], "DeploymentId": work.physical_id}
    if "Description" in work.changed:
        work.call(_API, "UpdateDeployment", **which, Description=work["Description"] or "")
    if "StageName" in work.changed and work["StageName"] is not None:
        work.call(_API, "UpdateStage", **which, StageName=work["StageName"])


DEPLOYMENT = ResourceType(
    "AWS::ApiGatewayV2::Deployment",
    create=_create_deployment,
    update=_update_deployment,
    delete=lambda work: work.call(_API, "DeleteDeployment", ApiId=work["ApiId"], DeploymentId=work.physical_id),
    attributes=lambda work: {"DeploymentId": work.physical_id},
)

TYPES = (API, STAGE, ROUTE, INTEGRATION, AUTHORIZER, DEPLOYMENT)
