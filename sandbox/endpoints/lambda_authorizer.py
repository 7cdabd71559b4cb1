"""Lambda authorizers: what a function's answer allows, and for how long it is remembered.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.access import Context, MalformedPolicy, Policies, Request, Source, decide, parse
from sandbox.access import Principal as Asker

#: So many answers are remembered in a stage, the newest.
_MAX_REMEMBERED = 10_000


class BadAnswer(Exception):
    """The authorizer's answer is neither a policy nor a simple response."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an authorizer answered: `document` is a policy, or None where `simple` is the whole answer."""

    principal_id: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    document: str | None = None
    simple: bool = False
    usage_key: str | None = None

    def allows(self, arn: str, account: str, keys: Mapping[str, Any]) -> tuple[bool, bool]:
        """Whether a method may be called, and whether it is denied explicitly. `keys` are the request's conditions."""
        if self.document is None:
            return self.simple, False
        asker = Asker("User", f"arn:aws:iam::{account}:user/authorizer", account)
        source = Source("identity", "authorizer", parse(self.document), "authorizer")
        request = Request(asker, "execute-api:Invoke", arn, Context(dict(keys)))
        decision = decide(request, Policies(identity=[source]))
        return decision.allowed, not decision.allowed and '"Deny"' in self.document and _denies(self.document, request)


def _denies(document: str, request: Request) -> bool:
    """Whether a document denies by a statement of its own: turned round, it would allow."""
    content = json.loads(document)
    statements = content["Statement"] if isinstance(content["Statement"], list) else [content["Statement"]]
    denying = [{**each, "Effect": "Allow"} for each in statements if each.get("Effect") == "Deny"]
    if not denying:
        return False
    source = Source("identity", "authorizer", parse(json.dumps({**content, "Statement": denying})), "authorizer")
    return decide(request, Policies(identity=[source])).allowed


def read(payload: bytes, *, simple: bool) -> Verdict:
    """The verdict in an authorizer's answer; BadAnswer if there is none."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise BadAnswer("the answer is no object")
    context = answer.get("context") or {}
    if not isinstance(context, dict):
        raise BadAnswer("context is no object")
    if simple:
        if not isinstance(answer.get("isAuthorized"), bool):
            raise BadAnswer("isAuthorized is no boolean")
        return Verdict(context=context, simple=answer["isAuthorized"])
    policy = answer.get("policyDocument")
    if not isinstance(policy, dict) or not isinstance(answer.get("principalId"), str):
        raise BadAnswer("the answer has no policyDocument, or no principalId")
    document = json.dumps(policy)
    try:
        parse(document)
    except MalformedPolicy as error:
        raise BadAnswer(f"policyDocument is no policy: {error}") from error
    key = answer.get("usageIdentifierKey")
    return Verdict(answer["principalId"], context, document, usage_key=key if isinstance(key, str) else None)


class Remembered:
    """Verdicts kept for their time to live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: OrderedDict[tuple[str, ...], tuple[float, Verdict]] = OrderedDict()

    def get(self, key: tuple[str, ...], now: float) -> Verdict | None:
        """The verdict for an authorizer and its identity sources; None if there is none, or no longer."""
        with self._lock:
            found = self._verdicts.get(key)
            if found is None or found[0] <= now:
                return None
            return found[1]

    def put(self, key: tuple[str, ...], verdict: Verdict, until: float) -> None:
        with self._lock:
            self._verdicts[key] = (until, verdict)
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > _MAX_REMEMBERED:
                self._verdicts.popitem(last=False)

    def forget(self, place: str) -> None:
        """Drop the verdicts of a stage, the first member of their keys."""
        with self._lock:
            for key in [key for key in self._verdicts if key[0] == place]:
                del self._verdicts[key]


def as_scalars(context: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    """The context without lists and objects, which API Gateway does not pass on; in format 1.0 as texts."""
    kept: dict[str, Any] = {}
    for name, value in context.items():
        if isinstance(value, (dict, list)):
            continue
        if text and not isinstance(value, str):
            value = "null" if value is None else json.dumps(value)
        kept[name] = value
    return kept


def error_message(payload: bytes) -> str:
    """The message of a function that failed."""
    try:
        return str(json.loads(payload).get("errorMessage", ""))
    except (ValueError, AttributeError):
        return ""
