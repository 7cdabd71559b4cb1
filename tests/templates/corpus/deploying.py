"""Deploys a template that nobody here wrote, looks at what came of it, and takes it away again.

As `aws cloudformation deploy` does it: a change set, which is executed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import ClientError

from sandbox.sandbox import Sandbox
from tests.templates.corpus.cases import NOTHING, Given
from tests.templates.corpus.inventory import inventory
from tests.templates.corpus.packaging import Packaging
from tests.templates.corpus.reading import known, named, read
from tests.templates.corpus.standins import Account, parameters

#: Wall seconds after which a stack that does not come to rest is given up.
HANGS_AFTER = 60.0
LARGEST_BODY = 51_200
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
EXPORTS = "exports-of-others"

#: How the sandbox says that it has not what AWS has; the name stands in the same sentence.
_REFUSED = re.compile(
    r"not supported by this sandbox|sandbox does not support|coldstart does not support|these run in this sandbox"
)

#: Log groups that functions and APIs make for themselves.
_WRITTEN = ("/aws/lambda/", "API-Gateway-Execution-Logs_")

Kind = Literal["deployed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a template. `said` are the messages of what failed; `left` is what its deletion left behind."""

    kind: Kind
    said: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    stack: Mapping[str, Any] = field(default_factory=dict)


def refusals(outcome: Outcome) -> list[str]:
    """Those of its messages that refuse something by name."""
    return [one for one in outcome.said if _REFUSED.search(one)]


class Trial:
    """A sandbox in which templates are tried, one after the other.

    `spoiled` says that something stays in it which the next one would meet: it should have a sandbox of its own.
    """

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.sandbox.serve()
        self.account = Account(self.client)
        self.packaging = Packaging(self.client("s3"))
        self.cloudformation = self.client("cloudformation")
        self.spoiled = False
        self._number = 0

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A client with an administrator's rights."""
        return self.sandbox.gateway.client(service, self.sandbox.gateway.learner, region)

    def close(self) -> None:
        self.sandbox.close()

    # -- one template ------------------------------------------------------------------------------------

    def deploy(self, path: Path, given: Given = NOTHING) -> Outcome:
        """Creates a stack of the template in a file, and deletes it."""
        self._number += 1
        name = f"trial{self._number}"
        text, values = self.prepare(path, given)
        refusal = self.propose(name, text, values)
        if refusal is not None:
            return Outcome("refused" if _REFUSED.search(refusal) else "failed", (refusal,))
        before = inventory(self.client)
        outcome = self.execute(name)
        return self.take_away(name, outcome, before)

    def prepare(self, path: Path, given: Given) -> tuple[str, dict[str, str]]:
        """The text to deploy, and its parameters; what they name is in the account then."""
        source = path.read_text("utf-8")
        template = read(source)
        if template is None:
            return source, {}
        values = parameters(template, self.account, given)
        self.account.provide(given, source)
        for location, content in given.objects.items():
            bucket, _, key = location.partition("/")
            self.packaging.put(bucket, key, content.encode())
        imports = [known(one, values, template) for one in named(template, "Fn::ImportValue")]
        exports = {one: "stand-in" for one in imports if one is not None} | dict(given.exports)
        if exports:
            self._export(exports)
        return self.packaging.packaged(path, values), values

    def _export(self, exports: Mapping[str, str]) -> None:
        """A stack of somebody else, which exports these."""
        outputs = {
            f"Export{number}": {"Value": value, "Export": {"Name": name}}
            for number, (name, value) in enumerate(exports.items())
        }
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
        self.cloudformation.create_stack(StackName=EXPORTS, TemplateBody=json.dumps(template))
        self.rest(EXPORTS)
        self.spoiled = True

    def propose(self, name: str, text: str, values: Mapping[str, str]) -> str | None:
        """Makes the change set that creates a stack; why there is none."""
        body = {"TemplateBody": text}
        if len(text.encode()) > LARGEST_BODY:
            self.packaging.put("large-templates", name, text.encode())
            body = {"TemplateURL": f"https://large-templates.s3.amazonaws.com/{name}"}
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        try:
            self.cloudformation.create_change_set(
                StackName=name,
                ChangeSetName="create",
                ChangeSetType="CREATE",
                **body,
                Parameters=given,
                Capabilities=CAPABILITIES,
            )
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        made = self.cloudformation.describe_change_set(StackName=name, ChangeSetName="create")
        if made["Status"] == "CREATE_COMPLETE":
            return None
        self.cloudformation.delete_stack(StackName=name)
        return str(made["StatusReason"])

    def execute(self, name: str) -> Outcome:
        """Executes the change set, and waits; what became of the stack, which is there still."""
        self.cloudformation.execute_change_set(StackName=name, ChangeSetName="create")
        status = self.rest(name)
        stack = self.stack(name)
        if status == "CREATE_COMPLETE":
            return Outcome("deployed", stack=stack)
        said = self.reasons(name, "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "DELETE_FAILED")
        own = [one for one in said if not one.endswith("Resource creation cancelled")]
        of_resources = [one for one in own if " AWS::CloudFormation::Stack: The following resource(s)" not in one]
        refused = status == "ROLLBACK_COMPLETE" and of_resources and all(map(_REFUSED.search, of_resources))
        return Outcome("refused" if refused else "failed", (status, *own), stack=stack)

    def take_away(self, name: str, outcome: Outcome, before: frozenset[str]) -> Outcome:
        """Deletes the stack; the outcome, with what that left behind (but for what a policy retains)."""
        identifier = str(outcome.stack["StackId"])
        self.cloudformation.delete_stack(StackName=identifier)
        status = self.rest(identifier)
        if status != "DELETE_COMPLETE":
            self.spoiled = True
            return Outcome("failed", (*outcome.said, status, *self.reasons(identifier, "DELETE_FAILED")))
        left = inventory(self.client) - before
        self.spoiled |= bool(left)
        kept = [one["PhysicalResourceId"] for one in self.events(identifier, "DELETE_SKIPPED")]
        own = [one["PhysicalResourceId"] for one in self.events(identifier, "DELETE_COMPLETE")]
        # What functions and APIs write, as they do in an account; a log group of the template's is its own.
        kept += [name for one in left if (name := one.rpartition(" ")[2]).startswith(_WRITTEN) and name not in own]
        unasked = sorted(one for one in left if not any(each in one for each in kept))
        return Outcome(outcome.kind, outcome.said, tuple(unasked), outcome.stack)

    # -- stacks ------------------------------------------------------------------------------------------

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def rest(self, name: str) -> str:
        """Waits until nothing is under way on a stack; its status then."""
        end = time.monotonic() + HANGS_AFTER
        while (status := str(self.stack(name)["StackStatus"])).endswith("_IN_PROGRESS"):
            assert time.monotonic() < end, f"stack {name} is in {status} for {HANGS_AFTER:g} s"
            time.sleep(0.01)
        return status

    def events(self, name: str, *statuses: str) -> Iterator[dict[str, Any]]:
        """The oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        found = [one for page in pages for one in page["StackEvents"]]
        return (one for one in reversed(found) if one["ResourceStatus"] in statuses)

    def reasons(self, name: str, *statuses: str) -> list[str]:
        return [
            f"{one['LogicalResourceId']} {one['ResourceType']}: {one['ResourceStatusReason']}"
            for one in self.events(name, *statuses)
            if one.get("ResourceStatusReason")
        ]
