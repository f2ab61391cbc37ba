# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the prerequisites are judged."""

import pytest

from plugins.module_utils import _prerequisites as judge
from plugins.plugin_utils._prerequisites_rows import prerequisites_rows

GIB = judge.GIB
SUPPORTED = {"debian": ["12", "13"], "ubuntu": ["22.04"], "rocky": ["9"]}


def user(port=8265, *, ours=False, earlier=False, expected=False):
    return {"port": port, "who": "app (pid 7)", "pid": 7, "ours": ours, "earlier": earlier, "expected": expected}


def host(low=0.0, high=0.5, **facts):
    known = {"python": "3.11.2", "kernel": "6.1.0", "architecture": "x86_64", "address": "192.0.2.1", **facts}
    return {"rows": [], "offset": [low, high], "facts": known}


def by_check(rows):
    return {row["check"]: row for row in rows}


@pytest.mark.parametrize(
    ("name", "number", "ok"),
    [
        ("debian", "12", True),
        ("debian", "11", False),
        ("rocky", "9.4", True),
        ("ubuntu", "22.10", False),
        ("arch", "", False),
    ],
)
def test_a_release_is_supported_or_not(name, number, ok):
    assert judge.system({"ID": name, "VERSION_ID": number}, SUPPORTED)["ok"] is ok


def test_a_row_that_holds_has_no_fix_and_one_that_does_not_always_has():
    assert judge.swap(0)["fix"] == ""
    assert judge.swap(GIB)["fix"].startswith("swapoff")


@pytest.mark.parametrize(
    ("release", "ok"), [("6.1.0-18-amd64", True), ("5.3", True), ("5.2.99", False), ("4.18.0", False)]
)
def test_kernels_are_compared_as_numbers(release, ok):
    assert judge.kernel(release, "5.3")["ok"] is ok


def test_needs_on_one_file_system_add_up():
    disk = {"device": 1, "mount": "/", "free": 5 * GIB}
    rows = judge.disks([{"path": "/a", "gib": 3, **disk}, {"path": "/b", "gib": 3, **disk}])
    assert [(row["ok"], row["wanted"]) for row in rows] == [(False, "6 GiB for /a, /b")]


def test_needs_on_two_file_systems_do_not():
    disks = [{"path": "/a", "gib": 3, "device": each, "mount": f"/{each}", "free": 5 * GIB} for each in (1, 2)]
    assert all(row["ok"] for row in judge.disks(disks))


@pytest.mark.parametrize(
    ("entry", "ok"),
    [
        (None, True),
        ({"uid": 998, "shell": "/bin/bash"}, True),
        ({"uid": 1001, "shell": "/usr/sbin/nologin"}, True),
        ({"uid": 1001, "shell": "/bin/bash"}, False),
    ],
)
def test_an_account_of_a_person_is_in_the_way(entry, ok):
    assert judge.account("ray", entry)["ok"] is ok


@pytest.mark.parametrize(
    ("present", "driven", "expected", "ok", "severity"),
    [
        (0, 0, -1, True, "warning"),
        (2, 2, 2, True, "error"),
        (2, 0, -1, False, "warning"),
        (2, 1, 2, False, "error"),
        (0, 1, 1, True, "error"),
    ],
)
def test_gpus_are_compared_on_the_bus_by_their_driver_and_with_the_inventory(present, driven, expected, ok, severity):
    row = judge.graphics(present, driven, expected)
    assert (row["ok"], row["severity"]) == (ok, severity)


@pytest.mark.parametrize(("found", "ok"), [("3.11.2", True), ("3.9.18", False), ("3.15.0", False), ("", True)])
def test_ray_needs_a_python_that_it_supports_or_none_yet(found, ok):
    assert judge.python("python3", found, "3.10", "3.14")["ok"] is ok


@pytest.mark.parametrize(
    ("users", "ok", "severity"),
    [
        ([], True, "error"),
        ([user(ours=True)], True, "error"),
        ([user()], False, "error"),
        ([user(earlier=True)], False, "warning"),
        ([user(expected=True)], False, "warning"),
        ([user(earlier=True), user()], False, "error"),
    ],
)
def test_a_port_may_be_held_by_us_and_is_no_error_where_a_later_checkpoint_frees_it(users, ok, severity):
    row = judge.port("dashboard", "8265", users)
    assert (row["ok"], row["severity"]) == (ok, severity)


def test_a_held_port_names_its_holder():
    row = judge.port("dashboard", "8265", [user()])
    assert row["found"] == "8265 is held by app (pid 7)"
    assert "ps -fp 7" in row["fix"]


def test_a_name_that_gives_another_address_is_a_warning_and_one_that_gives_none_an_error():
    assert judge.resolution("a", ["192.0.2.1"], ["127.0.1.1"], own=True)["severity"] == "warning"
    assert judge.resolution("a", ["192.0.2.1"], [], own=True)["severity"] == "error"
    assert judge.resolution("a", ["192.0.2.1"], ["::1", "192.0.2.1"], own=True)["ok"]


@pytest.mark.parametrize(
    ("low", "high", "ok"), [(-0.1, 0.2, True), (-1.0, 9.0, True), (2.5, 3.0, False), (-9.0, -2.5, False)]
)
def test_a_clock_is_off_only_if_no_length_of_the_call_can_explain_it(low, high, ok):
    rows = by_check(prerequisites_rows(host(low, high), clock_offset=2))
    assert rows["Clock against the controller"]["ok"] is ok


def test_clocks_of_two_nodes_are_compared_by_their_bounds():
    rows = by_check(prerequisites_rows(host(1.5, 1.6), reference=host(-1.6, -1.5), reference_name="head"))
    assert rows["Clock against the controller"]["ok"]
    assert rows["Clock against head"]["found"] == "3.1 s ahead of head's, give or take 0.1 s"


@pytest.mark.parametrize(("python", "ok"), [("3.11.9", True), ("3.12.0", False), ("", True)])
def test_nodes_must_agree_on_the_minor_version_of_python(python, ok):
    rows = by_check(prerequisites_rows(host(python=python), reference=host(), reference_name="head"))
    assert rows["Python agrees between nodes"]["ok"] is ok


def test_another_kernel_is_a_warning_and_another_architecture_an_error():
    rows = by_check(
        prerequisites_rows(host(kernel="5", architecture="aarch64"), reference=host(), reference_name="head")
    )
    assert [rows[f"{each} agrees between nodes"]["severity"] for each in ("Kernel", "Architecture")] == [
        "warning",
        "error",
    ]


def outcome(port, said):
    return {"peer": "head", "address": "192.0.2.1", "port": port, "outcome": said}


def reachable(outcomes, listening=(1, 2, 3)):
    peers = [{"name": "head", "listening": list(listening)}]
    rows = prerequisites_rows(host(), reach={"tried": 3, "outcomes": outcomes}, peers=peers)
    return by_check(rows)["Ports of the other nodes are reachable"]


def test_failures_are_grouped_by_peer_and_kind():
    row = reachable([outcome(2, "timed out"), outcome(1, "timed out"), outcome(3, "no route")])
    assert row["found"] == "head (192.0.2.1) 1, 2: timed out; head (192.0.2.1) 3: no route"
    assert "allow TCP 1, 2" in row["fix"]


def test_a_refusal_where_nobody_listens_has_come_all_the_way_and_is_no_fault():
    assert reachable([outcome(9, "refused")])["ok"]
    assert not reachable([outcome(1, "refused")])["ok"]


def test_another_machine_with_the_address_is_an_error():
    assert "second machine" in reachable([outcome(1, "another machine answers")])["fix"]


@pytest.mark.parametrize(
    ("wanted", "ok", "says"), [(None, False, "30% of the memory"), (2 * GIB, True, "2.0 GiB"), (0, True, "0.0 GiB")]
)
def test_shared_memory_is_for_the_object_store_that_is_wanted(wanted, ok, says):
    row = judge.shared_memory(4 * GIB, 32 * GIB, 30, wanted)
    assert (row["ok"], says in row["wanted"]) == (ok, True)


def test_the_fix_of_a_clock_promises_nothing_for_containers():
    assert "docker-installation" in judge.synchronized("no", container=False)["fix"]
    assert "docker-installation" not in judge.synchronized("no", container=True)["fix"]
