"""Access Analyzer's policy validation: what is wrong with a policy document, or could be better, and where.

The checks, their codes and sentences are in `finding_texts`, with AWS's page; what they look at is in
`statement_findings`, `principal_findings`, `resource_findings` and `condition_findings`. Locations are as AWS gives
them: a path of members and items, and a span that has quotes and brackets in it, lines from 1, columns and offsets
from 0. https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sandbox.access.elements import MOST_CHARACTERS
from sandbox.access.grammar import QUOTAS, size
from sandbox.access.review import Finding, Location, Place, PolicyType, ResourceType, Review, each_of
from sandbox.access.spans import JsonError, Lines, Node, read
from sandbox.access.statement_findings import check_statement

__all__ = ["Finding", "Location", "PolicyType", "ResourceType", "TooLong", "validate"]


class TooLong(ValueError):
    """A document longer than any policy. It is not validated."""


def validate(document: str, policy_type: PolicyType, resource_type: ResourceType | None = None) -> list[Finding]:
    """The findings on a policy document, in the order of their places.

    A role's trust policy is a RESOURCE_POLICY of the type AWS::IAM::AssumeRolePolicyDocument; without a type a policy
    of sts actions only is taken for one. Raises TooLong.
    """
    if len(document) > MOST_CHARACTERS:
        raise TooLong(f"the document has {len(document)} characters; no policy has more than {MOST_CHARACTERS}")
    review = Review(policy_type, resource_type, Lines(document))
    try:
        top = read(document)
    except JsonError as error:
        at = review.lines.position(error.offset)
        nowhere = Place(Node("null", error.offset, min(error.offset + 1, len(document))))
        review.add("JSON_SYNTAX_ERROR", nowhere, index=at.offset, line=at.line, column=at.column)
        return review.findings
    _document(review, Place(top), document)
    return sorted(review.findings, key=lambda finding: finding.locations[0].start.offset)


# -- the document as a whole ---------------------------------------------------------------------------


def _document(review: Review, top: Place, text: str) -> None:
    if top.node.kind != "object":
        review.add("DATA_TYPE_MISMATCH", top, data_type="Object")
        return
    for name, _ in top.members():
        if name not in ("Version", "Id", "Statement"):
            review.add("INVALID_POLICY_ELEMENT", top.key(name), element=name)
    _version(review, top)
    identifier = top.member("Id")
    if identifier is not None:
        review.text(identifier)
    statements = top.member("Statement")
    if statements is None or (statements.node.kind == "array" and not statements.node.items):
        review.add("MISSING_STATEMENT", statements or top)
        return
    trust = _is_trust(review, statements)
    for statement in statements.each():
        check_statement(review, statement, trust)
    _sids(review, statements.each(), trust)
    _same_statements(review, statements.each())
    _sizes(review, top, text, trust)


def _version(review: Review, top: Place) -> None:
    version = top.member("Version")
    if version is None:
        review.variables = False
        review.add("MISSING_VERSION", top)
        return
    given = review.text(version)
    review.variables = given != "2008-10-17"
    if given is not None and given not in ("2012-10-17", "2008-10-17"):
        review.add("INVALID_VERSION", version, version=given, versions="2012-10-17, 2008-10-17")


def _is_trust(review: Review, statements: Place) -> bool:
    if review.policy_type != "RESOURCE_POLICY":
        return False
    if review.resource_type is not None:
        return review.resource_type == "AWS::IAM::AssumeRolePolicyDocument"
    actions = [
        action.text or ""
        for statement in statements.each()
        for action in each_of(statement.member("Action") or statement.member("NotAction"))
    ]
    return bool(actions) and all(action.lower().startswith("sts:") for action in actions)


def _sids(review: Review, statements: Sequence[Place], trust: bool) -> None:
    unique = review.policy_type != "RESOURCE_POLICY" or trust
    seen = set()
    for statement in statements:
        sid = statement.member("Sid")
        if sid is None or not sid.text:
            continue
        if sid.text in seen:
            review.add("UNIQUE_SIDS_REQUIRED" if unique else "UNIQUE_SIDS_RECOMMENDED", sid)
        seen.add(sid.text)


def _same_statements(review: Review, statements: Sequence[Place]) -> None:
    first: dict[str, Place] = {}
    for statement in statements:
        value = statement.node.plain()
        if not isinstance(value, dict):
            continue
        value.pop("Sid", None)
        # Lists say the same in any order.
        ordered = {name: sorted(each, key=str) if isinstance(each, list) else each for name, each in value.items()}
        shape = json.dumps(ordered, sort_keys=True)
        if shape in first:
            review.add("REDUNDANT_STATEMENT", first[shape], statement)
        else:
            first[shape] = statement


#: The largest resource policy that any service of ValidatePolicy's types takes: S3's.
_LARGEST_RESOURCE_POLICY = QUOTAS["s3"].characters


def _sizes(review: Review, top: Place, text: str, trust: bool) -> None:
    counted = {
        "IDENTITY_POLICY": (size(text), QUOTAS["managed"].characters, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"),
        "SERVICE_CONTROL_POLICY": (len(text), QUOTAS["service-control"].characters, "POLICY_SIZE_EXCEEDS_SCP_QUOTA"),
        "RESOURCE_CONTROL_POLICY": (len(text), QUOTAS["resource-control"].characters, "POLICY_SIZE_EXCEEDS_RCP_QUOTA"),
        "RESOURCE_POLICY": (len(text), _LARGEST_RESOURCE_POLICY, "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"),
    }
    characters, quota, code = counted[review.policy_type]
    if trust:
        characters, quota = size(text), QUOTAS["trust"].characters
        code = "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA"
    if characters > quota:
        review.add(code, top, size=characters, quota=quota)
