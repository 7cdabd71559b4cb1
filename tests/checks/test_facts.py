"""Figures about AWS: found by id, cited in one line, whole, and the ones the labs rely on are there."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from checks.facts import UnknownFact, fact, facts, read


def test_a_fact_has_its_statement_figures_and_source() -> None:
    one = fact("lambda-timeout")
    assert one["max_s"] == 900
    assert "900 s" in one.statement
    assert one.citation == (
        "[lambda-timeout] CreateFunction.Timeout, "
        "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html, checked 2026-11-21"
    )
    assert str(one) == f"{one.statement}\n{one.citation}"


def test_doubt_is_part_of_the_citation() -> None:
    doubtful = fact("pc-autoscaling-target")
    assert doubtful.confidence == "low"
    for text in (doubtful.citation, doubtful._repr_html_(), doubtful._repr_markdown_()):
        assert "low confidence" in text


def test_an_unknown_id_names_near_ones() -> None:
    with pytest.raises(UnknownFact, match=r"no fact 'lambda-timeouts'; did you mean .*lambda-timeout"):
        fact("lambda-timeouts")


def test_an_unknown_figure_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="default_s, max_s"):
        fact("lambda-timeout")["minutes"]


def test_notebook_faces_show_statement_source_and_date(tmp_path: Path) -> None:
    one = fact("lambda-suppressed-init")
    for face in (one._repr_html_(), one._repr_markdown_()):
        assert one.url in face
        assert one.checked_on in face
        assert one.id in face
    path = tmp_path / "facts.yml"
    path.write_text(
        "- {id: x, topic: t, statement: 'a <b> & c', source_title: '<s>', checked_on: 2026-01-01, confidence: high}"
    )
    html = read(path)["x"]._repr_html_()
    assert "a &lt;b&gt; &amp; c" in html
    assert "<s>" not in html
    assert "2026-01-01" in html


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {id: x, topic: t, source_title: s, checked_on: 2026-01-01, confidence: high}", r"entry 1 \(x\): statement"),
        (
            "- {id: x, topic: t, statement: s, source_title: s, checked_on: 2026-01-01, confidence: sure}",
            "confidence is 'sure'",
        ),
        (
            "- &a {id: x, topic: t, statement: s, source_title: s, checked_on: 2026-01-01, confidence: low}\n- *a",
            "'x' stands twice",
        ),
    ],
)
def test_an_entry_that_is_not_whole_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "facts.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        read(path)


def test_every_fact_has_a_source_and_a_day() -> None:
    assert len(facts()) >= 98
    for one in facts().values():
        assert one.url.startswith("https://") or "computed" in one.source or one.confidence == "low", one.id
        datetime.date.fromisoformat(one.checked_on)
        for mistake in one.mistakes:
            assert mistake.verdict in {"wrong", "outdated"}, (one.id, mistake)
