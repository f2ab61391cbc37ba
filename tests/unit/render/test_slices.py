# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.util
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

SOURCE = Path(__file__).parents[3] / "plugins" / "plugin_utils" / "_slices.py"
spec = importlib.util.spec_from_file_location("fleet_slices", SOURCE)
slices = importlib.util.module_from_spec(spec)
spec.loader.exec_module(slices)

NAMES = [f"r{number}" for number in range(500)]


def ignore(done):
    pass


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_the_order_of_the_names_however_many_work(workers):
    found = slices.each(NAMES, lambda name: name if name.endswith("0") else None, ignore, workers=workers)
    assert found == [name for name in NAMES if name.endswith("0")]


def test_forked_processes_do_the_work_of_more_than_one():
    by_process = slices.each(NAMES, lambda _name: os.getpid(), ignore, workers=2)
    assert len(set(by_process)) == 2
    assert os.getpid() not in by_process


def test_an_exception_in_one_process_ends_all_with_its_message():
    def full(name):
        if name == "r77":
            raise OSError(28, "No space left on device")

    with pytest.raises(AnsibleActionFail, match="No space left on device"):
        slices.each(NAMES, full, ignore, workers=3)
    assert multiprocessing.active_children() == []


def test_a_killed_process_is_an_error_that_says_so_and_never_a_gap():
    def die(name):
        if name == "r77":
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AnsibleActionFail, match="exit code -9"):
        slices.each(NAMES, die, ignore, workers=2)


def test_nothing_to_do_is_done():
    assert slices.each([], str, ignore) == []
