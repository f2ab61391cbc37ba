# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets that break on purpose."""

import pytest
from rollouts import projects


@pytest.fixture
def project_of(tmp_path):
    with projects(tmp_path) as make:
        yield make
