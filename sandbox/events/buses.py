"""Buses: what arrives on one is matched against its rules, and goes to the targets of those that take it."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

from sandbox.events.delivery import Delivery
from sandbox.events.event import Event
from sandbox.events.patterns import InvalidPattern, Match, compile_pattern
from sandbox.events.targets import Sender, Targets
from sandbox.gateway import moto_events
from sandbox.gateway.moto_resources import Arn

log = logging.getLogger(__name__)

DEFAULT_BUS = "default"


class Buses:
    """Takes events to the rules of a bus. Rules and their targets are those that moto keeps."""

    def __init__(self, delivery: Delivery, targets: Targets) -> None:
        self._delivery = delivery
        targets.forward = self._forward

    def put(self, event: Event, account: str, region: str, bus: str = DEFAULT_BUS) -> None:
        """Give an event to all rules of a bus that take it. When this returns each target has been tried once."""
        found = moto_events.find_bus(account, region, bus)
        if found is None:
            # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html knows no error for it.
            log.warning("an event for the bus %s of %s is lost: there is no such bus in %s", bus, account, region)
            return
        for rule in moto_events.rules_of(found):
            if rule.state != "DISABLED" and takes(moto_events.pattern_of(rule), event):
                sender = sender_of(rule)
                self._delivery.count(sender, "MatchedEvents")
                self.trigger(rule, event)

    def trigger(self, rule: Any, event: Event) -> None:
        """Give an event to the targets of a rule, whether it matches or not."""
        sender = sender_of(rule)
        self._delivery.count(sender, "TriggeredRules")
        for target in list(rule.targets):
            self._delivery.deliver(sender, target, event)

    def _forward(self, arn: Arn, event: Event) -> None:
        self.put(dataclasses.replace(event, forwarded=True), arn.account, arn.region, arn.resource.partition("/")[2])


def takes(pattern: str | None, event: Event) -> bool:
    """Whether a rule with this pattern takes an event. One without a pattern has a schedule only."""
    return pattern is not None and _compiled(pattern)(event.content)


def sender_of(rule: Any) -> Sender:
    return Sender(rule.arn, rule.name, rule.event_bus_name, rule.account_id, rule.region_name)


@functools.lru_cache(maxsize=2048)
def _compiled(pattern: str) -> Match:
    try:
        return compile_pattern(pattern)
    except InvalidPattern:
        log.exception("a rule's pattern can't be read; it takes nothing")
        return lambda event: False
