"""The operations on functions and their versions: create, read, update, publish, delete.

https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST, FunctionName, named_function, parse_function
from sandbox.compute.configurations import ConfigurationReader
from sandbox.compute.errors import (
    conflict,
    function_not_found,
    invalid,
    stale_revision,
    unsupported,
    update_in_progress,
)
from sandbox.compute.functions import Function, Functions, MakePool, Version
from sandbox.compute.layers import check_total
from sandbox.compute.packages import Fetch, PackageStore
from sandbox.compute.paging import page
from sandbox.compute.reservations import Reservations
from sandbox.compute.tags import check_tags
from sandbox.gateway.call import Call, Operation


class FunctionOperations:
    def __init__(
        self,
        clock: Clock,
        functions: Functions,
        packages: PackageStore,
        fetch: Fetch,
        reader: ConfigurationReader,
        make_pool: MakePool,
        reservations: Reservations,
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._packages = packages
        self._fetch = fetch
        self._reader = reader
        self._make_pool = make_pool
        self._reservations = reservations
        self.operations: Mapping[str, Operation] = {
            "CreateFunction": self._create,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "ListFunctions": self._list,
            "DeleteFunction": self._delete,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
            "PublishVersion": self._publish,
            "ListVersionsByFunction": self._list_versions,
        }

    # -- create and delete -----------------------------------------------------------------------

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = parse_function(params["FunctionName"], call.account, call.region)
        if name.qualifier is not None:
            raise invalid(f"A function is created under its name alone, without a qualifier: {params['FunctionName']}")
        if self._functions.find(name) is not None:
            raise conflict(f"Function already exist: {name.name}")
        check_tags(call, params.get("Tags") or {}, {})
        package = self._packages.add(self._packages.read(params["Code"], "CreateFunction", self._fetch))
        configuration = self._reader.create(call, package)
        with self._functions.lock:
            if self._functions.find(name) is not None:
                raise conflict(f"Function already exist: {name.name}")
            function = self._functions.new(name)
            function.tags = dict(params.get("Tags") or {})
            now = self._clock.now()
            version = function.versions[LATEST] = Version(function, LATEST, configuration, self._make_pool, now)
            if params.get("Publish"):
                version = self._publish_latest(function, now)
            self._functions.add(function)
        return version.describe(now)

    def _delete(self, call: Call) -> dict[str, Any]:
        name = named_function(call)
        function = self._functions.get(name)
        if name.qualifier is None:
            self._functions.remove(function)
            for version in list(function.versions.values()):
                version.retire()
            self._reservations.deleted(function)
            return {"StatusCode": 204}
        if name.qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        if not name.qualifier.isdigit():
            raise invalid("Deletion of aliases is not currently supported.")
        with function.lock:
            users = sorted(alias.name for alias in function.aliases.values() if name.qualifier in alias.versions())
            if users:
                raise conflict(
                    f"Unable to delete version {name.qualifier}: it is referenced by the aliases [{', '.join(users)}]"
                )
            if name.qualifier in function.provisioned:
                raise conflict(
                    f"Unable to delete version {name.qualifier}: delete its provisioned concurrency configuration first"
                )
            removed = function.versions.pop(name.qualifier, None)
        if removed is not None:
            removed.retire()
        return {"StatusCode": 204}

    # -- read ------------------------------------------------------------------------------------

    def _get(self, call: Call) -> dict[str, Any]:
        function, configuration = self._settled(call)
        answer: dict[str, Any] = {"Configuration": configuration, "Code": {"RepositoryType": "S3"}}
        if function.tags:
            answer["Tags"] = dict(function.tags)
        reserved = self._reservations.reserved(function)
        if reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return answer

    def _get_configuration(self, call: Call) -> dict[str, Any]:
        return self._settled(call)[1]

    def _settled(self, call: Call) -> tuple[Function, dict[str, Any]]:
        """Held back until a create or update has settled: so a client's waiter sees the end at its first look."""
        name = named_function(call)
        function = self._functions.get(name)
        version = function.version(name.qualifier)
        while (remaining := version.settles_at - self._clock.now()) > 0:
            time.sleep(min(remaining, 0.01))
        return function, version.describe(self._clock.now(), qualifier=name.qualifier)

    def _list(self, call: Call) -> dict[str, Any]:
        if call.params.get("MasterRegion") not in (None, "ALL", call.region):
            raise unsupported("MasterRegion", "there is no Lambda@Edge")
        now = self._clock.now()
        found = self._functions.of(call.account, call.region)
        if call.params.get("FunctionVersion") == "ALL":
            items = [
                version.describe(now, qualifier=version.number)
                for function in found
                for version in (function.latest, *function.published())
            ]
        else:
            items = [function.latest.describe(now) for function in found]
        return page(call.params, [_as_listed(item) for item in items], "Functions")

    def _list_versions(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        now = self._clock.now()
        versions = (function.latest, *function.published())
        items = [_as_listed(version.describe(now, qualifier=version.number)) for version in versions]
        return page(call.params, items, "Versions")

    # -- change ----------------------------------------------------------------------------------

    def _update_code(self, call: Call) -> dict[str, Any]:
        params = call.params
        function = self._updatable(call)
        if params.get("PublishTo"):
            raise unsupported("PublishTo", "Lambda Managed Instances are not built")
        package = self._packages.add(self._packages.read(params, "UpdateFunctionCode", self._fetch))
        with function.lock:
            now = self._check_updatable(function, params)
            latest = function.latest
            check_total(package.unzipped, latest.configuration.layers)
            architectures = params.get("Architectures") or [latest.configuration.architecture]
            configuration = replace(latest.configuration, package=package, architecture=architectures[0])
            if params.get("DryRun"):
                return {
                    **latest.describe(now),
                    "CodeSha256": package.sha256,
                    "CodeSize": package.size,
                    "Architectures": list(architectures),
                }
            latest.update(configuration, now)
            self._clock.at(latest.settles_at, latest.settle)
            version = self._publish_latest(function, now) if params.get("Publish") else latest
            return version.describe(now)

    def _update_configuration(self, call: Call) -> dict[str, Any]:
        function = self._updatable(call)
        with function.lock:
            now = self._check_updatable(function, call.params)
            latest = function.latest
            latest.update(self._reader.update(call, latest.configuration), now)
            self._clock.at(latest.settles_at, latest.settle)
            return latest.describe(now)

    def _publish(self, call: Call) -> dict[str, Any]:
        params = call.params
        if params.get("PublishTo"):
            raise unsupported("PublishTo", "Lambda Managed Instances are not built")
        function = self._updatable(call)
        with function.lock:
            now = self._check_updatable(function, params)
            sha256 = params.get("CodeSha256")
            if sha256 and sha256 != function.latest.configuration.package.sha256:
                current = function.latest.configuration.package.sha256
                raise invalid(
                    f"CodeSHA256 ({sha256}) is different from current CodeSHA256 in $LATEST ({current}). Please try "
                    "again with the CodeSHA256 in $LATEST."
                )
            version = self._publish_latest(function, now, params.get("Description"))
        return version.describe(now)

    def _publish_latest(self, function: Function, now: float, description: str | None = None) -> Version:
        """A new version of what $LATEST is; the newest one if nothing has changed since."""
        latest = function.latest
        published = function.published()
        if published and published[-1].configuration.same_as(latest.configuration):
            return published[-1]
        configuration = latest.configuration
        if description is not None:
            configuration = replace(configuration, description=description)
        number = str(function.next_version)
        function.next_version += 1
        version = Version(function, number, configuration, self._make_pool, now)
        version.settles_at = latest.settles_at
        version.created_pending = latest.created_pending
        function.versions[number] = version
        return version

    def _updatable(self, call: Call) -> Function:
        name = named_function(call)
        if name.qualifier not in (None, LATEST):
            raise invalid(f"{call.operation} takes a function, not the version or alias {name.qualifier}")
        return self._functions.get(FunctionName(name.account, name.region, name.name, None))

    def _check_updatable(self, function: Function, params: Mapping[str, Any]) -> float:
        """The time of the change; AwsError while another is under way, or if the caller knows an older revision."""
        now = self._clock.now()
        if function.deleted:
            raise function_not_found(function.arn)
        latest = function.latest
        if latest.pending(now):
            raise conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: "
                "Pending"
            )
        if latest.updating(now):
            raise update_in_progress(function.arn)
        latest.settle()
        if params.get("RevisionId") not in (None, latest.revision):
            raise stale_revision()
        return now


def _as_listed(description: dict[str, Any]) -> dict[str, Any]:
    """List operations leave the state of a function out."""
    hidden = ("State", "StateReason", "StateReasonCode", "LastUpdateStatus", "LastUpdateStatusReason",
              "LastUpdateStatusReasonCode")  # fmt: skip
    return {name: value for name, value in description.items() if name not in hidden}
