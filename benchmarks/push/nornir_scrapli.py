# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nornir with scrapli 1 over libssh2: a thread a device, prompt by prompt; on FRR in vtysh."""

import re
import sys
from pathlib import Path
from typing import Any

from nornir.core.task import Result, Task

from benchmarks.push.exchange import READ, Work
from benchmarks.push.nornir_fleet import fleet

work = Work.read(sys.argv[1])


def _frr(connection: Any) -> str:
    connection.send_command("vtysh")
    connection.send_command("terminal length 0")
    connection.send_command(READ)
    connection.send_commands(["configure terminal", *work.lines, "end"])
    return str(connection.send_command(READ).result)


def _ios(connection: Any) -> str:
    connection.send_command(READ)
    connection.send_configs(work.lines)
    return str(connection.send_command(READ).result)


# A shell that was written to before it was ready shows its prompt twice on one line.
EXCHANGES = {
    "frr": (_frr, "generic", {"comms_prompt_pattern": r"^(?:\S{0,48}[#>$] ?){1,2}$"}),
    "ios": (_ios, "cisco_iosxe", {}),
}


def _exchange(task: Task) -> Result:
    connection = task.host.get_connection("scrapli", task.nornir.config)
    work.verify(task.host.name, EXCHANGES[work.platform][0](connection))
    task.host.close_connection("scrapli")
    return Result(host=task.host)


def _known_hosts() -> str:
    """Known hosts as scrapli looks them up: without their port."""
    known = Path(work.known_hosts)
    plain = Path("known_hosts.scrapli")
    plain.write_text(re.sub(r"\[(\S+?)\]:\d+", r"\1", known.read_text()))
    return str(plain.absolute())


if __name__ == "__main__":
    extras = {
        "auth_private_key": work.key_file,
        "auth_strict_key": True,
        "ssh_known_hosts_file": _known_hosts() if work.routers else "",
        "transport": "ssh2",
        "timeout_socket": 60,
        "timeout_transport": 60,
        "timeout_ops": 60,
        **EXCHANGES[work.platform][2],
    }
    results = fleet(work, "scrapli", EXCHANGES[work.platform][1], extras).run(task=_exchange)
    work.failed |= {name: repr(each[0].exception) for name, each in results.items() if each.failed}
    work.end()
