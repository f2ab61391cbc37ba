# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the CLI drivers share: a fleet whose routers speak one dialect each."""

import json
from dataclasses import replace

from engine.devices.base import Device
from engine.embedded.dialects import spoken
from engine.embedded.fabric import build

DIALECTS = ("ios", "junos", "eos", "iosxr")
HOLDING = ("ios", "junos", "eos")
"""Those whose devices take a change back by themselves."""
DEVICES = 2 + 2 * len(DIALECTS)
ROUTER = {
    dialect: name
    for name, dialect in spoken(build(DEVICES, "127.64.0.1"), DIALECTS).items()
    if name.startswith("leaf-")
}
"""A router for each dialect."""


def device(fleet, dialect, **options):
    name = ROUTER[dialect]
    known = fleet.state.known_hosts.read_text(encoding="utf-8").splitlines()
    found = Device(
        name=name,
        network_os=dialect,
        host=fleet.nodes[name].host,
        port=fleet.port,
        user="admin",
        private_key=fleet.state.user_key.read_text(encoding="utf-8"),
        known_hosts=next(line for line in known if line.startswith(f"[{fleet.nodes[name].host}]:")),
        timeout=30,
    )
    return replace(found, **options)


def faults(fleet, **entry):
    fleet.state.faults.write_text(json.dumps({"leaf-*": entry}), encoding="utf-8")


def line(dialect, text):
    return f"{text};\n" if dialect == "junos" else f"{text}\n"


def other(dialect, running):
    """A configuration that differs from this one at both levels, and renames the device."""
    name = ROUTER[dialect]
    return (
        running.replace(f"hostname {name}", "hostname a-name-longer-than-the-prompt-of-ios")
        .replace(line(dialect, "ntp server 10.255.0.1"), line(dialect, "ntp server 10.9.9.9"))
        .replace("description router id", "description another text")
        .replace("maximum-paths 4", "maximum-paths 8")
    )
