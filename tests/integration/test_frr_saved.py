# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real FRR router has saved, or not, or does not show; and logins that print something of their own."""

import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.devices.base import Hold, Snapshot
from engine.errors import NotHeld, Rejected
from tests.integration.routers import Routers, own_lab, session, shell

pytestmark = pytest.mark.frr

RUN = "r-abcdefghij"
ROUTER = f"{own_lab('d')['lab_name']}-leaf2"
console = functools.partial(shell, ROUTER)
ROUTE = "ip route 10.93.0.0/16 Null0\n"
KEPT = "frr.conf vtysh.conf"


@pytest.fixture
async def before(routers: Routers) -> AsyncIterator[Snapshot]:
    """What leaf2 shows before; afterwards it shows that again, its files with their owners."""
    async with session(routers.device("leaf2")) as opened:
        found = await opened.snapshot()
    console(f"mkdir /tmp/kept && cd /etc/frr && cp -a {KEPT} /tmp/kept")
    yield found
    console(f"cd /tmp/kept && cp -a {KEPT} /etc/frr && rm -r /tmp/kept")
    async with session(routers.device("leaf2")) as opened:
        with contextlib.suppress(NotHeld):
            await opened.cancel(RUN)
        await opened.restore(found)
        assert await opened.snapshot() == found


@pytest.fixture
def bare(before: Snapshot) -> Snapshot:
    """What leaf2 is to show with nothing saved, as it is now."""
    console("rm /etc/frr/frr.conf")
    return Snapshot(before.running, None, unsaved=True)


async def test_a_router_that_had_saved_nothing_has_nothing_saved_when_it_is_restored(
    routers: Routers, bare: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        assert await opened.snapshot() == bare
        await opened.apply(await opened.propose(bare.running, ROUTE, "merge"))
        await opened.save()
        assert ROUTE in ((await opened.snapshot()).startup or "")
        await opened.restore(bare)
        assert await opened.snapshot() == bare
    assert "frr.conf" not in console("ls /etc/frr").split()


async def test_what_is_saved_while_a_change_is_on_trial_goes_with_it_where_nothing_was_saved(
    routers: Routers, bare: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await opened.apply(await opened.propose(bare.running, ROUTE, "merge"), Hold(RUN, 60))
        await opened.save()
        await opened.cancel(RUN)
        assert await opened.snapshot() == bare


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("chown root:root frr.conf && chmod 600 frr.conf", "cannot be read, .* the login must be in the group frr"),
        ("echo 'no service integrated-vtysh-config' > vtysh.conf", "it saves a file for each daemon"),
        ("rm frr.conf && : > vtysh.conf", "it saves a file for each daemon"),
    ],
)
async def test_what_could_not_be_restored_is_not_read_as_if_nothing_was_there(
    routers: Routers, before: Snapshot, spoil: str, says: str
) -> None:
    console(f"cd /etc/frr && {spoil}")
    async with session(routers.device("leaf2")) as opened:
        with pytest.raises(Rejected, match=says):
            await opened.snapshot()


async def test_a_router_that_is_renamed_still_holds_its_change(routers: Routers, before: Snapshot) -> None:
    name = console("hostname").strip()
    async with session(routers.device("leaf2")) as opened:
        await opened.apply(await opened.propose(before.running, ROUTE, "merge"), Hold(RUN, 60))
    console("hostname core-2")
    try:
        async with session(routers.device("leaf2")) as opened:
            held = await opened.held()
    finally:
        # FRR shows the name, so only under the same one does it read the same again.
        console(f"hostname {name}")
    assert held is not None
    assert held.token == RUN


@contextlib.contextmanager
def chatty(user: str, says: str) -> Iterator[None]:
    """A login that says something at each session, as files of a shell and of SSH have it."""
    home = console(f"getent passwd {user}").split(":")[5]
    file = Path(home) / ".ssh" / "rc"
    console(f"mkdir -p {file.parent} && echo '{says}' > {file} && chmod 755 {file.parent} {file}")
    try:
        yield
    finally:
        console(f"rm {file}")


@pytest.mark.parametrize("says", ["echo hostname NOISE", "printf %s NOISE"])
async def test_what_a_login_prints_of_its_own_is_no_part_of_any_answer(
    routers: Routers, before: Snapshot, says: str
) -> None:
    with chatty("labnet", says):
        async with session(routers.device("leaf2")) as opened:
            assert "NOISE" in (await opened.connection.run("true")).stdout
            assert await opened.snapshot() == before
            await opened.apply(await opened.propose(before.running, ROUTE, "merge"), Hold(RUN, 60))
            await opened.confirm(RUN)
            await opened.save()
            assert "NOISE" not in await opened.command("show running-config")
