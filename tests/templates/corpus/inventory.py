"""All that stands in an account of what templates make, by the services' own lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

#: Service, operation, the member with the list, and what tells one from another (None: the member is its name).
_LISTS: tuple[tuple[str, str, str, str | None], ...] = (
    ("lambda", "list_functions", "Functions", "FunctionArn"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("apigateway", "get_rest_apis", "items", "id"),
    ("apigateway", "get_usage_plans", "items", "id"),
    ("apigateway", "get_api_keys", "items", "id"),
    ("apigateway", "get_domain_names", "items", "domainName"),
    ("apigatewayv2", "get_apis", "Items", "ApiId"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_users", "Users", "UserName"),
    ("iam", "list_groups", "Groups", "GroupName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("events", "list_rules", "Rules", "Arn"),
    ("events", "list_event_buses", "EventBuses", "Arn"),
    ("events", "list_archives", "Archives", "ArchiveName"),
    ("events", "list_connections", "Connections", "ConnectionArn"),
    ("events", "list_api_destinations", "ApiDestinations", "ApiDestinationArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("logs", "describe_metric_filters", "metricFilters", "filterName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("codedeploy", "list_applications", "applications", None),
    ("codedeploy", "list_deployment_configs", "deploymentConfigsList", None),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    ("kinesis", "list_streams", "StreamNames", None),
    ("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    ("cloudformation", "list_exports", "Exports", "Name"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
)


def inventory(client: Callable[[str], Any]) -> frozenset[str]:
    """What is there: `s3 buckets photos`. What the sandbox has no list of, it can't have made either."""
    found = set()
    for service, operation, member, name in _LISTS:
        try:
            listed = getattr(client(service), operation)().get(member, [])
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotImplementedException":
                continue
            raise
        found.update(f"{service} {operation} {one if name is None else one[name]}" for one in listed)
    for one in client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]:
        found.add(f"cloudwatch composite alarm {one['AlarmName']}")
    for one in client("lambda").list_layers()["Layers"]:
        found.add(f"lambda layer {one['LatestMatchingVersion']['LayerVersionArn']}")
    for one in client("iam").list_policies(Scope="Local")["Policies"]:
        found.add(f"iam policy {one['Arn']}")
    for one in client("ec2").describe_vpc_endpoints()["VpcEndpoints"]:
        if one["State"] not in ("deleting", "deleted"):
            found.add(f"ec2 endpoint {one['VpcEndpointId']}")
    for one in client("ec2").describe_nat_gateways()["NatGateways"]:
        if one["State"] not in ("deleting", "deleted"):
            found.add(f"ec2 NAT gateway {one['NatGatewayId']}")
    of_services = set()
    for one in client("kms").list_aliases()["Aliases"]:
        if one["AliasName"].startswith("alias/aws/"):
            of_services.add(one.get("TargetKeyId"))
        else:
            found.add(f"kms {one['AliasName']}")
    for one in client("kms").list_keys()["Keys"]:
        described = client("kms").describe_key(KeyId=one["KeyId"])["KeyMetadata"]
        # The keys that services make for an account are nobody's to delete.
        if one["KeyId"] not in of_services and described["KeyState"] != "PendingDeletion":
            found.add(f"kms key {one['KeyId']}")
    for one in client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]:
        found.add(f"cognito pool {one['Id']}")
    return frozenset(found)
