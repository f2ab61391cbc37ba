# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A head and a worker, seen from inside the nodes."""

import json
import time

import pytest

testinfra_hosts = ["ansible://ray_cluster"]

STATUS = "/opt/ray/ray_supervisor.py status /etc/ray/raywright.json"
PORTS = {
    "head": {6379, 8265, 10001, 44217, 44227, 6380, 6381, 6382, 6383, 52365, 8090},
    "worker1": {6380, 6381, 6382, 6383, 52365, 8090},
}


def status(host):
    return json.loads(host.check_output(STATUS))


def reachable(host):
    """The ports that other machines can reach; 127.0.0.11 is the resolver that Docker gives a node."""
    ends = [line.split()[3] for line in host.check_output("ss -Hltnp").splitlines() if "sshd" not in line]
    return {int(end.rsplit(":", 1)[1]) for end in ends if not end.startswith("127.")}


def until(claim, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(1)
    return False


def test_ray_is_healthy_and_runs_with_what_is_on_disk(host):
    seen = status(host)
    assert (seen["healthy"], seen["current"]) == (True, True), seen
    service = host.service("ray")
    assert service.is_running
    assert service.is_enabled


def test_every_port_is_one_of_the_pinned_ones_or_in_the_range_of_workers(host):
    name = host.backend.host
    assert until(lambda: PORTS[name] <= reachable(host))
    assert {port for port in reachable(host) - PORTS[name] if not 20000 <= port <= 20999} == set()


@pytest.mark.parametrize(
    ("path", "user", "mode"),
    [
        ("/etc/ray", "root", 0o750),
        ("/etc/ray/raywright.json", "root", 0o640),
        ("/etc/ray/token", "root", 0o640),
        ("/etc/ray/fleet.key", "ray", 0o600),
        ("/var/lib/ray", "ray", 0o750),
    ],
)
def test_secrets_are_for_ray_alone(host, path, user, mode):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == (user, "ray", mode)


def test_the_token_is_on_no_command_line(host):
    token = host.file("/etc/ray/token").content_string.strip()
    assert len(token) == 64
    assert token not in host.check_output("ps axww -o args")


def test_the_unit_is_hardened(host):
    wanted = "NoNewPrivileges,ProtectSystem,CapabilityBoundingSet,User,OOMPolicy"
    unit = host.check_output(f"systemctl show ray -p {wanted}")
    assert set(unit.splitlines()) == {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "User=ray",
        "OOMPolicy=continue",
    }


def test_the_jobs_api_asks_for_the_token(host):
    url = json.loads(host.file("/etc/ray/raywright.json").content_string)["head"]["address"]
    ask = (
        "import sys, urllib.request, urllib.error\n"
        f"request = urllib.request.Request('http://{url}:8265/api/jobs/', headers=eval(sys.stdin.read()))\n"
        "try: print(urllib.request.urlopen(request).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    token = host.file("/etc/ray/token").content_string.strip()
    answers = {"{}": "401", "{'Authorization': 'Bearer wrong'}": "403", f"{{'Authorization': 'Bearer {token}'}}": "200"}
    for headers, wanted in answers.items():
        assert host.check_output("printf %%s %s | python3 -c %s", headers, ask) == wanted


def test_rays_workers_can_read_the_fleet_key_and_have_the_packages_of_rollouts(host):
    load = "import asyncssh, aiohttp, jinja2, cryptography, os; open(os.environ['RAYWRIGHT_FLEET_KEY_FILE']).read()"
    path = json.loads(host.file("/etc/ray/raywright.json").content_string)["environment"]["RAYWRIGHT_FLEET_KEY_FILE"]
    python = f"runuser -u ray -- env RAYWRIGHT_FLEET_KEY_FILE={path} /opt/ray/venv/bin/python"
    host.check_output(f"{python} -c %s", load)


def test_a_raylet_that_dies_comes_back_by_itself(host):
    if host.backend.host == "head":
        pytest.skip("the head's raylet is looked at in the scenario faults")
    before = int(host.check_output("systemctl show ray -p NRestarts --value"))
    host.check_output("kill -9 $(pidof raylet)")
    assert until(lambda: int(host.check_output("systemctl show ray -p NRestarts --value")) == before + 1)
    assert json.loads(host.check_output(f"{STATUS} --wait 120"))["healthy"]
