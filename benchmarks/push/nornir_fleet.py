# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nornir over the routers of a benchmark, for its two connection plugins."""

from typing import Any

from nornir.core import Nornir
from nornir.core.inventory import ConnectionOptions, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.plugins.runners import ThreadedRunner

from benchmarks.push.exchange import Work


def fleet(work: Work, plugin: str, platform: str, extras: dict[str, Any]) -> Nornir:
    hosts = Hosts(
        {
            each.name: Host(
                each.name,
                hostname=each.host,
                port=each.port,
                username=each.user,
                password="",  # the key is what counts
                platform=platform,
                connection_options={plugin: ConnectionOptions(extras=extras)},
            )
            for each in work.routers
        }
    )
    ConnectionPluginRegister.auto_register()
    return Nornir(Inventory(hosts), runner=ThreadedRunner(num_workers=work.in_flight))
