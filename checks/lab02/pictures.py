"""The pictures of lab 02, from what the learner's own stacks showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checks.contract import Uncheckable
from checks.lab02 import doors, reading, shop, stacks, transform
from checks.lab06.reading import actions_of, by_level
from sandbox.templates import Template, TemplateError, dependencies, read
from sandbox.templates.serverless import expand
from sandbox.views import Picture, counted, deployments, listed
from sandbox.views import templates as view
from sandbox.views.grid import Cell, grid

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


def made_by_the_transform(cloud: Cloud, stack: str) -> Picture:
    """What SAM made of a stack's template: GetTemplate gives it as it was sent, and as it was processed."""
    original, processed = (stacks.template_of(cloud, stack, stage) for stage in ("Original", "Processed"))
    return view.expansion(transform.made_of(original, processed))


# -- 2: Globals and environments -------------------------------------------------------------------------------

_GLOBALS, _OWN, _BOTH, _STAGE = "from Globals", "the function's own", "both, joined", "Globals, by the stage"


def merged(cloud: Cloud) -> Picture:
    """Where each setting of the functions comes from: Place in both environments, and Find, which says nothing."""
    cells: list[Cell] = []
    for column, stack, function in (
        ("Place in dev", shop.DEV, "Place"),
        ("Place in prod", shop.PROD, "Place"),
        ("Find in prod", shop.PROD, "Find"),
    ):
        own, joined = (_OWN, _BOTH) if function == "Place" else (_GLOBALS, _GLOBALS)
        told = reading.configured(cloud, stack, function)
        shown, tags = reading.of_function(told), reading.tags_of(cloud, stack, function)
        names = [arn.split(":")[6].removeprefix(f"{stack}-") for arn in shown.layers]
        cells += [
            Cell("Timeout", column, own, f"{shown.timeout} s"),
            Cell("MemorySize", column, _STAGE, f"{told['MemorySize']} MB"),
            Cell("variable LOG_LEVEL", column, own, shown.variables["LOG_LEVEL"]),
            Cell("variable STAGE", column, _STAGE, shown.variables["STAGE"]),
            Cell("Layers", column, joined, ", ".join(names)),
            Cell("tag team", column, own, tags.get("team", "none")),
        ]
    only = listed(reading.prod_only(cloud)) or "nothing"
    return grid(
        cells,
        rows="setting",
        columns="function and environment",
        outcomes=(_OWN, _BOTH, _STAGE, _GLOBALS),
        text=(
            "Single values of the function replace those of Globals, maps are merged, lists are joined. Only prod has "
            f"{only}."
        ),
        legend="from",
    )


# -- 3: policies -----------------------------------------------------------------------------------------------

_LEVELS = ("List", "Read", "Write", "Tagging", "Permissions management")
_NOTHING, _NAMED, _ANYTHING = "nothing", "on what is named", "on everything"


def reach(policies: Mapping[str, Mapping[str, Any]]) -> Picture:
    """How many actions each policy grants at each access level, and on how many resources."""
    cells: list[Cell] = []
    said: list[str] = []
    for name, document in policies.items():
        actions, on = actions_of(document), doors.resources_of(document)
        counts, everything = by_level(actions), "*" in on
        for level in _LEVELS:
            count = counts.get(level, 0)
            outcome = _NOTHING if not count else _ANYTHING if everything else _NAMED
            cells.append(Cell(name, level.replace("Permissions management", "Permissions"), outcome, str(count)))
        cells.append(Cell(name, "resources", _ANYTHING if everything else _NAMED, "*" if everything else str(len(on))))
        where = "everything (*)" if everything else counted(len(on), "resource")
        said.append(f"{name} grants {counted(len(actions), 'action')} on {where}.")
    return grid(
        cells,
        rows="policy",
        columns="actions by access level, and resources named",
        outcomes=(_NAMED, _ANYTHING, _NOTHING),
        text=" ".join(said),
        legend="granted",
    )


# -- 4: versions -----------------------------------------------------------------------------------------------

_KEPT, _LIVE, _NEVER = "published", "live points here", "not published"


def versions(standings: Sequence[reading.Standing]) -> Picture:
    """Which versions there were after each deployment, and to which of them the alias pointed."""
    cells: list[Cell] = []
    for standing in standings:
        latest = standing.latest
        cells.append(Cell("$LATEST", standing.deployment, _NEVER, f"{latest.memory_mb} MB, {latest.timeout} s"))
    for number in sorted({one.number for standing in standings for one in standing.versions}, reverse=True):
        for standing in standings:
            there = {one.number: one for one in standing.versions}
            if number not in there:
                continue
            one = there[number]
            word = f"{one.memory_mb} MB, {one.timeout} s"
            cells.append(
                Cell(f"version {number}", standing.deployment, _LIVE if number == standing.live else _KEPT, word)
            )
    last = standings[-1]
    return grid(
        cells,
        rows="version",
        columns="deployment, in the order of time",
        outcomes=(_KEPT, _LIVE, _NEVER),
        text=(
            f"After {counted(len(standings), 'deployment')} there are {counted(len(last.versions), 'version')}. "
            f"live points to version {last.live}, with {last.serving.memory_mb} MB and {last.serving.timeout} s. "
            f"$LATEST has {last.latest.memory_mb} MB and {last.latest.timeout} s."
        ),
        legend="after the deployment",
    )


# -- 5: change sets --------------------------------------------------------------------------------------------

_STAYS, _PERHAPS, _REPLACED, _COMES = "stays", "may be replaced", "is replaced or goes", "is new"
_MEANING = {"False": _STAYS, "Conditional": _PERHAPS, "True": _REPLACED, "": _STAYS}
#: What another action than Modify means, whatever stands under Replacement.
_ACTIONS = {"Add": _COMES, "Import": _COMES, "Remove": _REPLACED}
_RECREATION = {"Never": _STAYS, "Conditionally": _PERHAPS, "Always": _REPLACED, "": _STAYS}


def _strongest(causes: Sequence[stacks.Cause]) -> list[stacks.Cause]:
    """One cause for each property: a change set has a line for each thing that the property's value is made from."""
    kept: dict[str, stacks.Cause] = {}
    for one in sorted(causes, key=lambda one: list(_RECREATION).index(one.recreation) if one.recreation else 0):
        kept[one.property or one.attribute] = one
    return list({one.property or one.attribute: kept[one.property or one.attribute] for one in causes}.values())


def _meaning(change: stacks.Change) -> str:
    return _ACTIONS.get(change.action) or _MEANING.get(change.replacement, _STAYS)


def changes(planned: Sequence[stacks.Change]) -> Picture:
    """A change set: a line for each property that changes, and what that does to its resource."""
    cells: list[Cell] = []
    for one in planned:
        for cause in _strongest(one.causes) or (stacks.Cause("", "", "", ""),):
            row = " · ".join(part for part in (one.logical_id, cause.property or cause.attribute) if part)
            word = cause.recreation or "no property"
            meaning = _meaning(one)
            recreation = _RECREATION.get(cause.recreation, meaning) if one.action == "Modify" else meaning
            cells += [
                Cell(row, "Action", meaning, one.action),
                Cell(row, "RequiresRecreation", recreation, word),
                Cell(row, "Replacement", meaning, one.replacement or "not said"),
            ]
    counts: dict[str, list[str]] = {meaning: [] for meaning in (_STAYS, _PERHAPS, _REPLACED, _COMES)}
    for one in planned:
        counts[_meaning(one)].append(one.logical_id)
    said = [f"What {meaning}: {listed(names)}." for meaning, names in counts.items() if names]
    return grid(
        cells,
        rows="resource · property that changes",
        columns="in the change set",
        outcomes=(_STAYS, _PERHAPS, _REPLACED, _COMES),
        text=" ".join(said) or "The change set has no changes.",
        legend="the resource",
    )


# -- 6: a failed deployment ------------------------------------------------------------------------------------


def course(events: Sequence[stacks.Event], stack: str) -> Picture:
    """How a deployment went, from its events."""
    began = events[0].time if events else None
    moments = [
        deployments.Moment((one.time - began).total_seconds(), one.logical_id, one.status, one.reason)
        for one in events
        if began is not None
    ]
    return deployments.course(moments, stack=stack)


# -- 7: a cycle ------------------------------------------------------------------------------------------------


def needs(text: str, region: str) -> Picture:
    """Which resource of a SAM template needs which, after the transform; a cycle is marked."""
    try:
        document = expand(read(text), {}, region=region)
        found, order = transform.needs_of(document), dependencies(Template.of(document))
    except TemplateError as error:
        raise Uncheckable(f"There is no picture of a template that can't be read: {error}") from None
    alone = [name for name, needed in order.items() if not needed and not any(name in one for one in order.values())]
    picture = view.needs(found, transform.cycle_in(found))
    return Picture(picture.chart, picture.text + (f" {listed(alone)}: needs nothing." if alone else ""))


# -- 8: layers -------------------------------------------------------------------------------------------------


def uploads(sent: Sequence[deployments.Upload]) -> Picture:
    """What each deployment uploaded, package by package."""
    return deployments.uploads(sent)
