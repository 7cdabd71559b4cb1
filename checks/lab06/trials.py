"""Trials of round 4: a role for each policy that is tried, and the same calls made with each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.lab06 import shop
from checks.lab06.sessions import Outcome, assume, attempt

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


def trial(cloud: Cloud, statement: Mapping[str, Any]) -> str:
    """Make a role that has this one statement, and nothing else. Its name."""
    name = f"{shop.TRIAL_PREFIX}{secrets.token_hex(3)}"
    shop.make_role(cloud, name, statement)
    return name


def reads(cloud: Cloud, role: str) -> list[Outcome]:
    """An order of our own tenant, one of another tenant, and a Scan of the whole table, asked for with this role."""
    tables = assume(cloud, role).client("dynamodb")
    found = [
        attempt(
            f"GetItem of {tenant}",
            tables.get_item,
            TableName=shop.ORDERS_TABLE,
            Key=shop.item({"tenant": tenant, "order_id": "order-1"}),
        )
        for tenant in shop.TENANTS
    ]
    return [*found, attempt("Scan", tables.scan, TableName=shop.ORDERS_TABLE)]


def uploads(cloud: Cloud, role: str) -> list[Outcome]:
    """A receipt that asks for encryption, and one that does not, uploaded with this role."""
    storage = assume(cloud, role).client("s3")
    receipt = {"Bucket": shop.receipts_bucket(cloud), "Key": f"{shop.TENANT}/trial.json", "Body": b"{}"}
    return [
        attempt("PutObject with AES256", storage.put_object, ServerSideEncryption=shop.ENCRYPTION, **receipt),
        attempt("PutObject without", storage.put_object, **receipt),
    ]


def of_others(scan: Outcome) -> int:
    """How many of a Scan's items belong to other tenants."""
    return sum(one["tenant"]["S"] != shop.TENANT for one in scan.answer["Items"])
