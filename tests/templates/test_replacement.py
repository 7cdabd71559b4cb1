"""What a change of properties requires.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.templates.replacement import TypeRules, changed, differences, required
from sandbox.templates.values import Unknown

RULES = TypeRules({"Name": "Always", "Size": "Conditionally", "Vpc/Id": "Always", "Keys": "Conditionally"})
LATER = Unknown(frozenset({("Table", "Arn")}))


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [
        ({"Name": "a"}, {"Name": "b"}, "Always"),
        ({}, {"Name": "b"}, "Always"),
        ({"Name": "a"}, {}, "Always"),
        ({"Name": 1}, {"Name": "1"}, "Never"),
        ({"Other": 1}, {"Other": 2}, "Never"),
        ({"Size": 1, "Other": 1}, {"Size": 2, "Other": 2}, "Conditionally"),
        ({"Size": 1, "Name": "a"}, {"Size": 2, "Name": "b"}, "Always"),
        ({"Vpc": {"Id": 1, "Net": 1}}, {"Vpc": {"Id": 1, "Net": 2}}, "Never"),
        ({"Vpc": {"Id": 1, "Net": 1}}, {"Vpc": {"Id": 2, "Net": 1}}, "Always"),
        ({"Vpc": {"Id": {"A": 1}}}, {"Vpc": {"Id": {"A": 2}}}, "Always"),
        ({"Keys": [{"A": 1}]}, {"Keys": [{"A": 2}]}, "Conditionally"),
        ({"Name": "a"}, {"Name": LATER}, "Always"),
        ({}, {}, "Never"),
    ],
)
def test_the_property_with_the_most_impact_decides(before: Any, after: Any, needed: str) -> None:
    assert required(RULES, before, after) == needed


def test_the_names_and_paths_that_differ() -> None:
    before = {"A": 1, "B": {"C": [1], "D": {"E": 1, "F": 2}}, "G": 1, "H": "x"}
    after = {"A": 1, "B": {"C": [2], "D": {"E": 1, "F": 3}}, "H": LATER, "I": 1}
    assert changed(before, after) == ["B", "G", "H", "I"]
    assert list(differences(before, after)) == ["B/C", "B/D/F", "G", "H", "I"]
