# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of the daemon's unit."""

import os
import time

from plugins.module_utils._docker_daemon import DockerDaemon

UNIT = """LoadState=loaded
ActiveState=active
UnitFileState=enabled
ExecStart={{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS {more} ; ignore_errors=no }}
Environment=A=b
EnvironmentFiles={environment} (ignore_errors=yes)
ExecMainStartTimestampMonotonic={started}
"""


def daemon(tmp_path, *, environment="", more="", age=60.0):
    file = tmp_path / "docker"
    file.write_text(environment)
    show = UNIT.format(more=more, environment=file, started=int((time.monotonic() - age) * 1_000_000))
    return DockerDaemon(lambda command: (0, show, ""))


def test_the_flags_are_those_that_systemd_passes(tmp_path):
    found = daemon(tmp_path, environment="# a comment\nDOCKER_OPTS='--debug --mtu 1400'\n")
    assert found.program == "/usr/sbin/dockerd"
    assert found.flags == ["-H", "fd://", "--debug", "--mtu", "1400"]


def test_a_configuration_file_that_the_unit_names_is_the_one(tmp_path):
    assert str(daemon(tmp_path).path) == "/etc/docker/daemon.json"
    assert str(daemon(tmp_path, more="--config-file=/srv/docker.json").path) == "/srv/docker.json"
    assert str(daemon(tmp_path, more="--config-file /srv/docker.json").path) == "/srv/docker.json"


def test_a_file_that_was_written_after_the_start_is_unknown_to_the_daemon(tmp_path):
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    assert daemon(tmp_path, age=60).older_than(file) == [file]
    os.utime(file, (time.time() - 120, time.time() - 120))
    assert daemon(tmp_path, age=60).older_than(file) == []


def test_a_file_from_the_future_does_not_restart_the_daemon_for_ever(tmp_path):
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    os.utime(file, (time.time() + 3600, time.time() + 3600))
    assert daemon(tmp_path, age=60).older_than(file) == []


def test_a_host_without_docker_has_no_daemon():
    missing = DockerDaemon(lambda command: (0, "LoadState=not-found\nActiveState=inactive\n", ""))
    assert (missing.installed, missing.active, missing.enabled) == (False, False, False)
    assert missing.options() == {} or missing.path.exists()
