"""What API Gateway's control plane needs: an HTTP verb on the path of the request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from sandbox.authorisation import actions, arns
from sandbox.authorisation.keys import requested
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.parameters import text
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import Call

_PLACE = re.compile(r"\{([^{}+]+)\+?\}")

#: Paths that name the account too: `arn:aws:apigateway:us-east-1:123456789012:/domainnameaccessassociations`.
_OF_ACCOUNT = ("/domainnameaccessassociations", "/rejectdomainnameaccessassociations", "/portals", "/portalproducts")


def needs(call: Call) -> list[Need]:
    """The verb on the path that the operation's model gives. Operations with an action of their own (portals,
    routing rules) have the same path as their resource."""
    verb, path_of = _request(call.service, call.operation)
    path = path_of(call.params)
    try:
        action = actions.action(call.service, call.operation).full_name
    except Underivable:
        action = f"apigateway:{verb}"
    account = call.account if path.startswith(_OF_ACCOUNT) or "/routingrules" in path else ""
    resource = f"arn:{arns.partition(call.region)}:apigateway:{call.region}:{account}:{path}"
    return [Need(action, resource, requested(call, "apigateway"))]


@functools.lru_cache(maxsize=512)
def _request(service: str, operation: str) -> tuple[str, Callable[[Any], str]]:
    model = moto_adapter.operation_model(service, operation)
    # HTTP and WebSocket APIs are served under /v2, which the ARNs leave out: arn:aws:apigateway:REGION::/apis/...
    uri = str(model.http["requestUri"]).partition("?")[0].removeprefix("/v2")
    shape = model.input_shape
    inputs = {} if shape is None else shape.members
    names = {str(member.serialization.get("name", name)): name for name, member in inputs.items()}

    def path(params: Any) -> str:
        def fill(match: re.Match[str]) -> str:
            value = text(params, names.get(str(match[1]), str(match[1])))
            if value is None:
                raise Underivable(f"{service}:{operation} lacks {match[1]}, a part of its path")
            # A tagged resource's ARN stands URL-encoded in the path, and so in the need's.
            return quote(value, safe="" if "arn" in str(match[1]) else "-._~:@$!*'(),;=+")

        return _PLACE.sub(fill, uri)

    return str(model.http["method"]), path
