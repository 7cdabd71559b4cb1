"""What is wrong with a template or with the values given to it."""

from __future__ import annotations


class TemplateError(ValueError):
    """CloudFormation's refusal: `code` is the error code of the API, `message` says it in CloudFormation's words."""

    code = "ValidationError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unsupported(TemplateError):
    """A thing that CloudFormation has and this sandbox has not; the message names it."""


class AlreadyExists(TemplateError):
    """A stack of that name is there."""

    code = "AlreadyExistsException"
