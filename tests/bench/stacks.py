"""What a stack costs: 25 resources on the server, and `sam deploy` beside an endpoint that answers at once."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.canned import Canned
from tests.bench.figures import TRUST, Figure, Ours, ours, runtime
from tests.bench.peers import client
from tests.integration import orders
from tests.integration.terminal import Terminal

HANDLER = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'ok'}\n"
LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
QUEUES = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"


def mixed() -> dict[str, Any]:
    """A template of 25 resources, as a small service has them: each refers to others where it does in real life."""
    resources: dict[str, Any] = {}
    table = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": {"Fn::GetAtt": ["Orders", "Arn"]}}
    for name in ("Taking", "Sending", "Reporting"):
        resources[f"{name}Role"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "ManagedPolicyArns": [LOGS, QUEUES],
                "Policies": [
                    {
                        "PolicyName": "table",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": [table]},
                    }
                ],
            },
        }
        resources[name] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": runtime(),
                "Handler": "index.handler",
                "Code": {"ZipFile": HANDLER},
                "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
                "Environment": {"Variables": {"ORDERS": {"Ref": "Orders"}}},
            },
        }
        resources[f"{name}Log"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": f"/aws/lambda/${{{name}}}"}, "RetentionInDays": 7},
        }
    for name in ("Orders", "Customers"):
        resources[name] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        }
    resources["Lost"] = {"Type": "AWS::SQS::Queue"}
    for name in ("Shipping", "Billing"):
        redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Lost", "Arn"]}, "maxReceiveCount": 3}
        resources[name] = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive}}
    resources["Placed"] = {"Type": "AWS::SNS::Topic"}
    resources["Alarms"] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "alarms"}}
    resources["BillingPlaced"] = {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Placed"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Billing", "Arn"]},
        },
    }
    resources["BillingPolicy"] = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Billing"}],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": ["Billing", "Arn"]},
                        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Placed"}}},
                    }
                ],
            },
        },
    }
    resources["SendingShipping"] = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"FunctionName": {"Ref": "Sending"}, "EventSourceArn": {"Fn::GetAtt": ["Shipping", "Arn"]}},
    }
    resources["Api"] = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "mixed", "ProtocolType": "HTTP"}}
    resources["ApiStage"] = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
    }
    resources["ApiTaking"] = {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": {"Fn::GetAtt": ["Taking", "Arn"]},
            "PayloadFormatVersion": "2.0",
        },
    }
    resources["ApiPlace"] = {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "RouteKey": "POST /orders",
            "Target": {"Fn::Sub": "integrations/${ApiTaking}"},
        },
    }
    resources["ApiMayInvoke"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Taking"},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"},
        },
    }
    resources["Limit"] = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "25"}}
    return {"Resources": resources}


def created(sandbox: Ours, name: str, template: str) -> tuple[float, float]:
    """Seconds from CreateStack's request to CREATE_COMPLETE: as the client sees it, and by the stack's own events."""
    caller = client("cloudformation", sandbox.endpoint, sandbox.credentials)
    began = time.perf_counter()
    caller.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
    status = "CREATE_IN_PROGRESS"
    while status == "CREATE_IN_PROGRESS":
        status = caller.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    took = time.perf_counter() - began
    if status != "CREATE_COMPLETE":
        raise RuntimeError(f"the stack of 25 resources came to {status}")
    pages = caller.get_paginator("describe_stack_events").paginate(StackName=name)
    times = [one["Timestamp"] for page in pages for one in page["StackEvents"]]
    return took, (max(times) - min(times)).total_seconds()


def twenty_five(rounds: int) -> list[Figure]:
    """Creations one after the other, each deleted before the next; the first, which imports modules, counts too."""
    template = mixed()
    count = len(template["Resources"])
    seen, told, deleted = [], [], []
    with ours() as sandbox:
        caller = client("cloudformation", sandbox.endpoint, sandbox.credentials)
        for number in range(rounds):
            name = f"mixed-{number}"
            took, by_events = created(sandbox, name, json.dumps(template))
            seen.append(took)
            told.append(by_events)
            began = time.perf_counter()
            caller.delete_stack(StackName=name)
            caller.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
            deleted.append(time.perf_counter() - began)
    detail = (
        f"median of {rounds}, the first {seen[0]:.2f} s; {statistics.median(told):.2f} s by its events, "
        f"deleted in {statistics.median(deleted):.2f} s"
    )
    return [
        Figure(f"a stack of {count} resources created", statistics.median(seen), "s", 2.0, detail=detail),
        Figure(f"a stack of {count} resources created, the worst", max(seen), "s", 2.0, detail=f"of {rounds}"),
    ]


def deploy(rounds: int) -> list[Figure]:
    """`sam deploy` of the orders service, new each time, against ours and the canned peer in turn."""
    with ours() as sandbox, tempfile.TemporaryDirectory(prefix="coldstart-bench-") as folder:
        client("s3", sandbox.endpoint, sandbox.credentials).create_bucket(Bucket="bench")
        caller = client("cloudformation", sandbox.endpoint, sandbox.credentials)
        mine = Terminal(Path(folder) / "ours", sandbox.endpoint, sandbox.credentials)
        orders.write(mine.folder)
        mine.done("sam", "build")
        _deployed(mine, mine.folder, "first")
        pages = caller.get_paginator("list_stack_resources").paginate(StackName="first")
        resources = [
            (one["LogicalResourceId"], one["ResourceType"]) for page in pages for one in page["StackResourceSummaries"]
        ]
        peer = Canned(resources)
        theirs = Terminal(Path(folder) / "canned", peer.endpoint, sandbox.credentials)
        taken: dict[str, list[float]] = {"ours": [], "canned": []}
        peer.start()
        try:
            _deployed(theirs, mine.folder, "first")
            for number in range(rounds):
                taken["ours"].append(_deployed(mine, mine.folder, f"orders-{number}"))
                caller.delete_stack(StackName=f"orders-{number}")
                taken["canned"].append(_deployed(theirs, mine.folder, f"orders-{number}"))
        finally:
            peer.stop()
    a, b = statistics.median(taken["ours"]), statistics.median(taken["canned"])
    detail = f"{a:.2f} s against {b:.2f} s, medians of {rounds} in turn, {len(resources)} resources"
    return [Figure("sam deploy to one that is answered at once", a / b, "times", 2.0, detail=detail)]


def _deployed(terminal: Terminal, application: Path, stack: str) -> float:
    """Seconds that a deployment takes; what was built is in `application`. AssertionError if it fails."""
    template = str(application / ".aws-sam" / "build" / "template.yaml")
    began = time.perf_counter()
    terminal.done(
        *("sam", "deploy", "--template-file", template, "--stack-name", stack, "--s3-bucket", "bench"),
        *("--force-upload", "--capabilities", "CAPABILITY_IAM"),
    )
    return time.perf_counter() - began


MEASURES: dict[str, tuple[Callable[[Any], list[Figure]], Any, Any]] = {
    "stack": (twenty_five, 10, 3),
    "deploy": (deploy, 7, 2),
}
