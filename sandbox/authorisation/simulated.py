"""One action on one resource, simulated: the decision, and what of which policy led to it. Data in, data out.

The decision itself is the evaluator's, as for every live call; what differs is where the policies and the context come
from. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.access import Context, Policies, Principal, Request, Source, explain
from sandbox.access.decision import StatementReport
from sandbox.authorisation.context_keys import keys_of
from sandbox.authorisation.positions import statement_positions

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]
#: What IAM calls the kinds of policies in its answers. The model of the API lists other words; the examples on its
#: pages and recorded answers have these.
#: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples
PolicyType = Literal["IAM Policy", "Resource Policy", "Permissions Boundary Policy"]

#: The more restrictive, the higher.
_STRENGTH: Mapping[Verdict, int] = {"allowed": 0, "implicitDeny": 1, "explicitDeny": 2}


@dataclass(frozen=True, slots=True)
class Taking:
    """A policy that takes part: under which id IAM reports its statements, and the text that positions count in."""

    id: str
    type: PolicyType
    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that matched."""

    taking: Taking
    index: int
    effect: str

    def shape(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html"""
        start, end = statement_positions(self.taking.text)[self.index]
        return {
            "SourcePolicyId": self.taking.id,
            "SourcePolicyType": self.taking.type,
            "StartPosition": start.shape(),
            "EndPosition": end.shape(),
        }


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything but action and resource: who asks, by which policies, in which context.

    `service_controls` has the service control policies of each level from the root to the account; empty where none
    bind the caller. `owner` is the account of resources whose ARN names none.
    """

    caller: Principal
    identity: Sequence[Taking] = ()
    boundary: Taking | None = None
    resource: Taking | None = None
    service_controls: Sequence[Sequence[Source]] = ()
    context: Context = field(default_factory=Context)
    owner: str | None = None

    @property
    def missing(self) -> list[str]:
        """The keys that the policies name and that the context has not, whatever the action.

        Boundaries and service control policies don't count, and keys of statements about other actions do:
        https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html,
        https://github.com/boto/boto3/issues/3111
        """
        taking = [*self.identity, *([self.resource] if self.resource else ())]
        return [key for key in keys_of(each.source.policy.document for each in taking) if key not in self.context]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action on one resource.

    `details` has a verdict for each kind of policy, in a simulation across accounts only. `boundary` and
    `organization` say whether the boundary and the service control policies allow; None where there are none.
    """

    verdict: Verdict
    matched: tuple[Matched, ...]
    details: Mapping[PolicyType, Verdict] | None
    boundary: bool | None
    organization: bool | None


def simulate(scene: Scene, action: str, resource: str) -> Outcome:
    """Decide one action on one resource (an ARN, or `*`)."""
    account = scene.caller.account
    request = Request(scene.caller, action, resource, scene.context, _owner(scene, resource))
    policies = Policies(
        identity=[taking.source for taking in scene.identity],
        resource=scene.resource.source if scene.resource else None,
        boundary=scene.boundary.source if scene.boundary else None,
        service_controls=scene.service_controls,
        resource_decides=scene.resource is not None and decides(action, resource),
    )
    explanation = explain(request, policies)
    applying = [report for report in explanation.statements if report.applies]
    organization = _organization(scene.service_controls, applying)
    matched = _matched(scene, applying)
    identity = _verdict(each for each in matched if each.taking.type == "IAM Policy")
    of_resource = _verdict(each for each in matched if each.taking.type == "Resource Policy")
    boundary = _verdict(each for each in matched if each.taking.type == "Permissions Boundary Policy")
    verdict: Verdict = "allowed"
    if not explanation.decision.allowed:
        verdict = "explicitDeny" if explanation.decision.reason == "explicit" else "implicitDeny"
    details: dict[PolicyType, Verdict] | None = None
    if scene.resource is not None and request.owner != account and organization is not False:
        details = {"IAM Policy": identity, "Resource Policy": of_resource}
        if scene.boundary is not None:
            details["Permissions Boundary Policy"] = boundary
    return Outcome(
        verdict,
        () if organization is False else _told(matched, verdict),
        details,
        None if scene.boundary is None else boundary == "allowed",
        organization,
    )


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """The most restrictive of several verdicts."""
    return max(verdicts, key=_STRENGTH.__getitem__)


def decides(action: str, resource: str) -> bool:
    """Whether nothing is allowed on a resource that its own policy does not allow: KMS keys and roles' trust.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
    """
    return action.lower().startswith("kms:") or (action.lower().startswith("sts:assume") and ":role/" in resource)


def _owner(scene: Scene, resource: str) -> str | None:
    if scene.resource is None:
        # Without a resource policy only the caller's own policies are simulated, wherever the resource may be.
        return scene.caller.account
    parts = resource.split(":", 5)
    named = parts[4] if len(parts) == 6 else ""
    return named or scene.owner or scene.caller.account


def _organization(levels: Sequence[Sequence[Source]], applying: Sequence[StatementReport]) -> bool | None:
    if not levels:
        return None
    of_controls = [report for report in applying if report.source.kind == "service-control"]
    if any(report.statement.effect == "Deny" for report in of_controls):
        return False
    return all(any(report.source is source for report in of_controls for source in level) for level in levels)


def _matched(scene: Scene, applying: Sequence[StatementReport]) -> tuple[Matched, ...]:
    taking = [*scene.identity, *(each for each in (scene.boundary, scene.resource) if each is not None)]
    return tuple(
        Matched(each, report.index, report.statement.effect)
        for each in taking
        for report in applying
        if report.source is each.source
    )


def _verdict(matched: Iterable[Matched]) -> Verdict:
    effects = {each.effect for each in matched}
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def _told(matched: Iterable[Matched], verdict: Verdict) -> tuple[Matched, ...]:
    """The statements that IAM reports: those that deny, else those that allow; of a boundary only what denies."""
    if verdict == "explicitDeny":
        return tuple(each for each in matched if each.effect == "Deny")
    return tuple(
        each for each in matched if each.effect == "Allow" and each.taking.type != "Permissions Boundary Policy"
    )
