"""Templates and evaluations for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates import Evaluation, Given, Made, Stack, Template, parse, resolve

STACK = Stack(
    "orders",
    "arn:aws:cloudformation:eu-west-1:123456789012:stack/orders/5f2e",
    "123456789012",
    "eu-west-1",
    notification_arns=("arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:b"),
)


def evaluation(
    text: str | Template,
    made: Mapping[str, Made] | None = None,
    hooks: Mapping[str, Any] | None = None,
    **parameters: str,
) -> Evaluation:
    """The evaluation of a template with those resources made and those parameters given."""
    template = parse(text) if isinstance(text, str) else text
    values = resolve(template.parameters, [Given(key, value) for key, value in parameters.items()])
    return Evaluation(template, values, STACK, made, **(hooks or {}))
