# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nornir with scrapli 1 over libssh2: a thread a device, prompt by prompt in vtysh."""

import sys

from nornir.core.task import Result, Task

from benchmarks.push.exchange import READ, Work
from benchmarks.push.nornir_fleet import fleet

work = Work.read(sys.argv[1])


def _exchange(task: Task) -> Result:
    connection = task.host.get_connection("scrapli", task.nornir.config)
    connection.send_command("vtysh")
    connection.send_command("terminal length 0")
    connection.send_command(READ)
    connection.send_commands(["configure terminal", *work.lines, "end"])
    work.verify(task.host.name, connection.send_command(READ).result)
    task.host.close_connection("scrapli")
    return Result(host=task.host)


if __name__ == "__main__":
    extras = {
        "auth_private_key": work.key_file,
        "auth_strict_key": True,
        "ssh_known_hosts_file": work.known_hosts,
        "transport": "ssh2",
        # A shell that was written to before it was ready shows its prompt twice on one line.
        "comms_prompt_pattern": r"^(?:\S{0,48}[#>$] ?){1,2}$",
        "timeout_socket": 60,
        "timeout_transport": 60,
        "timeout_ops": 60,
    }
    results = fleet(work, "scrapli", "generic", extras).run(task=_exchange)
    work.failed |= {name: repr(each[0].exception) for name, each in results.items() if each.failed}
    work.end()
