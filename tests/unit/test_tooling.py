# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make`` promises a new user: nothing is left out silently, and what cannot work is refused in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

def test_that_runs():
    pass

@pytest.mark.skip(reason="needs a router")
@pytest.mark.parametrize("number", [1, 2])
def test_that_cannot_run(number):
    pass
"""


def pytest_run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "scripts.left_out", "-p", "no:cacheprovider", *options]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
    return subprocess.run(
        [*command, f"--rootdir={folder}", "test_suite.py"],
        cwd=folder,
        env=settings,
        check=False,
        capture_output=True,
        text=True,
    )


def test_skipped_tests_are_counted_by_reason_and_the_summary_still_closes(tmp_path):
    result = pytest_run(tmp_path)
    assert "LEFT OUT" in result.stdout
    assert "2 tests: needs a router" in result.stdout
    assert "1 passed, 2 skipped" in result.stdout.splitlines()[-1]
    assert result.returncode == 0


def test_where_everything_can_run_a_skip_is_a_failure(tmp_path):
    assert pytest_run(tmp_path, "--nothing-left-out").returncode == 1


def test_what_earlier_steps_left_out_and_failed_is_said_again(tmp_path):
    (tmp_path / "left-out").write_text("system packages: frr\n", encoding="utf-8")
    (tmp_path / "failed").write_text("lint\n", encoding="utf-8")
    result = pytest_run(tmp_path, RAYWRIGHT_TEST_NOTES=str(tmp_path))
    assert "system packages: frr" in result.stdout
    assert "FAILED BEFORE THE TESTS" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("mars", "", ""), "LAB=mars is not known"),
        (("", "-1", ""), "DEVICES=-1 is not a whole number"),
        (("", "", "lots"), "ROUTERS=lots is not a whole number"),
    ],
)
def test_a_demo_that_cannot_be_is_refused_in_one_line(arguments, complaint):
    result = subprocess.run([ROOT / "scripts/demo", *arguments], check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
