# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a module's fixture on one worker of ``-n``; the others go wherever there is room."""
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
        ours = [each[-1] for each in fixtures.values() if each[-1].baseid.startswith("tests/")]
        if any(fixture.scope in {"module", "package", "session"} for fixture in ours):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
