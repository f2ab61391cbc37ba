# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets that break on purpose."""

import contextlib

import pytest
from rollouts import Project


@pytest.fixture
def project_of(tmp_path):
    with contextlib.ExitStack() as stack:

        def make(devices, latency=0.0):
            project = Project(tmp_path, devices, latency)
            stack.callback(project.end)
            return project

        yield make
