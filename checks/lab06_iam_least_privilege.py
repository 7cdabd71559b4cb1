"""Lab 06, the least that a function may: its opening state, its predictions and its checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, Uncheckable, check, prediction
from checks.lab06 import edge_trials, edges, measure, night, probes, reading, rounds, shop
from checks.lab06.gap import PRODUCTION_EXCESS
from checks.readings import invocations

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = (shop.POLICY_FILE,)
SERVICES = (
    "lambda",
    "logs",
    "iam",
    "sts",
    "dynamodb",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "cloudtrail",
    "accessanalyzer",
)

PUT = "build-put"

setup = shop.make
cleanup = shop.clear


def _names(answers: Answers, name: str) -> list[str]:
    """Several texts. Incorrect if the answer is something else."""
    value: Any = answers[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Incorrect(
            f"{name} is {str(value)[:60]}.",
            'names in brackets, such as ["dynamodb:GetItem", "dynamodb:Scan"].',
            "One action has one full name: the service, a colon, the action.",
        )
    return [one.strip() for one in value]


# -- 1 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.1",
    a_function_acts_as=("a user", "a role", "a session of a role"),
    anna_needs_a_policy_of_her_own=bool,
    cells=("r1-predict",),
)


@check(
    "06.1.explain",
    title="Who the function is, and who let Anna in",
    hints=(
        "Whose id stands in the function's UserId, and what stands behind the colon?",
        "whoami's answer (arn and user_id), and the function's own policy: lambda.get_policy.",
        "acts_with is the part of the user_id before the colon, session_name the part behind it, let_in_by the Sid in "
        "the function's policy whose Principal is Anna's role.",
    ),
    cells=("r1-run", "r1-explain"),
)
def who_am_i(cloud: Cloud, answers: Answers) -> None:
    functions, iam = cloud.client("lambda"), cloud.client("iam")
    try:
        role = functions.get_function_configuration(FunctionName="whoami")["Role"].rpartition("/")[2]
    except functions.exceptions.ResourceNotFoundException:
        raise Uncheckable("There is no function whoami yet. Run the round's cells first.") from None
    try:
        statements = json.loads(functions.get_policy(FunctionName="whoami")["Policy"])["Statement"]
    except functions.exceptions.ResourceNotFoundException:
        statements = []
    rounds.who(
        acts_with=answers.text("acts_with"),
        session_name=answers.text("session_name"),
        let_in_by=answers.text("let_in_by"),
        function="whoami",
        role=role,
        role_ids={name: iam.get_role(RoleName=name)["Role"]["RoleId"] for name in shop.ROLES},
        statements=statements,
        guest=shop.role_arn(cloud, shop.INTERN_ROLE),
    )


# -- 2 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.2",
    an_allow_outweighs_a_deny=bool,
    a_boundary_grants_by_itself=bool,
    refused_get_item_stands_in_cloudtrail=bool,
    cells=("r2-predict",),
)


@check(
    "06.2.explain",
    title="Three refusals, three reasons",
    hints=(
        'What do the ends of the three error messages say, from "because" or "with" on?',
        "The marked line of each picture, and denied_events(cloud) for the event in CloudTrail.",
        "denied_event is the event_id of the refused GetSecretValue, deny_sid the Sid of the marked Deny, limited_by "
        "the name or ARN of the boundary.",
    ),
    cells=("r2-run", "r2-explain"),
)
def how_a_decision_is_made(cloud: Cloud, answers: Answers) -> None:
    intern = shop.INTERN_ROLE
    rounds.decision(
        denied_event=answers.text("denied_event"),
        deny_sid=answers.text("deny_sid"),
        limited_by=answers.text("limited_by"),
        events=reading.events(cloud),
        role=intern,
        explicit=reading.explained(cloud, intern, "dynamodb:GetItem", shop.table_arn(cloud, shop.CUSTOMERS_TABLE)),
        limited=reading.explained(cloud, intern, "dynamodb:UpdateItem", shop.table_arn(cloud, shop.ORDERS_TABLE)),
    )


# -- 3 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.3",
    actions_in_dynamodb_star=int,
    of_these_the_function_uses=int,
    s3_get_star_only_reads_objects=bool,
    cells=("r3-predict",),
)


@check(
    "06.3.explain",
    title="What the stars grant, and what was used",
    hints=(
        "How many actions stand behind dynamodb:*, and how many of them did the function call?",
        "actions_of(policy) spells the stars of a policy out; by_level counts access levels; events(cloud, role=...) "
        "is CloudTrail's.",
        "granted is a number, used a list of full names (dynamodb:...), permissions_management a number over all the "
        "policy's actions, trail_event the event_id of an event of the role.",
    ),
    cells=("r3-run", "r3-explain"),
)
def wildcards_counted(cloud: Cloud, answers: Answers) -> None:
    role = shop.ORDERS_ROLE
    answered: dict[str, Any] = {
        "granted": answers.integer("granted"),
        "used": _names(answers, "used"),
        "permissions_management": answers.integer("permissions_management"),
        "trail_event": answers.text("trail_event"),
    }
    granted = {
        action
        for source in reading.policies_of(cloud, role).identity
        for action in reading.actions_of(source.policy.document)
    }
    rounds.wildcards(
        **answered,
        service="dynamodb",
        of_role=granted,
        used_by_role=reading.actions_of(reading.generated(cloud, role)),
        managing=reading.by_level(granted).get("Permissions management", 0),
        events=reading.events(cloud),
        role=role,
    )


# -- 4 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.4",
    other_tenants_get_item_passes=bool,
    scan_passes=bool,
    upload_without_header_passes_if_exists=bool,
    cells=("r4-predict",),
)


@check(
    "06.4.explain",
    title="Which conditions let the wrong call through",
    hints=(
        "What does a condition compare when the request does not bring its key?",
        "The outcomes of the trials, and the condition's column in the two pictures.",
        "leaks and unencrypted are names of roles (trial-...), leaked is the number of items of other tenants in the "
        "Scan's answer.",
    ),
    cells=("r4-policies", "r4-run", "r4-explain"),
)
def conditions(cloud: Cloud, answers: Answers) -> None:
    items = [
        item
        for page in cloud.client("dynamodb").get_paginator("scan").paginate(TableName=shop.ORDERS_TABLE)
        for item in page["Items"]
    ]
    rounds.conditions(
        leaks=answers.text("leaks"),
        leaked=answers.integer("leaked"),
        unencrypted=answers.text("unencrypted"),
        trials=[_trial(cloud, role) for role in shop.trial_roles(cloud)],
        of_others=sum(item["tenant"]["S"] != shop.TENANT for item in items),
        of_all=len(items),
    )


def _trial(cloud: Cloud, role: str) -> rounds.Trial:
    """What a trial's role may, decided by its policies as they stand."""
    table = shop.table_arn(cloud, shop.ORDERS_TABLE)
    receipt = f"arn:aws:s3:::{shop.receipts_bucket(cloud)}/{shop.TENANT}/trial.json"

    def may(action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        return reading.explained(cloud, role, action, resource, context=context).decision.allowed

    return rounds.Trial(
        role=role,
        own=may("dynamodb:GetItem", table, {"dynamodb:LeadingKeys": [shop.TENANT]}),
        other=may("dynamodb:GetItem", table, {"dynamodb:LeadingKeys": [shop.OTHER_TENANT]}),
        scan=may("dynamodb:Scan", table),
        encrypted=may("s3:PutObject", receipt, {"s3:x-amz-server-side-encryption": shop.ENCRYPTION}),
        unencrypted=may("s3:PutObject", receipt),
    )


# -- 5 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.5",
    the_deployer_reads_customers_itself=bool,
    it_reads_them_through_a_function=bool,
    pass_role_has_an_event_in_cloudtrail=bool,
    cells=("r5-predict",),
)


@check(
    "06.5.explain",
    title="How a role was passed on, and which policy stopped it",
    hints=(
        "In which of the deployer's calls did a role change hands, and what do the two refusals say at their ends?",
        'reading.events(cloud, role="deployer"): code, message and request of each CreateFunction. The function\'s own '
        "answer says as whom it read.",
        "escalated, refused_by_policy and refused_by_boundary are event_ids of CreateFunction; customers_read_as is an "
        "ARN arn:aws:sts::ACCOUNT:assumed-role/ROLE/FUNCTION.",
    ),
    cells=("r5-policies", "r5-run", "r5-explain"),
)
def a_role_passed_on(cloud: Cloud, answers: Answers) -> None:
    edges.passed_on(
        reading.events(cloud),
        deployer=shop.DEPLOYER_ROLE,
        admin=shop.ADMIN_ROLE,
        function=edge_trials.ESCALATED,
        account=cloud.account,
        escalated=answers.text("escalated"),
        refused_by_policy=answers.text("refused_by_policy"),
        refused_by_boundary=answers.text("refused_by_boundary"),
        customers_read_as=answers.text("customers_read_as"),
    )


# -- 6 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.6",
    a_strangers_topic_reaches_the_queue=bool,
    source_account_keeps_the_other_team_out=bool,
    source_arn_keeps_the_other_team_out=bool,
    cells=("r6-predict",),
)


@check(
    "06.6.explain",
    title="Whose messages a service carried in",
    hints=(
        "Whose account is the topic of each message that came in, and which condition did the policy have then?",
        "in_queue(cloud): topic, trial and message_id of each message that lies in the queue.",
        "neighbour and stranger are message_ids; shut_by is the name of the condition key that kept both topics out.",
    ),
    cells=("r6-run", "r6-explain"),
)
def confused_deputy(cloud: Cloud, answers: Answers) -> None:
    second = shop.second_account(cloud)
    edges.deputy(
        edge_trials.in_queue(cloud),
        own=shop.topic_arn(cloud, shop.TOPIC),
        account=cloud.account,
        second_account=second,
        neighbour=answers.text("neighbour"),
        stranger=answers.text("stranger") if second else "",
        shut_by=answers.text("shut_by"),
    )


# -- 7 ---------------------------------------------------------------------------------------------------------

prediction(
    "06.7",
    reads_of_the_cached_function=int,
    the_cache_has_the_new_key_at_once=bool,
    a_viewer_without_secrets_sees_the_variable=bool,
    cells=("r7-predict",),
)


@check(
    "06.7.explain",
    title="Who read the secret, and who had the old key for how long",
    hints=(
        "Which function asked Secrets Manager in every call, and which one only when its value was too old?",
        'reads_of(cloud, name) for CloudTrail\'s events, value("fingerprint") of the readings, and the picture.',
        "reads_each_time and reads_cached are numbers, rotated the event_id of PutSecretValue, last_old the request id "
        "of the last call of reads-cached with the old key, never_new the name of a function.",
    ),
    cells=("r7-run", "r7-see", "r7-explain"),
)
def secret_reads(cloud: Cloud, answers: Answers) -> None:
    rotations = [
        one for one in reading.events(cloud, name="PutSecretValue") if one.request.get("secretId") == shop.PAYMENT_KEY
    ]
    edges.secret_reads(
        {name: edge_trials.with_keys(cloud, name) for name in edge_trials.READERS},
        {name: len(edge_trials.reads_of(cloud, name)) for name in edge_trials.READERS},
        rotations,
        edge_trials.fingerprint(edge_trials.payment_key(cloud)),
        each_time=answers.integer("reads_each_time"),
        cached=answers.integer("reads_cached"),
        rotated=answers.text("rotated"),
        last_old=answers.text("last_old"),
        never_new=answers.text("never_new"),
    )


# -- build -----------------------------------------------------------------------------------------------------


@check(
    "06.8",
    title="Build: the work is done, and AWS finds no fault",
    hints=(
        "What does orders.py ask of AWS when it places, reads and lists, and what does Lambda itself need for its log?",
        "The generated policy for the actions and ARNs; validate_policy's findings, with their paths.",
        "One statement a service, on exact ARNs; the secret ends in -??????, receipts in /acme/*, the log group in :*",
    ),
    cells=(PUT, "build-works"),
    files=FILES,
)
def the_work_is_done(cloud: Cloud, answers: Answers) -> None:
    text = probes.require_own_policy(cloud, answers)
    probes.must_be_clean(cloud, text)
    probes.must_work(cloud, answers.random, probes.ORDERS)


@check(
    "06.9",
    title="Build: the privilege gap is closed",
    hints=(
        "Whose orders, which uploads and which secrets does your policy allow that the work never touches?",
        "gap_of(cloud).excess and .missing, and the picture. Round 4 for the two conditions.",
        "dynamodb:LeadingKeys with ForAllValues and Null for the table, s3:x-amz-server-side-encryption with "
        "StringEquals for the receipts, and no Scan.",
    ),
    cells=(PUT, "build-gap-check"),
    files=FILES,
)
def the_gap_is_closed(cloud: Cloud, answers: Answers) -> None:
    probes.require_own_policy(cloud, answers)
    probes.must_be_narrow(cloud, probes.ORDERS)


# -- break -----------------------------------------------------------------------------------------------------


@check(
    "06.10.explain",
    title="Break: which permission is missing, on what, for whom",
    hints=(
        "Which call of orders-prod failed after the deploy, and what stands in its own log?",
        'The words "is not authorized to perform" in the lines of the reading, then reading.denied_events(cloud, '
        'role="orders-prod").',
        "failed is a request id; action, resource and principal stand in the log's sentence; event is an event_id, or "
        "None if the history has no such event.",
    ),
    cells=("break-run", "break-explain"),
)
def what_is_missing(cloud: Cloud, answers: Answers) -> None:
    night.require_clean_up(cloud)
    others = (shop.ORDERS, shop.NEWSLETTER, *shop.ROUND_FUNCTIONS)
    event = answers["event"]
    night.cause(
        invocations(cloud, shop.PRODUCTION),
        {name: invocations(cloud, name) for name in others},
        reading.events(cloud),
        role=shop.PRODUCTION_ROLE,
        secrets={shop.PAYMENT_KEY: shop.secret_arn(cloud, shop.PAYMENT_KEY)},
        failed=answers.text("failed"),
        action=answers.text("action"),
        resource=answers.text("resource"),
        principal=answers.text("principal"),
        event=None if event is None else answers.text("event"),
    )


@check(
    "06.11",
    title="Mend: production works again, without a star",
    hints=(
        "What did production's policy have before the deploy, and where do you have the same in a file?",
        "Your own orders-policy.json: the same work, but for the name of the log group.",
        'put_policy(cloud, "orders-prod", ..., "orders-prod") with /aws/lambda/orders-prod in the log\'s ARN; or one '
        "statement with the missing action, its exact resource and the condition that belongs to it.",
    ),
    cells=("break-run", "mend", "mend-check"),
)
def production_works_again(cloud: Cloud, answers: Answers) -> None:
    night.require_clean_up(cloud)
    night.require_a_mend(cloud)
    probes.must_work(cloud, answers.random, probes.PRODUCTION)
    probes.must_be_narrow(cloud, probes.PRODUCTION, PRODUCTION_EXCESS)


@check(
    "06.12",
    title="Prove: the service works, and a stranger with its keys gets nothing",
    hints=(
        "What would you try first, if you had the session's keys and an hour?",
        "Round 4: what a Scan and an upload without the header bring, and what a condition makes of it.",
        "Allow what the work needs, on exact ARNs and with both conditions, and nothing else. A list of what to deny "
        "is never complete.",
    ),
    cells=(PUT, "prove"),
    files=FILES,
)
def attacked(cloud: Cloud, answers: Answers) -> str:
    probes.require_own_policy(cloud, answers)
    probes.must_work(cloud, answers.random, probes.ORDERS)
    probes.must_withstand(cloud, answers.random)
    return f"The privilege gap is {measure.gap_of(cloud).size}."
