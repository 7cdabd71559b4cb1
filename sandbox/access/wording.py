"""AWS's sentences for a denial, all in this one place.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html gives the words by kind of policy;
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns adds the ARN of the policy
that denies, within one account, for all kinds but resource-based ones.
"""

from __future__ import annotations

from sandbox.access.decision import Decision, PolicyKind

_WITH_A_DENY: dict[PolicyKind, str] = {
    "resource-control": "a resource control policy",
    "service-control": "a service control policy",
    "resource": "a resource-based policy",
    "identity": "an identity-based policy",
    "boundary": "a permissions boundary",
    # AWS's page has "a sessions policy" in this place, its blog "a session policy".
    "session": "a session policy",
}
_WITHOUT_ALLOW: dict[PolicyKind, str] = {
    "resource-control": "resource control policy",
    "service-control": "service control policy",
    "resource": "resource-based policy",
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
}


def denial(decision: Decision) -> str:
    """The sentence of a denial, as the service answers it: who may not do what on which resource, and why."""
    request = decision.request
    principal = request.principal
    if principal.kind == "WebIdentity":
        # https://repost.aws/knowledge-center/iam-idp-access-error
        return f"Not authorized to perform {request.action}"
    who = "anonymous" if principal.kind == "Anonymous" else principal.arn
    # S3 alone puts the resource in quotes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    resource = f'"{request.resource}"' if request.action.lower().startswith("s3:") else request.resource
    return f"User: {who} is not authorized to perform: {request.action} on resource: {resource} {_why(decision)}"


def _why(decision: Decision) -> str:
    trust = decision.request.action.lower().startswith(("sts:assumerole", "sts:tagsession", "sts:setsourceidentity"))
    if decision.reason == "explicit" and decision.by is not None:
        kind = decision.by.kind
        policy = "the role trust policy" if trust and kind == "resource" else _WITH_A_DENY[kind]
        named = kind != "resource" and not decision.cross_account and decision.by.name.startswith("arn:")
        return f"with an explicit deny in {policy}" + (f": {decision.by.name}" if named else "")
    missing = "identity" if decision.reason == "allowed" or decision.reason == "explicit" else decision.reason
    policy = "role trust policy" if trust and missing == "resource" else _WITHOUT_ALLOW[missing]
    return f"because no {policy} allows the {decision.request.action} action"
