"""A document under review: its places, what was found there, and how a finding looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.access.finding_texts import CHECKS, FindingType, learn_more
from sandbox.access.spans import Lines, Node, Position

PolicyType = Literal["IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
ResourceType = Literal[
    "AWS::S3::Bucket",
    "AWS::S3::AccessPoint",
    "AWS::S3::MultiRegionAccessPoint",
    "AWS::S3ObjectLambda::AccessPoint",
    "AWS::IAM::AssumeRolePolicyDocument",
    "AWS::DynamoDB::Table",
]

#: One step of a path: the value of a member, an item of a list, or the name of a member.
Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the document."""

    path: tuple[Step, ...]
    start: Position
    end: Position

    def as_api(self) -> dict[str, Any]:
        """In the shape of the API's Location."""
        return {
            "path": [dict(step) for step in self.path],
            "span": {"start": self.start._asdict(), "end": self.end._asdict()},
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `code` is AWS's issue code, `details` its sentence."""

    type: FindingType
    code: str
    details: str
    locations: tuple[Location, ...]

    def as_api(self) -> dict[str, Any]:
        """In the shape of the API's ValidatePolicyFinding."""
        return {
            "findingDetails": self.details,
            "findingType": self.type,
            "issueCode": self.code,
            "learnMoreLink": learn_more(self.code),
            "locations": [location.as_api() for location in self.locations],
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A value in the document, or the name of a member, and the way to it."""

    node: Node
    path: tuple[Step, ...] = ()
    #: The name's own span, where the place is a name.
    span: tuple[int, int] | None = None

    def member(self, name: str) -> Place | None:
        """The member's value; None if there is none."""
        found = self.node.get(name)
        return None if found is None else Place(found, (*self.path, {"value": name}))

    def members(self) -> Iterator[tuple[str, Place]]:
        """All members of an object."""
        for name, member in self.node.members.items():
            yield name, Place(member.value, (*self.path, {"value": name}))

    def key(self, name: str) -> Place:
        """The name of a member."""
        member = self.node.members[name]
        return Place(member.value, (*self.path, {"key": name}), (member.start, member.end))

    def each(self) -> list[Place]:
        """The items of a list; a single value is a list of one."""
        return [
            Place(node, self.path if index is None else (*self.path, {"index": index}))
            for index, node in self.node.each()
        ]

    @property
    def text(self) -> str | None:
        """The value, if it is a string."""
        return self.node.value if isinstance(self.node.value, str) else None


@dataclass(slots=True)
class Review:
    """What is asked about one document, and what was found in it so far."""

    policy_type: PolicyType
    resource_type: ResourceType | None
    lines: Lines
    #: Whether policy variables are known: not before version 2012-10-17.
    variables: bool = True
    findings: list[Finding] = field(default_factory=list)
    #: How many looks through a service's names are left. A policy with more names than this is no longer looked at
    #: as closely: what takes long may not be asked for without end.
    looks: int = 100

    def look(self) -> bool:
        """Whether there is another look through a service's names, which is then spent."""
        self.looks -= 1
        return self.looks >= 0

    def add(self, code: str, *places: Place, **values: object) -> None:
        """Report a finding at these places. `values` are what its sentence names."""
        kind, text = CHECKS[code]
        shown = {name: _shown(value) for name, value in values.items()}
        locations = tuple(self._location(place) for place in places)
        self.findings.append(Finding(kind, code, text.format(**shown), locations))

    def text(self, place: Place) -> str | None:
        """The string at a place; None, and a finding, if it is something else."""
        if place.text is None:
            self.add("DATA_TYPE_MISMATCH", place, data_type="String")
        return place.text

    def _location(self, place: Place) -> Location:
        start, end = place.span or (place.node.start, place.node.end)
        return Location(place.path, self.lines.position(start), self.lines.position(end))


def each_of(place: Place | None) -> list[Place]:
    """The items of an element that may be absent, a single value or a list."""
    return [] if place is None else place.each()


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 1024 else text[:1024] + "..."
