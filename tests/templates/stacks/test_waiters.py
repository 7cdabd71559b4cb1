"""Clients that wait for a stack hear of its end at once, however seldom they would ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import HANGS_AFTER, Cloud, Vendor, text

#: So that a waiter whose first question is not the last fails.
SELDOM = {"Delay": 10_000, "MaxAttempts": 2}


def test_a_waiter_is_answered_when_the_stack_has_come_to_rest(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    with ThreadPoolExecutor(1) as beside:
        cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(vendor.template()))
        asked = vendor.request()
        waiting = beside.submit(
            cloud.cloudformation.get_waiter("stack_create_complete").wait, StackName=name, WaiterConfig=SELDOM
        )
        # Others are told how it stands.
        assert cloud.status(name) == "CREATE_IN_PROGRESS"
        vendor.answer(asked)
        waiting.result(HANGS_AFTER)
        vendor.work(lambda: cloud.cloudformation.delete_stack(StackName=name), {})
    cloud.cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=SELDOM)


def test_a_waiter_hears_of_a_deletion_by_the_name(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    vendor.work(lambda: cloud.create(vendor.template(), name), {})
    with ThreadPoolExecutor(1) as beside:
        cloud.cloudformation.delete_stack(StackName=name)
        asked = vendor.request()
        waiting = beside.submit(
            cloud.cloudformation.get_waiter("stack_delete_complete").wait, StackName=name, WaiterConfig=SELDOM
        )
        vendor.answer(asked)
        waiting.result(HANGS_AFTER)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)
