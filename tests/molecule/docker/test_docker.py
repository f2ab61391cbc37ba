# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine and its configuration, on a bare node and on one that had an Engine."""

import json

import pytest

EXPECTED = {"live-restore": True, "log-driver": "local", "log-opts": {"max-size": "30m", "max-file": "5"}}


@pytest.fixture
def survey(host):
    return json.loads(host.file("/root/survey.json").content_string)


@pytest.fixture
def old(host):
    """A node that had Docker before."""
    if not host.file("/root/sleeper").exists:
        pytest.skip("a bare node")
    return host


@pytest.fixture
def bare(host):
    if host.file("/root/sleeper").exists:
        pytest.skip("a node that had Docker")
    return host


def info(host, key):
    return json.loads(host.check_output("docker info --format '{{json .%s}}'", key))


def test_docker_runs_and_starts_with_the_host(host):
    service = host.service("docker")
    assert service.is_running
    assert service.is_enabled


def test_containers_would_survive_a_restart_and_logs_are_rotated(host):
    assert info(host, "LiveRestoreEnabled") is True
    assert info(host, "LoggingDriver") == "local"
    assert json.loads(host.file("/etc/docker/daemon.json").content_string) == EXPECTED


def test_a_container_of_before_still_runs_and_was_never_stopped(old):
    state = old.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' sleeper")
    assert state == old.file("/root/sleeper").content_string.strip()


def test_the_survey_names_what_the_old_configuration_loses(old, survey):
    assert 'drop dns from /etc/docker/daemon.json (was ["192.0.2.53"])' in survey
    assert "restart the Docker daemon (live-restore keeps containers running)" in survey


def test_the_old_configuration_is_kept_beside_the_new(old):
    copies = old.check_output("ls /etc/docker").split()
    kept = [name for name in copies if name.endswith(".bak")]
    assert len(kept) == 1
    assert "192.0.2.53" in old.file(f"/etc/docker/{kept[0]}").content_string


def test_the_survey_of_a_bare_node_names_package_configuration_and_start(bare, survey):
    assert survey == sorted(survey)
    assert "install docker.io" in survey
    assert "start the Docker daemon" in survey
    assert "set live-restore to true in /etc/docker/daemon.json" in survey


def test_the_daemon_has_its_proxies_and_nobody_else_sees_the_password(host):
    environment = "/etc/docker/raywright-proxy.env"
    process = host.check_output("systemctl show --property MainPID --value docker")
    variables = host.check_output("tr '\\0' '\\n' < /proc/%s/environ", process).splitlines()
    assert "HTTP_PROXY=http://ann:s3cret$word@proxy.example.com:3128" in variables
    assert "NO_PROXY=localhost,192.0.2.0/24" in variables
    assert host.file(environment).mode == 0o600
    assert "s3cret" not in host.check_output("systemctl show docker")
    assert "s3cret" not in host.file("/root/survey.json").content_string


def test_a_user_may_use_docker(host):
    assert "docker" in host.user("ann").groups


def test_an_option_that_the_engine_does_not_know_is_refused_before_anything_is_touched(old):
    said = old.file("/root/refused").content_string
    assert "live-restor" in said
    assert "was not put in place" in said


def test_a_daemon_that_does_not_start_gets_its_old_files_back_and_the_reason_is_told(old):
    said = old.file("/root/rolled-back").content_string
    assert "unknown log opt 'max-sice'" in said
    assert "The files are as they were before, and it runs with them" in said


def test_checks_are_rows_of_the_report(old):
    rows = json.loads(old.file("/root/checks.json").content_string)
    fields = {"checkpoint", "check", "ok", "severity", "found", "wanted", "fix"}
    assert all(set(row) == fields for row in rows)
    assert {row["check"]: row["ok"] for row in rows}["Docker Engine answers"] is True
