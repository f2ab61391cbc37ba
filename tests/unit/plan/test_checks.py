# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write as checks."""

import pytest

from engine.errors import InvalidInput
from engine.plan.checks import Check, parse

GOOD = {"command": "show version", "match": "FRR"}


def test_a_check_is_named_after_its_command_and_retried_by_default():
    assert parse([GOOD]) == (Check(name="show version", command="show version", match="FRR", retries=5, delay=2.0),)


def test_shell_and_delay_are_read():
    [check] = parse([{"shell": "uptime", "not_match": "days", "delay": "1m", "retries": "0", "name": "up"}])
    assert (check.shell, check.command, check.delay, check.retries) == (True, "uptime", 60.0, 0)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("show version", "expected a list of checks"),
        (GOOD, "expected a list of checks"),
        (["show version"], "entry 1: expected a mapping"),
        ([GOOD, GOOD], "the name 'show version' stands twice"),
        ([{**GOOD, "comand": "x"}], "entry 1: unknown key 'comand'; known are name, command"),
        ([{"match": "x"}], 'entry 1: give either "command"'),
        ([{**GOOD, "shell": "x"}], 'entry 1: give either "command"'),
        ([{"command": "show version"}], "entry 1: say what must hold"),
        ([{**GOOD, "match": "("}], r"entry 1: match: '\(' is no regular expression"),
        ([GOOD, {"command": "b", "not_match": "["}], "entry 2: not_match: "),
        ([{**GOOD, "retries": -1}], "entry 1: retries must be a count"),
        ([{**GOOD, "retries": True}], "entry 1: retries must be a count"),
        ([{**GOOD, "delay": "soon"}], "entry 1: delay: 'soon' is no duration"),
        ([{**GOOD, "variables": "asn"}], "entry 1: variables must be a list"),
    ],
)
def test_a_wrong_check_is_refused_naming_the_entry(raw, says):
    with pytest.raises(InvalidInput, match=f"^validate: {says}"):
        parse(raw)
