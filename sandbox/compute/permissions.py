"""Resource policies of functions: who may invoke one, or a version or alias of it.

They are kept here and evaluated where calls are authorised.
https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.compute.arns import LATEST, FunctionName, named_function
from sandbox.compute.errors import conflict, invalid, not_found, stale_revision
from sandbox.compute.functions import Function, Functions
from sandbox.gateway.call import AwsError, Call, Operation

#: Fact lambda-resource-policy.
MAX_POLICY_BYTES = 20 * 1024

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws|amazon)\.com(\.cn)?")


class Permissions:
    """AddPermission, RemovePermission, GetPolicy, and the policy for who authorises."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.operations: Mapping[str, Operation] = {
            "AddPermission": self._add,
            "RemovePermission": self._remove,
            "GetPolicy": self._get,
        }

    def policy(self, name: FunctionName) -> dict[str, Any] | None:
        """The policy document of a function, version or alias; None if it has none."""
        function = self._functions.find(name)
        if function is None:
            return None
        with function.lock:
            statements = list(function.policies.get(_place(name.qualifier), {}).values())
        return {"Version": "2012-10-17", "Id": "default", "Statement": statements} if statements else None

    def _add(self, call: Call) -> dict[str, Any]:
        params = call.params
        function, place = self._named(call)
        statement_id = params["StatementId"]
        statement = _statement(params, function.arn if not place else f"{function.arn}:{place}")
        with function.lock:
            _check_revision(function, place, params)
            statements = function.policies.setdefault(place, {})
            if statement_id in statements:
                raise conflict(
                    f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or "
                    "remove the existing statement."
                )
            size = len(json.dumps([*statements.values(), statement]).encode())
            if size > MAX_POLICY_BYTES:
                raise AwsError(
                    "PolicyLengthExceededException",
                    f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES}).",
                    400,
                    Type="User",
                )
            statements[statement_id] = statement
            function.policy_revisions[place] = str(uuid.uuid4())
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    def _remove(self, call: Call) -> None:
        function, place = self._named(call)
        statement_id = call.params["StatementId"]
        with function.lock:
            statements = function.policies.get(place, {})
            if not statements:
                raise not_found("No policy is associated with the given resource.")
            _check_revision(function, place, call.params)
            if statements.pop(statement_id, None) is None:
                raise not_found(f"Statement {statement_id} is not found in resource policy.")
            function.policy_revisions[place] = str(uuid.uuid4())

    def _get(self, call: Call) -> dict[str, Any]:
        function, place = self._named(call)
        policy = self.policy(FunctionName(*function.key, place or None))
        if policy is None:
            raise not_found("The resource you requested does not exist.")
        return {
            "Policy": json.dumps(policy, separators=(",", ":")),
            "RevisionId": function.policy_revisions[place],
        }

    def _named(self, call: Call) -> tuple[Function, str]:
        name = named_function(call)
        function = self._functions.get(name)
        function.version(name.qualifier)
        if name.qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        return function, _place(name.qualifier)


def _place(qualifier: str | None) -> str:
    return "" if qualifier in (None, LATEST) else str(qualifier)


def _check_revision(function: Function, place: str, params: Mapping[str, Any]) -> None:
    if params.get("RevisionId") not in (None, function.policy_revisions.get(place)):
        raise stale_revision("GetPolicy")


def _statement(params: Mapping[str, Any], resource: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": resource,
    }
    equals: dict[str, str] = {}
    if params.get("SourceAccount"):
        equals["AWS:SourceAccount"] = params["SourceAccount"]
    if params.get("PrincipalOrgID"):
        equals["aws:PrincipalOrgID"] = params["PrincipalOrgID"]
    if params.get("EventSourceToken"):
        equals["lambda:EventSourceToken"] = params["EventSourceToken"]
    # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    if params.get("FunctionUrlAuthType"):
        if params["Action"] != "lambda:InvokeFunctionUrl":
            raise invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
        equals["lambda:FunctionUrlAuthType"] = params["FunctionUrlAuthType"]
    condition: dict[str, Any] = {"StringEquals": equals} if equals else {}
    if params.get("InvokedViaFunctionUrl") is not None:
        if params["Action"] != "lambda:InvokeFunction":
            raise invalid("InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action")
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": "true" if params["InvokedViaFunctionUrl"] else "false"}
    if params.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    if condition:
        statement["Condition"] = condition
    return statement


def _principal(principal: str) -> Any:
    if principal == "*":
        return "*"
    if re.fullmatch(r"\d{12}", principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    if _SERVICE.fullmatch(principal):
        return {"Service": principal}
    raise invalid(f"The provided principal was invalid. Please check the principal and try again. ({principal})")
