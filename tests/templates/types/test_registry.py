"""The types that there are, and how one is added."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.types import registry
from tests.templates.types.conftest import Bench

CONTRIBUTING = Path(__file__).resolve().parents[3] / "CONTRIBUTING.md"


def test_the_type_that_contributing_shows_works(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", CONTRIBUTING.read_text("utf-8"), re.S)
    module: dict[str, Any] = {}
    exec(compile(source, CONTRIBUTING.name, "exec"), module)
    for one in module["TYPES"]:
        monkeypatch.setitem(registry.TYPES, one.name, one)
    logs = bench.client("logs")
    logs.create_log_group(logGroupName="shown")

    def streams() -> list[str]:
        return [one["logStreamName"] for one in logs.describe_log_streams(logGroupName="shown")["logStreams"]]

    stream = bench.create("AWS::Logs::LogStream", {"LogGroupName": "shown"}, "Stream")
    assert streams() == [bench.ref(stream)]
    assert bench.ref(stream).startswith("shop-Stream-")
    assert registry.rules("AWS::Logs::LogStream").recreation["LogGroupName"] == "Always"
    bench.delete(stream)
    assert streams() == []


def test_a_type_that_is_none_and_one_that_is_not_built() -> None:
    with pytest.raises(TemplateError, match=r"Unrecognized resource types: \[AWS::SQS::Row\]"):
        registry.check(["AWS::SQS::Queue", "AWS::SQS::Row"])
    registry.check_known(["AWS::SQS::Queue", "AWS::Neptune::DBCluster", "Custom::Thing"])
    with pytest.raises(Unsupported, match=r"not supported by this sandbox: \[AWS::Neptune::DBCluster\]"):
        registry.check(["AWS::SQS::Queue", "AWS::Neptune::DBCluster", "Custom::Thing"])
