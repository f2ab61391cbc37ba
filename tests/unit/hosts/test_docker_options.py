# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gets into daemon.json, and what is said about it."""

import json

import pytest

from plugins.module_utils._docker_options import (
    changes,
    dump,
    effective,
    number,
    restart,
    shown,
    unit_flags,
)

PATH = "/etc/docker/daemon.json"


def wanted(nvidia="none", version="20.10.24+dfsg1", **options):
    return effective({key.replace("_", "-"): value for key, value in options.items()}, nvidia=nvidia, version=version)


def test_without_a_word_containers_survive_a_restart_and_logs_are_rotated():
    assert wanted() == {
        "live-restore": True,
        "log-driver": "local",
        "log-opts": {"max-size": "20m", "max-file": "5"},
    }


def test_the_users_options_win_key_by_key_and_null_removes_a_default():
    result = wanted(live_restore=None, log_opts={"max-size": "1g"}, dns=["10.0.0.1"])
    assert result == {
        "log-driver": "local",
        "log-opts": {"max-size": "1g", "max-file": "5"},
        "dns": ["10.0.0.1"],
    }


@pytest.mark.parametrize(
    ("driver", "rotated"), [("json-file", True), ("local", True), ("journald", False), (None, False)]
)
def test_log_options_are_added_only_for_drivers_that_know_them(driver, rotated):
    assert ("log-opts" in wanted(log_driver=driver)) == rotated


@pytest.mark.parametrize(
    ("version", "switched"),
    [
        ("", False),
        ("20.10.24+dfsg1", False),
        ("24.0.7", False),
        ("25.0.0", True),
        ("26.1.5+dfsg1", True),
        ("5:28.2.2-1~debian.12~bookworm", True),
        ("28.3.0", False),
        ("29.1.0", False),
    ],
)
def test_cdi_is_switched_on_where_the_engine_knows_it_and_has_it_off(version, switched):
    assert ("features" in wanted("cdi", version)) == switched


def test_cdi_keeps_the_users_other_features():
    result = wanted("cdi", "26.1.5", features={"containerd-snapshotter": True})
    assert result["features"] == {"cdi": True, "containerd-snapshotter": True}


def test_the_legacy_runtime_is_made_known_beside_the_users_runtimes():
    result = wanted("legacy", runtimes={"crun": {"path": "/usr/bin/crun"}})
    assert sorted(result["runtimes"]) == ["crun", "nvidia"]


def test_every_difference_is_said_what_would_be_lost_included():
    before = {"dns": ["8.8.8.8"], "log-driver": "json-file", "debug": True}
    after = {"log-driver": "local", "debug": True, "live-restore": True}
    assert changes(before, after, PATH) == [
        f'drop dns from {PATH} (was ["8.8.8.8"])',
        f"set live-restore to true in {PATH}",
        f'change log-driver in {PATH} from "json-file" to "local"',
    ]


def test_passwords_in_urls_are_not_shown():
    assert shown(["https://user:s3cret@mirror.example.com/"]) == '["https://user:***@mirror.example.com/"]'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"live-restore": True}, "keeps containers running"),
        ({"live-restore": True}, {"live-restore": True, "dns": ["1.1.1.1"]}, "keeps containers running"),
        (
            {"live-restore": True},
            {"live-restore": True, "data-root": "/data"},
            "data-root: running containers may stop",
        ),
        ({"live-restore": True}, {}, "running containers stop"),
    ],
)
def test_the_survey_says_what_a_restart_means_for_containers(before, after, said):
    assert said in restart(before, after)


def test_the_file_is_the_same_whatever_the_order_of_the_options():
    assert dump({"b": 1, "a": {"d": 1, "c": 2}}) == dump({"a": {"c": 2, "d": 1}, "b": 1})
    assert json.loads(dump(wanted())) == wanted()


def test_a_variable_of_the_unit_is_split_into_words_as_systemd_does():
    argv = ["-H", "fd://", "$DOCKER_OPTS", "${ONE}", "$UNSET"]
    flags = unit_flags(argv, {"DOCKER_OPTS": "--debug --dns 1.1.1.1", "ONE": "a b"})
    assert flags == ["-H", "fd://", "--debug", "--dns", "1.1.1.1", "a b"]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("5:28.3.1-1~debian", (28, 3)), ("20.10.24+dfsg1", (20, 10)), ("dev", (0, 0)), ("", (0, 0))],
)
def test_versions_are_read_with_and_without_epoch(version, expected):
    assert number(version) == expected
