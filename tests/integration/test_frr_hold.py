# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that a real FRR router holds, and takes back by itself."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from engine.devices.base import Change, Hold, Snapshot
from engine.devices.frr import FrrSession
from engine.errors import CommandFailed, NotHeld, NothingSent, Rejected
from tests.integration.routers import Routers, again, first, own_lab, session
from tests.integration.routers import console as routers_console

pytestmark = pytest.mark.frr

RUN = "r-abcdefghij"
ROUTE = "ip route 10.93.0.0/16 Null0\n"
LAB = own_lab("d")["lab_name"]
ROUTER = f"{LAB}-leaf2"


@pytest.fixture
async def before(routers: Routers) -> AsyncIterator[Snapshot]:
    """What leaf2 shows before; afterwards it shows that again, and nothing is held on it."""
    async with session(routers.device("leaf2")) as opened:
        found = await opened.snapshot()
    yield found
    async with session(routers.device("leaf2")) as opened:
        with contextlib.suppress(NotHeld):
            await opened.cancel(RUN)
        await opened.restore(found)
        assert await opened.snapshot() == found
        assert set(in_memory()) <= {"", "state.json"}


def processes() -> list[str]:
    pids = subprocess.run(["ip", "netns", "pids", ROUTER], capture_output=True, text=True, check=True).stdout
    return pids.split()


def in_memory() -> dict[str, int]:
    """What lies in memory for a change held on leaf2, with its mode; the folder itself has no name."""
    folders = (Path("/proc") / processes()[0] / "root/dev/shm").glob("raywright-hold-*")
    found = [path for folder in folders for path in (folder, *folder.iterdir())]
    return {"" if path.is_dir() else path.name: path.stat().st_mode & 0o777 for path in found}


def timers() -> list[str]:
    """The processes of leaf2 that are neither the router's own nor a session's."""
    found = []
    for pid in processes():
        with contextlib.suppress(OSError):
            found += [pid] if b"raywright-fleet" in (Path("/proc") / pid / "cmdline").read_bytes() else []
    return found


async def hold(opened: FrrSession, seconds: float, lines: str = ROUTE, token: str = RUN) -> Change:
    change = await opened.propose((await opened.snapshot()).running, lines, "merge")
    await opened.apply(change, Hold(token, seconds))
    return change


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - the router's own clock ends this
            await asyncio.sleep(0.05)


def link(state: str) -> None:
    command = ["ip", "netns", "exec", ROUTER, "ip", "link", "set", "eth0", state]
    subprocess.run(command, check=True)


def console(*command: str) -> str:
    return routers_console(ROUTER, *command).decode()


@pytest.mark.parametrize("saved_meanwhile", [False, True])
async def test_with_session_login_and_network_gone_the_router_is_byte_for_byte_as_before(
    routers: Routers, before: Snapshot, *, saved_meanwhile: bool
) -> None:
    async with session(routers.device("leaf2")) as opened:
        lines = f"{ROUTE}interface lo\n ip address 10.250.9.1/32\nexit\nip prefix-list HELD seq 5 permit 10.0.0.0/8\n"
        await hold(opened, 6, lines)
        changed = await opened.snapshot()
        assert "10.93.0.0/16" in changed.running
        assert changed.startup == before.startup
        if saved_meanwhile:
            await opened.save()
        # The user's whole login, as a logout that ends every process of the session would have it.
        opened.connection.abort()
    link("down")
    try:
        await until(lambda: not timers())
        assert console("vtysh", "-c", "show running-config") == before.running
        assert console("cat", "/etc/frr/frr.conf") == before.startup
        assert in_memory() == {"": 0o755, "state.json": 0o644}
    finally:
        link("up")
    async with session(routers.device("leaf2")) as opened:
        assert await opened.held() is None
        with pytest.raises(NotHeld, match="its time was over, and the router has taken it back by itself"):
            await opened.confirm(RUN)


async def test_a_held_change_is_confirmed_from_another_session_and_leaves_nothing_behind(
    routers: Routers, before: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        assert await opened.held() is None
        await hold(opened, 3)
    assert len(timers()) == 1
    modes = in_memory()
    assert (modes.pop(""), set(modes), set(modes.values())) == (
        0o700,
        {"state.json", "before.json", "room", "wake", "alive"},
        {0o600},
    )
    async with session(routers.device("leaf2")) as opened:
        held = await opened.held()
        assert held is not None
        assert held.token == RUN
        assert 0 < held.remaining <= 3
        await opened.confirm(RUN)
        assert timers() == []
        assert await opened.held() is None
        assert in_memory() == {}
        with pytest.raises(NotHeld, match="nothing is held"):
            await opened.confirm(RUN)
        await asyncio.sleep(held.remaining)
        after = await opened.snapshot()
    assert ROUTE in after.running
    assert after.startup == before.startup


async def test_what_is_held_for_one_run_is_neither_confirmed_cancelled_nor_changed_by_another(
    routers: Routers, before: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        change = await hold(opened, 300)
        for act in (opened.confirm, opened.cancel):
            with pytest.raises(NotHeld, match=f"a change of {RUN}"):
                await act("r-somebodyel")
        with pytest.raises(Rejected, match=f"a change of run {RUN} is held on it"):
            await opened.apply(change, Hold("r-somebodyel", 300))
        with pytest.raises(Rejected, match=f"a change of run {RUN} is held on it"):
            await opened.apply(change)
        with pytest.raises(CommandFailed, match=f"a change of run {RUN} is held"):
            await opened.restore(before)
        await opened.cancel(RUN)
        assert await opened.snapshot() == before
    assert timers() == []


async def test_a_refused_change_is_not_held(routers: Routers, before: Snapshot) -> None:
    async with session(routers.device("leaf2")) as opened:
        own = (await opened.command("ip -o -4 addr show eth1", shell=True)).split("inet ")[1].split("/")[0]
        asn = before.running.split("router bgp ")[1].split(maxsplit=1)[0]
        with pytest.raises(Rejected, match="put back as it was"):
            await hold(opened, 300, f"{ROUTE}router bgp {asn}\n neighbor {own} remote-as 65002\nexit\n")
        assert await opened.held() is None
        assert await opened.snapshot() == before
    assert timers() == []


@pytest.mark.parametrize("_turn", range(8))
async def test_a_confirmation_at_the_moment_of_firing_and_the_timer_have_exactly_one_winner(
    routers: Routers, before: Snapshot, _turn: int
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 2)
        held = await opened.held()
        assert held is not None
        await asyncio.sleep(max(0.0, held.remaining - random.uniform(0, 0.4)))
        kept = True
        try:
            await opened.confirm(RUN)
        except NotHeld:
            kept = False
        await until(lambda: not timers())
        after = await opened.snapshot()
        assert (ROUTE in after.running) is kept
        assert kept or after == before


async def test_two_confirmations_at_once_have_one_winner(routers: Routers, before: Snapshot) -> None:
    async with session(routers.device("leaf2")) as one, session(routers.device("leaf2")) as two:
        await hold(one, 300)
        answers = await asyncio.gather(one.confirm(RUN), two.confirm(RUN), return_exceptions=True)
        assert [type(answer) for answer in answers if answer is not None] == [NotHeld]
        assert ROUTE in (await one.snapshot()).running


async def test_when_frr_starts_anew_the_timer_brings_back_what_was_not_saved_either(
    routers: Routers, before: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await opened.apply(await opened.propose(before.running, "ip route 10.92.0.0/16 Null0\n", "merge"))
        unsaved = await opened.snapshot()
        await hold(opened, 10)
    # FRR comes back with what is saved, in which there is neither the change nor what was not saved before it.
    console("/usr/lib/frr/frrinit.sh", "restart")
    await until(lambda: not timers())
    async with session(routers.device("leaf2")) as opened:
        assert await opened.snapshot() == unsaved


async def test_a_reboot_ends_a_trial_and_brings_back_what_is_saved(routers: Routers, before: Snapshot) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 300)
    os.kill(int(first(ROUTER)), 9)
    await until(lambda: processes() == [])
    again(routers)
    assert timers() == []
    async with session(routers.device("leaf2")) as opened:
        assert await opened.snapshot() == before
        assert await opened.held() is None
        with pytest.raises(NotHeld, match="the router has started anew since"):
            await opened.confirm(RUN)
        assert in_memory() == {}


async def test_a_timer_that_was_killed_is_seen_and_its_change_can_still_be_taken_back(
    routers: Routers, before: Snapshot
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 300)
        [pid] = timers()
        os.kill(int(pid), 15)
        assert timers() == [pid]
        os.kill(int(pid), 9)
        assert (await opened.held()) is not None
        await opened.cancel(RUN)
        assert await opened.snapshot() == before


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_confirmation_that_comes_too_late_takes_the_change_back_where_the_timer_did_not(
    routers: Routers, before: Snapshot, number: signal.Signals
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 2)
        [pid] = timers()
        os.kill(int(pid), number)
        await asyncio.sleep(2.1)
        held = await opened.held()
        assert held is not None
        assert held.remaining < 0
        with pytest.raises(NotHeld, match="its time was over, and it was taken back"):
            await opened.confirm(RUN)
        assert await opened.snapshot() == before
        with pytest.raises(NotHeld, match="the router has taken it back by itself"):
            await opened.confirm(RUN)
        # What runs after that is nobody's to take back, however late the timer wakes.
        change = await opened.propose(before.running, ROUTE, "merge")
        await opened.apply(change)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGCONT)
        await until(lambda: not timers())
        assert ROUTE in await opened.running()


@contextlib.contextmanager
def full_memory() -> Iterator[None]:
    """No byte is left for files in memory on leaf2."""
    console("sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=4k 2>/dev/null; true")
    try:
        yield
    finally:
        console("rm", "/dev/shm/fill")


@pytest.fixture
def small_memory(before: Snapshot) -> Iterator[None]:
    """Memory of 4 MB for files on leaf2, so that it is soon full."""
    size = console("sh", "-c", "df --output=size -k /dev/shm | tail -n 1").strip()
    console("mount", "-o", "remount,size=4m", "/dev/shm")
    yield
    console("mount", "-o", f"remount,size={size}k", "/dev/shm")


async def test_the_change_is_taken_back_where_memory_was_filled_meanwhile(
    routers: Routers, before: Snapshot, small_memory: None
) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 3)
    with full_memory():
        await until(lambda: not timers())
        assert console("vtysh", "-c", "show running-config") == before.running
        assert in_memory() == {"": 0o755, "state.json": 0o644}


async def test_what_could_not_be_taken_back_is_not_held_and_nothing_is_sent(
    routers: Routers, before: Snapshot, small_memory: None
) -> None:
    async with session(routers.device("leaf2")) as opened:
        change = await opened.propose(before.running, ROUTE, "merge")
        # Room for what is sent, and not for what taking it back needs.
        console("sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=4k count=970 2>/dev/null")
        with pytest.raises(NothingSent, match=r"No space left on device, in /dev/shm\); nothing was sent"):
            await opened.apply(change, Hold(RUN, 300))
        console("rm", "/dev/shm/fill")
        assert await opened.snapshot() == before
    assert timers() == []
    assert in_memory() == {}


async def test_what_is_held_by_another_account_is_told(routers: Routers, before: Snapshot) -> None:
    root = routers.device("leaf2", user="labsudo", become=True, become_password=routers.password)
    async with session(root) as opened:
        change = await hold(opened, 300)
    async with session(routers.device("leaf2")) as opened:
        with pytest.raises(CommandFailed, match=r"held on this router by another account \(user number 0"):
            await opened.held()
        with pytest.raises(CommandFailed, match="another account"):
            await opened.apply(change)
    async with session(root) as opened:
        await opened.cancel(RUN)
        assert await opened.snapshot() == before


async def test_a_note_of_another_account_is_in_nobodys_way(routers: Routers, before: Snapshot) -> None:
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 2)
    await until(lambda: not timers())
    root = routers.device("leaf2", user="labsudo", become=True, become_password=routers.password)
    async with session(root) as opened:
        assert await opened.held() is None
        await hold(opened, 300)
        await opened.cancel(RUN)
        assert await opened.snapshot() == before
        await hold(opened, 2)
    await until(lambda: not timers())
    async with session(routers.device("leaf2")) as opened:
        await hold(opened, 300)
        await opened.cancel(RUN)
        assert await opened.snapshot() == before
