"""moto runs PartiQL on the one table that the statement was judged for.

Its parser looks for the words FROM and WHERE within names and text too, and so may come to another table than
sandbox.authorisation.partiql, whose reading is what must be allowed.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.authorisation.partiql import Unreadable, read
from sandbox.gateway import moto_adapter


def install() -> None:
    """Have moto changed when it loads DynamoDB."""
    moto_adapter.after_import("moto.dynamodb.parsing.partiql", _keep_to_the_table)


def _keep_to_the_table(module: ModuleType) -> None:
    query = module.query

    def of_one_table(statement: str, source_data: dict[str, list[Any]], parameters: list[Any]) -> Any:
        try:
            table = read(statement, list(parameters or ())).table.rpartition("/")[2]
        except Unreadable as error:
            raise module.MockValidationException(
                f"Statement wasn't well formed, can't be processed: {error}"
            ) from error
        rows, changes = query(
            statement, {name: rows for name, rows in source_data.items() if name == table}, parameters
        )
        if set(changes) - {table}:
            raise module.MockValidationException("Statement wasn't well formed, can't be processed: two tables")
        return rows, changes

    module.query = of_one_table  # type: ignore[attr-defined]
