"""What DynamoDB's operations on items need: the action on each table or index, with the keys for fine-grained access.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from sandbox.access import catalog
from sandbox.access.request import Values
from sandbox.authorisation import arns, expressions, partiql
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.need import Need, Underivable
from sandbox.gateway.call import Call

_Keys = dict[str, Values]

#: What a transaction does to an item, to the action that permits it.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
_TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}

#: PartiQL's words for what is returned, as the parameter ReturnValues has them.
_RETURNING = {
    "ALL_OLD": "ALL_OLD",
    "ALL_NEW": "ALL_NEW",
    "MODIFIED_OLD": "UPDATED_OLD",
    "MODIFIED_NEW": "UPDATED_NEW",
}


def needs(call: Call, look_up: LookUp) -> list[Need] | None:
    """The needs of an operation on items; None for the others, to which the general rule applies."""
    told = _OPERATIONS.get(call.operation)
    return None if told is None else list(told(call, look_up))


def table_arn(call: Call, given: str, index: str | None = None) -> str:
    """The ARN of a table (given by name or ARN), or of an index of it."""
    table = (
        arns.of_region(call, given) if given.startswith("arn:") else in_partition(call, "dynamodb", f"table/{given}")
    )
    return table if not index else f"{table}/index/{index}"


# -- single items, queries and scans -------------------------------------------------------------------


def _one(call: Call, look_up: LookUp) -> Iterator[Need]:
    params = call.params
    arn = table_arn(call, _table(call, params))
    item = params["Item" if call.operation == "PutItem" else "Key"]
    yield _need(call.operation, arn, _item_keys(item, params, arn, look_up), params)


def _search(call: Call, look_up: LookUp) -> Iterator[Need]:
    """Query and Scan. With IndexName the index is asked about and not its table, as AWS's examples have it."""
    params = call.params
    index = params.get("IndexName")
    table = table_arn(call, _table(call, params))
    keys: _Keys = {"dynamodb:Attributes": _attributes(params), "dynamodb:Select": _select(params, index)}
    if call.operation == "Query":
        keys["dynamodb:LeadingKeys"] = _queried(params, look_up.partition_key(table, index))
    yield _need(call.operation, table_arn(call, _table(call, params), index), keys, params)


def _item_keys(item: Mapping[str, Any], params: Mapping[str, Any], table: str, look_up: LookUp) -> _Keys:
    return {
        "dynamodb:Attributes": list(dict.fromkeys([*item, *_attributes(params)])),
        "dynamodb:LeadingKeys": _leading([item], look_up.partition_key(table, None)),
        "dynamodb:Select": _select(params, None),
    }


# -- several items -------------------------------------------------------------------------------------


def _batch_get(call: Call, look_up: LookUp) -> Iterator[Need]:
    for given, asked in _members(call, "RequestItems"):
        table = table_arn(call, given)
        items = [item for item in asked.get("Keys", ()) if isinstance(item, Mapping)]
        names = [name for item in items for name in item]
        keys: _Keys = {
            "dynamodb:Attributes": list(dict.fromkeys([*names, *_attributes(asked)])),
            "dynamodb:LeadingKeys": _leading(items, look_up.partition_key(table, None)),
            "dynamodb:Select": _select(asked, None),
        }
        yield _need("BatchGetItem", table, keys, call.params)


def _batch_write(call: Call, look_up: LookUp) -> Iterator[Need]:
    for given, requests in _members(call, "RequestItems"):
        table = table_arn(call, given)
        items = []
        for request in requests:
            if request.get("PutRequest"):
                items.append(request["PutRequest"]["Item"])
            if request.get("DeleteRequest"):
                items.append(request["DeleteRequest"]["Key"])
        keys: _Keys = {
            "dynamodb:Attributes": list(dict.fromkeys(name for item in items for name in item)),
            "dynamodb:LeadingKeys": _leading(items, look_up.partition_key(table, None)),
        }
        yield _need("BatchWriteItem", table, keys, call.params)


def _transaction(call: Call, look_up: LookUp) -> Iterator[Need]:
    for each in call.params.get("TransactItems", ()):
        for kind, action in _TRANSACTED.items():
            inner = each.get(kind)
            if inner is None:
                continue
            table = table_arn(call, _table(call, inner))
            keys = _item_keys(inner["Item" if kind == "Put" else "Key"], inner, table, look_up)
            keys["dynamodb:EnclosingOperation"] = call.operation
            yield _need(action, table, keys, {**call.params, **inner})


# -- PartiQL -------------------------------------------------------------------------------------------


def _statement(call: Call, look_up: LookUp) -> Iterator[Need]:
    yield _partiql(call, call.params, look_up)


def _statements(call: Call, look_up: LookUp) -> Iterator[Need]:
    for each in call.params.get("Statements") or call.params.get("TransactStatements") or ():
        yield _partiql(call, each, look_up)


def _partiql(call: Call, params: Mapping[str, Any], look_up: LookUp) -> Need:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html"""
    text = str(params.get("Statement", ""))
    try:
        read = partiql.read(text, params.get("Parameters") or ())
    except partiql.Unreadable as error:
        raise Underivable(f"dynamodb:{call.operation}: the statement can't be read: {error}") from error
    partition_key = look_up.partition_key(table_arn(call, read.table), read.index)
    if partition_key is None:
        # Without the key schema any bound attribute may be the one; the values of all of them are then named.
        bound = [value for values in read.equal.values() for value in values] if read.equal else None
    else:
        bound = read.equal.get(partition_key)
    keys: _Keys = {"dynamodb:Attributes": list(read.attributes)}
    if bound is not None:
        keys["dynamodb:LeadingKeys"] = [_text(value) for value in bound if value is not None]
        if None in bound:
            raise Underivable(f"dynamodb:{call.operation}: the value of a key can't be told from the statement")
    if call.operation == "ExecuteTransaction":
        keys["dynamodb:EnclosingOperation"] = call.operation
    if read.verb == "Select":
        keys["dynamodb:FullTableScan"] = bound is None
        whole = "ALL_PROJECTED_ATTRIBUTES" if read.index else "ALL_ATTRIBUTES"
        keys["dynamodb:Select"] = whole if read.everything else "SPECIFIC_ATTRIBUTES"
    returned = {"ReturnValues": _RETURNING[read.returning]} if read.returning in _RETURNING else {}
    return _need(f"PartiQL{read.verb}", table_arn(call, read.table, read.index), keys, returned)


# -- keys ----------------------------------------------------------------------------------------------


def _need(action: str, resource: str, keys: _Keys, params: Mapping[str, Any]) -> Need:
    """A need with those of the keys that AWS knows for the action. ReturnValues and ReturnConsumedCapacity always have
    a value (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
    keys["dynamodb:ReturnValues"] = params.get("ReturnValues") or "NONE"
    keys["dynamodb:ReturnConsumedCapacity"] = params.get("ReturnConsumedCapacity") or "NONE"
    known = catalog.actions("dynamodb")[action.lower()].condition_keys
    return Need(f"dynamodb:{action}", resource, {name: value for name, value in keys.items() if name in known})


def _attributes(params: Mapping[str, Any]) -> list[str]:
    """The top-level attributes that a request names in its expressions and their older kin."""
    found = list(
        expressions.attribute_names(
            (
                params.get("ProjectionExpression"),
                params.get("KeyConditionExpression"),
                params.get("FilterExpression"),
                params.get("ConditionExpression"),
                params.get("UpdateExpression"),
            ),
            params.get("ExpressionAttributeNames") or {},
        )
    )
    for older in ("AttributesToGet", "KeyConditions", "QueryFilter", "ScanFilter", "Expected", "AttributeUpdates"):
        found += params.get(older) or ()
    return list(dict.fromkeys(found))


def _select(params: Mapping[str, Any], index: str | None) -> str:
    """Select, which has a value even where the request gives none.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html#DDB-Query-request-Select"""
    if params.get("Select"):
        return str(params["Select"])
    if params.get("ProjectionExpression") or params.get("AttributesToGet"):
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_PROJECTED_ATTRIBUTES" if index else "ALL_ATTRIBUTES"


#: Stands for a key that a request lacks, which the service is going to refuse: no key's value is empty, so nothing that
#: is limited to some keys allows it.
_NO_KEY = ""


def _queried(params: Mapping[str, Any], partition_key: str | None) -> list[str]:
    """The partition key values of a Query; with an unknown key schema, all values that it sets something equal to."""
    equal: list[tuple[str, Any]] = []
    if params.get("KeyConditionExpression"):
        equal += expressions.equal_values(
            params["KeyConditionExpression"],
            params.get("ExpressionAttributeNames") or {},
            params.get("ExpressionAttributeValues") or {},
        )
    for name, condition in (params.get("KeyConditions") or {}).items():
        if condition.get("ComparisonOperator") == "EQ":
            equal += ((name, value) for value in condition.get("AttributeValueList") or ())
    of_key = [value for name, value in equal if name == partition_key]
    return [_text(value) for value in of_key or [value for _, value in equal]] or [_NO_KEY]


def _leading(items: Iterable[Mapping[str, Any]], partition_key: str | None) -> list[str]:
    """The partition key values of items, each once; with an unknown key schema, all their values that may be one."""
    found: dict[str, None] = {}
    for item in items:
        values = list(item.values())
        if partition_key is not None and partition_key in item:
            values = [item[partition_key]]
        for value in values:
            if isinstance(value, Mapping) and not value.keys().isdisjoint(("S", "N", "B")):
                found[_text(value)] = None
    return list(found) or [_NO_KEY]


def _text(value: Mapping[str, Any]) -> str:
    """A key's value as condition keys have it: binary ones in base64."""
    for kind in ("S", "N"):
        if kind in value:
            return str(value[kind])
    raw = value.get("B", b"")
    return base64.b64encode(raw).decode() if isinstance(raw, bytes) else str(raw)


def _table(call: Call, params: Mapping[str, Any]) -> str:
    given = params.get("TableName")
    if not isinstance(given, str) or not given:
        raise Underivable(f"dynamodb:{call.operation} names no table")
    return given


def _members(call: Call, name: str) -> Sequence[tuple[str, Any]]:
    given = call.params.get(name)
    if not isinstance(given, Mapping) or not given:
        raise Underivable(f"dynamodb:{call.operation} names no table in {name}")
    return cast("Sequence[tuple[str, Any]]", list(given.items()))


_OPERATIONS: dict[str, Callable[[Call, LookUp], Iterator[Need]]] = {
    "BatchExecuteStatement": _statements,
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "DeleteItem": _one,
    "ExecuteStatement": _statement,
    "ExecuteTransaction": _statements,
    "GetItem": _one,
    "PutItem": _one,
    "Query": _search,
    "Scan": _search,
    "TransactGetItems": _transaction,
    "TransactWriteItems": _transaction,
    "UpdateItem": _one,
}
