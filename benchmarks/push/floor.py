# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: bare asyncssh, one event loop, one connection a router. No host keys, no record, no retries.

On FRR three commands, each a channel of its own; where there is no shell, one terminal and the lines as one block.
"""

import asyncio
import sys
from pathlib import Path

import asyncssh

from benchmarks.push.exchange import KEX, READ, Router, Work


async def _frr(connection: asyncssh.SSHClientConnection, work: Work, router: Router) -> None:
    await connection.run(f"vtysh -c '{READ}'", check=True)
    script = " ".join(f"-c '{line}'" for line in ["configure terminal", *work.lines])
    await connection.run(f"vtysh {script}", check=True)
    done = await connection.run(f"vtysh -c '{READ}'", check=True)
    work.verify(router.name, str(done.stdout))


async def _ios(connection: asyncssh.SSHClientConnection, work: Work, router: Router) -> None:
    async with connection.create_process(term_type="dumb") as terminal:

        async def ask(text: str) -> str:
            terminal.stdin.write(f"{text}\n")
            return str(await terminal.stdout.readuntil(f"{router.name}#"))

        await terminal.stdout.readuntil(f"{router.name}#")
        for command in ("terminal length 0", READ):
            await ask(command)
        await ask("\n".join(["configure terminal", *work.lines, "end"]))
        work.verify(router.name, await ask(READ))


EXCHANGES = {"frr": _frr, "ios": _ios}


async def _exchange(work: Work, router: Router, key: asyncssh.SSHKey | None) -> None:
    async with asyncssh.connect(
        router.host,
        router.port,
        username=router.user,
        client_keys=[key] if key else None,
        known_hosts=None,
        kex_algs=[KEX],
        agent_path=None,
        config=None,
    ) as connection:
        await EXCHANGES[work.platform](connection, work, router)


async def _main(work: Work, key: asyncssh.SSHKey | None) -> None:
    bound = asyncio.Semaphore(work.in_flight)

    async def one(router: Router) -> None:
        async with bound:
            try:
                await _exchange(work, router, key)
            except (OSError, asyncssh.Error) as exc:
                work.failed[router.name] = f"{type(exc).__name__}: {exc}"

    async with asyncio.TaskGroup() as group:
        for router in work.routers:
            group.create_task(one(router))
    work.end()


if __name__ == "__main__":
    given = Work.read(sys.argv[1])
    asyncio.run(_main(given, asyncssh.import_private_key(Path(given.key_file).read_text()) if given.key_file else None))
