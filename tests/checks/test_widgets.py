from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from checks import widgets
from checks.contract import STATUSES, WORDS, Status, Verdict


def verdict(status: Status) -> Verdict:
    return Verdict("90.2", status, 4 if status == "passed" else 0, 4, "<it> went", "<b>", "four & more", "it counts")


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def handle_data(self, data: str) -> None:
        self.said += data


def text_of(html: str) -> str:
    parser = Text()
    parser.feed(html)
    return parser.said


@pytest.mark.parametrize("status", STATUSES)
def test_a_verdict_has_icon_word_and_colour(status: Status) -> None:
    html = widgets.verdict_html(verdict(status), "A greeting")
    icon, colour = widgets.LOOKS[status]
    assert colour in html
    assert icon in text_of(html)
    assert WORDS[status].lower() in text_of(html).lower()
    assert 'role="status"' in html


def test_icons_and_colours_tell_all_outcomes_apart() -> None:
    assert len({icon for icon, _ in widgets.LOOKS.values()}) == len(STATUSES)
    assert len({colour for _, colour in widgets.LOOKS.values()}) == len(STATUSES)


def test_what_the_learners_work_says_is_no_markup() -> None:
    html = widgets.verdict_html(verdict("incorrect"), "<script>")
    assert "<script>" not in html
    assert "Seen: <b>" in text_of(html)
    assert "Expected: four & more" in text_of(html)


def test_dollars_are_no_formula() -> None:
    assert 'class="mathjax_ignore tex2jax_ignore"' in widgets.verdict_html(verdict("incorrect"), "")


def test_a_passed_verdict_shows_nothing_that_changes_from_run_to_run() -> None:
    one, other = verdict("passed"), Verdict("90.2", "passed", 4, 4, "request 8f0c", took_ms=9, seed=4)
    assert widgets.verdict_html(one, "t") == widgets.verdict_html(other, "t")
    assert one.text == other.text


class FakeHelp:
    def __init__(self) -> None:
        self.given_up = False
        self.asked = 0

    def hint(self) -> str:
        self.asked += 1
        return f"Hint {self.asked} of 3: <look>"

    def solution_is_free(self) -> bool:
        return self.given_up

    def solution(self, *, give_up: bool = False) -> str:
        self.given_up |= give_up
        return "x = 3"


def controls(status: Status) -> tuple[Any, FakeHelp]:
    help = FakeHelp()
    box = widgets._controls(ipywidgets, verdict(status), help)
    row, said = box.children
    hint, solution, confirm, keep = row.children
    return SimpleNamespace(hint=hint, solution=solution, confirm=confirm, keep=keep, said=said), help


def shown(button: Any) -> bool:
    return button.layout.display != "none"


def test_hints_pile_up_one_press_at_a_time() -> None:
    box, _ = controls("incorrect")
    box.hint.click()
    assert text_of(box.said.value) == "Hint 1 of 3: <look>"
    box.hint.click()
    assert text_of(box.said.value) == "Hint 1 of 3: <look>Hint 2 of 3: <look>"


def test_the_solution_costs_the_points_only_when_confirmed() -> None:
    box, help = controls("incorrect")
    box.solution.click()
    assert not help.given_up
    assert shown(box.confirm)
    assert "give up 4 points" in box.confirm.description
    box.keep.click()
    assert not shown(box.confirm)
    assert shown(box.solution)
    box.solution.click()
    box.confirm.click()
    assert help.given_up
    assert text_of(box.said.value) == "x = 3"
    box.solution.click()
    assert not shown(box.confirm)


def test_after_a_pass_the_solution_is_free() -> None:
    box, help = controls("passed")
    assert not shown(box.hint)
    box.solution.click()
    assert not help.given_up
    assert text_of(box.said.value) == "x = 3"


def test_the_progress_table_links_each_lab_and_names_the_next_step() -> None:
    lab = {"lab": "90", "name": "90-tiny", "title": "Three <numbers>", "minutes": 5, "checks": 3, "passed": 1}
    told = {
        "labs": [{**lab, "points": 1, "out_of": 8}],
        "next": {"lab": "90", "title": "Three <numbers>", "notebook": "90-tiny.ipynb", "check": "90.2"},
        "notice": "progress.json could not be understood",
    }
    html = widgets.progress_html(told)
    assert 'href="90-tiny.ipynb"' in html
    assert "1 of 8 points" in text_of(html)
    assert "Next: lab 90, Three <numbers>, check 90.2" in text_of(html)
    assert "could not be understood" in text_of(html)
    assert "could not be understood" in widgets.progress_text(told)
