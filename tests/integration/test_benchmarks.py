# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks keep up with the engine that they measure."""

import contextlib

from benchmarks.engine_job import Rollout
from engine.devices.base import Device


def test_devices_in_memory_go_through_a_plan_and_a_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYWRIGHT_DRIVERS", "benchmarks.memory")
    monkeypatch.setenv("RAYWRIGHT_FLEET_KEY", "bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=")
    fleet = [Device(name=f"d{number}", network_os="benchmark_memory", host="127.0.0.1") for number in range(3)]
    rollout = Rollout(tmp_path, fleet, dict.fromkeys(("d0", "d1", "d2"), "ntp server 192.0.2.1\n"), 10)
    with contextlib.closing(rollout):
        assert rollout.plan()["outcomes"] == {"pending": 3}
        assert rollout.start()["outcomes"] == {}
        assert rollout.push()[1] == {"d0": "changed", "d1": "changed", "d2": "changed"}
