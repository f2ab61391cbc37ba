# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout as people run it, on real routers, with templates that are not the lab's."""

import contextlib
import ipaddress
import json
import os
import re
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from fabrics import fabric_of
from rollouts import SharedFleetProject, wait_for

from tests.integration import routers as lab

pytestmark = pytest.mark.frr

LAB = {**lab.own_lab("r"), "lab_routers": "9", "lab_spines": "1"}
NAME = LAB["lab_name"]
# What a rendered configuration holds and the template does not, so that it can be looked for everywhere.
SECRET = re.compile(rb"bgp-(leaf|spine)\d+-Xq7pA")
MASKED = "neighbor EXTERNAL password {<masked:"
WHOLE = """\
hostname {{ inventory_hostname }}
log syslog informational
ip route 192.0.2.0/24 blackhole
ip route 198.51.100.0/24 {{ bgp_neighbors[0].address }} tag 7
{% for i in interfaces %}
interface {{ i.name }}
  description "to {{ i.peer | default('nobody') }}"
  ip address {{ i.address }}
{% endfor %}
ip prefix-list LOOPBACKS seq 5 permit 10.254.0.0/15 ge 32
access-list MANAGEMENT seq 5 permit 100.64.0.0/10
bgp community-list standard CUSTOMER seq 5 permit 64512:100
route-map OUT permit 10
  match ip address prefix-list LOOPBACKS
  set community 64512:100 additive
router bgp {{ asn }}
  bgp router-id {{ router_id }}
  no bgp ebgp-requires-policy
  timers bgp 3 9
  neighbor EXTERNAL peer-group
  neighbor EXTERNAL remote-as 65000
  neighbor EXTERNAL password bgp-{{ inventory_hostname }}-Xq7pA
  neighbor 203.0.113.9 peer-group EXTERNAL
{% for n in bgp_neighbors %}
  neighbor {{ n.address }} remote-as {{ n.asn }}
  neighbor {{ n.address }} description {{ n.name }}, {{ site }}
  neighbor {{ n.address }} timers connect 1
{% endfor %}
  address-family ipv4 unicast
    network {{ loopback_prefix }}
{% for n in bgp_neighbors %}
    neighbor {{ n.address }} activate
    neighbor {{ n.address }} route-map OUT out
{% endfor %}
"""
FRAGMENT = """\
ip prefix-list {{ prefix_list }} seq 5 permit 172.20.0.0/16 le 24
router bgp {{ asn }}
 neighbor 203.0.113.77 remote-as 65077
 neighbor 203.0.113.77 description {{ prefix_list }}
"""
WRONG_AS = """\
router bgp {{ asn }}
{% for n in bgp_neighbors %}
 neighbor {{ n.address }} remote-as {{ n.asn + 1000 }}
{% endfor %}
"""
ESTABLISHED = {
    "name": "bgp",
    "command": "show bgp summary json",
    "expression": "json.ipv4Unicast.peers[spine].state == 'Established'",
    "variables": ["spine"],
    "delay": 1,
}
LOSE = f"""\
- name: Lose routers
  ansible.builtin.command: ip netns exec {NAME}-{{{{ item }}}} ip link set eth0 down
  loop: "{{{{ network_rollout_stage.hosts[:2] }}}}"
  delegate_to: localhost
  vars: {{ansible_connection: local}}
"""


@pytest.fixture(scope="module")
def fabric(tmp_path_factory):
    with fabric_of(tmp_path_factory, LAB) as fabric:
        yield fabric


@pytest.fixture
def project(tmp_path, fabric):
    project = SharedFleetProject(tmp_path, fabric, fabric.directory.parent)
    yield project
    project.end()
    fabric.link("up")


@contextlib.contextmanager
def process_list():
    """Every command line and environment seen meanwhile; the routers' processes are the host's as well."""
    seen, ended = set(), threading.Event()

    def look():
        while not ended.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                for file in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        seen.add((process / file).read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_check_mode_touches_nothing_then_all_change_then_none_and_no_secret_is_anywhere(project):
    before = project.fleet.configurations()
    given = {"template": project.template(WHOLE), "stages": [2, "100%"]}
    code, checked = project.run("--check", "--diff", **given)
    assert code == 0, checked
    assert project.report["outcomes"] == {"pending": 9}
    assert MASKED in checked
    assert project.fleet.configurations() == before

    with process_list() as processes:
        code, output = project.run("--diff", "-vvv", **given)
    assert code == 0, output
    assert project.add_up()["outcomes"] == {"changed": 9}
    after = project.fleet.configurations()
    for running, saved in after.values():
        assert SECRET.search(running)
        assert set(saved.splitlines()) <= set(running.splitlines())

    code, again = project.run(**given)
    assert code == 0, again
    assert project.add_up()["outcomes"] == {"unchanged": 9}
    assert project.fleet.configurations() == after

    assert any(b"frr" in process for process in processes)
    assert not [process for process in processes if SECRET.search(process)]
    assert not SECRET.search((checked + output + again).encode())
    files = [path for path in project.path.rglob("*") if path.is_file()]
    assert {"ledger.db", "report.json"} <= {path.name for path in files}
    assert not [path for path in files if SECRET.search(path.read_bytes())]


def test_numbered_entries_of_lists_are_replaced_in_place(project):
    lists = """\
ip prefix-list IN seq 5 permit 10.0.0.0/8
ip prefix-list IN seq 10 {rest}
access-list IN seq 5 permit 10.0.0.0/8
access-list IN seq 10 {rest}
bgp community-list standard IN seq 5 permit 64512:{number}
"""
    deny = lists.format(rest="deny any", number=1)
    permit = lists.format(rest="permit 192.0.2.0/24", number=2)
    permit += "ip prefix-list IN seq 15 deny any\naccess-list IN seq 15 deny any\n"
    name = next(iter(project.fleet.names))
    configs = project.path / "configs"
    configs.mkdir()
    for wanted in (deny, permit):
        shown = project.fleet.running(name).decode().replace(deny, "")
        (configs / f"{name}.cfg").write_text(shown.replace("router bgp", wanted + "router bgp", 1))
        code, output = project.run("--limit", name, template=None, config_dir=str(configs), stages=["100%"])
        assert code == 0, output
        now = project.fleet.running(name).decode().splitlines()
        assert sorted(line for line in now if re.search(r" IN seq ", line)) == sorted(wanted.splitlines())


def test_an_unreachable_router_is_reported_and_too_many_in_the_canary_stop_the_run(project):
    (project.path / "lose.yml").write_text(LOSE)
    before = project.fleet.configurations()
    hook = str(project.path / "lose.yml")
    given = {"template": project.template(FRAGMENT), "mode": "merge", "retries": 1, "max_failure_percentage": 15}
    code, output = project.run(
        "-e", "prefix_list=CANARY", name="canary", stages=[5, "100%"], before_stage=hook, **given
    )
    assert code == 2, output
    report = project.add_up()
    assert report["outcomes"] == {"changed": 3, "unreachable": 2, "pending": 4}
    beyond = [name for name, outcome in project.outcomes().items() if outcome != "changed"]
    project.fleet.link("up")
    after = project.fleet.configurations()
    assert {name: after[name] for name in beyond} == {name: before[name] for name in beyond}

    lost = project.fleet.names[0]
    subprocess.run(["ip", "netns", "exec", f"{NAME}-{lost}", "ip", "link", "set", "eth0", "down"], check=True)
    code, output = project.run("-e", "prefix_list=LATER", name="later", stages=[2, "100%"], **given)
    assert code == 0, output
    assert project.add_up()["outcomes"] == {"changed": 8, "unreachable": 1}
    assert [each["name"] for each in project.report["failures"]] == [lost]


def test_a_change_that_breaks_bgp_is_taken_back_byte_for_byte(project):
    before = project.fleet.configurations()
    code, output = project.run(
        "--limit",
        "leafs",
        "-e",
        json.dumps({"spine": "{{ bgp_neighbors[0].address }}"}),
        template=project.template(WRONG_AS),
        mode="merge",
        stages=[2, "100%"],
        validate=[{**ESTABLISHED, "retries": 1}],
        on_failure="rollback_stage",
    )
    assert code == 2, output
    assert project.report["outcomes"] == {"rolled_back": 2, "pending": 6}
    assert project.state() == "rolled_back"
    assert project.fleet.configurations() == before


def test_a_killed_engine_leaves_no_router_in_doubt(project):
    given = {"template": project.template(FRAGMENT), "mode": "merge", "stages": ["100%"], "concurrency": 3}
    process = project.start("-e", "prefix_list=KILLED", **given)
    journal = wait_for(lambda: _journal(project.path, least=1), "an outcome in the journal")
    engines = _engines(project.path)
    assert engines
    for pid in engines:
        os.kill(pid, signal.SIGKILL)
    assert process.wait() == 2, project.output
    code, output = project.run("-e", "prefix_list=KILLED", **given)
    assert code == 0, output
    assert project.add_up()["outcomes"] == {"changed": 9}
    ended = Counter(event["name"] for event in _events(journal) if event["event"] == "outcome")
    assert ended == dict.fromkeys(project.fleet.names, 1)
    assert all(b"ip prefix-list KILLED" in saved for _running, saved in project.fleet.configurations().values())


def test_a_rollback_stops_at_a_router_that_refuses_it_and_a_killed_one_ends_byte_for_byte(project):
    before = project.fleet.configurations()
    given = {"template": project.template(FRAGMENT), "mode": "merge", "stages": ["100%"], "retries": 1}
    code, output = project.run("-e", "prefix_list=BACK", **given)
    assert code == 0, output
    after = project.fleet.configurations()
    newest = "SELECT id FROM runs ORDER BY number DESC LIMIT 1"
    [(stubborn,)] = project.query(f"SELECT name FROM targets WHERE run_id = ({newest}) ORDER BY position DESC LIMIT 1")
    broken = "echo 'import sys; sys.exit(\"flash is read-only\")' > /tmp/broken && mount --bind /tmp/broken"
    project.fleet.on(stubborn, "sh", "-c", f"{broken} /usr/lib/frr/frr-reload.py")
    back = {"playbook": "raywright.fleet.rollback", "run": "rollout", "reason": "a test", "report": "report.json"}
    code, output = project.run(**back)
    said = " ".join(output.split())
    assert (code, "1 of 1 devices failed in this stage" in said, "8 devices not touched" in said) == (
        2,
        True,
        True,
    )
    assert f"{stubborn}" in said
    assert project.fleet.configurations() == after, "nobody was touched after the first one refused"

    project.fleet.on(stubborn, "umount", "/usr/lib/frr/frr-reload.py")
    process = project.start(**back, stages=[2, "100%"], concurrency=2)

    def in_the_middle():
        found = project.path.glob(".raywright/runs/*/*-rollback.jsonl")
        return sum(event["event"] == "outcome" for path in found for event in _events(path)) >= 5

    wait_for(in_the_middle, "some routers of the second step restored")
    for pid in _engines(project.path):
        os.kill(pid, signal.SIGKILL)
    assert process.wait() == 2, project.output
    code, output = project.run(**back)
    assert (code, project.report["outcomes"], project.state()) == (0, {"rolled_back": 9}, "rolled_back"), output
    assert project.fleet.configurations() == before


def test_a_router_changed_by_hand_after_the_plan_is_held_back_and_named(project):
    given = {
        "template": project.template(FRAGMENT),
        "mode": "merge",
        "stages": ["100%"],
        "approval": "plan",
        "approval_wait": "park",
        "max_failure_percentage": 15,
        "requester": "anna",
    }
    code, output = project.run("-e", "prefix_list=PARKED", **given)
    assert code == 0, output
    by_hand = project.fleet.names[3]
    project.fleet.on(by_hand, "vtysh", "-c", "configure terminal", "-c", "ip route 10.66.0.0/16 blackhole")
    changed = project.fleet.running(by_hand)
    code, output = project.approve()
    assert code == 0, output
    code, output = project.run("-e", "prefix_list=PARKED", **given)
    assert code == 0, output
    assert project.add_up()["outcomes"] == {"changed": 8, "held_back": 1}
    assert f"! {by_hand}: its configuration is not the one the plan was made on" in " ".join(output.split())
    assert project.fleet.running(by_hand) == changed


def test_a_login_that_must_become_root_with_a_password_rolls_out_too(project):
    password = (project.fleet.directory / "password").read_text().strip()
    account = {"ansible_user": "labsudo", "ansible_become": True, "ansible_become_password": password}
    (project.path / "account.yml").write_text(json.dumps(account))
    options = ("-e", f"@{project.path}/account.yml", "-e", "prefix_list=ROOT", "-vvv")
    given = {"template": project.template(FRAGMENT), "mode": "merge", "stages": ["100%"]}
    code, output = project.run(*options, **given)
    assert code == 0, output
    assert project.add_up()["outcomes"] == {"changed": 9}
    assert password not in output


def _engines(path):
    """Process ids of the engines that were started in a project."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"engine.rollout" in words and (process / "cwd").resolve() == path.resolve():
                found.append(int(process.name))
    return found


def _journal(path, *, least):
    found = list(path.glob(".raywright/runs/*/*-push.jsonl"))
    return found[0] if found and sum(e["event"] == "outcome" for e in _events(found[0])) >= least else None


def _events(journal):
    """The events of a journal that may be in the middle of being written."""
    return [json.loads(line) for line in journal.read_text().splitlines() if line.endswith("}")]


def test_the_second_of_a_pair_is_not_touched_when_the_first_breaks_its_bgp(project):
    before = project.fleet.configurations()
    leafs = [name for name in project.fleet.names if name.startswith("leaf")]
    hosts = {name: {"pair": at // 2} for at, name in enumerate(leafs)}
    (project.path / "pairs.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    words = ("-i", str(project.path / "pairs.json"))
    spine = json.dumps({"spine": "{{ bgp_neighbors[0].address }}"})
    code, output = project.run(
        *words,
        "--limit",
        "leafs",
        "-e",
        spine,
        template=project.template(WRONG_AS),
        mode="merge",
        stages=["100%"],
        never_together="pair",
        max_failure_percentage=100,
        validate=[{**ESTABLISHED, "retries": 1}],
    )
    assert code == 0, output
    assert project.report["outcomes"] == {"failed": 4, "held_back": 4}
    outcomes = project.outcomes()
    pairs = [(outcomes[first], outcomes[second]) for first, second in zip(leafs[::2], leafs[1::2], strict=True)]
    assert {frozenset(pair) for pair in pairs} == {frozenset({"failed", "held_back"})}
    now = project.fleet.configurations()
    held = [name for name in leafs if outcomes[name] == "held_back"]
    assert {name: now[name] for name in held} == {name: before[name] for name in held}
    run = project.report["run"]
    code, output = project.run(*words, playbook="raywright.fleet.rollback", run=run, reason="it breaks BGP")
    assert (code, project.fleet.configurations() == before) == (0, True), output


def test_the_router_that_our_way_to_another_leads_through_comes_last(project):
    hosts = lab.hosts(project.fleet.directory / "inventory.yml")
    [spine] = [name for name in hosts if name.startswith("spine")]
    far = str(ipaddress.ip_network(LAB["lab_management_network"])[-3])
    ours = subprocess.run(
        ["ip", "-j", "route", "get", hosts["leaf1"]["ansible_host"]], capture_output=True, text=True, check=True
    )
    back = json.loads(ours.stdout)[0]["prefsrc"]
    to_spine = {name: hosts[name]["bgp_neighbors"][0]["address"] for name in ("leaf1", "leaf2")}
    to_leaf = {each["name"]: each["address"] for each in hosts[spine]["bgp_neighbors"]}
    routes = [
        ("leaf1", far, to_spine["leaf1"]),
        (spine, far, to_leaf["leaf2"]),
        ("leaf2", back, to_spine["leaf2"]),
        (spine, back, to_leaf["leaf1"]),
    ]
    with contextlib.ExitStack() as stack:
        on = ["ip", "netns", "exec"]
        _undone(stack, [*on, f"{NAME}-leaf2", "ip", "address"], f"{far}/32", "dev", "lo")
        for name, to, via in routes:
            _undone(stack, [*on, f"{NAME}-{name}", "ip", "route"], f"{to}/32", "via", via)
        _undone(stack, ["ip", "route"], f"{far}/32", "via", hosts["leaf1"]["ansible_host"])
        reached = {"ansible_host": far, "ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}
        (project.path / "far.json").write_text(json.dumps({"all": {"hosts": {"leaf2": reached}}}))
        code, output = project.run(
            "-i",
            str(project.path / "far.json"),
            "--check",
            "-e",
            "prefix_list=FAR",
            template=project.template(FRAGMENT),
            mode="merge",
        )
    assert (code, project.report["outcomes"]) == (0, {"pending": 9}), output
    assert project.report["stages"][-1]["hosts"][-1] == "leaf1"
    gateway = hosts["leaf1"]["ansible_host"]
    assert project.report["last"] == {"leaf1": f"our way to the devices leads through it, next hop {gateway}"}
    assert "last, one at a time" in output


def _undone(stack, command, *what):
    """Add an address or a route, until the end."""
    subprocess.run([*command, "add", *what], check=True)
    stack.callback(subprocess.run, [*command, "del", *what], check=False)
