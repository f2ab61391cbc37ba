# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets testinfra into the nodes that the scenario started, and gives the tests their words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import testinfra

from tests.molecule.shared.playbooks import INVENTORY, Done, Playbook, inventory

# Nodes have no curl. The token is read where it lies, so that no command line holds it.
FETCH = """
import base64, sys, urllib.request, urllib.error
url, token_file, login = sys.argv[1:]
request = urllib.request.Request(url)
if token_file:
    request.add_header("Authorization", "Bearer " + open(token_file).read().strip())
if login:
    request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(request, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    sys.exit("no answer: %s" % error)
print(answer.status)
sys.stdout.write(answer.read().decode())
"""

# Which of these addresses and ports take a connection? All are tried at once.
SCAN = """
import asyncio, json, sys
async def takes(address, port):
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
    except (OSError, asyncio.TimeoutError):
        return None
    writer.close()
    return [address, port]
async def main():
    found = await asyncio.gather(*(takes(*each) for each in json.loads(sys.argv[1])))
    print(json.dumps([each for each in found if each]))
asyncio.run(main())
"""


def pytest_configure(config: pytest.Config) -> None:
    config.option.ansible_inventory = str(INVENTORY)
    config.option.connection = "ansible"
    config.option.sudo = True


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test file that names no hosts is for all of the scenario's nodes; testinfra would take this machine."""
    if not hasattr(metafunc.module, "testinfra_hosts"):
        metafunc.module.testinfra_hosts = [f"ansible://{name}" for name in inventory()["_meta"]["hostvars"]]


@pytest.fixture(scope="session")
def addresses() -> dict[str, str]:
    """The address of every node of the scenario."""
    return {name: variables["ansible_host"] for name, variables in inventory()["_meta"]["hostvars"].items()}


@pytest.fixture(scope="session")
def run_directory() -> Path:
    """Where a run keeps what is the controller's own: ledger, token, certificates."""
    return Path(inventory()["all"]["vars"]["test_run"])


@pytest.fixture
def fetch(host):
    """Ask for a URL from the host; return the status and the body."""

    def ask(url: str, *, token_file: str = "", login: str = "") -> tuple[int, str]:
        status, unused, body = host.check_output("python3 -c %s %s %s %s", FETCH, url, token_file, login).partition(
            "\n"
        )
        del unused
        return int(status), body

    return ask


@pytest.fixture
def scan(host):
    """Return which of the addresses and ports take a connection from the host."""

    def tried(targets: list[tuple[str, int]]) -> set[tuple[str, int]]:
        found = json.loads(host.check_output("python3 -c %s %s", SCAN, json.dumps(targets)))
        return {tuple(each) for each in found}

    return tried


@pytest.fixture(scope="session")
def scan_from_here():
    """Return which of the addresses and ports take a connection from the controller."""

    def tried(targets: list[tuple[str, int]]) -> set[tuple[str, int]]:
        found = json.loads(subprocess.check_output([sys.executable, "-c", SCAN, json.dumps(targets)]))
        return {tuple(each) for each in found}

    return tried


@pytest.fixture
def start_playbook():
    """Start a playbook of the collection; it ends with the test at the latest."""
    started = []

    def start(name: str, *arguments: str, **extra: object) -> Playbook:
        started.append(Playbook(name, arguments, extra))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def playbook(start_playbook):
    """Run a playbook of the collection to its end."""

    def run(name: str, *arguments: str, **extra: object) -> Done:
        return start_playbook(name, *arguments, **extra).wait()

    return run


@pytest.fixture(scope="session")
def node(request):
    """Another node than the one that the test is for, by its name."""
    return lambda name: testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}&sudo=true")
