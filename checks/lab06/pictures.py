"""The pictures of rounds 5 to 7, from what the learner's own run showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from checks.lab06.edge_trials import Arrived, Passed, Topic
from checks.readings import Reading
from sandbox.views import Picture, counted
from sandbox.views.grid import Cell, grid

_ALLOWED, _REFUSED = "went through", "refused"


def passed_on(tries: Mapping[str, Passed]) -> Picture:
    """How far the deployer came in each try: the role it passed on, and what the function could read with it."""
    cells = []
    for name, one in tries.items():
        row = f"{name} ({one.role})"
        cells.append(Cell(row, "pass the role on", _ALLOWED if one.created.allowed else _REFUSED))
        read = one.read is not None and not one.read.error
        word = f"{one.read.result['customers']} customers read" if read and one.read is not None else ""
        cells.append(Cell(row, "read customers with it", _ALLOWED if read else _REFUSED, word))
    through = [name for name, one in tries.items() if one.read is not None and not one.read.error]
    return grid(
        cells,
        rows="policies (role passed on)",
        columns="step",
        outcomes=(_REFUSED, _ALLOWED),
        text=f"The deployer reached the customers in {counted(len(through), 'try', 'tries')} of {len(tries)}"
        f"{': ' + ', '.join(through) if through else ''}.",
    )


def reached(arrived: Mapping[str, Sequence[Arrived]], senders: Sequence[Topic]) -> Picture:
    """Which topic's message lay in the queue, under each of its policies."""
    cells = [
        Cell(sender.owner, condition, "arrived" if any(one.topic == sender.arn for one in found) else "kept out")
        for sender in senders
        for condition, found in arrived.items()
    ]
    through = sum(cell.outcome == "arrived" for cell in cells if cell.row != senders[0].owner)
    return grid(
        cells,
        rows="topic",
        columns="condition in the queue's policy",
        outcomes=("kept out", "arrived"),
        text=f"Of the messages of topics that are not the shop's own, {through or 'none'} arrived.",
    )


def keys(calls: Mapping[str, Sequence[Reading]], reads: Mapping[str, int], rotated_after: int) -> Picture:
    """Which key each call had, function by function. `reads` counts the reads of the secret; the key was rotated after
    so many calls."""
    latest = _latest(calls.values())
    cells = [
        Cell(
            f"{name} ({counted(reads[name], 'read')})",
            f"{number}{' (rotated)' if number == rotated_after + 1 else ''}",
            "new key" if one.value("fingerprint") == latest else "old key",
            str(one.value("fingerprint")),
        )
        for name, found in calls.items()
        for number, one in enumerate(found, start=1)
    ]
    counts = ", ".join(f"{name} {reads[name]}" for name in calls)
    return grid(
        cells,
        rows="function (reads)",
        columns="call",
        outcomes=("old key", "new key"),
        text=f"Reads of the secret by CloudTrail: {counts}. The key was rotated after call {rotated_after}.",
        legend="the key that it had",
    )


def _latest(calls: Iterable[Sequence[Reading]]) -> str:
    """The fingerprint of the key that came last."""
    seen = sorted((one for found in calls for one in found), key=lambda one: one.start)
    first: dict[str, Reading] = {}
    for one in seen:
        first.setdefault(str(one.value("fingerprint")), one)
    return max(first, key=lambda name: first[name].start) if first else ""
