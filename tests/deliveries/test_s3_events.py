"""What S3 tells, as data: the order of sequencers, the ids, and which fields an event has."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sandbox.deliveries.s3_events import Change, Sequencers, bus_event, owner_id, records

CHANGE = Change(
    event="s3:ObjectCreated:Put",
    bucket="uploads",
    owner="123456789012",
    region="eu-west-1",
    key="in/a é+.txt",
    at=1_700_000_000.25,
    size=3,
    etag="900150983cd24fb0d6963f7d28e17f72",
    version="",
    user="AWS:AIDA1",
    requester="123456789012",
    source_ip="192.0.2.1",
    request_id="r",
    operation="PutObject",
    sequencer="00ABCDEF1200000001",
)


def test_sequencers_grow_even_when_time_stands_still_or_goes_back() -> None:
    sequencers = Sequencers()
    handed_out = [sequencers.next(at) for at in (5.0, 5.0, 4.0, 6.9, 100_000.0)]
    assert handed_out == sorted(handed_out)
    assert len(set(handed_out)) == 5


def test_an_accounts_id_is_always_the_same_and_not_its_number() -> None:
    assert owner_id("123456789012") == owner_id("123456789012") != owner_id("210987654321")
    assert "123456789012" not in owner_id("123456789012")


@pytest.mark.parametrize(
    ("changed", "fields", "version"),
    [
        ({}, ["key", "size", "eTag", "sequencer"], "2.1"),
        ({"version": "v1"}, ["key", "size", "eTag", "versionId", "sequencer"], "2.1"),
        ({"event": "s3:ObjectRemoved:Delete", "size": None, "etag": None}, ["key", "sequencer"], "2.1"),
        ({"event": "s3:ObjectTagging:Put", "size": None}, ["key", "eTag"], "2.3"),
        ({"event": "s3:ObjectAcl:Put", "size": None}, ["key", "eTag"], "2.3"),
    ],
)
def test_an_object_has_the_fields_of_its_event(changed: dict[str, Any], fields: list[str], version: str) -> None:
    (record,) = records(dataclasses.replace(CHANGE, **changed), "id")["Records"]
    assert list(record["s3"]["object"]) == fields
    assert record["eventVersion"] == version
    assert record["s3"]["object"]["key"] == "in/a+%C3%A9%2B.txt"
    assert record["eventTime"] == "2023-11-14T22:13:20.250Z"


@pytest.mark.parametrize(
    ("event", "detail_type", "deletion"),
    [
        ("s3:ObjectCreated:Copy", "Object Created", None),
        ("s3:ObjectRemoved:Delete", "Object Deleted", "Permanently Deleted"),
        ("s3:ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "Delete Marker Created"),
        ("s3:ObjectRestore:Post", "Object Restore Initiated", None),
        ("s3:ObjectAcl:Put", "Object ACL Updated", None),
        ("s3:ObjectTagging:Put", "Object Tags Added", None),
        ("s3:ObjectTagging:Delete", "Object Tags Deleted", None),
    ],
)
def test_event_bridge_has_types_of_its_own(event: str, detail_type: str, deletion: str | None) -> None:
    named, detail = bus_event(dataclasses.replace(CHANGE, event=event))
    assert named == detail_type
    assert detail.get("deletion-type") == deletion
    assert detail["object"]["key"] == CHANGE.key
