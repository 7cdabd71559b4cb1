"""Works out what the rounds of lab 03 showed, from what the cloud tells of the learner's own run.

Each function is given what was read and an answer, and returns if the answer is right; else it raises Incorrect. None
of them calls AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from checks.contract import Incorrect, Uncheckable
from checks.lab03.alarms import Transition
from checks.lab03.codedeploy import Told
from checks.lab03.service import Request

#: How far a count of requests may be off where a step of the cloud's lies between them: those on their way just then.
ON_THEIR_WAY = 3


def _ids(requests: Sequence[Request]) -> set[str]:
    return {one.id for one in requests}


# -- 1: all at once --------------------------------------------------------------------------------------------


def all_at_once(*, failed: int, customers_hit: int, last: str, requests: Sequence[Request]) -> None:
    """`failed` is how many requests failed, `customers_hit` how many customers that met, `last` the last one's id."""
    lost = [one for one in requests if not one.placed]
    if not lost:
        raise Uncheckable("No request of this round has failed yet. Run its cells first.")
    everybody, people = {one.customer for one in requests}, {one.customer for one in lost}
    if failed != len(lost):
        if failed == len(requests):
            seen = f"failed is {failed}: so many requests the function's log has in all."
        elif failed == len(people):
            seen = f"failed is {failed}: so many customers were hit."
        else:
            seen = f"failed is {failed}; the log has another number of orders that were received and not placed."
        raise Incorrect(
            seen,
            "how many requests failed.",
            "An order that was received and not placed stands in the log once, whatever the metrics round it to.",
        )
    if customers_hit != len(people):
        if customers_hit == len(lost):
            seen = f"customers_hit is {customers_hit}: so many requests failed."
        elif customers_hit == len(everybody):
            seen = f"customers_hit is {customers_hit}: so many customers ordered at all."
        else:
            seen = f"customers_hit is {customers_hit}."
        raise Incorrect(
            seen,
            "how many different customers had a request that failed, each counted once.",
            "A budget is counted in customers. Errors are what the metric has; who is behind them, only the log knows.",
        )
    if last != lost[-1].id:
        if last in _ids(lost):
            seen = f"{last} failed, and others after it."
        elif last in _ids(requests):
            seen = f"{last} was placed."
        else:
            seen = f"last is {last[:60]!r}, which is no request id in the function's log."
        raise Incorrect(
            seen,
            "the request id of the last order that failed.",
            "The first and the last failure are how long it took, whatever anybody remembers of that evening.",
        )


# -- 2: an alias with two weights ------------------------------------------------------------------------------


def two_weights(*, of_the_new: int, one: str, met_both: str, requests: Sequence[Request], new: str) -> None:
    """`of_the_new` is how many requests the new version answered, `one` the id of such a request, `met_both` a customer
    whom both versions answered."""
    mine = [each for each in requests if each.version == new]
    if not mine or len(mine) == len(requests):
        raise Uncheckable("Not both versions have answered yet. Run the round's cells first.")
    if of_the_new != len(mine):
        if of_the_new == len(requests) - len(mine):
            seen = f"of_the_new is {of_the_new}: so many the old version answered."
        elif of_the_new == round(len(requests) / 10):
            seen = f"of_the_new is {of_the_new}: that is 10 % of the requests, and not what happened."
        else:
            seen = f"of_the_new is {of_the_new}."
        raise Incorrect(
            seen,
            f"how many of the {len(requests)} requests version {new} answered in your run.",
            "The weight is a chance, drawn for each request. What came of it is counted.",
        )
    if one not in _ids(mine):
        if one in _ids(requests):
            seen = f"{one} was answered by the old version."
        else:
            seen = f"one is {one[:60]!r}, which is no request id in the function's log."
        raise Incorrect(
            seen,
            f"the id of a request that version {new} answered.",
            "ExecutedVersion in the answer, and the version in the log line, say the same: one for the caller, one for "
            "whoever looks later.",
        )
    versions: dict[str, set[str]] = {}
    for each in requests:
        versions.setdefault(each.customer, set()).add(each.version)
    if len(versions.get(met_both, ())) != 2:
        if met_both in versions:
            seen = f"{met_both} was answered by version {next(iter(versions[met_both]))} alone."
        else:
            seen = f"met_both is {met_both[:60]!r}, who has ordered nothing."
        raise Incorrect(
            seen,
            "a customer of whose requests one went to each version.",
            "An alias knows no sessions. Whoever reloads a page may meet the other version, so both must work on the "
            "same data.",
        )


# -- 3: what CodeDeploy adds -----------------------------------------------------------------------------------


def shifted(
    *,
    deployment: str,
    lifecycle: Sequence[str],
    seconds: int,
    new_in_the_bake: int,
    told: Told,
    requests: Sequence[Request],
    apart: float = 0.0,
) -> None:
    """`deployment` is its id, `lifecycle` the names of its events in their order, `seconds` how long AllowTraffic took,
    `new_in_the_bake` how many requests the new version answered before the second shift.

    `apart` is by how many seconds the learner's clock may differ from the cloud's.
    """
    if told.status != "Succeeded":
        raise Uncheckable(f"The deployment is {told.status}. Run the round's cells to their end.")
    if deployment != told.id:
        raise Incorrect(
            f"deployment is {deployment[:60]!r}.",
            "the id that CreateDeployment gave, d- and some letters.",
            "All that CodeDeploy tells, it tells by this id; a pipeline keeps it beside the commit.",
        )
    right = [one.name for one in told.lifecycle]
    if list(lifecycle) != right:
        seen = (
            "lifecycle has the right events in another order."
            if sorted(lifecycle) == sorted(right)
            else (f"lifecycle is {str(list(lifecycle))[:80]}.")
        )
        raise Incorrect(
            seen,
            "the names of the deployment's lifecycle events, in the order in which they ran.",
            "The first and the last are where hooks run: before the first customer, and after the last shift.",
        )
    shift = told.event("AllowTraffic")
    assert shift.began is not None
    assert shift.ended is not None
    took = (shift.ended - shift.began).total_seconds()
    if abs(seconds - took) > 2:
        unit = ": that is the number of its minutes" if abs(seconds * 60 - took) <= 2 else ""
        raise Incorrect(
            f"seconds is {seconds}{unit}.",
            "the seconds between the beginning and the end of AllowTraffic.",
            "So long a bad version has to show itself. An alarm that needs longer comes too late.",
        )
    mine = [one for one in requests if one.version == told.target]
    end = shift.ended.timestamp()
    least, most = (sum(one.at < end + seconds for one in mine) for seconds in (-apart, apart))
    if not least - ON_THEIR_WAY <= new_in_the_bake <= most + ON_THEIR_WAY:
        if abs(new_in_the_bake - len(mine)) <= ON_THEIR_WAY:
            seen = f"new_in_the_bake is {new_in_the_bake}: those after the second shift are in it."
        elif abs(new_in_the_bake - sum(one.at < end for one in requests)) <= ON_THEIR_WAY:
            seen = f"new_in_the_bake is {new_in_the_bake}: so many both versions answered in that time."
        else:
            seen = f"new_in_the_bake is {new_in_the_bake}."
        raise Incorrect(
            seen,
            f"how many requests version {told.target} answered before the second shift.",
            "This is all that your alarms have to judge by. Few requests, and 5 % of them are none or two.",
        )


# -- 4: canary and linear --------------------------------------------------------------------------------------


def canary_and_linear(
    *,
    failed_with_the_canary: int,
    failed_with_linear: int,
    last_weight: float,
    stopped_by: str,
    canary: Sequence[Request],
    linear: Sequence[Request],
    told: Told,
    alarm_names: Collection[str],
) -> None:
    """How many requests failed in each release; `last_weight` is the linear one's when it was stopped, `stopped_by` the
    alarm's name. `told` is the linear deployment."""
    lost = {"canary": sum(not one.placed for one in canary), "linear": sum(not one.placed for one in linear)}
    if not all(lost.values()):
        raise Uncheckable("One of the two releases has not failed yet. Run the round's cells first.")
    answered = {"canary": failed_with_the_canary, "linear": failed_with_linear}
    for kind, name in (("canary", "failed_with_the_canary"), ("linear", "failed_with_linear")):
        if answered[kind] == lost[kind]:
            continue
        other = lost["linear" if kind == "canary" else "canary"]
        if answered[kind] == other:
            seen = f"{name} is {answered[kind]}: so many failed in the other one."
        else:
            seen = f"{name} is {answered[kind]}; the log of that function has another number."
        raise Incorrect(
            seen,
            "how many requests failed, counted in your own run.",
            "The formula gives what to expect. A budget has to hold for what happens.",
        )
    if abs(last_weight - told.weight) > 0.001:
        if abs(last_weight - told.weight * 100) < 0.1:
            seen = f"last_weight is {last_weight:g}: that is percent, and the weight is a share."
        elif last_weight == 0:
            seen = "last_weight is 0: that is the alias afterwards."
        else:
            seen = f"last_weight is {last_weight:g}."
        raise Incorrect(
            seen,
            "targetVersionWeight of the linear deployment, from GetDeploymentTarget.",
            "A linear shift goes on while your alarm still counts its periods: each minute of them costs more than the "
            "one before.",
        )
    if stopped_by not in alarm_names or stopped_by not in told.message:
        raise Incorrect(
            f"stopped_by is {stopped_by[:80]!r}.",
            "the full name of the alarm that stopped the linear deployment.",
            "The deployment names it in its error: that is where the search for the cause begins.",
        )


# -- 5: three alarms, and one too careful ----------------------------------------------------------------------


def three_alarms(
    *,
    fired: str,
    datapoint: float,
    before_any_request: str,
    errors_of_alias: float,
    histories: Mapping[str, Sequence[Transition]],
    requests: Sequence[Request],
    new: str,
) -> None:
    """`fired` is the alarm that fired because of the new version, `datapoint` what it saw, in percent;
    `before_any_request` the one in ALARM without a request, `errors_of_alias` the share in percent of requests that
    failed since the new version got its first one.
    """
    first = next((one.at for one in requests if one.version == new), None)
    if first is None or first == requests[0].at:
        raise Uncheckable("Not both versions have answered yet. Run the round's cells first.")
    early = [name for name, changes in histories.items() if _alarming(changes, first)]
    late = [name for name, changes in histories.items() if name not in early and any(_alarms_in(changes))]
    if not early or not late:
        raise Uncheckable("The alarms have not done yet what they do in this round. Run its cells again.")
    if fired not in late:
        if fired in early:
            seen = f"{fired} was in ALARM before the new version had answered anything."
        elif fired in histories:
            seen = f"{fired} was never in ALARM."
        else:
            seen = f"fired is {fired[:80]!r}, which is no alarm of this round."
        raise Incorrect(
            seen,
            "the full name of the alarm that went into ALARM because of what the new version did.",
            "The alias's own metrics are nine parts the old version: what the new one does is thinned out in them.",
        )
    values = [one.value for one in _alarms_in(histories[fired]) if one.value is not None]
    if not any(abs(datapoint - value) <= 0.05 for value in values):
        as_share = any(abs(100 * datapoint - value) <= 0.05 for value in values)
        raise Incorrect(
            f"datapoint is {datapoint:g}"
            + (": that is a share, and the alarm counts in percent." if as_share else "."),
            f"the datapoint with which {fired} went into ALARM, in percent.",
            "The history keeps what an alarm has seen. In the metric you would have to guess which minute it was.",
        )
    if before_any_request not in early:
        seen = (
            f"{before_any_request} was not in ALARM then."
            if before_any_request in histories
            else f"before_any_request is {before_any_request[:80]!r}, which is no alarm of this round."
        )
        raise Incorrect(
            seen,
            "the full name of the alarm that was in ALARM before the new version had answered a request.",
            "With it no deployment could begin: a version without traffic has no datapoints, and this alarm takes that "
            "for the worst.",
        )
    since = [one for one in requests if one.at >= first]
    share = 100 * sum(not one.placed for one in since) / len(since)
    if abs(errors_of_alias - share) > 0.1:
        mine = [one for one in since if one.version == new]
        own = 100 * sum(not one.placed for one in mine) / len(mine)
        if abs(errors_of_alias - own) <= 0.5:
            seen = f"errors_of_alias is {errors_of_alias:.2f}: that is the share of version {new}'s own requests."
        else:
            seen = f"errors_of_alias is {errors_of_alias:.2f}."
        raise Incorrect(
            seen,
            "the percentage of all requests that failed, from the first one of the new version on.",
            "This is what the obvious alarm sees. Its threshold would have to be a tenth of what you mean, and then "
            "the old version's own noise sets it off.",
        )


def _alarms_in(changes: Sequence[Transition]) -> list[Transition]:
    return [one for one in changes if one.after == "ALARM"]


def _alarming(changes: Sequence[Transition], moment: float) -> bool:
    """Whether an alarm was in ALARM at that time (Unix seconds)."""
    before = [one for one in changes if one.at.timestamp() < moment]
    return bool(before) and before[-1].after == "ALARM"


# -- 6: a hook -------------------------------------------------------------------------------------------------


def smoke_tested(
    *, failed_event: str, code: str, error_type: str, weight: float, told: Told, said: Sequence[Mapping[str, object]]
) -> None:
    """`failed_event` is the lifecycle event that failed, `code` the deployment's error, `error_type` what the smoke
    test found, `weight` the share that the new version ever had. `said` are the smoke test's log lines."""
    if told.status not in ("Failed", "Stopped"):
        raise Uncheckable(f"The deployment is {told.status}. Run the round's cells to their end.")
    right = [one.name for one in told.lifecycle if one.status == "Failed"]
    if failed_event not in right:
        status = next((one.status for one in told.lifecycle if one.name == failed_event), None)
        raise Incorrect(
            f"{failed_event[:60]} is {status}." if status else f"failed_event is {failed_event[:60]!r}.",
            "the name of the lifecycle event whose status is Failed.",
            "What comes after it is Skipped: AllowTraffic never began, so nobody met the new version.",
        )
    if code != told.error:
        raise Incorrect(
            f"code is {code[:60]!r}.",
            "the code in the deployment's errorInformation.",
            "A hook that says no, an alarm, and somebody's hand end a deployment with different codes: your runbook "
            "can tell them apart.",
        )
    found = {str(one["result"].get("errorType")) for one in said if isinstance(one.get("result"), dict)}  # type: ignore[attr-defined]
    if error_type not in found:
        raise Incorrect(
            f"error_type is {error_type[:60]!r}.",
            "the errorType that the new version gave the smoke test, from the smoke test's log.",
            "CodeDeploy knows that the hook said Failed, and not why. The reason is where you wrote it.",
        )
    if weight != 0.0:
        raise Incorrect(
            f"weight is {weight:g}.",
            "the share of the requests that the new version ever had: targetVersionWeight.",
            "Before BeforeAllowTraffic has succeeded, the alias gives the new version nothing.",
        )


# -- 7: what happened, in its order ----------------------------------------------------------------------------


def rolled_back(
    *,
    deployment: str,
    rollback: str,
    alarm: str,
    failed_resource: str,
    stack_status: str,
    told: Told,
    fired: Mapping[str, datetime],
    failed: Sequence[str],
    cancelled: Collection[str],
    status: str,
) -> None:
    """What the release left behind: the deployment, the one that took it back, the alarm that fired, the logical id of
    the resource that failed first, and the stack's status. `fired` are the alarms with the time of their ALARM."""
    if deployment != told.id:
        if deployment == told.rollback:
            seen = f"{deployment} is the deployment that took the release back."
        else:
            seen = f"deployment is {deployment[:60]!r}."
        raise Incorrect(
            seen,
            "the id of the deployment that shifted traffic to the new version.",
            "The stack's event of the alias names it, and GetDeployment has the rest of the story.",
        )
    if rollback != told.rollback:
        raise Incorrect(
            f"rollback is {rollback[:60]!r}.",
            "the id of the deployment that took the traffic back: rollbackDeploymentId.",
            "A rollback is a deployment of its own. It can fail, too, and it has its own times.",
        )
    if alarm not in fired:
        raise Incorrect(
            f"alarm is {alarm[:80]!r}, which did not fire.",
            "the name of the alarm that went into ALARM.",
            "Its history says when, and with which datapoints: the only evidence that outlives the new version.",
        )
    if not failed:
        raise Uncheckable("No resource of the stack has failed. Run the round's cells first.")
    if failed_resource != failed[0]:
        if failed_resource in cancelled:
            seen = f"{failed_resource} was cancelled for another one's sake."
        else:
            seen = f"failed_resource is {failed_resource[:60]!r}."
        raise Incorrect(
            seen,
            "the logical id of the resource whose update failed first.",
            "CloudFormation waits for CodeDeploy at one resource alone, the alias: what failed there is your release, "
            "not your template.",
        )
    if stack_status != status:
        raise Incorrect(
            f"stack_status is {stack_status[:60]!r}.",
            "the stack's status now.",
            "The alias is back after seconds. The stack goes on to put the rest back, and may be updated only then.",
        )
