"""Function URLs: their configurations. What answers behind them is sandbox/endpoints.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST, FunctionName, named_function
from sandbox.compute.errors import conflict, invalid, not_found
from sandbox.compute.functions import Function, Functions
from sandbox.compute.paging import page
from sandbox.gateway.call import Call, Operation

_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """One URL: of a function's unpublished version (`alias` empty) or of an alias. `config` has botocore's members."""

    function: Function
    alias: str
    host: str
    config: Mapping[str, Any]

    @property
    def arn(self) -> str:
        return f"{self.function.arn}:{self.alias}" if self.alias else self.function.arn


class FunctionUrls:
    """The operations on FunctionUrlConfig, and the URL of a host name."""

    def __init__(self, clock: Clock, functions: Functions) -> None:
        self._clock = clock
        self._functions = functions
        self._lock = threading.Lock()
        self._urls: dict[str, FunctionUrl] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateFunctionUrlConfig": self._create,
            "GetFunctionUrlConfig": lambda call: dict(self._configured(*self._named(call)).config),
            "UpdateFunctionUrlConfig": self._update,
            "DeleteFunctionUrlConfig": self._delete,
            "ListFunctionUrlConfigs": self._list,
        }

    def find(self, host: str) -> FunctionUrl | None:
        """The URL of a host name; None if there is none, or its function or alias is gone."""
        url = self._urls.get(host)
        return url if url is not None and self._lives(url) else None

    def _lives(self, url: FunctionUrl) -> bool:
        function = url.function
        current = self._functions.find(FunctionName(*function.key, None))
        return current is function and (not url.alias or url.alias in function.aliases)

    def _create(self, call: Call) -> dict[str, Any]:
        function, alias = self._named(call)
        url_id = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))
        host = f"{url_id}.lambda-url.{function.region}.on.aws"
        now = self._clock.datetime()
        config: dict[str, Any] = {
            "FunctionUrl": f"https://{host}/",
            "FunctionArn": f"{function.arn}:{alias}" if alias else function.arn,
            "AuthType": call.params["AuthType"],
            "InvokeMode": call.params.get("InvokeMode") or "BUFFERED",
            "CreationTime": _iso(now),
            "LastModifiedTime": _iso(now),
        }
        if call.params.get("Cors") is not None:
            config["Cors"] = _cors(call.params["Cors"])
        with self._lock:
            if self._of(function, alias) is not None:
                raise conflict(
                    "Failed to create function url config for "
                    f"[functionArn = {config['FunctionArn']}]. Error message: FunctionUrlConfig exists for this Lambda "
                    "function"
                )
            self._urls[host] = FunctionUrl(function, alias, host, config)
        return {name: value for name, value in config.items() if name != "LastModifiedTime"}

    def _update(self, call: Call) -> dict[str, Any]:
        with self._lock:
            url = self._configured(*self._named(call))
            config = {**url.config, "LastModifiedTime": _iso(self._clock.datetime())}
            for member in ("AuthType", "InvokeMode"):
                if call.params.get(member):
                    config[member] = call.params[member]
            if call.params.get("Cors") is not None:
                config["Cors"] = _cors(call.params["Cors"])
            self._urls[url.host] = FunctionUrl(url.function, url.alias, url.host, config)
        return dict(config)

    def _delete(self, call: Call) -> None:
        with self._lock:
            del self._urls[self._configured(*self._named(call)).host]

    def _list(self, call: Call) -> dict[str, Any]:
        function = self._functions.get(named_function(call))
        own = [dict(url.config) for url in list(self._urls.values()) if url.function is function and self._lives(url)]
        return page(call.params, sorted(own, key=lambda each: str(each["FunctionArn"])), "FunctionUrlConfigs")

    def _named(self, call: Call) -> tuple[Function, str]:
        name = named_function(call)
        function = self._functions.get(name)
        function.version(name.qualifier)
        if name.qualifier == LATEST or (name.qualifier or "").isdecimal():
            raise invalid("Function URLs are for the unpublished version (no qualifier) or for an alias")
        return function, name.qualifier or ""

    def _of(self, function: Function, alias: str) -> FunctionUrl | None:
        own = (url for url in list(self._urls.values()) if url.function is function and url.alias == alias)
        return next((url for url in own if self._lives(url)), None)

    def _configured(self, function: Function, alias: str) -> FunctionUrl:
        url = self._of(function, alias)
        if url is None:
            raise not_found("The resource you requested does not exist.")
        return url


def _iso(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _cors(cors: Mapping[str, Any]) -> dict[str, Any]:
    if cors.get("AllowCredentials") and "*" in (cors.get("AllowOrigins") or []):
        raise invalid("AllowCredentials can't be used with the origin *")
    return {name: value for name, value in cors.items() if value is not None}
