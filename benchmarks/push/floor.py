# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: bare asyncssh, one event loop, three commands on one connection. No host keys, no record, no retries."""

import asyncio
import sys
from pathlib import Path

import asyncssh

from benchmarks.push.exchange import KEX, READ, Router, Work


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
        await connection.run(f"vtysh -c '{READ}'", check=True)
        script = " ".join(f"-c '{line}'" for line in ["configure terminal", *work.lines])
        await connection.run(f"vtysh {script}", check=True)
        done = await connection.run(f"vtysh -c '{READ}'", check=True)
        work.verify(router.name, str(done.stdout))


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
