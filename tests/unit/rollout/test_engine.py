# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an engine on the controller starts a Ray of its own."""

import pytest

from engine.errors import InvalidInput
from engine.rollout.engine import RAY_FROM, ray_from


@pytest.mark.parametrize(("text", "devices"), [("", RAY_FROM), ("10", 10), (" 0 ", 0)])
def test_the_environment_says_from_how_many_devices_on_ray_is_started(monkeypatch, text, devices):
    monkeypatch.setenv("RAYWRIGHT_RAY_FROM", text)
    assert ray_from() == devices


def test_what_is_no_number_of_devices_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("RAYWRIGHT_RAY_FROM", "many")
    with pytest.raises(InvalidInput, match="RAYWRIGHT_RAY_FROM is 'many'; expected a number"):
        ray_from()
