"""Role trust policies when they are put.

The sentences are reported but for what is marked (see `grammar`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.access import catalog, conditions
from sandbox.access.elements import (
    STATEMENT_ELEMENTS,
    Exists,
    InvalidPrincipal,
    condition_entries,
    is_principal,
    read,
    statement_syntax,
    statements_of,
    strings,
    unique_sids,
)
from sandbox.access.policy import MalformedPolicy
from sandbox.access.request import fold

#: Identity providers that many customers share: a trust policy must say which of their tenants it means, by this
#: claim. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
SHARED_PROVIDERS: Mapping[str, str] = {
    "agent.buildkite.com": "sub",
    "api.pulumi.com/oidc": "aud",
    "app.terraform.io": "sub",
    "gitlab.com": "sub",
    "oidc-configuration.audit-log.githubusercontent.com": "sub",
    "oidc.codefresh.io": "sub",
    "oidc.vercel.com": "aud",
    "proidc.upbound.io": "sub",
    "sandboxes.cloud": "aud",
    "scalr.io": "sub",
    "studio.datachain.ai/api": "sub",
    "token.actions.githubusercontent.com": "sub",
    "tokens.cloud.shisho.dev": "sub",
    "vstoken.actions.githubusercontent.com": "sub",
}


def check_trust(text: str, no_json: str, exists: Exists | None) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html

    The sentences are reported but for what is marked.
    """
    document = read(text, no_json)
    for name in document:
        if name not in ("Version", "Id", "Statement"):
            raise MalformedPolicy(f"Unknown field {name}")
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise MalformedPolicy("The policy must contain a valid version string")
    if "Statement" not in document:
        raise MalformedPolicy("Missing required field Statement")
    statements = statements_of(document)
    if not statements:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _trust_statement(statement, exists)
    unique_sids(statements, None, "The Statement Ids in the policy are not unique")


def _trust_statement(statement: Any, exists: Exists | None) -> None:
    syntax = "Syntax error in policy."
    if not isinstance(statement, dict):
        raise MalformedPolicy(syntax)
    for name in statement:
        if name not in STATEMENT_ELEMENTS:
            raise MalformedPolicy(f"Unknown field {name}")
    if "Effect" not in statement:
        raise MalformedPolicy("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
    if "NotPrincipal" in statement:
        if statement["Effect"] == "Allow":
            raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
        raise MalformedPolicy("AssumeRole policy must not contain NotPrincipal field.")
    if "Principal" not in statement:
        raise MalformedPolicy("Missing required field Principal")
    if "Resource" in statement:
        raise MalformedPolicy("Has prohibited field Resource")
    if "NotResource" in statement:
        raise MalformedPolicy("AssumeRole policy must not contain resources.")
    statement_syntax(statement, syntax)
    _trust_principal(statement["Principal"], exists)
    if not strings(statement.get("Action", statement.get("NotAction", []))):
        raise MalformedPolicy("Missing required field Action")
    for action in strings(statement.get("Action", statement.get("NotAction"))) or ():
        vendor, _, name = action.partition(":")
        if fold(vendor) != "sts" or not catalog.count(f"sts:{name}"):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
    _tenancy(statement)


def _trust_principal(principal: Any, exists: Exists | None) -> None:
    if isinstance(principal, str):
        shown = f'"STAR":"{principal}"' if principal == "*" else f'"{principal}"'
        raise InvalidPrincipal(f"AssumeRolepolicy contained an invalid principal: {shown}.", principal)
    if not isinstance(principal, dict):
        raise MalformedPolicy("Syntax error in policy.")
    if not principal:
        raise MalformedPolicy("Missing required field Principal cannot be empty!")
    for key, given in principal.items():
        values = strings(given)
        if key not in ("AWS", "Service", "Federated") or values is None:
            raise InvalidPrincipal(f'Invalid principal in policy: "{key}"', key)
        if not values:
            raise MalformedPolicy("Missing required field Principal cannot be empty!")
        for value in values:
            if not is_principal(key, value, exists):
                shown = "AWS" if key == "AWS" else key.upper()
                raise InvalidPrincipal(f'Invalid principal in policy: "{shown}":"{value}"', value)


def _tenancy(statement: Mapping[str, Any]) -> None:
    """A shared identity provider needs a condition on its tenant. The first sentence is reported, the second ours."""
    if statement["Effect"] != "Allow":
        return
    for value in strings(statement["Principal"].get("Federated", [])) or ():
        if value == "cognito-identity.amazonaws.com":
            if not _scopes(statement.get("Condition", {}), f"{value}:aud"):
                raise MalformedPolicy("A condition block must be present for the Cognito provider")
            continue
        _, _, provider = value.partition(":oidc-provider/")
        claim = SHARED_PROVIDERS.get(provider)
        if claim is not None and not _scopes(statement.get("Condition", {}), f"{provider}:{claim}"):
            raise MalformedPolicy(
                f"A condition on {provider}:{claim} must be present for the shared identity provider {provider}"
            )


def _scopes(block: Any, wanted: str) -> bool:
    """Whether a Condition element demands certain values of a key, not only wildcards."""
    for name, key, values in condition_entries(block):
        positive = conditions.split(name)[0] in ("StringEquals", "StringEqualsIgnoreCase", "StringLike")
        if positive and fold(key) == fold(wanted) and values and all(value.strip("*?") for value in values):
            return True
    return False
