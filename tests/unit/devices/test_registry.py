# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers of one's own."""

from pathlib import Path

import pytest

from engine.devices import registry
from engine.errors import InvalidInput


@pytest.fixture
def anew():
    registry._drivers.cache_clear()
    yield
    registry._drivers.cache_clear()


@pytest.mark.usefixtures("anew")
def test_a_module_that_the_environment_names_brings_its_driver(monkeypatch):
    monkeypatch.setenv("RAYWRIGHT_DRIVERS", "benchmarks.memory")
    assert registry.driver("benchmark_memory").network_os == ("benchmark_memory",)
    assert "frr" in registry.known()


@pytest.mark.usefixtures("anew")
def test_without_it_the_driver_is_not_known(monkeypatch):
    monkeypatch.delenv("RAYWRIGHT_DRIVERS", raising=False)
    with pytest.raises(InvalidInput, match="benchmark_memory"):
        registry.driver("benchmark_memory")


@pytest.mark.usefixtures("anew")
def test_a_module_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("RAYWRIGHT_DRIVERS", "no.such.driver")
    with pytest.raises(InvalidInput, match=r"RAYWRIGHT_DRIVERS names 'no\.such\.driver'"):
        registry.known()


def test_every_name_that_a_refusal_lists_is_in_the_documented_table():
    table = (Path(__file__).parents[3] / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert [name for name in registry.known() if f"`{name}`" not in table] == []
