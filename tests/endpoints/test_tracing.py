"""Trace headers: what a front door decides, and what the function is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.endpoints.apis import Http, Rest

TOLD = """
import json, os
def handler(event, context):
    headers = {name.lower(): value for name, value in event["headers"].items()}
    told = {"event": headers["x-amzn-trace-id"], "own": os.environ["_X_AMZN_TRACE_ID"]}
    return {"statusCode": 200, "body": json.dumps(told)}
"""
ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def fields(header: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in header.split(";"))


@pytest.fixture(scope="module")
def passive(front: Any) -> str:
    return str(front.function("told", TOLD))


@pytest.fixture(scope="module")
def active(front: Any) -> str:
    return str(front.function("told-active", TOLD, TracingConfig={"Mode": "Active"}))


def told(answer: Any) -> tuple[dict[str, str], dict[str, str]]:
    assert answer.status == 200, answer.body
    body = json.loads(answer.body)
    return fields(body["event"]), fields(body["own"])


@pytest.mark.parametrize("by", ["tracingEnabled at the stage", "tracingEnabled with the deployment"])
def test_a_traced_stage_samples_and_the_function_goes_on_with_it(front: Any, passive: str, by: str) -> None:
    api = Rest(front, by, passive)
    api.method("GET", "/x")
    if by.endswith("deployment"):
        api.deploy(tracingEnabled=True)
    else:
        api.deploy()
        api.patch_stage(("replace", "/tracingEnabled", "true"))
    assert api.rest.get_stage(restApiId=api.id, stageName="dev")["tracingEnabled"] is True
    answer = api.call("GET", "/x")
    event, own = told(answer)
    assert event["Sampled"] == own["Sampled"] == "1"
    assert event["Root"] == own["Root"] == fields(answer.headers["x-amzn-trace-id"])["Root"]
    # The function adds no segment of its own, so the stage's is the parent of what it makes.
    assert event["Parent"] == own["Parent"]
    event, own = told(api.call("GET", "/x", headers={"X-Amzn-Trace-Id": f"Root={ROOT};Sampled=0"}))
    assert (event["Root"], event["Sampled"], own["Sampled"]) == (ROOT, "0", "0")


def test_a_stage_that_is_not_traced_decides_nothing(front: Any, passive: str) -> None:
    api = Rest(front, "untraced", passive)
    api.method("GET", "/x")
    api.deploy()
    event, own = told(api.call("GET", "/x"))
    assert set(event) == {"Root"}
    assert (own["Root"], own["Sampled"]) == (event["Root"], "0")


def test_an_active_function_is_sampled_behind_any_door(front: Any, active: str) -> None:
    assert front.client("lambda").get_function_configuration(FunctionName=active)["TracingConfig"]["Mode"] == "Active"
    http = Http(front, "traced-http", active)
    http.route("GET /x")
    http.stage()
    rest = Rest(front, "traced-rest", active)
    rest.method("GET", "/x")
    rest.deploy(tracingEnabled=True)
    event, own = told(http.call("GET", "/x"))
    assert set(event) == {"Root"}
    assert own["Sampled"] == "1"
    event, own = told(rest.call("GET", "/x"))
    assert own["Sampled"] == event["Sampled"] == "1"
    # Between the stage's segment and the handler's comes the one of Lambda itself.
    assert own["Parent"] != event["Parent"]
