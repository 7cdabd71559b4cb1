"""The night's clean-up: a deploy replaces the policy of production, and one permission is missing afterwards."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.contract import Incorrect, NotAttempted, Uncheckable
from checks.functions import set_variables
from checks.lab06 import shop
from checks.lab06.edges import short
from checks.lab06.reading import Event
from checks.readings import Reading

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The permissions of which the clean-up drops one. CloudTrail's event history has calls of the first only: the others
#: are data events. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
MANAGEMENT = ("secretsmanager:GetSecretValue",)
DROPPED = (*MANAGEMENT, *MANAGEMENT, "dynamodb:PutItem", "dynamodb:Query", "s3:PutObject", "sns:Publish")
#: The tag with which the clean-up signs the role.
RELEASE_TAG = "release"
RELEASE = "clean-up"

_DENIAL = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>\S+)"
    r'(?: on resource: "?(?P<resource>[^\s"]+)"?)?(?P<why>[^"\n]*)'
)


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal as AWS words it. `why` is the end of the sentence."""

    principal: str
    action: str
    resource: str
    why: str


def denial_in(text: str) -> Denial | None:
    """The first refusal that a text has, if any."""
    found = _DENIAL.search(text)
    if found is None:
        return None
    told = found.groupdict()
    return Denial(told["principal"], told["action"], told["resource"] or "*", (told["why"] or "").strip())


def clean_up(cloud: Cloud) -> None:
    """The deploy of that night: production gets a policy that has been tidied up, and the function a new environment.

    Which permission is lost is drawn from the cloud's seed.
    """
    dropped = random.Random(f"{cloud.seed} clean-up").choice(DROPPED)
    statements = list(_without(shop.production_policy(cloud)["Statement"], dropped))
    iam, role = cloud.client("iam"), shop.PRODUCTION_ROLE
    _only(cloud, role, shop.policy(*statements))
    iam.tag_role(RoleName=role, Tags=[{"Key": RELEASE_TAG, "Value": RELEASE}])
    set_variables(cloud, shop.PRODUCTION, RELEASE=RELEASE)


def _only(cloud: Cloud, role: str, document: Mapping[str, Any]) -> None:
    """The role has this policy and no other."""
    iam = cloud.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.detach_role_policy(RoleName=role, PolicyArn=one["PolicyArn"])
    shop.put_policy(cloud, role, document, role)


def _without(statements: Sequence[Mapping[str, Any]], dropped: str) -> list[dict[str, Any]]:
    left = []
    for one in statements:
        kept = [name for name in _actions(one) if name != dropped]
        if kept:
            left.append({**one, "Action": kept})
    return left


def _actions(statement: Mapping[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


def require_clean_up(cloud: Cloud) -> None:
    """NotAttempted unless the night's deploy has run."""
    tags = cloud.client("iam").list_role_tags(RoleName=shop.PRODUCTION_ROLE)["Tags"]
    if {"Key": RELEASE_TAG, "Value": RELEASE} not in tags:
        raise NotAttempted("Nothing is broken yet. Run the cell in which the night's deploy runs.")


def require_a_mend(cloud: Cloud) -> None:
    """NotAttempted while production's role is as the night left it, and nothing was added."""
    iam, role = cloud.client("iam"), shop.PRODUCTION_ROLE
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    if names != [role] or attached:
        return
    document = iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    whole = shop.production_policy(cloud)["Statement"]
    if any(document == shop.policy(*_without(whole, dropped)) for dropped in DROPPED):
        raise NotAttempted(f"The role {role} is still as the night's deploy left it.")


# -- the cause -------------------------------------------------------------------------------------------------


def cause(
    calls: Sequence[Reading],
    elsewhere: Mapping[str, Sequence[Reading]],
    events: Sequence[Event],
    *,
    role: str,
    secrets: Mapping[str, str],
    failed: str,
    action: str,
    resource: str,
    principal: str,
    event: str | None,
) -> None:
    """`failed` is the request id of a call in whose log a refusal stands; action, resource and principal are the
    refusal's; `event` is its event in CloudTrail, None if its history has none. `secrets` are ARNs by name."""
    refused = {one.request_id: found for one in calls if (found := denial_in("\n".join(one.lines))) is not None}
    if not refused:
        raise Uncheckable(
            "No call in production's log was refused anything. Run the cells of the night's deploy first."
        )
    told = refused.get(failed)
    if told is None:
        raise Incorrect(
            _unrefused(calls, elsewhere, failed),
            "the request id of a call of orders-prod in whose log a refusal stands.",
            "The log of the function says which of its calls was refused. The caller only sees that something failed.",
        )
    if action.lower() != told.action.lower():
        raise Incorrect(
            f"action is {action[:60]!r}; the log of {short(failed)} has another one.",
            'the action behind "is not authorized to perform:" in that call\'s log.',
            "Only the missing action mends it. Every other one that you add tonight stays for years.",
        )
    wanted = {told.resource, secrets.get(told.resource, told.resource)}
    if resource not in wanted:
        raise Incorrect(
            f"resource is {resource[:90]!r}.",
            f'what stands behind "on resource:" in the log of {short(failed)}.',
            "A permission is a pair: the action, and what it is allowed on. A star in the second place undoes the care "
            "in the first.",
        )
    own_role = f"arn:aws:iam::{told.principal.split(':')[4]}:role/{role}"
    if principal not in (told.principal, own_role):
        raise Incorrect(
            f"principal is {principal[:90]!r}.",
            f'who was refused: it stands behind "User:" in the log of {short(failed)}.',
            "Who calls the function is one principal, who the function is to DynamoDB or S3 another one. The policy "
            "that lacks something is the second one's.",
        )
    _event(events, told, role, event)


def _unrefused(calls: Sequence[Reading], elsewhere: Mapping[str, Sequence[Reading]], failed: str) -> str:
    if any(one.request_id == failed for one in calls):
        return f"{short(failed)} is a call of orders-prod, and its log has no refusal."
    for name, others in elsewhere.items():
        if any(one.request_id == failed for one in others):
            return f"failed is {short(failed)}, a call of the function {name}."
    return f"failed is {failed[:40]!r}, which is in no REPORT line of orders-prod."


def _event(events: Sequence[Event], told: Denial, role: str, event: str | None) -> None:
    mine = [one for one in events if one.role == role and one.code and one.action.lower() == told.action.lower()]
    if event is None:
        if mine:
            raise Incorrect(
                f"You say that CloudTrail has no event of it; its event history has {len(mine)}.",
                f"the event_id of the refused {told.action}.",
                "Reading a secret is a management event: the history of the last 90 days has it, refusals included.",
            )
        if told.action.lower() in {one.lower() for one in MANAGEMENT}:
            raise Uncheckable("CloudTrail has no event of it yet: in an account it takes some minutes. Ask again.")
        return
    if event in {one.event_id for one in mine}:
        return
    if not mine:
        raise Incorrect(
            f"event is {str(event)[:40]!r}; CloudTrail's event history has no refusal of {told.action} at all.",
            "None.",
            "Items, objects and messages are data events (fact cloudtrail-event-history). Who looks only in CloudTrail "
            "finds nothing, and concludes that nothing was refused.",
        )
    chosen = next((one for one in events if one.event_id == event), None)
    what = f"a {chosen.name} of {chosen.role or chosen.principal.rpartition(':')[2]}" if chosen else "no event there"
    raise Incorrect(
        f"event is {str(event)[:8]}, {what} in CloudTrail.",
        f"the event_id of the refused {told.action} of a session of {role}.",
        "The same operation stands there many times: by whom, and with which errorCode, makes it the one.",
    )
