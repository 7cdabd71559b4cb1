"""Request validation of REST APIs: required parameters, and bodies by the models of their content types.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox import regular_expressions
from sandbox.endpoints.apis import Members
from sandbox.endpoints.arrival import Arrival
from sandbox.endpoints.gateway_responses import GatewayError
from sandbox.endpoints.rest_apis import Snapshot


def validate(method: Members, snapshot: Snapshot, arrival: Arrival, variables: Mapping[str, str]) -> None:
    """GatewayError for a request that lacks a parameter, or whose body does not fit its model."""
    validator = snapshot.validators.get(str(method.get("requestValidatorId")))
    if validator is None:
        return
    if validator["validateRequestParameters"]:
        missing = [
            name.rpartition(".")[2]
            for name, required in (method.get("requestParameters") or {}).items()
            if required and not _given(name, arrival, variables)
        ]
        if missing:
            raise GatewayError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
    if validator["validateRequestBody"]:
        _validate_body(method.get("requestModels") or {}, snapshot.models, arrival)


def _given(name: str, arrival: Arrival, variables: Mapping[str, str]) -> bool:
    _, _, place, key = name.split(".", 3)
    if place == "path":
        return bool(variables.get(key))
    if place.endswith("header"):
        return bool(arrival.header(key.lower()))
    return any(each == key and value for each, value in arrival.query)


def _validate_body(models: Mapping[str, str], all_models: Mapping[str, Members], arrival: Arrival) -> None:
    import referencing  # loaded with the first validated body

    kind = (arrival.header("content-type") or "application/json").partition(";")[0].strip().lower()
    name = next((model for each, model in models.items() if each.lower() == kind), None) or models.get("$default")
    if name is None:
        return
    model = all_models.get(name)
    try:
        body = json.loads(arrival.request.body or b"null")
    except (ValueError, RecursionError) as error:
        raise GatewayError("BAD_REQUEST_BODY", log={"error.validationErrorString": "Invalid JSON"}) from error
    schema = _schema(model, all_models)
    # The empty registry: a reference to a URL would be fetched else, from wherever it leads.
    validator = _validator_class()(schema, registry=referencing.Registry())
    try:
        errors = [error.message for error in validator.iter_errors(body)]
    except Exception as error:  # whatever a schema that nobody has checked makes of the validator
        raise GatewayError("API_CONFIGURATION_ERROR", log={"error.validationErrorString": str(error)}) from error
    if errors or not arrival.request.body:
        raise GatewayError("BAD_REQUEST_BODY", log={"error.validationErrorString": f"[{', '.join(errors)}]"})


@functools.cache
def _validator_class() -> Any:
    """JSON Schema draft 4, its patterns matched for a limited time."""
    import jsonschema

    def pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "string") and not regular_expressions.is_in(wanted, instance):
            yield jsonschema.ValidationError(f"{instance!r} does not match {wanted!r}")

    return jsonschema.validators.extend(jsonschema.Draft4Validator, {"pattern": pattern})


def _schema(model: Members | None, models: Mapping[str, Members]) -> Any:
    """A model's schema; what it refers to stands in its definitions."""
    schema = json.loads(model["schema"]) if model is not None else {}
    text = json.dumps(schema)
    if "$ref" not in text:
        return schema
    definitions = {name: _referring(json.loads(each["schema"])) for name, each in models.items()}
    schema = _referring(schema)
    schema["definitions"] = {**definitions, **(schema.get("definitions") or {})}
    return schema


def _referring(part: Any) -> Any:
    """The same with its references to models as references to definitions."""
    if isinstance(part, list):
        return [_referring(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _referring(value) for name, value in part.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and ("/models/" in reference or reference.startswith("#/components/schemas/")):
        found["$ref"] = "#/definitions/" + reference.rpartition("/")[2]
    return found
