"""Positions of statements, against the answers that AWS's pages show and that AWS has given.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples
https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-custom-policy.html#examples
"""

from __future__ import annotations

import json

import pytest

from sandbox.access.spans import JsonError
from sandbox.authorisation.positions import Position, statement_positions

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements: object, indent: int | None = None, compact: bool = False) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)},
        indent=indent,
        separators=(",", ":") if compact else None,
    )


def of(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [((start.line, start.column), (end.line, end.column)) for start, end in statement_positions(text)]


def test_a_single_statement_begins_behind_its_own_brace() -> None:
    # The example of the AWS CLI's page.
    text = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
        '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
    )
    assert of(text) == [((1, 38), (1, 167))]


def test_a_single_statement_over_many_lines() -> None:
    # The first example of SimulatePrincipalPolicy's page.
    text = (
        '{\n  "Version":"2012-10-17",\n  "Statement":{\n    "Effect":"Allow",\n    "Action":"s3:PutObject",\n'
        '    "Resource":"arn:aws:s3:::my-test-bucket"\n  }\n}'
    )
    assert of(text) == [((3, 16), (7, 4))]


def test_a_list_of_one_begins_behind_the_bracket() -> None:
    # The second example there, and the policy AdministratorAccess as recorded answers have it.
    assert of(policy(ALLOW_ALL, compact=True)) == [((1, 38), (1, 84))]
    assert of(policy(ALLOW_ALL, indent=2)) == [((3, 17), (8, 6))]
    assert of(policy(ALLOW_ALL, indent=4)) == [((3, 19), (8, 10))]
    assert of(policy(ALLOW_ALL))[0][0] == (1, 41)


def test_a_further_statement_begins_behind_the_one_before() -> None:
    first, second, third = of(policy(ALLOW_ALL, {"Effect": "Deny"}, ALLOW_ALL, indent=2))
    assert (first[1], second[0]) == ((8, 6), (8, 6))
    assert second[1] == third[0] == (11, 6)


def test_members_around_and_braces_in_texts_do_not_matter() -> None:
    text = '{"Id":"{}[\\"]{","Statement":[{"Sid":"} ]"}],"Version":"2012-10-17"}'
    assert of(text) == [((1, 30), (1, 43))]
    assert text[29:42] == '{"Sid":"} ]"}'


def test_windows_line_ends_are_one_line_end() -> None:
    assert of(policy(ALLOW_ALL, indent=2).replace("\n", "\r\n")) == [((3, 17), (8, 6))]


def test_a_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(JsonError):
        statement_positions('{"Statement":[')
    assert statement_positions("{}") == ()
    assert Position(1, 2).shape() == {"Line": 1, "Column": 2}
