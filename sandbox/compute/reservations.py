"""Concurrency that is set aside: reserved for a function, and provisioned for one of its versions or aliases.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html and
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST, named_function
from sandbox.compute.contract import InitResult
from sandbox.compute.errors import invalid
from sandbox.compute.functions import Function, Functions, ProvisionedSetting
from sandbox.compute.invocations import Invoker
from sandbox.compute.layers import Layers
from sandbox.compute.packages import MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES
from sandbox.compute.paging import page
from sandbox.compute.timestamps import timestamp
from sandbox.gateway.call import AwsError, Call, Operation

#: Code storage of one account in one Region, in bytes: fact lambda-code-storage.
CODE_STORAGE_BYTES = 300 * 1024**3

#: What AWS writes when an Init of a provisioned environment has failed.
_INIT_FAILED = "FUNCTION_ERROR_INIT_FAILURE"


class Reservations:
    """The operations on reserved and provisioned concurrency, and GetAccountSettings."""

    def __init__(self, clock: Clock, functions: Functions, invoker: Invoker, layers: Layers) -> None:
        self._clock = clock
        self._functions = functions
        self._invoker = invoker
        self._layers = layers
        self.operations: Mapping[str, Operation] = {
            "PutFunctionConcurrency": self._put_reserved,
            "GetFunctionConcurrency": self._get_reserved,
            "DeleteFunctionConcurrency": self._delete_reserved,
            "PutProvisionedConcurrencyConfig": self._put_provisioned,
            "GetProvisionedConcurrencyConfig": self._get_provisioned,
            "ListProvisionedConcurrencyConfigs": self._list_provisioned,
            "DeleteProvisionedConcurrencyConfig": self._delete_provisioned,
            "GetAccountSettings": self._get_account_settings,
        }

    def reserved(self, function: Function) -> int | None:
        return self._invoker.concurrency(function.account, function.region).reserved_for(function.name)

    def deleted(self, function: Function) -> None:
        """Give back all that was set aside for a function."""
        self._invoker.concurrency(function.account, function.region).forget(function.name)

    # -- reserved --------------------------------------------------------------------------------

    def _put_reserved(self, call: Call) -> dict[str, Any]:
        function = self._function(call)
        executions = call.params["ReservedConcurrentExecutions"]
        self._invoker.concurrency(call.account, call.region).reserve(function.name, executions)
        return {"ReservedConcurrentExecutions": executions}

    def _get_reserved(self, call: Call) -> dict[str, Any]:
        executions = self.reserved(self._function(call))
        return {} if executions is None else {"ReservedConcurrentExecutions": executions}

    def _delete_reserved(self, call: Call) -> None:
        function = self._function(call)
        self._invoker.concurrency(call.account, call.region).unreserve(function.name)

    def _function(self, call: Call) -> Function:
        name = named_function(call)
        if name.qualifier is not None:
            raise invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support it."
            )
        return self._functions.get(name)

    def _get_account_settings(self, call: Call) -> dict[str, Any]:
        functions = self._functions.of(call.account, call.region)
        concurrency = self._invoker.concurrency(call.account, call.region)
        stored = sum(v.configuration.package.size for function in functions for v in list(function.versions.values()))
        return {
            "AccountLimit": {
                "TotalCodeSize": CODE_STORAGE_BYTES,
                "CodeSizeUnzipped": MAX_UNZIPPED_BYTES,
                "CodeSizeZipped": MAX_ZIP_BYTES,
                "ConcurrentExecutions": concurrency.limit,
                "UnreservedConcurrentExecutions": concurrency.unreserved,
            },
            "AccountUsage": {
                "TotalCodeSize": stored + self._layers.stored_bytes(call.account, call.region),
                "FunctionCount": len(functions),
            },
        }

    # -- provisioned -----------------------------------------------------------------------------

    def moved(self, function: Function, qualifier: str) -> None:
        """An alias has another version, or has gone: its environments follow it. The function's lock is held."""
        setting = function.provisioned.get(qualifier)
        if setting is None:
            return
        alias = function.aliases.get(qualifier)
        if alias is None:
            self._remove(function, setting)
        elif alias.version != setting.version:
            self._deallocate(function, setting)
            setting.version = alias.version
            setting.failure = ""
            self._allocate(function, setting)

    def _put_provisioned(self, call: Call) -> dict[str, Any]:
        name = named_function(call)
        function = self._functions.get(name)
        wanted = call.params["ProvisionedConcurrentExecutions"]
        qualifier = str(name.qualifier)
        if qualifier == LATEST:
            raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        with function.lock:
            version = function.version(qualifier)
            _check_overlap(function, qualifier, version.number)
            setting = function.provisioned.get(qualifier)
            before = setting.requested if setting is not None else 0
            self._invoker.concurrency(function.account, function.region).provision(function.name, wanted - before)
            now = self._clock.now()
            if setting is None:
                setting = function.provisioned[qualifier] = ProvisionedSetting(qualifier, wanted, version.number, now)
            setting.requested, setting.modified, setting.failure = wanted, now, ""
            self._allocate(function, setting)
            return {**self._describe(function, setting), "Status": "IN_PROGRESS"}

    def _get_provisioned(self, call: Call) -> dict[str, Any]:
        function, setting = self._setting(call)
        return self._describe(function, setting)

    def _list_provisioned(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        with function.lock:
            settings = sorted(function.provisioned.values(), key=lambda setting: setting.qualifier)
        items = [
            {"FunctionArn": f"{function.arn}:{setting.qualifier}", **self._describe(function, setting)}
            for setting in settings
        ]
        return page(call.params, items, "ProvisionedConcurrencyConfigs")

    def _delete_provisioned(self, call: Call) -> None:
        name = named_function(call)
        function = self._functions.get(name)
        with function.lock:
            function.version(name.qualifier)
            setting = function.provisioned.get(str(name.qualifier))
            if setting is not None:
                self._remove(function, setting)

    def _setting(self, call: Call) -> tuple[Function, ProvisionedSetting]:
        name = named_function(call)
        function = self._functions.get(name)
        function.version(name.qualifier)
        setting = function.provisioned.get(str(name.qualifier))
        if setting is None:
            raise AwsError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
                Type="User",
            )
        return function, setting

    def _allocate(self, function: Function, setting: ProvisionedSetting) -> None:
        version = function.versions[setting.version]

        def told(result: InitResult) -> None:
            if not result.ok:
                setting.failure = _INIT_FAILED

        version.pool(self._clock.now()).provision(setting.qualifier, setting.requested, told)

    def _deallocate(self, function: Function, setting: ProvisionedSetting) -> None:
        version = function.versions.get(setting.version)
        if version is not None:
            version.pool(self._clock.now()).provision(setting.qualifier, 0, lambda _: None)

    def _remove(self, function: Function, setting: ProvisionedSetting) -> None:
        self._deallocate(function, setting)
        del function.provisioned[setting.qualifier]
        self._invoker.concurrency(function.account, function.region).provision(function.name, -setting.requested)

    def _describe(self, function: Function, setting: ProvisionedSetting) -> dict[str, Any]:
        version = function.versions[setting.version]
        ready = version.pool(self._clock.now()).ready(setting.qualifier)
        description: dict[str, Any] = {
            "RequestedProvisionedConcurrentExecutions": setting.requested,
            "AvailableProvisionedConcurrentExecutions": min(ready, setting.requested),
            "AllocatedProvisionedConcurrentExecutions": min(ready, setting.requested),
            "Status": "READY" if ready >= setting.requested else "IN_PROGRESS",
            "LastModified": timestamp(setting.modified),
        }
        if setting.failure and description["Status"] != "READY":
            description["Status"] = "FAILED"
            description["StatusReason"] = setting.failure
        return description


def _check_overlap(function: Function, qualifier: str, version: str) -> None:
    """A version has provisioned concurrency by itself or by one alias, never by both."""
    for other in function.provisioned.values():
        if other.qualifier == qualifier or other.version != version:
            continue
        if other.qualifier.isdigit():
            raise invalid(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )
        raise invalid(
            "Version is pointed by a Provisioned Concurrency alias"
            if qualifier.isdigit()
            else "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )
    alias = function.aliases.get(qualifier)
    if alias is not None and alias.weights:
        raise invalid(
            f"Provisioned Concurrency can't be set on the alias {qualifier} while it routes to more than one version."
        )
