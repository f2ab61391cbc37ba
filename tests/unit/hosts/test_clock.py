# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who shall keep the clock."""

import pytest

from plugins.module_utils import _clock
from plugins.module_utils._host import HostError

CHRONY = "chrony.service"
TIMESYNCD = "systemd-timesyncd.service"


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    services = tuple(
        _clock.Service(one.name, one.package, one.units, str(tmp_path / one.name) if one.servers_file else "")
        for one in _clock.SERVICES
    )
    monkeypatch.setattr(_clock, "SERVICES", services)
    return tmp_path


def plan(wanted="auto", *, active=(), present=(), servers=(), manager="apt", settable=True):
    return _clock.plan(
        wanted,
        servers=list(servers),
        active=set(active),
        present={*active, *present},
        manager=manager,
        settable=settable,
    )


def test_a_host_that_nobody_keeps_in_time_gets_chrony():
    assert plan().actions == ["install chrony, which keeps the clock", "start chrony, now and at every boot"]
    assert plan(manager="dnf").unit == "chronyd.service"


@pytest.mark.parametrize("running", _clock.UNITS)
def test_whoever_keeps_the_clock_already_is_left_alone(running):
    assert plan(active=[running], present=[CHRONY]).actions == []


def test_what_is_installed_but_not_running_is_started_and_nothing_installed():
    result = plan(present=[TIMESYNCD])
    assert (result.package, result.unit) == ("", TIMESYNCD)
    assert result.actions == ["start systemd-timesyncd, now and at every boot"]


def test_a_wanted_service_replaces_another():
    assert plan("chrony", active=[TIMESYNCD]).package == "chrony"


@pytest.mark.parametrize("options", [{"settable": False}, {"wanted": "none"}])
def test_the_clock_of_a_container_or_of_one_who_says_none_is_not_touched(options):
    result = plan(options.get("wanted", "chrony"), servers=["ntp.example.com"], settable=options.get("settable", True))
    assert result == _clock.TimePlan()


def test_time_servers_are_given_to_the_service_that_runs_and_only_once(files):
    result = plan(active=[CHRONY], servers=["ntp1.example.com", "ntp2.example.com"])
    assert result.actions == ["take the time from ntp1.example.com, ntp2.example.com"]
    (files / "chrony").write_text(result.servers_text)
    assert plan(active=[CHRONY], servers=["ntp1.example.com", "ntp2.example.com"]).actions == []


def test_time_servers_that_are_taken_from_the_list_are_taken_from_the_host(files):
    (files / "systemd-timesyncd").write_text("# Managed by raywright.fleet.\n[Time]\nNTP=ntp.example.com\n")
    result = plan(active=[TIMESYNCD])
    assert len(result.actions) == 1
    assert result.servers_text == ""


def test_time_servers_for_a_service_that_is_not_ours_to_configure_are_refused():
    with pytest.raises(HostError, match="common_time_service: chrony"):
        plan(active=["ntpsec.service"], servers=["ntp.example.com"])
