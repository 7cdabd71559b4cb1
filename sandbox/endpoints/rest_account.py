"""An account's settings for REST APIs: its limits, and the role by which API Gateway writes execution logs.

https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateAccount.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.endpoints import patching
from sandbox.endpoints.apis import Members
from sandbox.endpoints.functions import API_GATEWAY, Judge
from sandbox.endpoints.rest_checks import bad
from sandbox.endpoints.throttle import ACCOUNT_BURST, ACCOUNT_RATE
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import Call, Operation


class RestAccounts:
    """The settings of every account and Region."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._accounts: dict[tuple[str, str], Members] = {}
        self.operations: Mapping[str, Operation] = {
            "GetAccount": lambda call: dict(self._account(call)),
            "UpdateAccount": self._update_account,
        }

    def has_logging_role(self, account: str, region: str) -> bool:
        """Whether the account has named a role by which API Gateway writes execution logs."""
        return bool(self._accounts.get((account, region), {}).get("cloudwatchRoleArn"))

    def may_log(self, account: str, region: str) -> bool:
        """Whether API Gateway can write execution logs: by the account's role as it is now."""
        role = self._accounts.get((account, region), {}).get("cloudwatchRoleArn")
        return bool(role) and self._role_logs(str(role), account, region)

    def _role_logs(self, role: str, account: str, region: str) -> bool:
        session = self._judge.session(role, API_GATEWAY)
        group = f"arn:aws:logs:{region}:{account}:log-group:API-Gateway-Execution-Logs_"
        actions = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
        return session is not None and all(self._judge.allows(session, each, group, {}) for each in actions)

    def _account(self, call: Call) -> Members:
        return self._accounts.setdefault(
            (call.account, call.region),
            {
                "throttleSettings": {"burstLimit": ACCOUNT_BURST, "rateLimit": ACCOUNT_RATE},
                "features": ["UsagePlans"],
                "apiKeyVersion": "4",
            },
        )

    def _update_account(self, call: Call) -> Members:
        account = self._account(call)
        shape = moto_adapter.operation_model("apigateway", "UpdateAccount").output_shape
        fixed = ("throttleSettings", "features", "apiKeyVersion")
        draft = json.loads(json.dumps(account))
        patching.apply(draft, shape, call.params.get("patchOperations") or [], fixed)
        role = draft.get("cloudwatchRoleArn")
        if role and not self._role_logs(role, call.account, call.region):
            raise bad(
                "The role ARN does not have required permissions configured. Please grant trust permission for API "
                "Gateway and add the required role policy."
            )
        account.clear()
        account.update(draft)
        return dict(account)
