"""CloudFormation's templates as a library: a text in; values, order, change sets, states and events out.

    from sandbox.templates import Evaluation, Stack, check, parse, resolve

    template = parse("Resources: {Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref 'AWS::StackName'}}}")
    check(template)
    stack = Stack("orders", "arn:aws:cloudformation:...", "123456789012", "us-east-1")
    evaluation = Evaluation(template, resolve(template.parameters, []), stack)
    evaluation.value(template.resources["Queue"].properties)  # {"QueueName": "orders"}

Pure functions and data without I/O; what they must read elsewhere (SSM, exports, zones) comes by hooks. The rules
follow https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-reference.html
"""

from sandbox.templates.changes import Change, Detail, Plan
from sandbox.templates.checks import check
from sandbox.templates.document import check_length, read
from sandbox.templates.errors import AlreadyExists, TemplateError, Unsupported
from sandbox.templates.evaluation import Evaluation, Made, Stack
from sandbox.templates.graph import Order, check_cycles, dependencies, reversed_graph, waves
from sandbox.templates.parameters import Given, Parameter, ParameterValue, resolve
from sandbox.templates.plan import plan_changes
from sandbox.templates.replacement import TypeRules
from sandbox.templates.rules import check_rules
from sandbox.templates.template import Output, Resource, Template, refuse_macros, transforms
from sandbox.templates.values import Unknown, unknown

__all__ = [
    "AlreadyExists",
    "Change",
    "Detail",
    "Evaluation",
    "Given",
    "Made",
    "Order",
    "Output",
    "Parameter",
    "ParameterValue",
    "Plan",
    "Resource",
    "Stack",
    "Template",
    "TemplateError",
    "TypeRules",
    "Unknown",
    "Unsupported",
    "check",
    "check_cycles",
    "check_length",
    "check_rules",
    "dependencies",
    "parse",
    "plan_changes",
    "read",
    "refuse_macros",
    "resolve",
    "reversed_graph",
    "transforms",
    "unknown",
    "waves",
]


def parse(text: str) -> Template:
    """The template that a text is, if it has no transform. TemplateError for a text that is none."""
    return Template.of(read(text))
