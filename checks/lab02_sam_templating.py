"""Lab 02, templates that deploy: its opening state, its predictions and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, NotAttempted, Uncheckable, check, prediction
from checks.lab02 import (
    by_hand,
    cycle,
    delivery,
    doors,
    orders,
    pipeline,
    prove,
    reading,
    replacement,
    rounds,
    shop,
    stacks,
)
from checks.lab06.reading import actions_of

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = (cycle.FILE, orders.FILE, pipeline.WORKFLOW, pipeline.ROLES, replacement.FILE)
SERVICES = (
    "cloudformation",
    "lambda",
    "logs",
    "iam",
    "sts",
    "dynamodb",
    "sqs",
    "s3",
    "apigatewayv2",
)

setup = shop.make
cleanup = shop.clear


def _integers(answers: Answers, name: str) -> list[int]:
    """Several whole numbers. Incorrect if the answer is something else."""
    value: Any = answers[name]
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        raise Incorrect(
            f"{name} is {str(value)[:60]}.", "whole numbers in brackets, such as [1, 2].", "Each version has a number."
        )
    return list(value)


def _names(answers: Answers, name: str) -> list[str]:
    """Several texts. Incorrect if the answer is something else."""
    value: Any = answers[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Incorrect(
            f"{name} is {str(value)[:60]}.", 'texts in brackets, such as ["...", "..."].', "Their order counts, too."
        )
    return [one.strip() for one in value]


def _deployed(cloud: Cloud, *names: str) -> None:
    """Uncheckable unless these stacks stand."""
    for name in names:
        if stacks.status(cloud, name) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Uncheckable(f"There is no stack {name} that is deployed. Run the round's cells first.")


def _physical(cloud: Cloud, stack: str) -> dict[str, str]:
    return {id: one["PhysicalResourceId"] for id, one in stacks.resources(cloud, stack).items()}


# -- 1 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.1",
    failing_calls_in_the_second_run=int,
    apis_after_it=int,
    the_second_deployment=("fails", "makes a second copy", "does nothing"),
    cells=("r1-predict",),
)


@check(
    "02.1.explain",
    title="What the transform made, and what the script left behind",
    hints=(
        "Which resources did nobody write, and which API has no statement in the function's policy?",
        "stacks.template_of(cloud, STACK, 'Processed'), stacks.resources(cloud, STACK), and the two functions of "
        "by_hand: apis_by_hand and let_in.",
        "resources is a number, role a PhysicalResourceId, permission a logical id, orphan_api the id of the API that "
        "let_in does not have.",
    ),
    cells=("r1-hand", "r1-sam", "r1-explain"),
)
def from_twelve_calls_to_one_template(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "resources": answers.integer("resources"),
        "role": answers.text("role"),
        "permission": answers.text("permission"),
        "orphan_api": answers.text("orphan_api"),
    }
    _deployed(cloud, shop.FIRST)
    original, processed = (stacks.template_of(cloud, shop.FIRST, stage) for stage in ("Original", "Processed"))
    rounds.one_template(
        **answered,
        written=original["Resources"],
        made={id: str(one["Type"]) for id, one in processed["Resources"].items()},
        physical=_physical(cloud, shop.FIRST),
        permission_of_post=_permissions(original)["POST"],
        apis=[id for id, _ in by_hand.apis_by_hand(cloud)],
        let_in=by_hand.let_in(cloud),
    )


def _permissions(original: Mapping[str, Any]) -> dict[str, str]:
    """The logical ids of the permissions that SAM makes for the events of Orders, by the method of the event."""
    events = original["Resources"]["Orders"]["Properties"]["Events"]
    return {event["Properties"]["Method"]: f"Orders{name}Permission" for name, event in events.items()}


# -- 2 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.2",
    timeout_of_place=int,
    log_level_of_place=("INFO", "DEBUG"),
    layers_of_place=int,
    cells=("r2-predict",),
)


@check(
    "02.2.explain",
    title="What a function gets from Globals, from itself, and from its stage",
    hints=(
        "Which kind of value is replaced, which is merged key by key, and which is joined?",
        "reading.configured(cloud, 'orders-env-prod', 'Place'), and reading.prod_only(cloud).",
        "timeout in seconds; log_level a text; layers a list of ARNs in Lambda's order; only_in_prod a physical id.",
    ),
    cells=("r2-run", "r2-explain"),
)
def globals_and_environments(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "timeout": answers.integer("timeout"),
        "log_level": answers.text("log_level"),
        "layers": _names(answers, "layers"),
        "only_in_prod": answers.text("only_in_prod"),
    }
    _deployed(cloud, shop.DEV, shop.PROD)
    rounds.environments(
        **answered,
        place=reading.of_function(reading.configured(cloud, shop.PROD, "Place")),
        find=reading.of_function(reading.configured(cloud, shop.PROD, "Find")),
        in_dev=reading.of_function(reading.configured(cloud, shop.DEV, "Place")),
        prod_only=reading.prod_only(cloud),
    )


# -- 3 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.3",
    without_the_statement_the_caller_gets=(200, 403, 500, 502),
    deploying_again_puts_it_back=bool,
    actions_in_the_crud_policy=int,
    cells=("r3-predict",),
)


@check(
    "02.3.explain",
    title="Which statement lets the API in, and what the policy template grants",
    hints=(
        "What does the function's own policy say of the API, and what is that statement's Sid in the stack?",
        "post (a Door) of the round's cell; doors.policy_of(cloud, STACK, 'OrdersRole') and actions_of of it.",
        "taken_away and source_arn stand in the statement; actions is a number; on is an ARN of a table.",
    ),
    cells=("r1-sam", "r3-run", "r3-policies", "r3-explain"),
)
def events_and_permissions(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "taken_away": answers.text("taken_away"),
        "source_arn": answers.text("source_arn"),
        "actions": answers.integer("actions"),
        "on": answers.text("on"),
    }
    _deployed(cloud, shop.FIRST)
    permissions = _permissions(stacks.template_of(cloud, shop.FIRST))
    known = _physical(cloud, shop.FIRST)
    there = doors.doors(cloud, known["Orders"])
    post = there.get(known[permissions["POST"]])
    if post is None:
        raise Uncheckable("The statement for POST is not in the function's policy. Run the round's cell to its end.")
    policy = doors.policy_of(cloud, shop.FIRST, "OrdersRole")
    rounds.doors_and_policies(
        **answered,
        door=post.sid,
        other_doors=[sid for sid in there if sid != post.sid],
        source_of_door=post.source_arn,
        actions_of_policy=actions_of(policy),
        actions_of_full_access=len(actions_of(doors.full_access(cloud))),
        resources=doors.resources_of(policy),
        tables=[known["OrdersTable"], "OrdersTable"],
    )


# -- 4 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.4",
    versions_after_five_deployments=int,
    live_has_the_new_timeout=bool,
    cells=("r4-predict",),
)


@check(
    "02.4.explain",
    title="Which deployment published a version",
    hints=(
        "In which columns of the picture is there one row more than in the column before?",
        "The last of the standings: versions (number, code_sha, memory_mb, timeout), live, serving.",
        "versions is a list of numbers; live and new_code_in are numbers; new_code a CodeSha256; timeout_of_live in "
        "seconds.",
    ),
    cells=("r4-run", "r4-explain"),
)
def versions_and_the_alias(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "versions": _integers(answers, "versions"),
        "live": answers.integer("live"),
        "new_code_in": answers.integer("new_code_in"),
        "timeout_of_live": answers.integer("timeout_of_live"),
        "new_code": answers.text("new_code"),
    }
    _deployed(cloud, shop.VERSIONS)
    now = reading.standing(cloud, shop.VERSIONS, "now")
    rounds.published(**answered, known=now.versions, alias=now.live, latest=now.latest)


# -- 5 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.5",
    memory=("False", "Conditional", "True"),
    billing_mode=("False", "Conditional", "True"),
    table_key=("False", "Conditional", "True"),
    queue_name=("False", "Conditional", "True"),
    cells=("r5-predict",),
)


@check(
    "02.5.explain",
    title="What would be replaced, and because of which property",
    hints=(
        "Which resources have a Replacement that is not False, and which property of theirs says Always, which "
        "Conditionally?",
        "wanted.changes: logical_id, replacement, physical_id, and causes (property, recreation).",
        'replaced=("logical id", "property"), perhaps=("logical id", "property"), table is a physical id.',
    ),
    cells=("r5-run", "r5-explain"),
)
def before_it_is_replaced(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "replaced": answers.pair("replaced"),
        "perhaps": answers.pair("perhaps"),
        "table": answers.text("table"),
    }
    planned = reading.planned(cloud, shop.CHANGES)
    if not planned:
        raise Uncheckable(f"The stack {shop.CHANGES} has no change set that waits. Run the round's cells first.")
    rounds.change_set(**answered, changes=planned)


# -- 6 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.6",
    left_of_what_was_made=("all of it", "what did not fail", "nothing"),
    every_failed_resource_has_a_fault=bool,
    cells=("r6-predict",),
)


@check(
    "02.6.explain",
    title="What failed first, and why",
    hints=(
        "Which is the oldest event whose status ends in _FAILED?",
        "failed.events, oldest first: logical_id, status, reason, id.",
        "failed is a logical id, event an EventId (the event's id), code the word behind HandlerErrorCode.",
    ),
    cells=("r6-run", "r6-explain"),
)
def what_failed_first(cloud: Cloud, answers: Answers) -> None:
    rounds.failure(
        failed=answers.text("failed"),
        code=answers.text("code"),
        event=answers.text("event"),
        events=reading.failed_deployment(cloud, shop.FAILING),
        stack=shop.FAILING,
    )


# -- 7 ---------------------------------------------------------------------------------------------------------


@check(
    "02.7",
    title="A cycle, cut",
    hints=(
        "Which of the arrows on the cycle carries nothing but a name?",
        "The policy of the function, and how the bucket gets its name.",
        "Give the bucket a BucketName made of the stack's name and the account's id (!Sub), and say the same in "
        "S3ReadPolicy instead of !Ref.",
    ),
    cells=("r7-deploy", "r7-check"),
    files=(cycle.FILE,),
)
def the_cycle_is_cut(cloud: Cloud, answers: Answers) -> None:
    text = answers.file(cycle.FILE)
    if text == (shop.FILES / "cycle" / "before.yaml").read_text(encoding="utf-8"):
        raise NotAttempted(f"{cycle.FILE} is as it was. Edit it, then run the cell that deploys it.")
    cycle.must_add_up(cloud, text, answers.random)


# -- 8 ---------------------------------------------------------------------------------------------------------

prediction(
    "02.8",
    kb_sent_for_a_line_of_in_zip=float,
    kb_sent_for_a_line_of_thin=float,
    layers_count_in_the_limit=bool,
    cells=("r8-predict",),
)


@check(
    "02.8.explain",
    title="What a changed line sends",
    hints=(
        "Which package has another S3 key after the second deployment, and which one has the same?",
        "reading.packages(cloud, STACK) before and after, and reading.configured(...)['CodeSize'].",
        "sent_again and kept are S3 keys (32 characters), thin_bytes a number of bytes.",
    ),
    cells=("r8-run", "r8-explain"),
)
def layers_and_package_size(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "sent_again": answers.text("sent_again"),
        "kept": answers.text("kept"),
        "thin_bytes": answers.integer("thin_bytes"),
    }
    _deployed(cloud, shop.LAYERS)
    sizes = {id: reading.configured(cloud, shop.LAYERS, id)["CodeSize"] for id in ("InZip", "Thin")}
    rounds.layers(
        **answered,
        keys=reading.packages(cloud, shop.LAYERS),
        code_size=sizes,
        changed=stacks.status(cloud, shop.LAYERS) == "UPDATE_COMPLETE",
    )


# -- build -----------------------------------------------------------------------------------------------------

#: With a real account's minutes for a stack; locally each takes seconds.
LONG_SECONDS = 900.0


@check(
    "02.9",
    title="Build: the orders service, in every stage",
    hints=(
        "What would you ask of this stack if you were on call for it tonight, in prod?",
        "The table above, row by row; rounds 2 and 4 for parameters and the alias; DescribeTable and DescribeLogGroups "
        "on what orders-dev has already.",
        "AllowedValues and a mapping for Stage; an AWS::Logs::LogGroup and LoggingConfig; SSESpecification, "
        "PointInTimeRecoverySpecification, DeletionProtectionEnabled with !If; RedrivePolicy to a second queue; a "
        "statement with GetItem and PutItem on the table's Arn, and SQSSendMessagePolicy.",
    ),
    cells=("build-check",),
    files=(orders.FILE,),
    seconds=LONG_SECONDS,
)
def the_service_is_built(cloud: Cloud, answers: Answers) -> None:
    orders.built(cloud, answers)


@check(
    "02.10",
    title="Build: a pipeline without a stored key",
    hints=(
        "Which job may start before which other one has succeeded, and on which events?",
        "The picture of the rehearsals; `needs`, `if`, `environment` and `permissions` of each job; the claims of a "
        "job's token (sub, aud, ref) in pipeline/roles.yaml.",
        "Jobs test, staging (needs test, on push only) and prod (needs staging), each deploying one with its "
        "environment, id-token: write and vars.DEPLOY_ROLE; the trust policy with StringEquals on aud, on sub "
        "repo:REPOSITORY:environment:STAGE, and on ref refs/heads/main.",
    ),
    cells=("pipeline-check",),
    files=(pipeline.WORKFLOW, pipeline.ROLES, orders.FILE),
    seconds=LONG_SECONDS,
)
def the_pipeline_delivers(cloud: Cloud, answers: Answers) -> None:
    delivery.delivers(cloud, answers)


# -- break -----------------------------------------------------------------------------------------------------


@check(
    "02.11.explain",
    title="Break: what would have been lost",
    hints=(
        "Which line of the change set says that there will be a new resource, and what becomes of the old one?",
        "replacement, causes and policy_action of each change in hurried.changes, and count_of for the table.",
        "logical_id and physical_id are the change's; because_of is the property whose recreation is Always; old_one "
        "is its policy_action; orders is a number.",
    ),
    cells=("break-run", "break-explain"),
)
def what_would_be_lost(cloud: Cloud, answers: Answers) -> None:
    replacement.found(cloud, answers)


@check(
    "02.12",
    title="Mend: orders by customer, and nothing replaced",
    hints=(
        "Does support need another key for the table, or another way to look into it?",
        "GlobalSecondaryIndexes of AWS::DynamoDB::Table, the variable INDEX of hurry/src/app.py, and the two policies "
        "that a resource can have beside its Properties.",
        "The old TableName and KeySchema; an index with customer as HASH key and Projection ALL, customer in "
        "AttributeDefinitions; INDEX with its name; DeletionPolicy and UpdateReplacePolicy Retain.",
    ),
    cells=("break-run", "mend-check"),
    files=(replacement.FILE,),
    seconds=LONG_SECONDS,
)
def nothing_is_replaced(cloud: Cloud, answers: Answers) -> None:
    replacement.mended(cloud, answers)


@check(
    "02.13",
    title="Prove: a deployment that fails leaves nothing, and nobody notices",
    hints=(
        "Of a creation that fails half-way: what does your template tell CloudFormation to keep?",
        "The values that DeletionPolicy can have, DeletionProtectionEnabled in each stage, and every fixed name.",
        "DeletionPolicy RetainExceptOnCreate for the table, protection in prod only, no fixed names, and the alias "
        "behind the API.",
    ),
    cells=("prove",),
    files=(orders.FILE,),
    seconds=LONG_SECONDS,
)
def rolled_back_whole(cloud: Cloud, answers: Answers) -> str:
    return prove.proven(cloud, answers)
