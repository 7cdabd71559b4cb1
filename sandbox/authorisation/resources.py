"""Which resources a call is about, as the ARNs that policies name.

The ARN templates and the resource types of each action come from the Service Authorization Reference
(`sandbox.access.catalog`). A general rule fills a template from the parameters that are named after it; the tables
here say where a service's names differ, and what becomes of a name where that takes more than a template.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sandbox.access import catalog
from sandbox.authorisation import arns
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names import MAKERS, NAMES, NOT_ASKED, RULES, WHOLE
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.parameters import text, texts
from sandbox.gateway.call import Call


class Resource(NamedTuple):
    """A resource that a call is about. `kind` is its type in the reference; empty for `*`."""

    kind: str
    arn: str


EVERY = Resource("", "*")


def of(call: Call, action: catalog.Action, look_up: LookUp) -> list[Resource]:
    """The resources on which a call needs an action: `*` alone for an action that knows no resources.

    Underivable if a resource that the action always asks about can't be told.
    """
    plan = _plan(call.service, call.operation, action.full_name)
    if not plan.types:
        return [EVERY if plan.whole is None else Resource("", plan.whole(call))]
    found: dict[Resource, None] = {}
    missing = []
    for each in plan.types:
        resolved = list(each.resolve(call, look_up))
        found.update((Resource(each.name, arn), None) for arn in resolved)
        if not resolved and each.required:
            missing.append(each)
    if found and missing and (_by_its_arn(call) or call.service in _NAMED_IF_USED):
        # Types that the reference requires one beside the other, where it means one of them (TagResource, say).
        missing = []
    for each in missing:
        arn = each.whole(call)
        if arn is None:
            raise Underivable(
                f"{call.service}:{call.operation}: the {each.name} that {action.full_name} asks about can't be told "
                f"from {', '.join(sorted(call.params)) or 'no parameters'}"
            )
        found[Resource(each.name, arn)] = None
    if not found:
        given = _by_its_arn(call)
        if given:
            return [Resource("", given)]
        # RDS describes `db:*` where others describe `*`.
        last = plan.types[-1]
        arn = last.whole(call) if last.service == "rds" else None
        return [EVERY if arn is None else Resource(last.name, arn)]
    return list(found)


#: Services whose reference requires types that a call names only if it uses them (RDS's option groups, say).
_NAMED_IF_USED = frozenset({"rds"})

# -- templates -----------------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_GIVEN = frozenset({"Partition", "Region", "Account"})


@dataclass(frozen=True, slots=True)
class _Template:
    """An ARN template: `pieces` are texts with a variable after each but the last."""

    pieces: tuple[str, ...]
    variables: tuple[str, ...]
    pattern: re.Pattern[str]
    literal: int

    @classmethod
    def read(cls, template: str) -> _Template:
        split = _VARIABLE.split(template)
        pattern = "".join(re.escape(part) if at % 2 == 0 else _matching(part) for at, part in enumerate(split))
        return cls(tuple(split[::2]), tuple(split[1::2]), re.compile(pattern + r"\Z"), sum(map(len, split[::2])))

    @property
    def own(self) -> tuple[str, ...]:
        """The variables that name the resource."""
        return tuple(name for name in self.variables if name not in _GIVEN)

    def fill(self, call: Call, values: Mapping[str, str]) -> str:
        given = {"Partition": arns.partition(call.region), "Region": call.region, "Account": call.account}
        filled = [self.pieces[0]]
        for variable, piece in zip(self.variables, self.pieces[1:], strict=True):
            filled.append(values[variable] if variable in values else given[variable])
            filled.append(piece)
        return "".join(filled)

    def matches(self, arn: str) -> bool:
        return len(arn) <= arns.MAX_LENGTH and self.pattern.match(arn) is not None


#: Variables whose values hold no separators: without this a function would be one of its aliases too.
_UNDIVIDED = frozenset(
    {"FunctionName", "QueueName", "TopicName", "TableName", "StateMachineName", "KeyId", "BucketName"}
)


def _matching(variable: str) -> str:
    """What a variable of a template matches."""
    if variable in _GIVEN:
        return "[^:]*"
    return "[^:/]+" if variable in _UNDIVIDED else ".+?"


# -- plans: what is looked at for an action's resources, made once for each operation --------------------


@dataclass(frozen=True, slots=True)
class _Type:
    """A resource type of an action, and where in the parameters its resources are named."""

    name: str
    service: str
    required: bool
    templates: tuple[_Template, ...]
    #: Exact paths; or (`by_name`) members' names in lower case, the likeliest first.
    paths: tuple[str, ...]
    by_name: tuple[str, ...]
    #: Where the template's other variables are: paths, else names like the above.
    others: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    maker: Callable[[Call, LookUp, str], str | None] | None
    #: Whether the operation is about all such resources, or about one that is only being made.
    all_of: bool

    def resolve(self, call: Call, look_up: LookUp) -> Iterator[str]:
        for given in self._given(call):
            if "Region" in self.templates[0].variables and self.service not in _CROSS_REGION:
                arns.of_region(call, given)
            arn = self.maker(call, look_up, given) if self.maker is not None else self._arn(call, given)
            if arn is not None:
                yield arn

    def whole(self, call: Call) -> str | None:
        """The ARN with `*` for the name."""
        if not self.all_of:
            return None
        template = self.templates[0]
        values = dict.fromkeys(template.own, "*")
        for variable in template.own[:-1]:
            values[variable] = self._other(call, variable) or "*"
        return template.fill(call, values)

    def _given(self, call: Call) -> list[str]:
        added: list[str] = []
        for path in self.paths:
            if path.startswith("="):
                return added or [path[1:]]
            if path.startswith("+"):
                added += texts(call.params, path[1:])
                continue
            found = texts(call.params, path)
            if found:
                return found
        if added:
            return added
        if self.by_name:
            lowered = {name.lower(): name for name in call.params}
            for name in self.by_name:
                if name in lowered:
                    found = [each for each in _texts(call.params[lowered[name]]) if self._fits(name, each)]
                    if found:
                        return found
        return []

    def _fits(self, name: str, given: str) -> bool:
        if given.startswith("arn:"):
            return any(template.matches(given) for template in self.templates)
        return name not in _ARN_MEMBERS

    def _arn(self, call: Call, given: str) -> str | None:
        template = self.templates[0]
        if given.startswith("arn:"):
            if not any(each.matches(given) for each in self.templates):
                return None
            return given
        own = template.own
        if not own:
            return template.fill(call, {})
        values = {own[-1]: given}
        for variable in own[:-1]:
            value = self._other(call, variable)
            if value is None:
                return None
            values[variable] = value
        return template.fill(call, values)

    def _other(self, call: Call, variable: str) -> str | None:
        paths, by_name = self.others[variable]
        for path in paths:
            if path.startswith("="):
                return path[1:]
            found = text(call.params, path)
            if found is not None:
                return found
        for name, value in call.params.items():
            if name.lower() in by_name and isinstance(value, str) and value:
                return value
        return None


#: Services that are asked about resources of other regions too (copies, replicas).
_CROSS_REGION = frozenset({"rds", "ec2", "ecr", "backup", "dms", "redshift", "elasticache", "fsx", "cloudformation"})


#: Members that take the ARN of a resource of any type; names in them say nothing.
_ARN_MEMBERS = frozenset(
    {
        "arn",
        "resource",
        "resourcearn",
        "resourcearnlist",
        "resourcearns",
        "resourceid",
        "resourceidlist",
        "resourcename",
    }
)
_LISTS = re.compile(r"(?:Describe|List|Search|Lookup|BatchDescribe|BatchGet|Query|Find)[A-Z]")
_MAKES = re.compile(
    r"(Create|Run|Allocate|Request|Register|Import|Copy|Purchase|Generate|Restore|Provision|Start|Publish|Put|Upload|"
    r"Build|Launch|Subscribe|Add|Export)"
)


@dataclass(frozen=True, slots=True)
class _Plan:
    types: tuple[_Type, ...]
    #: What is asked about if there are no types, where that is not `*`.
    whole: Callable[[Call], str] | None = None


@functools.lru_cache(maxsize=4096)
def _plan(service: str, operation: str, full_name: str) -> _Plan:
    action = catalog.action(full_name)
    assert action is not None
    rule_name = f"{action.service}:{operation}"
    if rule_name in WHOLE:
        return _Plan((), WHOLE[rule_name])
    rule = RULES.get(rule_name)
    known = catalog.resource_types(action.service)
    uses = {use.name: use.required for use in action.resources}
    for dropped in NOT_ASKED.get(action.service, ()):
        uses.pop(dropped, None)
    if rule is not None:
        # A rule's types are all that is asked about. A path list that begins with ? is of a type that may be absent.
        uses = {name: "?" not in paths for name, paths in rule.items()}
    planned = []
    for name, required in uses.items():
        templates = tuple(_Template.read(template) for template in known[name.lower()].arns)
        paths = tuple(path for path in (rule or {}).get(name, ()) if path != "?")
        named = NAMES.get(f"{action.service}:{name}", ())
        if rule is None and _is_new_to_ec2(action.service, operation, name):
            paths = ("=*",)
        own = templates[0].own
        others = {
            variable: (
                NAMES.get(f"{action.service}:{name}.{variable}", ()),
                tuple(_names_of(variable)),
            )
            for variable in own[:-1]
        }
        by_name = () if paths else tuple(dict.fromkeys(_candidates(name, own, operation, list(uses))))
        planned.append(
            _Type(
                name,
                action.service,
                required,
                templates,
                paths or named,
                by_name,
                others,
                MAKERS.get(f"{rule_name}/{name}") or MAKERS.get(f"{action.service}:{name}"),
                _is_of_all(operation, name, action.service),
            )
        )
    return _Plan(tuple(planned))


def _is_of_all(operation: str, kind: str, service: str) -> bool:
    if _LISTS.match(operation):
        return True
    made = _MAKES.match(operation)
    if made is None:
        return False
    # EC2 asks about `instance/*` and the like for all that has no id yet:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-ec2-console.html
    return service == "ec2" or _plain(kind) in _plain(operation[made.end() :])


def _is_new_to_ec2(service: str, operation: str, kind: str) -> bool:
    """Whether EC2 is about to give a resource its id. Key pairs and placement groups go by their names in ARNs."""
    made = _MAKES.match(operation)
    if service != "ec2" or made is None or kind in ("key-pair", "placement-group"):
        return False
    return _plain(operation[made.end() :]).removesuffix("s").endswith(_plain(kind).removesuffix("s"))


def _candidates(kind: str, own: tuple[str, ...], operation: str, kinds: list[str]) -> Iterator[str]:
    """The names of members that would hold a resource's name or ARN, the likeliest first."""
    if own:
        yield from _names_of(own[-1])
    yield from _names_of(kind)
    yield from sorted(_ARN_MEMBERS)
    # A bare Name, Id or Arn is that of what the operation is named after.
    noun = _plain(operation)
    longest = max((each for each in kinds if _plain(each) in noun), key=len, default="")
    if len(kinds) == 1 or kind == longest:
        yield from ("name", "id", "identifier", "arn", "names", "ids", "identifiers", "arns")


#: What members' names end in behind the name of a type, the likeliest first.
_ENDINGS = (
    *("arn", "name", "id", "identifier", ""),
    *("arns", "names", "ids", "identifiers", "s"),
    *("list", "namelist", "idlist", "arnlist"),
)


def _names_of(name: str) -> Iterator[str]:
    plain = _plain(name)
    base = plain
    for ending in ("withpath", "identifier", "name", "arn", "id"):
        base = base.removesuffix(ending) or base
    yield plain
    for stem in dict.fromkeys((base, plain)):
        yield from (stem + ending for ending in _ENDINGS)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str) and each]
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    return []


def _by_its_arn(call: Call) -> str | None:
    """The ARN that a call names in a member for ARNs of any type."""
    for name, value in call.params.items():
        if name.lower() in _ARN_MEMBERS and isinstance(value, str) and value.startswith("arn:"):
            return value
    return None
