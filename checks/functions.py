"""Puts a lab's Python files into the cloud as a Lambda function, and calls it: what a lab's longer cells hide."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: Owner and version of AWS's public Powertools layers:
#: https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
POWERTOOLS_ACCOUNT = "017000801446"
POWERTOOLS_LAYER_VERSION = 27

RUNTIMES = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
#: A new role takes some seconds in an account until Lambda may assume it.
ROLE_SECONDS = 30.0
POLL_SECONDS = 0.05
UPDATE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What one call brought back. `result` is the decoded JSON; `error` says `Type: message` of a failure."""

    request_id: str
    result: Any
    error: str
    log: str

    @property
    def reason(self) -> str:
        """What went wrong: the error, without what Lambda puts before it when it is Lambda's own (type, request id)."""
        return self.error.partition(f"RequestId: {self.request_id} Error: ")[2] or self.error

    def __str__(self) -> str:
        return f"{self.request_id[:8]}  {self.error or json.dumps(self.result)}"


def runtime() -> str:
    """The runtime of this interpreter's own Python version, `python3.11` say."""
    name = f"python3.{sys.version_info.minor}"
    return name if name in RUNTIMES else RUNTIMES[-1]


def powertools_layer(region: str) -> str:
    """The ARN of AWS's public layer with Powertools for `runtime()`."""
    python = runtime().replace(".", "")
    return (
        f"arn:aws:lambda:{region}:{POWERTOOLS_ACCOUNT}:layer:"
        f"AWSLambdaPowertoolsPythonV3-{python}-x86_64:{POWERTOOLS_LAYER_VERSION}"
    )


def package(files: Mapping[str, Path] | Sequence[Path]) -> bytes:
    """A zip of files, by their name in the zip, or each at the top. The same files give the same bytes.

    What lies in `extensions/` can be executed, as a layer's extension must.
    """
    named = files if isinstance(files, Mapping) else {path.name: path for path in files}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(named.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.startswith("extensions/") else 0o100644) << 16
            archive.writestr(entry, path.read_bytes())
    return out.getvalue()


def deploy(
    cloud: Cloud,
    name: str,
    files: Mapping[str, Path] | Sequence[Path],
    *,
    role: str,
    memory_mb: int = 512,
    timeout_s: int = 3,
    handler: str = "app.handler",
    variables: Mapping[str, str] | None = None,
    layers: Sequence[str] = (),
    anew: bool = False,
) -> str:
    """Create the function, or bring it to this code and configuration; wait until it can be called. Its ARN.

    `role` is the name of the execution role. Powertools' layer comes first, then `layers`. `anew` removes the function
    and its log first, so that the log tells of this run alone.
    """
    if anew:
        remove(cloud, name)
    functions = cloud.client("lambda")
    code = package(files)
    settings: dict[str, Any] = {
        "FunctionName": name,
        "Role": f"arn:aws:iam::{cloud.account}:role/{role}",
        "Runtime": runtime(),
        "Handler": handler,
        "MemorySize": memory_mb,
        "Timeout": timeout_s,
        "Environment": {"Variables": dict(variables or {})},
        "Layers": [powertools_layer(cloud.region), *layers],
    }
    try:
        have = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        return str(_create(cloud, settings, code))
    if have["CodeSha256"] != base64.b64encode(hashlib.sha256(code).digest()).decode():
        functions.update_function_code(FunctionName=name, ZipFile=code)
        wait_until_updated(cloud, name)
    functions.update_function_configuration(**settings)
    wait_until_updated(cloud, name)
    return str(have["FunctionArn"])


def remove(cloud: Cloud, name: str) -> None:
    """Remove a function and its log group, as far as they are there."""
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    with suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=name)
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=f"/aws/lambda/{name}")


def _create(cloud: Cloud, settings: Mapping[str, Any], code: bytes) -> Any:
    functions = cloud.client("lambda")
    end = time.monotonic() + ROLE_SECONDS
    while True:
        try:
            arn = functions.create_function(**settings, Code={"ZipFile": code})["FunctionArn"]
            break
        except functions.exceptions.InvalidParameterValueException as refusal:
            if "assumed by Lambda" not in str(refusal) or cloud.target == "local" or time.monotonic() > end:
                raise
            time.sleep(1.0)
    wait_until_updated(cloud, str(settings["FunctionName"]))
    return arn


def wait_until_updated(cloud: Cloud, name: str) -> None:
    """Return when the function is Active and its last update through; RuntimeError with AWS's reason if it failed."""
    functions = cloud.client("lambda")
    end = time.monotonic() + UPDATE_SECONDS
    while True:
        have = functions.get_function_configuration(FunctionName=name)
        states = (have.get("State", "Active"), have.get("LastUpdateStatus", "Successful"))
        if "Failed" in states:
            raise RuntimeError(f"{name}: {have.get('StateReason') or have.get('LastUpdateStatusReason')}")
        if states == ("Active", "Successful"):
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{name} is still {states[0]}, its update {states[1]}")
        time.sleep(POLL_SECONDS if cloud.target == "local" else 1.0)


def configure(cloud: Cloud, name: str, **settings: Any) -> None:
    """Change settings of a function (`MemorySize=1024`, say) and wait: its next call finds a new environment."""
    cloud.client("lambda").update_function_configuration(FunctionName=name, **settings)
    wait_until_updated(cloud, name)


def set_variables(cloud: Cloud, name: str, **variables: str) -> None:
    """Set environment variables of a function beside those it has, and wait until the change is through."""
    have = cloud.client("lambda").get_function_configuration(FunctionName=name)
    merged = {**have.get("Environment", {}).get("Variables", {}), **variables}
    configure(cloud, name, Environment={"Variables": merged})


def invoke(cloud: Cloud, name: str, event: Any = None) -> Answer:
    """Call the function and wait for its answer. An error of the function is an Answer too, never an exception."""
    got = cloud.client("lambda").invoke(
        FunctionName=name, LogType="Tail", Payload=json.dumps({} if event is None else event).encode()
    )
    body = got["Payload"].read().decode("utf-8", "replace")
    try:
        result = json.loads(body) if body else None
    except ValueError:
        result = body
    error = ""
    if got.get("FunctionError"):
        said = result if isinstance(result, dict) else {}
        words = (said.get("errorType"), said.get("errorMessage"))
        error = ": ".join(str(word) for word in words if word) or got["FunctionError"]
    log = base64.b64decode(got.get("LogResult", "")).decode("utf-8", "replace")
    return Answer(got["ResponseMetadata"]["RequestId"], result, error, log)


def publish_layer(cloud: Cloud, name: str, files: Mapping[str, Path]) -> str:
    """Publish a version of a layer; its ARN."""
    published = cloud.client("lambda").publish_layer_version(
        LayerName=name, Content={"ZipFile": package(files)}, CompatibleRuntimes=[runtime()]
    )
    return str(published["LayerVersionArn"])


def execution_role(
    cloud: Cloud, name: str, statements: Iterable[Mapping[str, Any]] = (), *, functions: Iterable[str] = ("*",)
) -> str:
    """Make an execution role that Lambda may assume: the logs of `functions`, and `statements` beside. Its ARN."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    groups = [f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:/aws/lambda/{each}" for each in functions]
    own = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [*groups, *(f"{group}:*" for group in groups)],
    }
    policy = {"Version": "2012-10-17", "Statement": [own, *statements]}
    iam.put_role_policy(RoleName=name, PolicyName="least", PolicyDocument=json.dumps(policy))
    return str(made["Role"]["Arn"])
