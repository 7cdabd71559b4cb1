"""The real `sam` and `aws cloudformation package` against a real sandbox: what needs no stack."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from samtranslator.internal.managed_policies import get_bundled_managed_policy_map

from sandbox.cloud import Cloud
from sandbox.nursery import SandboxHandle
from tests.integration.orders import RUNTIME
from tests.integration.terminal import Terminal

TEMPLATE = f"""
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: {RUNTIME}
      Policies: [POLICY]
"""


@pytest.fixture
def terminal(tmp_path: Path, sandbox: SandboxHandle) -> Terminal:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    write(tmp_path, "AmazonS3ReadOnlyAccess")
    return Terminal.of(tmp_path, sandbox)


def write(folder: Path, policy: str) -> None:
    (folder / "template.yaml").write_text(TEMPLATE.replace("POLICY", policy))


def test_validate_asks_iam_for_a_managed_policy_that_sam_does_not_know(terminal: Terminal, cloud: Cloud) -> None:
    pages = cloud.client("iam").get_paginator("list_policies").paginate(Scope="AWS")
    listed = {policy["PolicyName"]: policy["Arn"] for page in pages for policy in page["Policies"]}
    newer = min(listed.keys() - get_bundled_managed_policy_map("aws").keys())
    write(terminal.folder, newer)
    done = terminal.run("sam", "validate", "--debug")
    assert done.returncode == 0, done.stderr
    assert f"- {listed[newer]}\n" in done.stderr


@pytest.mark.parametrize("command", [("sam", "package"), ("aws", "cloudformation", "package")], ids=["sam", "aws"])
def test_package_uploads_what_was_built_into_the_sandboxs_bucket(
    terminal: Terminal, cloud: Cloud, command: tuple[str, ...]
) -> None:
    s3 = cloud.client("s3")
    bucket = f"artifacts-of-{command[0]}"
    s3.create_bucket(Bucket=bucket)
    built = terminal.run("sam", "build")
    assert built.returncode == 0, built.stderr
    template = str(terminal.folder / ".aws-sam" / "build" / "template.yaml")
    done = terminal.run(
        *command, "--template-file", template, "--s3-bucket", bucket, "--output-template-file", "out.yaml"
    )
    assert done.returncode == 0, done.stderr
    packaged = yaml.safe_load((terminal.folder / "out.yaml").read_text())
    uri = packaged["Resources"]["Orders"]["Properties"]["CodeUri"]
    (stored,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert uri == f"s3://{bucket}/{stored['Key']}"
