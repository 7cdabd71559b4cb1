"""Data streams, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench


def _stream(bench: Bench, name: str) -> Any:
    return bench.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def test_a_stream_keeps_and_encrypts_as_the_template_says(bench: Bench) -> None:
    given = {
        "ShardCount": 2,
        "RetentionPeriodHours": 48,
        "StreamEncryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    stream = bench.create("AWS::Kinesis::Stream", given, "Clicks")
    name = bench.ref(stream)
    assert name.startswith("shop-Clicks-")
    assert bench.attributes(stream) == {"Arn": f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}"}
    found = _stream(bench, name)
    assert (found["OpenShardCount"], found["RetentionPeriodHours"], found["EncryptionType"]) == (2, 48, "KMS")

    def tags() -> dict[str, str]:
        listed = bench.client("kinesis").list_tags_for_stream(StreamName=name)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    assert tags()["team"] == "shop"
    assert tags()["aws:cloudformation:stack-id"] == STACK_ID
    stream = bench.update(stream, {"ShardCount": 4})
    found = _stream(bench, name)
    assert (found["OpenShardCount"], found["RetentionPeriodHours"], found["EncryptionType"]) == (4, 24, "NONE")
    assert "team" not in tags()
    bench.delete(stream)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        _stream(bench, name)


def test_a_stream_on_demand_has_no_count_of_shards(bench: Bench) -> None:
    on_demand = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
    stream = bench.create("AWS::Kinesis::Stream", on_demand)
    assert _stream(bench, stream.physical_id)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    with pytest.raises(Failed, match="on-demand"):
        bench.update(stream, {**on_demand, "ShardCount": 3})
