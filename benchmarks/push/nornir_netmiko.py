# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nornir with Netmiko: a thread a device, paramiko, prompt by prompt; on FRR in vtysh."""

import sys
from typing import Any

from nornir.core.task import Result, Task

from benchmarks.push.exchange import READ, Work
from benchmarks.push.nornir_fleet import fleet

work = Work.read(sys.argv[1])


def _frr(connection: Any, name: str) -> str:
    # The device type "linux" with vtysh in it: Netmiko has none for FRR.
    prompt = f"{name}#"
    connection.send_command("vtysh", expect_string=prompt)
    connection.send_command("terminal length 0", expect_string=prompt)
    connection.send_command(READ, expect_string=r"\nend\s+" + prompt)
    connection.send_config_set(
        ["configure terminal", *work.lines, "end"], enter_config_mode=False, exit_config_mode=False
    )
    config = connection.send_command(READ, expect_string=r"\nend\s+" + prompt)
    # Back to the shell, of which the device type knows how to end it.
    connection.send_command("exit", expect_string=r"\$")
    return str(config)


def _ios(connection: Any, _name: str) -> str:
    connection.send_command(READ)
    connection.send_config_set(work.lines)
    return str(connection.send_command(READ))


EXCHANGES = {"frr": (_frr, "linux"), "ios": (_ios, "cisco_ios")}


def _exchange(task: Task) -> Result:
    connection = task.host.get_connection("netmiko", task.nornir.config)
    work.verify(task.host.name, EXCHANGES[work.platform][0](connection, task.host.name))
    task.host.close_connection("netmiko")
    return Result(host=task.host)


if __name__ == "__main__":
    extras = {
        "use_keys": True,
        "key_file": work.key_file,
        "system_host_keys": False,
        "ssh_strict": True,
        "alt_host_keys": True,
        "alt_key_file": work.known_hosts,
    }
    results = fleet(work, "netmiko", EXCHANGES[work.platform][1], extras).run(task=_exchange)
    work.failed |= {name: repr(each[0].exception) for name, each in results.items() if each.failed}
    work.end()
