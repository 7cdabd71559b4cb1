"""API destinations: HTTP endpoints as targets of rules.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.events.connections import Connection, Connections, expect_name
from sandbox.events.errors import invalid, violated
from sandbox.events.paging import page
from sandbox.events.registry import Registry
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.gateway.moto_resources import arn_of

#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
MAX_DESTINATIONS = 3000
#: Requests a second, if nothing else is said.
RATE = 300
METHODS = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")

_ENDPOINT = re.compile(r"((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@&=+$,A-Za-z0-9])+)([).!';/?:,])?")
MAX_ENDPOINT = 2048


@dataclass(slots=True)
class ApiDestination:
    """One API destination. `rate` is in requests a second."""

    name: str
    account: str
    region: str
    id: str
    connection_arn: str
    endpoint: str
    method: str
    rate: int
    created: datetime
    modified: datetime
    description: str = ""
    #: The second that the last place was given in, Unix seconds, and how many were given in it.
    _second: int = 0
    _given: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.region}:{self.account}:api-destination/{self.name}/{self.id}"

    def reserve(self, now: float, latest: float) -> float | None:
        """Take the next place that the rate leaves, if it is not after `latest`; seconds until then, or None."""
        second, given = self._second, self._given
        if int(now) > second:
            second, given = int(now), 0
        elif given >= self.rate:
            second, given = second + 1, 0
        if second > latest:
            return None
        self._second, self._given = second, given + 1
        return max(second - now, 0.0)


class ApiDestinations:
    """CreateApiDestination and the others."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._all = Registry[ApiDestination]("api-destination", "An api-destination", MAX_DESTINATIONS)
        self.find = self._all.find
        self.operations: Mapping[str, Operation] = {
            "CreateApiDestination": self._create,
            "DeleteApiDestination": self._delete,
            "DescribeApiDestination": self._describe,
            "ListApiDestinations": self._list,
            "UpdateApiDestination": self._update,
        }

    def connection_of(self, destination: ApiDestination) -> Connection | None:
        """Its connection, if that is still there and authorised."""
        arn = arn_of(destination.connection_arn)
        found = self._connections.find(arn) if arn is not None else None
        return found if found is not None and found.state == "AUTHORIZED" else None

    def reserve(self, destination: ApiDestination, now: float, latest: float) -> float | None:
        """Take the next place for a request that its rate leaves; seconds until then, None if that is too late."""
        with self._all.changing():
            return destination.reserve(now, latest)

    def _create(self, call: Call) -> dict[str, Any]:
        expect_name(call.params)
        given = {"rate": RATE, **self._checked(call)}

        def make(name: str) -> ApiDestination:
            return ApiDestination(
                name=name,
                account=call.account,
                region=call.region,
                id=str(uuid.uuid4()),
                created=call.time,
                modified=call.time,
                **given,
            )

        with self._all.changing():
            return self._told(self._all.add(call, make))

    def _update(self, call: Call) -> dict[str, Any]:
        given = self._checked(call)
        with self._all.changing():
            destination = self._all.named(call)
            for name, value in given.items():
                setattr(destination, name, value)
            destination.modified = call.time
            return self._told(destination)

    def _delete(self, call: Call) -> dict[str, Any]:
        with self._all.changing():
            self._all.drop(call)
            return {}

    def _describe(self, call: Call) -> dict[str, Any]:
        destination = self._all.named(call)
        described = self._listed(destination)
        return {**described, "Description": destination.description} if destination.description else described

    def _list(self, call: Call) -> dict[str, Any]:
        arn = call.params.get("ConnectionArn")
        found = [one for one in self._all.listed(call) if arn in (None, one.connection_arn)]
        some, token = page(call, found)
        return {"ApiDestinations": [self._listed(one) for one in some], **token}

    def _told(self, destination: ApiDestination) -> dict[str, Any]:
        return {
            "ApiDestinationArn": destination.arn,
            "ApiDestinationState": "ACTIVE" if self.connection_of(destination) is not None else "INACTIVE",
            "CreationTime": destination.created,
            "LastModifiedTime": destination.modified,
        }

    def _listed(self, destination: ApiDestination) -> dict[str, Any]:
        return {
            **self._told(destination),
            "Name": destination.name,
            "ConnectionArn": destination.connection_arn,
            "InvocationEndpoint": destination.endpoint,
            "HttpMethod": destination.method,
            "InvocationRateLimitPerSecond": destination.rate,
        }

    def _checked(self, call: Call) -> dict[str, Any]:
        """What a call gives of an API destination, checked, by the names of its members here."""
        params, given = call.params, dict[str, Any]()
        if params.get("ConnectionArn") is not None:
            arn = arn_of(str(params["ConnectionArn"]))
            if arn is None or arn.account != call.account or self._connections.find(arn) is None:
                raise AwsError("ResourceNotFoundException", f"Connection '{params['ConnectionArn']}' does not exist.")
            given["connection_arn"] = arn.text
        if params.get("InvocationEndpoint") is not None:
            given["endpoint"] = _endpoint(str(params["InvocationEndpoint"]))
        if params.get("HttpMethod") is not None:
            if params["HttpMethod"] not in METHODS:
                raise violated(
                    str(params["HttpMethod"]),
                    "httpMethod",
                    f"Member must satisfy enum value set: [{', '.join(METHODS)}]",
                )
            given["method"] = params["HttpMethod"]
        rate = params.get("InvocationRateLimitPerSecond")
        if rate is not None:
            if rate < 1:
                raise violated(
                    str(rate), "invocationRateLimitPerSecond", "Member must have value greater than or equal to 1"
                )
            given["rate"] = rate
        if params.get("Description") is not None:
            given["description"] = str(params["Description"])
        return given


def _endpoint(url: str) -> str:
    if len(url) > MAX_ENDPOINT or not _ENDPOINT.fullmatch(url):
        raise invalid(f"InvocationEndpoint {url[:200]!r} is not a URL of at most {MAX_ENDPOINT} characters.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise invalid(f"InvocationEndpoint {url[:200]!r} is not a URL: {error}.") from error
    if parts.scheme != "https" or not parts.hostname or "*" in parts.netloc:
        raise invalid(f"InvocationEndpoint {url[:200]} must be an HTTPS URL with a host.")
    return url
