"""What a template takes for granted: values for its parameters, and the things in an account that it names.

A value is chosen by the parameter's type, its AllowedValues, its AllowedPattern and its name. Things of an account are
made by its ordinary calls, before the template is deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.templates.corpus.cases import Given

ACCOUNT = "123456789012"

#: Tried in this order for a parameter that says how its value must look. The first that fits is taken.
_CANDIDATES = (
    *("stand-in", "standin", "StandIn", "10.0.0.0/16", "10.0.1.0/24", "somebody@example.com", "example.com"),
    *("www.example.com", "1", "10", "80", "true", "dev", "prod", "a", "Aa1aaaaaaa", "Aa1!aaaaaaaaaaaa", "secret123456"),
    *("us-east-1", "us-east-1a", "v1.2.3", "python3.12", "https://example.com/", "arn:aws:s3:::stand-in"),
    *("ami-0123456789abcdef0", "sg-0123456789abcdef0", "subnet-0123456789abcdef0", "vpc-0123456789abcdef0"),
    *(f"arn:aws:iam::{ACCOUNT}:role/stand-in", f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{'0' * 8}-0000-4000"),
    *(ACCOUNT, "stand-in/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0123456789", "t3.micro"),
)
_REFERENCE = re.compile(r"""\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}"]+)\}\}""")


_FOR_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Account:
    """Things in a cloud's account for templates to name, each made when it is first asked for."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._made: dict[str, str] = {}

    def thing(self, kind: str) -> str:
        """The id of something of an AWS-specific parameter type (`AWS::EC2::VPC::Id`)."""
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: str) -> str:
        ec2 = self._client("ec2")
        if kind == "AWS::EC2::VPC::Id":
            return str(ec2.describe_vpcs()["Vpcs"][0]["VpcId"])
        if kind == "AWS::EC2::Subnet::Id":
            found = ec2.describe_subnets()["Subnets"]
            return ",".join(one["SubnetId"] for one in found)
        if kind.startswith("AWS::EC2::SecurityGroup::"):
            found = ec2.describe_security_groups()["SecurityGroups"][0]
            return str(found["GroupId"] if kind.endswith("::Id") else found["GroupName"])
        if kind == "AWS::EC2::AvailabilityZone::Name":
            return ",".join(one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"])
        if kind == "AWS::EC2::KeyPair::KeyName":
            return str(ec2.create_key_pair(KeyName="stand-in")["KeyName"])
        if kind == "AWS::EC2::Image::Id":
            return str(ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"])
        if kind == "AWS::EC2::Volume::Id":
            return str(ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"])
        if kind == "AWS::SSM::Parameter::Name":
            self.parameter("stand-in", "stand-in")
            return "stand-in"
        raise LookupError(f"there is no stand-in for a parameter of type {kind}")

    def parameter(self, name: str, value: str) -> None:
        """An SSM parameter; public ones of AWS are there already."""
        if not name.startswith("/aws/"):
            self._client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def provide(self, given: Given, text: str) -> None:
        """Makes what a template is given, and what the dynamic references in its text name literally."""
        for role in [one for one in given.roles if one not in self._made]:
            self._made[role] = role
            self._client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(_FOR_LAMBDA))
        for name, value in given.stored.items():
            self.parameter(name, value)
        for service, reference in dict.fromkeys(_REFERENCE.findall(text)):
            if "$" in reference:
                continue
            if service == "secretsmanager":
                self._secret(reference)
            else:
                name, _, version = reference.partition(":")
                for number in range(0 if name in given.stored else int(version or 1)):
                    self.parameter(name, f"Stand1n-{number + 1}")

    def _secret(self, reference: str) -> None:
        found = re.fullmatch(r"((?:arn:(?:[^:]*:){5}[^:]+)|[^:]+)(?::SecretString(?::([^:]*))?.*)?", reference)
        if found is None or found[1].startswith("arn:"):
            return
        secrets, name, key = self._client("secretsmanager"), found[1], found[2]
        if name not in self._made:
            self._made[name] = secrets.create_secret(Name=name, SecretString="{}")["ARN"]
        if key:
            held = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
            secrets.put_secret_value(SecretId=name, SecretString=json.dumps({**held, key: "Stand1n-secret"}))


def parameters(template: Mapping[str, Any], account: Account, given: Given) -> dict[str, str]:
    """A value for each parameter of a template that has no Default, and for those that `given` names."""
    declared = template.get("Parameters")
    found: dict[str, str] = {}
    for name, one in declared.items() if isinstance(declared, dict) else ():
        if not isinstance(one, dict):
            continue
        kind = str(one.get("Type"))
        if name in given.parameters:
            found[name] = given.parameters[name]
        elif "Default" not in one or (one["Default"] == "" and kind.startswith("AWS::EC2::")):
            found[name] = _value(kind, one, account)
        if kind.startswith("AWS::SSM::Parameter::Value<"):
            inner = kind.removeprefix("AWS::SSM::Parameter::Value<").removesuffix(">")
            stored = found.get(name, str(one.get("Default")))
            account.parameter(stored, _plain(inner, account))
    return found


def _value(kind: str, one: Mapping[str, Any], account: Account) -> str:
    if one.get("AllowedValues"):
        return _text(one["AllowedValues"][0])
    if kind.startswith("AWS::SSM::Parameter::Value<"):
        return "stand-in"
    if kind.startswith(("AWS::", "List<AWS::")):
        return _plain(kind, account)
    if kind in ("Number", "List<Number>"):
        return _text(one.get("MinValue", one.get("MaxValue", 1)))
    return next((each for each in _CANDIDATES if _fits(each, one)), "stand-in")


def _plain(kind: str, account: Account) -> str:
    inner = kind.removeprefix("List<").removesuffix(">")
    if not inner.startswith("AWS::"):
        return "1" if inner == "Number" else "stand-in"
    found = account.thing(inner)
    return found if kind.startswith("List<") else found.partition(",")[0]


def _fits(text: str, one: Mapping[str, Any]) -> bool:
    if not int(one.get("MinLength", 0)) <= len(text) <= int(one.get("MaxLength", 4096)):
        return False
    pattern = one.get("AllowedPattern")
    return pattern is None or re.fullmatch(str(pattern), text) is not None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
