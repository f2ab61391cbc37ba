# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker answers for every device that it was given."""

import asyncio
import base64

import pytest

from engine.devices.base import Device
from engine.rollout.job import Settings, Task
from engine.rollout.worker import Worker
from engine.sealing.key import FleetKey


@pytest.mark.parametrize(
    ("kind", "touched", "outcome"),
    [("plan", False, "failed"), ("push", False, "failed"), ("push", True, "unknown"), ("validate", False, "failed")],
)
async def test_a_device_for_which_this_worker_has_no_driver_is_answered_for(monkeypatch, kind, touched, outcome):
    monkeypatch.setenv("RAYWRIGHT_FLEET_KEY", base64.urlsafe_b64encode(bytes(32)).decode())
    worker = Worker(Settings(run="r-x", stage="1", mode="merge", concurrency=1), FleetKey.from_environment())
    task = Task(kind=kind, device=Device(name="r1", network_os="no_such_os", host="192.0.2.1"), touched=touched)
    async with asyncio.timeout(30):
        [result] = await worker.exchange([task])
    assert (result.name, result.outcome) == ("r1", outcome)
    assert "r1: ansible_network_os 'no_such_os' has no driver" in result.reason
