"""AWS IAM's policy evaluation as a library: a request and policies in, a decision with its reasons out.

    from sandbox.access import Context, Policies, Principal, Request, Source, decide, parse

    anna = Principal("User", "arn:aws:iam::123456789012:user/anna", "123456789012")
    mine = parse('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}')
    request = Request(anna, "s3:GetObject", "arn:aws:s3:::photos/cat.jpg", Context({"aws:SecureTransport": True}))
    decide(request, Policies(identity=[Source("identity", "photos", mine)])).allowed  # True

Pure functions without I/O. The rules follow
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from sandbox.access.decision import (
    ConditionReport,
    Decision,
    Explanation,
    Policies,
    PolicyKind,
    Reason,
    Source,
    StatementReport,
)
from sandbox.access.evaluation import decide, explain
from sandbox.access.policy import MalformedPolicy, Policy, Statement, parse
from sandbox.access.request import Context, Principal, PrincipalKind, Request, Value, Values
from sandbox.access.wording import denial

__all__ = [
    "ConditionReport",
    "Context",
    "Decision",
    "Explanation",
    "MalformedPolicy",
    "Policies",
    "Policy",
    "PolicyKind",
    "Principal",
    "PrincipalKind",
    "Reason",
    "Request",
    "Source",
    "Statement",
    "StatementReport",
    "Value",
    "Values",
    "decide",
    "denial",
    "explain",
    "parse",
]
