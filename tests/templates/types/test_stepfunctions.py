"""State machines, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench

PASS = {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": "${word}", "End": True}}}


@pytest.fixture(scope="module")
def role(bench: Bench) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(bench.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def said(bench: Bench, machine: str) -> Any:
    """What a new execution of a machine comes to."""
    client = bench.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    bench.sandbox.clock.settle()
    return json.loads(client.describe_execution(executionArn=execution)["output"])


def test_a_machine_runs_what_its_template_says(bench: Bench, role: str) -> None:
    client = bench.client("stepfunctions")
    given = {"RoleArn": role, "Definition": PASS, "StateMachineType": "STANDARD"}
    more = {"DefinitionSubstitutions": {"word": "hello"}, "Tags": [{"Key": "team", "Value": "shop"}]}
    machine = bench.create("AWS::StepFunctions::StateMachine", {**given, **more}, "Greeter")
    name = bench.attributes(machine)["Name"]
    assert name.startswith("shop-Greeter-")
    assert bench.ref(machine) == f"arn:aws:states:us-east-1:123456789012:stateMachine:{name}"
    tags = client.list_tags_for_resource(resourceArn=machine.physical_id)["tags"]
    assert {each["key"]: each["value"] for each in tags}["aws:cloudformation:stack-id"] == STACK_ID
    assert said(bench, machine.physical_id) == "hello"
    machine = bench.update(machine, {**given, "DefinitionSubstitutions": {"word": 7}})
    assert said(bench, machine.physical_id) == "7"
    tags = client.list_tags_for_resource(resourceArn=machine.physical_id)["tags"]
    assert "team" not in {each["key"] for each in tags}
    bench.delete(machine)
    assert client.list_state_machines()["stateMachines"] == []


def test_a_definition_may_be_a_text_or_lie_in_a_bucket(bench: Bench, role: str) -> None:
    machine = bench.create(
        "AWS::StepFunctions::StateMachine", {"RoleArn": role, "DefinitionString": json.dumps(PASS)}, "Text"
    )
    assert said(bench, machine.physical_id) == "${word}"
    s3 = bench.client("s3")
    s3.create_bucket(Bucket="machines")
    written = "StartAt: Say\nStates:\n  Say: {Type: Pass, Result: kept, End: true}\n"
    s3.put_object(Bucket="machines", Key="machine.yaml", Body=written)
    place = {"Bucket": "machines", "Key": "machine.yaml"}
    kept = bench.create("AWS::StepFunctions::StateMachine", {"RoleArn": role, "DefinitionS3Location": place}, "Kept")
    assert said(bench, kept.physical_id) == "kept"
    bench.delete(machine)
    bench.delete(kept)


def test_a_bad_definition_makes_no_machine(bench: Bench, role: str) -> None:
    nowhere = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
    with pytest.raises(ClientError, match="MISSING_TRANSITION_TARGET"):
        bench.create("AWS::StepFunctions::StateMachine", {"RoleArn": role, "Definition": nowhere})


def test_a_definition_whose_aliases_explode_makes_no_machine(bench: Bench, role: str) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    s3 = bench.client("s3")
    s3.create_bucket(Bucket="exploding")
    s3.put_object(Bucket="exploding", Key="machine.yaml", Body="\n".join(lines))
    place = {"Bucket": "exploding", "Key": "machine.yaml"}
    with pytest.raises(Failed, match="more than 1000000 values"):
        bench.create("AWS::StepFunctions::StateMachine", {"RoleArn": role, "DefinitionS3Location": place})
