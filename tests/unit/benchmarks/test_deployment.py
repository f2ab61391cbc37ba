# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the benchmark of a deployment shares a run out."""

import json

import pytest

from benchmarks.deployment import EMPTY, approve, measured, read


def line(time, event, **more):
    return json.dumps({"time": time, "event": event, **more})


def task(begins, ends, *, name="work", kind="module", how="ok", action="ansible.builtin.command", items=0):
    """A task on hosts that end at ``ends``; those after the first are slower ones."""
    lines = [line(begins, "task", name=name, action=action, kind=kind, path="play.yml:1")]
    for number, end in enumerate(ends):
        lines += [line(end, "item", host=f"n{number}")] * items
        lines.append(line(end, "end", host=f"n{number}", how=how, local=name.startswith("local")))
    return lines


def empty(what, begins, seconds, hosts):
    lines = [line(begins, "play", name=EMPTY + what, part=EMPTY + what)]
    for number in range(3):
        lines += task(begins + 10 * number, [begins + 10 * number + seconds] * hosts, name=f"{what} {number}")
    return lines


@pytest.fixture
def share(tmp_path):
    """Measure a run of these tasks, from 1000 s on, where an empty task takes 2 s on three hosts and 1 s on one."""

    def run(*tasks):
        lines = [line(5, "start")]
        for position, (what, seconds, hosts) in enumerate(
            [("every", 2.0, 3), ("one", 1.0, 1), ("local", 0.5, 1), ("controller", 0.25, 1)]
        ):
            lines += empty(what, 10 + 100 * position, seconds, hosts)
        lines.append(line(999, "play", name="Install", part="docker-installation"))
        for each in tasks:
            lines += each
        lines.append(line(5000, "stats", hosts={"n0": {"changed": 1}}))
        times = tmp_path / "times"
        times.write_text("\n".join(lines))
        return measured(4.0, 5001.0, *read(times))

    return run


def test_a_run_is_the_sum_of_its_parts(share):
    result = share(
        task(1000, [1004, 1005, 1006]),
        task(1007, [1008], action="raywright.fleet.approval", kind="controller"),
        task(1009, [1010, 1010, 1010], kind="glue"),
    )
    whole = result["whole"]
    assert whole["start"] == pytest.approx(6.0)
    assert whole["between_tasks"] == pytest.approx(2.0)
    assert whole["empty_tasks"] == pytest.approx(2.0 + 0.25 + 1.0)
    assert whole["approvals"] == pytest.approx(0.75)
    assert whole["work"] == pytest.approx(4.0)
    parts = ("start", "between_tasks", "empty_tasks", "approvals", "work")
    assert sum(whole[part] for part in parts) == pytest.approx(whole["seconds"])
    assert whole["overhead_share"] == pytest.approx(11.25 / 16.0)


@pytest.mark.parametrize(
    ("what", "overhead"),
    [
        (task(1000, [1000.5, 1000.5, 1000.5]), 0.5),
        (task(1000, [1010, 1010, 1010], items=3), 6.0),
        (task(1000, [1010]), 1.0),
        (task(1000, [1010, 1010]), 1.5),
        (task(1000, [1010], name="local"), 0.5),
        (task(1000, [1010], how="skipped"), 10.0),
    ],
    ids=["never more than it took", "each item", "one host", "two of three hosts", "localhost", "skipped"],
)
def test_a_task_counts_as_what_it_would_cost_if_it_did_nothing(share, what, overhead):
    assert share(what)["whole"]["empty_tasks"] == pytest.approx(overhead)


def test_waiting_for_the_slowest_host_is_told_apart(share):
    assert share(task(1000, [1002, 1004, 1012]))["whole"]["slowest_host"] == pytest.approx(6.0)


def test_a_request_for_an_approval_is_answered_by_a_file(tmp_path):
    approve(
        "  ansible-playbook raywright.fleet.approve -e approval=a-1 -e digest=abcdef -e approver=NAME", tmp_path, "ben"
    )
    decision = json.loads((tmp_path / "a-1.json").read_text())
    assert (decision["digest"], decision["verdict"], decision["approver"]) == ("abcdef", "approve", "ben")
