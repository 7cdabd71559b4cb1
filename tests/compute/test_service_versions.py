"""Versions and aliases through the API."""

from __future__ import annotations

from typing import Any

import pytest

SAY = "def handler(event, context):\n    return ['{}', context.function_version, context.invoked_function_arn]\n"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def released(compute: Any, name: str) -> None:
    """A function with two versions, `one` and `two`."""
    compute.create(name, SAY.format("one"))
    compute.functions.publish_version(FunctionName=name, Description="first")
    compute.change(name, SAY.format("two"))
    compute.functions.publish_version(FunctionName=name)


def test_a_version_keeps_its_code(compute: Any) -> None:
    released(compute, "kept")
    compute.change("kept", SAY.format("three"))
    assert compute.invoke("kept", Qualifier="1")["Payload"] == ["one", "1", ARN + "kept:1"]
    assert compute.invoke("kept:2")["Payload"] == ["two", "2", ARN + "kept:2"]
    latest = compute.invoke("kept")
    assert latest["Payload"] == ["three", "$LATEST", ARN + "kept"]
    assert latest["ExecutedVersion"] == "$LATEST"
    versions = compute.functions.list_versions_by_function(FunctionName="kept")["Versions"]
    assert [(v["Version"], v["Description"]) for v in versions] == [("$LATEST", ""), ("1", "first"), ("2", "")]
    assert versions[1]["FunctionArn"] == ARN + "kept:1"


def test_publishing_what_has_not_changed_makes_no_version(compute: Any) -> None:
    compute.create("same")
    first = compute.functions.publish_version(FunctionName="same")
    again = compute.functions.publish_version(FunctionName="same", Description="other")
    assert (first["Version"], again["Version"], again["Description"]) == ("1", "1", "")
    compute.functions.update_function_configuration(FunctionName="same", Timeout=9)
    compute.settled("same")
    assert compute.functions.publish_version(FunctionName="same")["Version"] == "2"


def test_publishing_other_code_than_expected_is_refused(compute: Any) -> None:
    compute.create("expected")
    code, message = compute.refusal("publish_version", FunctionName="expected", CodeSha256="AAAA")
    assert code == "InvalidParameterValueException"
    assert message.startswith("CodeSHA256 (AAAA) is different from current CodeSHA256 in $LATEST")


def test_create_and_update_publish_on_request(compute: Any) -> None:
    assert compute.create("published", SAY.format("one"), Publish=True)["Version"] == "1"
    answer = compute.functions.update_function_code(
        FunctionName="published", ZipFile=compute.package(SAY.format("two")), Publish=True
    )
    assert (answer["Version"], answer["FunctionArn"]) == ("2", ARN + "published:2")
    assert compute.invoke("published", Qualifier="2")["Payload"][0] == "two"


def test_an_alias_points_to_a_version_and_can_be_moved(compute: Any) -> None:
    released(compute, "moved")
    alias = compute.functions.create_alias(FunctionName="moved", Name="live", FunctionVersion="1")
    assert alias["AliasArn"] == ARN + "moved:live"
    answer = compute.invoke("moved", Qualifier="live")
    assert (answer["ExecutedVersion"], answer["Payload"]) == ("1", ["one", "1", ARN + "moved:live"])
    compute.functions.update_alias(
        FunctionName="moved", Name="live", FunctionVersion="2", RevisionId=alias["RevisionId"]
    )
    assert compute.invoke("moved:live")["ExecutedVersion"] == "2"
    assert (
        compute.refusal(
            "update_alias", FunctionName="moved", Name="live", FunctionVersion="1", RevisionId=alias["RevisionId"]
        )[0]
        == "PreconditionFailedException"
    )
    assert compute.functions.get_function(FunctionName="moved", Qualifier="live")["Configuration"]["Version"] == "2"


def test_weights_split_the_traffic_and_one_seed_repeats_it(compute: Any) -> None:
    released(compute, "split")
    weights = {"AdditionalVersionWeights": {"2": 0.3}}
    alias = compute.functions.create_alias(
        FunctionName="split", Name="live", FunctionVersion="1", RoutingConfig=weights
    )
    assert alias["RoutingConfig"] == weights
    first = [compute.invoke("split:live")["ExecutedVersion"] for _ in range(40)]
    assert 4 <= first.count("2") <= 20
    compute.functions.delete_alias(FunctionName="split", Name="live")
    compute.functions.create_alias(FunctionName="split", Name="live", FunctionVersion="1", RoutingConfig=weights)
    assert [compute.invoke("split:live")["ExecutedVersion"] for _ in range(40)] == first
    compute.functions.update_alias(FunctionName="split", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert {compute.invoke("split:live")["ExecutedVersion"] for _ in range(10)} == {"1"}


def test_metrics_of_a_canary_tell_its_versions_apart(compute: Any) -> None:
    fail = "def handler(event, context):\n    raise ValueError('new version')\n"
    compute.create("canary")
    compute.functions.publish_version(FunctionName="canary")
    compute.change("canary", fail)
    compute.functions.publish_version(FunctionName="canary")
    compute.functions.create_alias(
        FunctionName="canary",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    executed = [compute.invoke("canary:live")["ExecutedVersion"] for _ in range(20)]
    bad = executed.count("2")
    assert 0 < bad < 20
    live = {"FunctionName": "canary", "Resource": "canary:live"}
    assert compute.metric("Invocations", FunctionName="canary") == 20
    assert compute.metric("Errors", **live) == bad
    assert compute.metric("Errors", ExecutedVersion="2", **live) == bad
    assert compute.metric("Errors", ExecutedVersion="1", **live) == 0
    assert compute.metric("Invocations", ExecutedVersion="1", **live) == 20 - bad
    assert compute.metric("Duration", "SampleCount", ExecutedVersion="2", **live) == bad


@pytest.mark.parametrize(
    ("operation", "params", "code", "message"),
    [
        ("create_alias", {"Name": "live", "FunctionVersion": "9"}, "ResourceNotFoundException", "Function not found: "),
        (
            "create_alias",
            {"Name": "taken", "FunctionVersion": "1"},
            "ResourceConflictException",
            "Alias already exists: ",
        ),
        ("create_alias", {"Name": "12", "FunctionVersion": "1"}, "ValidationException", "at 'name'"),
        (
            "create_alias",
            {"Name": "x", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 1.5}}},
            "ValidationException",
            "less than or equal to 1.0",
        ),
        (
            "create_alias",
            {"Name": "x", "FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        ("get_alias", {"Name": "none"}, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}refuses:none"),
        ("delete_function", {"Qualifier": "1"}, "ResourceConflictException", "taken"),
        ("delete_function", {"Qualifier": "$LATEST"}, "InvalidParameterValueException", "$LATEST version cannot"),
        ("invoke", {"Qualifier": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}refuses:9"),
    ],
)
def test_what_is_refused(compute: Any, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    if not any(f["FunctionName"] == "refuses" for f in compute.functions.list_functions()["Functions"]):
        released(compute, "refuses")
        compute.functions.create_alias(FunctionName="refuses", Name="taken", FunctionVersion="1")
    refused = compute.refusal(operation, FunctionName="refuses", **params)
    assert refused[0] == code
    assert message in refused[1]


def test_a_version_can_be_deleted_once_no_alias_needs_it(compute: Any) -> None:
    released(compute, "trimmed")
    compute.functions.delete_function(FunctionName="trimmed", Qualifier="1")
    assert compute.refusal("invoke", FunctionName="trimmed:1")[0] == "ResourceNotFoundException"
    assert compute.invoke("trimmed:2")["ExecutedVersion"] == "2"


def test_the_function_goes_on_with_the_callers_trace(compute: Any) -> None:
    compute.create("traced", "import os\n\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    def send(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = header

    events = compute.functions.meta.events
    events.register("before-call.lambda.Invoke", send)
    try:
        # Lambda adds which functions were invoked on the way.
        assert compute.invoke("traced")["Payload"].partition(";Lineage=")[0] == header
    finally:
        events.unregister("before-call.lambda.Invoke", send)
    assert not compute.invoke("traced")["Payload"].startswith(header)
