"""The rules of composite alarms: what they mean, and which are none."""

from __future__ import annotations

import pytest

from sandbox.telemetry.alarm_rules import InvalidRule, children, parse

STATES = {"a": "ALARM", "b": "ALARM", "o": "OK", "i": "INSUFFICIENT_DATA", "with space": "ALARM", 'q"(': "ALARM"}


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html
@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ("ALARM(o)", False),
        ("OK(o)", True),
        ("INSUFFICIENT_DATA(i)", True),
        ('ALARM("with space")', True),
        (r'ALARM("q\"(")', True),
        ("TRUE", True),
        ("FALSE", False),
        ("false", False),
        ("ALARM(a) AND ALARM(b)", True),
        ("ALARM(a) AND ALARM(o)", False),
        ("ALARM(o) OR ALARM(b)", True),
        ("ALARM(a) AND NOT ALARM(o)", True),
        ("NOT ALARM(a) OR ALARM(b)", True),
        ("NOT (ALARM(a) OR ALARM(b))", False),
        ("ALARM(a) OR ALARM(o) AND ALARM(i)", True),
        ("(ALARM(a) OR ALARM(o)) AND ALARM(i)", False),
        ("( ALARM ( a ) )", True),
        ("AT_LEAST(2, ALARM, (a, b, o))", True),
        ("AT_LEAST(3, ALARM, (a, b, o))", False),
        ("AT_LEAST(50%, ALARM, (a, b, o, i))", True),
        ("AT_LEAST(51%, ALARM, (a, b, o, i))", False),
        ('AT_LEAST("50%", NOT ALARM, (a, "b", o, i))', True),
        ("AT_LEAST(2, NOT ALARM, (a, b, o))", False),
        ("AT_LEAST(2, NOT ALARM, (a, o, i))", True),
        ("AT_LEAST(1, OK, (a, b)) OR TRUE", True),
        ("ALARM(gone)", False),
        ("NOT ALARM(gone)", True),
    ],
)
def test_what_a_rule_means(rule: str, holds: bool) -> None:
    assert parse(rule).holds(lambda name: STATES.get(name)) is holds  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "must not contain leading or trailing whitespace"),
        (" ALARM(a)", "must not contain leading or trailing whitespace"),
        ("ALARM(a) AND", "ends where an operand is expected"),
        ("ALARM(a) ALARM(b)", "'ALARM' where AND, OR or the end"),
        ("ALARM()", "where an alarm's name or ARN is expected"),
        ("ALARM(a", "where ')' is expected"),
        ("ALERT(a)", "'ALERT' where ALARM, OK"),
        ('ALARM("a)', "unclosed quotation mark"),
        ("AT_LEAST(2, ALARM, (a))", "can't be met by 1 alarms"),
        ("AT_LEAST(0, ALARM, (a))", "can't be met"),
        ("AT_LEAST(120%, ALARM, (a, b))", "can't be met"),
        ("AT_LEAST(x, ALARM, (a, b))", "a number or a percentage, not 'x'"),
        ("AT_LEAST(1, RED, (a, b))", "'RED' where ALARM"),
        ("a OR b", "'a' where ALARM"),
        (" OR ".join(f"ALARM(a{number})" for number in range(101)), "more than 100 alarms"),
        (" OR ".join(["TRUE"] * 501), "more than 500 elements"),
    ],
)
def test_what_is_no_rule(rule: str, says: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        parse(rule)
    assert says in str(caught.value)


def test_deep_parentheses_are_counted_not_run_into() -> None:
    for rule in ("(" * 5000 + "TRUE" + ")" * 5000, "NOT " * 5000 + "TRUE"):
        with pytest.raises(InvalidRule):
            parse(rule)


def test_the_children_of_a_rule() -> None:
    rule = parse("(ALARM(a) OR NOT OK(b)) AND AT_LEAST(1, ALARM, (c, a)) AND TRUE")
    assert list(children(rule)) == ["a", "b", "c", "a"]
