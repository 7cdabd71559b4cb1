"""What every command shares: how it fails."""


class CommandError(Exception):
    """The command failed. The message is the one line that the user reads; it says what happened and what to do."""
