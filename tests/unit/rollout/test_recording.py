# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of why a device has its outcome."""

import pytest

from engine.ledger import Target
from engine.rollout.recording import Recorder


@pytest.mark.parametrize(
    ("was", "said", "kept"),
    [
        ("changed", "an earlier try had made the change", "its time was over"),
        ("failed", "did not pass its checks", "did not pass its checks"),
        ("unknown", "", "its time was over"),
    ],
)
def test_why_a_device_was_rolled_back_is_what_was_wrong_with_it_and_else_what_took_it_back(was, said, kept):
    recorder = Recorder(None, "r-1", "1%", {"d1": Target("r-1", "1%", "d1", was, {"reason": said})})
    result = {"name": "d1", "outcome": "rolled_back", "reason": "its time was over"}
    recorder.take({"seq": 1, "event": "outcome", **result})
    assert recorder.reason("d1") == kept
