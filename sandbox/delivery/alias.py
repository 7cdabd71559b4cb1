"""The alias that a deployment moves, with the rights of its service role.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from sandbox.delivery import failures
from sandbox.delivery.appspec import AppSpec
from sandbox.delivery.rights import Rights


class MovedAlias:
    """The alias of an AppSpec file. All raise DeploymentFailure for what Lambda refuses."""

    def __init__(self, spec: AppSpec, rights: Rights, role_arn: str) -> None:
        self._spec = spec
        self._rights = rights
        self._role_arn = role_arn

    def expect(self, weight: float) -> str:
        """Its RevisionId; DeploymentFailure unless it is where this deployment has left it.

        That is: its version is the current one, and the target has `weight`, a share, of the traffic.
        """
        described = self._call("get_alias")
        weights = (described.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if described["FunctionVersion"] != self._spec.current or weights != (
            {self._spec.target: weight} if weight else {}
        ):
            raise failures.alias_elsewhere()
        return str(described["RevisionId"])

    def shift(self, weight: float, revision_id: str | None = None) -> None:
        """Give the target a share of the traffic, or with 1.0 all of it: then the alias is at that one version."""
        more = {} if revision_id is None else {"RevisionId": revision_id}
        if weight < 1.0:
            self._call("update_alias", RoutingConfig={"AdditionalVersionWeights": {self._spec.target: weight}}, **more)
        else:
            routing: dict[str, Any] = {"AdditionalVersionWeights": {}}
            self._call("update_alias", FunctionVersion=self._spec.target, RoutingConfig=routing, **more)

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        client = self._rights.client("lambda")
        try:
            answer = getattr(client, operation)(FunctionName=self._spec.function, Name=self._spec.alias, **params)
        except ClientError as error:
            raise failures.of_lambda(error, self._role_arn) from error
        return dict(answer)
