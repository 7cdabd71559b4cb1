"""What roles must not be allowed, asked with IAM's simulation: the pipeline's two roles of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.contract import Incorrect
from checks.lab02 import packaging

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


@dataclass(frozen=True, slots=True)
class Question:
    """A call that a role must not be allowed. `context` are condition keys of the call, by name."""

    words: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(cloud: Cloud, role: str, questions: Iterable[Question]) -> Question | None:
    """The first of these calls that a role (its ARN) is allowed; None if it is allowed none."""
    iam = cloud.client("iam")
    for one in questions:
        context = [
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in one.context.items()
        ]
        told = iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[one.action], ResourceArns=[one.resource], ContextEntries=context
        )["EvaluationResults"][0]
        if told["EvalDecision"] == "allowed":
            return one
    return None


def must_be_narrow(cloud: Cloud, stage: str, deploys: str, makes: str) -> None:
    """The job's role of a stage and CloudFormation's (ARNs) may work on this stage's stack only. Incorrect."""
    found = allowed(cloud, deploys, _of_the_job(cloud, stage))
    if found is not None:
        raise Incorrect(
            f"The DeployRole of {stage} may {found.words} ({found.action}).",
            f"what it could do as you found it: start the stack orders-{stage}, put its code into the bucket, and hand "
            "CloudFormation the role that makes the rest.",
            "Who may edit the workflow has this role's rights. What it can't do directly goes through a stack, with "
            "its events and its rollback.",
        )
    found = allowed(cloud, makes, _of_cloudformation(cloud, stage))
    if found is not None:
        raise Incorrect(
            f"The CloudFormationRole of {stage} may {found.words} ({found.action}).",
            f"what it could do as you found it: whatever is called orders-{stage}-...",
            "A template decides what this role does, and a template comes with every push. Its names are the fence "
            "between the stages.",
        )


def _of_the_job(cloud: Cloud, stage: str) -> tuple[Question, ...]:
    here, account, other = f"{cloud.region}:{cloud.account}", f"arn:aws:iam::{cloud.account}", _other(stage)
    stack = f"arn:aws:cloudformation:{here}:stack/orders-{other}/0"
    passed = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    return (
        Question(f"plan the stack of {other}", "cloudformation:CreateChangeSet", stack),
        Question(f"deploy the stack of {other}", "cloudformation:ExecuteChangeSet", stack),
        Question(f"delete the stack of {other}", "cloudformation:DeleteStack", stack),
        Question("hand over any role", "iam:PassRole", f"{account}:role/administrators", passed),
        Question("make a user", "iam:CreateUser", f"{account}:user/somebody"),
        Question("give a role more rights", "iam:AttachRolePolicy", f"{account}:role/orders-{stage}-function"),
        Question(
            "delete a table itself", "dynamodb:DeleteTable", f"arn:aws:dynamodb:{here}:table/orders-{stage}-orders"
        ),
        Question(
            "change a function itself",
            "lambda:UpdateFunctionCode",
            f"arn:aws:lambda:{here}:function:orders-{stage}-orders",
        ),
        Question(f"put code where {other}'s is", "s3:PutObject", _code(cloud, other)),
    )


def _of_cloudformation(cloud: Cloud, stage: str) -> tuple[Question, ...]:
    here, account, other = f"{cloud.region}:{cloud.account}", f"arn:aws:iam::{cloud.account}", _other(stage)
    return (
        Question(
            f"delete {other}'s table", "dynamodb:DeleteTable", f"arn:aws:dynamodb:{here}:table/orders-{other}-orders"
        ),
        Question(
            f"change {other}'s function",
            "lambda:UpdateFunctionCode",
            f"arn:aws:lambda:{here}:function:orders-{other}-orders",
        ),
        Question("delete another table", "dynamodb:DeleteTable", f"arn:aws:dynamodb:{here}:table/customers"),
        Question("delete another queue", "sqs:DeleteQueue", f"arn:aws:sqs:{here}:payments"),
        Question("give another role more rights", "iam:PutRolePolicy", f"{account}:role/administrators"),
        Question("hand over any role", "iam:PassRole", f"{account}:role/administrators"),
        Question("make a user", "iam:CreateUser", f"{account}:user/somebody"),
        Question(f"read {other}'s code", "s3:GetObject", _code(cloud, other)),
    )


def _other(stage: str) -> str:
    return "staging" if stage == "prod" else "prod"


def _code(cloud: Cloud, stage: str) -> str:
    return f"arn:aws:s3:::{packaging.bucket_of(cloud)}/orders-{stage}/code"
