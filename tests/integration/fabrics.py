# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fabric of real routers that a module of tests rolls out to, and that its faults strike."""

import contextlib
import subprocess

import pytest

from tests.integration import routers as lab


class Fabric:
    """The routers, seen from the host: what their owner would see on a console."""

    def __init__(self, directory, lab_name):
        self.directory = directory
        self.lab_name = lab_name
        self.names = list(lab.hosts(directory / "inventory.yml"))
        (directory / "inventory").symlink_to("inventory.yml")

    def on(self, name, *command, given=None):
        return lab.console(f"{self.lab_name}-{name}", *command, given=given)

    def configurations(self):
        """Running and saved configuration of every router, in bytes."""
        return {name: (self.running(name), self.on(name, "cat", "/etc/frr/frr.conf")) for name in self.names}

    def running(self, name):
        return self.on(name, "vtysh", "-c", "show running-config")

    def link(self, state):
        for name in self.names:
            router = f"{self.lab_name}-{name}"
            subprocess.run(["ip", "netns", "exec", router, "ip", "link", "set", "eth0", state], check=True)

    def stop(self):
        pass


@contextlib.contextmanager
def fabric_of(tmp_path_factory, options, kind=Fabric):
    """The routers of a lab with these options."""
    if reason := lab.why_not():
        pytest.skip(reason)
    with lab.built(tmp_path_factory.mktemp("fabric"), options) as directory:
        yield kind(directory, options["lab_name"])
