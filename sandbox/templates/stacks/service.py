"""CloudFormation as a service of the gateway.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.pipeline import Gateway
from sandbox.templates.errors import TemplateError
from sandbox.templates.stacks.change_sets import ChangeSets
from sandbox.templates.stacks.engine import Engine, WhenDeployed
from sandbox.templates.stacks.reads import Reads
from sandbox.templates.stacks.recovery import Recovery
from sandbox.templates.stacks.template_reads import TemplateReads
from sandbox.templates.stacks.writes import Writes

Answer = Mapping[str, Any]

_NO_DRIFT = "drift is not detected"
_NO_POLICIES = "stack policies are not built"
_NO_SETS = "stack sets are not built"
_NO_REGISTRY = "the registry of extensions is not built"
_NO_IMPORT = "resource scans and generated templates are not built"
_NO_REFACTOR = "stack refactoring is not built"
_NO_HOOKS = "hooks are not built"


class CloudFormation:
    """Answers all operations of cloudformation, or refuses them by name."""

    name = "cloudformation"
    whole = True
    refused: Mapping[str, str] = {
        **dict.fromkeys(
            (
                *("DescribeStackDriftDetectionStatus", "DescribeStackResourceDrifts", "DetectStackDrift"),
                *("DetectStackResourceDrift", "DetectStackSetDrift"),
            ),
            _NO_DRIFT,
        ),
        **dict.fromkeys(("SetStackPolicy",), _NO_POLICIES),
        **dict.fromkeys(("SignalResource",), "wait conditions and creation policies are not built"),
        **dict.fromkeys(
            (
                *("CreateStackSet", "CreateStackInstances", "DeleteStackSet", "DeleteStackInstances"),
                *("DescribeStackSet", "ListStackSets", "UpdateStackSet", "UpdateStackInstances"),
            ),
            _NO_SETS,
        ),
        **dict.fromkeys(
            ("RegisterType", "ActivateType", "DescribeType", "ListTypes", "SetTypeConfiguration"), _NO_REGISTRY
        ),
        **dict.fromkeys(("CreateGeneratedTemplate", "StartResourceScan"), _NO_IMPORT),
        **dict.fromkeys(("CreateStackRefactor", "ExecuteStackRefactor"), _NO_REFACTOR),
        **dict.fromkeys(("DescribeChangeSetHooks", "ListHookResults", "GetHookResult"), _NO_HOOKS),
        "EstimateTemplateCost": "there is no price calculator to link to",
    }

    def __init__(self, clock: Clock, gateway: Gateway, when_deployed: WhenDeployed) -> None:
        self._engine = Engine(clock, gateway, when_deployed)
        reads, writes = Reads(self._engine), Writes(self._engine)
        change_sets = ChangeSets(self._engine, writes)
        recovery = Recovery(self._engine, writes)
        parts = (reads, writes, recovery, change_sets, TemplateReads(self._engine, reads, change_sets))
        self.operations: Mapping[str, Callable[[Call], Answer | None]] = {
            name: _refusing(operation) for part in parts for name, operation in part.operations.items()
        }

    def close(self) -> None:
        """Stop all that is under way."""
        self._engine.close()

    def arn_of(self, account: str, region: str, given: str) -> str | None:
        """The ARN of the stack that a name, or a change set's ARN, means."""
        change_set = self._engine.change_sets.get(given)
        if change_set is not None:
            return change_set.stack.id
        stack = self._engine.stacks.find(account, region, given)
        return stack.id if stack is not None else None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the stack of an ARN."""
        stack = self._engine.stacks.by_id(arn)
        return stack.definition.tags if stack is not None and stack.definition is not None else {}


def _refusing(operation: Callable[[Call], Answer | None]) -> Callable[[Call], Answer | None]:
    """The operation, with the library's refusals as the API's errors."""

    def answered(call: Call) -> Answer | None:
        try:
            return operation(call)
        except TemplateError as error:
            raise AwsError(error.code, error.message) from error

    return answered
