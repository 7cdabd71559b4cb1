"""Progress of what takes more than a second: a bar in a notebook or a terminal, nothing elsewhere."""

from __future__ import annotations

import contextvars
import html
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

SHOW_AFTER_SECONDS = 1.0
REDRAW_EVERY_SECONDS = 0.25
WIDTH = 30


class Face(Protocol):
    """Where progress is drawn. `last` is the line that stays. The fraction is None where no end is known."""

    def draw(self, line: str, fraction: float | None) -> None: ...
    def last(self, line: str) -> None: ...


class TerminalFace:
    """One line on standard error, drawn over itself."""

    def draw(self, line: str, fraction: float | None) -> None:
        filled = int((fraction or 0.0) * WIDTH)
        bar = "" if fraction is None else f"[{'#' * filled}{'.' * (WIDTH - filled)}] "
        print(f"\r{bar}{line}", end="", file=sys.stderr, flush=True)

    def last(self, line: str) -> None:
        print(f"\r{line:<{WIDTH + 40}}", file=sys.stderr, flush=True)


class NotebookFace:
    """One output of the cell, replaced as it goes on; a line of text is what the saved notebook keeps."""

    def __init__(self) -> None:
        self._shown: str | None = None

    def draw(self, line: str, fraction: float | None) -> None:
        text = html.escape(line)
        value = "" if fraction is None else f'value="{fraction:.3f}" max="1" '
        bar = f'<progress {value}aria-label="{text}"></progress> {text}'
        self._show({"text/plain": line, "text/html": bar})

    def last(self, line: str) -> None:
        self._show({"text/plain": line})

    def _show(self, bundle: dict[str, str]) -> None:
        from IPython import display

        face: Any = display
        if self._shown is None:
            self._shown = f"coldstart-progress-{id(self)}"
            face.display(bundle, raw=True, display_id=self._shown)
        else:
            face.update_display(bundle, raw=True, display_id=self._shown)


def face() -> Face | None:
    """The face that fits where we run: a notebook's kernel, a terminal, or none (a pipe, a judge, CI)."""
    # Asked without importing IPython: a program that is no notebook should not pay for it.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return NotebookFace()
    if sys.stderr is not None and sys.stderr.isatty():
        return TerminalFace()
    return None


class Progress:
    """A context in which `fraction()` (0 to 1) is drawn beside `label`, once the block has taken a second.

    A label that is a function is asked each time. A fraction of None draws a bar without an end.
    """

    def __init__(
        self, label: str | Callable[[], str], fraction: Callable[[], float | None], *, on: Face | None = None
    ) -> None:
        self._label = label if callable(label) else lambda: label
        self._fraction = fraction
        self._face = face() if on is None else on
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._drawn = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        if self._face is not None:
            # ipykernel finds the cell that an output belongs to in the context.
            context = contextvars.copy_context()
            self._thread = threading.Thread(target=context.run, args=(self._draw,), name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._face is not None and self._drawn:
            how = "done" if kind is None else "stopped"
            self._face.last(f"{self._label()}: {how} in {time.monotonic() - self._began:.1f} s")

    def _draw(self) -> None:
        wait = SHOW_AFTER_SECONDS
        while not self._ended.wait(wait):
            wait = REDRAW_EVERY_SECONDS
            try:
                fraction = self._fraction()
            except OSError:
                return
            assert self._face is not None
            self._drawn = True
            if fraction is None:
                self._face.draw(self._label(), None)
            else:
                fraction = min(max(fraction, 0.0), 1.0)
                self._face.draw(f"{self._label()}: {fraction:.0%}", fraction)
