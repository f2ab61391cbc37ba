# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several modules of integration tests share, up once per test run and away with it."""

from collections.abc import Iterator

import pytest

from tests.integration import routers as lab


@pytest.fixture(scope="session")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Routers]:
    if reason := lab.why_not():
        pytest.skip(reason)
    with lab.running(tmp_path_factory.mktemp("routers")) as running:
        yield running
