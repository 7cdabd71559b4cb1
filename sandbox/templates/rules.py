"""The Rules of a template: assertions about its parameters, checked before anything is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.conditions import Predicate
from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.evaluation import Evaluation
from sandbox.templates.values import same, text_of


def check_rules(evaluation: Evaluation) -> None:
    """TemplateError with the description of the first assertion that does not hold."""
    for rule in evaluation.template.rules.values():
        if rule.condition is not None and not evaluation.truth(rule.condition, _PREDICATES):
            continue
        for assertion in rule.assertions:
            if not evaluation.truth(assertion.condition, _PREDICATES):
                raise TemplateError(assertion.description or f"Template error: an assertion of rule {rule.name} fails")


def _values(evaluation: Evaluation, argument: Any, function: str) -> list[Any]:
    """The members of a list in a rule: a literal one, a list parameter's, or all parameters' of a type."""
    if isinstance(argument, dict) and len(argument) == 1:
        [(name, inner)] = argument.items()
        if name == "Fn::RefAll":
            found = (evaluation.parameters[one.name].value for one in _of_type(evaluation, inner))
            return [part for value in found for part in (value if isinstance(value, list) else [value])]
        if name in ("Fn::ValueOf", "Fn::ValueOfAll"):
            raise Unsupported(f"{name} is not supported by this sandbox: it asks for attributes of existing resources")
    value = evaluation.inner(argument)
    if not isinstance(value, list):
        raise TemplateError(f"Template error: {function} requires a list, not {value}")
    return value


def _of_type(evaluation: Evaluation, kind: Any) -> list[Any]:
    return [one for one in evaluation.template.parameters.values() if one.type in (kind, f"List<{kind}>")]


def _two(argument: Any, function: str) -> tuple[Any, Any]:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError(f"Template error: {function} requires a list argument with two elements")
    return argument[0], argument[1]


def _contains(evaluation: Evaluation, argument: Any) -> bool:
    members, wanted = _two(argument, "Fn::Contains")
    value = evaluation.inner(wanted)
    if text_of(value) is None:
        raise TemplateError("Template error: Fn::Contains requires a string as its second element")
    return any(same(one, value) for one in _values(evaluation, members, "Fn::Contains"))


def _each_member_equals(evaluation: Evaluation, argument: Any) -> bool:
    members, wanted = _two(argument, "Fn::EachMemberEquals")
    value = evaluation.inner(wanted)
    return all(same(one, value) for one in _values(evaluation, members, "Fn::EachMemberEquals"))


def _each_member_in(evaluation: Evaluation, argument: Any) -> bool:
    members, allowed = _two(argument, "Fn::EachMemberIn")
    among = _values(evaluation, allowed, "Fn::EachMemberIn")
    return all(any(same(one, other) for other in among) for one in _values(evaluation, members, "Fn::EachMemberIn"))


_PREDICATES: Mapping[str, Predicate] = {
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_member_equals,
    "Fn::EachMemberIn": _each_member_in,
}
