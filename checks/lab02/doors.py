"""Who may call a function, by its own policy, and what a role may: read back, taken away, and put back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.contract import Uncheckable
from checks.lab02 import stacks
from checks.lab06.reading import managed

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"
#: So long a change of a policy may take in an account until every service knows it, in seconds.
SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Door:
    """One statement of a function's own policy: who may invoke it, and for which API's calls."""

    function: str
    sid: str
    principal: str
    source_arn: str

    def __str__(self) -> str:
        return f"{self.sid}\n    {self.principal} may invoke, for calls of {self.source_arn}"


def doors(cloud: Cloud, function: str) -> dict[str, Door]:
    """The statements of a function's own policy, by their Sid."""
    functions = cloud.client("lambda")
    try:
        policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
    except functions.exceptions.ResourceNotFoundException:
        return {}
    return {one["Sid"]: _door(function, one) for one in policy["Statement"]}


def _door(function: str, statement: Mapping[str, Any]) -> Door:
    arns = statement.get("Condition", {}).get("ArnLike", {})
    principal = statement["Principal"]
    return Door(
        function=function,
        sid=statement["Sid"],
        principal=str(principal.get("Service", principal) if isinstance(principal, dict) else principal),
        source_arn=str(next(iter(arns.values()), "")),
    )


def door(cloud: Cloud, stack: str, permission: str, function: str = "Orders") -> Door:
    """The statement that a stack's resource of type AWS::Lambda::Permission stands for: its physical id is the Sid.

    Uncheckable if the function's policy does not have it (any more).
    """
    known = stacks.resources(cloud, stack)
    name, sid = (str(known[id]["PhysicalResourceId"]) for id in (function, permission))
    there = doors(cloud, name)
    if sid not in there:
        raise Uncheckable(
            f"The policy of {name} has no statement {sid} any more. Remove the stack with "
            f"stacks.delete(cloud, {stack!r}), and run round 1's cell that deploys it."
        )
    return there[sid]


def take_away(cloud: Cloud, door: Door) -> None:
    """Remove the statement, as somebody might by hand (lambda:RemovePermission)."""
    cloud.client("lambda").remove_permission(FunctionName=door.function, StatementId=door.sid)
    settle(cloud)


def put_back(cloud: Cloud, door: Door) -> None:
    """Make the statement again, under the Sid by which CloudFormation knows it (lambda:AddPermission)."""
    cloud.client("lambda").add_permission(
        FunctionName=door.function,
        StatementId=door.sid,
        Action="lambda:InvokeFunction",
        Principal=door.principal,
        SourceArn=door.source_arn,
    )
    settle(cloud)


def settle(cloud: Cloud, seconds: float = SETTLE_SECONDS) -> None:
    """In an account: wait until a change of a policy has reached the services."""
    if cloud.target == "account" and cloud.endpoint is None:
        cloud.clock.advance(seconds)


# -- what a role may -------------------------------------------------------------------------------------------


def policy_of(cloud: Cloud, stack: str, role: str, number: int = 0) -> dict[str, Any]:
    """One of the inline policies of a stack's role: SAM makes one for each entry of Policies, in their order."""
    iam, name = cloud.client("iam"), stacks.physical(cloud, stack, role)
    policies = sorted(iam.list_role_policies(RoleName=name)["PolicyNames"], key=_number)
    document = iam.get_role_policy(RoleName=name, PolicyName=policies[number])["PolicyDocument"]
    return dict(document)


def _number(name: str) -> int:
    """The number that SAM puts behind a policy's name: OrdersRolePolicy0."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits or 0)


def full_access(cloud: Cloud) -> dict[str, Any]:
    """AWS's managed policy AmazonDynamoDBFullAccess, as it stands in the account."""
    return dict(managed(cloud, FULL_ACCESS))


def resources_of(document: Mapping[str, Any]) -> list[str]:
    """The resources that a policy's statements name, each once."""
    found: list[str] = []
    for statement in _several(document["Statement"]):
        found += _several(statement.get("Resource", []))
    return list(dict.fromkeys(found))


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
