"""What holds for the needs of any call."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.needs import MAX_NEEDS, needs, preload
from sandbox.gateway.services import LABS_SERVICES
from tests.authorisation.calls import called
from tests.authorisation.test_actions import SERVICES, model

preload(LABS_SERVICES)

#: Of every service of the labs, each operation with the names of its members.
OPERATIONS = [
    (
        service,
        operation,
        tuple(shape.members) if (shape := model(service).operation_model(operation).input_shape) else (),
    )
    for service in SERVICES
    if service != "ec2"
    for operation in model(service).operation_names
]

_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.binary(max_size=8)
    | st.text(max_size=12)
    | st.sampled_from(["*", "arn:", "arn:aws:s3:::b", "arn:aws:sqs:us-east-1:123456789012:q", "a/b", "$LATEST", "-"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_parameters_give_needs_or_a_refusal(data: st.DataObject) -> None:
    service, operation, members = data.draw(st.sampled_from(OPERATIONS))
    params = {name: data.draw(_VALUES) for name in members if data.draw(st.booleans())}
    call = called(service, operation, **params)
    before = copy.deepcopy(call)
    try:
        found = needs(call)
    except Underivable as error:
        refused = str(error)
        assert refused
    else:
        assert all(isinstance(need, Need) and need.action.count(":") >= 1 and need.resource for need in found)
        assert len(found) <= MAX_NEEDS
        assert found == needs(before)
    assert call == before


def test_the_same_need_is_named_once() -> None:
    targets = [{"Id": str(at), "Arn": "arn:a", "RoleArn": "arn:aws:iam::123456789012:role/r"} for at in range(5)]
    assert len(needs(called("events", "PutTargets", Rule="r", Targets=targets))) == 2


def test_the_partition_is_that_of_the_region() -> None:
    (need,) = needs(called("sqs", "CreateQueue", region="cn-north-1", QueueName="q"))
    assert need.resource == "arn:aws-cn:sqs:cn-north-1:123456789012:q"
    (need,) = needs(called("s3", "GetObject", region="us-gov-west-1", Bucket="b", Key="k"))
    assert need.resource == "arn:aws-us-gov:s3:::b/k"


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_very_long_names_are_taken_as_they_are(length: int) -> None:
    long = "a" * length
    assert needs(called("s3", "GetObject", Bucket="b", Key=long))[0].resource.endswith(long)
    assert needs(called("sqs", "SendMessage", QueueUrl="http://x/123456789012/" + long))[0].resource.endswith(long)
    table = needs(called("dynamodb", "GetItem", TableName="t", Key={"pk": {"S": long}}))[0]
    assert table.context["dynamodb:LeadingKeys"] == [long]
    arn = "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:" + long
    with pytest.raises(Underivable):
        needs(called("dynamodb", "DeleteBackup", BackupArn=arn))
