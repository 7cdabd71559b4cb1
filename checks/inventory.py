"""What stands in a sandbox: listed by kind, and removed again when a lab is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

NOT_PART_OF_THE_SANDBOX = "NotImplementedException"
SERVICE_ROLE_PATH = "/aws-service-role/"
#: So long a stack may take to come to rest, or to go, wall seconds.
STACK_SECONDS = 30
CODEDEPLOYS_OWN = "CodeDeployDefault."


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One thing that stands in the cloud. `id` is what its service deletes it by."""

    kind: str
    name: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])


def _stacks(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("cloudformation"), "describe_stacks", "Stacks"):
        if one["StackStatus"] != "DELETE_COMPLETE" and "ParentId" not in one:
            yield Item("stack", one["StackName"], one["StackId"])


def _rest_apis(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("apigateway"), "get_rest_apis", "items"):
        yield Item("REST API", one["name"], one["id"])


def _http_apis(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("apigatewayv2"), "get_apis", "Items"):
        yield Item("HTTP API", one["Name"], one["ApiId"])


def _mappings(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("lambda"), "list_event_source_mappings", "EventSourceMappings"):
        if one.get("State") != "Deleting":
            yield Item("event source mapping", one["UUID"], one["UUID"])


def _functions(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("lambda"), "list_functions", "Functions"):
        yield Item("function", one["FunctionName"], one["FunctionName"])


def _layers(cloud: Cloud) -> Iterator[Item]:
    client = cloud.client("lambda")
    for layer in _pages(client, "list_layers", "Layers"):
        for one in _pages(client, "list_layer_versions", "LayerVersions", LayerName=layer["LayerName"]):
            yield Item("layer", f"{layer['LayerName']}:{one['Version']}", f"{layer['LayerName']}:{one['Version']}")


def _composite_alarms(cloud: Cloud) -> Iterator[Item]:
    arguments = {"AlarmTypes": ["CompositeAlarm"]}
    for one in _pages(cloud.client("cloudwatch"), "describe_alarms", "CompositeAlarms", **arguments):
        yield Item("composite alarm", one["AlarmName"], one["AlarmName"])


def _alarms(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("cloudwatch"), "describe_alarms", "MetricAlarms"):
        yield Item("alarm", one["AlarmName"], one["AlarmName"])


def _dashboards(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("cloudwatch"), "list_dashboards", "DashboardEntries"):
        yield Item("dashboard", one["DashboardName"], one["DashboardName"])


def _applications(cloud: Cloud) -> Iterator[Item]:
    for name in _pages(cloud.client("codedeploy"), "list_applications", "applications"):
        yield Item("deployment application", name, name)


def _configurations(cloud: Cloud) -> Iterator[Item]:
    for name in _pages(cloud.client("codedeploy"), "list_deployment_configs", "deploymentConfigsList"):
        if not name.startswith(CODEDEPLOYS_OWN):
            yield Item("deployment configuration", name, name)


def _groups(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("logs"), "describe_log_groups", "logGroups"):
        yield Item("log group", one["logGroupName"], one["logGroupName"])


def _queues(cloud: Cloud) -> Iterator[Item]:
    for url in _pages(cloud.client("sqs"), "list_queues", "QueueUrls"):
        yield Item("queue", url.rpartition("/")[2], url)


def _topics(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("sns"), "list_topics", "Topics"):
        yield Item("topic", one["TopicArn"].rpartition(":")[2], one["TopicArn"])


def _tables(cloud: Cloud) -> Iterator[Item]:
    for name in _pages(cloud.client("dynamodb"), "list_tables", "TableNames"):
        yield Item("table", name, name)


def _buckets(cloud: Cloud) -> Iterator[Item]:
    for one in cloud.client("s3").list_buckets().get("Buckets", []):
        yield Item("bucket", one["Name"], one["Name"])


def _parameters(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("ssm"), "describe_parameters", "Parameters"):
        yield Item("parameter", one["Name"], one["Name"])


def _secrets(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("secretsmanager"), "list_secrets", "SecretList"):
        yield Item("secret", one["Name"], one["ARN"])


def _policies(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("iam"), "list_policies", "Policies", Scope="Local"):
        yield Item("policy", one["PolicyName"], one["Arn"])


def _roles(cloud: Cloud) -> Iterator[Item]:
    for one in _pages(cloud.client("iam"), "list_roles", "Roles"):
        if not one["Path"].startswith(SERVICE_ROLE_PATH):
            yield Item("role", one["RoleName"], one["RoleName"])


def _remove_stack(cloud: Cloud, id: str) -> None:
    """Deletes a stack, and waits until it has gone: what it deletes must not be deleted beside it.

    An update that waits for a deployment is cancelled first: until it has come to its end nothing can be deleted.
    """
    client = cloud.client("cloudformation")
    patience = {"Delay": 1, "MaxAttempts": STACK_SECONDS}
    with suppress(WaiterError):
        if client.describe_stacks(StackName=id)["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS":
            client.cancel_update_stack(StackName=id)
            client.get_waiter("stack_rollback_complete").wait(StackName=id, WaiterConfig=patience)
    client.delete_stack(StackName=id)
    with suppress(WaiterError):
        client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig=patience)


def _delete_alarm(cloud: Cloud, id: str) -> None:
    # One a call: composite alarms can't be deleted together with others of their kind.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    cloud.client("cloudwatch").delete_alarms(AlarmNames=[id])


def _remove_layer(cloud: Cloud, id: str) -> None:
    name, _, version = id.rpartition(":")
    cloud.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


def _remove_bucket(cloud: Cloud, id: str) -> None:
    client = cloud.client("s3")
    for one in _pages(client, "list_objects_v2", "Contents", Bucket=id):
        client.delete_object(Bucket=id, Key=one["Key"])
    client.delete_bucket(Bucket=id)


def _remove_role(cloud: Cloud, id: str) -> None:
    client = cloud.client("iam")
    for name in _pages(client, "list_role_policies", "PolicyNames", RoleName=id):
        client.delete_role_policy(RoleName=id, PolicyName=name)
    for one in _pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=id):
        client.detach_role_policy(RoleName=id, PolicyArn=one["PolicyArn"])
    client.delete_role(RoleName=id)


def _remove_policy(cloud: Cloud, id: str) -> None:
    client = cloud.client("iam")
    for one in _pages(client, "list_policy_versions", "Versions", PolicyArn=id):
        if not one["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=id, VersionId=one["VersionId"])
    client.delete_policy(PolicyArn=id)


@dataclass(frozen=True, slots=True)
class Kind:
    listed: Callable[[Cloud], Iterator[Item]]
    remove: Callable[[Cloud, str], object]


#: In the order in which things can go: what uses another before what is used.
KINDS: dict[str, Kind] = {
    "stack": Kind(_stacks, _remove_stack),
    "REST API": Kind(_rest_apis, lambda cloud, id: cloud.client("apigateway").delete_rest_api(restApiId=id)),
    "HTTP API": Kind(_http_apis, lambda cloud, id: cloud.client("apigatewayv2").delete_api(ApiId=id)),
    "event source mapping": Kind(
        _mappings, lambda cloud, id: cloud.client("lambda").delete_event_source_mapping(UUID=id)
    ),
    "function": Kind(_functions, lambda cloud, id: cloud.client("lambda").delete_function(FunctionName=id)),
    "layer": Kind(_layers, _remove_layer),
    "deployment application": Kind(
        _applications, lambda cloud, id: cloud.client("codedeploy").delete_application(applicationName=id)
    ),
    "deployment configuration": Kind(
        _configurations,
        lambda cloud, id: cloud.client("codedeploy").delete_deployment_config(deploymentConfigName=id),
    ),
    "composite alarm": Kind(_composite_alarms, _delete_alarm),
    "alarm": Kind(_alarms, _delete_alarm),
    "dashboard": Kind(_dashboards, lambda cloud, id: cloud.client("cloudwatch").delete_dashboards(DashboardNames=[id])),
    "queue": Kind(_queues, lambda cloud, id: cloud.client("sqs").delete_queue(QueueUrl=id)),
    "topic": Kind(_topics, lambda cloud, id: cloud.client("sns").delete_topic(TopicArn=id)),
    "table": Kind(_tables, lambda cloud, id: cloud.client("dynamodb").delete_table(TableName=id)),
    "bucket": Kind(_buckets, _remove_bucket),
    "parameter": Kind(_parameters, lambda cloud, id: cloud.client("ssm").delete_parameter(Name=id)),
    "secret": Kind(
        _secrets,
        lambda cloud, id: cloud.client("secretsmanager").delete_secret(SecretId=id, ForceDeleteWithoutRecovery=True),
    ),
    "role": Kind(_roles, _remove_role),
    "policy": Kind(_policies, _remove_policy),
    "log group": Kind(_groups, lambda cloud, id: cloud.client("logs").delete_log_group(logGroupName=id)),
}


def inventory(cloud: Cloud) -> tuple[set[Item], list[str]]:
    """All that stands in the cloud, of the kinds that labs make, and the kinds that could not be listed."""
    found: set[Item] = set()
    unseen: list[str] = []
    for name, kind in KINDS.items():
        try:
            found.update(kind.listed(cloud))
        except ClientError as error:
            # What the sandbox does not have at all, it refuses to list, and nobody can have made one.
            if error.response.get("Error", {}).get("Code") != NOT_PART_OF_THE_SANDBOX:
                unseen.append(name)
    return found, unseen


def remove(cloud: Cloud, items: set[Item]) -> None:
    """Remove these, each kind in its turn. What refuses to go shows in the next inventory."""
    for name, kind in KINDS.items():
        left = sorted(item for item in items if item.kind == name)
        # Some can go once others of their kind have: a composite alarm that others watch.
        while left and (refused := [item for item in left if not _gone(cloud, kind, item)]) != left:
            left = refused


def _gone(cloud: Cloud, kind: Kind, item: Item) -> bool:
    """Removes one; whether it did not refuse."""
    try:
        kind.remove(cloud, item.id)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500:
            raise
        return False
    return True
