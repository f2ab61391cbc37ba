# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first, who goes last and who never goes together, on routers that break on purpose."""

import contextlib
import json
import os
import signal
from itertools import pairwise

import pytest
from rollouts import DEADLINE, Project, wait_for

SMALL = 9
UP = {"name": "up", "command": "show version", "match": "leaf|spine", "retries": 0}


@pytest.fixture
def small(tmp_path):
    project = Project(tmp_path, SMALL)
    yield project
    project.end()


def inventory(project, hosts, groups=None):
    """More of the same inventory: variables of hosts, and groups."""
    path = project.path / "more.json"
    children = {name: {"hosts": dict.fromkeys(members)} for name, members in (groups or {}).items()}
    path.write_text(json.dumps({"all": {"hosts": hosts, "children": children}}))
    return "-i", str(path)


def paired(project, count=2):
    """Every device in a pair (or more), by the variable ``pair``: the groups, and the inventory that says so."""
    names = project.fleet.names
    groups = [names[at : at + count] for at in range(0, len(names), count)]
    hosts = {name: {"pair": number} for number, group in enumerate(groups) for name in group}
    return groups, inventory(project, hosts)


def events(project):
    """The events of all stages of the newest run, in their order."""
    found = []
    for journal in sorted(project.path.glob(".raywright/runs/*/*-push.jsonl")):
        found += [json.loads(line) for line in journal.read_text().splitlines()]
    return found


def flat(output):
    return " ".join(output.split())


def test_members_of_a_pair_are_never_in_flight_together_and_the_second_waits_for_the_firsts_checks(small):
    groups, more = paired(small, 3)
    code, output = small.run(*more, stages=["100%"], never_together="pair", validate=[UP])
    assert (code, small.add_up()["outcomes"]) == (0, {"changed": SMALL}), output
    assert "in 3 waves" in output
    assert "wave 2 of 3, 3 devices" in output
    told = [(event["event"], event.get("name")) for event in events(small)]
    for group in groups:
        order = sorted(group, key=lambda name: told.index(("outcome", name)))
        for first, second in pairwise(order):
            handed_out = next(at for at, event in enumerate(events(small)) if second in event.get("names", ()))
            assert told.index(("checked", first)) < handed_out


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"reject": "no space left"}, "rejected"),
        ({"hang": "commit", "dies": True}, "unknown"),
        ({"revert": True}, "failed"),
    ],
)
def test_when_the_first_of_a_pair_does_not_end_in_order_the_second_is_not_touched(small, fault, outcome):
    groups, more = paired(small)
    given = {"stages": ["100%"], "never_together": "pair", "max_failure_percentage": 20, "timeout": 2, "retries": 1}
    first, second = _order(small, groups[1], *more, **given)
    before = small.fleet.configurations()[second]
    small.fleet.faults({first: fault})
    code, output = small.run(*more, **given)
    outcomes = small.outcomes()
    assert (code, outcomes[first], outcomes[second]) == (0, outcome, "held_back"), output
    assert (small.fleet.configurations()[second], small.fleet.commits()[second]) == (before, 0)
    assert small.add_up()["outcomes"] == {"changed": SMALL - 2, outcome: 1, "held_back": 1}
    reasons = {each["name"]: each["reason"] for each in small.report["failures"]}
    assert f"not touched: it waits for {first} ({outcome}), of the same redundancy group pair 1" in reasons[second]


def test_what_became_of_the_first_in_an_earlier_stage_holds_the_second_back_in_a_later_one(small):
    groups, more = paired(small)
    given = {"stages": [5, "100%"], "never_together": "pair", "max_failure_percentage": 20, "retries": 1}
    first, second = _order(small, groups[0], *more, **given)
    small.fleet.faults({first: {"reject": "no space left"}})
    code, output = small.run(*more, **given)
    assert (code, small.outcomes()[second], small.fleet.commits()[second]) == (0, "held_back", 0), output
    assert small.add_up()["outcomes"] == {"changed": SMALL - 2, "rejected": 1, "held_back": 1}
    small.fleet.faults({})
    code, output = small.run(*more, **given)
    assert (code, small.add_up()["outcomes"]) == (0, {"unchanged": SMALL - 2, "changed": 2}), output


def _order(project, members, *words, **given):
    """The members of a group in the order in which the plan has them."""
    code, output = project.run("--check", *words, **given)
    assert code == 0, output
    hosts = [name for stage in project.report["stages"] for name in stage["hosts"]]
    return sorted(members, key=hosts.index)


def test_a_member_that_cannot_be_reached_when_the_plan_is_made_holds_the_others_back_and_the_plan_says_so(small):
    groups, _more = paired(small)
    more = inventory(
        small, {}, {f"stack_{at}": group for at, group in enumerate(groups)} | {"racks": small.fleet.names}
    )
    dead, other = groups[2]
    small.fleet.faults({dead: {"unreachable": True}})
    code, output = small.run(*more, stages=["100%"], never_together="stack_", max_failure_percentage=20, retries=1)
    assert (code, small.fleet.commits()[other]) == (0, 0), output
    assert "1 held back for the sake of their redundancy group" in output
    assert f"{other}: not touched: it waits for {dead} (unreachable), of the same redundancy group" in flat(output)
    assert small.add_up()["outcomes"] == {"changed": SMALL - 2, "unreachable": 1, "held_back": 1}


def test_a_run_that_is_killed_between_two_waves_goes_on_and_holds_back_whoever_must_wait(tmp_path):
    project = Project(tmp_path, SMALL, latency=30.0)
    try:
        groups, more = paired(project)
        given = {"stages": ["100%"], "never_together": "pair", "max_failure_percentage": 20, "concurrency": 2}
        first, second = _order(project, groups[0], *more, **given)
        project.fleet.faults({first: {"reject": "no space left"}})
        process = project.start(*more, **given)
        wait_for(lambda: _told(project, "wave", 2) or process.poll() is not None, "the second wave")
        assert process.poll() is None, project.output
        for pid in project.processes(argument=b"engine.rollout"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(DEADLINE)
        code, output = project.run(*more, **given)
        assert code == 0, project.output + output
        assert project.add_up()["outcomes"] == {"changed": SMALL - 2, "rejected": 1, "held_back": 1}
        assert (project.outcomes()[second], project.fleet.commits()[second]) == ("held_back", 0)
        assert set(project.fleet.commits().values()) == {0, 1}
    finally:
        project.end()


def _told(project, kind, wave):
    for journal in project.path.glob(".raywright/runs/*/*-push.jsonl"):
        for line in journal.read_text().splitlines():
            if line.endswith("}") and json.loads(line)["event"] == kind and json.loads(line)["wave"] == wave:
                return True
    return False


def test_a_rollback_restores_the_members_of_a_pair_one_after_the_other(small):
    _groups, more = paired(small)
    before = small.fleet.configurations()
    code, output = small.run(*more, stages=["100%"], never_together="pair")
    assert code == 0, output
    run = small.report["run"]
    code, output = small.run(*more, playbook="raywright.fleet.rollback", run=run, reason="a test")
    assert (code, small.fleet.configurations() == before) == (0, True), output
    assert "wave 2 of 2" in output


def test_what_is_named_comes_last_alone_and_the_plan_says_why(small):
    last = small.fleet.names[:2]
    more = inventory(small, {}, {"edge": last})
    code, output = small.run("--check", *more, stages=[3, "100%"], last=["edge"])
    assert code == 0, output
    [first, rest] = small.report["stages"]
    assert set(last).isdisjoint(first["hosts"])
    assert (set(rest["hosts"][-2:]), rest["waves"]) == (set(last), 3)
    assert small.report["last"] == dict.fromkeys(rest["hosts"][-2:], "named in network_rollout_last")
    assert f"{rest['hosts'][-1]}: named in network_rollout_last" in output


def test_devices_on_loopback_carry_nobodys_way(small):
    code, output = small.run("--check")
    assert (code, small.report["last"], small.report["notes"]) == (0, {}, []), output
    assert "last, one at a time" not in output


def test_the_plan_says_what_the_canary_does_not_cover(small):
    hosts = {name: {"rack": number // 3} for number, name in enumerate(small.fleet.names)}
    code, output = small.run("--check", *inventory(small, hosts), stages=[2, "100%"], stratify=["role", "rack"])
    assert code == 0, output
    canary = small.report["canary"]
    assert canary["stage"] == "2"
    assert canary["covered"] + len(canary["uncovered"]) == canary["strata"]
    [missed] = [each for each in canary["uncovered"] if each["stratum"].startswith("rack")]
    assert (missed["devices"], hosts[missed["example"]]["rack"]) == (3, int(missed["stratum"].split()[1]))
    assert f"{missed['stratum']}: 3 devices, such as {missed['example']}" in output
    roles = {name.partition("-")[0] for name in small.report["stages"][0]["hosts"]}
    assert roles == {"spine", "leaf"}


def test_a_stratum_of_which_all_fail_stops_the_run_though_it_is_a_small_part_of_the_fleet(tmp_path):
    project = Project(tmp_path, 40)
    project.environment["RAYWRIGHT_RAY_FROM"] = "500"  # it is no test of Ray
    try:
        bad = [name for name in project.fleet.names if name.startswith("leaf")][::7][:5]
        hosts = {name: {"model": "old" if name in bad else "new"} for name in project.fleet.names}
        project.fleet.faults({name: {"reject": "no such command"} for name in bad})
        given = {"stages": [3, "100%"], "stratify": ["model"], "max_failure_percentage": 40, "concurrency": 4}
        code, output = project.run(*inventory(project, hosts), **given)
        assert (code, project.state()) == (2, "stopped"), output
        assert "5 of 5 devices failed of model old (100%, limit 50%)" in flat(output)
        assert "after that at most 3 more devices can be touched" in output
    finally:
        project.end()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"never_together": "nosuch"}, "network_rollout_never_together: no device has a variable 'nosuch'"),
        ({"last": ["nosuch"]}, "network_rollout_last: 'nosuch' is neither a host nor a group of the inventory"),
        ({"stratify": "role"}, "stratify: 'role' is no list of names; write it as [one, another]"),
    ],
)
def test_a_name_that_means_nothing_is_refused_before_anything_is_touched(small, given, says):
    code, output = small.run(**given)
    assert (code, says in flat(output)) == (2, True), output
    assert set(small.fleet.commits().values()) == {0}


def test_a_group_that_is_named_like_the_variable_by_chance_is_not_taken_for_one_redundancy_group(small):
    names = small.fleet.names
    hosts = {name: {"pair": f"p{at // 2}"} for at, name in enumerate(names)}
    code, output = small.run(*inventory(small, hosts, {"pairs": names}), never_together="pair")
    assert (code, set(small.fleet.commits().values())) == (2, {0}), output
    assert "'pair' is a variable, and the name of the group pairs begins so, too, whose devices have" in flat(output)
    alike = {f"pair_{at // 2}": names[at : at + 2] for at in range(0, len(names), 2)}
    code, output = small.run(*inventory(small, hosts, alike), "--check", never_together="pair")
    assert code == 0, output
