"""AppSpec files of Lambda, as YAML and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.delivery.appspec import AppSpec, InvalidAppSpec, parse

#: As in https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-example.html#appspec-file-example-lambda
YAML = """
version: 0.0
Resources:
  - checkout:
      Type: AWS::Lambda::Function
      Properties:
        Name: "checkout"
        Alias: "live"
        CurrentVersion: 1
        TargetVersion: "2"
Hooks:
  - BeforeAllowTraffic: "before"
  - AfterAllowTraffic: "arn:aws:lambda:us-east-1:123456789012:function:after"
"""
BEGINNING = (
    "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing "
    "or has an invalid configuration."
)


def content(**changes: Any) -> dict[str, Any]:
    properties = {"Name": "checkout", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"}
    resource = {"Type": "AWS::Lambda::Function", "Properties": {**properties, **changes.pop("properties", {})}}
    return {"version": 0.0, "Resources": [{"checkout": {**resource, **changes.pop("resource", {})}}], **changes}


def test_a_yaml_file_is_read() -> None:
    after = "arn:aws:lambda:us-east-1:123456789012:function:after"
    assert parse(YAML) == AppSpec(
        "checkout", "live", "1", "2", {"BeforeAllowTraffic": "before", "AfterAllowTraffic": after}
    )


def test_a_json_file_is_read() -> None:
    assert parse(json.dumps(content())) == AppSpec("checkout", "live", "1", "2")


def test_sections_in_small_letters_are_read() -> None:
    given = content(hooks=[{"BeforeAllowTraffic": "before"}])
    given["resources"] = given.pop("Resources")
    assert parse(json.dumps(given)).hooks == {"BeforeAllowTraffic": "before"}


def test_the_text_of_a_file_reads_back() -> None:
    spec = parse(YAML)
    assert parse(spec.text()) == spec


def test_the_way_back_has_no_hooks() -> None:
    assert parse(parse(YAML).reversed().text()) == AppSpec("checkout", "live", "2", "1")


@pytest.mark.parametrize(
    ("given", "end"),
    [
        # The three whose ends AWS is known to say.
        (content(properties={"TargetVersion": "1"}), ""),
        (content(Hooks=[{"AfterAllowTraffic": None}]), " The Lambda function name cannot be null or empty"),
        (content(properties={"Name": ""}), " The Lambda function name cannot be null or empty"),
        (content(properties={"Alias": None}), " The property Alias cannot be null or empty"),
        (content(properties={"CurrentVersion": ""}), " The property CurrentVersion cannot be null or empty"),
        (content(properties={"TargetVersion": True}), " The property TargetVersion cannot be null or empty"),
        (content(version=1.0), " The version 1.0 is not supported; the only one that is allowed is 0.0."),
        (content(Files=[]), " The section 'Files' is not one of version, Resources, Hooks."),
        (content(Resources=[]), " There must be a section Resources with a Lambda function."),
        (content(Resources=None), " There must be a section Resources with a Lambda function."),
        (content(Resources=["x"]), " The section Resources must have one Lambda function, and has 0."),
        (
            content(Resources=[{"a": {}, "b": {}}]),
            " The section Resources must have one Lambda function, and has 2.",
        ),
        (
            content(resource={"Type": "AWS::ECS::Service"}),
            " The resource must have Type AWS::Lambda::Function and Properties.",
        ),
        (content(resource={"Properties": []}), " The resource must have Type AWS::Lambda::Function and Properties."),
        (
            content(Hooks=[{"BeforeInstall": "f"}]),
            " The lifecycle event 'BeforeInstall' is none of BeforeAllowTraffic, AfterAllowTraffic.",
        ),
        (content(Hooks="f"), " The section Hooks must be a list."),
        (content(Hooks=["f"]), " A hook must be a lifecycle event and the function that checks it."),
        ("just words", " It is not a mapping with version, Resources and Hooks."),
        ([1], " It is not a mapping with version, Resources and Hooks."),
    ],
)
def test_a_file_that_no_deployment_can_follow_says_why(given: Any, end: str) -> None:
    with pytest.raises(InvalidAppSpec) as caught:
        parse(json.dumps(given))
    assert str(caught.value) == BEGINNING + end


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "\tx: 1", "!!python/object:os.system x", "[" * 100_000, "\x00", "a: &x [*x]"]
)
def test_a_text_that_is_no_document_is_told_apart(text: str) -> None:
    with pytest.raises(InvalidAppSpec, match=r"neither YAML nor JSON|nested too deeply"):
        parse(text)
