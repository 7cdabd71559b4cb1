"""Deploys a template that nobody here wrote, looks at what came of it, and takes it away again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

#: How the sandbox says that it has not what AWS has.
_REFUSED = re.compile(r"not supported by this sandbox|coldstart does not support|not part of (?:this|the) sandbox")

Kind = Literal["deployed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a template. `said` are the messages of what failed; `left` is what its deletion left behind."""

    kind: Kind
    said: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    stack: Mapping[str, Any] = field(default_factory=dict)


class Trial:
    """A sandbox for one template."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.sandbox.serve()
        self.account = Account(self.client)
        self.cloudformation = self.client("cloudformation")

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return self.sandbox.gateway.client(service, self.sandbox.gateway.learner, region)

    def deploy(self, path: Path, given: Given = NOTHING, name: str = "trial") -> Outcome:
        """Creates a stack of the template in a file, and deletes it."""
        text, values = self.prepare(path, given)
        before = inventory(self.client)
        kind, said = self.create(name, text, values)
        stack = self.stack(name) if kind == "deployed" else {}
        return self._taken_away(name, kind, said, stack, before)

    def prepare(self, path: Path, given: Given) -> tuple[str, dict[str, str]]:
        """The text to deploy, and its parameters; what they name is in the account then."""
        source = path.read_text("utf-8")
        template = read(source)
        if template is None:
            return source, {}
        values = parameters(template, self.account, given)
        self.account.provide(given, source)
        imports = [known(one, values, template) for one in named(template, "Fn::ImportValue")]
        exports = {one: "stand-in" for one in imports if one is not None} | dict(given.exports)
        if exports:
            self._export(exports)
        return Packaging(self.client("s3")).packaged(path, values), values

    def _export(self, exports: Mapping[str, str]) -> None:
        """A stack of somebody else, which exports these."""
        outputs = {
            f"Export{number}": {"Value": value, "Export": {"Name": name}}
            for number, (name, value) in enumerate(exports.items())
        }
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
        self.create("exports", json.dumps(template), {})

    def create(self, name: str, text: str, given: Mapping[str, str]) -> tuple[Kind, tuple[str, ...]]:
        """Creates a stack; what became of it, and what was said where it failed."""
        body = {"TemplateBody": text}
        if len(text.encode()) > LARGEST_BODY:
            s3 = self.client("s3")
            s3.create_bucket(Bucket="large-templates")
            s3.put_object(Bucket="large-templates", Key=name, Body=text.encode())
            body = {"TemplateURL": f"https://large-templates.s3.amazonaws.com/{name}"}
        values = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        try:
            self.cloudformation.create_stack(StackName=name, **body, Parameters=values, Capabilities=CAPABILITIES)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            return ("refused" if _REFUSED.search(message) else "failed"), (message,)
        status = self.rest(name)
        if status == "CREATE_COMPLETE":
            return "deployed", ()
        said = tuple(self.reasons(name, "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "DELETE_FAILED"))
        own = [one for one in said if "cancelled" not in one]
        refused = bool(own) and status == "ROLLBACK_COMPLETE" and any(_REFUSED.search(one) for one in own)
        return ("refused" if refused else "failed"), (status, *own)

    def delete(self, name: str) -> None:
        self.cloudformation.delete_stack(StackName=name)

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

    def events(self, name: str) -> Iterator[dict[str, Any]]:
        """The oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        return reversed([one for page in pages for one in page["StackEvents"]])

    def reasons(self, name: str, *statuses: str) -> Iterator[str]:
        for one in self.events(name):
            if one["ResourceStatus"] in statuses and one.get("ResourceStatusReason"):
                yield f"{one['LogicalResourceId']} {one['ResourceType']}: {one['ResourceStatusReason']}"

    def _taken_away(
        self, name: str, kind: Kind, said: tuple[str, ...], stack: Mapping[str, Any], before: frozenset[str]
    ) -> Outcome:
        try:
            identifier = str(self.stack(name)["StackId"])
        except ClientError:
            # It was refused before there was a stack.
            return Outcome(kind, said, tuple(sorted(inventory(self.client) - before)), stack)
        self.delete(name)
        status = self.rest(identifier)
        if status != "DELETE_COMPLETE":
            return Outcome("failed", (*said, status, *self.reasons(identifier, "DELETE_FAILED")), (), stack)
        kept = [
            one["PhysicalResourceId"] for one in self.events(identifier) if one["ResourceStatus"] == "DELETE_SKIPPED"
        ]
        left = inventory(self.client) - before
        return Outcome(kind, said, tuple(sorted(one for one in left if not any(each in one for each in kept))), stack)

    def close(self) -> None:
        self.sandbox.close()


@contextmanager
def trial() -> Iterator[Trial]:
    """A sandbox for one template, and its end."""
    one = Trial()
    try:
        yield one
    finally:
        one.close()
