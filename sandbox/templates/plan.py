"""From the stack as it is to a new template: what is added, modified, replaced and removed, and why.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html
It follows answers of AWS that others recorded: test_change_set*.snapshot.json in localstack's
tests/aws/services/cloudformation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.templates.changes import (
    Attribute,
    Change,
    ChangeType,
    Detail,
    Evaluated,
    Plan,
    PolicyAction,
    Recreation,
    Replacement,
)
from sandbox.templates.errors import TemplateError
from sandbox.templates.evaluation import Evaluation, Made, Touched
from sandbox.templates.graph import check_cycles, dependencies, waves
from sandbox.templates.parameters import HIDDEN
from sandbox.templates.replacement import TypeRules, differs, recreation
from sandbox.templates.template import Resource
from sandbox.templates.values import Unknown, unknown

NESTED_STACK = "AWS::CloudFormation::Stack"

#: What an update that changes nothing is answered with: UpdateStack, and the status reason of a change set.
NO_UPDATES = "No updates are to be performed."
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."

Tags = Mapping[str, str]


def plan_changes(
    before: Evaluation | None,
    after: Evaluation,
    rules: Callable[[str], TypeRules],
    *,
    tags_before: Tags | None = None,
    tags_after: Tags | None = None,
) -> Plan:
    """The changes that lead from a stack to a new template.

    `before` has the stack's template, its parameters and, in `made`, the resources that exist; None if there is no
    stack yet. `after` has the new template and its parameters; its `made` is not looked at. `rules` are those of a
    resource type. The tags are the stack's.
    TemplateError if a resource would change its type, if resources of the new template need each other, or what
    evaluating it raises.
    """
    return _Planner(before, after, rules, (tags_before or {}) != (tags_after or {})).plan()


class _Changing(Mapping[str, Any]):
    """The attributes of a resource that is modified in place: each may have another value then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, attribute: str) -> Unknown:
        return Unknown(frozenset({(self._name, attribute)}))

    def __contains__(self, attribute: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Planner:
    def __init__(
        self, before: Evaluation | None, after: Evaluation, rules: Callable[[str], TypeRules], retagged: bool
    ) -> None:
        self._before = before
        #: What is known of resources after the change: those that stay, and the ids of those modified in place.
        self._known: dict[str, Made] = {}
        self._after = Evaluation(
            after.template, after.parameters, after.stack, self._known, zones=after.zones, exported=after.exported
        )
        self._rules = rules
        self._retagged = retagged
        self._changes: dict[str, Change] = {}

    def plan(self) -> Plan:
        present = self._before.made if self._before is not None else {}
        self._refuse_new_types(present)
        graph = dependencies(self._after.template, self._after.condition)
        check_cycles(graph)
        for wave in waves(graph):
            for name in wave:
                resource = self._after.template.resources[name]
                if name in present:
                    self._modify(resource, present[name])
                else:
                    context = {"Properties": self._context(self._after, resource)}
                    self._changes[name] = Change("Add", name, resource.type, after=context)
        for name, made in present.items():
            if not self._after.exists(name):
                self._remove(name, made)
        ordered = tuple(self._changes[name] for name in sorted(self._changes))
        return Plan(ordered, self._before is None or self._outputs(self._before) != self._outputs(self._after))

    def _refuse_new_types(self, present: Mapping[str, Made]) -> None:
        other = [
            name
            for name in present
            if self._before is not None
            and self._after.exists(name)
            and self._after.template.resources[name].type != self._before.template.resources[name].type
        ]
        if other:
            raise TemplateError(
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{', '.join(other)}]"
            )

    def _remove(self, name: str, made: Made) -> None:
        assert self._before is not None
        resource = self._before.template.resources[name]
        policy: PolicyAction = {"Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}.get(  # type: ignore[assignment]
            str(resource.deletion_policy), "Delete"
        )
        context = {"Properties": self._context(self._before, resource)}
        self._changes[name] = Change(
            "Remove", name, resource.type, made.physical_id, policy_action=policy, before=context
        )

    def _modify(self, resource: Resource, made: Made) -> None:
        assert self._before is not None
        old = self._before.template.resources[resource.name]
        rules = self._rules(resource.type)
        details = [*self._of_properties(old, resource, rules), *self._of_attributes(old, resource)]
        if self._retagged and rules.tags is not None and not any(one.attribute == "Tags" for one in details):
            details.append(Detail("Tags", None, "Never", "Static", "DirectModification"))
        if not details and resource.type == NESTED_STACK:
            # The nested stack's template may have changed: only the nested stack itself can tell.
            details.append(Detail("Properties", None, "Never", "Dynamic", "Automatic"))
        if not details:
            self._known[resource.name] = made
            return
        replaced = _replacement(details)
        if replaced == "False":
            self._known[resource.name] = Made(made.physical_id, _Changing(resource.name), made.ref)
        policy: PolicyAction | None = None
        if replaced == "True":
            policy = {"Retain": "ReplaceAndRetain", "Snapshot": "ReplaceAndSnapshot"}.get(  # type: ignore[assignment]
                str(resource.replace_policy), "ReplaceAndDelete"
            )
        self._changes[resource.name] = Change(
            "Modify",
            resource.name,
            resource.type,
            made.physical_id,
            replaced,
            policy,
            tuple(details),
            before={"Properties": self._context(self._before, old)},
            after={"Properties": self._context(self._after, resource)},
        )

    def _of_properties(self, old: Resource, new: Resource, rules: TypeRules) -> Iterator[Detail]:
        assert self._before is not None
        for name in {**old.properties, **new.properties}:
            was, was_touched = self._before.traced(old.properties.get(name))
            value, touched = self._after.traced(new.properties.get(name))
            if not differs(was, value):
                continue
            required = recreation(rules, name, was, value)
            change_type: ChangeType = "Add" if was is None else "Remove" if value is None else "Modify"
            attribute: Attribute = "Tags" if name == rules.tags else "Properties"
            secret = self._secret(self._before, was_touched) or self._secret(self._after, touched)
            for source in self._sources(
                old.properties.get(name) != new.properties.get(name), value, was_touched, touched
            ):
                yield Detail(
                    attribute,
                    None if attribute == "Tags" else name,
                    required,
                    *source,
                    change_type=change_type,
                    before=HIDDEN if secret else was,
                    after=HIDDEN if secret else value,
                )

    def _sources(
        self, rewritten: bool, value: Any, was_touched: Touched, touched: Touched
    ) -> Iterator[tuple[Evaluated, Any, str | None]]:
        """The causes of a property's change: evaluation, source and causing entity."""
        assert self._before is not None
        found = False
        for name in sorted(was_touched.parameters | touched.parameters):
            old, new = self._before.parameters.get(name), self._after.parameters.get(name)
            if old is not None and new is not None and old.value != new.value:
                found = True
                yield "Static", "ParameterReference", name
        by_parameter = found
        for name, attribute in sorted(touched.resources, key=lambda one: (one[0], one[1] or "")):
            sure = self._certainty(name, attribute)
            if sure is not None:
                found = True
                if attribute is None:
                    yield sure, "ResourceReference", name
                else:
                    yield sure, "ResourceAttribute", f"{name}.{attribute}"
        if rewritten and not by_parameter:
            yield "Static" if unknown(value) is None else "Dynamic", "DirectModification", None
        elif by_parameter:
            yield "Dynamic", "DirectModification", None
        elif not found:
            # A mapping, an export, or another thing outside the expression.
            yield "Static", "DirectModification", None

    def _certainty(self, name: str, attribute: str | None) -> Evaluated | None:
        """Whether a resource's Ref or attribute surely changes, perhaps, or (None) not."""
        change = self._changes.get(name)
        if change is None:
            return None
        if change.action == "Add" or change.replacement == "True":
            return "Static"
        if attribute is None and change.replacement == "False":
            return None
        return "Dynamic"

    def _of_attributes(self, old: Resource, new: Resource) -> Iterator[Detail]:
        assert self._before is not None
        pairs: tuple[tuple[Attribute, Any, Any], ...] = (
            ("Metadata", old.metadata, new.metadata),
            ("CreationPolicy", old.creation_policy, new.creation_policy),
            ("UpdatePolicy", old.update_policy, new.update_policy),
            ("DeletionPolicy", old.deletion_policy, new.deletion_policy),
            ("UpdateReplacePolicy", old.replace_policy, new.replace_policy),
        )
        for attribute, was, is_now in pairs:
            before, after = self._before.value(was), self._after.value(is_now)
            if was == is_now and unknown(after) is not None:
                continue
            if differs(before, after):
                yield Detail(attribute, None, "Never", "Static", "DirectModification", before=before, after=after)

    @staticmethod
    def _secret(evaluation: Evaluation, touched: Touched) -> bool:
        return any(evaluation.parameters[name].no_echo for name in touched.parameters)

    def _context(self, evaluation: Evaluation, resource: Resource) -> dict[str, Any]:
        context = {}
        for name, expression in resource.properties.items():
            value, touched = evaluation.traced(expression)
            if value is not None:
                context[name] = HIDDEN if self._secret(evaluation, touched) else value
        return context

    @staticmethod
    def _outputs(evaluation: Evaluation) -> dict[str, Any]:
        return {
            name: (
                evaluation.value(output.value, "Outputs"),
                output.description,
                evaluation.value(output.export, "Outputs"),
            )
            for name, output in evaluation.template.outputs.items()
            if output.condition is None or evaluation.condition(output.condition)
        }


def _replacement(details: list[Detail]) -> Replacement:
    """What a change set says of a replacement: the detail with the most impact decides.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
    """
    wanted: set[tuple[Recreation, Evaluated]] = {(one.recreation, one.evaluation) for one in details}
    if ("Always", "Static") in wanted:
        return "True"
    return "Conditional" if any(needed != "Never" for needed, _ in wanted) else "False"
