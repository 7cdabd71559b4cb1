"""The shop of lab 01: its starter, its prices, and its orders."""

from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path

from checks.functions import package
from checks.lab01 import shop

ROOT = Path(__file__).parents[2]


def test_the_starter_is_the_release_of_that_night() -> None:
    starter = ROOT / "labs" / "01-lambda-lifecycle" / "orders.py"
    assert starter.read_bytes() == (shop.NIGHT / "orders.py").read_bytes()


def test_the_starter_deployed_from_the_lab_is_known_as_untouched() -> None:
    folder = ROOT / "labs" / "01-lambda-lifecycle"
    code = package([folder / "orders.py", folder / "reports.py"])
    assert shop.night_code_sha256() == base64.b64encode(hashlib.sha256(code).digest()).decode()


def test_an_order_costs_its_articles_and_delivery_below_the_limit() -> None:
    prices = {"articles": {"tea": 650, "pot": 3490}, "delivery": 490, "free_delivery_from": 5000}
    assert shop.total_cents({"items": [{"sku": "tea", "quantity": 2}]}, prices) == 1300 + 490
    assert shop.total_cents({"items": [{"sku": "pot", "quantity": 1}, {"sku": "tea", "quantity": 3}]}, prices) == 5440


def test_orders_are_drawn_anew_and_the_same_for_one_seed() -> None:
    orders = [shop.some_order(random.Random(seed), shop.PRICES) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert all(item["sku"] in shop.PRICES["articles"] and item["quantity"] >= 1 for item in orders[0]["items"])


def test_what_lies_among_extensions_can_be_executed_and_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    import io
    import zipfile

    program = tmp_path / "clerk.py"
    program.write_text("#!/usr/bin/env python3\n")
    first = package({"extensions/clerk": program, "app.py": program})
    assert first == package({"app.py": program, "extensions/clerk": program})
    modes = {
        entry.filename: entry.external_attr >> 16 & 0o777 for entry in zipfile.ZipFile(io.BytesIO(first)).infolist()
    }
    assert modes == {"extensions/clerk": 0o755, "app.py": 0o644}
