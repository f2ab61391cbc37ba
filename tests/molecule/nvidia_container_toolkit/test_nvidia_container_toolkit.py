# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs for containers, with stand-ins for NVIDIA's packages."""

import json

import pytest


@pytest.fixture
def only(host):
    """Skip the nodes that a test is not for."""
    name = host.check_output("hostname")

    def check(*names):
        if name not in names:
            pytest.skip(f"not for {name}")

    return check


def kept(host, what):
    return json.loads(host.file(f"/root/{what}.json").content_string)


def test_the_survey_named_repository_package_and_specification(host, only):
    only("head")
    assert [line.split()[0] for line in kept(host, "survey")] == ["install", "use", "write"]


def test_gpu_nodes_have_the_toolkit_from_the_mirror(host, only):
    only("head", "worker1")
    assert host.package("nvidia-container-toolkit").is_installed
    assert "Trusted: yes" in host.file("/etc/apt/sources.list.d/nvidia-container-toolkit.sources").content_string


def test_the_gpus_are_specified_and_the_toolkit_keeps_the_specification_fresh(host, only):
    only("head")
    assert "nvidia.com/gpu=all" in host.check_output("nvidia-ctk cdi list").splitlines()
    assert host.service("nvidia-cdi-refresh.path").is_enabled
    assert host.service("nvidia-cdi-refresh.path").is_running


def test_the_legacy_runtime_is_known_to_docker_through_the_owner_of_daemon_json(host, only):
    only("worker1")
    assert "nvidia" in json.loads(host.check_output("docker info --format '{{json .Runtimes}}'"))
    assert json.loads(host.file("/etc/docker/daemon.json").content_string)["live-restore"] is True


def test_all_is_well_on_gpu_nodes(host, only):
    only("head", "worker1")
    assert [row["check"] for row in kept(host, "checks") if not row["ok"]] == []


def test_a_node_without_a_gpu_is_left_alone(host, only):
    only("worker2")
    assert kept(host, "survey") == kept(host, "checks") == []
    assert not host.package("nvidia-container-toolkit").is_installed
    assert not host.file("/etc/apt/sources.list.d/nvidia-container-toolkit.sources").exists
