"""SAM's transform: a document of serverless resources in, the document that CloudFormation processes out.

AWS's own translator (aws-sam-translator) does it, as on AWS's side. It stands between `read` and `Template.of`:

    document = read(text)
    if "AWS::Serverless-2016-10-31" in transforms(document):
        document = expand(document, {"Stage": "dev"}, region="eu-west-1", managed_policies=managed_policies)
    template = Template.of(document)

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-serverless.html
"""

from __future__ import annotations

import copy
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from sandbox.templates.document import Document, check_length, pointer, walk
from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.template import MOST, SERVERLESS

#: The names of AWS's managed policies, each with its ARN.
ManagedPolicies = Callable[[], Mapping[str, str]]

#: The translator keeps the region in a class of its own: one template at a time.
_one_at_a_time = threading.Lock()


def no_managed_policies() -> Mapping[str, str]:
    """No more names of AWS's managed policies than those that the translator brings (some 1,200)."""
    return {}


def preload() -> None:
    """Import the translator, some 0.4 s, which the first template would have to wait for."""
    if "samtranslator.translator.translator" in sys.modules:
        return
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL + 1)
    # jsonschema, with which the translator reads its policy templates, would build a grammar of IRIs: 0.7 s for a check
    # that nothing here asks for, and that it does without where the package is missing.
    grammar = "rfc3987_syntax"
    with _one_at_a_time:
        hidden = grammar not in sys.modules and "jsonschema" not in sys.modules
        if hidden:
            sys.modules[grammar] = None  # type: ignore[assignment]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import samtranslator.translator.translator  # noqa: F401
        finally:
            if hidden:
                del sys.modules[grammar]


def expand(
    document: Document,
    parameters: Mapping[str, str | list[str]],
    *,
    region: str,
    managed_policies: ManagedPolicies = no_managed_policies,
) -> Document:
    """The document after SAM's transform, a new one; the given one stays as it is.

    `parameters` are the values of the template's parameters as Ref gives them (of SSM parameters those that are
    stored); the Default counts where one is missing. `managed_policies` is asked for a policy's name that the
    translator does not know. TemplateError in CloudFormation's words for what SAM refuses, Unsupported for an
    application of the Serverless Application Repository.
    """
    _refuse_repository(document)
    _check_number(document)
    preload()
    from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException

    try:
        with _one_at_a_time:
            expanded = _translated(copy.deepcopy(document), dict(parameters), region, managed_policies)
    except InvalidDocumentException as found:
        # Each with its resource, in the order of their names:
        # https://github.com/matwerber1/aws-alexa-smart-home-demo/issues/10
        raise _failed(" ".join([found.message, *sorted(cause.message for cause in found.causes)])) from found
    except ExceptionWithMessage as found:
        raise _failed(
            f"Invalid Serverless Application Specification document. Number of errors found: 1. {found.message}"
        ) from found
    except Exception as found:
        # What AWS answers when its translator stumbles over a document, and nothing more:
        # https://github.com/aws/serverless-application-model/issues/10
        raise _failed(
            "Internal transform failure. AWS's translator does not understand the template: "
            f"{type(found).__name__}: {_short(found)}"
        ) from found
    for path, value in walk(expanded):
        if value is None:
            raise TemplateError(f"[{pointer(path)}] 'null' values are not allowed in templates")
    # A processed template has the limit that any template has; Globals can multiply a small one.
    check_length(json.dumps(expanded, ensure_ascii=False, separators=(",", ":")), by_url=True)
    return expanded


def _translated(
    document: Document, parameters: dict[str, Any], region: str, managed_policies: ManagedPolicies
) -> Document:
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

    # Logical ids carry hashes of what the resources are made of, as the translator's first version formed them.
    to_py27_compatible_template(document, parameters)
    # All that is read of a session is its region; a real one would read the user's configuration.
    translator = Translator(None, Parser(), boto_session=SimpleNamespace(region_name=region))
    translated = translator.translate(
        document, parameters, get_managed_policy_map=lambda: dict(managed_policies()), passthrough_metadata=False
    )
    expanded: Document = undo_mark_unicode_str_in_template(translated)
    return expanded


def _refuse_repository(document: Document) -> None:
    """An application of the repository is a template that somebody published; one in S3 is a nested stack."""
    resources = document.get("Resources")
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::Serverless::Application":
            continue
        properties = resource.get("Properties")
        location = properties.get("Location") if isinstance(properties, dict) else None
        if isinstance(location, dict) and {"ApplicationId", "SemanticVersion"} <= location.keys():
            raise Unsupported(
                "The AWS Serverless Application Repository is not supported by this sandbox: resource "
                f"{name} of type AWS::Serverless::Application"
            )


def _check_number(document: Document) -> None:
    """Each resource becomes one or more, and each event one more: what must come to too many is not worth expanding.

    The translator's time grows with the square of the events of an API.
    """
    resources = document.get("Resources")
    if not isinstance(resources, dict):
        return
    number = len(resources)
    for resource in resources.values():
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        events = properties.get("Events") if isinstance(properties, dict) else None
        if isinstance(events, dict) and str(resource.get("Type")).startswith("AWS::Serverless::"):
            number += len(events)
    if number > MOST["Resources"]:
        raise TemplateError(
            f"Template format error: Number of resources, {number}, is greater than maximum allowed, "
            f"{MOST['Resources']}"
        )


def _failed(message: str) -> TemplateError:
    return TemplateError(f"Transform {SERVERLESS} failed with: {message}")


def _short(found: Exception) -> str:
    text = str(found)
    return text if len(text) <= 200 else f"{text[:200]}..."
