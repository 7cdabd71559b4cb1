"""The engine as a part of a sandbox: deployments end with it, and leave nothing running."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.sandbox import Sandbox
from tests.templates.stacks.conftest import Cloud, Vendor, queues, text, wait_for


@pytest.mark.parametrize("nested", [False, True])
def test_a_sandbox_that_closes_ends_its_deployments(nested: bool) -> None:
    sandbox = Sandbox()
    sandbox.serve()
    try:
        cloud = Cloud(sandbox)
        template = Vendor(cloud).template()
        if nested:
            cloud.client("s3").create_bucket(Bucket="inner")
            cloud.client("s3").put_object(Bucket="inner", Key="a", Body=text(template).encode())
            properties = {"TemplateURL": f"{sandbox.gateway.endpoint_url}/inner/a"}
            template = {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}}}
        template["Resources"].update(queues(A={})["Resources"])
        cloud.cloudformation.create_stack(StackName="waiting", TemplateBody=text(template))
        assert cloud.status("waiting") == "CREATE_IN_PROGRESS"
    finally:
        sandbox.close()
    with pytest.raises((BotoCoreError, ClientError)):
        cloud.status("waiting")
    wait_for(lambda: not working(), "the threads to end")


def working() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(("stack ", "resource "))]
