"""The picture of a pipeline's rehearsals: which of its jobs ran, and whose roles they took."""

from __future__ import annotations

from collections.abc import Sequence

from checks.lab02.pipeline import Rehearsal
from sandbox.views import Picture, listed
from sandbox.views.grid import Cell, grid

_SKIPPED, _FAILED, _RAN = "did not run", "failed", "succeeded"
_OUTCOMES = {"skipped": _SKIPPED, "failure": _FAILED, "success": _RAN}


def picture(found: Sequence[Rehearsal]) -> Picture:
    """A line for each scenario, a column for each job of the workflow."""
    jobs = list(dict.fromkeys(name for one in found for name in one.run.jobs))
    cells = [
        Cell(one.scenario.title, job, _OUTCOMES[one.run.jobs.get(job, "skipped")], one.run.jobs.get(job, "not started"))
        for one in found
        for job in jobs or ["no job"]
    ]
    said = [f"{one.scenario.title}: {listed(list(one.roles)) if one.roles else 'no role'}" for one in found]
    return grid(
        cells,
        rows="what happens",
        columns="job",
        outcomes=(_SKIPPED, _FAILED, _RAN),
        text=f"Roles that were taken, in their order: {'; '.join(said)}.",
        legend="the job",
    )
