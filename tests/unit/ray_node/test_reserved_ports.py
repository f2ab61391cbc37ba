# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserved ports: how they are read, written and merged."""

import pytest

from plugins.module_utils import _reserved_ports as reserved

OURS = "etc/sysctl.d/90-raywright-ports.conf"


@pytest.fixture
def machine(tmp_path):
    """A root directory; gives a function that puts a file of sysctl.d there."""

    def put(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    put.root = tmp_path
    return put


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("22", "22"), ("8003,8000-8001, 8002\n", "8000-8003"), ("1-2,65535", "1-2,65535")],
)
def test_ports_are_written_as_the_kernel_shows_them(text, shown):
    assert reserved.render(reserved.parse(text)) == shown


@pytest.mark.parametrize("text", ["0", "65536", "9-8", "http", "1-2-3", "-5"])
def test_what_is_no_port_is_refused_and_quoted(text):
    with pytest.raises(ValueError, match=f"'{text}' is no port"):
        reserved.parse(text)


def test_the_file_repeats_what_others_reserve_and_remembers_what_is_its_own():
    text = reserved.content({52365}, {22, 23})
    assert text.splitlines()[-1] == "net.ipv4.ip_local_reserved_ports = 22-23,52365"
    assert reserved.own_ports(text) == {52365}


def test_a_file_that_we_did_not_write_has_nothing_of_ours():
    assert reserved.own_ports("net.ipv4.ip_local_reserved_ports = 7\n") == set()


def test_the_last_assignment_of_the_others_counts_and_our_own_does_not(machine):
    machine("usr/lib/sysctl.d/50-vendor.conf", "net.ipv4.ip_local_reserved_ports = 1\n")
    machine("etc/sysctl.d/60-site.conf", "# a comment\nnet/ipv4/ip_local_reserved_ports=2,3\nvm.swappiness = 1\n")
    machine(OURS, reserved.content({9}, {8}))
    assert reserved.assigned(machine.root / OURS, machine.root) == {2, 3}


def test_a_file_hides_one_of_the_same_name_in_a_later_directory(machine):
    machine("usr/lib/sysctl.d/50-a.conf", "net.ipv4.ip_local_reserved_ports = 1\n")
    machine("etc/sysctl.d/50-a.conf", "")
    assert reserved.assigned(machine.root / OURS, machine.root) == set()


def test_the_main_file_is_read_last(machine):
    machine("etc/sysctl.d/60-site.conf", "net.ipv4.ip_local_reserved_ports = 1\n")
    machine("etc/sysctl.conf", "-net.ipv4.ip_local_reserved_ports = 4\n")
    assert reserved.assigned(machine.root / OURS, machine.root) == {4}
