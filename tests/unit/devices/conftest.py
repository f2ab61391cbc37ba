# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the CLI drivers' tests."""

import pytest
from clis import DEVICES, DIALECTS, ROUTER, device

from engine.devices import registry
from engine.embedded.running import serving


@pytest.fixture
async def fleet(tmp_path):
    async with serving(tmp_path / "fleet", devices=DEVICES, dialects=DIALECTS) as running:
        yield running


@pytest.fixture(params=DIALECTS)
def spoken(request):
    return request.param


@pytest.fixture
def driver(spoken):
    return registry.driver(spoken)


@pytest.fixture
async def session(fleet, spoken, driver):
    opened = await driver.connect(device(fleet, spoken))
    yield opened
    await opened.close()


@pytest.fixture
def router(fleet, spoken):
    return fleet.fleet.routers[ROUTER[spoken]]
