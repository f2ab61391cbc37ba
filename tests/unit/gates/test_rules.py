# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a gate, one claim a line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import GateClosed
from engine.gates import Approval, Decision, check, check_use

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIGEST = "3f9c" * 16
PENDING = Approval(
    id="a-aaaaaaaaaa",
    run_id="r-bbbbbbbbbb",
    checkpoint="10%",
    digest=DIGEST,
    state="pending",
    requester="anna",
    destructive=False,
    created=NOON,
    expires=NOON + timedelta(hours=1),
)
GOOD = Decision(approver="bob", verdict="approve", reason="looked at the diff", digest=DIGEST[:16])
SOON = NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("approval", "decision"),
    [
        ({}, {}),
        ({}, {"digest": DIGEST}),
        ({}, {"digest": DIGEST[:12].upper()}),
        ({}, {"verdict": "reject"}),
        ({}, {"verdict": "reject", "approver": "anna"}),
        ({}, {"approver": "anna", "break_glass": True}),
        ({"destructive": True}, {"risk_acknowledged": True}),
        ({"destructive": True}, {"verdict": "reject"}),
        ({}, {"reason": "two lines\nof reason"}),
    ],
)
def test_a_good_decision_counts(approval, decision):
    check(replace(PENDING, **approval), replace(GOOD, **decision), SOON)


@pytest.mark.parametrize(
    ("approval", "decision", "says"),
    [
        ({}, {"approver": "anna"}, "cannot approve it"),
        ({}, {"approver": " Anna "}, "cannot approve it"),
        ({}, {"approver": "ａｎｎａ"}, "cannot approve it"),
        ({}, {"approver": " "}, "name is empty"),
        ({}, {"approver": "bob\x1b[2J"}, "control characters"),
        ({}, {"reason": " \n"}, "reason is empty"),
        ({}, {"reason": "ok\x1b[1A"}, "control characters"),
        ({}, {"digest": DIGEST[:11]}, "at least the first 12"),
        ({}, {"digest": ""}, "at least the first 12"),
        ({}, {"digest": "0" * 16}, "is for digest 3f9c3f9c3f9c3f9c"),
        ({}, {"digest": DIGEST + "0"}, "is for digest"),
        ({}, {"verdict": "maybe"}, "approve or reject"),
        ({}, {"door": "window"}, "no door"),
        ({"destructive": True}, {}, "risk_acknowledged"),
        ({"destructive": True}, {"approver": "anna", "break_glass": True}, "risk_acknowledged"),
        ({"state": "used"}, {}, "is used"),
        ({"state": "expired"}, {}, "expired"),
        ({"state": "approved", "decided_by": "cy"}, {}, "already approved by cy"),
        ({"state": "rejected", "decided_by": "cy", "reason": "no"}, {}, "rejected by cy: no"),
        ({"expires": SOON}, {}, "expired"),
        ({"created": SOON + timedelta(seconds=1)}, {}, "set the clock right"),
    ],
)
def test_a_bad_decision_does_not(approval, decision, says):
    with pytest.raises(GateClosed, match=says):
        check(replace(PENDING, **approval), replace(GOOD, **decision), SOON)


def test_an_approved_gate_opens_for_its_digest():
    check_use(replace(PENDING, state="approved"), DIGEST, SOON)


@pytest.mark.parametrize(
    ("approval", "digest", "says"),
    [
        ({"state": "approved"}, "0" * 64, "not what was approved"),
        ({"state": "approved"}, DIGEST[:16], "not what was approved"),
        ({"state": "approved", "expires": SOON}, DIGEST, "expired"),
        ({"state": "approved", "created": SOON + timedelta(seconds=1)}, DIGEST, "set the clock right"),
        ({}, DIGEST, "nobody has decided"),
        ({"state": "rejected", "decided_by": "cy", "reason": "no"}, DIGEST, "rejected by cy: no"),
        ({"state": "expired"}, DIGEST, "expired"),
        ({"state": "used"}, DIGEST, "is used"),
    ],
)
def test_anything_else_keeps_it_closed(approval, digest, says):
    with pytest.raises(GateClosed, match=says):
        check_use(replace(PENDING, **approval), digest, SOON)
