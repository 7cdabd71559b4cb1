"""The guard rails of a real account: who may act, what it costs, what was made, and what is left.

Nothing here runs in the sandbox's process; these are hooks on the clients that `open_cloud` gives out.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ProfileNotFound
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

from .isolation import Refused, credentials_from, isolated_session, require_loopback

LAB_TAG = "coldstart:lab"
RUN_TAG = "coldstart:run"

_ROOT = Path(__file__).parent.parent


# -- who may act ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What was said about the account before anything was sent to it.

    `endpoint` is None for AWS itself, else the stand-in's, on loopback, whose time runs `speedup` times as fast.
    `names` is where the stand-in tells what leads to its APIs: of real ones DNS does.
    """

    profile: str
    allowed: frozenset[str]
    region: str
    endpoint: str | None
    speedup: float
    names: str | None = None


def account_settings(
    profile: str | None, account: str | Sequence[str] | None, region: str | None, environ: Mapping[str, str]
) -> AccountSettings:
    """The settings from arguments, else from COLDSTART_ACCOUNT_*; Refused if the profile or the ids are missing."""
    profile = profile or environ.get("COLDSTART_ACCOUNT_PROFILE", "")
    if account is None:
        ids = [part.strip() for part in environ.get("COLDSTART_ACCOUNT_IDS", "").split(",") if part.strip()]
    else:
        ids = [account] if isinstance(account, str) else list(account)
    if not profile or not ids:
        missing = " and ".join(
            words
            for words, given in (
                ("a profile (profile=, or COLDSTART_ACCOUNT_PROFILE)", profile),
                ("the ids of the accounts that may be used (account=, or COLDSTART_ACCOUNT_IDS)", ids),
            )
            if not given
        )
        raise Refused(f"the target 'account' spends real money and needs {missing}, named explicitly")
    for one in ids:
        if not re.fullmatch(r"\d{12}", one):
            raise Refused(f"{one!r} is no account id: an id has twelve digits")
    endpoint = environ.get("COLDSTART_ACCOUNT_ENDPOINT") or None
    speedup, names = 1.0, environ.get("COLDSTART_ACCOUNT_NAMES") or None
    if names is not None:
        if endpoint is None:
            raise Refused("COLDSTART_ACCOUNT_NAMES is for a stand-in: set COLDSTART_ACCOUNT_ENDPOINT, too, or neither")
        names = require_loopback(names, "COLDSTART_ACCOUNT_NAMES")
    if endpoint is not None:
        endpoint = require_loopback(endpoint, "COLDSTART_ACCOUNT_ENDPOINT")
        said = environ.get("COLDSTART_ACCOUNT_SPEEDUP", "1")
        try:
            speedup = float(said)
        except ValueError:
            speedup = 0.0
        if not 1 <= speedup <= 10_000:
            raise Refused(f"COLDSTART_ACCOUNT_SPEEDUP is {said!r}: give a number from 1 to 10000")
    region = region or environ.get("COLDSTART_ACCOUNT_REGION") or ""
    return AccountSettings(profile, frozenset(ids), region, endpoint, speedup, names)


def account_session(
    settings: AccountSettings, credentials: Mapping[str, str] | None, environ: Mapping[str, str]
) -> boto3.Session:
    """A session of the profile; for the stand-in an isolated one with the credentials given or in AWS_*."""
    if settings.endpoint is not None:
        return isolated_session(credentials_from(credentials, environ), settings.region or "us-east-1")
    if credentials is not None:
        raise Refused("in an account the credentials come from the profile: leave credentials= out")
    try:
        session = boto3.Session(profile_name=settings.profile, region_name=settings.region or None)
    except ProfileNotFound:
        raise Refused(
            f"there is no profile {settings.profile!r} in your AWS configuration: `aws configure list-profiles` "
            "lists those you have"
        ) from None
    if not session.region_name:
        raise Refused(
            f"the profile {settings.profile!r} names no region: give region=, or set COLDSTART_ACCOUNT_REGION"
        )
    return session


def require_allowed(identity: Mapping[str, Any], settings: AccountSettings) -> str:
    """The account of `identity` (sts:GetCallerIdentity); Refused, naming both, if it is not an allowed one."""
    account = str(identity["Account"])
    if account not in settings.allowed:
        allowed = ", ".join(sorted(settings.allowed))
        raise Refused(
            f"the profile {settings.profile!r} belongs to account {account}, and only {allowed} may be used: "
            "nothing was done. If it is the right account, name it in account= or COLDSTART_ACCOUNT_IDS"
        )
    return account


# -- what an operation does -----------------------------------------------------------------------

_READING = re.compile(
    r"(Get|List|Describe|Head|Lookup|Filter|Query|Scan|BatchGet|Test|Validate|Simulate|Search|Select|Estimate"
    r"|Preview|AssumeRole|Decode|Wait|Check)"
)
_REMOVING = (
    "Cancel",
    "Delete",
    "Deregister",
    "Detach",
    "Disassociate",
    "Purge",
    "Release",
    "Remove",
    "Stop",
    "Terminate",
    "Unsubscribe",
    "Untag",
)
#: What makes, and the verb that takes the same noun away.
_MAKING = {
    "Create": "Delete",
    "Put": "Delete",
    "Publish": "Delete",
    "Import": "Delete",
    "Copy": "Delete",
    "Restore": "Delete",
    "Register": "Deregister",
    "Add": "Remove",
    "Attach": "Detach",
    "Associate": "Disassociate",
    "Allocate": "Release",
    "Run": "Terminate",
    "Request": "Delete",
    "Subscribe": "Unsubscribe",
}
#: EC2 operations whose noun is not the resource's type.
_EC2_KINDS = {"RunInstances": "instance", "AllocateAddress": "elastic-ip"}
#: Content of a resource, which goes with it.
_CONTENT = {"PutItem", "PutObject", "CopyObject", "RestoreObject"}
#: Tags themselves: ec2:CreateTags, rds:AddTagsToResource, s3:PutBucketTagging.
_TAGGING = re.compile(r"Tags|Tagging")
#: What has no life of its own, though it takes tags: they are its stack's.
_PARTS = {"ChangeSet"}


def is_reading(operation: str) -> bool:
    """Whether an operation, by its name, changes nothing and so spends next to nothing."""
    return _READING.match(operation) is not None


def is_removing(operation: str) -> bool:
    """Whether an operation, by its name, takes away: clearing up is never held back."""
    return _removed_noun(operation) is not None


def is_making(model: OperationModel) -> bool:
    """Whether an operation makes something that stays: it takes tags, or the service can remove the same noun."""
    name = model.name
    split = _split(name, _MAKING)
    if split is None or name in _CONTENT or _TAGGING.search(name):
        return False
    verb, noun = split
    return tag_member(model) is not None or f"{_MAKING[verb]}{noun}" in model.service_model.operation_names


def _removed_noun(operation: str) -> str | None:
    if operation == "ScheduleKeyDeletion":
        return "Key"
    split = _split(operation, _REMOVING)
    return split[1] if split else None


def _split(operation: str, verbs: Iterable[str]) -> tuple[str, str] | None:
    for verb in verbs:
        rest = operation[len(verb) :]
        if operation.startswith(verb) and (not rest or rest[0].isupper()):
            return verb, rest
    return None


# -- tags -----------------------------------------------------------------------------------------


def tag_member(model: OperationModel) -> str | None:
    """The member of an operation's input that takes tags for what it makes, from botocore's model; None without."""
    shape = model.input_shape
    if not isinstance(shape, StructureShape) or _split(model.name, _MAKING) is None:
        return None
    if model.name in _CONTENT or _TAGGING.search(model.name):
        return None
    for name, member in shape.members.items():
        if name == "TagSpecifications" and isinstance(member, ListShape):
            return str(name) if _ec2_resource_type(model, member) else None
        if name.lower().endswith(("tags", "taglist", "tagslist")) and _tag_form(member) is not None:
            return str(name)
    return None


def _tag_form(shape: Shape) -> tuple[str, str] | None:
    """The member names of key and value in a list of tags; two empty strings for a map; None if it holds no tags."""
    if isinstance(shape, MapShape):
        return ("", "") if isinstance(shape.value, StringShape) else None
    if isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
        by_role = {name.lower().removeprefix("tag"): name for name in shape.member.members}
        if "key" in by_role and "value" in by_role:
            return by_role["key"], by_role["value"]
    return None


def _ec2_resource_type(model: OperationModel, shape: ListShape) -> str | None:
    kinds = shape.member.members["ResourceType"].enum
    split = _split(model.name, _MAKING)
    noun = split[1] if split else ""
    kind: str = _EC2_KINDS.get(model.name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", noun).lower()
    return kind if kind in kinds else None


def with_tags(params: dict[str, Any], model: OperationModel, tags: Mapping[str, str]) -> bool:
    """Add `tags` to an operation's parameters, in place, in the form that its service takes; False if it takes none.

    A tag that the caller has set himself stays as he set it.
    """
    name = tag_member(model)
    if name is None:
        return False
    # SSM refuses tags together with Overwrite (PutParameter's reference), and the parameter has its tags by then.
    if model.name == "PutParameter" and params.get("Overwrite"):
        return False
    assert isinstance(model.input_shape, StructureShape)
    shape = model.input_shape.members[name]
    if name == "TagSpecifications":
        kind = _ec2_resource_type(model, shape)
        given = list(params.get(name) or [])
        own = [tag for one in given if one.get("ResourceType") == kind for tag in one.get("Tags", [])]
        joined = {"ResourceType": kind, "Tags": _joined(own, tags, "Key", "Value")}
        params[name] = [joined, *(one for one in given if one.get("ResourceType") != kind)]
        return True
    form = _tag_form(shape)
    assert form is not None
    key, value = form
    if key:
        params[name] = _joined(params.get(name) or [], tags, key, value)
    else:
        params[name] = {**tags, **(params.get(name) or {})}
    return True


def _joined(given: Sequence[Mapping[str, str]], tags: Mapping[str, str], key: str, value: str) -> list[Any]:
    present = {one.get(key) for one in given}
    return [*given, *({key: name, value: text} for name, text in tags.items() if name not in present)]


# -- what was made --------------------------------------------------------------------------------

_FUNCTION = re.compile(r":function:[^:]+$")
_IDENTITY = re.compile(r"(?i)(name|arn|id|url|uuid|identifier|bucket|qualifier|names|arns|ids)$")
#: What ends like an identifier and names something else.
_NOT_IDENTITY = re.compile(r"(?i)(requestid|clienttoken|clientrequesttoken|revisionid|keyarn|kmskeyid)$")


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that a call made. `names` are the values by which it can be named: ids, names, ARNs, URLs."""

    at: str
    run: str
    service: str
    operation: str
    region: str
    tagged: bool
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its ARN if the answer gave one, else its first name."""
        return next((one for one in self.names if one.startswith("arn:")), self.names[0] if self.names else "?")


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that is still there. `found_by` is "tag", "journal" or "function" (the log group that Lambda made)."""

    name: str
    service: str
    found_by: str
    since: str = ""

    def __str__(self) -> str:
        return f"{self.service} {self.name} (found by {self.found_by})"


def names_in(value: Any, depth: int = 2) -> Iterator[str]:
    """The identifying strings of a request or an answer: members called ...Name, ...Arn, ...Id, ...Url and so on."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from names_in(one, depth)
        return
    if not isinstance(value, Mapping):
        return
    for key, member in value.items():
        if key == "ResponseMetadata":
            continue
        nested = isinstance(member, Mapping) or (isinstance(member, list) and member and isinstance(member[0], Mapping))
        if nested and depth:
            yield from names_in(member, depth - 1)
        elif _IDENTITY.search(key) and not _NOT_IDENTITY.search(key):
            if isinstance(member, str):
                yield member
            elif isinstance(member, list | tuple):
                yield from (one for one in member if isinstance(one, str))


def names_same(one: str, other: str) -> bool:
    """Whether two identifiers name the same thing: equal, or one is the other's ARN or URL."""
    short, long = sorted((one, other), key=len)
    return one == other or (":" in long and re.search(f"[:/]{re.escape(short)}$", long) is not None)


def removes(service: str, operation: str, names: Sequence[str], made: Made) -> bool:
    """Whether a call removes `made`: it takes away the same noun by its names, or what an untagged part is in."""
    taken = _removed_noun(operation)
    born = _split(made.operation, _MAKING)
    if taken is None or born is None or service != made.service or not names:
        return False
    # DeleteAlarms takes what PutMetricAlarm made, TerminateInstances what RunInstances made.
    same_noun = born[1].removesuffix("s").endswith(taken.removesuffix("s")) if taken else not born[1]
    if not same_noun and made.tagged and born[1] not in _PARTS:
        return False
    return all(any(names_same(name, own) for own in made.names) for name in names)


class Journal:
    """What was made and what was removed, in the order of the calls.

    With a path it is a file, a JSON line for each call, written at once; the processes of one run (the learner's
    kernel, the judge) share it, so what one of them made the other may remove.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lines: list[str] = []
        self._lock = threading.Lock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def made(self, made: Made) -> None:
        self._add({"made": asdict(made)})

    def removed(self, service: str, operation: str, names: Sequence[str]) -> None:
        self._add({"removed": {"service": service, "operation": operation, "names": list(names)}})

    def standing(self) -> list[Made]:
        """What was made and not removed, oldest first."""
        standing: list[Made] = []
        for entry in self._entries():
            if "made" in entry:
                standing.append(_made(entry))
            else:
                removal = entry["removed"]
                standing = [one for one in standing if not removes(**removal, made=one)]
        return standing

    def functions(self) -> list[str]:
        """The names of all functions that were made, also of those removed since."""
        made = [_made(entry) for entry in self._entries() if "made" in entry]
        return sorted({name.split(":function:")[1] for one in made for name in one.names if _FUNCTION.search(name)})

    def _add(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry) + "\n"
        with self._lock:
            if self.path is None:
                self._lines.append(line)
                return
            # Synced: after a crash this file is the only list of what has to be removed.
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    def _entries(self) -> list[dict[str, Any]]:
        with self._lock:
            if self.path is None:
                lines = list(self._lines)
            else:
                lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]


def _made(entry: Mapping[str, Any]) -> Made:
    return Made(**{**entry["made"], "names": tuple(entry["made"]["names"])})


def journal_path(run: str, environ: Mapping[str, str]) -> Path:
    """The journal's file: in COLDSTART_JOURNAL if that names a folder, else beside the learner's progress."""
    folder = environ.get("COLDSTART_JOURNAL")
    return (Path(folder) if folder else _ROOT / ".coldstart" / "account") / f"{run}.jsonl"


@dataclass(slots=True)
class Watch:
    """The hooks on a session: keeps the journal, and in an account also tags, and holds spending until it is agreed.

    `hold` names what is missing before money may be spent; empty when all is agreed.
    """

    journal: Journal
    tags: Mapping[str, str]
    hold: str = ""
    tagging: bool = False
    _bucket_tags: Callable[[str], None] | None = field(default=None)

    def attach(self, session: boto3.Session) -> None:
        session.events.register("before-parameter-build", self._before)
        session.events.register("after-call", self._after)

    def tag_buckets(self, tag: Callable[[str], None]) -> None:
        """`tag(bucket)` is called for each bucket made: S3's CreateBucket takes no tags that every Region knows."""
        self._bucket_tags = tag

    def _before(self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        if is_reading(model.name):
            return
        if is_removing(model.name):
            context["coldstart_names"] = list(names_in(params))
            return
        if self.hold:
            raise Refused(f"{model.service_model.service_name}:{model.name} was held back: {self.hold}")
        tagged = self.tagging and with_tags(params, model, self.tags)
        if self.tagging and model.name == "PutBucketTagging":
            tagging = dict(params["Tagging"])
            tagging["TagSet"] = _joined(tagging.get("TagSet", []), self.tags, "Key", "Value")
            params["Tagging"] = tagging
        if is_making(model):
            context["coldstart_names"] = list(names_in(params))
            context["coldstart_tagged"] = tagged

    def _after(
        self, http_response: Any, parsed: Mapping[str, Any], model: OperationModel, context: dict[str, Any], **_: Any
    ) -> None:
        names = context.pop("coldstart_names", None)
        if names is None or http_response.status_code >= 300:
            return
        service = model.service_model.service_name
        if is_removing(model.name):
            self.journal.removed(service, model.name, names)
            return
        bucket = service == "s3" and model.name == "CreateBucket"
        self.journal.made(
            Made(
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                run=self.tags[RUN_TAG],
                service=service,
                operation=model.name,
                region=str(context.get("client_region", "")),
                tagged=bool(context.pop("coldstart_tagged", False)) or (bucket and self.tagging),
                names=tuple(dict.fromkeys([*names, *names_in(parsed)])),
            )
        )
        if bucket and self.tagging and self._bucket_tags is not None:
            self._bucket_tags(names[0])


def leftovers(
    journal: Journal, client: Callable[[str], Any], tags: Mapping[str, str], *, by_tag: bool
) -> list[Leftover]:
    """What is still there of what this run made, by tag (an account's own index), by journal, and by function.

    Lambda makes a function's log group by itself, without tags: those of the journal's functions are looked up.
    """
    found: dict[str, Leftover] = {}
    for made in journal.standing():
        found[made.name] = Leftover(made.name, made.service, "journal", made.at)
    if by_tag:
        pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
        for page in pages.paginate(TagFilters=[{"Key": RUN_TAG, "Values": [tags[RUN_TAG]]}]):
            for one in page["ResourceTagMappingList"]:
                arn = one["ResourceARN"]
                if arn not in found:
                    found[arn] = Leftover(arn, arn.split(":")[2], "tag")
    logs = client("logs")
    for function in journal.functions():
        group = f"/aws/lambda/{function}"
        for one in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            if one["logGroupName"] == group:
                found.setdefault(one["arn"], Leftover(one["arn"], "logs", "function"))
    return list(found.values())


# -- what it costs --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """Where a price stands: a fact's id, the member of its values, and for how many units it is."""

    fact: str
    value: str
    per: float
    unit: str


#: What a plan may count, and what it costs. us-east-1, first tier, before any free tier.
PRICES: Mapping[str, Price] = {
    "lambda_requests": Price("lambda-price", "per_million_req", 1e6, "requests"),
    "lambda_gb_s": Price("lambda-price", "x86", 1, "GB-s"),
    "lambda_arm_gb_s": Price("lambda-price", "arm64", 1, "GB-s"),
    "lambda_provisioned_gb_s": Price("lambda-price-extras", "pc_idle", 1, "GB-s allocated"),
    "lambda_provisioned_run_gb_s": Price("lambda-price-extras", "pc_run", 1, "GB-s executed"),
    "lambda_tmp_gb_s": Price("lambda-price-extras", "tmp", 1, "GB-s of /tmp above 512 MB"),
    "logs_gb": Price("cloudwatch-logs-price", "usd_per_gb", 1, "GB of logs"),
    "dynamodb_writes": Price("dynamodb-on-demand-price", "per_million_writes", 1e6, "write request units"),
    "dynamodb_reads": Price("dynamodb-on-demand-price", "per_million_reads", 1e6, "read request units"),
    "rest_api_requests": Price("apigw-price", "rest", 1e6, "requests"),
    "http_api_requests": Price("apigw-price", "http", 1e6, "requests"),
    "step_functions_transitions": Price("stepfunctions-price", "std_per_1000", 1e3, "transitions"),
    "nat_gateway_hours": Price("nat-price", "hour", 1, "hours"),
    "nat_gateway_gb": Price("nat-price", "gb", 1, "GB"),
    "secrets_months": Price("ssm-secrets-price", "usd_per_secret_month", 1, "secrets times months"),
    "secrets_calls": Price("ssm-secrets-price", "usd_per_10k_calls", 1e4, "calls of Secrets Manager"),
    "rds_proxy_vcpu_hours": Price("rds-proxy-price", "usd_per_vcpu_h", 1, "vCPU-hours"),
}


@dataclass(frozen=True, slots=True)
class CostLine:
    """One item of a plan: its quantity, what it costs in USD, and where the price comes from."""

    item: str
    quantity: float
    unit: str
    usd: float
    fact: str
    source: str
    checked_on: str


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a plan would cost in us-east-1 at list price, before any free tier."""

    lines: tuple[CostLine, ...]
    confirmed: bool

    @property
    def usd(self) -> float:
        return sum(line.usd for line in self.lines)

    def __str__(self) -> str:
        rows = [
            f"  {line.item:<28} {line.quantity:>14,.2f} {line.unit:<26} USD {line.usd:.6f}  "
            f"[{line.fact}: {line.source}, {line.checked_on}]"
            for line in self.lines
        ]
        total = f"In a real account (us-east-1, list price, before the free tier): about USD {self.usd:.4f}"
        return "\n".join([total, *rows])


def estimate(plan: Mapping[str, float], *, confirmed: bool = False, facts: Path | None = None) -> CostEstimate:
    """The cost of a plan {item: quantity}; items are the keys of PRICES. ValueError names an item without a price."""
    source = facts or _ROOT / "labs" / "facts.yml"
    by_id = {fact["id"]: fact for fact in yaml.safe_load(source.read_text(encoding="utf-8"))}
    lines = []
    for item, quantity in plan.items():
        price = PRICES.get(item)
        if price is None:
            raise ValueError(f"there is no price for {item!r}: a plan may count {', '.join(PRICES)}")
        if not (isinstance(quantity, int | float) and quantity >= 0):
            raise ValueError(f"{item} is {quantity!r}: give a quantity of at least 0, in {price.unit}")
        fact = by_id[price.fact]
        lines.append(
            CostLine(
                item=item,
                quantity=quantity,
                unit=price.unit,
                usd=quantity * float(fact["values"][price.value]) / price.per,
                fact=price.fact,
                source=fact["source_url"],
                checked_on=str(fact["checked_on"]),
            )
        )
    return CostEstimate(tuple(lines), confirmed)
