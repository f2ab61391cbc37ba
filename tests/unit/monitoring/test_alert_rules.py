# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules in Prometheus' own test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from alert_rules import render

PROMTOOL = shutil.which("promtool")

pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, from the package prometheus")


def promtool(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROMTOOL), *arguments], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(render(), encoding="utf-8")

    answer = promtool("check", "rules", "rules.yml", directory=tmp_path)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_alerts_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(render(), encoding="utf-8")
    shutil.copy(Path(__file__).parent / "rules_test.yml", tmp_path)

    answer = promtool("test", "rules", "rules_test.yml", directory=tmp_path)

    assert answer.returncode == 0, answer.stdout + answer.stderr
