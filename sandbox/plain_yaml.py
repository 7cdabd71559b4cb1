"""YAML that a learner wrote, read as plain data: definitions of APIs, AppSpec files.

An alias stands for a value as often as it is written, so a few lines can stand for more values than any memory holds,
or for a value that holds itself. The parser doesn't mind; whoever writes such a document out would come to no end.
"""

from __future__ import annotations

from typing import Any

import yaml

#: Values that a document may come to, its aliases followed.
MAX_VALUES = 1_000_000


class InvalidYaml(ValueError):
    """The text is no YAML, or comes to too many values; the message says which."""


def load(text: str) -> Any:
    """The document that a text is. InvalidYaml."""
    try:
        document = yaml.safe_load(text)
        number = _number(document, {})
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error)) from error
    except RecursionError as error:
        raise InvalidYaml("it is nested too deeply") from error
    except ValueError as error:
        # A number or a date that is none to Python.
        raise InvalidYaml(str(error)) from error
    if number > MAX_VALUES:
        raise InvalidYaml(f"with its aliases followed it comes to more than {MAX_VALUES} values")
    return document


def _number(value: Any, known: dict[int, int]) -> int:
    """How many values a value comes to; each collection is counted once. (A value in itself ends in RecursionError.)"""
    if not isinstance(value, (dict, list)):
        return 1
    counted = known.get(id(value))
    if counted is None:
        inner = value.values() if isinstance(value, dict) else value
        counted = known[id(value)] = 1 + sum(_number(each, known) for each in inner)
    return counted
