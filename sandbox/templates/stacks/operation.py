"""One operation on a stack: whose rights it acts with, what its expressions read elsewhere, where its events go."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.templates.dynamic_references import DynamicReference
from sandbox.templates.errors import TemplateError
from sandbox.templates.evaluation import Evaluation, Made
from sandbox.templates.events import StackEvent
from sandbox.templates.stacks.actor import Actor, Halt
from sandbox.templates.stacks.parallel import Hold
from sandbox.templates.stacks.rights import Rights
from sandbox.templates.stacks.stack import Definition, StackRecord, StackResource
from sandbox.templates.states import ResourceStatus, StackStatus
from sandbox.templates.template import Resource

if TYPE_CHECKING:
    from sandbox.templates.stacks.engine import Engine

#: The properties that may hold ssm-secure references, of the types that the sandbox has.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
_SECURE = frozenset({"AWS::IAM::User"})

#: What tells whether a thing of an AWS-specific parameter type exists: service, operation, parameter.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
_EXISTING = {
    "AWS::EC2::AvailabilityZone::Name": ("ec2", "describe_availability_zones", "ZoneNames"),
    "AWS::EC2::Image::Id": ("ec2", "describe_images", "ImageIds"),
    "AWS::EC2::Instance::Id": ("ec2", "describe_instances", "InstanceIds"),
    "AWS::EC2::KeyPair::KeyName": ("ec2", "describe_key_pairs", "KeyNames"),
    "AWS::EC2::SecurityGroup::GroupName": ("ec2", "describe_security_groups", "GroupNames"),
    "AWS::EC2::SecurityGroup::Id": ("ec2", "describe_security_groups", "GroupIds"),
    "AWS::EC2::Subnet::Id": ("ec2", "describe_subnets", "SubnetIds"),
    "AWS::EC2::VPC::Id": ("ec2", "describe_vpcs", "VpcIds"),
    "AWS::EC2::Volume::Id": ("ec2", "describe_volumes", "VolumeIds"),
    "AWS::Route53::HostedZone::Id": ("route53", "get_hosted_zone", "Id"),
}


class Operation:
    """What the parts of an operation share. `token` is the client's (ClientRequestToken), as events show it."""

    def __init__(self, engine: Engine, stack: StackRecord, rights: Rights, *, token: str | None = None) -> None:
        self.engine = engine
        self.clock = engine.clock
        self.stacks = engine.stacks
        self.stack = stack
        self.rights = rights
        self.token = token
        #: Whether what is deleted was made by this very operation, which is taken back: see DeletionPolicy.
        self.undoes_creation = False
        self._zones: dict[str, Sequence[str]] = {}
        self._lock = threading.Lock()

    def of(self, stack: StackRecord) -> Operation:
        """The same for another stack: one nested in this one."""
        return Operation(self.engine, stack, self.rights, token=self.token)

    def actor(self, hold: Hold, halt: Halt) -> Actor:
        """What the work on a resource is lent."""
        return Actor(self, hold, halt)

    def evaluation(self, definition: Definition, made: Mapping[str, Made] | None = None) -> Evaluation:
        """The expressions of a definition, for this stack."""
        return Evaluation(
            definition.template,
            definition.parameters,
            self.stack.pseudo_with(definition.notification_arns),
            made,
            zones=self.zones,
            exported=self.exported,
        )

    # -- what expressions read ---------------------------------------------------------------------------

    def zones(self, region: str) -> Sequence[str]:
        """A Region's availability zones, as the caller may see them.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html
        """
        with self._lock:
            found = self._zones.get(region)
        if found is None:
            try:
                answer = self.rights.client("ec2", region).describe_availability_zones()
            except ClientError as error:
                raise TemplateError(f"Template error: Fn::GetAZs of {region}: {_message(error)}") from error
            found = sorted(str(one["ZoneName"]) for one in answer["AvailabilityZones"])
            with self._lock:
                self._zones[region] = found
        return found

    def exported(self, name: str) -> str:
        """The value of an export of the stack's account and Region."""
        value = self.stacks.exports(self.stack.account, self.stack.region).get(name)
        if value is None:
            raise TemplateError(f"No export named {name} found.")
        return value[0]

    def _holds(self, name: str) -> bool:
        try:
            return bool(self.rights.client("ssm", self.stack.region).get_parameters(Names=[name])["Parameters"])
        except ClientError as error:
            raise TemplateError(_message(error)) from error

    def stored_value(self, name: str) -> str | None:
        """The value of an SSM parameter that a template's parameter names; None if it can't be used there."""
        try:
            answer = self.rights.client("ssm", self.stack.region).get_parameters(Names=[name])
        except ClientError as error:
            if error.response["Error"]["Code"].startswith("AccessDenied"):
                raise TemplateError(_message(error)) from error
            return None
        found = answer["Parameters"]
        return str(found[0]["Value"]) if found and found[0]["Type"] != "SecureString" else None

    def existing(self, kind: str, identifier: str) -> bool:
        """Whether there is a thing of an AWS-specific parameter type (`AWS::EC2::VPC::Id`), as the caller sees it."""
        if kind == "AWS::SSM::Parameter::Name":
            return self._holds(identifier)
        service, operation, member = _EXISTING[kind]
        try:
            client = self.rights.client(service, self.stack.region)
            getattr(client, operation)(**{member: identifier if member == "Id" else [identifier]})
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "UnauthorizedOperation"):
                raise TemplateError(_message(error)) from error
            return False
        return True

    def managed_policies(self) -> Mapping[str, str]:
        """The ARNs of AWS's managed policies by name. CloudFormation knows them, whatever the caller may list."""
        pages = self.engine.gateway.client("iam").get_paginator("list_policies").paginate(Scope="AWS")
        return {str(one["PolicyName"]): str(one["Arn"]) for page in pages for one in page["Policies"]}

    def reference(self, reference: DynamicReference, resource: Resource) -> str:
        """What a dynamic reference stands for, read with the stack's rights. TemplateError if it can't be read.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
        """
        try:
            if reference.service == "secretsmanager":
                return self._secret(reference)
            return self._parameter(reference, resource)
        except ClientError as error:
            raise TemplateError(_message(error)) from error

    def _secret(self, reference: DynamicReference) -> str:
        given = {"VersionId": reference.version, "VersionStage": reference.version_stage}
        secrets = self.rights.client("secretsmanager", self.stack.region)
        answer = secrets.get_secret_value(
            SecretId=reference.name, **{name: value for name, value in given.items() if value is not None}
        )
        if "SecretString" not in answer:
            raise TemplateError(f"Secrets Manager can't find the specified secret string: {reference.text}")
        return str(answer["SecretString"])

    def _parameter(self, reference: DynamicReference, resource: Resource) -> str:
        secure = reference.service == "ssm-secure"
        if secure and resource.type not in _SECURE:
            raise TemplateError(f"SSM Secure reference is not supported in: [{resource.type}]")
        name = reference.name if reference.version is None else f"{reference.name}:{reference.version}"
        answer = self.rights.client("ssm", self.stack.region).get_parameters(Names=[name], WithDecryption=secure)
        found = answer["Parameters"]
        if not found:
            raise TemplateError(f"Unable to fetch parameters [{name}] from parameter store for this account.")
        if (found[0]["Type"] == "SecureString") != secure:
            wanted = "ssm-secure" if not secure else "ssm"
            raise TemplateError(
                f"Parameters [{reference.name}] referenced by template have types not supported by CloudFormation: "
                f"{found[0]['Type']} is referred to by {{{{resolve:{wanted}:...}}}}"
            )
        return str(found[0]["Value"])

    # -- what it tells -----------------------------------------------------------------------------------

    def tell(self, status: StackStatus, reason: str | None = None) -> None:
        """Gives the stack a status, with its event."""
        self._published(self.stack.tell(self.clock, status, reason, token=self.token))

    def tell_of(
        self,
        resource: StackResource,
        status: ResourceStatus,
        reason: str | None = None,
        *,
        shown: Mapping[str, Any] | None = None,
    ) -> None:
        """Gives a resource of it a status, with its event."""
        self._published(self.stack.tell_of(self.clock, resource, status, reason, shown=shown, token=self.token))

    def _published(self, event: StackEvent) -> None:
        definition = self.stack.definition
        if definition is not None and definition.notification_arns:
            self.engine.publish(event, definition.notification_arns, self.rights)


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", error))
