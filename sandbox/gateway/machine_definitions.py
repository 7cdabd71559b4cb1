"""Definitions of state machines, checked before a machine is made of one: transitions, and what is not built.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html,
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from sandbox.gateway.refusals import UNSUPPORTED


class Bad(Exception):
    """Why no machine can be made: a problem of the definition, or (UNSUPPORTED) something that is not built."""

    def __init__(self, problem: str, code: str = "InvalidDefinition") -> None:
        super().__init__(problem)
        self.code = code
        self.message = problem if code == UNSUPPORTED else f"Invalid State Machine Definition: '{problem}'"


def _fail(problem: str) -> NoReturn:
    raise Bad(problem)


#: Members of a state that hold machines of their own, in lists or alone.
_INNER = ("Branches", "ItemProcessor", "Iterator")


def check(definition: str, kind: str | None) -> None:
    """Bad for a definition that no machine can be made of. `kind` is STANDARD (None is too) or EXPRESS."""
    try:
        content = json.loads(definition)
    except (ValueError, RecursionError) as error:
        _fail(f"INVALID_JSON_DESCRIPTION: {error}")
    _check_machine(content, "", kind)


def _check_machine(machine: Any, place: str, kind: str | None) -> None:
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        _fail(f"SCHEMA_VALIDATION_FAILED: The field 'States' should have at least one state at {place or '/'}")
    _reach(machine, "StartAt", states, place)
    if machine.get("QueryLanguage") == "JSONata":
        raise Bad("coldstart does not support QueryLanguage JSONata; JSONPath works", UNSUPPORTED)
    for name, state in states.items():
        where = f"{place}/States/{name}"
        if not isinstance(state, dict) or not isinstance(state.get("Type"), str):
            _fail(f"SCHEMA_VALIDATION_FAILED: The field 'Type' is required but was missing at {where}")
        _check_state(state, states, where, kind)
        for member in _INNER:
            inner = state.get(member)
            for number, one in enumerate(inner if isinstance(inner, list) else [] if inner is None else [inner]):
                _check_machine(one, f"{where}/{member}" + (f"[{number}]" if isinstance(inner, list) else ""), kind)


def _reach(holder: Mapping[str, Any], member: str, states: Mapping[str, Any], place: str) -> None:
    target = holder.get(member)
    if target is None and member == "StartAt":
        _fail(f"SCHEMA_VALIDATION_FAILED: The field 'StartAt' is required but was missing at {place or '/'}")
    if target is not None and target not in states:
        _fail(f"MISSING_TRANSITION_TARGET: Missing '{member}' target: {target} at {place}/{member}")


def _check_state(state: Mapping[str, Any], states: Mapping[str, Any], where: str, kind: str | None) -> None:
    for member in ("Next", "Default"):
        _reach(state, member, states, where)
    for member in ("Catch", "Choices"):
        for number, one in enumerate(state.get(member) or ()):
            if isinstance(one, dict):
                _reach(one, "Next", states, f"{where}/{member}[{number}]")
    if state.get("QueryLanguage") == "JSONata":
        raise Bad("coldstart does not support QueryLanguage JSONata; JSONPath works", UNSUPPORTED)
    resource = state.get("Resource")
    if state["Type"] != "Task" or not isinstance(resource, str):
        return
    if ":activity:" in resource:
        raise Bad(f"coldstart does not support activities ({resource})", UNSUPPORTED)
    if kind == "EXPRESS" and resource.endswith((".sync", ".sync:2", ".waitForTaskToken")):
        _fail(
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support "
            f"'.{resource.rpartition('.')[2]}' service integration at {where}/Resource"
        )
