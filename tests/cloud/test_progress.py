"""Progress shows after a second, ends with a line, and costs nothing where nobody looks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sandbox import progress
from sandbox.progress import Progress


class Recorder:
    def __init__(self) -> None:
        self.drawn: list[tuple[str, float]] = []
        self.ended: list[str] = []
        self.redrawn = threading.Event()

    def draw(self, line: str, fraction: float) -> None:
        self.drawn.append((line, fraction))
        if len(self.drawn) >= 2:
            self.redrawn.set()

    def last(self, line: str) -> None:
        self.ended.append(line)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(progress, "REDRAW_EVERY_SECONDS", 0.01)


def show(fraction: Callable[[], float]) -> Recorder:
    face = Recorder()
    with Progress("600 requests", fraction, on=face):
        assert face.redrawn.wait(10)
    return face


def test_what_takes_long_is_drawn_and_ends_with_a_line(quick: None) -> None:
    face = show(lambda: 0.5)
    assert face.drawn[0] == ("600 requests: 50%", 0.5)
    assert len(face.ended) == 1
    assert face.ended[0].startswith("600 requests: done in ")


def test_a_fraction_stays_between_nothing_and_all(quick: None) -> None:
    assert show(lambda: 7.0).drawn[0][1] == 1.0
    assert show(lambda: -7.0).drawn[0][1] == 0.0


def test_what_is_quick_draws_nothing() -> None:
    face = Recorder()
    with Progress("quick", lambda: 0.5, on=face):
        pass
    assert (face.drawn, face.ended) == ([], [])


def test_what_is_stopped_says_so(quick: None) -> None:
    face = Recorder()

    def stop_after_a_while() -> None:
        with Progress("waiting", lambda: 0.1, on=face):
            assert face.redrawn.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_after_a_while()
    assert face.ended[0].startswith("waiting: stopped in ")


def test_a_pipe_has_no_face(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert progress.face() is None
    with Progress("nothing", lambda: 0.5):
        pass
    assert capsys.readouterr().err == ""
