"""Works out what rounds 5 to 7 of lab 06 showed, from what the cloud tells of the learner's own run.

Each function is given what was read and an answer, and returns if the answer is right; else it raises Incorrect. None
of them calls AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from checks.contract import Incorrect, Uncheckable
from checks.lab06.edge_trials import Arrived
from checks.lab06.reading import Event
from checks.readings import Reading

#: What the names of Lambda's operations begin with in CloudTrail, where a version may follow (CreateFunction20150331).
CREATES = "CreateFunction"


def short(id: str) -> str:
    """An id as feedback says it."""
    return id[:8]


def pick(events: Sequence[Event], event_id: str, what: str) -> Event:
    """The event with this id. Incorrect if there is none."""
    for event in events:
        if event.event_id == event_id:
            return event
    raise Incorrect(
        f"{what} is {event_id[:40]!r}, which is no event id in CloudTrail's event history.",
        "the event_id of an event of your own run, such as reading.events(cloud, role=...) gives it.",
        "An event's id ties an answer to one call of one principal.",
    )


# -- 5: a role that is passed on -------------------------------------------------------------------------------


def passed_on(
    events: Sequence[Event],
    *,
    deployer: str,
    admin: str,
    function: str,
    account: str,
    escalated: str,
    refused_by_policy: str,
    refused_by_boundary: str,
    customers_read_as: str,
) -> None:
    """Three of the deployer's calls of CreateFunction: the one that passed the admin's role on, the one that its own
    policy refused, the one that its boundary refused. `customers_read_as` is the session that read the customers."""
    mine = [one for one in events if one.role == deployer and one.name.startswith(CREATES)]
    if not mine:
        raise Uncheckable(
            f"CloudTrail has no CreateFunction of {deployer} yet. Run the round's cells first; in an account its "
            "events take some minutes to arrive."
        )
    for what, id in (
        ("escalated", escalated),
        ("refused_by_policy", refused_by_policy),
        ("refused_by_boundary", refused_by_boundary),
    ):
        _is_create(pick(events, id, what), what, mine, deployer)
    by_id = {one.event_id: one for one in mine}
    first = by_id[escalated]
    if first.code:
        raise Incorrect(
            f"The event {short(escalated)} carries {first.code}.",
            "the CreateFunction that was answered although it passed on a role far stronger than the deployer's own.",
            "A refusal is no escalation. An event without an errorCode was answered.",
        )
    passed = str(first.request.get("role", ""))
    if passed.rpartition("/")[2] != admin:
        raise Incorrect(
            f"The event {short(escalated)} made a function with {passed.rpartition('/')[2] or 'no role'}.",
            f"the one that passed {admin} on: requestParameters.role tells.",
            "There is no event for PassRole itself: it is a permission and not an operation. The role stands in the "
            "request that passed it.",
        )
    for what, id, kind, other in (
        ("refused_by_policy", refused_by_policy, "identity-based policy", "permissions boundary"),
        ("refused_by_boundary", refused_by_boundary, "permissions boundary", "identity-based policy"),
    ):
        event = by_id[id]
        if not event.code:
            raise Incorrect(
                f"The event {short(id)}, which you gave as {what}, was answered.",
                "an event with an errorCode.",
                "CloudTrail keeps both: what was answered, and what was refused.",
            )
        if kind not in event.message:
            ending = event.message.partition(" because ")[2] or event.message
            raise Incorrect(
                f"The message of the event {short(id)} ends: because {ending}.",
                f"the event whose message names the {kind}.",
                f"The same call, the same error, two different places to look. Who mends the {other} where the {kind} "
                "is silent finds the call refused as before.",
            )
    expected = f"arn:aws:sts::{account}:assumed-role/{admin}/{function}"
    if customers_read_as != expected:
        raise Incorrect(
            f"customers_read_as is {customers_read_as[:90]!r}.",
            f"the ARN of the session in which the function {function} read them: its own answer and its log say it.",
            "The deployer never read a customer. The function did, as a session of the role that was passed on: that "
            "is the name that the victim's logs will show.",
        )


def _is_create(event: Event, what: str, mine: Collection[Event], deployer: str) -> None:
    if event in mine:
        return
    raise Incorrect(
        f"{what} is an event {event.name} of {event.principal.rpartition(':')[2] or 'a service'}.",
        f"an event CreateFunction of {deployer}.",
        "A role is passed on in the call that makes the function.",
    )


# -- 6: topics that reach a queue ------------------------------------------------------------------------------


def deputy(
    arrived: Sequence[Arrived],
    *,
    own: str,
    account: str,
    second_account: str,
    neighbour: str,
    stranger: str,
    shut_by: str,
) -> None:
    """`neighbour` is a message of another topic of this account that came in past aws:SourceAccount, `stranger` one of
    another account's topic, `shut_by` the key that kept both out. `own` is the ARN of the shop's topic; without a
    `second_account` there is no stranger."""
    if not any(one.topic == own and one.trial == "aws:SourceArn" for one in arrived):
        raise Uncheckable("The queue has no message of this round's last trial. Run the round's cells first.")
    past = _message(arrived, neighbour, "neighbour")
    if past.topic == own:
        raise Incorrect(
            f"The message {short(neighbour)} came from {_topic(own)}, the shop's own topic.",
            "a message of another topic that came in.",
            "That the right topic gets through proves nothing about the wrong ones.",
        )
    if past.topic.split(":")[4] != account:
        raise Incorrect(
            f"The message {short(neighbour)} came from a topic of account {past.topic.split(':')[4]}.",
            f"a message of another topic in your own account, {account}.",
            "aws:SourceAccount tells accounts apart. Look for who gets past it all the same.",
        )
    if past.trial != "aws:SourceAccount":
        raise Incorrect(
            f"The message {short(neighbour)} came in while the queue's policy had the condition {past.trial!r}.",
            "the message that came in although the policy asked for aws:SourceAccount.",
            "Everything gets through a policy without a condition. What gets through one with a condition tells you "
            "what the condition does not do.",
        )
    if second_account:
        far = _message(arrived, stranger, "stranger")
        if far.topic.split(":")[4] == account:
            raise Incorrect(
                f"The message {short(stranger)} came from {_topic(far.topic)}, a topic of your own account.",
                f"the message of a topic of account {second_account}.",
                "The account stands in the topic's ARN. Whoever owns it, the sender is sns.amazonaws.com.",
            )
    let_in = {one.trial for one in arrived if one.topic != own}
    if shut_by.strip() in let_in:
        through = next(one for one in arrived if one.trial == shut_by.strip() and one.topic != own)
        raise Incorrect(
            f"With {shut_by} in the condition a message of {_topic(through.topic)} came in.",
            "the key that kept out both other topics.",
            "A condition on the account trusts every topic in it, and whoever may make one.",
        )
    if shut_by.strip().lower() != "aws:sourcearn":
        raise Incorrect(
            f"shut_by is {shut_by[:60]!r}.",
            "the condition key with which only the shop's own topic came in, as the policy has it.",
            "Which principal sends does not help: for every topic it is sns.amazonaws.com. What tells them apart is on "
            "whose behalf it sends.",
        )


def _message(arrived: Iterable[Arrived], message_id: str, what: str) -> Arrived:
    found = next((one for one in arrived if one.message_id == message_id), None)
    if found is None:
        raise Incorrect(
            f"{what} is {message_id[:40]!r}, and no message in the queue has this id.",
            "the message_id of a message that lies in the queue: in_queue(cloud) lists them.",
            "SNS answers every publish with an id, delivered or not. Only the queue tells what arrived.",
        )
    return found


def _topic(arn: str) -> str:
    return arn.rpartition(":")[2]


# -- 7: functions that need a secret ---------------------------------------------------------------------------


def secret_reads(
    calls: Mapping[str, Sequence[Reading]],
    reads: Mapping[str, int],
    rotations: Sequence[Event],
    current: str,
    *,
    each_time: int,
    cached: int,
    rotated: str,
    last_old: str,
    never_new: str,
) -> None:
    """`calls` are those that had a key, `reads` the reads of the secret by CloudTrail, both by function; `current` is
    the fingerprint of the key as it stands. The answers: the two counts, the event of the rotation, the last call of
    reads-cached with the old key, and the function that never gets the new one."""
    if not all(calls.values()) or len({one.value("fingerprint") for found in calls.values() for one in found}) < 2:
        raise Uncheckable("The three functions have not seen a rotation yet. Run the round's cells first.")
    for name, told, answered in (
        ("reads-each-time", "reads_each_time", each_time),
        ("reads-cached", "reads_cached", cached),
    ):
        if answered != reads[name]:
            number = len(calls[name])
            raise Incorrect(
                f"{told} is {answered}; CloudTrail has {reads[name]} events GetSecretValue of the session {name}, "
                f"which was called {number} times.",
                "the number of events of this function: reads_of(cloud, name).",
                "Each read costs time and money, and counts against a quota. A cache reads once for each environment "
                "and each time that it is too old, not once a call.",
            )
    event = next((one for one in rotations if one.event_id == rotated), None)
    if event is None:
        raise Incorrect(
            f"rotated is {rotated[:40]!r}, which is no event PutSecretValue in CloudTrail's event history.",
            "the event_id of the event in which the key got its new value.",
            "When a key was changed, and by whom, is the first question after a leak.",
        )
    _last_old(calls, current, last_old)
    stale = [name for name, found in calls.items() if all(one.value("fingerprint") != current for one in found)]
    if never_new not in stale:
        known = (
            f"{never_new} had the new key in the end" if never_new in calls else f"{never_new[:40]!r} is no function"
        )
        raise Incorrect(
            f"{known}.",
            "the function that still has the old key in its last call.",
            "What was written down at deployment stays until the next one: a rotation passes it by.",
        )


def _last_old(calls: Mapping[str, Sequence[Reading]], current: str, last_old: str) -> None:
    mine = calls["reads-cached"]
    stale = [one for one in mine if one.value("fingerprint") != current]
    if not stale or stale[-1] is mine[-1]:
        raise Uncheckable("reads-cached has not had the new key yet. Run the round's cells first.")
    if last_old == stale[-1].request_id:
        return
    owner = next((name for name, found in calls.items() if any(one.request_id == last_old for one in found)), None)
    chosen = next((one for one in mine if one.request_id == last_old), None)
    if chosen is not None:
        place = [one.request_id for one in mine].index(last_old) + 1
        word = "old" if chosen in stale else "new"
        seen = f"last_old is {short(last_old)}, call {place} of reads-cached, which had the {word} key."
    elif owner is not None:
        seen = f"last_old is {short(last_old)}, a call of {owner}."
    else:
        seen = f"last_old is {last_old[:40]!r}, which is in no REPORT line of reads-cached."
    raise Incorrect(
        seen,
        "the last call of reads-cached that still had the old key.",
        "Until the cached value is too old the function signs with a key that is no longer the current one. Old and "
        "new must both be taken for that long.",
    )
