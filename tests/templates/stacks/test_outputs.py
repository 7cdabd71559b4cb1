"""Outputs, and exports that other stacks import."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, text


def exporting(export: str, **properties: Any) -> dict[str, Any]:
    template = queues(A=properties)
    template["Outputs"] = {
        "Arn": {"Value": {"Fn::GetAtt": ["A", "Arn"]}, "Description": "whose", "Export": {"Name": export}}
    }
    return template


def importing(export: str) -> dict[str, Any]:
    imported = {"Fn::ImportValue": {"Fn::Sub": export}}
    return queues(B={"RedrivePolicy": {"deadLetterTargetArn": imported, "maxReceiveCount": 2}})


def test_outputs_tell_values_descriptions_and_exports(cloud: Cloud) -> None:
    template = exporting("${AWS::StackName}-arn")
    template["Outputs"]["Arn"]["Export"]["Name"] = {"Fn::Sub": "${AWS::StackName}-arn"}
    template["Conditions"] = {"Never": {"Fn::Equals": ["1", "2"]}}
    template["Outputs"]["Unseen"] = {"Value": "x", "Condition": "Never"}
    name = cloud.create(template)
    [output] = cloud.stack(name)["Outputs"]
    arn = cloud.attribute(cloud.resources(name)["A"], "QueueArn")
    assert output == {"OutputKey": "Arn", "OutputValue": arn, "Description": "whose", "ExportName": f"{name}-arn"}
    exports = cloud.cloudformation.get_paginator("list_exports").paginate().build_full_result()["Exports"]
    assert {"ExportingStackId": cloud.stack(name)["StackId"], "Name": f"{name}-arn", "Value": arn} in exports


def test_what_another_stack_imports_can_neither_go_nor_change(cloud: Cloud) -> None:
    export = cloud.name("export")
    first = cloud.create(exporting(export))
    second = cloud.create(importing(export))
    assert cloud.cloudformation.list_imports(ExportName=export)["Imports"] == [second]
    words = f"Export {export} cannot be deleted as it is in use by {second}"
    cloud.cloudformation.delete_stack(StackName=first)
    assert (cloud.status(first), cloud.stack(first)["StackStatusReason"]) == ("CREATE_COMPLETE", words)
    assert cloud.update(first, queues(A={})) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason(first, first, "UPDATE_ROLLBACK_IN_PROGRESS") == words
    assert cloud.update(first, exporting(export, QueueName=cloud.name("other"))) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason(first, first, "UPDATE_ROLLBACK_IN_PROGRESS") == words.replace("deleted", "updated")
    cloud.update(second, queues(B={}))
    with pytest.raises(ClientError, match=f"Export '{export}' is not imported by any stack"):
        cloud.cloudformation.list_imports(ExportName=export)
    cloud.cloudformation.delete_stack(StackName=first)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(first)


def kept(cloud: Cloud, source: str, export: str, user: str) -> bool:
    """Whether a stack could not be deleted for what another one imports of it."""
    cloud.cloudformation.delete_stack(StackName=source)
    reason = cloud.stack(source).get("StackStatusReason")
    return bool(reason == f"Export {export} cannot be deleted as it is in use by {user}")


def test_what_an_output_imports_is_in_use_too(cloud: Cloud) -> None:
    export = cloud.name("export")
    source = cloud.create(exporting(export))
    template = queues(B={})
    template["Outputs"] = {"Told": {"Value": {"Fn::ImportValue": export}}}
    user = cloud.create(template)
    assert kept(cloud, source, export, user)


def test_what_an_update_under_way_imports_is_in_use_already(cloud: Cloud, vendor: Vendor) -> None:
    export = cloud.name("export")
    source, user = cloud.create(exporting(export)), cloud.create(queues(A={}))
    wanting = importing(export)
    wanting["Resources"]["Slow"] = vendor.template()["Resources"]["Thing"]
    cloud.cloudformation.update_stack(StackName=user, TemplateBody=text(wanting))
    asked = vendor.request()
    assert kept(cloud, source, export, user)
    vendor.answer(asked)
    assert cloud.rest(user) == "UPDATE_COMPLETE"


def test_an_import_that_was_rolled_back_holds_nothing(cloud: Cloud) -> None:
    export = cloud.name("export")
    source, user = cloud.create(exporting(export)), cloud.create(queues(A={}))
    wanting = importing(export)
    wanting["Resources"]["Bad"] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}
    assert cloud.update(user, wanting) == "UPDATE_ROLLBACK_COMPLETE"
    identifier = cloud.stack(source)["StackId"]
    cloud.cloudformation.delete_stack(StackName=source)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"


def test_an_export_that_is_not_there_is_refused_at_once(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"No export named nothing found\."):
        cloud.create(importing("nothing"))


def test_a_name_is_exported_once(cloud: Cloud) -> None:
    export = cloud.name("export")
    first = cloud.create(exporting(export))
    second = cloud.create(exporting(export))
    assert cloud.status(second) == "ROLLBACK_COMPLETE"
    assert cloud.reason(second, second, "ROLLBACK_IN_PROGRESS") == (
        f"Export with name {export} is already exported by stack {first} Rollback requested by user."
    )


def test_an_output_that_is_no_text_fails_the_stack(cloud: Cloud) -> None:
    template = queues(A={})
    template["Outputs"] = {"Zones": {"Value": {"Fn::GetAZs": ""}}}
    name = cloud.create(template)
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert "must evaluate to a String" in cloud.reason(name, name, "ROLLBACK_IN_PROGRESS")


def test_an_output_alone_is_an_update(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    template = queues(A={})
    template["Outputs"] = {"Where": {"Value": {"Ref": "AWS::Region"}}}
    assert cloud.update(name, template) == "UPDATE_COMPLETE"
    assert cloud.outputs(name) == {"Where": "us-east-1"}
