"""Resources of single types, made, changed and deleted as the engine does it, in a sandbox of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.sandbox import Sandbox
from sandbox.templates.evaluation import Stack
from sandbox.templates.types import registry
from sandbox.templates.types.resource_type import Properties, Work

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/6f4a9cd0-0000-11f0-8000-0e1234567890"
STACK = Stack("shop", STACK_ID, "123456789012", "us-east-1")
ROLE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Bench:
    """What the engine does with one resource at a time, with an administrator's rights."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.clock: Clock = sandbox.clock
        self._credentials = sandbox.gateway.forward_access(
            sandbox.gateway.find_key(sandbox.gateway.learner["AWS_ACCESS_KEY_ID"]).principal,  # type: ignore[union-attr]
            "cloudformation.amazonaws.com",
            3600,
        )

    # The engine's side of Acting.

    def client(self, service: str, region: str | None = None) -> Any:
        return self.sandbox.gateway.client(service, self._credentials, region or "us-east-1")

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        end = self.clock.now() + seconds
        while not until():
            if self.clock.now() > end:
                return False
        return True

    def wait_for_deployment(self, identifier: str, seconds: float) -> bool:
        return self.wait(lambda: self.sandbox.delivery.deployments.finished(identifier), seconds)

    def wait_for_stop(self, identifier: str) -> None:
        self.wait_for_deployment(identifier, 10.0)

    # One resource.

    def create(self, kind: str, properties: Mapping[str, Any] | None = None, logical_id: str = "Thing") -> Work:
        work = self._work(kind, properties or {}, logical_id)
        entry = registry.find(kind)
        work.physical_id = entry.create(work)
        if entry.ready is not None:
            assert self.wait(lambda: entry.ready(work), entry.patience)  # type: ignore[misc]
        assert not work.unread, f"{kind} looked past {work.unread}"
        return work

    def update(self, work: Work, properties: Mapping[str, Any]) -> Work:
        after = self._work(work.type, properties, work.logical_id)
        after.physical_id, after.before = work.physical_id, dict(work.properties)
        entry = registry.find(work.type)
        assert entry.update is not None, f"{work.type} can't be updated in place"
        entry.update(after)
        assert not after.unread, f"{work.type} looked past {after.unread}"
        return after

    def delete(self, work: Work) -> None:
        registry.find(work.type).delete(work)

    def ref(self, work: Work) -> str:
        entry = registry.find(work.type)
        return entry.ref(work) if entry.ref is not None else work.physical_id

    def attributes(self, work: Work) -> Mapping[str, Any]:
        return registry.find(work.type).attributes(work)

    def _work(self, kind: str, properties: Mapping[str, Any], logical_id: str) -> Work:
        return Work(
            acting=self,
            stack=STACK,
            logical_id=logical_id,
            type=kind,
            properties=Properties(properties),
            stack_tags={"project": "coldstart"},
            stack_tags_before={"project": "coldstart"},
            token=str(uuid.uuid4()),
        )


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    sandbox = Sandbox()
    sandbox.serve()
    try:
        yield Bench(sandbox)
    finally:
        sandbox.close()
