"""What DynamoDB's calls need, with the keys of fine-grained access control.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.authorisation import partiql
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.needs import needs
from tests.authorisation.calls import Known, called

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
STATE = Known(partition_keys={("orders", None): "pk", ("orders", "by-day"): "day", ("users", None): "id"})


def of(operation: str, look_up: LookUp = STATE, **params: Any) -> tuple[Need, ...]:
    return needs(called("dynamodb", operation, **params), look_up)


def one(operation: str, look_up: LookUp = STATE, **params: Any) -> Need:
    (need,) = of(operation, look_up, **params)
    return need


def s(text: str) -> dict[str, str]:
    return {"S": text}


# -- single items --------------------------------------------------------------------------------------


def test_an_item_is_read_from_its_table() -> None:
    need = one("GetItem", TableName="orders", Key={"pk": s("ann"), "sk": s("1")})
    assert (need.action, need.resource) == ("dynamodb:GetItem", TABLE)
    assert need.context == {
        "dynamodb:Attributes": ["pk", "sk"],
        "dynamodb:LeadingKeys": ["ann"],
        "dynamodb:ReturnConsumedCapacity": "NONE",
        "dynamodb:Select": "ALL_ATTRIBUTES",
    }


def test_a_projection_selects_specific_attributes() -> None:
    need = one(
        "GetItem",
        TableName="orders",
        Key={"pk": s("ann")},
        ProjectionExpression="#n, address.city, items[0].price, total",
        ExpressionAttributeNames={"#n": "name"},
    )
    assert need.context["dynamodb:Attributes"] == ["pk", "name", "address", "items", "total"]
    assert need.context["dynamodb:Select"] == "SPECIFIC_ATTRIBUTES"
    older = one("GetItem", TableName="orders", Key={"pk": s("ann")}, AttributesToGet=["total"])
    assert older.context["dynamodb:Attributes"] == ["pk", "total"]
    assert older.context["dynamodb:Select"] == "SPECIFIC_ATTRIBUTES"


def test_a_put_names_all_attributes_of_its_item() -> None:
    need = one(
        "PutItem",
        TableName=TABLE,
        Item={"pk": s("ann"), "total": {"N": "3"}},
        ConditionExpression="attribute_not_exists(pk) AND size(#h) < :n",
        ExpressionAttributeNames={"#h": "history"},
        ReturnValues="ALL_OLD",
    )
    assert need.resource == TABLE
    assert need.context["dynamodb:Attributes"] == ["pk", "total", "history"]
    assert need.context["dynamodb:LeadingKeys"] == ["ann"]
    assert need.context["dynamodb:ReturnValues"] == "ALL_OLD"
    assert "dynamodb:Select" not in need.context


def test_an_update_names_key_changes_and_conditions() -> None:
    need = one(
        "UpdateItem",
        TableName="orders",
        Key={"pk": s("ann")},
        UpdateExpression="SET #s = :s, hits = if_not_exists(hits, :z) + :o REMOVE old[0] ADD tags :t DELETE gone :g",
        ConditionExpression="version = :v OR NOT contains(flags, :f) AND price BETWEEN :a AND :b AND kind IN (:x)",
        ExpressionAttributeNames={"#s": "status"},
    )
    assert set(need.context["dynamodb:Attributes"]) == {  # type: ignore[arg-type]
        *("pk", "status", "hits", "old", "tags", "gone"),
        *("version", "flags", "price", "kind"),
    }
    assert need.context["dynamodb:ReturnValues"] == "NONE"


@pytest.mark.parametrize(
    ("value", "expected"), [({"S": "a"}, "a"), ({"N": "42"}, "42"), ({"B": b"\x00\xff"}, "AP8="), ({"B": b""}, "")]
)
def test_leading_keys_are_texts(value: dict[str, Any], expected: str) -> None:
    assert one("DeleteItem", TableName="orders", Key={"pk": value}).context["dynamodb:LeadingKeys"] == [expected]


def test_without_the_key_schema_every_value_counts() -> None:
    need = one("GetItem", NOTHING, TableName="orders", Key={"pk": s("ann"), "sk": s("1")})
    assert need.context["dynamodb:LeadingKeys"] == ["ann", "1"]


def test_a_request_without_a_key_is_limited_to_none() -> None:
    # DynamoDB refuses it; until then no condition on keys must hold just because there is none.
    assert one("GetItem", TableName="orders", Key={}).context["dynamodb:LeadingKeys"] == [""]
    assert one("Query", TableName="orders").context["dynamodb:LeadingKeys"] == [""]


# -- queries and scans ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "names", "expected"),
    [
        ("pk = :p", {}, ["ann"]),
        ("pk=:p", {}, ["ann"]),
        ("#k = :p AND begins_with(sk, :s)", {"#k": "pk"}, ["ann"]),
        ("sk = :s AND pk = :p", {}, ["ann"]),
        ("(#k = :p) and (#r between :s and :t)", {"#k": "pk", "#r": "sk"}, ["ann"]),
        (":p = pk", {}, ["ann"]),
        ("pk = :p OR pk = :s", {}, ["ann", "2026"]),
    ],
)
def test_a_query_leads_with_its_partition_key(expression: str, names: dict[str, str], expected: list[str]) -> None:
    need = one(
        "Query",
        TableName="orders",
        KeyConditionExpression=expression,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={":p": s("ann"), ":s": s("2026"), ":t": s("2027")},
    )
    assert need.resource == TABLE
    assert need.context["dynamodb:LeadingKeys"] == expected


def test_a_query_on_an_index_asks_the_index_and_its_own_key() -> None:
    need = one(
        "Query",
        TableName="orders",
        IndexName="by-day",
        KeyConditionExpression="#d = :d AND pk = :p",
        ExpressionAttributeNames={"#d": "day"},
        ExpressionAttributeValues={":d": s("2026-03-01"), ":p": s("ann")},
        FilterExpression="total > :t",
    )
    assert need.resource == f"{TABLE}/index/by-day"
    assert need.context["dynamodb:LeadingKeys"] == ["2026-03-01"]
    assert need.context["dynamodb:Attributes"] == ["day", "pk", "total"]
    assert need.context["dynamodb:Select"] == "ALL_PROJECTED_ATTRIBUTES"


def test_the_older_key_conditions_lead_too() -> None:
    conditions = {
        "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [s("ann")]},
        "sk": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [s("2")]},
    }
    need = one("Query", TableName="orders", KeyConditions=conditions, Select="COUNT")
    assert need.context["dynamodb:LeadingKeys"] == ["ann"]
    assert need.context["dynamodb:Select"] == "COUNT"
    assert need.context["dynamodb:Attributes"] == ["pk", "sk"]


def test_a_scan_has_no_leading_key() -> None:
    need = one("Scan", TableName="orders", ReturnConsumedCapacity="TOTAL")
    assert "dynamodb:LeadingKeys" not in need.context
    assert need.context["dynamodb:ReturnConsumedCapacity"] == "TOTAL"
    assert one("Scan", TableName="orders", IndexName="by-day").resource == f"{TABLE}/index/by-day"


# -- several items -------------------------------------------------------------------------------------


def test_a_batch_is_one_action_on_each_table() -> None:
    found = of(
        "BatchGetItem",
        RequestItems={
            "orders": {"Keys": [{"pk": s("ann")}, {"pk": s("bob")}, {"pk": s("ann")}], "ProjectionExpression": "total"},
            "users": {"Keys": [{"id": s("7")}]},
        },
    )
    assert [(need.action, need.resource.rpartition("/")[2]) for need in found] == [
        ("dynamodb:BatchGetItem", "orders"),
        ("dynamodb:BatchGetItem", "users"),
    ]
    assert found[0].context["dynamodb:LeadingKeys"] == ["ann", "bob"]
    assert found[0].context["dynamodb:Attributes"] == ["pk", "total"]
    assert found[1].context["dynamodb:LeadingKeys"] == ["7"]


def test_a_batch_of_writes_leads_with_what_it_puts_and_what_it_deletes() -> None:
    need = one(
        "BatchWriteItem",
        RequestItems={
            "orders": [
                {"PutRequest": {"Item": {"pk": s("ann"), "a": s("1")}}},
                {"DeleteRequest": {"Key": {"pk": s("bob")}}},
                {"PutRequest": {"Item": {"pk": s("cy")}}, "DeleteRequest": {"Key": {"pk": s("dee")}}},
            ]
        },
    )
    assert need.context["dynamodb:LeadingKeys"] == ["ann", "bob", "cy", "dee"]
    assert need.context["dynamodb:Attributes"] == ["pk", "a"]


def test_a_transaction_needs_what_each_of_its_items_needs() -> None:
    found = of(
        "TransactWriteItems",
        TransactItems=[
            {"Put": {"TableName": "orders", "Item": {"pk": s("ann")}}},
            {"Update": {"TableName": "users", "Key": {"id": s("7")}, "UpdateExpression": "SET a = :b"}},
            {"Delete": {"TableName": "orders", "Key": {"pk": s("bob")}}},
            {"ConditionCheck": {"TableName": "users", "Key": {"id": s("8")}, "ConditionExpression": "c = :d"}},
        ],
    )
    assert [(need.action.partition(":")[2], need.resource.rpartition("/")[2]) for need in found] == [
        ("PutItem", "orders"),
        ("UpdateItem", "users"),
        ("DeleteItem", "orders"),
        ("ConditionCheckItem", "users"),
    ]
    assert [need.context["dynamodb:LeadingKeys"] for need in found] == [["ann"], ["7"], ["bob"], ["8"]]
    assert found[0].context["dynamodb:EnclosingOperation"] == "TransactWriteItems"
    # AWS's reference has no such key for condition checks.
    assert "dynamodb:EnclosingOperation" not in found[3].context
    (read,) = of("TransactGetItems", TransactItems=[{"Get": {"TableName": "orders", "Key": {"pk": s("a")}}}])
    assert (read.action, read.context["dynamodb:EnclosingOperation"]) == ("dynamodb:GetItem", "TransactGetItems")


def test_more_than_any_call_is_about_is_refused() -> None:
    items = [{"Put": {"TableName": "orders", "Item": {"pk": s(str(at))}}} for at in range(3_000)]
    with pytest.raises(Underivable, match="at most"):
        of("TransactWriteItems", TransactItems=items)


# -- PartiQL -------------------------------------------------------------------------------------------

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
STATEMENTS: list[tuple[str, list[Any], str, str, list[str] | None]] = [
    ("SELECT * FROM orders WHERE pk = 'ann'", [], "PartiQLSelect", "orders", ["ann"]),
    ('SELECT total FROM "orders" WHERE pk=?', [s("ann")], "PartiQLSelect", "orders", ["ann"]),
    (
        'select a.b, c[0] from "orders"."by-day" where day = ? and total > 3',
        [s("d")],
        "PartiQLSelect",
        "orders/index/by-day",
        ["d"],
    ),
    ("SELECT * FROM orders", [], "PartiQLSelect", "orders", None),
    ("SELECT * FROM orders WHERE total > 3", [], "PartiQLSelect", "orders", None),
    ("SELECT * FROM orders WHERE pk IN ['ann', 'bob']", [], "PartiQLSelect", "orders", ["ann", "bob"]),
    ("SELECT * FROM orders WHERE pk IN (?, ?)", [s("a"), {"N": "2"}], "PartiQLSelect", "orders", ["a", "2"]),
    ("SELECT * FROM orders WHERE pk = 'a' OR pk = 'b'", [], "PartiQLSelect", "orders", ["a", "b"]),
    ("SELECT * FROM orders WHERE pk = 'a' OR total = 1", [], "PartiQLSelect", "orders", None),
    ("SELECT * FROM orders WHERE (pk = 'a' OR pk = 'b') AND NOT total = 1", [], "PartiQLSelect", "orders", ["a", "b"]),
    ("SELECT * FROM orders WHERE NOT pk = 'a'", [], "PartiQLSelect", "orders", None),
    ("SELECT * FROM orders WHERE pk <> 'a'", [], "PartiQLSelect", "orders", None),
    ("SELECT * FROM orders WHERE 'it''s' = pk", [], "PartiQLSelect", "orders", ["it's"]),
    (
        "SELECT * FROM orders WHERE begins_with(pk, 'a') AND contains(\"x\", ?)",
        [s("z")],
        "PartiQLSelect",
        "orders",
        None,
    ),
    (
        "SELECT * FROM orders WHERE pk = 'a' AND sk BETWEEN 1 AND 2 AND x IS NOT MISSING ORDER BY sk DESC",
        [],
        "PartiQLSelect",
        "orders",
        ["a"],
    ),
    ("SELECT * FROM orders WHERE profile.pk = 'a'", [], "PartiQLSelect", "orders", None),
    (
        "INSERT INTO orders VALUE {'pk': 'ann', 'n': 3, 'l': [1, {'x': ?}]}",
        [s("y")],
        "PartiQLInsert",
        "orders",
        ["ann"],
    ),
    ("INSERT INTO \"orders\" VALUE {'pk': ?, 'n': ?}", [s("ann"), {"N": "1"}], "PartiQLInsert", "orders", ["ann"]),
    (
        "UPDATE orders SET total = ?, n = n + 1 REMOVE old WHERE pk = ? AND sk = 2",
        [{"N": "1"}, s("ann")],
        "PartiQLUpdate",
        "orders",
        ["ann"],
    ),
    (
        "UPDATE orders SET l = list_append(l, [?]) SET m = {'a': ?} WHERE pk = ?",
        [s("1"), s("2"), s("ann")],
        "PartiQLUpdate",
        "orders",
        ["ann"],
    ),
    ("DELETE FROM orders WHERE pk = 'ann' AND sk = '1' RETURNING ALL OLD *", [], "PartiQLDelete", "orders", ["ann"]),
    ("EXISTS(SELECT * FROM orders WHERE pk = 'ann')", [], "PartiQLSelect", "orders", ["ann"]),
    ("SELECT * FROM orders WHERE pk = 'ann';", [], "PartiQLSelect", "orders", ["ann"]),
]


@pytest.mark.parametrize(("statement", "parameters", "action", "resource", "leading"), STATEMENTS)
def test_needs_of_a_statement(
    statement: str, parameters: list[Any], action: str, resource: str, leading: list[str] | None
) -> None:
    need = one("ExecuteStatement", Statement=statement, Parameters=parameters)
    assert need.action == f"dynamodb:{action}"
    assert need.resource == TABLE.replace("orders", resource)
    assert need.context.get("dynamodb:LeadingKeys") == leading
    if action == "PartiQLSelect":
        assert need.context["dynamodb:FullTableScan"] is (leading is None)


def test_a_statement_names_its_attributes() -> None:
    need = one("ExecuteStatement", Statement="SELECT a, \"b\".c FROM orders WHERE pk = 'x' AND size(d) > 2")
    assert need.context["dynamodb:Attributes"] == ["a", "b", "pk", "d"]
    assert need.context["dynamodb:Select"] == "SPECIFIC_ATTRIBUTES"
    whole = one("ExecuteStatement", Statement="SELECT * FROM orders")
    assert whole.context["dynamodb:Select"] == "ALL_ATTRIBUTES"


def test_what_a_statement_returns_is_told() -> None:
    deleted = one("ExecuteStatement", Statement="DELETE FROM orders WHERE pk = 'a' RETURNING ALL OLD *")
    assert deleted.context["dynamodb:ReturnValues"] == "ALL_OLD"
    updated = one("ExecuteStatement", Statement="UPDATE orders SET a=1 WHERE pk='a' RETURNING MODIFIED NEW *")
    assert updated.context["dynamodb:ReturnValues"] == "UPDATED_NEW"


def test_statements_in_a_batch_and_in_a_transaction_are_needed_one_by_one() -> None:
    first, second = (
        {"Statement": "SELECT * FROM orders WHERE pk='a'"},
        {
            "Statement": "DELETE FROM users WHERE id=?",
            "Parameters": [s("7")],
        },
    )
    batch = of("BatchExecuteStatement", Statements=[first, second])
    assert [need.action for need in batch] == ["dynamodb:PartiQLSelect", "dynamodb:PartiQLDelete"]
    assert "dynamodb:EnclosingOperation" not in batch[0].context
    transaction = of("ExecuteTransaction", TransactStatements=[first, second])
    assert [need.context["dynamodb:EnclosingOperation"] for need in transaction] == ["ExecuteTransaction"] * 2
    assert transaction[1].context["dynamodb:LeadingKeys"] == ["7"]


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "DROP TABLE orders",
        "SELECT *",
        "SELECT * FROM",
        "SELECT * FROM orders WHERE pk = ?",
        "SELECT * FROM orders WHERE pk = 'a' UNION SELECT * FROM users",
        "SELECT * FROM orders WHERE pk = 'a'; DELETE FROM users WHERE id = '1'",
        "INSERT INTO orders VALUE 'a'",
        "INSERT INTO orders VALUE {'pk': 'a'",
        "DELETE orders WHERE pk = 'a'",
        "SELECT * FROM orders WHERE " + "(" * 100 + "pk = 'a'" + ")" * 100,
        "INSERT INTO orders VALUE {'pk': " + "[" * 100 + "]" * 100 + "}",
        "SELECT * FROM orders WHERE " + " OR ".join(["pk = 'a'"] * 2_000),
    ],
)
def test_a_statement_that_cannot_be_read_is_refused(statement: str) -> None:
    with pytest.raises(Underivable, match="ExecuteStatement"):
        of("ExecuteStatement", Statement=statement)


_PIECES = st.sampled_from(
    [
        *("SELECT", "*", "FROM", "orders", "WHERE", "pk", "=", "'a'", "?", "AND", "OR", "NOT", "IN", "INSERT", "INTO"),
        *(
            "VALUE",
            ":",
            ",",
            "UPDATE",
            "SET",
            "REMOVE",
            "DELETE",
            "RETURNING",
            "ALL",
            '"x"',
            "1",
            ".",
            "(",
            ")",
            "[",
            "]",
        ),
        *("{", "}"),
    ]
)


@given(st.lists(_PIECES, max_size=40).map(" ".join) | st.text(max_size=200))
def test_any_text_is_a_statement_or_unreadable(statement: str) -> None:
    with contextlib.suppress(partiql.Unreadable):
        assert partiql.read(statement, [s("a")] * 5).table
