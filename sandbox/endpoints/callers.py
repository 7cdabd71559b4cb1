"""Clients who sign their requests: from the signature to the principal, and what he may.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-using-iam-policies-to-invoke-api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints.arrival import Arrival
from sandbox.gateway import signature
from sandbox.gateway.call import AwsError, Principal
from sandbox.gateway.identify import KeyFinder, identify, malformed


class Callers:
    """Identifies who signs. `find_key` finds an access key."""

    def __init__(self, clock: Clock, find_key: KeyFinder) -> None:
        self._clock = clock
        self._find_key = find_key

    def identify(self, arrival: Arrival, service: str, region: str) -> Principal:
        """Who signs a request for `service` (execute-api, lambda); AwsError, in AWS's words, if nobody does."""
        request = arrival.request
        protocol = "rest-json"
        try:
            claim = signature.read_claim(request, region)
        except signature.Malformed as error:
            raise malformed(service, protocol, str(error)) from error
        if claim is not None and (claim.signing_name, claim.region) != (service, region):
            what = "service" if claim.signing_name != service else "region"
            wanted = service if what == "service" else region
            raise AwsError(
                "InvalidSignatureException", f"Credential should be scoped to correct {what}: '{wanted}'.", 403
            )
        principal, _ = identify(request, claim, service, "Invoke", protocol, self._find_key, self._clock)
        return principal


def request_keys(arrival: Arrival) -> dict[str, Any]:
    """The condition keys that a request over HTTP brings.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    keys: dict[str, Any] = {"aws:SourceIp": arrival.request.source_ip}
    for key, header in (("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")):
        value = arrival.header(header)
        if value:
            keys[key] = value
    return keys


def iam_context(principal: Principal) -> Mapping[str, Any]:
    """requestContext.authorizer.iam of format 2.0.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
    """
    return {
        "accessKey": principal.access_key,
        "accountId": principal.account,
        "callerId": principal.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": principal.arn,
        "userId": principal.user_id,
    }
