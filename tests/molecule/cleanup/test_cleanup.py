# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left on a machine (see prepare.yml) after all that was found was removed, but for one container."""

import json

import pytest

testinfra_hosts = ["ansible://head"]


@pytest.fixture(scope="module")
def survey(run_directory):
    return json.loads((run_directory / "survey.json").read_text())


@pytest.mark.parametrize(
    "what",
    [
        "remove container ray-head (image rayproject/ray:2.9.0, running)",
        "remove container ray-worker-1 ",
        "remove container metrics ",
        "remove container dashboards ",
        "remove unit cluster.service",
        'remove the line "@reboot root ray start --address=192.0.2.1:6379" of /etc/cron.d/cluster',
        "stop the Ray processes of user root",
        "uninstall ray 2.9.0 from /opt/miniray",
        "remove /tmp/ray ",
    ],
)
def test_it_was_shown_before_it_went(survey, what):
    assert len([line for line in survey if line.startswith(what)]) == 1


def test_nothing_else_was_shown(survey):
    assert len(survey) == 9


def test_other_containers_run_on(host):
    names = host.check_output("docker ps --format '{{.Names}}'").split()
    assert sorted(names) == ["corporate-grafana", "dashboards", "ours", "ray-tracer"]


def test_images_and_volumes_stay(host):
    assert host.run("docker image inspect rayproject/ray:2.9.0").rc == 0
    assert host.run("docker volume inspect grafana-data").rc == 0


def test_only_the_unit_that_starts_ray_is_gone(host):
    assert not host.file("/etc/systemd/system/cluster.service").exists
    assert host.file("/etc/systemd/system/x-ray.service").exists
    assert host.file("/etc/systemd/system/ray.service").exists
    assert host.check_output("systemctl show --property=LoadState --value cluster.service") == "not-found"


def test_only_the_line_that_starts_ray_is_gone(host):
    assert host.file("/etc/cron.d/cluster").content_string == "5 4 * * * root /usr/bin/true\n"


def test_only_the_process_of_ray_is_gone(host):
    assert host.run("pgrep --exact raylet").rc == 1
    assert host.run("pgrep --exact sleep").rc == 0


def test_only_the_package_is_gone_from_its_environment(host):
    assert host.run("ls -d /opt/miniray/lib/python3*/site-packages/ray*").rc != 0
    assert not host.file("/opt/miniray/bin/ray").exists
    assert host.run("ls /opt/miniray/lib/python3*/site-packages/other/__init__.py").rc == 0
    assert host.file("/etc/passwd").exists


def test_a_link_in_the_data_led_nowhere(host):
    assert not host.file("/tmp/ray").exists
    assert host.file("/srv/keep/file").exists
