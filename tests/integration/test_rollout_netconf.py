# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over NETCONF, from ``ansible-playbook`` to real NETCONF servers."""

import asyncio
import contextlib
import getpass

import pytest
import yaml
from rollouts import ROOT, SharedFleetProject

from engine.devices.netconf import DRIVER
from tests.integration.netconfd import SYSTEM, serving, why_not

pytestmark = pytest.mark.netconf

SECRET = "radius-Xq7pA-s3cret"
TEMPLATE = f"""\
<config>
  <system xmlns="{SYSTEM}">
    <hostname>{{{{ inventory_hostname }}}}-{{{{ generation | default(1) }}}}</hostname>
    <radius><server><name>a</name><udp>
      <address>192.0.2.1</address><shared-secret>{SECRET}</shared-secret>
    </udp></server></radius>
  </system>
</config>
"""


class Servers:
    """Four NETCONF servers as the fleet of a project: three with a candidate, one without."""

    def __init__(self, directory, servers):
        self.directory = directory
        self.servers = servers
        directory.mkdir()
        hosts = {}
        for name, server in servers.items():
            device = server.device(name)
            (directory / f"{name}.known_hosts").write_text(device.known_hosts)
            key = directory / f"{name}.key"
            key.touch(mode=0o600)
            key.write_text(device.private_key)
            hosts[name] = {
                "ansible_host": device.host,
                "ansible_port": device.port,
                "ansible_user": getpass.getuser(),
                "ansible_connection": "ansible.netcommon.netconf",
                "ansible_ssh_private_key_file": str(key),
                "raywright_known_hosts": str(directory / f"{name}.known_hosts"),
            }
        inventory = directory / "inventory"
        inventory.mkdir()
        (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))

    @property
    def names(self):
        return list(self.servers)

    def configurations(self):
        async def read(name):
            session = await DRIVER.connect(self.servers[name].device(name))
            try:
                return await session.snapshot()
            finally:
                await session.close()

        return {name: asyncio.run(read(name)) for name in self.servers}

    def stop(self):
        pass


@pytest.fixture
def project(tmp_path):
    if reason := why_not():
        pytest.skip(reason)
    link = tmp_path / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    with contextlib.ExitStack() as stack:
        kinds = {"nc1": "candidate", "nc2": "candidate", "nc3": "candidate", "nc4": "running"}
        servers = {name: stack.enter_context(serving(kind)) for name, kind in kinds.items()}
        project = SharedFleetProject(tmp_path, Servers(tmp_path / "fleet", servers), tmp_path)
        stack.callback(project.end)
        yield project


def test_a_rollout_over_netconf_goes_from_check_to_rollback_and_shows_no_secret(project):
    before = project.fleet.configurations()
    given = {"template": project.template(TEMPLATE), "stages": ["1", "100%"], "min_sample": 1}
    given["validate"] = [{"command": f'get-config <system xmlns="{SYSTEM}"/>', "match": "hostname nc"}]
    code, shown = project.run("--check", "--diff", **given)
    assert code == 0, shown
    assert "+  hostname" in shown
    assert "shared-secret <masked:" in shown
    assert project.fleet.configurations() == before

    code, output = project.run(**given)
    assert code == 0, output
    assert project.outcomes() == dict.fromkeys(project.fleet.names, "changed")
    after = project.fleet.configurations()
    for name, each in after.items():
        assert f"<hostname>{name}-1</hostname>" in each.running
        assert each.startup in (None, each.running)
    run = project.report["run"]

    code, again = project.run(**given)
    assert code == 0, again
    assert project.outcomes() == dict.fromkeys(project.fleet.names, "unchanged")

    code, rolled_back = project.run(playbook="raywright.fleet.rollback", run=run, reason="a test")
    assert code == 0, rolled_back
    assert project.fleet.configurations() == before
    assert SECRET not in shown + output + again + rolled_back
    for file in (project.path / ".raywright").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    assert SECRET.encode() not in (project.path / "ledger" / "ledger.db").read_bytes()


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (TEMPLATE.replace("</hostname>", "</hostnam>"), "not well-formed XML: line 3"),
        (TEMPLATE.replace("hostname>", "hostnaam>"), "the device refused the configuration"),
    ],
)
def test_a_document_that_is_no_configuration_is_refused_before_any_device_is_touched(project, template, said):
    before = project.fleet.configurations()
    code, output = project.run("--limit", "nc1,nc2", template=project.template(template))
    assert code == 2
    assert said in " ".join(output.split())
    assert SECRET not in output
    assert project.fleet.configurations() == before
