"""State machines that run: their tasks, their waits, their failures, whose rights they have, and their logs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.sandbox import Sandbox

CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    return {"got": event}
"""
ALLOWED = [
    *("lambda:InvokeFunction", "sqs:SendMessage", "sns:Publish", "dynamodb:*", "events:PutEvents"),
    *("logs:CreateLogDelivery", "states:StartExecution"),
]


class World:
    """A sandbox with a function, a queue, a table, and a role for machines."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.states = self.client("stepfunctions")
        self.machine_role = self.role("machine", "states", ALLOWED)
        self.function_role = self.role("function", "lambda", ["logs:*"])
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            info = zipfile.ZipInfo("app.py")
            info.external_attr = 0o644 << 16
            archive.writestr(info, CODE)
        self.function = str(
            self.client("lambda").create_function(
                FunctionName="echo",
                Runtime="python3.11",
                Role=self.function_role,
                Handler="app.handler",
                Code={"ZipFile": content.getvalue()},
            )["FunctionArn"]
        )
        self.client("lambda").get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
        self.queue = str(self.client("sqs").create_queue(QueueName="orders")["QueueUrl"])

    def client(self, service: str) -> Any:
        return self.sandbox.gateway.client(service, self.sandbox.gateway.learner)

    def role(self, name: str, service: str, actions: list[str]) -> str:
        def document(statement: dict[str, Any]) -> str:
            return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

        iam = self.client("iam")
        trust = document({"Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        if actions:
            allowed = document({"Action": actions, "Resource": "*"})
            iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=allowed)
        return str(arn)

    def machine(self, name: str, states: dict[str, Any], **more: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        given = {"name": name, "roleArn": self.machine_role, "definition": json.dumps(definition), **more}
        return str(self.states.create_state_machine(**given)["stateMachineArn"])

    def run(self, machine: str, given: Any = None, advance: float = 0.0) -> dict[str, Any]:
        """An execution, some seconds after it was started."""
        begun = self.states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))
        self.sandbox.clock.advance(advance)
        found: dict[str, Any] = self.states.describe_execution(executionArn=begun["executionArn"])
        return found

    def messages(self) -> list[str]:
        sqs = self.client("sqs")
        found = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return [each["Body"] for each in found]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    sandbox = Sandbox()
    sandbox.serve()
    try:
        yield World(sandbox)
    finally:
        sandbox.close()


def invoke(world: World, payload: Any, **more: Any) -> dict[str, Any]:
    parameters = {"FunctionName": world.function, "Payload": payload}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, **more}


def send(world: World, body: Any, suffix: str = "", **more: Any) -> dict[str, Any]:
    parameters = {"QueueUrl": world.queue, "MessageBody": body}
    return {"Type": "Task", "Resource": f"arn:aws:states:::sqs:sendMessage{suffix}", "Parameters": parameters, **more}


def test_tasks_act_on_the_sandboxs_own_services(world: World) -> None:
    world.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = world.client("sns").create_topic(Name="news")["TopicArn"]
    put = {"TableName": "orders", "Item": {"id": {"S.$": "$.id"}}}
    event = {"Source": "shop", "DetailType": "order", "Detail": {"a": 1}}
    machine = world.machine(
        "services",
        {
            "Ask": invoke(world, {"id.$": "$.id"}, ResultSelector={"id.$": "$.Payload.got.id"}, Next="Direct"),
            "Direct": {"Type": "Task", "Resource": world.function, "OutputPath": "$.got", "Next": "Put"},
            "Put": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": put,
                "ResultPath": None,
                "Next": "Tell",
            },
            "Tell": send(world, {"id.$": "$.id"}, ResultPath=None, Next="Publish"),
            "Publish": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {"TopicArn": topic, "Message": "m"},
                "ResultPath": None,
                "Next": "Announce",
            },
            "Announce": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {"Entries": [event]},
                "ResultPath": None,
                "End": True,
            },
        },
    )
    found = world.run(machine, {"id": "o-1"})
    assert (found["status"], json.loads(found.get("output", "null"))) == ("SUCCEEDED", {"id": "o-1"}), found
    assert world.client("dynamodb").get_item(TableName="orders", Key={"id": {"S": "o-1"}})["Item"]
    assert [json.loads(body) for body in world.messages()] == [{"id": "o-1"}]


def test_waits_are_of_sandbox_time(world: World) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Until"}}
    until = {"Until": {"Type": "Wait", "TimestampPath": "$.until", "End": True}}
    machine = world.machine("patient", wait | until)
    clock = world.sandbox.clock
    then = f"{clock.datetime().replace(microsecond=0).isoformat()}".replace("+00:00", "Z")
    begun = world.states.start_execution(stateMachineArn=machine, input=json.dumps({"until": then}))["executionArn"]
    clock.advance(3590)
    assert world.states.describe_execution(executionArn=begun)["status"] == "RUNNING"
    clock.advance(11)
    found = world.states.describe_execution(executionArn=begun)
    assert found["status"] == "SUCCEEDED"
    assert 3600 <= (found["stopDate"] - found["startDate"]).total_seconds() < 3610


def test_branches_items_and_choices(world: World) -> None:
    inner = {"StartAt": "Add", "States": {"Add": {"Type": "Pass", "Parameters": {"x.$": "$"}, "End": True}}}
    branches = [
        {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 60, "End": True}}},
        {"StartAt": "Quick", "States": {"Quick": {"Type": "Pass", "Result": [1, 2], "End": True}}},
    ]
    choice = {"Variable": "$[0].x", "NumericEquals": 1, "Next": "Yes"}
    machine = world.machine(
        "shapes",
        {
            "Both": {"Type": "Parallel", "Branches": branches, "OutputPath": "$[1]", "Next": "Each"},
            "Each": {"Type": "Map", "ItemProcessor": inner, "Next": "Which"},
            "Which": {"Type": "Choice", "Choices": [choice], "Default": "No"},
            "Yes": {"Type": "Succeed"},
            "No": {"Type": "Fail", "Error": "No"},
        },
    )
    assert world.run(machine)["status"] == "RUNNING"
    found = world.run(machine, advance=61)
    assert (found["status"], json.loads(found.get("output", "null"))) == ("SUCCEEDED", [{"x": 1}, {"x": 2}]), found


def test_a_failure_is_tried_again_and_caught_by_its_name(world: World) -> None:
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 10, "MaxAttempts": 2}]
    catch = [{"ErrorEquals": ["ValueError"], "Next": "Tell"}]
    failing = invoke(world, {"fail": True}, Retry=retry, Catch=catch, End=True)
    machine = world.machine("stubborn", {"Try": failing, "Tell": {"Type": "Pass", "End": True}})
    begun = world.states.start_execution(stateMachineArn=machine)["executionArn"]
    world.sandbox.clock.advance(29)
    assert world.states.describe_execution(executionArn=begun)["status"] == "RUNNING"
    world.sandbox.clock.advance(2)
    found = world.states.describe_execution(executionArn=begun)
    assert json.loads(found["output"])["Error"] == "ValueError"
    history = world.states.get_execution_history(executionArn=begun)["events"]
    assert [each["type"] for each in history].count("TaskFailed") == 3


def test_a_task_waits_for_its_token_and_not_for_ever(world: World) -> None:
    body = {"token.$": "$$.Task.Token"}
    ask = send(world, body, ".waitForTaskToken", TimeoutSeconds=100, End=True)
    machine = world.machine("asking", {"Ask": ask})
    begun = world.states.start_execution(stateMachineArn=machine)["executionArn"]
    world.sandbox.clock.settle()
    token = json.loads(world.messages()[0])["token"]
    world.states.send_task_success(taskToken=token, output='{"ok": true}')
    world.sandbox.clock.settle()
    assert json.loads(world.states.describe_execution(executionArn=begun)["output"]) == {"ok": True}
    found = world.run(machine, advance=101)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    with pytest.raises(ClientError, match="Invalid Token"):
        world.states.send_task_success(taskToken="unknown", output="{}")


def test_a_machine_may_do_what_its_role_may_and_no_more(world: World) -> None:
    poor = world.role("poor", "states", [])
    direct = {"Ask": {"Type": "Task", "Resource": world.function, "End": True}}
    found = world.run(world.machine("poor-direct", direct, roleArn=poor))
    assert (found["status"], found["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction" in found["cause"]
    found = world.run(world.machine("poor", {"Tell": send(world, "m", End=True)}, roleArn=poor))
    assert found["status"] == "FAILED"
    assert "sqs:sendmessage" in found["cause"].lower()
    with pytest.raises(ClientError, match=r"states\.amazonaws\.com, nor the regional one"):
        world.machine("foreign", direct, roleArn=world.function_role)


def test_a_role_may_trust_the_service_of_one_region(world: World) -> None:
    waits = {"Done": {"Type": "Succeed"}}
    own = world.machine("regional", waits, roleArn=world.role("regional", "states.us-east-1", []))
    assert world.run(own)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="nor the regional one is authorized"):
        world.machine("elsewhere", waits, roleArn=world.role("elsewhere", "states.eu-west-1", []))


def test_an_execution_is_stopped_where_it_waits(world: World) -> None:
    machine = world.machine("endless", {"Wait": {"Type": "Wait", "Seconds": 10_000, "End": True}})
    begun = world.states.start_execution(stateMachineArn=machine, name="one")["executionArn"]
    assert begun.endswith(":endless:one")
    assert world.states.stop_execution(executionArn=begun, error="E", cause="C")["stopDate"]
    world.sandbox.clock.settle()
    found = world.states.describe_execution(executionArn=begun)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "E", "C")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        world.states.start_execution(stateMachineArn=machine, name="one")


def test_executions_are_logged_where_the_machine_says(world: World) -> None:
    logs = world.client("logs")
    logs.create_log_group(logGroupName="/machines")
    group = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:/machines:*"}}
    logging = {"level": "ALL", "includeExecutionData": True, "destinations": [group]}
    machine = world.machine("talking", {"Say": {"Type": "Pass", "End": True}}, loggingConfiguration=logging)
    world.run(machine, {"a": 1})
    events = [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName="/machines")["events"]]
    assert [each["type"] for each in events] == [
        *("ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded")
    ]
    assert json.loads(events[0]["details"]["input"]) == {"a": 1}
    poor = world.role("silent", "states", [])
    with pytest.raises(ClientError, match="not authorized to access the Log Destination"):
        world.machine("silenced", {"Say": {"Type": "Pass", "End": True}}, roleArn=poor, loggingConfiguration=logging)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{", "INVALID_JSON_DESCRIPTION"),
        ("[]", "SCHEMA_VALIDATION_FAILED"),
        ('{"StartAt": "A", "States": {}}', "at least one state"),
        ('{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}', "Missing 'StartAt' target: B at /StartAt"),
        ('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}', "at /States/A/Next"),
        ('{"StartAt": "A", "States": {"A": {"Type": "Teleport", "End": true}}}', "SCHEMA_VALIDATION_FAILED"),
        ('{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', "JSONata"),
        (
            '{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true, '
            '"Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}}}',
            "activities",
        ),
    ],
)
def test_what_can_not_run_is_no_machine(world: World, definition: str, message: str) -> None:
    with pytest.raises(ClientError) as refused:
        world.states.create_state_machine(name="bad", roleArn=world.machine_role, definition=definition)
    assert message in str(refused.value)


def test_a_rule_of_eventbridge_starts_a_machine_with_its_role(world: World) -> None:
    machine = world.machine("ruled", {"Done": {"Type": "Pass", "End": True}})
    role = world.role("rule", "events", ["states:StartExecution"])
    events = world.client("events")
    events.put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop"]}))
    refused = events.put_targets(Rule="orders", Targets=[{"Id": "m", "Arn": machine, "RoleArn": role}])
    assert refused["FailedEntryCount"] == 0
    events.put_events(Entries=[{"Source": "shop", "DetailType": "placed", "Detail": '{"id": 7}'}])
    world.sandbox.clock.settle()

    begun = world.states.list_executions(stateMachineArn=machine)["executions"]
    assert [one["status"] for one in begun] == ["SUCCEEDED"]
    given = json.loads(world.states.describe_execution(executionArn=begun[0]["executionArn"])["input"])
    assert (given["source"], given["detail"]) == ("shop", {"id": 7})
