"""The cloud that labs and checks hold in their hands: the local sandbox, or an account behind guard rails.

`from sandbox.cloud import open_cloud`
"""

from __future__ import annotations

import http.client
import json
import math
import os
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import boto3

from .account import (
    LAB_TAG,
    RUN_TAG,
    CostEstimate,
    Journal,
    Leftover,
    Watch,
    account_session,
    account_settings,
    estimate,
    journal_path,
    leftovers,
    require_allowed,
)
from .isolation import (
    CREDENTIAL_NAMES,
    Refused,
    client_config,
    credentials_from,
    isolated_session,
    local_config,
    require_loopback,
)
from .load.mixes import Mix
from .load.records import Bucket, Record
from .load.run import Run
from .progress import Progress
from .traffic import Response, Traffic

__all__ = ["Address", "Bucket", "Cloud", "Mix", "Record", "Refused", "Response", "Run", "Unresolved", "open_cloud"]

DEFAULT_REGION = "us-east-1"
#: Two years, in seconds: above it a caller has mixed up his units. The sandbox's own clock has the same limit.
MAX_ADVANCE_SECONDS = 2 * 366 * 86_400.0
#: The longest that an account's clock waits, in seconds of real time.
MAX_WAIT_SECONDS = 86_400.0
CONTROL_TIMEOUT_SECONDS = 10.0
AGREE_FIRST = "first see what it costs, and agree: cloud.cost_estimate({'lambda_requests': ..., ...}, confirm=True)"


class Unresolved(LookupError):
    """A name of AWS (a database's endpoint, a function's URL) that nothing on this machine stands for."""


class Address(NamedTuple):
    """Where to connect to: a host and a port."""

    host: str
    port: int


class CloudClock(Protocol):
    """The cloud's time. Locally it can be advanced; in an account advancing is waiting."""

    virtual: bool
    speedup: float

    def now(self) -> datetime: ...
    def advance(self, amount: float | timedelta) -> datetime: ...
    def timestamp(self) -> float: ...
    def jump(self, seconds: float) -> float: ...


def seconds_of(amount: float | timedelta, limit: float = MAX_ADVANCE_SECONDS) -> float:
    """An amount of time in seconds; TypeError or ValueError, naming it, for what no clock can advance by."""
    if isinstance(amount, timedelta):
        seconds = amount.total_seconds()
    elif isinstance(amount, int | float) and not isinstance(amount, bool):
        seconds = float(amount)
    else:
        raise TypeError(f"can't advance by {amount!r}: give seconds as a number, or a timedelta")
    if seconds < 0:
        raise ValueError(f"can't advance by {amount!r}: the clock does not go back")
    if not math.isfinite(seconds) or seconds > limit:
        raise ValueError(f"can't advance by {amount!r}: {limit:.0f} seconds ({limit / 86_400:.0f} days) is the most")
    return seconds


class VirtualClock:
    """The clock of a local sandbox, asked over its two `/_sandbox/clock` calls."""

    virtual = True
    speedup = 1.0

    def __init__(self, endpoint: str) -> None:
        self._control = Control(endpoint)
        self._jumping = Control(endpoint, keep=True)

    def now(self) -> datetime:
        """The sandbox's time: an aware datetime in UTC."""
        return datetime.fromisoformat(self._control.ask("GET", "/_sandbox/clock")["now"])

    def advance(self, amount: float | timedelta) -> datetime:
        """Play `amount` (seconds, or a timedelta) of time, all due work included; the new time.

        TypeError for another type, ValueError for a negative amount or one above two years.
        """
        seconds = seconds_of(amount)
        began = self.timestamp()
        with Progress(
            f"advancing {timedelta(seconds=seconds)}", lambda: (self.timestamp() - began) / max(seconds, 1e-9)
        ):
            return self._play(seconds)

    def timestamp(self) -> float:
        """`now()` in Unix seconds."""
        return self.now().timestamp()

    def jump(self, seconds: float) -> float:
        """`advance` for the load generator, in Unix seconds and without a progress bar."""
        return self._play(seconds, self._jumping).timestamp()

    def _play(self, seconds: float, control: Control | None = None) -> datetime:
        answer = (control or self._control).ask("POST", "/_sandbox/clock/advance", {"seconds": seconds}, patient=True)
        return datetime.fromisoformat(answer["now"])


class WaitingClock:
    """The clock of an account: real time. In the stand-in for one, it runs `speedup` times as fast from `start` on."""

    virtual = False

    def __init__(self, speedup: float = 1.0, start: float | None = None) -> None:
        self.speedup = speedup
        self._began = time.monotonic()
        self._start = start

    def now(self) -> datetime:
        """The time: an aware datetime in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, amount: float | timedelta) -> datetime:
        """Wait until `amount` (seconds, or a timedelta) has passed; the new time.

        TypeError for another type, ValueError for a negative amount or one above a day of waiting.
        """
        self.jump(seconds_of(amount, MAX_WAIT_SECONDS * self.speedup))
        return self.now()

    def timestamp(self) -> float:
        """`now()` in Unix seconds."""
        if self._start is None:
            return time.time()
        return self._start + (time.monotonic() - self._began) * self.speedup

    def jump(self, seconds: float) -> float:
        wait = seconds / self.speedup
        began = time.monotonic()
        with Progress(f"waiting {timedelta(seconds=seconds)}", lambda: (time.monotonic() - began) / max(wait, 1e-9)):
            while (left := began + wait - time.monotonic()) > 0:
                time.sleep(left)
        return self.timestamp()


class Control:
    """The sandbox's own calls under /_sandbox. Connects straight to loopback, whatever proxies are set.

    `keep`: each thread keeps a connection, for those who ask a hundred times a second.
    """

    def __init__(self, endpoint: str, *, keep: bool = False) -> None:
        self._endpoint = endpoint
        self._own = threading.local() if keep else None
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port or 80

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, patient: bool = False
    ) -> dict[str, Any]:
        """The JSON answer; Unresolved for a 404 with a reason, ValueError for other refusals, else ConnectionError.

        `patient`: wait for the answer without a limit.
        """
        connection = self._connection(patient)
        try:
            encoded = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body=encoded, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionError(
                f"nothing answers at {self._endpoint} ({error or type(error).__name__}): is the sandbox running? "
                "`./coldstart sandbox status` tells"
            ) from error
        finally:
            if self._own is None:
                connection.close()
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if answer.status == 200 and isinstance(said, dict):
            return said
        reason = said.get("error") if isinstance(said, dict) else None
        if not isinstance(reason, str):
            raise ConnectionError(
                f"{self._endpoint}{path} answered {answer.status} and no JSON of the sandbox: "
                "the endpoint is no local sandbox (an account's stand-in needs target='account')"
            )
        if answer.status == 404:
            raise Unresolved(reason)
        raise ValueError(reason)

    def _connection(self, patient: bool) -> http.client.HTTPConnection:
        timeout = None if patient else CONTROL_TIMEOUT_SECONDS
        if self._own is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(self._host, self._port)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection


class Cloud:
    """One cloud: clients, clock, traffic, and where names lead. Made by `open_cloud`.

    `target` is "local" or "account"; `account` its id; `tags` what everything made in an account carries; `run`
    names this opening.
    """

    def __init__(
        self,
        *,
        target: str,
        session: boto3.Session,
        endpoint: str | None,
        clock: CloudClock,
        watch: Watch,
        account: str | None,
        seed: int,
        environment: Mapping[str, str],
        names: str | None,
    ) -> None:
        self.target = target
        self.endpoint = endpoint
        self.region: str = session.region_name
        self.clock = clock
        self.traffic = Traffic(clock, self._single_attempts, seed=seed, cloud=self)
        self.seed = seed
        self.tags: dict[str, str] = dict(watch.tags)
        self.run = self.tags[RUN_TAG]
        #: The variables that make the `aws` and `sam` commands of a subprocess use this cloud.
        self.environment: dict[str, str] = dict(environment)
        #: Where names are resolved; None in an account, where DNS does it.
        self._names = names
        self._session = session
        self._watch = watch
        self._account = account
        self._clients: dict[str, Any] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        where = self.endpoint or f"account {self._account}"
        return f"<Cloud {self.target}: {where}, {self.region}>"

    @property
    def account(self) -> str:
        """The account's id, twelve digits."""
        if self._account is None:
            self._account = str(self.client("sts").get_caller_identity()["Account"])
        return self._account

    def client(self, service: str) -> Any:
        """The boto3 client of a service; one for each service, safe to use from many threads."""
        # Under a lock: boto3's clients are safe to use from many threads, a session that makes them is not.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = _new_client(self._session, self.endpoint, service)
            return self._clients[service]

    def _single_attempts(self) -> Any:
        with self._lock:
            return _new_client(self._session, self.endpoint, "lambda", attempts=1)

    def credentials(self) -> Any:
        """The credentials that requests are signed with, as botocore takes them; those that have expired renewed."""
        return self._session.get_credentials().get_frozen_credentials()

    def announce(self, plan: Mapping[str, float]) -> None:
        """Print what `plan` costs (`cost_estimate`); Refused if spending in an account has not been agreed to."""
        if self._watch.hold:
            self.cost_estimate(plan)
        else:
            print(estimate(plan))
        if self._watch.hold:
            raise Refused(f"the traffic was held back: {self._watch.hold}")

    def address(self, name: str) -> Address:
        """Where to connect to for an AWS host name (a database's or a proxy's endpoint), `host` or `host:port`.

        Locally the address on this machine, Unresolved if nothing has that name; in an account the name itself
        (with PostgreSQL's port 5432 if it names none).
        """
        answer = self._resolve(name)
        if answer is not None:
            if "host" not in answer:
                raise Unresolved(f"{name!r} is a URL on this machine: ask cloud.url for it")
            return Address(answer["host"], int(answer["port"]))
        host, _, port = name.partition(":")
        return Address(host, int(port or 5432))

    def url(self, name: str) -> str:
        """The URL to call for an AWS host or URL (an API's, a function's).

        Locally the one on this machine, Unresolved if nothing has that name; in an account the name itself.
        """
        answer = self._resolve(name)
        if answer is not None:
            if "url" not in answer:
                raise Unresolved(f"{name!r} is a host and a port on this machine: ask cloud.address for it")
            return str(answer["url"])
        return name if "://" in name else f"https://{name}"

    def _resolve(self, name: str) -> dict[str, Any] | None:
        """Where a name leads on this machine; None in an account, where it stands for itself."""
        if self._names is None:
            return None
        if not name:
            raise Unresolved("the name is empty: give an AWS host or URL")
        try:
            return Control(self._names).ask("GET", f"/_sandbox/resolve?name={quote(name, safe='')}")
        except Unresolved:
            # As with AWS: what the stand-in does not know may be anyone's.
            if self.target == "account":
                return None
            raise

    def cost_estimate(self, plan: Mapping[str, float], *, confirm: bool = False) -> CostEstimate:
        """Print what `plan` ({"lambda_requests": 5000, "lambda_gb_s": 120, ...}) costs in an account, and return it.

        In an account nothing is made or invoked before an estimate has been confirmed: by `confirm=True`, or by
        COLDSTART_ACCOUNT_CONFIRM=yes. Locally it only informs. ValueError names an item without a price.
        """
        confirmed = confirm or os.environ.get("COLDSTART_ACCOUNT_CONFIRM") == "yes"
        result = estimate(plan, confirmed=confirmed)
        print(result)
        if self.target == "account":
            if confirmed:
                self._watch.hold = ""
            else:
                print("Nothing is spent before you agree: call it again with confirm=True.")
        return result

    def leftovers(self) -> list[Leftover]:
        """What is still there of what was made through these clients since the cloud was opened; empty is the proof.

        Found by the journal of calls, by tag (in an account), and for the log groups that Lambda makes by itself.
        What other programs made (`sam`, `aws`) is found only if they were given `cloud.tags`.
        """
        return leftovers(self._watch.journal, self.client, self.tags, by_tag=self.target == "account")


def open_cloud(
    target: str | None = None,
    *,
    endpoint: str | None = None,
    credentials: Mapping[str, str] | None = None,
    profile: str | None = None,
    account: str | Sequence[str] | None = None,
    region: str | None = None,
    seed: int | None = None,
    lab: str | None = None,
    run: str | None = None,
) -> Cloud:
    """Open the local sandbox, or an account.

    `target` is "local" (the default) or "account", else taken from COLDSTART_TARGET. `seed` is the default of
    `cloud.traffic` (0). `lab` (default COLDSTART_LAB) and `run` (default COLDSTART_RUN, else a new one) become tags;
    two clouds with one run share its journal, so that each knows what the other made and removed.

    Local: `endpoint` (default AWS_ENDPOINT_URL) must lie on loopback; `credentials` is a mapping with
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN (default: those variables); `region`
    defaults to AWS_DEFAULT_REGION, AWS_REGION, us-east-1. Nothing else of the AWS configuration is read.

    Account: `profile` (default COLDSTART_ACCOUNT_PROFILE) and `account`, the ids that may be used (default
    COLDSTART_ACCOUNT_IDS, separated by commas), must be named; sts:GetCallerIdentity must confirm one of them.
    Everything made is tagged and written to a journal; spending waits for `cloud.cost_estimate`.
    COLDSTART_ACCOUNT_ENDPOINT, on loopback only, names a stand-in for AWS whose time runs
    COLDSTART_ACCOUNT_SPEEDUP times as fast, and COLDSTART_ACCOUNT_NAMES where the stand-in resolves its APIs' names.

    Raises Refused, naming the value, for what is missing or not allowed.
    """
    environ = os.environ
    target = target or environ.get("COLDSTART_TARGET") or "local"
    run = run or environ.get("COLDSTART_RUN") or secrets.token_hex(6)
    tags = {LAB_TAG: lab or environ.get("COLDSTART_LAB") or "none", RUN_TAG: run}
    if target == "local":
        if profile is not None:
            raise Refused(f"the local target uses no profile: leave profile={profile!r} out, or open target='account'")
        return _open_local(endpoint, credentials, account, region, seed or 0, tags, environ)
    if target == "account":
        if endpoint is not None:
            raise Refused(f"an account has no endpoint of ours: leave endpoint={endpoint!r} out")
        return _open_account(profile, account, region, credentials, seed or 0, tags, environ)
    raise Refused(f"there is no target {target!r}: 'local' is the sandbox, 'account' a real AWS account")


def _open_local(
    endpoint: str | None,
    credentials: Mapping[str, str] | None,
    account: str | Sequence[str] | None,
    region: str | None,
    seed: int,
    tags: Mapping[str, str],
    environ: Mapping[str, str],
) -> Cloud:
    where = "endpoint" if endpoint else "AWS_ENDPOINT_URL"
    endpoint = endpoint or environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise Refused(
            "no sandbox is named: set AWS_ENDPOINT_URL (`./coldstart sandbox serve` prints it), or give endpoint="
        )
    endpoint = require_loopback(endpoint, where)
    keys = credentials_from(credentials, environ)
    region = region or environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or DEFAULT_REGION
    session = isolated_session(keys, region)
    watch = Watch(Journal(), tags)
    watch.attach(session)
    cloud = Cloud(
        target="local",
        session=session,
        endpoint=endpoint,
        clock=VirtualClock(endpoint),
        watch=watch,
        account=None,
        seed=seed,
        environment={"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": region, "AWS_REGION": region, **keys},
        names=endpoint,
    )
    allowed = [account] if isinstance(account, str) else account
    if allowed is not None and cloud.account not in allowed:
        raise Refused(f"the sandbox at {endpoint} answers for account {cloud.account}, not {', '.join(allowed)}")
    return cloud


def _open_account(
    profile: str | None,
    account: str | Sequence[str] | None,
    region: str | None,
    credentials: Mapping[str, str] | None,
    seed: int,
    tags: Mapping[str, str],
    environ: Mapping[str, str],
) -> Cloud:
    settings = account_settings(profile, account, region, environ)
    session = account_session(settings, credentials, environ)
    watch = Watch(Journal(journal_path(tags[RUN_TAG], environ)), tags, tagging=True, hold=AGREE_FIRST)
    watch.attach(session)
    sts = _new_client(session, settings.endpoint, "sts")
    confirmed = require_allowed(sts.get_caller_identity(), settings)
    environment = {"AWS_DEFAULT_REGION": session.region_name, "AWS_REGION": session.region_name}
    if settings.endpoint:
        keys = session.get_credentials().get_frozen_credentials()
        environment["AWS_ENDPOINT_URL"] = settings.endpoint
        environment.update(zip(CREDENTIAL_NAMES, (keys.access_key, keys.secret_key, keys.token or ""), strict=True))
    else:
        environment["AWS_PROFILE"] = settings.profile
    cloud = Cloud(
        target="account",
        session=session,
        endpoint=settings.endpoint,
        clock=WaitingClock(settings.speedup, _time_of(sts) if settings.endpoint else None),
        watch=watch,
        account=confirmed,
        seed=seed,
        environment={name: value for name, value in environment.items() if value},
        names=settings.names,
    )
    watch.tag_buckets(lambda bucket: cloud.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []}))
    return cloud


def _new_client(session: boto3.Session, endpoint: str | None, service: str, *, attempts: int = 3) -> Any:
    config = (local_config if endpoint else client_config)(service, attempts=attempts)
    return session.client(service, endpoint_url=endpoint, config=config)


def _time_of(sts: Any) -> float:
    """The time of an account's stand-in, Unix seconds to the second: no API of AWS tells it, but a token's end does."""
    lifetime = 900
    expires: datetime = sts.get_session_token(DurationSeconds=lifetime)["Credentials"]["Expiration"]
    return expires.timestamp() - lifetime
