"""A resource type as one declarative entry, and the work on one resource that its entry is given.

A type says which calls create, update and delete a resource, what Ref and Fn::GetAtt give, and what it refuses. What
AWS's schema of the type already says (required properties, what needs a replacement, where the tags are) is not said
again. An entry:

    TOPIC = ResourceType(
        "AWS::SNS::Topic",
        create=lambda work: work.call("sns", "CreateTopic", Name=work.name("TopicName", 256))["TopicArn"],
        delete=lambda work: work.call("sns", "DeleteTopic", TopicArn=work.physical_id),
        attributes=lambda work: {"TopicArn": work.physical_id, "TopicName": work.physical_id.rpartition(":")[2]},
    )
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.templates.evaluation import Stack
from sandbox.templates.replacement import TypeRules, changed
from sandbox.templates.types import fitting

Tags = Mapping[str, str]

_NAME_CHARACTERS = string.ascii_letters + string.digits
_RANDOM_LETTERS = 12

#: What services answer for something that is not there: then a deletion has nothing to do.
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")


class Unsupported(Exception):
    """A type, a property or a value that AWS has and the sandbox has not. The message names it."""


class Failed(Exception):
    """The resource could not be brought to its state, for a reason that is no service's error. `code` is a handler's
    error code (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html).
    """

    def __init__(self, message: str, code: str = "GeneralServiceException") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Acting(Protocol):
    """What the engine lends to the work on a resource: clients with the rights that the stack acts with."""

    clock: Clock

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the stack's Region (or another) with the rights that the stack acts with."""

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Whether something came true within sandbox seconds. The engine raises out of it if the work is given up."""

    def wait_for_deployment(self, identifier: str, seconds: float) -> bool:
        """Whether a deployment of CodeDeploy's has ended within sandbox seconds; raises as `wait` does."""

    def wait_for_stop(self, identifier: str) -> None:
        """Waits for a deployment that has been told to stop, even if the work is given up."""


class Properties(Mapping[str, Any]):
    """Properties, and which of them were looked at: one that never was, the type does not support."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = dict(properties)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._properties[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self.read.add(name)
        return name in self._properties

    @property
    def unread(self) -> list[str]:
        """The names of the properties that nothing has looked at."""
        return [name for name in self._properties if name not in self.read]

    @property
    def unmarked(self) -> Mapping[str, Any]:
        """The properties for who compares them: that is no looking at."""
        return self._properties


@dataclass(slots=True)
class Work:
    """One resource being created, updated or deleted.

    `properties` are evaluated and of the types that AWS's schema gives them; `before` are those of the resource as it
    is, in an update. `token` is the UUID of the attempt. `stack_tags` are the stack's. `update_policy` is the
    resource's UpdatePolicy, evaluated. `rolls_back` says that an update brings back what was. `found` is for what a
    creation or update learns and `attributes` wants to know; in an update it begins with the attributes as they are.
    With `secret` true what Fn::GetAtt gives is not shown.
    """

    acting: Acting
    stack: Stack
    logical_id: str
    type: str
    properties: Properties
    physical_id: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    stack_tags: Tags = field(default_factory=dict)
    stack_tags_before: Tags = field(default_factory=dict)
    token: str = ""
    update_policy: Any = None
    rolls_back: bool = False
    found: Mapping[str, Any] = field(default_factory=dict)
    secret: bool = False
    on_made: Callable[[str], None] = lambda physical_id: None

    # -- calls -------------------------------------------------------------------------------------------

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """An API call with the stack's rights; parameters that are None are left out, the others fitted to the API.

        ClientError as the service answers.
        """
        client = self.acting.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        given = {name: value for name, value in parameters.items() if value is not None}
        fitted = fitting.fit(shape, given) if shape is not None else given
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**fitted)
        return answer

    def fitted(self, service: str, operation: str, *, without: Sequence[str] = ()) -> dict[str, Any]:
        """Those of the properties that an operation's input has members for, fitted to it. They count as read."""
        shape = self.acting.client(service).meta.service_model.operation_model(operation).input_shape
        return fitting.members(shape, self.properties, tuple(without))

    def made(self, physical_id: str) -> str:
        """Says that the resource is there, by its id, though more has to be done: if that fails, it is removed.

        The id that `create` returns is said by itself.
        """
        self.physical_id = physical_id
        self.on_made(physical_id)
        return physical_id

    # -- properties --------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        """A property, None where the template does not give it."""
        return self.properties.get(name)

    @property
    def changed(self) -> set[str]:
        """The names of the properties that differ from those before."""
        return set(changed(self.before, self.properties.unmarked))

    @property
    def unread(self) -> list[str]:
        """The names of the properties that nothing has looked at; in an update those among the changed ones."""
        different = self.changed
        return [name for name in self.properties.unread if name in different]

    def arn(self, service: str, resource: str) -> str:
        """An ARN of the stack's account and Region."""
        return f"arn:{self.stack.partition}:{service}:{self.stack.region}:{self.stack.account}:{resource}"

    def name(self, prop: str, longest: int, *, lower: bool = False, suffix: str = "", between: str = "-") -> str:
        """The name that a property gives, else one as CloudFormation makes it: stack, logical id and random letters.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
        """
        given = self.properties.get(prop)
        return str(given) if given is not None else self.generated(longest, lower=lower, suffix=suffix, between=between)

    def generated(self, longest: int, *, lower: bool = False, suffix: str = "", between: str = "-") -> str:
        """A name of the stack's name, the logical id and random letters, of at most so many characters."""
        random = "".join(secrets.choice(_NAME_CHARACTERS) for _ in range(_RANDOM_LETTERS))
        room = longest - len(random) - len(suffix) - 2 * len(between)
        logical = self.logical_id[: max(room - len(self.stack.name), room // 2)]
        name = between.join((self.stack.name[: room - len(logical)], logical, random)) + suffix
        return name.lower() if lower else name

    # -- tags --------------------------------------------------------------------------------------------

    def tags(self, prop: str = "Tags") -> dict[str, str]:
        """The resource's tags: its own, the stack's, and those that CloudFormation gives (aws:cloudformation:...).

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
        """
        return self._with_stack(tags_of(self.properties.get(prop)), self.stack_tags)

    def tags_before(self, prop: str = "Tags") -> dict[str, str]:
        """The tags of the resource as it is, in an update."""
        return self._with_stack(tags_of(self.before.get(prop)), self.stack_tags_before)

    def tag_list(self, prop: str = "Tags", key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
        """The tags as most APIs take them."""
        return [{key: name, value: text} for name, text in self.tags(prop).items()]

    def tag_changes(self, prop: str = "Tags") -> tuple[dict[str, str], list[str]]:
        """In an update: the tags to set, and the keys of those to remove."""
        before, after = self.tags_before(prop), self.tags(prop)
        return (
            {key: value for key, value in after.items() if before.get(key) != value},
            [key for key in before if key not in after],
        )

    def _with_stack(self, own: Tags, of_stack: Tags) -> dict[str, str]:
        return {
            **of_stack,
            **own,
            "aws:cloudformation:stack-name": self.stack.name,
            "aws:cloudformation:logical-id": self.logical_id,
            "aws:cloudformation:stack-id": self.stack.id,
        }


def tags_of(value: Any) -> dict[str, str]:
    """The tags that a Tags property has, as a list of Key and Value or as a map."""
    if isinstance(value, Mapping):
        return {str(key): fitting.text(one) for key, one in value.items()}
    return {str(one["Key"]): fitting.text(one.get("Value", "")) for one in value or ()}


Step = Callable[[Work], Any]


def nothing(work: Work) -> None:
    """The deletion of what has nothing of its own to delete."""


def no_attributes(work: Work) -> Mapping[str, Any]:
    """For types without attributes."""
    return {}


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type.

    `create` returns the physical id; `update` brings the resource from `work.before` to `work.properties` where its
    type needs no replacement (None: each change of a property replaces); `delete` removes it, and may raise a "not
    found", which counts as done. `ref` gives what Ref gives where it is not the physical id. `attributes` are those of
    Fn::GetAtt, read after creation and after each update. `named` is the property that holds a name which no second
    resource may have. `ready` is asked until it is true (`patience`, sandbox seconds) after creation and update,
    `absent` after deletion. `refused` names properties that are not supported, with the reason. `rules` replace those
    of AWS's schema. `snapshot` says that a deletion takes a snapshot by default. `checked` is false for types without
    a schema.
    """

    name: str
    create: Callable[[Work], str]
    delete: Step
    update: Step | None = None
    attributes: Callable[[Work], Mapping[str, Any]] = no_attributes
    ref: Callable[[Work], str] | None = None
    named: str | None = None
    ready: Callable[[Work], bool] | None = None
    absent: Callable[[Work], bool] | None = None
    patience: float = 600.0
    refused: Mapping[str, str] = field(default_factory=dict)
    rules: TypeRules | None = None
    snapshot: bool = False
    checked: bool = True


def gone(error: ClientError) -> bool:
    """Whether a service answered that there is no such thing."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return any(part in code for part in _GONE)


def refuse_existing(name: str, read: Callable[[], Any]) -> None:
    """Failed if `read` finds something of the name: the call that creates would take it over, and not fail itself."""
    try:
        read()
    except ClientError as error:
        if gone(error):
            return
        raise
    raise Failed(f"{name} already exists", "AlreadyExists")
