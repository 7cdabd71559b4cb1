"""Lab 03, a release that takes itself back: its opening state, its predictions and its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, Uncheckable, check, prediction
from checks.lab02 import stacks
from checks.lab03 import (
    alarms,
    codedeploy,
    demands,
    rounds,
    service,
    shop,
    stack,
    trial,
)

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = (trial.FILE,)
SERVICES = ("cloudformation", "lambda", "logs", "iam", "cloudwatch", "codedeploy", "s3")

#: Requests have the learner's time, shifts have AWS's. Locally these are one clock.
CLOCKS_APART_SECONDS = 5.0

setup = shop.make
cleanup = shop.clear


def _last_deployment(cloud: Cloud, function: str) -> codedeploy.Told:
    """The newest deployment to a function's group that takes nothing back. Uncheckable if there is none."""
    try:
        found = [codedeploy.told(cloud, id) for id in codedeploy.deployments(cloud, function)]
    except cloud.client("codedeploy").exceptions.ClientError:
        found = []
    taken_back = {one.rollback for one in found}
    own = [one for one in found if one.id not in taken_back]
    if not own:
        raise Uncheckable("There is no deployment of this round yet. Run its cells first.")
    return own[-1]


# -- 1 ---------------------------------------------------------------------------------------------------------

prediction("03.1", customers_hit=int, the_alarm_fires=bool, cells=("r1-predict",))


@check(
    "03.1.explain",
    title="What a release to all at once cost",
    hints=(
        "Which orders were received and not placed, and by whom?",
        "outage, the answers of the eleven minutes; service.failed(outage) and service.hit(outage).",
        "failed and customers_hit are numbers, last is a request id.",
    ),
    cells=("r1-run", "r1-explain"),
)
def all_at_once(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "failed": answers.integer("failed"),
        "customers_hit": answers.integer("customers_hit"),
        "last": answers.text("last"),
    }
    rounds.all_at_once(**answered, requests=service.requests(cloud, shop.ALL_AT_ONCE))


# -- 2 ---------------------------------------------------------------------------------------------------------

prediction("03.2", of_200_to_the_new_version=int, a_customer_stays_with_one_version=bool, cells=("r2-predict",))


@check(
    "03.2.explain",
    title="Who answered",
    hints=(
        "Where does an answer say which version gave it?",
        "answers: executed_version, request_id and payload of each.",
        "of_the_new is a number, one a request id, met_both a customer's name.",
    ),
    cells=("r2-run", "r2-explain"),
)
def two_weights(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "of_the_new": answers.integer("of_the_new"),
        "one": answers.text("one"),
        "met_both": answers.text("met_both"),
    }
    requests = service.requests(cloud, shop.BY_HAND)
    rounds.two_weights(**answered, requests=requests, new=service.newest(requests))


# -- 3 ---------------------------------------------------------------------------------------------------------

prediction("03.3", shifts=int, percent_after_two_minutes=int, minutes_until_all=int, cells=("r3-predict",))


@check(
    "03.3.explain",
    title="What a deployment did, step by step",
    hints=(
        "When did AllowTraffic begin, and when did it end?",
        "done.lifecycle (name, began, ended) and baked, the answers before the second shift.",
        'lifecycle=["...", "...", "..."] in their order, seconds and new_in_the_bake are numbers.',
    ),
    cells=("r3-run", "r3-explain"),
)
def what_codedeploy_adds(cloud: Cloud, answers: Answers) -> None:
    given: Any = answers["lifecycle"]
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Incorrect(
            f"lifecycle is {str(given)[:60]}.",
            'names in brackets, such as ["...", "..."].',
            "Their order counts, too.",
        )
    answered: dict[str, Any] = {
        "deployment": answers.text("deployment"),
        "seconds": answers.integer("seconds"),
        "new_in_the_bake": answers.integer("new_in_the_bake"),
    }
    rounds.shifted(
        **answered,
        lifecycle=[one.strip() for one in given],
        told=_last_deployment(cloud, shop.SHIFTED),
        requests=service.requests(cloud, shop.SHIFTED),
        apart=CLOCKS_APART_SECONDS if cloud.target == "account" else 0.0,
    )


# -- 4 ---------------------------------------------------------------------------------------------------------

prediction("03.4", failed_with_the_canary=int, failed_with_linear=int, cells=("r4-predict",))


@check(
    "03.4.explain",
    title="What canary and linear cost",
    hints=(
        "How many orders were received and not placed by each of the two functions?",
        "answers_of and done_of, by function: service.failed(...), weight and message.",
        "Two numbers, a share between 0 and 1, and the full name of an alarm.",
    ),
    cells=("r4-run", "r4-explain"),
)
def canary_against_linear(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "failed_with_the_canary": answers.integer("failed_with_the_canary"),
        "failed_with_linear": answers.integer("failed_with_linear"),
        "last_weight": answers.number("last_weight"),
        "stopped_by": answers.text("stopped_by"),
    }
    rounds.canary_and_linear(
        **answered,
        canary=service.requests(cloud, shop.CANARY),
        linear=service.requests(cloud, shop.LINEAR),
        told=_last_deployment(cloud, shop.LINEAR),
        alarm_names=alarms.names_of(cloud, shop.LINEAR),
    )


# -- 5 ---------------------------------------------------------------------------------------------------------

_WHICH = ("alias", "version", "patient", "strict")
prediction("03.5", fires_because_of_the_release=_WHICH, fires_without_a_request=_WHICH, cells=("r5-predict",))


@check(
    "03.5.explain",
    title="Which alarm saw it",
    hints=(
        "Which alarm went into ALARM after the new version's first answer, and which one was there before?",
        "alarms.history(cloud, NAME): at, before, after, value; tried, the answers since the shift.",
        "Two full names of alarms, and two percentages.",
    ),
    cells=("r5-run", "r5-explain"),
)
def the_obvious_alarm(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "fired": answers.text("fired"),
        "datapoint": answers.number("datapoint"),
        "before_any_request": answers.text("before_any_request"),
        "errors_of_alias": answers.number("errors_of_alias"),
    }
    names = alarms.names_of(cloud, shop.DILUTED)
    requests = service.requests(cloud, shop.DILUTED)
    rounds.three_alarms(
        **answered,
        histories={name: alarms.history(cloud, name) for name in names},
        requests=requests,
        new=service.newest(requests),
    )


# -- 6 ---------------------------------------------------------------------------------------------------------

prediction("03.6", customers_hit=int, the_deployment_ends=("Succeeded", "Failed", "Stopped"), cells=("r6-predict",))


@check(
    "03.6.explain",
    title="What the smoke test found",
    hints=(
        "Which lifecycle event is Failed, and what did the hook write down?",
        "done (lifecycle, error, weight), and service.said(cloud, shop.SMOKE_TEST), the smoke test's own lines.",
        "The name of an event, an error code, the errorType in the smoke test's result, a share.",
    ),
    cells=("r6-run", "r6-explain"),
)
def before_the_first_customer(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        "failed_event": answers.text("failed_event"),
        "code": answers.text("code"),
        "error_type": answers.text("error_type"),
        "weight": answers.number("weight"),
    }
    rounds.smoke_tested(
        **answered,
        told=_last_deployment(cloud, shop.SMOKED),
        said=service.said(cloud, shop.SMOKE_TEST),
    )


# -- 7 ---------------------------------------------------------------------------------------------------------

prediction(
    "03.7",
    first=("the alarm", "the deployment stops", "the stack rolls back"),
    the_stack_ends=("UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
    versions_afterwards=int,
    cells=("r7-predict",),
)


@check(
    "03.7.explain",
    title="A rollback, read backwards",
    hints=(
        "Which resource's event has the first status that ends in _FAILED?",
        "released.events (logical_id, status, reason), stack.deployments(cloud), told.rollback, stack.alarmed(cloud).",
        "Two ids that begin with d-, an alarm's name, a logical id, a status.",
    ),
    cells=("r7-first", "r7-run", "r7-explain"),
)
def rollback_read_from_events(cloud: Cloud, answers: Answers) -> None:
    answered: dict[str, Any] = {
        name: answers.text(name) for name in ("deployment", "rollback", "alarm", "failed_resource", "stack_status")
    }
    if stacks.status(cloud, shop.STACK) is None:
        raise Uncheckable(f"There is no stack {shop.STACK}. Run the round's cells first.")
    found = [codedeploy.told(cloud, id) for id in stack.deployments(cloud)]
    took_back = [one for one in found if one.rollback]
    if not took_back:
        raise Uncheckable("No deployment of the stack was taken back. Run the round's cells first.")
    events = stacks.events(cloud, shop.STACK)
    failed = [one for one in events if one.status.endswith("_FAILED")]
    rounds.rolled_back(
        **answered,
        told=took_back[-1],
        fired=stack.alarmed(cloud),
        failed=[one.logical_id for one in failed if "cancelled" not in one.reason],
        cancelled=[one.logical_id for one in failed if "cancelled" in one.reason],
        status=str(stacks.status(cloud, shop.STACK)),
    )


# -- build -----------------------------------------------------------------------------------------------------

#: Canaries wait in real time in an account.
LONG_SECONDS = 3600.0


@check(
    "03.8",
    title="Build: a release that takes itself back",
    hints=(
        "Which calls may an alarm count, if nine in ten of all calls are answered by the version before?",
        "Round 5 for the dimensions and for missing data, round 6 for the hook; Checkout.Version in the documentation "
        "of AutoPublishAlias.",
        "DeploymentPreference with Canary10Percent5Minutes, Alarms and Hooks/PreTraffic; alarms of 60 s on "
        "FunctionName, Resource CHECKOUT:live and ExecutedVersion !GetAtt Checkout.Version.Version, notBreaching; the "
        "hook's name begins with CodeDeployHook_.",
    ),
    cells=("build-check",),
    files=(trial.FILE,),
    seconds=LONG_SECONDS,
)
def it_takes_itself_back(cloud: Cloud, answers: Answers) -> str:
    return demands.built(cloud, answers)


# -- break -----------------------------------------------------------------------------------------------------


@check(
    "03.9.explain",
    title="Break: what caught which release",
    hints=(
        "How far did each deployment come before it was stopped?",
        "The ids stand in the lines of your run. codedeploy.told(cloud, ID) has the lifecycle, the message and the "
        "times; own.alarms and alarms.history(cloud, NAME) say which alarm fired when.",
        'crash=("d-...", "..."): the deployment, and the lifecycle event or the alarm that stopped it; passed is the '
        "id of the one that was let through.",
    ),
    cells=("break-run", "break-explain"),
)
def what_caught_which(cloud: Cloud, answers: Answers) -> None:
    demands.explained(cloud, answers)


@check(
    "03.9",
    title="Break: three bad releases caught, a good one under noise let through",
    hints=(
        "Which of the four did your own run get wrong, and at which step?",
        "The reason in the deployment and in the alarm's history; how many calls the new version has in a minute.",
        "A share of the calls over 2.5 % for errors, p95 of Duration over 500 ms, both in two of three minutes; a hook "
        "for what fails at once; nothing that counts calls of the version before.",
    ),
    cells=("break-check",),
    files=(trial.FILE,),
    seconds=LONG_SECONDS,
)
def the_bad_ones_are_caught(cloud: Cloud, answers: Answers) -> str:
    return demands.caught(cloud, answers)


# -- prove -----------------------------------------------------------------------------------------------------


@check(
    "03.10",
    title="Prove: a bad and a good release that nobody has seen",
    hints=(
        "What would your alarms do with a version of which one call in a hundred is slow?",
        "Statistics (Maximum, Average, p95), the number of datapoints, and the state that an alarm is left in after a "
        "rollback.",
        "A percentile, and a share of the calls instead of their number; M of N with M above 1; notBreaching.",
    ),
    cells=("prove",),
    files=(trial.FILE,),
    seconds=LONG_SECONDS,
)
def it_holds_for_others(cloud: Cloud, answers: Answers) -> str:
    return demands.proven(cloud, answers)
