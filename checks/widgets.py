"""What a notebook shows of a verdict, of progress and of pictures: rich output with a plain-text twin, and widgets.

A verdict is shown as HTML and as text in one output, the same for every run that ends the same way, so it stays
in the saved notebook and can be compared. What only helps (hints, the solution) are widgets, in an output
of their own that has nothing but the widget's view, which nbval does not compare. A view ends with its kernel, so a
saved notebook has a sentence in its place (workbench/saving.py).
"""

from __future__ import annotations

import html
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

from checks.contract import WORDS, Status, Verdict, spoken_id

SHOW_AFTER_SECONDS = 1.0

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
#: The output metadata with the sentence that is saved instead of a widget's view.
SAVED_AS = "coldstart-saved-as"

#: JupyterLab and nbconvert set what stands between two dollars as a formula, and `$LATEST` twice is none. The classes
#: that MathJax 3 and MathJax 2 leave alone.
#: https://docs.mathjax.org/en/latest/options/document.html#the-configuration-block
AS_IT_STANDS = 'class="mathjax_ignore tex2jax_ignore"'

#: An icon and a colour beside the word. Colours of Okabe and Ito, which colour-blind readers can tell apart.
LOOKS: Mapping[Status, tuple[str, str]] = {
    "passed": ("✔", "#0072B2"),
    "incorrect": ("✘", "#D55E00"),
    "not_attempted": ("○", "#7A7A7A"),
    "cannot_tell": ("?", "#CC79A7"),
}


class Help(Protocol):
    def hint(self) -> str: ...
    def solution_is_free(self) -> bool: ...
    def solution(self, *, give_up: bool = False) -> str: ...


def _display() -> Any:
    """IPython's display, if there is an IPython to display in."""
    module = sys.modules.get("IPython")
    if module is None or module.get_ipython() is None:
        return None
    from IPython import display

    face: Any = display
    return face.display


def _widgets() -> Any:
    """ipywidgets, if a kernel runs that can show them and nobody has asked for plain output."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    if shell is None or not hasattr(shell, "kernel") or os.environ.get("COLDSTART_PLAIN"):
        return None
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


def _show_widget(widget: Any, saved_as: str = "") -> None:
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    _display()({WIDGET_VIEW: view}, metadata={SAVED_AS: saved_as} if saved_as else None, raw=True)


# -- verdicts ------------------------------------------------------------------------------------------------


def verdict_html(verdict: Verdict, title: str) -> str:
    """The verdict as a box: icon, word, colour, points, and what was seen, expected and why."""
    icon, colour = LOOKS[verdict.status]
    word = WORDS[verdict.status]
    head = (
        f'<span aria-hidden="true" style="color:{colour}">{icon}</span> '
        f"<b>{html.escape(word[0].upper() + word[1:])}</b> · {html.escape(spoken_id(verdict.check))}"
        f"{f': {html.escape(title)}' if title else ''} · {verdict.points} of {verdict.out_of} points"
    )
    rows = ""
    if verdict.status == "incorrect":
        for label, text in (
            ("Seen", verdict.seen),
            ("Expected", verdict.expected),
            ("Why it matters", verdict.why),
        ):
            rows += f'<p style="margin:.4em 0 0 0"><b>{label}</b>: {html.escape(text)}</p>'
    elif verdict.status != "passed" and verdict.message:
        rows = f'<p style="margin:.4em 0 0 0">{html.escape(verdict.message)}</p>'
    style = f"border:1px solid {colour};border-left:6px solid {colour};padding:6px 12px;margin:4px 0"
    return f'<div role="status" {AS_IT_STANDS} style="{style}"><p style="margin:0">{head}</p>{rows}</div>'


def show_verdict(verdict: Verdict, title: str, help: Help | None) -> None:
    """Show the verdict, and below it what helps, if anything does."""
    display = _display()
    if display is None:
        print(verdict.text)
        return
    display({"text/plain": verdict.text, "text/html": verdict_html(verdict, title)}, raw=True)
    if help is not None and (ipywidgets := _widgets()) is not None:
        helps = "the solution" if verdict.status == "passed" else "hints and the solution"
        _show_widget(_controls(ipywidgets, verdict, help), f"Run this cell again for {helps}.")


def _controls(ipywidgets: Any, verdict: Verdict, help: Help) -> Any:
    """The hint ladder, and the solution: after a pass at once, before it for the points, once that is confirmed."""
    passed = verdict.status == "passed"

    def button(description: str, **traits: Any) -> Any:
        # A layout of its own: what hides one button must not hide another.
        return ipywidgets.Button(description=description, layout=ipywidgets.Layout(width="auto"), **traits)

    hint = button("Hint", icon="lightbulb-o", tooltip="One hint at a time")
    solution = button("Solution", tooltip="Show how it can be done")
    confirm = button(f"Show it, and give up {verdict.out_of} points", button_style="warning")
    keep = button("Keep trying")
    confirm.layout.display = keep.layout.display = "none"
    said = ipywidgets.HTML()

    def say(text: str, *, code: bool = False) -> None:
        shown = html.escape(text)
        said.value = f"<pre>{shown}</pre>" if code else f'<div role="status" {AS_IT_STANDS}>{shown}</div>'

    def ask_first(asking: bool) -> None:
        confirm.layout.display = keep.layout.display = None if asking else "none"
        solution.layout.display = "none" if asking else None

    def on_hint(_: Any) -> None:
        earlier = said.value if said.value.startswith("<div") else ""
        text = html.escape(help.hint())
        line = f'<div role="status" {AS_IT_STANDS}>{text}</div>'
        said.value = earlier if line in earlier else earlier + line

    def on_solution(_: Any) -> None:
        if passed or help.solution_is_free():
            say(help.solution(), code=True)
        else:
            ask_first(True)

    def on_confirm(_: Any) -> None:
        ask_first(False)
        say(help.solution(give_up=True), code=True)

    hint.on_click(on_hint)
    solution.on_click(on_solution)
    confirm.on_click(on_confirm)
    keep.on_click(lambda _: ask_first(False))
    if passed:
        hint.layout.display = "none"
        if verdict.message:
            say(verdict.message)
    return ipywidgets.VBox([ipywidgets.HBox([hint, solution, confirm, keep]), said])


# -- waiting -------------------------------------------------------------------------------------------------


class Waiting:
    """A block that says what it is doing once it has taken a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._timer: threading.Timer | None = None
        self._shown: Any = None
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Waiting:
        if (ipywidgets := _widgets()) is not None:
            import contextvars

            # ipykernel finds the cell that an output belongs to in the context.
            context = contextvars.copy_context()
            self._timer = threading.Timer(SHOW_AFTER_SECONDS, context.run, (self._show, ipywidgets))
            self._timer.daemon = True
            self._timer.start()
        return self

    def _show(self, ipywidgets: Any) -> None:
        with self._lock:
            if not self._over:
                self._shown = ipywidgets.HTML(f'<span role="status">{html.escape(self._label)} …</span>')
                _show_widget(self._shown)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown is not None:
                self._shown.value = ""


# -- progress ------------------------------------------------------------------------------------------------


def progress_text(told: Mapping[str, Any]) -> str:
    """All labs with the points reached, one line each, and the next step."""
    width = max((len(lab["title"]) for lab in told["labs"]), default=0)
    lines = [
        f"{lab['lab']}  {lab['title']:<{width}}  {lab['passed']:>3} of {lab['checks']:>2} checks  "
        f"{lab['points']:>3} of {lab['out_of']:>3} points  {lab['minutes']} min"
        for lab in told["labs"]
    ]
    lines.append(_next_step(told))
    if told.get("notice"):
        lines.append(str(told["notice"]))
    return "\n".join(lines)


def _next_step(told: Mapping[str, Any]) -> str:
    step = told.get("next")
    if not step:
        return "Every check is passed or given up."
    return f"Next: lab {step['lab']}, {step['title']}, check {spoken_id(step['check'])} (open {step['notebook']})."


def progress_html(told: Mapping[str, Any]) -> str:
    """The same as a table, with a bar for each lab."""
    rows = ""
    for lab in told["labs"]:
        points = f"{lab['points']} of {lab['out_of']} points"
        file = html.escape(f"{lab['name']}.ipynb")
        rows += (
            f'<tr><td style="text-align:left"><a href="{file}">{html.escape(lab["lab"])} '
            f"{html.escape(lab['title'])}</a></td>"
            f"<td>{lab['passed']} of {lab['checks']} checks</td>"
            f'<td><progress value="{lab["points"]}" max="{lab["out_of"] or 1}" aria-label="{points}"></progress></td>'
            f"<td>{points}</td><td>{lab['minutes']} min</td></tr>"
        )
    notes = "".join(f"<p>{html.escape(text)}</p>" for text in (_next_step(told), told.get("notice") or "") if text)
    head = "".join(f"<th>{name}</th>" for name in ("Lab", "Checks", "", "Points", "Time"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def show_progress(told: Mapping[str, Any]) -> None:
    display = _display()
    if display is None:
        print(progress_text(told))
    else:
        display({"text/plain": progress_text(told), "text/html": progress_html(told)}, raw=True)


# -- pictures ------------------------------------------------------------------------------------------------


def show_picture(picture: Any) -> None:
    """The picture, and below it the sentence that says the same."""
    display = _display()
    if display is None:
        print(picture.text)
        return
    display(picture)
    # Not printed: a browser may break the lines of a printed text in the middle of a word.
    shown = f"<p {AS_IT_STANDS}>{html.escape(picture.text)}</p>"
    display({"text/plain": picture.text, "text/html": shown}, raw=True)


def live_box() -> Any:
    """A shown box whose `value` can be set to HTML again and again; None where widgets can't be shown."""
    ipywidgets = _widgets()
    if ipywidgets is None:
        return None
    box = ipywidgets.HTML()
    _show_widget(box)
    return box
