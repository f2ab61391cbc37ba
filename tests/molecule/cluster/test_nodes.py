# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every node of the cluster, from inside."""

import json
import os
import re

import pytest

testinfra_hosts = ["ansible://ray_cluster"]

TOKEN = "/etc/ray/token"
PINNED = {6379, 8265, 10001, 6380, 6381, 6382, 6383, 52365, 8090, 44217, 44227, *range(20000, 21000)}
MONITORING = {9090, 9093, 3000, 9100, 8080}
CONTAINER = os.environ.get("RAYWRIGHT_TEST_RAY_MODE") == "container"


def listeners(host) -> set[int]:
    """The TCP ports that something listens on at an address that others can reach."""
    ports = set()
    for line in host.check_output("ss -Htln").splitlines():
        address, unused, port = line.split()[3].rpartition(":")
        del unused
        if not re.match(r"127\.|\[::1\]|\[::ffff:127\.", address):
            ports.add(int(port))
    return ports


def test_nothing_listens_but_what_is_pinned(host):
    assert listeners(host) <= {22} | PINNED | MONITORING


def test_no_unit_has_failed(host):
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""


def test_ray_runs_and_comes_back_after_a_boot(host):
    if CONTAINER:
        state = json.loads(host.check_output("docker inspect ray"))[0]
        assert state["State"]["Running"]
        assert state["State"]["Health"]["Status"] == "healthy"
        assert state["HostConfig"]["RestartPolicy"]["Name"] in ("always", "unless-stopped")
    else:
        ray = host.service("ray")
        assert ray.is_running
        assert ray.is_enabled


def test_ray_is_not_root(host):
    users = {process.user for process in host.process.filter(comm="raylet")}
    assert users
    assert "root" not in users


def test_token_is_root_s_and_ray_s_alone(host):
    with host.sudo():
        token = host.file(TOKEN)
        assert (token.user, token.group, token.mode) == ("root", "ray", 0o640)
    assert host.run("sudo -u nobody cat %s", TOKEN).failed


def test_token_is_in_no_command_line_unit_or_container(host):
    token = host.file(TOKEN).content_string.strip()
    assert len(token) >= 32
    said = host.check_output("ps axww -o args; systemctl show --all '*.service' -p Environment -p ExecStart")
    said += host.check_output("docker ps -aq | xargs -r docker inspect")
    assert token not in said


def test_pinned_ports_are_reserved_for_the_next_boot(host):
    text = host.file("/etc/sysctl.d/90-raywright-ports.conf").content_string
    assert "20000-20999" in text
    assert {"44217", "44227", "52365"} <= set(text.splitlines()[-1].rpartition(" ")[2].split(","))


def test_docker_keeps_containers_over_a_restart_and_rotates_logs(host):
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["live-restore"] is True
    assert daemon["log-opts"]["max-size"]
    assert host.service("docker").is_enabled


@pytest.mark.parametrize("port", [9100, 8080, 8090], ids=["node exporter", "cAdvisor", "Ray"])
def test_metrics_are_served(host, addresses, fetch, port):
    name = host.backend.host
    status, body = fetch(f"http://{addresses[name]}:{port}/metrics")
    assert status == 200
    assert "# TYPE" in body
