"""DynamoDB's expressions, read for what authorisation asks of them: attribute names and partition key values.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:([:#][A-Za-z0-9_\-]+|[A-Za-z0-9_]+)|(<>|<=|>=|[=<>().,\[\]+*/-])|(\S))")

#: Words of the grammar; all are reserved, so no attribute goes by one of them without a placeholder.
_WORDS = frozenset({"and", "or", "not", "between", "in", "set", "remove", "add", "delete"})


#: DynamoDB takes no longer expressions; a longer one is read, but not kept.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_MAX_CHARACTERS = 4_096


def tokens(expression: str) -> tuple[str, ...]:
    """The tokens of an expression: names, `#name`, `:value` and punctuation. Never raises."""
    return _kept_tokens(expression) if len(expression) <= _MAX_CHARACTERS else _tokens(expression)


def _tokens(expression: str) -> tuple[str, ...]:
    return tuple(found[1] or found[2] or found[3] for found in _TOKEN.finditer(expression))


_kept_tokens = functools.lru_cache(maxsize=1024)(_tokens)


def attribute_names(expressions: Iterable[str | None], names: Mapping[str, str]) -> Iterator[str]:
    """The top-level attributes that condition, filter, key condition, projection and update expressions name.

    `names` are the request's ExpressionAttributeNames. Of the path `profile.address[0]` the attribute is `profile`.
    """
    for expression in expressions:
        if not expression:
            continue
        read = tokens(expression)
        for at, token in enumerate(read):
            if not _is_name(token) or (at and read[at - 1] in (".", "[")):
                continue
            if at + 1 < len(read) and read[at + 1] == "(" and token[0] != "#":
                continue  # a function
            yield names.get(token, token)


def equal_values(
    expression: str, names: Mapping[str, str], values: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The attributes that a key condition expression sets equal to a value, with the values.

    `values` are the request's ExpressionAttributeValues (typed, as `{"S": "a"}`).
    """
    read = tokens(expression)
    for at in range(1, len(read) - 1):
        if read[at] != "=":
            continue
        left, right = read[at - 1], read[at + 1]
        if left.startswith(":"):
            left, right = right, left
        if _is_name(left) and isinstance(values.get(right), Mapping):
            yield names.get(left, left), values[right]


def _is_name(token: str) -> bool:
    first = token[0]
    if first == "#":
        return len(token) > 1
    return (first.isalpha() or first == "_") and token.lower() not in _WORDS
