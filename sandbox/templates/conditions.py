"""Whether an expression of condition functions is true.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.templates.errors import TemplateError
from sandbox.templates.references import VALUE_FUNCTIONS, refuse_function
from sandbox.templates.values import same

if TYPE_CHECKING:
    from sandbox.templates.evaluation import Evaluation

#: A function that is true or false; it gets its argument unevaluated.
Predicate = Callable[["Evaluation", Any], bool]

FEWEST_OPERANDS, MOST_OPERANDS = 2, 10


def truth(evaluation: Evaluation, expression: Any, more: Mapping[str, Predicate] | None = None) -> bool:
    """Whether the expression is true. `more` are the functions that are known in this place beside the conditions'."""
    if not isinstance(expression, dict) or len(expression) != 1:
        raise _no_condition()
    [(name, argument)] = expression.items()
    if name == "Condition":
        if not isinstance(argument, str):
            raise TemplateError("Template error: All Conditions must be of type string")
        return evaluation.decided(argument)
    if name == "Fn::Not":
        if not isinstance(argument, list) or len(argument) != 1:
            raise TemplateError(
                "Template error: every Fn::Not object requires a list with exactly 1 boolean parameter."
            )
        return not truth(evaluation, argument[0], more)
    if name in ("Fn::And", "Fn::Or"):
        if not isinstance(argument, list) or not FEWEST_OPERANDS <= len(argument) <= MOST_OPERANDS:
            raise TemplateError(
                f"Template error: every {name} object requires a list of at least {FEWEST_OPERANDS} and at most "
                f"{MOST_OPERANDS} boolean parameters."
            )
        # Each is evaluated: an error in one of them is an error, whatever the others are.
        truths = [truth(evaluation, one, more) for one in argument]
        return all(truths) if name == "Fn::And" else any(truths)
    if name == "Fn::Equals":
        if not isinstance(argument, list) or len(argument) != 2:
            raise TemplateError("Template error: Fn::Equals requires a list argument with two elements")
        return same(evaluation.inner(argument[0]), evaluation.inner(argument[1]))
    if more is not None and name in more:
        return more[name](evaluation, argument)
    if name in VALUE_FUNCTIONS or not name.startswith("Fn::"):
        raise _no_condition()
    raise refuse_function(name)


def _no_condition() -> TemplateError:
    return TemplateError(
        "Template format error: Conditions can only be boolean operations on parameters and other conditions"
    )
