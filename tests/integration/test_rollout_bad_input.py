# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before any device is touched, with one clear error each."""

import json
import re

import asyncssh
import pytest
from rollouts import TEMPLATE, Project

from engine.devices.registry import known

SMALL = 9


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """One fleet for all that must be refused before anything is touched; it is compared at the end."""
    project = Project(tmp_path_factory.mktemp("untouched"), SMALL)
    before = project.fleet.configurations()
    yield project
    assert project.fleet.configurations() == before
    assert set(project.fleet.commits().values()) == {0}
    project.end()


def flat(output):
    return " ".join(output.split())


def errors_in(output):
    return re.findall(r"^\[ERROR\]: (.*)", output, re.MULTILINE)


def inventory(project, name, variables, **hosts):
    path = project.path / f"{name}.json"
    path.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))
    return "-i", str(path)


def other_keys(project, only=None):
    """A known_hosts in which all devices, or only one, have another key."""
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[1]
    lines = (project.fleet.directory / "known_hosts").read_text().splitlines()
    wrong = [" ".join([*line.split()[:2], key]) if only in {None, at} else line for at, line in enumerate(lines)]
    path = project.path / f"known_hosts_{only}"
    path.write_text("\n".join(wrong) + "\n")
    return "-e", f"raywright_known_hosts={path}"


BAD_INPUT = {
    "an unknown option": (
        lambda _: (["-e", '{"network_rollout_stagess": 1}'], {}),
        ["no option network_rollout_stagess; did you mean network_rollout_stages?"],
    ),
    "an option whose prefix is mistyped": (
        lambda _: (["-e", "network_rolout_confirm_timeout=10m"], {}),
        ["no option network_rolout_confirm_timeout; did you mean network_rollout_confirm_timeout?"],
    ),
    "an unknown option in a group": (
        lambda project: (inventory(project, "group", {"network_rollout_stagess": ["100%"]}), {}),
        ["no option network_rollout_stagess; did you mean network_rollout_stages?"],
    ),
    "an unknown key of a stage": (
        lambda _: ([], {"stages": [{"size": "100%", "soack": 3}]}),
        ["stages: entry 1: unknown key 'soack'; known are name, size"],
    ),
    "stages that end early": (lambda _: ([], {"stages": ["10%", "50%"]}), ["ends at 50%", 'end the list with "100%"']),
    "counts that end early": (lambda _: ([], {"stages": [2, 5]}), ["5 of 9 devices, so 4 would never be reached"]),
    "a template error on one host": (
        lambda project: (
            [],
            {"template": project.template("hostname x{% if role == 'spine' %}{{ no_such }}{% endif %}\n")},
        ),
        ["'no_such' is undefined for spine-001", "2 of 9 hosts"],
    ),
    "a file of tasks that is not there": (
        lambda _: ([], {"after_stage": "afterwards.yml"}),
        ["There is no file of tasks afterwards.yml (looked for at"],
    ),
    "a file of tasks that cannot be read": (
        lambda project: ([], {"before_stage": project.template("- debug: {msg: [}\n")}),
        ["The file of tasks", "cannot be read"],
    ),
    "a task that there is not": (
        lambda project: ([], {"before_stage": project.template("- no.such.module: {}\n")}),
        ["cannot be used", "no.such.module"],
    ),
    "a playbook in place of a file of tasks": (
        lambda project: ([], {"before_stage": project.template("- hosts: all\n  tasks: []\n")}),
        ["is no file of tasks: it has to be a list of tasks, without plays around them"],
    ),
    "no template": (
        lambda _: ([], {"template": None}),
        ["Set one of network_rollout_template, network_rollout_config_dir and network_rollout_playbook"],
    ),
    "no host": (lambda _: (["--limit", "nosuch"], {}), ["no hosts to target"]),
    "a ledger that cannot be reached": (
        lambda _: ([], {"ledger_url": "postgresql+psycopg://fleet:Hush-hush@127.0.0.1:1/fleet"}),
        ["The ledger postgresql+psycopg://fleet:***@127.0.0.1:1/fleet cannot be used", "Connection refused"],
    ),
    "an unknown platform": (
        lambda project: (inventory(project, "os", {}, **{"leaf-002": {"ansible_network_os": "frrr"}}), {}),
        [f"leaf-002: ansible_network_os 'frrr' has no driver; known are {', '.join(known())}"],
    ),
    "no platform": (
        lambda project: (
            inventory(project, "none", {}, stranger={"ansible_host": "127.0.0.9"}),
            {"template": project.template("hostname {{ inventory_hostname }}")},
        ),
        ["stranger: ansible_network_os is not set"],
    ),
    "two hosts with one address": (
        lambda project: (inventory(project, "twin", {}, **{"leaf-002": {"ansible_host": "127.64.0.3"}}), {}),
        ["leaf-002 and leaf-001 have the same address, 127.64.0.3"],
    ),
    "two hosts with one address in two spellings": (
        lambda project: (inventory(project, "twin", {}, **{"leaf-002": {"ansible_host": "::ffff:127.64.0.3"}}), {}),
        ["leaf-002 and leaf-001 have the same address, 127.64.0.3"],
    ),
    "a check with a bad pattern": (
        lambda _: ([], {"validate": [{"command": "show version", "match": "("}]}),
        ["validate: entry 1: match: '(' is no regular expression"],
    ),
    "a check with a bad expression": (
        lambda _: ([], {"validate": [{"command": "show version", "expression": "output +"}]}),
        ["validate: 'show version': expression: 'output +' is no Jinja2 expression"],
    ),
    "one wrong host key": (
        lambda project: (other_keys(project, only=3), {}),
        ["1 of the devices cannot be planned, nothing was touched: leaf-002", "the host key is not the one"],
    ),
    "all host keys wrong": (
        lambda project: (other_keys(project), {}),
        ["9 of the devices cannot be planned", "(and 8 more alike: spine-002, leaf-001"],
    ),
    "a wrong password": (
        lambda _: (["-e", '{"ansible_password": "Wrong-pass-99", "ansible_ssh_private_key_file": ""}'], {}),
        ["the device refused the login as admin with a password", "and 8 more alike"],
    ),
    "a configuration that the devices refuse": (
        lambda project: ([], {"template": project.template("hostname x\nsnmp-server community Hush-hush rw0\n")}),
        ["the device refused the configuration: Invalid input at line 2", "and 8 more alike"],
    ),
    "serial": (
        lambda project: (
            [],
            {
                "playbook": project.play("serial: 3"),
                "network_rollout_template": str(TEMPLATE),
            },
        ),
        ["use network_rollout_stages instead"],
    ),
}


def test_an_option_without_its_prefix_may_be_a_variable_of_ones_own_and_is_warned_of(untouched):
    code, output = untouched.run("--check", "-e", "concurrency=5")
    assert (code, "the option is network_rollout_concurrency" in flat(output)) == (0, True), output


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_with_one_clear_error_before_anything_is_touched(untouched, case):
    make, says = BAD_INPUT[case]
    words, given = make(untouched)
    code, output = untouched.run(*words, **given)
    assert code != 0, output
    assert all(text in flat(output) for text in says), output
    assert "Traceback" not in output
    assert ("Hush-hush" in output, "Wrong-pass-99" in output) == (False, False), output
    [error] = errors_in(output)
    assert all(error.count(text) <= 1 for text in says), error
