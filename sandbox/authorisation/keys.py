"""The context keys that a call brings: the global ones, its tags, and those of the service that its parameters fill.

Which keys an action has is AWS's reference's to say (`sandbox.access.catalog`); key_sources.py says where in the
parameters their values are. Keys of the principal and of the resource as it is (its tags, say) are not the call's: they
come from the state. What the two have in common are a few defaults, where AWS documents that a key always has a value.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from sandbox.access import catalog
from sandbox.access.request import Values
from sandbox.authorisation import arns
from sandbox.authorisation.key_sources import KEYS, Source, function_in
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.parameters import at, text
from sandbox.authorisation.request_tags import context_of_request, request_tags, tags_in
from sandbox.gateway.call import Call

#: Services without regions: their calls are made to us-east-1 (Global Accelerator's to us-west-2).
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
_GLOBAL_REGIONS = {
    "account": "us-east-1",
    "budgets": "us-east-1",
    "ce": "us-east-1",
    "cloudfront": "us-east-1",
    "globalaccelerator": "us-west-2",
    "iam": "us-east-1",
    "organizations": "us-east-1",
    "route53": "us-east-1",
    "route53domains": "us-east-1",
    "shield": "us-east-1",
    "support": "us-east-1",
    "waf": "us-east-1",
}

# -- keys of every call --------------------------------------------------------------------------------


def call_context(call: Call) -> dict[str, Values]:
    """The keys that every call has, whatever it asks for.

    aws:SecureTransport is true although the sandbox's endpoint speaks plain HTTP on the loopback: the
    endpoint stands for AWS's, which its clients reach by TLS, and the widespread "deny unless SecureTransport" would
    otherwise shut everyone out.
    """
    called_via = call.principal.via
    context: dict[str, Values] = {
        "aws:RequestedRegion": _GLOBAL_REGIONS.get(call.service, call.region),
        "aws:SecureTransport": True,
        "aws:ViaAWSService": bool(called_via),
        **clock_context(call.time),
    }
    if call.source_ip and not called_via:
        context["aws:SourceIp"] = call.source_ip
    if call.user_agent:
        context["aws:UserAgent"] = call.user_agent
    if called_via:
        context["aws:CalledVia"] = list(called_via)
        context["aws:CalledViaFirst"] = called_via[0]
        context["aws:CalledViaLast"] = called_via[-1]
    return context


def clock_context(time: datetime) -> dict[str, Values]:
    """The keys that tell the time, of the sandbox's clock."""
    return {"aws:CurrentTime": time, "aws:EpochTime": int(time.timestamp())}


# -- keys of an action ---------------------------------------------------------------------------------


def of_action(
    call: Call, action: catalog.Action, resource: str, look_up: LookUp = NOTHING, kind: str = ""
) -> dict[str, Values]:
    """The keys that a call's parameters give an action on a resource: tags in the request and the service's own.

    `kind` is the resource's type in the reference, which has keys besides the action's.
    """
    context: dict[str, Values] = {}
    plan = _plan(action.full_name, kind)
    if plan.tags:
        context.update(context_of_request(call, resource))
    for name, source, several in plan.keys:
        value = at(call.params, source) if isinstance(source, str) else source(call, resource)
        _put(context, name, value, several)
    special = _SPECIAL.get(action.service)
    if special is not None:
        context.update(special(call, action, resource, look_up))
    return context


def requested(call: Call, service: str) -> dict[str, Values]:
    """The keys of a service that the parameters fill, for an action that the reference gives no keys of its own
    (API Gateway's verbs), and the tags in the request."""
    context = context_of_request(call, "")
    for name, source in KEYS[service].items():
        value = at(call.params, source) if isinstance(source, str) else source(call, "")
        key = catalog.condition_key(name)
        _put(context, name, value, key is not None and key.multivalued)
    return context


def _put(context: dict[str, Values], name: str, value: Any, several: bool) -> None:
    if value is None or value == []:
        return
    values = value if isinstance(value, list) else [value]
    plain = [each for each in values if isinstance(each, str | bool | int | float | datetime)]
    if plain:
        context[name] = plain if several else plain[0]


class _Plan:
    __slots__ = ("keys", "tags")

    def __init__(self, keys: tuple[tuple[str, Source, bool], ...], tags: bool) -> None:
        self.keys = keys
        self.tags = tags


@functools.lru_cache(maxsize=4096)
def _plan(full_name: str, kind: str) -> _Plan:
    action = catalog.action(full_name)
    if action is None:
        return _Plan((), False)
    known = list(action.condition_keys)
    types = catalog.resource_types(action.service)
    if kind.lower() in types:
        known += types[kind.lower()].condition_keys
    sources = KEYS.get(action.service, {})
    keys = []
    for name in dict.fromkeys(known):
        if name in sources:
            key = catalog.condition_key(name)
            keys.append((name, sources[name], key is not None and key.multivalued))
    return _Plan(tuple(keys), any(name in ("aws:RequestTag/${TagKey}", "aws:TagKeys") for name in known))


# -- S3 ------------------------------------------------------------------------------------------------


def s3_context(call: Call, action: str) -> dict[str, Values]:
    """The keys of an S3 action (its name, `GetObject`) that a call's parameters fill.

    s3:authType, s3:signatureAge and s3:x-amz-content-sha256 are missing: a decoded call doesn't tell them.
    https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
    """
    known = catalog.action(action if ":" in action else f"s3:{action}") if action else None
    context: dict[str, Values] = {} if known is None else of_action(call, known, "")
    # Answered for TLS's sake like aws:SecureTransport.
    context["s3:TlsVersion"] = 1.3
    if call.principal.kind != "Anonymous":
        context["s3:signatureversion"] = "AWS4-HMAC-SHA256"
    bucket = arns.parse(str(call.params.get("Bucket", "")))
    if bucket is not None:
        context["s3:DataAccessPointArn"] = str(bucket)
        context["s3:DataAccessPointAccount"] = bucket.account
    return context


def _object_tags(call: Call) -> dict[str, str]:
    tagging = call.params.get("Tagging")
    if isinstance(tagging, str):
        return dict(parse_qsl(tagging, keep_blank_values=True))
    return {key: tag or "" for key, tag in tags_in((tagging or {}).get("TagSet"))} if tagging else {}


def _s3(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    if "s3:RequestObjectTagKeys" not in action.condition_keys:
        return {}
    tags = _object_tags(call)
    context: dict[str, Values] = {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
    if tags:
        context["s3:RequestObjectTagKeys"] = list(tags)
    return context


# -- KMS -----------------------------------------------------------------------------------------------


def _kms(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"""
    context: dict[str, Values] = {"kms:CallerAccount": call.principal.account}
    given = call.params.get("EncryptionContext")
    if action.name == "ReEncryptFrom":
        given = call.params.get("SourceEncryptionContext")
    elif action.name == "ReEncryptTo":
        given = call.params.get("DestinationEncryptionContext")
    elif action.name == "CreateGrant":
        constraints = call.params.get("Constraints") or {}
        given = constraints.get("EncryptionContextSubset") or constraints.get("EncryptionContextEquals")
        kinds = [kind for kind in ("EncryptionContextEquals", "EncryptionContextSubset") if constraints.get(kind)]
        if kinds:
            context["kms:GrantConstraintType"] = kinds[0]
    if "kms:EncryptionContextKeys" in action.condition_keys and given:
        context.update(encryption_context(given))
    if "kms:RequestAlias" in action.condition_keys:
        member = {"ReEncryptFrom": "SourceKeyId", "ReEncryptTo": "DestinationKeyId"}.get(action.name, "KeyId")
        asked = str(call.params.get(member, ""))
        if asked.startswith("alias/") or ":alias/" in asked:
            context["kms:RequestAlias"] = asked[asked.index("alias/") :]
    return context


def encryption_context(given: Mapping[str, str]) -> dict[str, Values]:
    """kms:EncryptionContext:... and kms:EncryptionContextKeys."""
    context: dict[str, Values] = {f"kms:EncryptionContext:{key}": value for key, value in given.items()}
    context["kms:EncryptionContextKeys"] = list(given)
    return context


# -- the others ----------------------------------------------------------------------------------------


def _iam(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """iam:PermissionsBoundary is what the request sets where it sets one, else what the user or role has.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    if "iam:PermissionsBoundary" not in action.condition_keys:
        return {}
    boundary = text(call.params, "PermissionsBoundary")
    if boundary is None and not action.name.startswith("Create"):
        boundary = look_up.permissions_boundary(resource)
    return {} if boundary is None else {"iam:PermissionsBoundary": boundary}


def _lambda(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    """lambda:FunctionArn of an event source mapping: the function in the request, else the mapping's own.
    https://docs.aws.amazon.com/lambda/latest/dg/access-control-identity-based.html"""
    if "EventSourceMapping" not in action.name or "lambda:FunctionArn" not in action.condition_keys:
        return {}
    function = function_in(call, "") or look_up.mapped_function(resource)
    return {} if function is None else {"lambda:FunctionArn": function}


def _secretsmanager(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    if "secretsmanager:SecretId" in action.condition_keys and resource != "*":
        return {"secretsmanager:SecretId": resource}
    return {}


def _ec2(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    return {"ec2:Region": call.region}


def _rds(call: Call, action: catalog.Action, resource: str, look_up: LookUp) -> dict[str, Values]:
    tags, _ = request_tags(call.params)
    return {f"rds:req-tag/{key}": value for key, value in tags.items()}


_SPECIAL: dict[str, Callable[[Call, catalog.Action, str, LookUp], dict[str, Values]]] = {
    "ec2": _ec2,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "rds": _rds,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
}
