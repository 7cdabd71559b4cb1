"""The operations on aliases: https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.compute.arns import named_function
from sandbox.compute.errors import conflict, function_not_found, stale_revision
from sandbox.compute.functions import Function, Functions
from sandbox.compute.paging import page
from sandbox.compute.routing import Alias, Draws, weights_of
from sandbox.gateway.call import Call, Operation


class AliasOperations:
    """`moved` is called, with the function's lock held, when an alias has changed or gone."""

    def __init__(self, functions: Functions, seed: int, moved: Callable[[Function, str], None]) -> None:
        self._functions = functions
        self._seed = seed
        self._moved = moved
        self.operations: Mapping[str, Operation] = {
            "CreateAlias": self._create,
            "GetAlias": self._get,
            "ListAliases": self._list,
            "UpdateAlias": self._update,
            "DeleteAlias": self._delete,
        }

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        function = self._functions.get(named_function(call))
        name, version = params["Name"], params["FunctionVersion"]
        arn = f"{function.arn}:{name}"
        with function.lock:
            if name in function.aliases:
                raise conflict(f"Alias already exists: {arn}")
            _check_version(function, version)
            weights = weights_of(params.get("RoutingConfig"), version, function.versions, function.arn)
            alias = Alias(arn, name, version, Draws(self._seed, arn), params.get("Description", ""), weights)
            function.aliases[name] = alias
            return alias.describe()

    def _get(self, call: Call) -> dict[str, Any]:
        return self._functions.get(named_function(call)).alias(call.params["Name"]).describe()

    def _list(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        wanted = call.params.get("FunctionVersion")
        with function.lock:
            aliases = sorted(function.aliases.values(), key=lambda alias: alias.name)
        items = [alias.describe() for alias in aliases if wanted is None or alias.version == wanted]
        return page(call.params, items, "Aliases")

    def _update(self, call: Call) -> dict[str, Any]:
        params = call.params
        function = self._functions.get(named_function(call))
        with function.lock:
            alias = function.alias(params["Name"])
            if params.get("RevisionId") not in (None, alias.revision):
                raise stale_revision()
            version = params.get("FunctionVersion") or alias.version
            _check_version(function, version)
            if params.get("RoutingConfig") is not None:
                routing: Mapping[str, Any] = params["RoutingConfig"]
            else:
                routing = {"AdditionalVersionWeights": alias.weights}
            weights = weights_of(routing, version, function.versions, function.arn)
            alias.version, alias.weights = version, weights
            if params.get("Description") is not None:
                alias.description = params["Description"]
            alias.revision = str(uuid.uuid4())
            self._moved(function, alias.name)
            return alias.describe()

    def _delete(self, call: Call) -> None:
        function = self._functions.get(named_function(call))
        with function.lock:
            # Deleting an alias that isn't there is no error.
            if function.aliases.pop(call.params["Name"], None) is not None:
                self._moved(function, call.params["Name"])


def _check_version(function: Function, version: str) -> None:
    if version not in function.versions:
        raise function_not_found(f"{function.arn}:{version}")
