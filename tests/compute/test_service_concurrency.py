"""Reserved and provisioned concurrency through the API."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

SLOW = "import time\ndef handler(event, context):\n    time.sleep(event.get('seconds', 0))\n    return 'ran'\n"
KIND = (
    "import os, time\n"
    "def handler(event, context):\n"
    "    time.sleep(event.get('seconds', 0))\n"
    "    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
)


def throttle(compute: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(compute.functions.exceptions.TooManyRequestsException) as caught:
        compute.functions.invoke(**params)
    return dict(caught.value.response)


def test_reserved_zero_throttles_every_caller(compute: Any) -> None:
    compute.create("stopped")
    compute.functions.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    response = throttle(compute, FunctionName="stopped")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Error"]["Message"] == "Rate Exceeded."
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert compute.metric("Throttles", FunctionName="stopped") == 1
    assert compute.metric("Invocations", FunctionName="stopped") is None
    compute.functions.delete_function_concurrency(FunctionName="stopped")
    assert compute.invoke("stopped")["StatusCode"] == 200


def test_reserved_concurrency_caps_what_runs_at_once(compute: Any) -> None:
    compute.create("capped", SLOW, Timeout=30)
    assert compute.invoke("capped")["Payload"] == "ran"
    compute.functions.put_function_concurrency(FunctionName="capped", ReservedConcurrentExecutions=2)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(compute.invoke, "capped", {"seconds": 1.5}) for _ in range(2)]
        concurrency = compute.sandbox.compute._invoker.concurrency("123456789012", "us-east-1")
        compute.eventually(lambda: concurrency.in_flight("capped") == 2)
        assert throttle(compute, FunctionName="capped")["Reason"].startswith("ReservedFunctionConcurrent")
        assert [future.result()["Payload"] for future in running] == ["ran", "ran"]
    assert compute.invoke("capped")["Payload"] == "ran"


def test_settings_of_reserved_concurrency(compute: Any) -> None:
    functions = compute.functions
    compute.create("reserved")
    before = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="reserved")
    functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=50)
    assert functions.get_function_concurrency(FunctionName="reserved")["ReservedConcurrentExecutions"] == 50
    assert functions.get_function(FunctionName="reserved")["Concurrency"] == {"ReservedConcurrentExecutions": 50}
    limits = functions.get_account_settings()["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, before - 50)
    code, message = compute.refusal(
        "put_function_concurrency", FunctionName="reserved", ReservedConcurrentExecutions=before
    )
    assert code == "InvalidParameterValueException"
    assert "below its minimum value of [100]" in message
    functions.delete_function(FunctionName="reserved")
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == before


def provisioned(compute: Any, name: str, count: int, source: str = KIND) -> None:
    compute.create(name, source, Timeout=30)
    compute.functions.publish_version(FunctionName=name)
    compute.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    answer = compute.functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=count
    )
    assert answer["Status"] == "IN_PROGRESS"


def status(compute: Any, name: str) -> dict[str, Any]:
    return dict(compute.functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live"))


def ready(compute: Any, name: str) -> dict[str, Any]:
    return dict(compute.eventually(lambda: (got := status(compute, name))["Status"] != "IN_PROGRESS" and got))


def test_provisioned_environments_stand_ready_and_what_exceeds_them_spills_over(compute: Any) -> None:
    provisioned(compute, "standing", 2)
    got = ready(compute, "standing")
    assert (got["Status"], got["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert compute.eventually(lambda: len(compute.streams("standing")) == 2)
    assert compute.invoke("standing:live")["Payload"] == "provisioned-concurrency"
    assert compute.invoke("standing")["Payload"] == "on-demand"
    barrier = threading.Barrier(3)

    def call(_: int) -> str:
        barrier.wait()
        return str(compute.invoke("standing:live", {"seconds": 1.0})["Payload"])

    with ThreadPoolExecutor(3) as pool:
        kinds = sorted(pool.map(call, range(3)))
    assert kinds == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    live = {"FunctionName": "standing", "Resource": "standing:live"}
    assert compute.metric("ProvisionedConcurrencySpilloverInvocations", **live) == 1
    assert compute.metric("ProvisionedConcurrencyInvocations", **live) == 3
    assert compute.metric("ProvisionedConcurrencyUtilization", "Maximum", **live) == 1.0


def test_a_moved_alias_takes_its_provisioned_environments_along(compute: Any) -> None:
    provisioned(compute, "following", 1)
    ready(compute, "following")
    compute.change("following", KIND + "# other\n")
    compute.functions.publish_version(FunctionName="following")
    compute.functions.update_alias(FunctionName="following", Name="live", FunctionVersion="2")
    ready(compute, "following")
    answer = compute.invoke("following:live")
    assert (answer["ExecutedVersion"], answer["Payload"]) == ("2", "provisioned-concurrency")


def test_a_function_that_fails_to_initialise_is_not_provisioned(compute: Any) -> None:
    provisioned(compute, "unready", 1, "raise ValueError('no')\n")
    got = ready(compute, "unready")
    assert (got["Status"], got["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def test_settings_of_provisioned_concurrency(compute: Any) -> None:
    provisioned(compute, "listed", 1)
    ready(compute, "listed")
    functions = compute.functions
    configs = functions.list_provisioned_concurrency_configs(FunctionName="listed")["ProvisionedConcurrencyConfigs"]
    assert [config["FunctionArn"].rpartition(":")[2] for config in configs] == ["live"]
    put = {"FunctionName": "listed", "ProvisionedConcurrentExecutions": 1}
    assert compute.refusal("put_provisioned_concurrency_config", Qualifier="$LATEST", **put)[1] == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    assert compute.refusal("put_provisioned_concurrency_config", Qualifier="1", **put)[1] == (
        "Version is pointed by a Provisioned Concurrency alias"
    )
    functions.delete_provisioned_concurrency_config(FunctionName="listed", Qualifier="live")
    assert compute.refusal("get_provisioned_concurrency_config", FunctionName="listed", Qualifier="live") == (
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    assert compute.invoke("listed:live")["Payload"] == "on-demand"
