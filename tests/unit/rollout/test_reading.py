# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device that was read back says of a change whose outcome is unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rollout.reading import classify, strange

BEFORE = "hostname r1\nntp server 192.0.2.1\nrouter bgp 65001\n neighbor 192.0.2.9 remote-as 65009\n"
WANTED = BEFORE.replace("192.0.2.1\n", "10.255.0.2\n").replace("65009", "65010")
LINES = st.lists(st.sampled_from(["a", "b", "c", "d", " e", " f"]), max_size=6).map(
    lambda each: "".join(f"{line}\n" for line in each)
)


@pytest.mark.parametrize(
    ("what", "now", "complete", "finding"),
    [
        ("as the plan found it", BEFORE, False, "not_applied"),
        ("as wanted", WANTED, True, "applied"),
        ("as wanted, with the router's own defaults beside it", WANTED + "line vty\n", True, "applied"),
        ("one of two lines made", BEFORE.replace("192.0.2.1\n", "10.255.0.2\n"), False, "partial"),
        ("one line removed, none added yet", BEFORE.replace("ntp server 192.0.2.1\n", ""), False, "partial"),
        ("only the first line is left", "hostname r1\n", False, "partial"),
        ("old and new lines at once", BEFORE + "ntp server 10.255.0.2\n", False, "partial"),
        ("indented otherwise by the device", BEFORE.replace(" neighbor", "  neighbor"), False, "partial"),
        ("a line that nobody of us knows", WANTED + "ntp server 192.0.2.99\n", False, "foreign"),
        ("before, and a line that nobody of us knows", BEFORE + "ntp server 192.0.2.99\n", False, "foreign"),
        ("a value of before on another line's place", BEFORE.replace("65009", "192.0.2.1"), False, "foreign"),
    ],
)
def test_each_state_that_a_device_can_be_found_in_has_one_name(what, now, complete, finding):
    assert classify(now, BEFORE, WANTED, complete=complete) == finding, what


@given(now=LINES, before=LINES, wanted=LINES)
def test_only_what_is_wholly_ours_is_ever_sent_over_again(now, before, wanted):
    finding = classify(now, before, wanted, complete=now == wanted)
    strange = set(now.split()) - set(before.split()) - set(wanted.split())
    assert (finding == "foreign") == bool(strange)
    assert (finding == "not_applied") == (now == before)


def test_lines_that_somebody_else_changed_are_named_without_their_secrets():
    def mask(text):
        return text.replace("s3cret", "<masked>")

    now = WANTED.replace("hostname r1\n", "") + "snmp-server community s3cret ro\n"
    assert strange(now, BEFORE, WANTED, mask=mask) == ["+snmp-server community <masked> ro"]
    assert strange(now, WANTED, mask=mask, gone_from=WANTED) == ["+snmp-server community <masked> ro", "-hostname r1"]
    assert strange(WANTED, BEFORE, WANTED, mask=mask) == []
