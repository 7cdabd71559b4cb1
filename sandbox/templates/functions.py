"""The intrinsic functions: each takes its argument unevaluated, and gives a value or Unknown.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.references import attribute_name, no_mapping, pieces, substitution
from sandbox.templates.values import Unknown, text_of, unknown

if TYPE_CHECKING:
    from sandbox.templates.evaluation import Evaluation

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-cidr.html
MOST_CIDR_BLOCKS = 256


def _ref(evaluation: Evaluation, argument: Any) -> Any:
    if not isinstance(argument, str):
        raise TemplateError("Template error: All References must be of type string")
    return evaluation.reference(argument, None, "Ref")


def _get_att(evaluation: Evaluation, argument: Any) -> Any:
    name, attribute = attribute_name(argument)
    text = evaluation.inner(attribute)
    if not isinstance(text, str):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        )
    return evaluation.reference(name, text, "Fn::GetAtt")


def _sub(evaluation: Evaluation, argument: Any) -> Any:
    text, own = substitution(argument)
    values = {}
    for name, inner in own.items():
        value = evaluation.inner(inner)
        if not isinstance(value, Unknown) and text_of(value) is None:
            raise TemplateError(
                "Template error: every value of the context object of every Fn::Sub object must be a string or a "
                "function that returns a string"
            )
        values[name] = value
    parts: list[Any] = []
    for piece, variable in pieces(text):
        if variable is None:
            parts.append(piece)
            continue
        name, _, attribute = variable.partition(".")
        value = values[variable] if variable in values else evaluation.reference(name, attribute or None, "Fn::Sub")
        if not isinstance(value, Unknown) and text_of(value) is None:
            raise TemplateError(
                f"Template error: variable {variable} in Fn::Sub expression does not resolve to a string"
            )
        parts.append(value)
    return unknown(parts) or evaluation.joined([text_of(part) or "" for part in parts])


def _join(evaluation: Evaluation, argument: Any) -> Any:
    wrong = TemplateError(
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
        "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
    if not isinstance(argument, list) or len(argument) != 2:
        raise wrong
    delimiter, parts = evaluation.inner(argument[0]), evaluation.inner(argument[1])
    missing = unknown([delimiter, parts])
    if missing is not None:
        return missing
    if not isinstance(delimiter, str) or not isinstance(parts, list):
        raise wrong
    texts = [text_of(part) for part in parts]
    if None in texts:
        raise wrong
    return evaluation.joined([text for text in texts if text is not None], delimiter)


def _split(evaluation: Evaluation, argument: Any) -> Any:
    wrong = TemplateError(
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
        "to be split or a function that returns a string to be split."
    )
    if not isinstance(argument, list) or len(argument) != 2:
        raise wrong
    delimiter, whole = evaluation.inner(argument[0]), evaluation.inner(argument[1])
    text = text_of(whole)
    if isinstance(whole, Unknown):
        return whole
    if not isinstance(delimiter, str) or not delimiter or text is None:
        raise wrong
    return text.split(delimiter)


def _select(evaluation: Evaluation, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    index, members = evaluation.inner(argument[0]), evaluation.inner(argument[1])
    for one in (index, members):
        if isinstance(one, Unknown):
            return one
    try:
        number = int(text_of(index) or "")
    except ValueError as found:
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with a valid index value as its first element"
        ) from found
    if not isinstance(members, list):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    if not 0 <= number < len(members):
        raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {number}")
    return members[number]


def _find_in_map(evaluation: Evaluation, argument: Any) -> Any:
    if isinstance(argument, list) and len(argument) == 4:
        raise Unsupported(
            "Fn::FindInMap with a DefaultValue needs the transform AWS::LanguageExtensions, which is not supported "
            "by this sandbox"
        )
    names = [text_of(evaluation.inner(one)) for one in argument] if isinstance(argument, list) else []
    if len(names) != 3 or None in names:
        raise TemplateError(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        )
    mapping, key, attribute = (str(name) for name in names)
    if mapping not in evaluation.template.mappings:
        raise no_mapping(mapping)
    try:
        return evaluation.template.mappings[mapping][key][attribute]
    except KeyError as found:
        raise TemplateError(f"Template error: Unable to get mapping for {mapping}::{key}::{attribute}") from found


def _get_azs(evaluation: Evaluation, argument: Any) -> Any:
    region = evaluation.inner(argument)
    if isinstance(region, Unknown):
        return region
    if not isinstance(region, str):
        raise TemplateError("Template error: every Fn::GetAZs object must have a String-typed value.")
    return list(evaluation.zones(region or evaluation.stack.region))


def _base64(evaluation: Evaluation, argument: Any) -> Any:
    value = evaluation.inner(argument)
    text = text_of(value)
    if isinstance(value, Unknown):
        return value
    if text is None:
        raise TemplateError("Template error: every Fn::Base64 object must have a String-typed value.")
    return base64.b64encode(text.encode()).decode()


def _cidr(evaluation: Evaluation, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) not in (2, 3):
        raise TemplateError("Template error: Fn::Cidr requires a list argument: an IP block, a count and CIDR bits")
    values = [evaluation.inner(one) for one in argument]
    missing = unknown(values)
    return missing if missing is not None else cidr_blocks(*(text_of(value) or "" for value in values))


def _import_value(evaluation: Evaluation, argument: Any) -> Any:
    name = evaluation.inner(argument)
    if isinstance(name, Unknown):
        resources = sorted({resource for resource, _ in name.of})
        raise TemplateError(
            "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or "
            f"Fn::GetAZs: it depends on {', '.join(resources)}"
        )
    if not isinstance(name, str):
        raise TemplateError("Template error: every Fn::ImportValue object must have a String-typed value.")
    evaluation.touch("export", name)
    return evaluation.exported(name)


def _if(evaluation: Evaluation, argument: Any) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise TemplateError("Template error: Fn::If requires a list argument with three elements")
    if not isinstance(argument[0], str):
        raise TemplateError("Template error: Fn::If requires a list argument with the first element being a condition")
    if argument[0] not in evaluation.template.conditions:
        raise TemplateError(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
    return evaluation.inner(argument[1 if evaluation.decided(argument[0]) else 2])


def cidr_blocks(block: str, count: str, bits: str = "8") -> list[str]:
    """The first `count` networks in an IP block that have `bits` bits for their hosts."""
    try:
        network = ipaddress.ip_network(block, strict=False)
        number, host_bits = int(count), int(bits)
    except ValueError as found:
        raise TemplateError(f"Template error: Fn::Cidr [{block}, {count}, {bits}] is not valid: {found}") from found
    if not 1 <= number <= MOST_CIDR_BLOCKS:
        raise TemplateError(f"Template error: Fn::Cidr count must be from 1 to {MOST_CIDR_BLOCKS}, it is {count}")
    prefix = network.max_prefixlen - host_bits
    if not network.prefixlen <= prefix <= network.max_prefixlen or number > 1 << (prefix - network.prefixlen):
        raise TemplateError(f"Template error: Fn::Cidr cannot fit {count} blocks with {bits} CIDR bits in {block}")
    first = int(network.network_address)
    kind = type(network.network_address)
    return [f"{kind(first + (index << host_bits))}/{prefix}" for index in range(number)]


FUNCTIONS: Mapping[str, Callable[[Evaluation, Any], Any]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
