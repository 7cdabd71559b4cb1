"""What the shop asks of the learner's template: bad releases taken back within the budget, good ones let through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from checks.contract import Answers, Incorrect, Uncheckable
from checks.lab02 import stacks, trials
from checks.lab03 import alarms, history, releases, trial
from checks.lab03.releases import Release
from checks.lab03.trial import BUDGET, CRASH_RATE, FILE, LONGEST_MINUTES, RATE, Ended, Service
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

BEGINNING = Path(__file__).parent / "that-friday" / "template.yaml"
#: Customers' orders a second in Prove. At more than that the bank's next closed line, some 120 calls after the first
#: failure, may fall into the same three minutes: two failures that a good template may well take for a bad release.
UNSEEN_RATES = (4.0, 4.25, 4.5)
#: How long a good release is left with all customers, in seconds, and their orders a second: two failures each minute.
LIVE_SECONDS, LIVE_RATE = 130.0, 5.0


def built(cloud: Cloud, answers: Answers) -> str:
    """The check of Build: a release with errors is taken back within the budget."""
    document, draw = _own_template(answers), answers.random
    with _standing(cloud, document, draw) as service:
        bad = releases.errors(f"bad-{_nonce(draw)}", 10)
        ended = _released(service, document, bad, RATE, draw)
        _must_be_taken_back(service, ended)
        if not ended.failed:
            # Its first call is fine: what stops it before any customer may stop each release.
            good = releases.plain(f"good-{_nonce(draw)}")
            _must_be_let_through(service, _released(service, document, good, RATE, draw))
    return f"{bad.words}: {_customers(ended)} failed until it was taken back."


def explained(cloud: Cloud, answers: Answers) -> None:
    """The check of Break's explanation, held against the learner's own stack."""
    answered = {name: answers.pair(name) for name in ("crash", "errors", "slow")}
    passed = answers.text("passed")
    found = _deployed(cloud)
    for name, (id, cause) in answered.items():
        _must_be_the_release(name, id, found)
        one = next(each for each in found if each.id == id)
        if cause not in one.causes:
            raise Incorrect(
                f"{cause[:80]} did not stop {id}.",
                f"what stopped the release {name}: a lifecycle event that failed, or an alarm that went into ALARM "
                "while that deployment was under way.",
                f"GetDeploymentTarget has its events: {_told(one)}. The alarms' history has the rest.",
            )
    _must_be_the_release("north", passed, found)


def caught(cloud: Cloud, answers: Answers) -> str:
    """The check of Break: a good release under noise, and three bad ones."""
    document, draw = _own_template(answers), answers.random
    told = []
    with _standing(cloud, document, draw) as service:
        for bad in (releases.crash(), releases.slow(), releases.errors()):
            ended = _released(service, document, bad, trial.rate_for(bad), draw)
            _must_be_taken_back(service, ended)
            told.append(f"{bad.name} {len(ended.failed)}")
        _must_be_let_through(service, _released(service, document, releases.north(), RATE, draw, noise=True))
    return f"Failed customers: {', '.join(told)}."


def proven(cloud: Cloud, answers: Answers) -> str:
    """The check of Prove: releases and traffic that nobody has seen."""
    document, draw = _own_template(answers), answers.random
    (worst, second), good = releases.unseen(draw)
    rate = draw.choice(UNSEEN_RATES)
    told: list[str] = []

    def take_back(release: Release, rate: float) -> None:
        ended = _released(service, document, release, rate, draw)
        _must_be_taken_back(service, ended)
        told.append(f"{release.words} ({_customers(ended)} failed)")

    with _standing(cloud, document, draw) as service:
        take_back(worst, CRASH_RATE)
        _must_be_let_through(service, _released(service, document, good, rate, draw, noise=True))
        _must_stay_quiet(service, draw)
        take_back(second, rate if second.words.endswith("errors") else RATE)
    return f"The releases were {', '.join(told)}, and {good.words}."


# -- how it is tried -----------------------------------------------------------------------------------------------


def _own_template(answers: Answers) -> Document:
    return trials.own_template(answers, FILE, BEGINNING)


def _nonce(draw: Random) -> str:
    return f"{draw.randrange(16**6):06x}"


@contextmanager
def _standing(cloud: Cloud, document: Document, draw: Random) -> Iterator[Service]:
    """Within the block the judge's own stack of this template stands, and can release. Incorrect if it can't."""
    name = f"{trials.PREFIX}-{_nonce(draw)}"
    text = trial.packaged(cloud, document, releases.plain())
    with trials.removed(cloud, name):
        trials.succeeded(stacks.deploy(cloud, name, text, **trials.parameters()), "A stack of your template")
        try:
            service = trial.service_of(cloud, name)
        except trial.NotMoved as missing:
            raise Incorrect(
                f"The stack of your template has {missing}.",
                "AutoPublishAlias: live, and a DeploymentPreference.",
                "Without them CloudFormation moves all customers at once, and nobody looks on.",
            ) from None
        _must_be_prepared(service)
        yield service


def _must_be_prepared(service: Service) -> None:
    """What can be told before any customer comes. Incorrect."""
    if service.at_once:
        raise Incorrect(
            f"The deployment group has {service.config}: all traffic at once.",
            "a canary, or linear steps.",
            "That was Friday: by the time that an alarm can tell, everybody has been hit.",
        )
    if service.minutes > LONGEST_MINUTES:
        raise Incorrect(
            f"With {service.config} a release is with all customers after {service.minutes:.0f} minutes.",
            f"{LONGEST_MINUTES} minutes at most.",
            "A release that takes an hour is not released on the day on which it is needed.",
        )
    if not service.alarms:
        raise Incorrect(
            "The deployment group has no alarms.",
            "Alarms in DeploymentPreference.",
            "Steps alone stop nothing: ten percent, and then everybody.",
        )


def _released(
    service: Service, document: Document, release: Release, rate: float, draw: Random, *, noise: bool = False
) -> Ended:
    trial.settle(service, seed=draw.randrange(2**31))
    text = trial.packaged(service.cloud, document, release)
    ended = trial.release(service, text, release, rate=rate, seed=draw.randrange(2**31), noise=noise)
    if not ended.deployment and not ended.through:
        raise Incorrect(
            f"The release with {release.words} was no deployment of CodeDeploy: {ended.stack.status}, {ended.reason}",
            "an update of the stack that moves the alias.",
            "What fails before that can't be released at all.",
        )
    if ended.stopped:
        raise Incorrect(
            f"The release with {release.words} was still under way when {LONGEST_MINUTES} minutes could no longer be "
            f"kept, and was stopped ({_told_lifecycle(ended)}).",
            f"an end within {LONGEST_MINUTES} minutes: through, or taken back.",
            "A hook that never answers holds a deployment for an hour. Look at the hook's log: was it called, and may "
            "it report?",
        )
    return ended


def _must_be_taken_back(service: Service, ended: Ended) -> None:
    what = f"The bad release ({ended.release.words})"
    if ended.through:
        raise Incorrect(
            f"{what} went through to all customers; it had failed {_customers(ended)} by then. "
            f"None of its alarms stopped it: {_seen(service, ended)}.",
            f"taken back, with {BUDGET} failed customers at most.",
            "A tenth of the traffic is a tenth of the evidence. An alarm must count the new version's calls alone, "
            "soon enough.",
        )
    if not ended.taken_back:
        raise Incorrect(
            f"{what} ended as {ended.stack.status}, with the alias at version {ended.live}: {ended.reason[:300]}",
            f"UPDATE_ROLLBACK_COMPLETE, and the alias at version {ended.before}.",
            "A rollback that stops half-way is an incident of its own.",
        )
    if len(ended.failed) > BUDGET:
        raise Incorrect(
            f"{what} was taken back by {ended.caught_by or 'nothing that can be named'}, after it had failed "
            f"{_customers(ended)}.",
            f"{BUDGET} at most.",
            "What fails at once is found before the first customer, by a hook. For the rest, count the minutes: the "
            "period, the datapoints, and what each step adds.",
        )


def _must_be_let_through(service: Service, ended: Ended) -> None:
    if ended.through:
        return
    raise Incorrect(
        f"The good release ({ended.release.words}) was taken back: {ended.reason[:300]}{_reasons(service, ended)}",
        "the release with all customers.",
        "What stops good releases is switched off by the end of the week. A hook: what does it test? An alarm: which "
        "calls does it count, and how many of them does it take?",
    )


def _must_stay_quiet(service: Service, draw: Random) -> None:
    """With all the traffic on a good release nothing may be in ALARM. Incorrect."""
    trial.left_alone(service, LIVE_RATE, LIVE_SECONDS, draw.randrange(2**31))
    for name in service.alarming():
        raise Incorrect(
            f"The good release was with all customers, and {LIVE_SECONDS:.0f} seconds later {name} was in ALARM.",
            "no alarm while a good version is live.",
            "With ten times the calls there are ten times the failures. CodeDeploy stops a deployment whose alarm is "
            "in ALARM when it begins: nothing could be released any more, a mend least of all.",
        )


def _seen(service: Service, ended: Ended) -> str:
    """What the alarms had to look at: one that had nothing counts what is not there."""
    cloud = service.cloud
    now = cloud.clock.now()
    start = min((one.at for one in ended.records), default=now)
    return "; ".join(alarms.saw(cloud, name, start, now) for name in service.alarms)


def _reasons(service: Service, ended: Ended) -> str:
    """What the alarms say that stopped it."""
    if not ended.alarms:
        return ""
    name = ended.alarms[0]
    fired = [one.reason for one in alarms.history(service.cloud, name) if one.after == "ALARM"]
    return f" {name}: {fired[-1][:200]}" if fired else ""


def _told_lifecycle(ended: Ended) -> str:
    return ", ".join(f"{name}: {status}" for name, status in ended.lifecycle.items())


def _customers(ended: Ended) -> str:
    return "1 customer" if len(ended.failed) == 1 else f"{len(ended.failed)} customers"


# -- what the learner's own run tells ------------------------------------------------------------------------------


def _deployed(cloud: Cloud) -> list[history.Deployed]:
    try:
        found = history.deployed(trial.service_of(cloud, history.STACK))
    except trial.NotMoved:
        found = []
    missing = set(releases.BREAK) - {one.release for one in found}
    if missing:
        raise Uncheckable(f"{history.STACK} has not released {', '.join(sorted(missing))} yet. Run the round's cells.")
    return found


def _must_be_the_release(name: str, id: str, found: list[history.Deployed]) -> None:
    own = [one for one in found if one.release == name]
    if id in {one.id for one in own}:
        return
    other = next((one for one in found if one.id == id), None)
    seen = f"{id[:40]} released {other.release or 'something else'}" if other else f"{id[:40]} is no deployment of it"
    raise Incorrect(
        f"{seen}.",
        f"the deployment that released {name} with the stack {history.STACK}.",
        "Each deployment has an id, and its target a version; the lines of your run have both.",
    )


def _told(one: history.Deployed) -> str:
    return ", ".join(f"{name} {status}" for name, status in one.lifecycle.items())
