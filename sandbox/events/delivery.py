"""From a rule to its targets: what each gets, tried again where that may help, and where failed events end.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.clock import Clock
from sandbox.compute.background import Background
from sandbox.events.event import Event, zulu
from sandbox.events.input_transformer import Transformer, dumps, look_up, parse_path, parse_transformer, transform
from sandbox.events.targets import Sender, Targets
from sandbox.events.undelivered import Undelivered
from sandbox.gateway.moto_resources import Arn, arn_of

log = logging.getLogger(__name__)

NAMESPACE = "AWS/Events"
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
MAX_RETRIES = 185
MAX_AGE_SECONDS = 86_400
#: Before each retry twice as long, up to the second figure: so 185 of them fit into a day. AWS adds some chance to it.
BACK_OFF_SECONDS, MAX_BACK_OFF_SECONDS = 1.0, 480.0
#: Threads for targets that take their time.
WORKERS = 4


class Metrics(Protocol):
    """What EventBridge needs of CloudWatch."""

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: tuple[tuple[str, str], ...],
        value: float,
        unit: str,
        at: float,
        *,
        account: str = ...,
        region: str = ...,
    ) -> None: ...


@dataclass(slots=True)
class Attempt:
    """One event for one target of a rule; `since` is when it was first tried, Unix seconds."""

    sender: Sender
    target: Mapping[str, Any]
    event: Event
    since: float
    retries: int = 0


class Delivery:
    """Delivers events to rules' targets, and counts what happens: the metrics of AWS/Events."""

    def __init__(self, clock: Clock, targets: Targets, metrics: Metrics) -> None:
        self._clock = clock
        self._targets = targets
        self._metrics = metrics
        self._background = Background(clock, "event-targets", WORKERS)

    def close(self) -> None:
        """Give no more events to targets that take their time."""
        self._background.close()

    def deliver(self, sender: Sender, target: Mapping[str, Any], event: Event) -> None:
        """Try to give an event to a target. What fails ends in its dead-letter queue, or nowhere."""
        self.count(sender, "Invocations")
        self._attempt(Attempt(sender, dict(target), event, self._clock.now()))

    def count(self, sender: Sender, name: str) -> None:
        """Add 1 to a metric of a rule.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        dimensions: tuple[tuple[str, str], ...] = (("RuleName", sender.name),)
        if sender.bus != "default":
            dimensions = (("EventBusName", sender.bus), *dimensions)
        now = self._clock.now()
        self._metrics.put(NAMESPACE, name, dimensions, 1.0, "Count", now, account=sender.account, region=sender.region)

    def _attempt(self, attempt: Attempt) -> None:
        arn = arn_of(attempt.target["Arn"])
        if arn is None or not self._targets.takes_its_time(arn):
            self._try(attempt, arn)
            return
        wait = self._targets.reserve(arn, attempt.since + self._most_age(attempt))
        if wait is None:
            late = f"the rate of {arn.text} leaves no place before the event is too old"
            self._failed(attempt, Undelivered("THROTTLING", late, passing=True, wait=MAX_AGE_SECONDS))
            return

        def begin() -> None:
            self._background.do(lambda: self._try(attempt, arn))

        if wait:
            self._clock.after(wait, begin)
        else:
            begin()

    @staticmethod
    def _most_age(attempt: Attempt) -> float:
        policy = attempt.target.get("RetryPolicy") or {}
        return float(policy.get("MaximumEventAgeInSeconds", MAX_AGE_SECONDS))

    def _try(self, attempt: Attempt, arn: Arn | None) -> None:
        target = attempt.target
        try:
            if arn is None:
                raise Undelivered("INVALID_PARAMETER", f"{target['Arn']} is no ARN")
            payload = payload_of(target, attempt.event, attempt.sender)
            self._targets.send(attempt.sender, arn, target, attempt.event, payload)
        except Undelivered as failure:
            self._failed(attempt, failure)
        except Exception as error:
            log.exception("an event of the rule %s could not be sent to %s", attempt.sender.arn, target["Arn"])
            self._failed(attempt, Undelivered("INTERNAL_ERROR", str(error), passing=True))

    def _failed(self, attempt: Attempt, failure: Undelivered) -> None:
        exhausted = ""
        if failure.passing:
            policy = attempt.target.get("RetryPolicy") or {}
            wait = max(min(BACK_OFF_SECONDS * 2 ** min(attempt.retries, 16), MAX_BACK_OFF_SECONDS), failure.wait)
            age = self._clock.now() + wait - attempt.since
            if attempt.retries >= policy.get("MaximumRetryAttempts", MAX_RETRIES):
                exhausted = "MaximumRetryAttempts"
            elif age > self._most_age(attempt):
                exhausted = "MaximumEventAgeInSeconds"
            else:
                attempt.retries += 1
                self._clock.after(wait, lambda: self._attempt(attempt))
                return
        self.count(attempt.sender, "FailedInvocations")
        dead_letters = arn_of((attempt.target.get("DeadLetterConfig") or {}).get("Arn") or "")
        if dead_letters is None:
            log.info("an event of the rule %s is dropped: %s", attempt.sender.arn, failure)
            return
        attributes = {
            "RULE_ARN": attempt.sender.arn,
            "TARGET_ARN": str(attempt.target["Arn"]),
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(attempt.retries) if exhausted else "",
        }
        try:
            self._targets.send_dead_letter(attempt.sender, dead_letters, dumps(attempt.event.content), attributes)
        except Undelivered as error:
            log.info("an event of the rule %s does not reach its dead-letter queue: %s", attempt.sender.arn, error)
            self.count(attempt.sender, "InvocationsFailedToBeSentToDlq")
        else:
            self.count(attempt.sender, "InvocationsSentToDlq")


def payload_of(target: Mapping[str, Any], event: Event, sender: Sender) -> str:
    """The text that a target gets.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        there, value = look_up(event.content, parse_path(target["InputPath"]))
        return dumps(value) if there else "{}"
    given = target.get("InputTransformer")
    if given is None:
        return dumps(event.content)
    return transform(
        _transformer(json.dumps(given, sort_keys=True)),
        event.content,
        rule_arn=sender.arn,
        rule_name=sender.name,
        ingested=zulu(event.ingested),
    )


@functools.lru_cache(maxsize=512)
def _transformer(text: str) -> Transformer:
    given = json.loads(text)
    return parse_transformer(given.get("InputPathsMap") or {}, given["InputTemplate"])
