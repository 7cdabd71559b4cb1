"""Before any customer meets the new version it gets one order, and CodeDeploy is told how that went."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

#: The new version's ARN, its number included.
NEW_VERSION = os.environ["NEW_VERSION"]
#: The shop's own order. Its card is charged like any other.
ORDER = {"order": "smoke-test", "customer": "smoke-test", "district": "east", "goods_cents": 1000}

functions = boto3.client("lambda")
deployments = boto3.client("codedeploy")


def handler(event: dict[str, Any], context: Any) -> None:
    answer = functions.invoke(FunctionName=NEW_VERSION, Payload=json.dumps(ORDER).encode())
    result = json.loads(answer["Payload"].read())
    failed = "FunctionError" in answer or result.get("total_cents") != 1490
    status = "Failed" if failed else "Succeeded"
    print(json.dumps({"message": "smoke test", "status": status, "version": NEW_VERSION, "result": result}))
    deployments.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )
