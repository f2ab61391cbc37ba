# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's packages and repositories."""

import pytest

from plugins.module_utils import _nvidia_packages as packages
from plugins.module_utils._host import Distribution, HostError

NOBLE = Distribution('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n')


def plan(toolkit, driver=(), *, found=(), pin="", manager="apt"):
    return packages.plan(toolkit, list(driver), found=dict(found), pin=pin, manager=manager)


def test_a_pin_holds_for_the_packages_that_depend_on_each_others_exact_version():
    names = packages.toolkit("1.18.*")
    install, actions = plan(names, pin="1.18.*")
    assert install == [f"{name}=1.18.*" for name in packages.PINNED_TOGETHER]
    assert len(actions) == len(install)


def test_an_installed_toolkit_is_upgraded_only_by_a_pin():
    assert plan(packages.toolkit(""), found={"nvidia-container-toolkit": "1.17.8-1"}) == ([], [])
    found = dict.fromkeys(packages.PINNED_TOGETHER, "1.17.8-1")
    assert (
        "replace nvidia-container-toolkit 1.17.8-1 by 1.18.*"
        in plan(packages.toolkit("1.18.*"), found=found, pin="1.18.*")[1]
    )


def test_the_driver_is_pinned_to_its_branch_before_it_is_installed():
    install = plan(["nvidia-container-toolkit"], packages.driver("580"))[0]
    assert install.index("nvidia-driver-pinning-580") < install.index("nvidia-open")


def test_a_branch_that_is_no_number_is_refused():
    with pytest.raises(HostError, match="driver_branch"):
        packages.driver("latest")


@pytest.mark.parametrize(("machine", "folder"), [("x86_64", "x86_64"), ("aarch64", "sbsa")])
def test_the_drivers_repository_follows_the_release_and_the_machine(machine, folder):
    url = f"https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/{folder}"
    assert packages.cuda_apt(NOBLE, machine)["uris"] == [url]


def test_a_machine_that_nvidia_has_no_driver_for_is_named():
    with pytest.raises(HostError, match="riscv64"):
        packages.cuda_apt(NOBLE, "riscv64")
