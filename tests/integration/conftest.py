"""A real sandbox with a function's role in it, and functions made from source text."""

from __future__ import annotations

import io
import json
import secrets
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud import Cloud, open_cloud
from sandbox.nursery import Nursery, SandboxHandle

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(nursery: Nursery) -> Iterator[SandboxHandle]:
    made = nursery.fork(seed=7)
    yield made
    nursery.stop(made)


@pytest.fixture(scope="module")
def cloud(sandbox: SandboxHandle) -> Cloud:
    return cloud_of(sandbox)


def cloud_of(sandbox: SandboxHandle) -> Cloud:
    return open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.learner)


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> str:
    return functions_role(cloud)


def functions_role(cloud: Cloud) -> str:
    """The ARN of a new role that functions may take, without any rights."""
    iam = cloud.client("iam")
    made = iam.create_role(RoleName="fn", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="fn", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    return str(made["Role"]["Arn"])


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Functions:
    """Makes functions whose processes can be counted, and takes them away again."""

    def __init__(self, cloud: Cloud, role: str) -> None:
        self.client = cloud.client("lambda")
        self.role = role
        #: Every process of these functions has it among its variables, whatever it does to its name or its parents.
        self.marker = secrets.token_hex(8)
        self.made: list[str] = []

    def create(self, source: str | bytes, **options: Any) -> str:
        """A function of one module, `app`, from source text (or from the bytes of a zip); its name."""
        name = f"fn-{secrets.token_hex(4)}"
        code = source if isinstance(source, bytes) else zipped({"app.py": textwrap.dedent(source)})
        settings = {
            "Runtime": "python3.11",
            "Handler": "app.handler",
            "Role": self.role,
            "Timeout": 5,
            "Environment": {"Variables": {"MARKER": self.marker}},
            **options,
        }
        self.client.create_function(FunctionName=name, Code={"ZipFile": code}, **settings)
        self.made.append(name)
        self.wait_until_ready(name)
        return name

    def wait_until_ready(self, name: str) -> None:
        """As the SDK's waiters for State and LastUpdateStatus do, in smaller steps."""

        def ready() -> bool:
            now = self.client.get_function_configuration(FunctionName=name)
            return now["State"] == "Active" and now.get("LastUpdateStatus") == "Successful"

        until(ready, f"{name} is active and updated")

    def call(self, name: str, payload: Any = None) -> Any:
        """The answer's payload, decoded; of a failed function its error."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        return json.loads(answer["Payload"].read())

    def failure(self, name: str, payload: Any = None) -> tuple[str, str]:
        """The type and message of the error that a function must answer with."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        said = json.loads(answer["Payload"].read())
        assert answer.get("FunctionError") == "Unhandled", said
        assert answer["StatusCode"] == 200
        return said["errorType"], said["errorMessage"]

    def processes(self) -> list[int]:
        """The process ids whose variables hold the marker, zombies not counted: they hold none."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    variables = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if self.marker.encode() in variables:
                    found.append(int(entry.name))
        return found

    def remove_all(self) -> None:
        for name in self.made:
            self.client.delete_function(FunctionName=name)
        self.made.clear()


@pytest.fixture
def functions(cloud: Cloud, role: str) -> Iterator[Functions]:
    made = Functions(cloud, role)
    yield made
    made.remove_all()
    until(lambda: not made.processes(), "the processes of removed functions are gone")


def until(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait for a condition, and fail by name if it does not come in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def functions_of() -> Callable[[SandboxHandle], Functions]:
    """Functions in another sandbox than the module's."""

    def of(sandbox: SandboxHandle) -> Functions:
        cloud = cloud_of(sandbox)
        return Functions(cloud, functions_role(cloud))

    return of


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return until


@pytest.fixture
def make_zip() -> Callable[[dict[str, str | bytes]], bytes]:
    return zipped
