# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding a device's output against a check, and explaining a configuration that got half way."""

import pytest

from engine.errors import CommandFailed, InvalidInput
from engine.plan.checks import Check
from engine.rollout import validation

PEERS = '{"peers": {"10.0.0.1": {"state": "Established"}, "10.0.0.2": {"state": "Idle"}}}'


@pytest.mark.parametrize(
    ("given", "output", "verdict"),
    [
        ({"match": "^FRR 10"}, "hello\nFRR 10.3 on leaf1", None),
        ({"match": "^FRR 9"}, "FRR 10.3", "failed"),
        ({"match": "{{ device }}$"}, "FRR on leaf1", None),
        ({"not_match": "Idle|Active"}, "all Established", None),
        ({"not_match": "Idle|Active"}, "one Idle", "failed"),
        ({"match": "x", "not_match": "y"}, "x and y", "failed"),
        ({"expression": "json.peers | length == 2"}, PEERS, None),
        (
            {"expression": "json.peers.values() | map(attribute='state') | unique | list == ['Established']"},
            PEERS,
            "failed",
        ),
        ({"expression": "json.peers | length == expected"}, PEERS, None),
        ({"expression": "'10.3' in output"}, "FRR 10.3", None),
        ({"expression": "json.nosuch"}, PEERS, "inconclusive"),
        ({"expression": "json.peers | length"}, PEERS, "failed"),
        ({"expression": "json"}, "no json at all", "failed"),
    ],
)
def test_an_output_passes_fails_or_cannot_be_judged(given, output, verdict):
    found = validation.judge(Check(name="c", command="x", **given), output, {"device": "leaf1", "expected": 2})
    assert (found and found[0]) == verdict, found


def test_a_reason_quotes_what_was_found_from_the_line_that_it_is_on():
    output = "a line of no interest\n" * 50 + "10.0.0.2 4 65002 Idle\n"
    _verdict, reason = validation.judge(Check(name="c", command="x", not_match="Idle"), output, {})
    assert reason == "output matches 'Idle': 10.0.0.2 4 65002 Idle"


@pytest.mark.parametrize(
    ("show", "quoted"),
    [
        ("json.peers.items() | rejectattr('1.state', 'eq', 'Established') | map(attribute=0) | join(', ')", "10.0.0.2"),
        ("json.peers.keys() | list", '["10.0.0.1", "10.0.0.2"]'),
        ("json.nosuch", PEERS),
        ("1 // 0", PEERS),
    ],
)
def test_a_reason_quotes_what_the_check_says(show, quoted):
    check = Check(name="c", command="x", expression="json.peers | length == 3", show=show)
    assert validation.judge(check, PEERS, {}) == ("failed", f"'json.peers | length == 3' is False for: {quoted}")


class Answers:
    """A session that gives the same answer to everything."""

    def __init__(self, answer):
        self.answer = answer

    async def command(self, _line, *, shell=False):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("given", "answer", "verdict"),
    [
        ({"expression": "json.peers > 3"}, PEERS, "inconclusive"),
        ({"expression": "1 / json.up > 0"}, '{"up": 0}', "inconclusive"),
        ({"expression": "json.a.b.c == 1"}, PEERS, "inconclusive"),
        ({"match": "{{ pattern }}"}, "x", "inconclusive"),
        ({"match": "x"}, CommandFailed("no such command"), "failed"),
    ],
)
async def test_a_check_that_breaks_on_an_unforeseen_output_never_passes_and_never_fails_the_device(
    given, answer, verdict
):
    found = await validation._once(Check(name="c", command="show", **given), {"pattern": "("}, Answers(answer))
    assert found[0] == verdict, found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"expression": "output +"}, "validate: 'c': expression: 'output \\+' is no Jinja2 expression"),
        ({"match": "{{ device"}, "validate: 'c': match: .* is no Jinja2 template"),
        ({"expression": "output | nosuch"}, "validate: 'c': expression: .*nosuch"),
    ],
)
def test_a_check_that_cannot_be_read_is_refused_before_anything_is_touched(given, says):
    with pytest.raises(InvalidInput, match=says):
        validation.require_readable([Check(name="c", command="show", **given)])


@pytest.mark.parametrize(
    ("now", "before", "verdict"),
    [
        ("inconclusive", None, "failed"),
        ("inconclusive", "failed", "failed"),
        ("inconclusive", "inconclusive", "inconclusive"),
        ("failed", None, "failed"),
        ("failed", "failed", "failed"),
    ],
)
def test_what_could_be_judged_before_the_change_and_cannot_after_it_has_failed(now, before, verdict):
    found = validation.regressed({"c": (now, "x")}, {"c": before} if before else {})
    assert found["c"][0] == verdict
