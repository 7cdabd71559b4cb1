"""Layers: published versions of unpacked zips that functions find under /opt.

https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.compute import powertools_layer
from sandbox.compute.arns import LayerName, parse_layer
from sandbox.compute.errors import conflict, invalid, not_found, stale_revision
from sandbox.compute.packages import MAX_UNZIPPED_BYTES, Fetch, PackageStore
from sandbox.compute.paging import page
from sandbox.compute.timestamps import timestamp
from sandbox.gateway.call import AwsError, Call, Operation

MAX_LAYERS = 5


@dataclass(slots=True)
class LayerVersion:
    """One version of a layer; all but its permissions never changes."""

    name: LayerName
    folder: Path
    size: int
    unzipped: int
    sha256: str
    created: str
    description: str = ""
    licence: str = ""
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    statements: dict[str, dict[str, Any]] = field(default_factory=dict)
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def arn(self) -> str:
        return self.name.arn

    def describe(self) -> dict[str, Any]:
        """LayerVersionsListItem."""
        description: dict[str, Any] = {
            "LayerVersionArn": self.arn,
            "Version": self.name.version,
            "Description": self.description,
            "CreatedDate": self.created,
        }
        if self.runtimes:
            description["CompatibleRuntimes"] = list(self.runtimes)
        if self.architectures:
            description["CompatibleArchitectures"] = list(self.architectures)
        if self.licence:
            description["LicenseInfo"] = self.licence
        return description

    def describe_fully(self) -> dict[str, Any]:
        """GetLayerVersionResponse."""
        return {
            **self.describe(),
            "LayerArn": self.name.layer_arn,
            "Content": {"CodeSha256": self.sha256, "CodeSize": self.size},
        }


class Layers:
    """All layers of a sandbox, with the operations on them."""

    def __init__(self, clock: Clock, packages: PackageStore, fetch: Fetch, cache: Path) -> None:
        self._clock = clock
        self._packages = packages
        self._fetch = fetch
        self._cache = cache
        self._lock = threading.RLock()
        self._layers: dict[LayerName, dict[int, LayerVersion]] = {}
        self._last: dict[LayerName, int] = {}
        self.operations: Mapping[str, Operation] = {
            "PublishLayerVersion": self._publish,
            "GetLayerVersion": self._get,
            "GetLayerVersionByArn": self._get_by_arn,
            "ListLayerVersions": self._list_versions,
            "ListLayers": self._list,
            "DeleteLayerVersion": self._delete,
            "AddLayerVersionPermission": self._add_permission,
            "RemoveLayerVersionPermission": self._remove_permission,
            "GetLayerVersionPolicy": self._get_policy,
        }

    def resolve(self, arns: list[str], call: Call, code_bytes: int) -> tuple[LayerVersion, ...]:
        """The layer versions that a function names, in order; AwsError where AWS refuses the list."""
        if len(arns) > MAX_LAYERS:
            raise invalid(f"Cannot reference more than {MAX_LAYERS} layers.")
        found: list[LayerVersion] = []
        for arn in arns:
            name = parse_layer(arn, call.account, call.region)
            version = self._find(name, call)
            if version is None:
                raise invalid(f"Layer version {arn} does not exist.")
            same = next((other.arn for other in found if other.name.layer_arn == version.name.layer_arn), None)
            if same is not None:
                raise invalid(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{arn} and {same} are versions of the same layer."
                )
            found.append(version)
        check_total(code_bytes, found)
        return tuple(found)

    def policy(self, arn: str) -> dict[str, Any] | None:
        """Who may use a layer version, by its ARN; None if no other account may. AWS's own layer everybody may.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-layer-cross-account.html
        """
        name = parse_layer(arn, "", "")
        if powertools_layer.runtime_of(name) is not None:
            statements = [{"Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": arn}]
        else:
            with self._lock:
                version = self._layers.get(_unversioned(name), {}).get(name.version or 0)
                statements = list(version.statements.values()) if version is not None else []
        return {"Version": "2012-10-17", "Id": "default", "Statement": statements} if statements else None

    def stored_bytes(self, account: str, region: str) -> int:
        """What this account's layers take of its code storage."""
        with self._lock:
            return sum(
                version.size
                for name, versions in self._layers.items()
                if (name.account, name.region) == (account, region)
                for version in versions.values()
            )

    def _find(self, name: LayerName, call: Call) -> LayerVersion | None:
        public = powertools_layer.runtime_of(name)
        if public is not None and name.version is not None and name.region == call.region:
            return self._powertools(name, *public)
        if name.account != call.account:
            raise AwsError(
                "AccessDeniedException",
                f"User: {call.principal.arn} is not authorized to perform: lambda:GetLayerVersion on resource: "
                f"{name.arn} because no resource-based policy allows the lambda:GetLayerVersion action "
                "(of other accounts' layers, this sandbox holds AWS's AWSLambdaPowertoolsPythonV3 alone)",
                403,
            )
        with self._lock:
            return self._layers.get(_unversioned(name), {}).get(name.version or 0)

    def _powertools(self, name: LayerName, runtime: str, architecture: str) -> LayerVersion:
        layer = powertools_layer.powertools(self._cache)
        return LayerVersion(
            name,
            layer.folder,
            layer.size,
            layer.size,
            layer.sha256,
            timestamp(self._clock.now()),
            f"Powertools for AWS Lambda (Python) V3 [{architecture}], release {layer.release}",
            "MIT-0",
            (runtime,),
            (architecture,),
        )

    # -- operations ------------------------------------------------------------------------------

    def _publish(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = parse_layer(params["LayerName"], call.account, call.region)
        if name.version is not None or name.account != call.account:
            raise invalid(f"A layer is published under its own name or ARN, without a version: {params['LayerName']}")
        package = self._packages.add(self._packages.read(params["Content"], call.operation, self._fetch))
        with self._lock:
            number = self._last[name] = self._last.get(name, 0) + 1
            version = LayerVersion(
                LayerName(name.account, name.region, name.name, number),
                package.folder,
                package.size,
                package.unzipped,
                package.sha256,
                timestamp(self._clock.now()),
                params.get("Description", ""),
                params.get("LicenseInfo", ""),
                tuple(params.get("CompatibleRuntimes") or ()),
                tuple(params.get("CompatibleArchitectures") or ()),
            )
            self._layers.setdefault(name, {})[number] = version
        return version.describe_fully()

    def _get(self, call: Call) -> dict[str, Any]:
        return self._named(call).describe_fully()

    def _get_by_arn(self, call: Call) -> dict[str, Any]:
        arn = call.params["Arn"]
        version = self._find(parse_layer(arn, call.account, call.region), call)
        if version is None:
            raise _no_resource()
        return version.describe_fully()

    def _list_versions(self, call: Call) -> dict[str, Any]:
        name = _unversioned(parse_layer(call.params["LayerName"], call.account, call.region))
        with self._lock:
            versions = sorted(self._layers.get(name, {}).items(), reverse=True)
        items = [version.describe() for _, version in versions if _compatible(version, call.params)]
        return page(call.params, items, "LayerVersions")

    def _list(self, call: Call) -> dict[str, Any]:
        items = []
        with self._lock:
            for name, versions in sorted(self._layers.items(), key=lambda item: item[0].name):
                if (name.account, name.region) != (call.account, call.region):
                    continue
                fitting = [number for number, version in versions.items() if _compatible(version, call.params)]
                if fitting:
                    latest = versions[max(fitting)].describe()
                    items.append({"LayerName": name.name, "LayerArn": name.layer_arn, "LatestMatchingVersion": latest})
        return page(call.params, items, "Layers")

    def _delete(self, call: Call) -> None:
        name = _unversioned(parse_layer(call.params["LayerName"], call.account, call.region))
        with self._lock:
            # Functions that use it keep it, as in Lambda; deleting what isn't there is no error either.
            versions = self._layers.get(name, {})
            versions.pop(int(call.params["VersionNumber"]), None)

    def _add_permission(self, call: Call) -> dict[str, Any]:
        params = call.params
        version = self._named(call)
        statement_id, principal = params["StatementId"], params["Principal"]
        statement: dict[str, Any] = {
            "Sid": statement_id,
            "Effect": "Allow",
            "Principal": "*" if principal == "*" else {"AWS": _root(principal)},
            "Action": params["Action"],
            "Resource": version.arn,
        }
        if params.get("OrganizationId"):
            statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": params["OrganizationId"]}}
        with self._lock:
            _check_revision(version, params)
            if statement_id in version.statements:
                raise conflict(
                    f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or "
                    "remove the existing statement."
                )
            version.statements[statement_id] = statement
            version.revision = str(uuid.uuid4())
            return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": version.revision}

    def _remove_permission(self, call: Call) -> None:
        version = self._named(call)
        statement_id = call.params["StatementId"]
        with self._lock:
            _check_revision(version, call.params)
            if version.statements.pop(statement_id, None) is None:
                raise not_found(f"Statement {statement_id} is not found in resource policy.")
            version.revision = str(uuid.uuid4())

    def _get_policy(self, call: Call) -> dict[str, Any]:
        version = self._named(call)
        with self._lock:
            if not version.statements:
                raise not_found("No policy is associated with the given resource.")
            policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(version.statements.values())}
            return {"Policy": json.dumps(policy, separators=(",", ":")), "RevisionId": version.revision}

    def _named(self, call: Call) -> LayerVersion:
        name = parse_layer(call.params["LayerName"], call.account, call.region)
        number = int(call.params["VersionNumber"])
        if number < 1:
            raise invalid("Layer Version Cannot be less than 1.")
        version = self._find(LayerName(name.account, name.region, name.name, number), call)
        if version is None:
            raise _no_resource()
        return version


def check_total(code_bytes: int, layers: Sequence[LayerVersion]) -> None:
    """Code and layers, unzipped, share 250 MB."""
    total = code_bytes + sum(layer.unzipped for layer in layers)
    if total > MAX_UNZIPPED_BYTES:
        raise invalid(
            f"Function code combined with layers exceeds the maximum allowed size of {MAX_UNZIPPED_BYTES} bytes. "
            f"The actual size is {total} bytes."
        )


def _unversioned(name: LayerName) -> LayerName:
    return LayerName(name.account, name.region, name.name, None)


def _no_resource() -> AwsError:
    return not_found("The resource you requested does not exist.")


def _root(principal: str) -> str:
    return f"arn:aws:iam::{principal}:root" if principal.isdigit() else principal


def _check_revision(version: LayerVersion, params: Mapping[str, Any]) -> None:
    if params.get("RevisionId") not in (None, version.revision):
        raise stale_revision("GetLayerVersionPolicy")


def _compatible(version: LayerVersion, params: Mapping[str, Any]) -> bool:
    runtime, architecture = params.get("CompatibleRuntime"), params.get("CompatibleArchitecture")
    return (not runtime or runtime in version.runtimes) and (not architecture or architecture in version.architectures)
