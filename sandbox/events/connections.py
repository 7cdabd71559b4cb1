"""Connections: how EventBridge authorises itself to an HTTP endpoint, and what it sends to it besides the event.

What is secret lies in a secret of Secrets Manager that EventBridge owns, and no operation here gives it back.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.events.errors import invalid, unsupported, violated
from sandbox.events.paging import page
from sandbox.events.registry import Registry
from sandbox.gateway import moto_events
from sandbox.gateway.call import Call, Operation

#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
MAX_CONNECTIONS = 3000
MAX_PARAMETERS, MAX_VALUE = 100, 512

NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,512}", re.ASCII)
_PLAIN = re.compile(r"[\t\x20-\x7e]*")

#: The member of AuthParameters that each AuthorizationType takes; of it what must be there, the last of it secret.
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "BASIC": ("BasicAuthParameters", "Username", "Password"),
    "API_KEY": ("ApiKeyAuthParameters", "ApiKeyName", "ApiKeyValue"),
}
_OAUTH = "OAUTH_CLIENT_CREDENTIALS"
_LISTS = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


@dataclass(slots=True)
class Connection:
    """One connection. `parameters` are its AuthParameters with their secrets; empty once it is deauthorised."""

    name: str
    account: str
    region: str
    id: str
    kind: str
    parameters: Mapping[str, Any]
    created: datetime
    modified: datetime
    authorised: datetime
    description: str = ""
    secret_arn: str = ""

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.region}:{self.account}:connection/{self.name}/{self.id}"

    @property
    def state(self) -> str:
        return "AUTHORIZED" if self.parameters else "DEAUTHORIZED"

    def authorisation(self) -> tuple[str, str]:
        """The header that authorises a request: its name and its value."""
        member, first, secret = _KINDS[self.kind]
        given = self.parameters[member]
        if self.kind == "API_KEY":
            return str(given[first]), str(given[secret])
        pair = f"{given[first]}:{given[secret]}".encode()
        return "Authorization", f"Basic {base64.b64encode(pair).decode()}"

    def further(self, member: str) -> dict[str, str]:
        """HeaderParameters, QueryStringParameters or BodyParameters that go with each request."""
        given = (self.parameters.get("InvocationHttpParameters") or {}).get(member) or []
        return {str(one.get("Key", "")): str(one.get("Value", "")) for one in given}

    def told(self) -> dict[str, Any]:
        """What the operations that change it answer."""
        return {
            "ConnectionArn": self.arn,
            "ConnectionState": self.state,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "LastAuthorizedTime": self.authorised,
        }

    def listed(self) -> dict[str, Any]:
        return {**self.told(), "Name": self.name, "AuthorizationType": self.kind}

    def described(self) -> dict[str, Any]:
        told = {**self.listed(), "Description": self.description, "SecretArn": self.secret_arn}
        if self.parameters:
            told["AuthParameters"] = _without_secrets(self.kind, self.parameters)
        return {name: value for name, value in told.items() if value != ""}


def _without_secrets(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    member, first, _ = _KINDS[kind]
    told: dict[str, Any] = {member: {first: parameters[member][first]}}
    given = parameters.get("InvocationHttpParameters")
    if given:
        told["InvocationHttpParameters"] = {
            name: [
                {key: value for key, value in one.items() if key != "Value" or one.get("IsValueSecret") is False}
                for one in given[name]
            ]
            for name in _LISTS
            if given.get(name)
        }
    return told


class Connections:
    """CreateConnection and the others."""

    def __init__(self) -> None:
        self._all = Registry[Connection]("connection", "Connection", MAX_CONNECTIONS)
        self.find = self._all.find
        self.operations: Mapping[str, Operation] = {
            "CreateConnection": self._create,
            "DeauthorizeConnection": self._deauthorise,
            "DeleteConnection": self._delete,
            "DescribeConnection": lambda call: self._all.named(call).described(),
            "ListConnections": self._list,
            "UpdateConnection": self._update,
        }

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        expect_name(params)
        _refuse_unbuilt(call)
        kind, given = str(params.get("AuthorizationType", "")), params.get("AuthParameters") or {}
        _check(call, kind, given)

        def make(name: str) -> Connection:
            made = Connection(
                name=name,
                account=call.account,
                region=call.region,
                id=str(uuid.uuid4()),
                kind=kind,
                parameters=given,
                created=call.time,
                modified=call.time,
                authorised=call.time,
                description=str(params.get("Description") or ""),
            )
            _keep_secret(made)
            return made

        with self._all.changing():
            return self._all.add(call, make).told()

    def _update(self, call: Call) -> dict[str, Any]:
        params = call.params
        _refuse_unbuilt(call)
        with self._all.changing():
            connection = self._all.named(call)
            kind = str(params.get("AuthorizationType") or connection.kind)
            parameters = connection.parameters
            if params.get("AuthParameters") or kind != connection.kind:
                parameters = _merged(parameters if kind == connection.kind else {}, params.get("AuthParameters") or {})
                _check(call, kind, parameters)
                connection.authorised = call.time
            changed = parameters != connection.parameters
            connection.kind, connection.parameters, connection.modified = kind, parameters, call.time
            if params.get("Description") is not None:
                connection.description = str(params["Description"])
            if changed:
                _keep_secret(connection)
            return connection.told()

    def _deauthorise(self, call: Call) -> dict[str, Any]:
        with self._all.changing():
            connection = self._all.named(call)
            connection.parameters, connection.modified = {}, call.time
            _drop_secret(connection)
            return connection.told()

    def _delete(self, call: Call) -> dict[str, Any]:
        with self._all.changing():
            connection = self._all.drop(call)
            _drop_secret(connection)
            return {**connection.told(), "ConnectionState": "DELETING"}

    def _list(self, call: Call) -> dict[str, Any]:
        state = call.params.get("ConnectionState")
        found = [one for one in self._all.listed(call) if state in (None, one.state)]
        some, token = page(call, found)
        return {"Connections": [one.listed() for one in some], **token}


# -- what is given ---------------------------------------------------------------------------------------------


def expect_name(params: Mapping[str, Any]) -> None:
    """AwsError for a name that nothing can have."""
    name = str(params.get("Name", ""))
    if not NAME.fullmatch(name):
        raise violated(name, "name", r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+")


def _refuse_unbuilt(call: Call) -> None:
    for member, why in (
        ("InvocationConnectivityParameters", "there are no private endpoints of VPC Lattice"),
        ("KmsKeyIdentifier", "a connection's secret is under the account's own key"),
    ):
        if call.params.get(member):
            raise unsupported(call.operation, f"{member}: {why}")


def _check(call: Call, kind: str, given: Mapping[str, Any]) -> None:
    if kind == _OAUTH:
        raise unsupported(
            call.operation,
            f"AuthorizationType {_OAUTH}: no authorization server is asked for a token; BASIC and API_KEY work",
        )
    if kind not in _KINDS:
        raise violated(kind, "authorizationType", f"Member must satisfy enum value set: [BASIC, {_OAUTH}, API_KEY]")
    member, *wanted = _KINDS[kind]
    others = [name for name in ("BasicAuthParameters", "ApiKeyAuthParameters", "OAuthParameters") if name != member]
    if given.get("ConnectivityParameters"):
        raise unsupported(call.operation, "ConnectivityParameters: there are no private endpoints of VPC Lattice")
    if not given.get(member) or any(given.get(name) for name in others):
        raise invalid(f"AuthParameters of AuthorizationType {kind} must have {member}, and no other authorization.")
    for name in wanted:
        value = str(given[member].get(name) or "")
        if not 1 <= len(value) <= MAX_VALUE or not _PLAIN.fullmatch(value):
            raise invalid(f"{member}.{name} must be 1 to {MAX_VALUE} printable characters.")
    if kind == "API_KEY" and not _HEADER.fullmatch(given[member]["ApiKeyName"]):
        raise invalid(f"{member}.ApiKeyName is not the name of a header.")
    further = given.get("InvocationHttpParameters") or {}
    for name in _LISTS:
        some = further.get(name) or []
        if len(some) > MAX_PARAMETERS:
            raise invalid(f"InvocationHttpParameters.{name} must have at most {MAX_PARAMETERS} members.")
        for one in some if name == "HeaderParameters" else ():
            check_header(str(one.get("Key", "")), str(one.get("Value", "")))


def check_header(name: str, value: str) -> None:
    """AwsError for a header that can't be sent."""
    if not _HEADER.fullmatch(name):
        raise invalid(f"{name!r} is not the name of a header.")
    if len(value) > MAX_VALUE or not _PLAIN.fullmatch(value):
        raise invalid(f"The value of the header {name} must be at most {MAX_VALUE} printable characters.")


def _merged(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """AuthParameters after an update: of an authorization its members, of the others the whole."""
    merged = {**before, **given}
    for member in ("BasicAuthParameters", "ApiKeyAuthParameters"):
        if given.get(member):
            merged[member] = {**(before.get(member) or {}), **given[member]}
    return merged


def _keep_secret(connection: Connection) -> None:
    member, first, secret = _KINDS[connection.kind]
    given = connection.parameters[member]
    text = {_snake(name): given[name] for name in (first, secret)}
    further = connection.parameters.get("InvocationHttpParameters")
    if further:
        text["invocation_http_parameters"] = {
            _snake(name): [{_snake(key): value for key, value in one.items()} for one in further[name]]
            for name in _LISTS
            if further.get(name)
        }
    connection.secret_arn = moto_events.keep_secret(
        connection.account,
        connection.region,
        f"events!connection/{connection.name}/{connection.id}",
        json.dumps(text),
    )


def _drop_secret(connection: Connection) -> None:
    if connection.secret_arn:
        moto_events.drop_secret(connection.account, connection.region, connection.secret_arn)
        connection.secret_arn = ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
