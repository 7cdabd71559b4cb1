"""What a caller must acknowledge before CloudFormation makes what a template says.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.gateway.call import AwsError
from sandbox.templates.template import Template

IAM, NAMED, EXPAND = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"
ALL = (IAM, NAMED, EXPAND)

#: The types that need one, each with the property that gives its resources a name.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html#using-iam-capabilities
_NAMES = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}


def needed(template: Template) -> tuple[list[str], str | None]:
    """The capabilities that a template needs, and the types that need them in CloudFormation's sentence."""
    found = [one for one in template.resources.values() if one.type in _NAMES]
    if not found:
        return [], None
    named = any((name := _NAMES[one.type]) is not None and name in one.properties for one in found)
    types = ", ".join(dict.fromkeys(one.type for one in found))
    return [NAMED if named else IAM], f"The following resource(s) require capabilities: [{types}]"


def check(template: Template, given: Iterable[str]) -> None:
    """AwsError InsufficientCapabilitiesException if what the template makes is not acknowledged."""
    acknowledged = set(given)
    if NAMED in acknowledged:
        acknowledged.add(IAM)
    missing = [one for one in needed(template)[0] if one not in acknowledged]
    if missing:
        raise insufficient(missing)


def insufficient(missing: Iterable[str]) -> AwsError:
    """The refusal."""
    return AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
