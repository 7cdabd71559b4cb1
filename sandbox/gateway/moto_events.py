"""EventBridge's buses, rules and targets, as moto keeps them; what moto would do with events is left out.

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol

from sandbox.gateway import moto_adapter
from sandbox.gateway.moto_resources import Arn, event_bus


class Announce(Protocol):
    """Puts an event of a service (`aws.s3`) on an account's default bus; `at` is its time, Unix seconds."""

    def __call__(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        *,
        account: str,
        region: str,
        resources: Sequence[str] = (),
        at: float | None = None,
    ) -> None: ...


_announce: Announce | None = None


def announce_by(announce: Announce | None) -> None:
    """Let events of services go to `announce` from now on; with None nobody hears of them."""
    global _announce
    _announce = announce


def announce(
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    *,
    account: str,
    region: str,
    resources: Sequence[str] = (),
    at: float | None = None,
) -> None:
    """Tell EventBridge of what happened in a service."""
    if _announce is not None:
        _announce(source, detail_type, detail, account=account, region=region, resources=resources, at=at)


def _backend(account: str, region: str) -> Any:
    """The store of a Region, made if need be: every Region has a default bus."""
    return importlib.import_module("moto.events.models").events_backends[account][region]


# -- buses -----------------------------------------------------------------------------------------------------


def find_bus(account: str, region: str, name: str) -> Any:
    """A bus by its name; None if there is none."""
    return _backend(account, region).event_buses.get(name)


def bus_exists(arn: Arn) -> bool:
    """Whether there is the bus of this ARN. (The account's default bus is there from the beginning.)"""
    if not moto_adapter.has_account(arn.account):
        return False
    return arn.resource == "event-bus/default" or event_bus(arn) is not None


# -- rules -----------------------------------------------------------------------------------------------------


def rules_of(bus: Any) -> Sequence[Any]:
    """The rules of a bus. Each has name, arn, state, description, role_arn, event_bus_name, account_id, region_name,
    scheduled_expression and targets (a list of dicts); `pattern_of` gives its pattern.
    """
    return list(bus.rules.values())


def find_rule(bus: Any, name: str) -> Any:
    """A rule of a bus by its name; None if there is none."""
    return bus.rules.get(name)


def pattern_of(rule: Any) -> str | None:
    """A rule's event pattern, as it was put."""
    text: str | None = rule.event_pattern.dump()
    return text


def put_rule(
    bus: Any,
    name: str,
    *,
    pattern: str | None,
    schedule: str | None,
    state: str,
    description: str | None,
    role_arn: str | None,
) -> Any:
    """Make or replace a rule; its targets stay. Pattern and schedule have been checked."""
    models = importlib.import_module("moto.events.models")
    previous = bus.rules.get(name)
    rule = models.Rule(
        name,
        bus.account_id,
        bus.region,
        description,
        None,
        schedule,
        role_arn,
        bus.name,
        state,
        targets=previous.targets if previous is not None else [],
    )
    rule.event_pattern = models.EventPattern(pattern, {})
    bus.rules[name] = rule
    return rule


def drop_rule(bus: Any, rule: Any) -> None:
    """Delete a rule and its tags."""
    bus.rules.pop(rule.name, None)
    tagger = _backend(bus.account_id, bus.region).tagger
    if tagger.has_tags(rule.arn):
        tagger.delete_all_tags_for_resource(rule.arn)


def tag_rule(rule: Any, tags: Sequence[Mapping[str, str]]) -> None:
    """Give a rule tags, [{"Key": ..., "Value": ...}]."""
    _backend(rule.account_id, rule.region_name).tagger.tag_resource(rule.arn, list(tags))


# -- changes to moto, made as its modules are imported ---------------------------------------------------------


def install() -> None:
    """Have moto deliver nothing by itself."""
    moto_adapter.after_import("moto.events.models", _deliver_nothing)


def _deliver_nothing(models: ModuleType) -> None:
    def send_to_targets(self: object, *_: Any, **__: Any) -> None:
        raise moto_adapter.NotInMoto("events were about to be delivered by moto, which judges nobody")

    models.Rule.send_to_targets = send_to_targets


# -- secrets of connections ------------------------------------------------------------------------------------


def keep_secret(account: str, region: str, name: str, text: str) -> str:
    """Make or replace a secret that EventBridge owns; its ARN."""
    kept = _secrets(account, region)
    if name in kept.secrets:
        kept.put_secret_value(name, text, None, str(uuid.uuid4()), ["AWSCURRENT"])
        return str(kept.secrets[name].arn)
    return str(kept.create_managed_secret("events", name, secret_string=text).arn)


def drop_secret(account: str, region: str, arn: str) -> None:
    """Delete a secret of EventBridge's, at once."""
    kept = _secrets(account, region)
    if arn in kept.secrets:
        kept.delete_secret(arn, None, True)


def _secrets(account: str, region: str) -> Any:
    models = importlib.import_module("moto.secretsmanager.models")
    return models.secretsmanager_backends[account][region]
