"""What a bucket is to notify of what: its configuration, checked as S3 checks it, and what matches it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import unquote_plus

from sandbox.gateway.call import AwsError

MAX_FILTER_BYTES = 1024

#: What is raised here: the types that can be asked for.
EVENTS = frozenset(
    {
        "s3:ObjectAcl:Put",
        "s3:ObjectCreated:*",
        "s3:ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Put",
        "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "s3:ObjectRestore:Post",
        "s3:ObjectTagging:*",
        "s3:ObjectTagging:Delete",
        "s3:ObjectTagging:Put",
    }
)
#: What AWS raises besides, and why nothing here does, by the beginning of the type.
NOT_RAISED: Mapping[str, str] = {
    "s3:IntelligentTiering": "objects do not move between access tiers here",
    "s3:LifecycleExpiration:": "lifecycle rules are not carried out here",
    "s3:LifecycleTransition": "lifecycle rules are not carried out here",
    "s3:ObjectAnnotation:": "annotations are not built",
    "s3:ObjectRestore:": "a restored object is there at once, and stays (s3:ObjectRestore:Post works)",
    "s3:ObjectRetention:": "changes of retention raise no event here",
    "s3:ReducedRedundancyLostObject": "no object gets lost here",
    "s3:Replication:": "objects are not replicated here",
}

#: The lists of a configuration: their name, the member with the ARN, its service.
DESTINATIONS = (
    ("TopicConfigurations", "TopicArn", "sns"),
    ("QueueConfigurations", "QueueArn", "sqs"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"),
)


@dataclass(frozen=True, slots=True)
class Notification:
    """One configuration: events of these types on keys with this prefix and suffix go to `arn`."""

    id: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    filtered: tuple[tuple[str, str], ...] = ()

    def matches(self, event: str, key: str) -> bool:
        # In a filter special characters are encoded as they are in a URL, and a space is a plus.
        return (
            any(_covers(wanted, event) for wanted in self.events)
            and key.startswith(unquote_plus(self.prefix))
            and key.endswith(unquote_plus(self.suffix))
        )


@dataclass(frozen=True, slots=True)
class BucketNotifications:
    """All configurations of a bucket, and whether EventBridge is told too."""

    notifications: tuple[Notification, ...] = ()
    event_bridge: bool = False

    def matching(self, event: str, key: str) -> Iterator[Notification]:
        return (each for each in self.notifications if each.matches(event, key))

    def described(self) -> dict[str, Any]:
        """The answer of GetBucketNotificationConfiguration."""
        answer: dict[str, Any] = {}
        for listed, member, service in DESTINATIONS:
            found = [_described(each, member) for each in self.notifications if each.arn.split(":")[2] == service]
            if found:
                answer[listed] = found
        if self.event_bridge:
            answer["EventBridgeConfiguration"] = {}
        return answer


def unsupported_event(configuration: Mapping[str, Any]) -> str | None:
    """Why a configuration (as PutBucketNotificationConfiguration takes it) can't be kept here; None if it can."""
    for listed, _, _ in DESTINATIONS:
        for given in configuration.get(listed) or []:
            for event in given.get("Events") or []:
                reason = next((why for start, why in NOT_RAISED.items() if str(event).startswith(start)), None)
                if reason is not None and event not in EVENTS:
                    return f"the event {event} would never come: {reason}"
    return None


def read_notifications(configuration: Mapping[str, Any], region: str) -> BucketNotifications:
    """Read a configuration for a bucket in this Region; AwsError for one that S3 refuses.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    notifications: list[Notification] = []
    for listed, member, service in DESTINATIONS:
        for given in configuration.get(listed) or []:
            notifications.append(_read(given, str(given.get(member) or ""), service, region))
    names = [each.id for each in notifications]
    if len(set(names)) != len(names):
        raise _invalid("Same ID used for multiple configurations. IDs must be unique")
    for one, other in combinations(notifications, 2):
        _expect_apart(one, other)
    return BucketNotifications(tuple(notifications), configuration.get("EventBridgeConfiguration") is not None)


def _read(given: Mapping[str, Any], arn: str, service: str, region: str) -> Notification:
    fields = arn.split(":", 5)
    if len(fields) != 6 or fields[0] != "arn" or fields[2] != service or not fields[5]:
        raise _invalid("The ARN is not well formed", arn)
    if fields[3] != region:
        raise _invalid("The notification destination service region is not valid for the bucket location constraint")
    if fields[5].endswith(".fifo"):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
        raise _invalid(f"FIFO {service.upper()} destinations are not supported", arn)
    events = tuple(str(event) for event in given.get("Events") or [])
    if not events:
        raise AwsError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
            400,
        )
    for event in events:
        if event not in EVENTS:
            raise _invalid(f"The event '{event}' is not supported for notifications")
    for first, second in combinations(events, 2):
        if _covers(first, second) or _covers(second, first):
            raise _invalid(_COMMON_TYPE)
    filtered: list[tuple[str, str]] = []
    for rule in ((given.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []:
        name, value = str(rule.get("Name") or "").lower(), str(rule.get("Value") or "")
        if name not in ("prefix", "suffix"):
            raise _invalid("filter rule name must be either prefix or suffix")
        if name in dict(filtered):
            raise _invalid(f"Cannot specify more than one {name} rule in a filter.")
        if len(value.encode()) > MAX_FILTER_BYTES:
            raise _invalid(f"Size of filter rule value cannot exceed {MAX_FILTER_BYTES} bytes in UTF-8 representation")
        filtered.append((name, value))
    values = dict(filtered)
    return Notification(
        str(given.get("Id") or uuid.uuid4()),
        arn,
        events,
        values.get("prefix", ""),
        values.get("suffix", ""),
        tuple(filtered),
    )


_COMMON_TYPE = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
_AMBIGUOUS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)


def _expect_apart(one: Notification, other: Notification) -> None:
    """AwsError if one event could match both."""
    if not any(_covers(first, second) or _covers(second, first) for first in one.events for second in other.events):
        return
    if not one.filtered and not other.filtered:
        raise _invalid(_COMMON_TYPE)
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    if prefixes and suffixes:
        raise _invalid(_AMBIGUOUS)


def _covers(wanted: str, event: str) -> bool:
    return wanted == event or (wanted.endswith(":*") and event.startswith(wanted[:-1]))


def _described(notification: Notification, member: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"Id": notification.id, member: notification.arn, "Events": list(notification.events)}
    if notification.filtered:
        # S3 gives the names of rules with a capital letter, however they were given.
        rules = [{"Name": name.capitalize(), "Value": value} for name, value in notification.filtered]
        answer["Filter"] = {"Key": {"FilterRules": rules}}
    return answer


def _invalid(message: str, arn: str = "") -> AwsError:
    details = {"ArgumentName": arn, "ArgumentValue": "null"} if arn else {}
    return AwsError("InvalidArgument", message, 400, **details)
