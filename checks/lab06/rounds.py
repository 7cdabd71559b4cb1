"""Works out what rounds 1 to 4 of lab 06 showed, from what the cloud tells of the learner's own run.

Each function is given what was read and an answer, and returns if the answer is right; else it raises Incorrect. None
of them calls AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.contract import Incorrect, Uncheckable
from checks.lab06.reading import Event
from sandbox.access import Explanation

#: What the first four letters of an IAM id say.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_PREFIXES = {"AROA": "a role", "AIDA": "a user", "ASIA": "temporary access key", "AKIA": "a user's access key"}


# -- 1: who am I -----------------------------------------------------------------------------------------------


def who(
    *,
    acts_with: str,
    session_name: str,
    let_in_by: str,
    function: str,
    role: str,
    role_ids: Mapping[str, str],
    statements: Sequence[Mapping[str, Any]],
    guest: str,
) -> None:
    """`acts_with` is the unique id of the function's role, `session_name` what its sessions are called, and `let_in_by`
    the Sid of the statement that lets the guest (a role's ARN) invoke it. `role_ids` are by the roles' names."""
    right = role_ids[role]
    if acts_with != right:
        other = next((name for name, id in role_ids.items() if id == acts_with), None)
        if other is not None:
            seen = f"acts_with is {acts_with}, the id of the role {other}."
        elif acts_with.partition(":")[0] == right:
            seen = f"acts_with is {acts_with}: a role's id with a session's name behind it."
        elif kind := _PREFIXES.get(acts_with[:4]):
            seen = f"acts_with is {acts_with[:40]}, which begins like the id of {kind}, and is not this role's."
        else:
            seen = f"acts_with is {acts_with[:40]!r}, which is no unique id of a role."
        raise Incorrect(
            seen,
            f"the unique id of the role with which {function} acts: what stands before the colon in its UserId.",
            "A function has no identity of its own. What it may, its execution role may; whoever can change the "
            "function's code has that role's rights.",
        )
    if session_name != function:
        named = "the role's name" if session_name == role else "not what stands behind the last slash of its ARN"
        raise Incorrect(
            f"session_name is {session_name[:40]!r}, {named}.",
            f"the name of the session in which {function} acts.",
            "Lambda names a function's sessions after the function: that is how CloudTrail tells two functions apart "
            "that share a role.",
        )
    sids = {one.get("Sid"): one for one in statements}
    if not sids:
        raise Uncheckable(f"{function} has no resource policy yet. Run the round's cells first.")
    chosen = sids.get(let_in_by)
    if chosen is None:
        raise Incorrect(
            f"let_in_by is {let_in_by[:40]!r}, which is no Sid in the policy of {function}.",
            "the Sid of the statement in the function's own policy that names Anna's role.",
            "Who may invoke a function is asked of two policies: the caller's own, and the function's. "
            "lambda:GetPolicy shows the second.",
        )
    if guest not in str(chosen.get("Principal")):
        raise Incorrect(
            f"The statement {let_in_by} names {chosen.get('Principal')}.",
            f"the statement that names {guest}.",
            "A resource policy lets in whom it names, and nobody else.",
        )


# -- 2: how a decision is made ---------------------------------------------------------------------------------


def decision(
    *,
    denied_event: str,
    deny_sid: str,
    limited_by: str,
    events: Sequence[Event],
    role: str,
    explicit: Explanation,
    limited: Explanation,
) -> None:
    """`denied_event` is the CloudTrail event of a refused GetSecretValue, `deny_sid` the statement that denied a
    customer, `limited_by` the ARN of the boundary that did not allow a change."""
    refused = [one for one in events if one.role == role and one.name == "GetSecretValue" and one.code]
    if not refused:
        raise Uncheckable(
            "CloudTrail has no refused GetSecretValue of the intern's role yet. Run the round's cells; in an account "
            "events take some minutes."
        )
    if denied_event not in {one.event_id for one in refused}:
        other = next((one for one in events if one.event_id == denied_event), None)
        if other is None:
            seen = f"denied_event is {denied_event[:40]!r}, which is no event id in CloudTrail's event history."
        else:
            how = other.code or "no error"
            seen = f"{denied_event[:8]} is an event {other.name} of {other.role or other.principal}, with {how}."
        raise Incorrect(
            seen,
            f"the event id of a GetSecretValue of the role {role} whose errorCode says that access was denied.",
            "An event's id ties a refusal to one call of one principal: who, what, when, and from where.",
        )
    statement = explicit.decision.statement
    if explicit.decision.reason != "explicit" or statement is None:
        raise Uncheckable("The intern's policies deny customers no more. Start the lab anew with lab.start().")
    if deny_sid != statement.sid:
        known = {report.statement.sid: report for report in explicit.statements}
        report = known.get(deny_sid)
        if report is None:
            seen = f"deny_sid is {deny_sid[:40]!r}, which is no Sid in the intern's policies."
        elif report.statement.effect == "Allow" and report.applies:
            seen = f"{deny_sid} applies to the call, and its Effect is Allow."
        else:
            seen = f"{deny_sid} does not apply to the call: {report.why}"
        raise Incorrect(
            seen,
            "the Sid of the statement that decided: one that applies, with the Effect Deny.",
            "One Deny that applies outweighs every Allow. More rights never help against it: only its own change does.",
        )
    boundary = next((one.source.name for one in limited.statements if one.source.kind == "boundary"), "")
    if limited.decision.reason != "boundary":
        raise Uncheckable("The intern's boundary does not limit UpdateItem. Start the lab anew with lab.start().")
    if limited_by not in (boundary, boundary.rpartition("/")[2]):
        allowing = [one for one in limited.statements if one.applies and one.source.kind == "identity"]
        if allowing and limited_by in (allowing[0].source.name, allowing[0].source.name.rpartition("/")[2]):
            seen = f"{limited_by.rpartition('/')[2]} allows the call, by its statement {allowing[0].statement.sid}."
        else:
            seen = f"limited_by is {limited_by[:60]!r}."
        raise Incorrect(
            seen,
            "the ARN of the policy without whose Allow the change is refused: the error names its kind.",
            "A boundary grants nothing and limits everything: a call needs an Allow of an identity policy, and one of "
            "the boundary.",
        )


# -- 3: wildcards counted --------------------------------------------------------------------------------------


def wildcards(
    *,
    granted: int,
    used: Collection[str],
    permissions_management: int,
    trail_event: str,
    service: str,
    of_role: Collection[str],
    used_by_role: Collection[str],
    managing: int,
    events: Iterable[Event],
    role: str,
) -> None:
    """How many actions of `service` a role's policy grants, which of them were used, how many of all its actions manage
    permissions, and an event that shows the role at work. `of_role` and `used_by_role` are full names of actions."""
    mine = {name for name in of_role if name.startswith(f"{service}:")}
    truly = {name for name in used_by_role if name.startswith(f"{service}:")}
    if not truly:
        raise Uncheckable(f"Nothing of {service} was used with the role {role} yet. Run the round's cells first.")
    if granted != len(mine):
        why = "A star stands for every action that the service has, and for those that it will get next year."
        if granted == len(truly):
            seen = f"granted is {granted}: so many were used."
        elif granted == len(of_role):
            seen = f"granted is {granted}: so many actions the policy grants of all services together."
        else:
            seen = f"granted is {granted}."
        raise Incorrect(seen, f"how many actions whose name begins with {service}: the role's policy grants.", why)
    given = set(used)
    if given != truly:
        extra, missing = sorted(given - truly), sorted(truly - given)
        if extra and set(extra) <= mine:
            seen = f"used has {', '.join(extra[:3])}, which the role may, and did not use."
        elif extra:
            seen = f"used has {', '.join(extra[:3])}, which is no action of {service} that the role has."
        else:
            seen = f"used lacks {', '.join(missing[:3])}."
        raise Incorrect(
            seen,
            f"the full names of those actions of {service} that Access Analyzer found in use.",
            "What was used is the measure of what is needed, as far as the time that was looked at had all the work in "
            "it. CloudTrail's event history alone is no such measure: reading and writing items is not in it.",
        )
    if permissions_management != managing:
        raise Incorrect(
            f"permissions_management is {permissions_management}.",
            "how many of all the actions that the role's policy grants have the access level Permissions management.",
            "With one of these a right can be widened: the bucket's policy, the secret's, the topic's. By name they "
            "look like others; the access level tells.",
        )
    found = {one.event_id: one for one in events}
    event = found.get(trail_event)
    if event is None:
        raise Incorrect(
            f"trail_event is {trail_event[:40]!r}, which is no event id in CloudTrail's event history.",
            f"the id of an event of the role {role}.",
            "In the history stand management events only: of all that the function did, reading the secret is one.",
        )
    if event.role != role:
        raise Incorrect(
            f"{trail_event[:8]} is an event {event.name} of {event.role or event.principal}.",
            f"the id of an event of the role {role}.",
            "userIdentity says who called: a session's name alone can be anything, its role can't.",
        )


# -- 4: conditions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial's role may: call by call."""

    role: str
    own: bool
    other: bool
    scan: bool
    encrypted: bool
    unencrypted: bool


def conditions(
    *, leaks: str, leaked: int, unencrypted: str, trials: Sequence[Trial], of_others: int, of_all: int
) -> None:
    """`leaks` is the role that keeps tenants apart and lets a Scan through, `leaked` how many items of others the Scan
    showed, `unencrypted` the role that takes an upload without the header although its condition names it."""
    by_role = {one.role: one for one in trials}
    if not any(one.own for one in trials) or not any(one.encrypted for one in trials):
        raise Uncheckable("The roles of the trials are not there. Run the round's cells first.")
    one = _trial(by_role, leaks, "leaks")
    if not (one.own and one.scan) or one.other:
        lets = {"a Scan of the orders": one.scan, "reading an own order": one.own, "another tenant's": one.other}
        said = [f"{what} is {'allowed' if may else 'refused'}" for what, may in lets.items()]
        raise Incorrect(
            f"With {leaks} {', '.join(said)}.",
            "the role that refuses another tenant's GetItem, and lets the Scan through.",
            "Look at the condition for a call that brings no leading key: is there anything left to be false?",
        )
    if leaked != of_others:
        counted = ": so many items the table has in all" if leaked == of_all else ""
        raise Incorrect(
            f"leaked is {leaked}{counted}.",
            "how many items of other tenants the Scan showed.",
            "A condition that passes one call too many is measured by what that call shows.",
        )
    two = _trial(by_role, unencrypted, "unencrypted")
    if not (two.encrypted and two.unencrypted):
        raise Incorrect(
            f"With {unencrypted} an upload without the header is {'allowed' if two.unencrypted else 'refused'}, "
            f"one that asks for AES256 {'allowed' if two.encrypted else 'refused'}.",
            "the role whose condition names the header, and takes an upload without it.",
            "IfExists does not demand that the key exists. It skips the condition where it does not.",
        )


def _trial(by_role: Mapping[str, Trial], role: str, what: str) -> Trial:
    if role not in by_role:
        raise Incorrect(
            f"{what} is {role[:40]!r}, which is no role of this round's trials.",
            f"one of {', '.join(sorted(by_role))}.",
            "Each trial has a role with one statement, so that nothing else can have let a call through.",
        )
    return by_role[role]
