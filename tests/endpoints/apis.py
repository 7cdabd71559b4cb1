"""REST APIs, HTTP APIs and function URLs of a test, made by calls."""

from __future__ import annotations

from typing import Any

WRAPPED = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


def uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


class Rest:
    """One REST API, made by calls."""

    def __init__(self, front: Any, name: str, function: str = "", *, permit: bool = True, **settings: Any) -> None:
        self.front = front
        self.rest = front.client("apigateway")
        made = self.rest.create_rest_api(name=name, **settings)
        self.id, self.root = made["id"], made["rootResourceId"]
        self.function = function
        self.host = f"https://{self.id}.execute-api.us-east-1.amazonaws.com"
        if permit and function:
            front.permit(function, f"arn:aws:execute-api:us-east-1:123456789012:{self.id}/*")

    def resource(self, path: str) -> str:
        found = {each["path"]: each["id"] for each in self.rest.get_resources(restApiId=self.id)["items"]}
        parent, so_far = self.root, ""
        for part in [each for each in path.split("/") if each]:
            so_far += f"/{part}"
            if so_far not in found:
                made = self.rest.create_resource(restApiId=self.id, parentId=parent, pathPart=part)
                found[so_far] = made["id"]
            parent = found[so_far]
        return str(parent)

    def method(self, method: str, path: str, integration: Any = None, **settings: Any) -> None:
        where = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": method}
        self.rest.put_method(**where, **{"authorizationType": "NONE", **settings})
        given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri(self.function)}
        self.rest.put_integration(**where, **(integration or given))

    def deploy(self, stage: str = "dev", **settings: Any) -> str:
        return str(self.rest.create_deployment(restApiId=self.id, stageName=stage, **settings)["id"])

    def patch_stage(self, *operations: tuple[str, str, str], stage: str = "dev") -> None:
        given = [{"op": op, "path": path, "value": value} for op, path, value in operations]
        self.rest.update_stage(restApiId=self.id, stageName=stage, patchOperations=given)

    def call(self, method: str, path: str, *args: Any, **settings: Any) -> Any:
        return self.front.call(method, f"{self.host}/dev{path}", *args, **settings)


class Http:
    """One HTTP API with a function behind it."""

    def __init__(self, front: Any, name: str, function: str, *, permit: bool = True, **settings: Any) -> None:
        self.front = front
        self.v2 = front.client("apigatewayv2")
        made = self.v2.create_api(Name=name, ProtocolType="HTTP", **settings)
        self.id = made["ApiId"]
        self.endpoint = made["ApiEndpoint"]
        self.function = function
        if permit:
            front.permit(function, f"arn:aws:execute-api:us-east-1:123456789012:{self.id}/*")
        self.integration = self.v2.create_integration(
            ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
        )["IntegrationId"]

    def route(self, key: str, integration: str | None = None, **settings: Any) -> str:
        target = f"integrations/{integration or self.integration}"
        return str(self.v2.create_route(ApiId=self.id, RouteKey=key, Target=target, **settings)["RouteId"])

    def stage(self, name: str = "$default", **settings: Any) -> None:
        self.v2.create_stage(ApiId=self.id, StageName=name, **{"AutoDeploy": True, **settings})

    def call(self, method: str, path: str, *args: Any, **settings: Any) -> Any:
        return self.front.call(method, self.endpoint + path, *args, **settings)


def url_of(front: Any, name: str, auth: str = "NONE", *, permit: bool = True, **settings: Any) -> str:
    functions = front.client("lambda")
    made = functions.create_function_url_config(FunctionName=name, AuthType=auth, **settings)
    if permit:
        functions.add_permission(
            FunctionName=name,
            StatementId="url",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType=auth,
        )
        functions.add_permission(
            FunctionName=name,
            StatementId="fn",
            Action="lambda:InvokeFunction",
            Principal="*",
            InvokedViaFunctionUrl=True,
        )
    return str(made["FunctionUrl"])
