"""Thursday evening: a change of a table's key that would replace it, what a change set says of it, and the mend."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, Uncheckable
from checks.functions import invoke
from checks.lab02 import stacks, trials
from sandbox.templates import read
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILE = "hurry/template.yaml"
FOLDER = trials.FILES / "hurry"
BEFORE = trials.THURSDAY / "prod.yaml"
MERGED = trials.THURSDAY / "merged.yaml"

STACK = "shop-prod"
TABLE_ID, FUNCTION_ID = "Orders", "FindOrders"
TABLE_TYPE = "AWS::DynamoDB::Table"
#: How many orders prod has on Thursday: as many as the draw says.
FEWEST, MOST = 30, 80
CUSTOMERS = ("ada", "ben", "cleo", "dan")
#: BatchWriteItem takes so many. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH = 25

Order = Mapping[str, Any]


def land(cloud: Cloud, folder: Path) -> str:
    """Prod as it is on Thursday: its stack, with the code of the lab's folder `hurry`, and orders in its table.

    Says how it stands. A cell calls it, and where a grade is confined a cell sees no solutions.
    """
    if stacks.described(cloud, STACK):
        trials.take_away(cloud, STACK)
    _deploy(cloud, STACK, read(BEFORE.read_text(encoding="utf-8")), folder)
    draw = random.Random(f"{cloud.seed} hurry")
    write(cloud, table_of(cloud, STACK), orders(draw, draw.randint(FEWEST, MOST)))
    return f"{STACK} is {stacks.status(cloud, STACK)}, its table is {table_of(cloud, STACK)}"


def _deploy(cloud: Cloud, stack: str, document: Document, folder: Path = FOLDER) -> stacks.Deployment:
    text = packaged(cloud, document, folder)
    done = stacks.deploy(cloud, stack, text, **trials.parameters())
    if not done.succeeded:
        raise Uncheckable(f"The stack {stack} could not be made: {trials.cause(done)}")
    return done


def packaged(cloud: Cloud, document: Document, folder: Path = FOLDER) -> str:
    """The template's text, with the code of a folder like `hurry` in S3."""
    return trials.text_of(trials.packaged(cloud, document, FILE, folder))


def orders(draw: random.Random, count: int) -> list[Order]:
    """Orders of a few customers, each with at least one."""
    names = [*CUSTOMERS, *draw.choices(CUSTOMERS, k=max(count - len(CUSTOMERS), 0))]
    return [
        {
            "order_id": f"order-{draw.randrange(16**10):010x}",
            "customer": name,
            "total_cents": draw.randrange(100, 99_999),
        }
        for name in names[:count]
    ]


def write(cloud: Cloud, table: str, items: Sequence[Order]) -> None:
    """Put items into a table."""
    resource = cloud.client("dynamodb")
    typed = [
        {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in item.items()}
        for item in items
    ]
    for start in range(0, len(typed), _BATCH):
        batch = [{"PutRequest": {"Item": one}} for one in typed[start : start + _BATCH]]
        resource.batch_write_item(RequestItems={table: batch})


def table_of(cloud: Cloud, stack: str) -> str:
    """What the table of a stack is called."""
    return stacks.physical(cloud, stack, TABLE_ID)


def count_of(cloud: Cloud, table: str) -> int:
    """How many items a table has, counted one by one: DescribeTable's number is hours old in an account."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return sum(int(page["Count"]) for page in pages)


# -- what the change set says ----------------------------------------------------------------------------------


def found(cloud: Cloud, answers: Answers) -> None:
    """The check of the explanation: what would have been lost, by which property. Incorrect."""
    if not stacks.described(cloud, STACK):
        raise Uncheckable("Nothing has landed yet. Run the cell that brings prod to Thursday evening.")
    table = table_of(cloud, STACK)
    if table != f"{STACK}-orders":
        raise Incorrect(
            f"The table of {STACK} is {table} now.",
            f"{STACK}-orders, with everything in it.",
            "The change set was executed: the old table is gone, and its orders with it. Bring prod back with "
            "land, and look this time.",
        )
    planned = stacks.plan(cloud, STACK, packaged(cloud, read(MERGED.read_text(encoding="utf-8"))))
    cloud.client("cloudformation").delete_change_set(StackName=STACK, ChangeSetName=planned.name)
    change = next(one for one in planned.changes if one.logical_id == TABLE_ID)
    explained(
        planned.changes,
        change,
        items=count_of(cloud, table),
        logical_id=answers.text("logical_id"),
        physical_id=answers.text("physical_id"),
        because_of=_texts(answers, "because_of"),
        old_one=answers.text("old_one"),
        orders=answers.integer("orders"),
    )


def _texts(answers: Answers, name: str) -> list[str]:
    value: Any = answers[name]
    if isinstance(value, str):
        return [value.strip()]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Incorrect(
            f"{name} is {str(value)[:60]}.", 'properties in brackets, such as ["..."].', "A property has one name."
        )
    return [one.strip() for one in value]


def explained(
    changes: Sequence[stacks.Change],
    change: stacks.Change,
    *,
    items: int,
    logical_id: str,
    physical_id: str,
    because_of: Sequence[str],
    old_one: str,
    orders: int,
) -> None:
    """`change` is the one that replaces. `old_one` is its PolicyAction, `orders` how many items it has. Incorrect."""
    if logical_id != change.logical_id:
        other = next((one for one in changes if one.logical_id == logical_id), None)
        what = (
            f"whose Replacement is {other.replacement or 'not given'}"
            if other
            else "which is in no line of the change set"
        )
        raise Incorrect(
            f"logical_id is {logical_id[:60]!r}, {what}.",
            "the logical id of the resource that is replaced for sure: Replacement True.",
            "Modify is the action of both. Whether it is a change or a new resource stands in Replacement.",
        )
    if physical_id != change.physical_id:
        raise Incorrect(
            f"physical_id is {physical_id[:80]!r}.",
            "what the table is called today: the change's physical id.",
            "That is the table which goes. A new one has another name, and nothing in it.",
        )
    causes = {one.property for one in change.causes if one.recreation == "Always"}
    wrong = [one for one in because_of if one not in causes]
    if wrong or set(because_of) != causes:
        missing = sorted(causes - set(because_of))
        seen = f"because_of has {wrong[0]!r}" if wrong else f"because_of has {len(set(because_of))} of {len(causes)}"
        told = next((one for one in change.causes if wrong and one.property == wrong[0]), None)
        how = f", whose RequiresRecreation is {told.recreation}" if told else ""
        raise Incorrect(
            f"{seen}{how}.",
            "every property whose RequiresRecreation is Always" + (", and no other." if wrong else "."),
            "Take back one of them alone, and the table is still replaced."
            if missing
            else "A property that changes in place needs no new resource.",
        )
    if old_one != change.policy_action:
        raise Incorrect(
            f"old_one is {old_one[:40]!r}.",
            "the change's PolicyAction: what becomes of the table that is replaced.",
            "Replacement says that there will be a new one. PolicyAction says whether the old one, and what is in it, "
            "stays.",
        )
    if orders != items:
        raise Incorrect(
            f"orders is {orders}; {change.physical_id} has another number of items.",
            "a count of the items that are in it now (count_of, or a Scan with Select=COUNT).",
            "ItemCount of DescribeTable is renewed every six hours in AWS.",
        )


# -- the mend --------------------------------------------------------------------------------------------------


def mended(cloud: Cloud, answers: Answers) -> None:
    """The check of the mend: the learner's template on a stack like prod's, with orders that nobody has seen."""
    document = trials.own_template(answers, FILE, MERGED)
    if document == read(BEFORE.read_text(encoding="utf-8")):
        raise Incorrect(
            f"{FILE} is what prod has today.",
            "orders by customer as well.",
            "A change that is taken back loses nothing, and brings nothing. Support still waits.",
        )
    draw = answers.random
    name = f"{trials.PREFIX}-{draw.randrange(16**6):06x}-shop"
    with trials.removed(cloud, name):
        _deploy(cloud, name, read(BEFORE.read_text(encoding="utf-8")))
        table = table_of(cloud, name)
        before = orders(draw, draw.randint(12, 20))
        write(cloud, table, before)
        sent = packaged(cloud, document)
        _must_replace_nothing(stacks.plan(cloud, name, sent, **trials.parameters()))
        trials.succeeded(stacks.deploy(cloud, name, sent, **trials.parameters()), "The mended change")
        if table_of(cloud, name) != table:
            raise Incorrect(
                f"The change was executed, and the stack's table is another one: {table_of(cloud, name)}.",
                f"{table}, as before.",
                "Conditional in a change set means that it depends on the values. Here it came to a replacement.",
            )
        after = orders(draw, len(CUSTOMERS))
        write(cloud, table, after)
        _must_find(cloud, name, [*before, *after])
        _must_keep(cloud, name, table, document)


def _must_replace_nothing(planned: stacks.ChangeSet) -> None:
    if planned.reason:
        raise Incorrect(
            f"No change set can be made from {FILE}: {planned.reason[:300]}",
            "a change of prod's stack.",
            "CloudFormation looks at the whole template first. Nothing has been changed.",
        )
    tables = [one for one in planned.changes if one.type == TABLE_TYPE]
    for one in tables:
        if one.action == "Remove":
            raise Incorrect(
                f"The change set removes {one.logical_id}, prod's table.",
                "the table stays a resource of the stack, under its logical id.",
                "A resource with a new logical id is a new one. The old one goes, or is nobody's.",
            )
        # Conditional is settled by doing it: a new attribute of an index is no reason for a new table.
        if one.replacement == "True":
            causes = ", ".join(sorted({cause.property for cause in one.causes if cause.recreation == "Always"}))
            raise Incorrect(
                f"The change set replaces {one.logical_id} ({causes or 'see its Details'}).",
                "no Replacement True for the table.",
                "The new table is empty. UpdateReplacePolicy: Retain keeps the old one, but the service would not see "
                "its orders.",
            )


def _must_find(cloud: Cloud, stack: str, items: Sequence[Order]) -> None:
    try:
        function = stacks.physical(cloud, stack, FUNCTION_ID)
    except Uncheckable:
        raise Incorrect(
            f"The stack has no resource {FUNCTION_ID} any more.", "the function that support calls.", "They call it."
        ) from None
    one = items[0]
    told = invoke(cloud, function, {"order_id": one["order_id"]})
    if told.error or told.result != {"orders": [dict(one)]}:
        raise Incorrect(
            f"After the change, an old order is not found by its number: {told.reason or str(told.result)[:200]}",
            "the order.",
            "The table's own key is what order_id is looked up with.",
        )
    for name in CUSTOMERS:
        wanted = sorted((dict(item) for item in items if item["customer"] == name), key=lambda item: item["order_id"])
        told = invoke(cloud, function, {"customer": name})
        got = told.result.get("orders", []) if isinstance(told.result, dict) else []
        if told.error or sorted(got, key=lambda item: str(item.get("order_id"))) != wanted:
            seen = told.reason or f"{len(got)} of {len(wanted)} orders, or not with all their values"
            raise Incorrect(
                f"After the change, the orders of {name} are not found: {seen}.",
                "every order of a customer, with all its values: those from before the change, too.",
                "An index is filled from what is in the table. It has as much of an item as its Projection says, the "
                "function must name it (INDEX), and may read it.",
            )


def _must_keep(cloud: Cloud, stack: str, table: str, document: Document) -> None:
    """What would become of the table: asked with a change set for the next hurry, then by deleting the stack."""
    hurried = read(MERGED.read_text(encoding="utf-8"))["Resources"][TABLE_ID]["Properties"]
    resources = dict(document["Resources"])
    resources[TABLE_ID] = {**resources[TABLE_ID], "Properties": hurried}
    planned = stacks.plan(cloud, stack, packaged(cloud, {**document, "Resources": resources}), **trials.parameters())
    change = next((one for one in planned.changes if one.logical_id == TABLE_ID), None)
    if change is None:
        raise Uncheckable(f"The next hurried change could not be planned: {planned.reason[:200]}")
    cloud.client("cloudformation").delete_change_set(StackName=stack, ChangeSetName=planned.name)
    if change.policy_action != "ReplaceAndRetain":
        raise Incorrect(
            f"The next hurried change would have PolicyAction {change.policy_action or 'none'} for the table.",
            "ReplaceAndRetain, from an UpdateReplacePolicy.",
            "Tonight somebody looked. The policy is for the night when nobody does.",
        )
    stacks.delete(cloud, stack)
    kept = trials.still_there(cloud, TABLE_TYPE, table)
    if not kept:
        raise Incorrect(
            "The stack was deleted, and the table went with it.",
            "a DeletionPolicy that keeps it.",
            "UpdateReplacePolicy is for replacements alone. A stack, or a resource that is taken out, needs the other "
            "one.",
        )
    cloud.client("dynamodb").delete_table(TableName=table)
