# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several modules of integration tests share, up once per test run and away with it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rollouts import projects

from tests.integration import routers as lab


@pytest.fixture(scope="session")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Routers]:
    if reason := lab.why_not():
        pytest.skip(reason)
    with lab.running(tmp_path_factory.mktemp("routers")) as running:
        yield running


@pytest.fixture
def project_of(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """What makes a project with an embedded fleet: so many devices, and milliseconds until they answer."""
    with projects(tmp_path) as make:
        yield make
