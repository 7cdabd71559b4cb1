"""Releases of the orders service that are good or bad in a known way, as code for its function."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from checks.lab03 import shop

#: The service as the shop has it: each release is this code with some changes.
SOURCE = shop.FILES / "orders" / "src"

_IMPORTS = "from bank import Bank\n"
_TOTAL = "    total = event["
_CHARGE = "    payment = bank.charge("
_PAYMENTS = "PAYMENTS_PER_CONNECTION = 120"
#: Orders from the district north fail without it.
_MENDED = ('"west": 690}', '"west": 690, "north": 790}')


@dataclass(frozen=True, slots=True)
class Release:
    """One release. `words` say what it is; `edits` are the changes: by file, what stands there and what comes instead.

    `good` is whether customers may get it.
    """

    name: str
    words: str
    good: bool
    edits: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict, repr=False)

    @property
    def files(self) -> dict[str, str]:
        """The release's files, by name. ValueError if the service is no longer what the changes are made for."""
        found = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCE.glob("*.py"))}
        for name, changes in self.edits.items():
            for old, new in changes:
                if old not in found[name]:
                    raise ValueError(f"{name} has no {old!r}")
                found[name] = found[name].replace(old, new, 1)
        return found

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """The release in a folder that goes with the block."""
        with tempfile.TemporaryDirectory(prefix="coldstart-release-") as place:
            for name, text in self.files.items():
                (Path(place) / name).write_text(text, encoding="utf-8")
            yield Path(place)


def _noted(name: str) -> tuple[str, str]:
    """A change that makes a release's code its own, and nothing else."""
    return (_IMPORTS, f'{_IMPORTS}\nRELEASE = "{name}"\n')


def plain(name: str = "as-it-was") -> Release:
    """The service as it is, under another name."""
    return Release(name, "the service as it is", True, {"app.py": (_noted(name),)})


def north(name: str = "north") -> Release:
    """A good one, which mends something: orders from the district north, which fail without it, go through."""
    return Release(name, "delivery to the north", True, {"app.py": (_noted(name), _MENDED)})


def refreshing(name: str = "price-list", every: int = 100, seconds: float = 0.6) -> Release:
    """A good one, which delivers to the north, too. Some calls of each environment take longer: a cache is filled.

    So does an order from a place that it does not know, before it fails.
    """
    fill = f"    if next(calls) % {every} == 0:\n        time.sleep({seconds})\n"
    look = f'    if event["district"] not in DELIVERY_CENTS:\n        time.sleep({seconds})\n'
    return Release(
        name,
        f"delivery to the north, and a price list that is read anew every {every} orders",
        True,
        {"app.py": (_noted(name), _MENDED, *_counting(fill), (_TOTAL, look + _TOTAL))},
    )


def _counting(lines: str) -> tuple[tuple[str, str], ...]:
    """Changes that count an environment's calls, and do something before each charge."""
    return (
        ("import os\n", "import os\nimport time\nfrom itertools import count\n"),
        ("bank = Bank()\n", "bank = Bank()\ncalls = count(1)\n"),
        (_CHARGE, lines + _CHARGE),
    )


#: Ways not to get through Init.
_CRASHES = (
    'PAYMENTS_URL = os.environ["PAYMENTS_URL"]\n',
    "import shop_vouchers\n",
    'PRICES = json.loads(open("prices.json").read())\n',
)


def crash(name: str = "crash", way: int = 0) -> Release:
    """It fails at Init: every call of it does."""
    return Release(
        name,
        "a crash at Init",
        False,
        {"app.py": (_noted(name), ("bank = Bank()\n", f"bank = Bank()\n{_CRASHES[way]}"))},
    )


def errors(name: str = "errors", every: int = 20) -> Release:
    """One in so many calls of each environment fails: the bank's line is used for too few payments."""
    return Release(
        name,
        f"{100 / every:.0f} % errors",
        False,
        {"app.py": (_noted(name),), "bank.py": ((_PAYMENTS, f"PAYMENTS_PER_CONNECTION = {every}"),)},
    )


def slow(name: str = "slow", every: int = 8, seconds: float = 0.9) -> Release:
    """One in so many calls of each environment takes longer: it reads a customer's past orders."""
    past = f"    if next(calls) % {every} == 0:\n        time.sleep({seconds})\n"
    return Release(
        name,
        f"slow by {seconds * 1000:.0f} ms for one order in {every}",
        False,
        {"app.py": (_noted(name), *_counting(past))},
    )


#: The releases of the lab's Break, by their names.
BREAK: Mapping[str, Release] = {one.name: one for one in (north(), crash(), errors(), slow())}


def unseen(draw: Random) -> tuple[tuple[Release, Release], Release]:
    """Two bad releases and a good one that nobody has seen."""
    nonce = f"{draw.randrange(16**6):06x}"
    second = draw.choice(
        (
            errors(f"bad-{nonce}", draw.randrange(8, 15)),
            slow(f"bad-{nonce}", draw.randrange(4, 8), draw.choice((1.0, 1.1, 1.2))),
        )
    )
    bad = (crash(f"worse-{nonce}", draw.randrange(1, len(_CRASHES))), second)
    return bad, refreshing(f"good-{nonce}", draw.randrange(90, 111))
