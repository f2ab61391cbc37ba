# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a host."""

import pytest

from plugins.module_utils._host import Distribution, HostError, has_gpu, installed, nvidia_gpus, unit


@pytest.mark.parametrize(
    ("os_release", "manager"),
    [
        ("ID=debian\n", "apt"),
        ("ID=ubuntu\nID_LIKE=debian\n", "apt"),
        ("ID=pop\nID_LIKE='ubuntu debian'\n", "apt"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"),
        ("ID=fedora\n", "dnf"),
    ],
)
def test_the_package_manager_follows_from_the_distribution(os_release, manager):
    assert Distribution(os_release).manager == manager


def test_another_distribution_is_named_in_the_refusal():
    with pytest.raises(HostError, match="not on arch"):
        Distribution("ID=arch\n")


def device(root, address, vendor, kind):
    (root / address).mkdir()
    (root / address / "vendor").write_text(f"{vendor}\n")
    (root / address / "class").write_text(f"{kind}\n")


def test_gpus_are_nvidias_display_controllers_and_nothing_else(tmp_path):
    device(tmp_path, "0000:01:00.0", "0x10de", "0x030200")
    device(tmp_path, "0000:02:00.0", "0x10de", "0x030000")
    device(tmp_path, "0000:01:00.1", "0x10de", "0x040300")  # its sound
    device(tmp_path, "0000:03:00.0", "0x10de", "0x068000")  # an NVSwitch
    device(tmp_path, "0000:00:02.0", "0x8086", "0x030000")
    assert nvidia_gpus(tmp_path) == ["0000:01:00.0", "0000:02:00.0"]
    assert has_gpu("auto", tmp_path)
    assert not has_gpu("false", tmp_path)


def test_a_host_without_a_pci_bus_has_no_gpu_unless_it_is_told_so(tmp_path):
    assert not has_gpu("auto", tmp_path / "missing")
    assert has_gpu("true", tmp_path / "missing")


def test_packages_that_were_removed_but_left_their_configuration_do_not_count():
    listing = "installed\tcurl\t7.88\nconfig-files\tdocker.io\t20.10\n"
    assert installed(lambda command: (1, listing, "no packages found"), "apt", ["curl", "docker.io"]) == {
        "curl": "7.88"
    }


def test_rpm_says_on_stdout_what_is_not_installed():
    listing = "docker-ce\t3:28.5.1-1.el9\npackage curl is not installed\n"
    assert installed(lambda command: (1, listing, ""), "dnf", ["docker-ce", "curl"]) == {"docker-ce": "3:28.5.1-1.el9"}


def test_values_of_a_unit_may_contain_the_equals_sign():
    show = "LoadState=loaded\nExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd --a=b }\n"
    assert unit(lambda command: (0, show, ""), "docker", "ExecStart")["ExecStart"].startswith("{ path=/usr/sbin")
