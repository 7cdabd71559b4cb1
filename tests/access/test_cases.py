"""The evaluator against AWS's documentation: cases/*.yml, one file for each family of rules.

A case says who asks for what (`principal`, of cases/principals.yml, `action`, `resource`, `context`, `owner`), which
policies there are by kind (`identity`, `resource-policy`, `boundary`, `session`, `service-control`, `resource-control`,
`resource-decides`), and what comes out: `allowed`, or `denied:` and the reason, for an explicit denial with the kind of
policy that says so. A policy is a name of the file's `policies`, a statement or a list of statements (of version
2012-10-17), or a whole document. `allow-if` and `deny-if` are the Condition of a statement about everything. `defaults`
of a file stand in every case of it. A list under `expected` means that AWS's words leave several outcomes. A case with
`document` is a text that is no policy.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.access.decision import Policies, PolicyKind, Source
from sandbox.access.evaluation import decide, explain
from sandbox.access.policy import MalformedPolicy, parse
from sandbox.access.request import Context, Principal, Request

CASES = Path(__file__).parent / "cases"
AWS = re.compile(r"https://docs\.aws\.amazon\.com/\S+")
FIELDS = {
    *("name", "source", "expected", "document"),
    *("principal", "action", "resource", "context", "owner", "resource-decides", "allow-if", "deny-if"),
    *("identity", "resource-policy", "boundary", "session", "service-control", "resource-control"),
}
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

with (CASES / "principals.yml").open() as cast:
    PRINCIPALS: dict[str, dict[str, str]] = yaml.safe_load(cast)


@dataclasses.dataclass(frozen=True)
class Case:
    """One case of a file, with the file's named policies at hand."""

    id: str
    fields: dict[str, Any]
    named: dict[str, Any]

    def request(self) -> Request:
        who = self.fields["principal"]
        return Request(
            Principal(**(PRINCIPALS[who] if isinstance(who, str) else who)),
            self.fields["action"],
            self.fields["resource"],
            Context(self.fields.get("context")),
            resource_account=self.fields.get("owner"),
        )

    def policies(self) -> Policies:
        given = self.fields
        return Policies(
            identity=self.sources("identity", self.identity()),
            resource=self.joined("resource", given.get("resource-policy")),
            boundary=self.joined("boundary", given.get("boundary")),
            session=self.sources("session", given["session"]) if "session" in given else None,
            service_controls=[self.sources("service-control", level) for level in given.get("service-control", ())],
            resource_controls=[self.sources("resource-control", level) for level in given.get("resource-control", ())],
            resource_decides=given.get("resource-decides", False),
        )

    def identity(self) -> Any:
        if "allow-if" in self.fields:
            return [{**ANYTHING, "Condition": self.fields["allow-if"]}]
        if "deny-if" in self.fields:
            return [ANYTHING, {**ANYTHING, "Effect": "Deny", "Condition": self.fields["deny-if"]}]
        return self.fields.get("identity", [])

    def sources(self, kind: PolicyKind, given: Any) -> list[Source]:
        each = given if isinstance(given, list) else [given]
        return [self.source(kind, policy, f"{kind}-{number}") for number, policy in enumerate(each, start=1)]

    def joined(self, kind: PolicyKind, given: Any) -> Source | None:
        """The one policy that a list of policies makes, where there can only be one."""
        if given is None:
            return None
        if not isinstance(given, list):
            return self.source(kind, given, kind)
        statements = [statement for policy in given for statement in self.document(policy)["Statement"]]
        return self.source(kind, {"Version": "2012-10-17", "Statement": statements}, kind)

    def source(self, kind: PolicyKind, policy: Any, name: str) -> Source:
        return Source(kind, policy if isinstance(policy, str) else name, parse(json.dumps(self.document(policy))))

    def document(self, policy: Any) -> dict[str, Any]:
        if isinstance(policy, str):
            policy = self.named[policy]
        if isinstance(policy, dict) and "Statement" in policy:
            return policy
        return {"Version": "2012-10-17", "Statement": policy if isinstance(policy, list) else [policy]}


def load() -> list[Case]:
    cases = []
    for path in sorted(CASES.glob("[0-9]*.yml")):
        with path.open() as file:
            family = yaml.safe_load(file)
        for fields in family["cases"]:
            words = re.sub(r"[^\w${*?}]+", "-", fields["name"]).strip("-")
            fields = {"source": family["source"], **family.get("defaults", {}), **fields}
            cases.append(Case(f"{path.stem}:{words}", fields, family.get("policies", {})))
    return cases


EVERY = load()
DECIDED = [case for case in EVERY if "document" not in case.fields]
MALFORMED = [case for case in EVERY if "document" in case.fields]


def outcome(case: Case) -> str:
    try:
        policies = case.policies()
    except MalformedPolicy:
        return "malformed"
    decision = decide(case.request(), policies)
    if decision.allowed:
        return "allowed"
    if decision.reason == "explicit":
        assert decision.by is not None, "an explicit denial names its policy"
        assert decision.statement is not None, "an explicit denial names its statement"
        assert decision.statement.effect == "Deny"
        return f"denied: explicit in {decision.by.kind}"
    return f"denied: {decision.reason}"


@pytest.mark.parametrize("case", DECIDED, ids=lambda case: case.id)
def test_decision_is_the_documented_one(case: Case) -> None:
    expected = case.fields["expected"]
    assert outcome(case) in (expected if isinstance(expected, list) else [expected]), case.fields["source"]


@pytest.mark.parametrize("case", DECIDED, ids=lambda case: case.id)
def test_explanation_tells_the_decision(case: Case) -> None:
    try:
        policies = case.policies()
    except MalformedPolicy:
        return  # There is nothing to explain; whether it may be refused is for the decision's test.
    request = case.request()
    explanation = explain(request, policies)
    assert explanation.decision == decide(request, policies)
    reports = explanation.statements
    assert len(reports) == sum(len(source.policy.statements) for source in every(policies))
    for report in reports:
        assert report.applies == (report.failed is None)
        assert report.why
        if report.applies:
            assert all(condition.met for condition in report.conditions)
        if report.failed == "Condition":
            assert not all(condition.met for condition in report.conditions)
    denials = [report for report in reports if report.applies and report.statement.effect == "Deny"]
    assert bool(denials) == (explanation.decision.reason == "explicit")
    by, decisive = explanation.decision.by, explanation.decision.statement
    if by is not None:
        assert [each.applies for each in reports if each.source is by and each.statement is decisive] == [True]
    assert explanation.sentence


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.id)
def test_malformed_policy_is_refused_with_a_reason(case: Case) -> None:
    with pytest.raises(MalformedPolicy) as refusal:
        parse(case.fields["document"])
    assert refusal.value.reason


def test_there_are_at_least_200_cases_with_an_id_each() -> None:
    assert len(EVERY) >= 200
    assert [name for name, times in Counter(case.id for case in EVERY).items() if times > 1] == []


def test_every_case_cites_a_page_of_aws_and_says_nothing_unknown() -> None:
    assert [case.id for case in EVERY if not AWS.fullmatch(case.fields["source"])] == []
    assert [case.id for case in EVERY if not set(case.fields) <= FIELDS] == []
    assert [case.id for case in EVERY if ("expected" in case.fields) == ("document" in case.fields)] == []


def every(policies: Policies) -> list[Source]:
    single = [source for source in (policies.resource, policies.boundary) if source is not None]
    levels = [*policies.service_controls, *policies.resource_controls]
    return [*policies.identity, *single, *(policies.session or ()), *(source for level in levels for source in level)]
