"""From a call to all that must be allowed for it: actions on resources, each with the context keys of its own.

Nothing here decides, and nothing asks the state but by a `LookUp`: the same call with the same answers always has the
same needs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator

from sandbox.access import catalog
from sandbox.access.request import Values
from sandbox.authorisation import actions, apigateway, arns, dynamodb, keys, passing, resources, s3
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.names.keys import key_arn
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.parameters import at
from sandbox.gateway.call import Call

#: More things than this are in no call that AWS takes (s3:DeleteObjects with 1,000 objects, say, needs two for each).
MAX_NEEDS = 2_500


def needs(call: Call, look_up: LookUp = NOTHING) -> tuple[Need, ...]:
    """Everything that must be allowed for a call to go on; empty for an operation that needs no permission.

    Underivable if an action or a resource can't be told: the call is then refused, never let through. The keys of every
    call (`keys.call_context`) are not in the needs, nor are those of the principal and of the resource's state.
    """
    if not actions.needs_permission(call.service, call.operation):
        return ()
    try:
        own = _own(call, look_up)
        found = [*own, *passing.beside(call, own, look_up)]
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        # Parameters are as the caller sent them: of another shape than the model's, perhaps.
        raise Underivable(f"{call.service}:{call.operation}: its parameters can't be read ({error!r})") from error
    if not found:
        raise Underivable(f"{call.service}:{call.operation}: its parameters name nothing that could be allowed")
    if len(found) > MAX_NEEDS:
        raise Underivable(
            f"{call.service}:{call.operation} is about {len(found)} things; at most {MAX_NEEDS} are judged"
        )
    return tuple(_once(found))


def preload(services: Iterable[str]) -> None:
    """Read the reference for services (botocore's names) before the first call, which would wait 1-10 ms for each."""
    for service in services:
        catalog.actions(actions.prefix(service))
        catalog.resource_types(actions.prefix(service))


def _own(call: Call, look_up: LookUp) -> list[Need]:
    """The needs of the operation's own action or actions."""
    if call.service == "s3":
        return s3.needs(call, look_up)
    if call.service in actions.HTTP_VERBS:
        return apigateway.needs(call)
    if call.service == "dynamodb":
        of_items = dynamodb.needs(call, look_up)
        if of_items is not None:
            return of_items
    told = _TOLD.get((call.service, call.operation))
    if told is not None:
        return list(told(call, look_up))
    action = actions.action(call.service, call.operation)
    return [
        Need(action.full_name, each.arn, keys.of_action(call, action, each.arn, look_up, each.kind))
        for each in resources.of(call, action, look_up)
    ]


def _once(found: list[Need]) -> list[Need]:
    """Without repetitions, in order."""
    if len(found) == 1:
        return found
    return list({(need.action, need.resource, repr(need.context)): need for need in found}.values())


# -- operations whose needs no table tells -------------------------------------------------------------


def _events(call: Call, look_up: LookUp) -> Iterator[Need]:
    """Each event is asked about with its own source and detail type, on the bus that it is for.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html"""
    for entry in at(call.params, "Entries[]"):
        bus = entry.get("EventBusName") or "default"
        arn = arns.of_region(call, bus) if bus.startswith("arn:") else in_partition(call, "events", f"event-bus/{bus}")
        context: dict[str, Values] = {}
        if entry.get("Source"):
            context["events:source"] = [entry["Source"]]
        if entry.get("DetailType"):
            context["events:detail-type"] = [entry["DetailType"]]
        yield Need("events:PutEvents", arn, context)


def _decrypt(call: Call, look_up: LookUp) -> Iterator[Need]:
    """The key is named, or the ciphertext tells it.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    yield _crypt(call, "Decrypt", "KeyId", look_up)


def _re_encrypt(call: Call, look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html"""
    source = _crypt(call, "ReEncryptFrom", "SourceKeyId", look_up)
    target = _crypt(call, "ReEncryptTo", "DestinationKeyId", look_up)
    same: dict[str, Values] = {"kms:ReEncryptOnSameKey": source.resource == target.resource}
    for need in (source, target):
        yield Need(need.action, need.resource, {**need.context, **same})


def _crypt(call: Call, name: str, member: str, look_up: LookUp) -> Need:
    given = call.params.get(member)
    if given:
        arn = key_arn(call, look_up, arns.of_region(call, given))
    else:
        blob = call.params.get("CiphertextBlob") or b""
        text = blob.decode("latin-1") if isinstance(blob, bytes) else base64.b64decode(blob).decode("latin-1")
        found = look_up.arn(call.account, call.region, "kms:ciphertext", text)
        if found is None:
            raise Underivable(f"kms:{call.operation}: neither {member} nor the ciphertext tells the key")
        arn = found
    action = catalog.actions("kms")[name.lower()]
    return Need(action.full_name, arn, keys.of_action(call, action, arn, look_up, "key"))


def _connection(call: Call, look_up: LookUp) -> Iterator[Need]:
    """The API and the stage are in the endpoint that was called, which a decoded call doesn't have.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html"""
    raise Underivable(f"execute-api:{call.operation}: the API that the connection belongs to can't be told")


_TOLD: dict[tuple[str, str], Callable[[Call, LookUp], Iterator[Need]]] = {
    ("apigatewaymanagementapi", "DeleteConnection"): _connection,
    ("apigatewaymanagementapi", "GetConnection"): _connection,
    ("apigatewaymanagementapi", "PostToConnection"): _connection,
    ("events", "PutEvents"): _events,
    ("kms", "Decrypt"): _decrypt,
    ("kms", "ReEncrypt"): _re_encrypt,
}
