"""Deploys the learner's template with faults in single resources: the stack must roll back whole, and go on working."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, Uncheckable
from checks.lab02 import orders, stacks, trials
from checks.lab02.service import ALIAS, Service
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: A log group of this name is taken: what asks for it fails.
TAKEN = "/coldstart/taken"
#: A resource of the judge's own that a bad update brings.
EXTRA = "ColdstartAudit"
#: SQS takes letters, digits, hyphens and underscores.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
NO_QUEUE_NAME = "order events!"
#: What SAM says is to be kept, and what goes all the same: with its function.
_GONE_WITH_OTHERS = ("AWS::Lambda::Version",)
PAUSE_SECONDS = 0.03
#: What the update that fails changes besides, and the next one: a new version is published for each.
BAD_MEMORY_MB, NEXT_MEMORY_MB = 896, 960


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one resource of the template. `words` say what, `document` has it."""

    words: str
    logical_id: str
    document: Document


def proven(cloud: Cloud, answers: Answers) -> str:
    """The check: two stacks of one stage, a creation and an update that fail, and what stands afterwards."""
    document = orders.own_template(answers)
    draw = answers.random
    stage = draw.choice(["dev", "staging"])
    retention = draw.choice(orders.RETENTIONS)
    nonce = f"{draw.randrange(16**6):06x}"
    standing, new = (f"{trials.PREFIX}-{nonce}-{name}" for name in ("standing", "new"))
    packed = trials.packaged(cloud, document, orders.FILE, orders.FOLDER)
    fault = draw.choice(faults(packed, nonce))
    with _taken(cloud, nonce), trials.removed(cloud, standing, new):
        service = orders.deployed(cloud, standing, trials.text_of(packed), stage, retention)
        orders.must_answer(service, draw)
        for one in (fault, *last_faults(packed, nonce)):
            _creation_fails(cloud, new, one, stage, retention)
        _creation_works(cloud, new, packed, stage, retention, draw)
        _update_fails(service, packed, nonce, draw)
        _update_works(service, packed, draw)
    return f"The faults were {fault.words}, and a new resource that could not be made."


# -- faults ----------------------------------------------------------------------------------------------------


def faults(document: Document, nonce: str) -> list[Fault]:
    """The faults that this template can have. Uncheckable if it has no resource for any."""
    found = []
    resources: Mapping[str, Any] = document.get("Resources", {})
    tables = _of_type(resources, "AWS::DynamoDB::Table")
    for id in _of_type(resources, "AWS::SQS::Queue"):
        found.append(_fault("a queue's name that SQS refuses", document, id, {"QueueName": NO_QUEUE_NAME}, tables))
    for id in _of_type(resources, "AWS::Logs::LogGroup"):
        name = {"LogGroupName": f"{TAKEN}-{nonce}"}
        found.append(_fault("a log group's name that was taken", document, id, name, tables))
    for id in _of_type(resources, "AWS::Serverless::Function"):
        if "Role" in _properties(document, id):
            continue
        policies = resources[id].get("Properties", {}).get("Policies", [])
        broken = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb", "Resource": "*"}]}
        listed = policies if isinstance(policies, list) else [policies]
        found.append(_fault("a role's policy that IAM can't read", document, id, {"Policies": [*listed, broken]}, ()))
    if not found:
        raise Uncheckable("The template has no queue, log group or function to put a fault into: see check 02.9.")
    return found


def last_faults(document: Document, nonce: str) -> list[Fault]:
    """A fault that comes after all that a policy may keep, where others than tables have one; else none."""
    resources: Mapping[str, Any] = document.get("Resources", {})
    policies = [id for id, one in resources.items() if isinstance(one, dict) and "DeletionPolicy" in one]
    if set(policies) <= set(_of_type(resources, "AWS::DynamoDB::Table")):
        return []
    extra = {
        "Type": "AWS::Logs::LogGroup",
        "DependsOn": policies,
        "Properties": {"LogGroupName": f"{TAKEN}-{nonce}"},
    }
    return [Fault("a new resource that can't be made", EXTRA, {**document, "Resources": {**resources, EXTRA: extra}})]


def _of_type(resources: Mapping[str, Any], kind: str) -> list[str]:
    return [id for id, one in resources.items() if isinstance(one, dict) and one.get("Type") == kind]


def _fault(
    words: str, document: Document, id: str, properties: Mapping[str, Any], after: list[str] | tuple[str, ...]
) -> Fault:
    """The document with these properties of one resource, which is made after others."""
    one = document["Resources"][id]
    had = one.get("DependsOn", [])
    waits = [*([had] if isinstance(had, str) else had), *(name for name in after if name != id)]
    changed = {**one, "Properties": {**one.get("Properties", {}), **properties}}
    if waits:
        changed["DependsOn"] = list(dict.fromkeys(waits))
    return Fault(words, id, {**document, "Resources": {**document["Resources"], id: changed}})


@contextmanager
def _taken(cloud: Cloud, nonce: str) -> Iterator[None]:
    logs, name = cloud.client("logs"), f"{TAKEN}-{nonce}"
    logs.create_log_group(logGroupName=name)
    try:
        yield
    finally:
        logs.delete_log_group(logGroupName=name)


# -- a creation ------------------------------------------------------------------------------------------------


def _creation_fails(cloud: Cloud, stack: str, fault: Fault, stage: str, retention: int) -> None:
    given = trials.parameters(Stage=stage, LogRetentionDays=retention)
    done = stacks.deploy(cloud, stack, trials.text_of(fault.document), **given)
    what = f"A second stack of stage {stage} with {fault.words} ({fault.logical_id})"
    if done.succeeded:
        raise Uncheckable(f"{what} was deployed all the same. Run the check again.")
    if done.status == "REFUSED":
        raise Uncheckable(f"{what} was refused before anything was made: {done.reason[:200]}")
    failed = next((one for one in done.events if one.status == "CREATE_FAILED"), None)
    if done.status != "ROLLBACK_COMPLETE":
        left = next((one for one in done.events if one.status == "DELETE_FAILED"), None)
        why = f"{left.logical_id}: {left.reason[:250]}" if left else done.reason[:250]
        raise Incorrect(
            f"{what} is {done.status}: {why}",
            "ROLLBACK_COMPLETE.",
            "What can't be deleted can't be rolled back either. Somebody has to clean up by hand before anything can "
            "be deployed again.",
        )
    if failed is not None and "already exist" in failed.reason and failed.logical_id != fault.logical_id:
        raise Incorrect(
            f"{what} failed at {failed.logical_id} already: {failed.reason[:250]}",
            "stacks of one stage can stand side by side: names are made by CloudFormation, or have the stack's name in "
            "them.",
            "A fixed name allows one stack for each account and region, and it forbids every replacement.",
        )
    for kind, names in trials.made_by(cloud, stack).items():
        for name in names:
            if name != f"{TAKEN}-{stack.split('-')[2]}" and trials.still_there(cloud, kind, name):
                raise Incorrect(
                    f"{what} was rolled back, and {name} ({kind}) is still there.",
                    "nothing is left of a creation that failed.",
                    "DeletionPolicy Retain holds for a rollback too: each failed try leaves a table behind that no "
                    "stack knows. There is a policy that makes this one exception.",
                )
    kept = next(
        (one for one in done.events if one.status == "DELETE_SKIPPED" and one.type not in _GONE_WITH_OTHERS), None
    )
    if kept is not None:
        raise Incorrect(
            f"{what} was rolled back, and {kept.logical_id} ({kept.type}) was kept: {kept.physical_id}.",
            "nothing is left of a creation that failed.",
            "DeletionPolicy Retain holds for a rollback too, and what it keeps no stack knows. There is a policy that "
            "makes this one exception.",
        )


def _creation_works(
    cloud: Cloud, stack: str, document: Document, stage: str, retention: int, draw: random.Random
) -> None:
    given = trials.parameters(Stage=stage, LogRetentionDays=retention)
    done = stacks.deploy(cloud, stack, trials.text_of(document), **given)
    if not done.succeeded:
        raise Incorrect(
            f"After the rollback, the next deployment of the same stack ended as {done.status}: {trials.cause(done)}",
            "CREATE_COMPLETE, beside the stack that stands already.",
            "What the first try left, or a name that is taken, is in the way of every later one.",
        )
    orders.must_answer(orders.service_of(cloud, stack, stage, retention), draw)


# -- an update -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Watched:
    """What callers saw during a deployment."""

    calls: int = 0
    bad: list[str] = field(default_factory=list)


@contextmanager
def _watching(call: Callable[[], str]) -> Iterator[Watched]:
    """Calls again and again within the block. `call` says what was wrong, if anything was."""
    seen, over = Watched(), threading.Event()

    def work() -> None:
        while not over.wait(PAUSE_SECONDS):
            wrong = call()
            seen.calls += 1
            if wrong:
                seen.bad.append(wrong)

    thread = threading.Thread(target=work, name="caller", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(60.0)


def _changed(document: Document, memory_mb: int) -> Document:
    """The next release: another size for every function, which publishes a version."""
    resources = {
        id: {**one, "Properties": {**one.get("Properties", {}), "MemorySize": memory_mb}}
        if isinstance(one, dict) and one.get("Type") == "AWS::Serverless::Function"
        else one
        for id, one in document["Resources"].items()
    }
    return {**document, "Resources": resources}


def _update_fails(service: Service, document: Document, nonce: str, draw: random.Random) -> None:
    cloud = service.cloud
    before, sizes = _order(service, draw), _sizes(service)
    changed = _changed(document, BAD_MEMORY_MB)
    functions = _of_type(changed["Resources"], "AWS::Serverless::Function")
    # The new resource comes last, when the function has its new version already: all of that must go back.
    extra = {
        "Type": "AWS::Logs::LogGroup",
        "DependsOn": [
            f"{id}Alias{ALIAS}" if _properties(changed, id).get("AutoPublishAlias") == ALIAS else id for id in functions
        ],
        "Properties": {"LogGroupName": f"{TAKEN}-{nonce}"},
    }
    bad = {**changed, "Resources": {**changed["Resources"], EXTRA: extra}}
    with _watching(lambda: _wrong_with(service, before)) as seen:
        done = stacks.deploy(cloud, service.stack, trials.text_of(bad))
    what = "An update that brings a resource which can't be made"
    if done.status != "UPDATE_ROLLBACK_COMPLETE":
        raise Incorrect(
            f"{what} ended as {done.status}: {trials.cause(done)}",
            "UPDATE_ROLLBACK_COMPLETE.",
            "Until it is back where it was, a stack takes no other update.",
        )
    if seen.bad:
        raise Incorrect(
            f"During {what[0].lower()}{what[1:]}, {len(seen.bad)} of {seen.calls} calls went wrong: {seen.bad[0]}",
            "every call is answered as before, by a published version.",
            "A deployment that fails is a matter of the pipeline, not of the customers.",
        )
    if _sizes(service) != sizes:
        raise Incorrect(
            f"After the rollback the function's live version has {_sizes(service)} MB; it had {sizes}.",
            "the state before the update.",
            "A rollback that leaves half of a release behind makes a state that nobody has ever tested.",
        )
    wrong = _wrong_with(service, before)
    if wrong:
        raise Incorrect(
            f"After the rollback: {wrong}",
            "the order that was placed before it, from the version before it.",
            "Data and version must be those from before.",
        )


def _update_works(service: Service, document: Document, draw: random.Random) -> None:
    before, sizes = _order(service, draw), _sizes(service)
    done = stacks.deploy(service.cloud, service.stack, trials.text_of(_changed(document, NEXT_MEMORY_MB)))
    trials.succeeded(done, "The next update, without the fault,")
    if _sizes(service) == sizes:
        raise Incorrect(
            f"After the next update the live version still has {sizes} MB.",
            f"{NEXT_MEMORY_MB} MB, by way of a new version behind the alias {ALIAS}.",
            "An alias that nobody moves serves the old release for ever.",
        )
    wrong = _wrong_with(service, before)
    if wrong:
        raise Incorrect(
            f"After the next update: {wrong}", "the order that was placed before.", "Orders outlive releases."
        )


def _properties(document: Document, id: str) -> Mapping[str, Any]:
    """A function's properties, with those that all functions share."""
    shared = document.get("Globals", {}).get("Function", {}) if isinstance(document.get("Globals"), dict) else {}
    return {**shared, **document["Resources"][id].get("Properties", {})}


def _sizes(service: Service) -> str:
    """The memory of each function as callers get it: behind the alias, if there is one."""
    functions = service.cloud.client("lambda")
    sizes = []
    for one in service.functions:
        try:
            told = functions.get_function_configuration(FunctionName=one["FunctionName"], Qualifier=ALIAS)
        except functions.exceptions.ResourceNotFoundException:
            told = functions.get_function_configuration(FunctionName=one["FunctionName"])
        sizes.append(str(told["MemorySize"]))
    return ", ".join(sizes)


def _order(service: Service, draw: random.Random) -> Mapping[str, Any]:
    placed = service.call("POST", "/orders", {"customer": "prove", "total_cents": draw.randrange(1, 9_999)})
    if placed.status != 201 or not isinstance(placed.body, dict):
        raise Incorrect(f"POST /orders answered {placed.status}.", "201.", "Before anything was changed.")
    return placed.body


def _wrong_with(service: Service, order: Mapping[str, Any]) -> str:
    """What is wrong with the answer to a GET of this order; empty if nothing is."""
    try:
        found = service.call("GET", f"/orders/{order['order_id']}")
    except OSError as error:
        return f"no answer ({error})"
    if found.status != 200 or found.body != order:
        return f"GET of an order answered {found.status}: {str(found.body)[:120]}"
    version = found.headers.get(orders.VERSION_HEADER, "")
    return "" if version.isdigit() else f"the version {version or 'unknown'} answered"
