"""Identity-based policies when they are put: inline, managed, session policies.

The sentences are reported, as moto's cases hold them, and so is their order (see `grammar`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.access import conditions
from sandbox.access.elements import (
    check_action,
    condition_entries,
    is_date,
    read,
    resource_flaw,
    statement_syntax,
    statements_of,
    strings,
    unique_sids,
)
from sandbox.access.policy import MalformedPolicy
from sandbox.access.request import fold

_SYNTAX = "Syntax errors in policy."  # reported
_LEGACY = "The policy failed legacy parsing"  # reported


def check_identity(text: str, no_json: str, managed: bool) -> None:
    """Refuse a text that is no identity-based policy. `no_json` is what is said of a text that is no JSON."""
    document = read(text, no_json)
    identity_syntax(document)
    statements = statements_of(document)
    if managed and document.get("Version") != "2012-10-17":
        # Inline policies may be of 2008-10-17, which is also what no Version means.
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedPolicy("Policy document should not specify a principal.")
    resource_error = legacy_parsing(statements)
    unique_sids(
        statements,
        "Statement IDs (SID) must be alpha-numeric. "
        "Check that your input satisfies the regular expression [0-9A-Za-z]*",
        "Statement IDs (SID) in a single policy must be unique.",
    )
    for statement in statements:
        if not strings(statement.get("Action", statement.get("NotAction", []))):
            raise MalformedPolicy("Policy statement must contain actions.")
    if resource_error:
        raise MalformedPolicy(resource_error)
    for statement in statements:
        for action in strings(statement.get("Action", statement.get("NotAction"))) or ():
            check_action(action)
    for statement in statements:
        if not strings(statement.get("Resource", statement.get("NotResource", []))):
            raise MalformedPolicy("Policy statement must contain resources.")


def identity_syntax(document: Mapping[str, Any]) -> None:
    """Refuse what has other elements than a policy, or elements of other types."""
    if not document.keys() <= {"Version", "Id", "Statement"} or "Statement" not in document:
        raise MalformedPolicy(_SYNTAX)
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise MalformedPolicy(_SYNTAX)
    if not isinstance(document.get("Id", ""), str) or not statements_of(document):
        raise MalformedPolicy(_SYNTAX)
    for statement in statements_of(document):
        statement_syntax(statement, _SYNTAX)
        if fold(statement["Effect"]) not in ("allow", "deny"):
            raise MalformedPolicy(_SYNTAX)


def legacy_parsing(statements: Sequence[Mapping[str, Any]]) -> str:
    """Refuses what the old parser can't read; gives the first flaw of a resource, which IAM tells later."""
    flaw = ""
    for statement in statements:
        if statement["Effect"] not in ("Allow", "Deny"):
            raise MalformedPolicy(_LEGACY)
        for name, _, values in condition_entries(statement.get("Condition", {})):
            if conditions.split(name)[0].startswith("Date") and not all(map(is_date, values)):
                raise MalformedPolicy(_LEGACY)
        for element in ("Resource", "NotResource"):
            for resource in strings(statement.get(element, [])) or ():
                flaw = flaw or resource_flaw(resource)
                if not flaw and resource != "*" and "::" in resource and resource.count(":") < 5:
                    raise MalformedPolicy(_LEGACY)
                if not flaw and resource != "*" and not resource.split(":")[2]:
                    raise MalformedPolicy(_LEGACY)
    return flaw
