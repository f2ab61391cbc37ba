# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real FRR router whose disk is full when it is to save: FRR itself would leave half a file there."""

import contextlib
import functools
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.devices.base import Snapshot
from engine.errors import CommandFailed
from tests.integration.routers import Routers, own_lab, session, shell

pytestmark = pytest.mark.frr

ROUTER = f"{own_lab('d')['lab_name']}-leaf2"
console = functools.partial(shell, ROUTER)
ROUTE = "ip route 10.93.0.0/16 Null0\n"
SIZE = 160
"""Kilobytes of the disk: enough for a few configurations."""


@pytest.fixture
async def before(routers: Routers) -> AsyncIterator[Snapshot]:
    """What leaf2 shows before, on a small disk; afterwards it shows that again, on its own."""
    async with session(routers.device("leaf2")) as opened:
        found = await opened.snapshot()
    console(
        f"cp -a /etc/frr /tmp/frr && mount -t tmpfs -o size={SIZE}k,mode=$(stat -c %a /etc/frr) small /etc/frr && "
        "chown --reference=/tmp/frr /etc/frr && cp -a /tmp/frr/. /etc/frr/ && rm -r /tmp/frr"
    )
    try:
        yield found
    finally:
        console("umount /etc/frr")
        async with session(routers.device("leaf2")) as opened:
            await opened.restore(found)
            assert await opened.snapshot() == found


@contextlib.contextmanager
def full() -> Iterator[None]:
    console("dd if=/dev/zero of=/etc/frr/fill bs=1k 2>/dev/null; true")
    try:
        yield
    finally:
        console("rm /etc/frr/fill")


def files() -> dict[str, str]:
    listed = console("cd /etc/frr && sha256sum $(ls -A | grep -v ^fill)")
    return dict(reversed(line.split()) for line in listed.splitlines())


async def test_what_is_saved_is_not_touched_where_there_is_no_room(routers: Routers, before: Snapshot) -> None:
    async with session(routers.device("leaf2")) as opened:
        await opened.apply(await opened.propose(before.running, ROUTE, "merge"))
        as_it_was = files()
        with full(), pytest.raises(CommandFailed, match="/etc/frr has no room; what is saved there was left as it is"):
            await opened.save()
        assert files() == as_it_was
        await opened.save()
        assert ROUTE in (await opened.snapshot()).startup


async def test_a_rollback_without_room_leaves_what_is_saved_whole_and_is_done_when_there_is(
    routers: Routers, before: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await opened.apply(await opened.propose(before.running, ROUTE, "merge"))
        await opened.save()
        as_it_was = files()
        with full(), pytest.raises(CommandFailed, match=r"no room to save .* /etc/frr/frr.conf was left as it is"):
            await opened.restore(before)
        assert files() == as_it_was
        assert await opened.running() == before.running
        await opened.restore(before)
        assert await opened.snapshot() == before
        assert [name for name in files() if name.startswith(".")] == []
