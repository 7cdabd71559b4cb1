"""The expressions of a workflow: values, comparisons, functions, and what can't be read.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from checks.workflow.expressions import BadExpression, Scope, evaluate, fill, holds

CONTEXTS = {
    "github": {"ref": "refs/heads/main", "event_name": "push", "sha": "abc"},
    "env": {"STAGE": "prod", "Empty": ""},
    "steps": {"build": {"outputs": {"digest": "d1"}, "conclusion": "success"}},
    "needs": {"test": {"result": "success"}, "lint": {"result": "failure"}},
    "list": [1.0, "Two", {"name": "three"}],
}
WELL = {"success": True, "failure": False, "always": True, "cancelled": False}
BADLY = {"success": False, "failure": True, "always": True, "cancelled": False}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", 1.0),
        ("0xff", 255.0),
        ("-2.5e1", -25.0),
        ("'it''s'", "it's"),
        ("true", True),
        ("null", None),
        ("github.ref", "refs/heads/main"),
        ("github['REF']", "refs/heads/main"),
        ("github.nothing.at.all", None),
        ("steps.build.outputs.digest", "d1"),
        ("list[1]", "Two"),
        ("list[9]", None),
        ("needs.*.result", ["success", "failure"]),
        ("contains(needs.*.result, 'failure')", True),
        ("contains('Hello', 'ELL')", True),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("endsWith(github.ref, 'MAIN')", True),
        ("format('{0} {{x}} {1}', 'a', 2)", "a {x} 2"),
        ("join(needs.*.result, '-')", "success-failure"),
        ("fromJSON('{\"a\": [1, true]}').a[0]", 1.0),
        ("toJSON(steps.build.outputs)", '{\n  "digest": "d1"\n}'),
        ("'A' == 'a'", True),
        ("'1' == 1", True),
        ("null == 0", True),
        ("'x' == 0", False),
        ("'' == false", True),
        ("'b' > 'A'", True),
        ("2 >= '2'", True),
        ("'x' < 1", False),
        ("!true || 'x'", "x"),
        ("'' || 'fallback'", "fallback"),
        ("'yes' && 'and'", "and"),
        ("github.ref == 'refs/heads/main' && github.event_name == 'push'", True),
        ("!(1 == 2)", True),
        ("0x" + "F" * 300, math.inf),
        ("fromJSON('-" + "9" * 400 + "')", -math.inf),
        ("'0x" + "F" * 300 + "' > 1", True),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(expression: str, value: Any) -> None:
    assert evaluate(expression, Scope(CONTEXTS, WELL)) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "its end"),
        ("1 +", "can't be read"),
        ("github.", "a name is wanted"),
        ("(1", "'\\)' is wanted"),
        ("nobody.knows", "no context 'nobody'"),
        ("hashFiles('x')", "not supported"),
        ("contains('a')", "1 arguments"),
        ("format('{3}', 1)", "format"),
        ("fromJSON('{')", "fromJSON"),
        ("(" * 200 + "1" + ")" * 200, "nested"),
        ("!" * 200 + "1", "nested"),
        ("'" + "x" * 30_000 + "'", "too long"),
        ('"double"', "can't be read"),
    ],
)
def test_what_cant_be_read_is_refused_with_the_place(expression: str, why: str) -> None:
    with pytest.raises(BadExpression, match=why):
        evaluate(expression, Scope(CONTEXTS, WELL))


@pytest.mark.parametrize("text", ["a ${{ github.ref", "${{ github.ref }} and ${{ github.ref }", "${{\ngithub.ref"])
def test_an_expression_that_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(BadExpression, match="not closed"):
        fill(text, Scope(CONTEXTS, WELL))


def test_texts_are_filled_in() -> None:
    scope = Scope(CONTEXTS, WELL)
    assert fill("to ${{ env.STAGE }} by ${{github.sha}}: ${{ env.none }}.", scope) == "to prod by abc: ."
    assert fill("no places", scope) == "no places"


@pytest.mark.parametrize(
    ("condition", "well", "badly"),
    [
        ("true", True, False),
        ("always()", True, True),
        ("failure()", False, True),
        ("${{ github.event_name == 'push' }}", True, False),
        ("always() && github.event_name == 'pull_request'", False, False),
        ("", True, False),
    ],
)
def test_a_condition_asks_for_success_unless_it_asks_itself(condition: str, well: bool, badly: bool) -> None:
    assert holds(condition, Scope(CONTEXTS, WELL)) is well
    assert holds(condition, Scope(CONTEXTS, BADLY)) is badly
