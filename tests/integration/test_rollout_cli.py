# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout as people run it, on embedded routers that speak in the style of IOS, EOS and IOS-XR."""

import re

import pytest
from rollouts import NEVER, TEMPLATE, Project

DEVICES = 6


BANNERS = {"ios": r"banner login ^C\1^C", "iosxr": r"banner login ^C\1^C", "eos": r"banner login\n\1\nEOF"}
"""How each shows what the template writes on one line."""


@pytest.fixture
def dialect():
    return "ios"


@pytest.fixture
def project(tmp_path, dialect):
    made = Project(tmp_path, DEVICES, dialects=(dialect,))
    yield made
    made.end()


@pytest.fixture
def given(project, dialect):
    """Options of a rollout whose template writes a banner as the platform shows it."""
    template = project.path / "config.j2"
    template.write_text(re.sub(r"(?m)^banner login (.*)$", BANNERS[dialect], TEMPLATE.read_text()))
    return {"template": str(template), "stages": [2, "100%"], "rollback_proof": "require"}


@pytest.mark.parametrize("dialect", BANNERS)
def test_a_fleet_of_a_platform_is_changed_once_and_the_plan_says_that_the_way_back_is_proved(project, given, dialect):
    before = project.fleet.configurations()
    code, output = project.run("--check", "--diff", **given)
    assert (code, project.fleet.configurations() == before) == (0, True), output
    assert "+ntp server 10.255.0.2" in output
    assert f"rollback proved for {DEVICES} devices" in output
    assert project.fleet.secrets["snmp_community"] not in output
    code, output = project.run(**given)
    assert (code, project.add_up()["outcomes"], project.state()) == (0, {"changed": DEVICES}, "completed"), output
    # What IOS-XR commits needs no saving.
    assert dialect == "iosxr" or all(now == saved for now, saved in project.fleet.configurations().values())
    code, output = project.run(**given)
    assert (code, project.add_up()["outcomes"]) == (0, {"unchanged": DEVICES}), output


@pytest.mark.parametrize("dialect", BANNERS)
def test_a_stage_that_fails_its_checks_is_put_back_byte_for_byte(project, given):
    before = project.fleet.configurations()
    code, output = project.run(**given, validate=NEVER, on_failure="rollback_stage")
    assert (code, project.state()) == (2, "rolled_back"), output
    assert project.fleet.configurations() == before
    assert project.add_up()["outcomes"] == {"rolled_back": 2, "pending": DEVICES - 2}


def test_a_name_that_has_no_driver_is_refused_before_any_device_is_asked(project, given):
    code, output = project.run("-e", "ansible_network_os=cisco.asa.asa", **given)
    flat = " ".join(output.split())
    assert code == 2
    assert "'cisco.asa.asa' has no driver; known are" in flat
    for known in ("cisco.ios.ios", "arista.eos.eos", "cisco.iosxr.iosxr", "junipernetworks.junos.junos", "frr"):
        assert known in flat


@pytest.mark.parametrize("dialect", ["ios", "eos"])
def test_changes_are_held_by_the_devices_until_the_stage_has_passed_and_taken_back_where_it_has_not(project, given):
    before = project.fleet.configurations()
    code, output = project.run(
        **given, confirm_timeout="20m", timeout="20", validate=NEVER, on_failure="rollback_stage"
    )
    assert (code, project.state()) == (2, "rolled_back"), output
    assert project.fleet.configurations() == before
    code, output = project.run(**given, confirm_timeout="20m", timeout="20")
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": DEVICES}), output
    assert all(running == startup for running, startup in project.fleet.configurations().values())
    assert project.fleet.on_trial() == []


@pytest.mark.parametrize("dialect", ["iosxr"])
def test_a_hold_that_only_its_own_session_could_confirm_is_refused_when_the_plan_is_made(project, given):
    before = project.fleet.configurations()
    code, output = project.run(**given, confirm_timeout="20m", timeout="20")
    assert (code, project.fleet.configurations() == before) == (2, True), output
    assert "cannot take a change back by themselves after 1200 s: iosxr (" in " ".join(output.split())


def test_a_device_that_never_takes_one_line_of_a_change_is_read_and_put_back_when_no_try_is_left(project, given):
    before = project.fleet.configurations()
    strange = project.fleet.names[0]
    project.fleet.faults({strange: {"hang": "ntp server"}})
    code, output = project.run(**given, timeout="3", retries=2, max_failure_percentage=100)
    assert (code, project.add_up()["outcomes"]) == (0, {"changed": DEVICES - 1, "failed": 1}), output
    assert project.fleet.configurations()[strange] == before[strange]
    (reason,) = (each["reason"] for each in project.report["failures"] if each["name"] == strange)
    assert "no answer to" in reason
    assert reason.endswith("; it was read back; the device is as it was before")
    assert {each["name"]: each["found"] for each in project.report["read_back"]} == {strange: "partial"}


@pytest.mark.parametrize("dialect", ["eos"])
def test_a_hold_longer_than_the_platform_has_is_refused_by_the_plan_or_gone_without_and_said(project, given):
    before = project.fleet.configurations()
    code, output = project.run(**given, confirm_timeout="25h")
    assert (code, project.fleet.configurations() == before) == (2, True), output
    assert "by themselves after 90000 s: eos, for 86400 s at most (" in " ".join(output.split())
    code, output = project.run("--check", **given, confirm_timeout="25h", on_unconfirmable="without")
    assert code == 0, output
    assert "note: these do NOT revert by themselves after 90000 s: eos, for 86400 s at most (" in output
