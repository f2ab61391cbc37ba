# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin for ``make test``: says loudly, before the summary, what was left out and why.

``RAYWRIGHT_TEST_NOTES`` names a folder with what the steps before pytest left out and which of them failed, a line
each. ``--nothing-left-out`` turns every skipped test into a failed run, for machines that can run them all.
"""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nothing-left-out", action="store_true", help="fail when any test was skipped")


def notes(name: str) -> list[str]:
    folder = os.environ.get("RAYWRIGHT_TEST_NOTES")
    path = Path(folder, name) if folder else None
    return path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []


def skipped(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """One line for each reason that tests were skipped for, with how many."""
    reasons: Counter[str] = Counter()
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    for reason, count in reasons.most_common():
        yield f"{count} test{'s' if count > 1 else ''}: {reason}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if session.config.getoption("--nothing-left-out") and session.exitstatus == 0 and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    # After pytest's own list of skips and failures, so that nothing but the last line follows.
    result = yield
    write_notes(terminalreporter, strict=config.getoption("--nothing-left-out"))
    return result


def write_notes(terminalreporter: pytest.TerminalReporter, *, strict: bool) -> None:
    skips = list(skipped(terminalreporter))
    left_out = notes("left-out") + skips
    if left_out:
        terminalreporter.section("LEFT OUT", sep="!", yellow=True, bold=True)
        for line in left_out:
            terminalreporter.write_line(line)
    if skips and strict:
        terminalreporter.write_line("--nothing-left-out: tests were skipped, so this run fails", red=True, bold=True)
    failed = notes("failed")
    if failed:
        terminalreporter.section("FAILED BEFORE THE TESTS", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"{', '.join(failed)}: see above; this run fails whatever the tests say")
