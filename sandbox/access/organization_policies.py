"""Service control policies and resource control policies when they are put.

Organizations has one sentence for all flaws, which the caller says; the reasons here are ours. Since September 2025
service control policies know the whole language but for principals: conditions and resources with Allow, NotResource,
wildcards anywhere in an action.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sandbox.access import catalog
from sandbox.access.elements import check_action, read, statements_of, strings, unique_sids
from sandbox.access.identity_policies import identity_syntax, legacy_parsing
from sandbox.access.policy import MalformedPolicy


def check_organization(text: str, no_json: str, kind: Literal["service-control", "resource-control"]) -> None:
    """Refuse a text that is no service control policy, or no resource control policy."""
    document = read(text, no_json)
    try:
        identity_syntax(document)
    except MalformedPolicy as error:
        raise MalformedPolicy("The policy does not follow the grammar of policies.") from error
    statements = statements_of(document)
    resource_flaw = legacy_parsing(statements)
    if resource_flaw:
        raise MalformedPolicy(resource_flaw)
    for statement in statements:
        actions = strings(statement.get("Action", statement.get("NotAction", [])))
        if not actions:
            raise MalformedPolicy("A statement needs actions.")
        for action in actions:
            check_action(action)
        if not strings(statement.get("Resource", statement.get("NotResource", []))):
            raise MalformedPolicy("A statement needs resources.")
        if kind == "resource-control":
            _resource_control(statement, actions)
        elif "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedPolicy("Service control policies do not name principals.")
    unique_sids(statements, None, "Statement ids must be unique.")


def _resource_control(statement: Mapping[str, Any], actions: Sequence[str]) -> None:
    if statement.get("Principal") != "*":
        raise MalformedPolicy('Resource control policies know only the Principal "*".')
    if "NotAction" in statement:
        raise MalformedPolicy("Resource control policies do not know NotAction.")
    if statement["Effect"] == "Allow":
        # What AWS's own RCPFullAWSAccess says; a customer's resource control policies deny.
        whole = statement.get("Action") in ("*", ["*"]) and statement.get("Resource") in ("*", ["*"])
        if not whole or statement.get("Condition"):
            raise MalformedPolicy("Resource control policies deny; only RCPFullAWSAccess allows.")
        return
    for action in actions:
        vendor, _, _ = action.partition(":")
        if not catalog.supports_resource_control(vendor):
            raise MalformedPolicy(f"Resource control policies do not know the actions of {vendor}.")
