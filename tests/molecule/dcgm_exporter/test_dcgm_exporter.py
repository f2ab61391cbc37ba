# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image is a stand-in, which takes the options of the real one."""

import json
import urllib.request

import pytest


@pytest.fixture
def container(host):
    return json.loads(host.check_output("docker inspect dcgm-exporter"))[0]


def test_it_serves_metrics_on_the_address_of_the_node_only(host):
    address = host.interface("eth0").addresses[0]
    with urllib.request.urlopen(f"http://{address}:9400/metrics", timeout=10) as answer:
        assert "DCGM_FI_DEV_GPU_TEMP" in answer.read().decode()
    assert not host.socket("tcp://127.0.0.1:9400").is_listening


def test_it_has_no_privileges_and_writes_nothing(container):
    settings = container["HostConfig"]

    assert not settings["Privileged"]
    assert settings["CapDrop"] == ["ALL"]
    assert settings["ReadonlyRootfs"]
    assert settings["SecurityOpt"] == ["no-new-privileges:true"]
    assert all(mount.get("RW") is False for mount in container["Mounts"] if mount["Type"] == "bind")


def test_its_memory_is_limited_and_it_comes_back_after_a_reboot(container):
    assert container["HostConfig"]["Memory"] == 512 * 1024 * 1024
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_it_is_marked_as_ours(container):
    assert container["Config"]["Labels"]["raywright.fleet.cluster"] == "ray"
