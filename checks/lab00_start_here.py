"""Lab 00, the tour: its opening state, one prediction and one check."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from checks.contract import Answers, Incorrect, NotAttempted, check, prediction
from checks.functions import execution_role, invoke, remove

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = ("hello.py",)
SERVICES = ("lambda", "logs", "iam")

FUNCTION = "hello"
ROLE = "hello-execution"
NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Margaret", "Radia", "Leslie")


PLAN = {"lambda_requests": 20, "lambda_gb_s": 5}


def setup(cloud: Cloud) -> None:
    if cloud.target == "account":
        cloud.cost_estimate(PLAN)
    execution_role(cloud, ROLE)


def cleanup(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    remove(cloud, FUNCTION)
    with suppress(iam.exceptions.NoSuchEntityException):
        for policy in iam.list_role_policies(RoleName=ROLE)["PolicyNames"]:
            iam.delete_role_policy(RoleName=ROLE, PolicyName=policy)
        iam.delete_role(RoleName=ROLE)


prediction("00.1", second_call_is_faster=bool, cells=("predict",))


@check(
    "00.1",
    title="A function that greets by name",
    hints=(
        "What does your function answer, and where does the name come from?",
        "hello.py, the line with return: event is the dictionary that the caller sent.",
        'A dictionary with one key, message, whose value is "Hello, " and then event["name"].',
    ),
    cells=("deploy", "check"),
    files=FILES,
)
def greets_by_name(cloud: Cloud, answers: Answers) -> None:
    functions = cloud.client("lambda")
    try:
        functions.get_function(FunctionName=FUNCTION)
    except functions.exceptions.ResourceNotFoundException:
        raise NotAttempted("There is no function called hello yet. Run the cell that deploys it.") from None
    for name in answers.random.sample(NAMES, 2):
        guest = f"{name} {answers.random.randrange(1_000)}"
        answer = invoke(cloud, FUNCTION, {"name": guest})
        if answer.result == {"message": "Hello, ..."}:
            raise NotAttempted("The function answers Hello, ... still. Edit hello.py, then deploy it again.")
        expected = {"message": f"Hello, {guest}"}
        if answer.error or answer.result != expected:
            raise Incorrect(
                f"For the name {guest!r} the function answered {answer.error or answer.result}.",
                f"{expected}.",
                "The judge sends names that nobody has seen. What a function answers has to come from its event.",
            )
