"""What it means that a target did not take an event."""

from __future__ import annotations


class Undelivered(Exception):
    """The target did not take the event. `code` is one of EventBridge's; `passing` says that trying again may help.

    `wait` is how many seconds the target asks to be left in peace.
    The codes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """

    def __init__(self, code: str, message: str, *, passing: bool = False, wait: float = 0.0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.passing = passing
        self.wait = wait
