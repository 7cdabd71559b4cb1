"""What stacks do with what nobody should give them: a clear error, a state that holds, and the next one works."""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import QUEUE, Cloud, Vendor, queues, text

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
#: Of a function that answers custom resources, and whatever else calls it.
SOURCE = """\
import cfnresponse


def handler(event, context):
    if "ResponseURL" in event:
        cfnresponse.send(event, context, "SUCCESS", {}, "a")
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def refusal(cloud: Cloud, template: Any) -> str:
    """The message of the ValidationError that a creation must be refused with; then there is no stack."""
    name = cloud.name()
    with pytest.raises(ClientError) as refused:
        cloud.create(template, name, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)
    return str(refused.value.response["Error"]["Message"])


def from_s3(cloud: Cloud, template: Any) -> str:
    """A stack of a template that S3 holds."""
    s3, name = cloud.client("s3"), cloud.name()
    if "templates" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key=name, Body=text(template).encode())
    cloud.cloudformation.create_stack(StackName=name, TemplateURL=f"https://templates.s3.amazonaws.com/{name}")
    cloud.rest(name)
    return name


# -- text that grows


def doubled(times: int, copies: int = 2) -> Any:
    """A text that is twice the one in it, which is twice the one in that ..."""
    value: Any = "0123456789"
    for _ in range(times):
        value = {"Fn::Sub": ["${a}" * copies, {"a": value}]}
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (doubled(25), "a function makes more than 4194304 characters"),
        (doubled(4, 200), "a function makes more than 4194304 characters"),
        ({"Fn::Join": ["x" * 5000, [{"Ref": "AWS::Region"}] * 1000]}, "a function makes more than 4194304 characters"),
        ([doubled(16) for _ in range(90)], "the functions of the template make more than 67108864 characters"),
    ],
    ids=["twice", "two-hundred-times", "joined", "many"],
)
def test_text_that_explodes_is_refused(cloud: Cloud, value: Any, words: str) -> None:
    template = {**queues(A={}), "Outputs": {"Text": {"Value": {"Fn::Select": ["0", value]}}}}
    assert words in refusal(cloud, json.dumps(template, separators=(",", ":")))


def test_text_that_explodes_from_resource_to_resource_fails_the_stack(cloud: Cloud) -> None:
    resources: dict[str, Any] = {"P0": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "0"}}}
    for number in range(1, 40):
        before = {"Fn::GetAtt": [f"P{number - 1}", "Value"]}
        value = {"Fn::Join": ["", [before] * 2]}
        resources[f"P{number}"] = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
    name = cloud.create({"Resources": resources})
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert cloud.client("ssm").describe_parameters()["Parameters"] == []


# -- characters


@pytest.mark.parametrize("name", ["", "a b", "a-b", "ü", "Q\0", "x" * 256, "${x}", "__proto__"])
def test_odd_names_of_resources_are_refused(cloud: Cloud, name: str) -> None:
    assert refusal(cloud, {"Resources": {name: {"Type": QUEUE}}}).endswith("is non alphanumeric.")


def test_half_a_character_is_refused(cloud: Cloud) -> None:
    template = {**queues(A={}), "Outputs": {"Half": {"Value": "a\ud800b"}}}
    assert refusal(cloud, template) == "Template format error: the template is not valid Unicode text."


def test_what_no_answer_can_hold_is_replaced_in_it(cloud: Cloud) -> None:
    name = cloud.create({**queues(A={}), "Outputs": {"Bell": {"Value": "a\x07b☃"}}})
    assert cloud.outputs(name) == {"Bell": "a\ufffdb☃"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (QUEUE, {"QueueName": "ü b/.."}),
        ("AWS::S3::Bucket", {"BucketName": "../up"}),
        ("AWS::Logs::LogGroup", {"LogGroupName": "a\nb"}),
        ("AWS::SNS::Topic", {"TopicName": "a" * 300}),
    ],
    ids=["queue", "bucket", "group", "topic"],
)
def test_odd_names_of_things_fail_the_stack(cloud: Cloud, kind: str, properties: dict[str, str]) -> None:
    name = cloud.create({"Resources": {"Thing": {"Type": kind, "Properties": properties}}})
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert cloud.reason(name, "Thing", "CREATE_FAILED")


# -- sizes


def test_as_many_resources_and_outputs_as_there_may_be(cloud: Cloud) -> None:
    resources = {f"G{number}": {"Type": "AWS::Logs::LogGroup"} for number in range(500)}
    outputs = {f"O{number}": {"Value": {"Ref": f"G{number}"}} for number in range(200)}
    name = from_s3(cloud, {"Resources": resources, "Outputs": outputs})
    assert cloud.status(name) == "CREATE_COMPLETE"
    assert len(cloud.outputs(name)) == 200
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"
    assert cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_each_of_500_resources_needs_the_one_before(cloud: Cloud) -> None:
    resources: dict[str, Any] = {"Q0": {"Type": QUEUE}}
    for number in range(1, 500):
        resources[f"Q{number}"] = {"Type": QUEUE, "DependsOn": f"Q{number - 1}"}
    name = cloud.create(json.dumps({"Resources": resources}, separators=(",", ":")))
    assert cloud.status(name) == "CREATE_COMPLETE"
    cloud.cloudformation.delete_stack(StackName=name)


def test_nearly_a_million_characters_of_serverless_functions_are_planned(cloud: Cloud) -> None:
    one = {"Runtime": RUNTIME, "Handler": "index.handler", "InlineCode": "#" * 3500}
    functions = {f"F{number}": {"Type": "AWS::Serverless::Function", "Properties": one} for number in range(200)}
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="million")
    template = text({"Transform": "AWS::Serverless-2016-10-31", "Resources": functions})
    s3.put_object(Bucket="million", Key="a", Body=template.encode())
    name = cloud.name()
    cloud.cloudformation.create_change_set(
        StackName=name, ChangeSetName="a", ChangeSetType="CREATE", Capabilities=["CAPABILITY_IAM"],
        TemplateURL="https://million.s3.amazonaws.com/a",
    )  # fmt: skip
    told = cloud.cloudformation.describe_change_set(StackName=name, ChangeSetName="a")
    assert (told["Status"], len(told["Changes"])) == ("CREATE_COMPLETE", 100)
    cloud.cloudformation.delete_stack(StackName=name)


# -- templates that take away what they use


def with_function(*, role: bool, arn: Any) -> dict[str, Any]:
    """A template of a function, with the role of its own or without."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": RUNTIME,
            "Handler": "index.handler",
            "Role": arn,
            "Code": {"ZipFile": SOURCE},
        },
    }
    own = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "taken-away", "AssumeRolePolicyDocument": TRUST}}
    return {"Resources": {"Function": function, **({"Role": own} if role else {})}}


def test_an_update_takes_the_role_away_that_a_function_uses(cloud: Cloud) -> None:
    rights = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    arn = "arn:aws:iam::123456789012:role/taken-away"
    with_own = with_function(role=True, arn={"Fn::GetAtt": ["Role", "Arn"]})
    name = cloud.create(with_own, **rights)
    assert cloud.status(name) == "CREATE_COMPLETE"
    # As in AWS nobody looks whether a function has the role: the call is what fails.
    assert cloud.update(name, with_function(role=False, arn=arn), **rights) == "UPDATE_COMPLETE"
    functions, function = cloud.client("lambda"), cloud.resources(name)["Function"]
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        functions.invoke(FunctionName=function)
    assert cloud.update(name, with_own, **rights) == "UPDATE_COMPLETE"
    assert "FunctionError" not in functions.invoke(FunctionName=function)
    cloud.cloudformation.delete_stack(StackName=name)


def test_a_custom_resource_goes_before_the_function_that_serves_it(cloud: Cloud) -> None:
    template = with_function(role=True, arn={"Fn::GetAtt": ["Role", "Arn"]})
    token = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}
    template["Resources"]["Thing"] = {"Type": "Custom::Thing", "Properties": token}
    both = {**template, "Resources": {**template["Resources"], **queues(A={})["Resources"]}}
    name = cloud.create(both, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.status(name) == "CREATE_COMPLETE"
    assert cloud.update(name, queues(A={})) == "UPDATE_COMPLETE"
    gone = [one for one, status, _ in cloud.events(name) if status == "DELETE_COMPLETE"]
    assert gone == ["Thing", "Function", "Role"]


def test_a_custom_resource_whose_function_is_gone_does_not_hold_the_stack_for_ever(cloud: Cloud) -> None:
    template = with_function(role=True, arn={"Fn::GetAtt": ["Role", "Arn"]})
    token = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}
    template["Resources"]["Thing"] = {"Type": "Custom::Thing", "Properties": token}
    name = cloud.create(template, Capabilities=["CAPABILITY_NAMED_IAM"])
    cloud.client("lambda").delete_function(FunctionName=cloud.resources(name)["Function"])
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_FAILED"
    assert "Function not found" in cloud.reason(name, "Thing", "DELETE_FAILED")
    cloud.cloudformation.delete_stack(StackName=name, RetainResources=["Thing"])
    assert cloud.rest(identifier) == "DELETE_COMPLETE"


# -- several at once


def test_of_updates_at_once_each_is_whole_or_refused(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": 0}, B={"DelaySeconds": 0}))

    def update(number: int) -> str:
        template = queues(A={"DelaySeconds": number}, B={"DelaySeconds": number})
        try:
            cloud.cloudformation.update_stack(StackName=name, TemplateBody=text(template))
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return ""

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(update, range(1, 25)))
    assert {"_IN_PROGRESS state and can not be updated" in one for one in answers if one} <= {True}
    assert "" in answers
    assert cloud.rest(name) == "UPDATE_COMPLETE"
    delays = {cloud.attribute(url, "DelaySeconds") for url in cloud.resources(name).values()}
    assert len(delays) == 1


def test_a_name_that_many_create_and_delete_at_once_comes_to_rest(cloud: Cloud) -> None:
    name, chance = cloud.name("busy"), random.Random(4)

    def act(what: str) -> str:
        try:
            if what == "create":
                cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(queues(A={}, B={})))
            elif what == "update":
                delay = chance.randrange(900)
                template = text(queues(A={"DelaySeconds": delay}, B={}))
                cloud.cloudformation.update_stack(StackName=name, TemplateBody=template)
            else:
                cloud.cloudformation.delete_stack(StackName=name)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(act, [chance.choice(("create", "update", "delete")) for _ in range(120)]))
    assert answers <= {"done", "ValidationError", "AlreadyExistsException"}
    cloud.cloudformation.delete_stack(StackName=name)
    left = [one for one in cloud.cloudformation.list_stacks()["StackSummaries"] if one["StackName"] == name]
    assert {cloud.rest(one["StackId"]) for one in left} == {"DELETE_COMPLETE"}
    assert [one for one in cloud.queues() if one.startswith(f"{name}-")] == []
    assert cloud.status(cloud.create(queues(A={}), name)) == "CREATE_COMPLETE"


def test_what_is_under_way_is_cancelled_and_the_stack_can_go(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.create(queues(A={}))
    identifier = cloud.stack(name)["StackId"]
    template = vendor.template()
    template["Resources"].update(queues(A={"DelaySeconds": 5}, B={})["Resources"])
    cloud.cloudformation.update_stack(StackName=name, TemplateBody=text(template))
    vendor.request()
    with pytest.raises(ClientError, match="_IN_PROGRESS state and can not be"):
        cloud.cloudformation.update_stack(StackName=name, TemplateBody=text(queues(A={})))
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        cloud.cloudformation.delete_stack(StackName=name)
    # Nobody answered the creation: its undoing is asked for, and answered.
    vendor.work(lambda: cloud.cloudformation.cancel_update_stack(StackName=name), {})
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.attribute(cloud.resources(name)["A"], "DelaySeconds") == "0"
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"
    assert [one for one in cloud.queues() if one.startswith(f"{name}-")] == []
