# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FRR driver on real routers."""

import asyncio
import contextlib
import dataclasses
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.devices.base import Change, Device, Hold, Snapshot
from engine.devices.frr import DRIVER, FrrSession
from engine.errors import (
    CommandFailed,
    DeviceError,
    HostKeyRefused,
    LoginRefused,
    Moved,
    NothingSent,
    Rejected,
    SessionLost,
    Unreachable,
)
from tests.integration.routers import Routers, console, own_lab, session

pytestmark = pytest.mark.frr

SECRET = "bgp-s3cret-0815"
DEADLINE = 60
POLICY = f"""\
ip route 10.99.0.0/16 null0
ip route 10.98.0.0/16 192.0.2.9
ip prefix-list B seq 5 permit 10.0.0.0/8 le 24
ip prefix-list A permit 10.9.0.1/16
ip prefix-list A permit 10.8.0.0/16
access-list Z seq 5 permit 10.0.0.0/8
access-list C seq 5 permit 10.0.0.0/8
bgp community-list standard CL seq 5 permit 65001:1
bgp as-path access-list AP seq 5 permit ^65002_
interface lo
 description loopback
 ip address 10.250.0.2/32
 ip address 10.250.0.1/32
exit
router bgp {{asn}}
 neighbor FABRIC peer-group
 neighbor FABRIC remote-as external
 neighbor FABRIC password {SECRET}
 neighbor 192.0.2.2 remote-as 65002
 neighbor 192.0.2.2 description far away
 neighbor 192.0.2.2 password {SECRET}
 neighbor 192.0.2.6 peer-group FABRIC
 address-family ipv4 unicast
  neighbor 192.0.2.2 activate
  neighbor 192.0.2.2 route-map Z in
  neighbor FABRIC route-map M out
 exit-address-family
exit
route-map Z permit 10
 match ip address prefix-list A
 set metric 7
exit
route-map M permit 10
 match community CL
exit
"""


@pytest.fixture
async def leaf(routers: Routers) -> AsyncIterator[FrrSession]:
    """A session with a leaf that is afterwards as it was."""
    async with session(routers.device("leaf1")) as opened:
        before = await opened.snapshot()
        yield opened
    async with session(routers.device("leaf1")) as opened:
        await opened.restore(before)
        assert await opened.snapshot() == before


def with_lines(config: str, lines: str) -> str:
    asn = config.split("router bgp ")[1].split(maxsplit=1)[0]
    return config.removesuffix("end\n") + lines.replace("{asn}", asn) + "end\n"


async def replace(leaf: FrrSession, wanted: str) -> tuple[str, ...]:
    change = await leaf.propose((await leaf.snapshot()).running, wanted, "replace")
    await leaf.apply(change)
    return change.diff


async def test_a_replacement_is_planned_without_touching_made_once_and_then_unchanged(leaf: FrrSession) -> None:
    before = await leaf.snapshot()
    wanted = with_lines(before.running, POLICY)
    change = await leaf.propose(before.running, wanted, "replace")
    assert await leaf.snapshot() == before
    assert "+ip route 10.98.0.0/16 192.0.2.9" in change.diff
    assert "+  neighbor 192.0.2.2 route-map Z in" in change.diff
    await leaf.apply(change)
    after = await leaf.snapshot()
    assert after.startup == before.startup
    assert "ip route 10.99.0.0/16 Null0" in after.running
    # The template spells out a default and writes lines in other words than FRR does.
    assert (await leaf.propose(after.running, wanted, "replace")).empty
    await leaf.save()
    saved = (await leaf.snapshot()).startup
    assert saved is not None
    assert DRIVER.normalise(saved) == DRIVER.normalise(after.running)


# What another rollout took out; regular expressions over whole lines.
MUTATIONS = {
    "route and neighbour": r"(ip route 10\.98| +neighbor 192\.0\.2\.2) .*\n",
    "first lists": r"(ip prefix-list B|access-list Z|bgp community-list) .*\n",
    "first route-map": r"route-map Z permit 10\n( .*\n)+exit\n| +neighbor 192\.0\.2\.2 route-map .*\n",
    "first address and description": r" (ip address 10\.250\.0\.2/32|description loopback)\n",
    "peer group": r" +neighbor (FABRIC|192\.0\.2\.6) .*\n",
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_restored_router_reads_byte_for_byte_as_before(leaf: FrrSession, mutation: str) -> None:
    await replace(leaf, with_lines((await leaf.snapshot()).running, POLICY))
    await leaf.save()
    before = await leaf.snapshot()
    await replace(leaf, re.sub(MUTATIONS[mutation], "", before.running))
    await leaf.save()
    after = await leaf.snapshot()
    assert after.running != before.running
    assert after.startup != before.startup
    await leaf.restore(before)
    assert await leaf.snapshot() == before


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("ip frobnicate 1\n", "FRR does not know line .* 'ip frobnicate 1'"),
        ("router eigrp 7\n network 10.0.0.0/8\nexit\n", "needs eigrpd, which does not run"),
    ],
)
async def test_what_frr_cannot_take_is_rejected_while_planning(leaf: FrrSession, lines: str, says: str) -> None:
    before = await leaf.snapshot()
    with pytest.raises(Rejected, match=says):
        await leaf.propose(before.running, with_lines(before.running, lines), "replace")
    with pytest.raises(Rejected, match=says):
        await leaf.propose(before.running, lines, "merge")


@pytest.mark.parametrize("mode", ["replace", "merge"])
async def test_a_change_that_a_daemon_refuses_in_part_leaves_nothing_behind(leaf: FrrSession, mode: str) -> None:
    before = await leaf.snapshot()
    own = (await leaf.command("ip -o -4 addr show eth1", shell=True)).split("inet ")[1].split("/")[0]
    lines = f"ip route 10.97.0.0/16 Null0\nrouter bgp {{asn}}\n neighbor {own} remote-as 65002\nexit\n"
    wanted = with_lines(before.running, lines)
    if mode == "merge":
        wanted = wanted.removeprefix(before.running.removesuffix("end\n")).removesuffix("end\n")
    change = await leaf.propose(before.running, wanted, mode)  # type: ignore[arg-type]  # a parameter of the test is any text
    with pytest.raises(Rejected, match=r"Can not configure the local system as neighbor.*put back as it was"):
        await leaf.apply(change)
    assert await leaf.snapshot() == before


async def test_a_merge_adds_and_removes_and_is_then_unchanged(leaf: FrrSession) -> None:
    for fragment, expected in (
        ("ip route 10.96.0.0/16 Null0\n", ("+ip route 10.96.0.0/16 Null0",)),
        ("no ip route 10.96.0.0/16 Null0\n", ("-ip route 10.96.0.0/16 Null0",)),
    ):
        change = await leaf.propose((await leaf.snapshot()).running, fragment, "merge")
        assert change.diff == expected
        await leaf.apply(change)
        assert (await leaf.propose((await leaf.snapshot()).running, fragment, "merge")).empty


def processes_with(text: bytes) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                if text in (process / part).read_bytes():
                    yield process / part


class Watch(threading.Thread):
    """Looks at every process of this machine and its routers, over and over."""

    def __init__(self, *texts: str) -> None:
        super().__init__(daemon=True)
        self.texts = texts
        self.seen: set[str] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            self.seen.update(text for text in self.texts for _process in processes_with(text.encode()))


async def test_no_process_shows_a_secret_and_no_file_stays_behind(leaf: FrrSession) -> None:
    before = await leaf.snapshot()
    watch = Watch(SECRET, "commands.conf")
    watch.start()
    await replace(leaf, with_lines(before.running, POLICY))
    await replace(leaf, with_lines(before.running, POLICY.replace(SECRET, f"{SECRET}-2")))
    await leaf.restore(before)
    watch.done.set()
    watch.join()
    # That the commands' file was seen shows that the watch sees what there is.
    assert watch.seen == {"commands.conf"}
    # Tests of another process have such files too, for a moment; a file that stayed behind is there for ever.
    left = await workspaces(leaf)
    deadline = time.monotonic() + DEADLINE
    while left:
        assert time.monotonic() < deadline, f"stayed behind: {sorted(left)}"
        await asyncio.sleep(0.2)
        left &= await workspaces(leaf)


async def workspaces(leaf: FrrSession) -> set[str]:
    """The agent's folders of temporary files: all routers of a machine share the directories that hold them."""
    shown = await leaf.command("ls -d /dev/shm/raywright-fleet-* /tmp/raywright-fleet-* 2>/dev/null; true", shell=True)
    return set(shown.split())


async def held(leaf: FrrSession) -> bool:
    try:
        await leaf.command("flock -n /var/run/frr true", shell=True)
    except CommandFailed:
        return True
    return False


async def test_a_change_whose_session_is_cut_runs_to_its_end_and_the_next_reader_waits_for_it(
    leaf: FrrSession,
    routers: Routers,
) -> None:
    before = await leaf.snapshot()
    lines = "".join(f"ip prefix-list CUT seq {n} permit 10.{n}.0.0/16\n" for n in range(1, 201))
    wanted = with_lines(before.running, lines)
    async with session(routers.device("leaf1")) as doomed:
        change = await doomed.propose(before.running, wanted, "replace")
        push = asyncio.create_task(doomed.apply(change))
        while not await held(leaf):
            assert not push.done()
        doomed.connection.abort()
        with pytest.raises(SessionLost):
            await push
    after = await leaf.snapshot()
    assert after.running.count("ip prefix-list CUT ") == 200


async def test_two_sessions_never_change_a_router_at_once(leaf: FrrSession, routers: Routers) -> None:
    before = await leaf.snapshot()
    change = await leaf.propose(before.running, with_lines(before.running, "ip route 10.95.0.0/16 Null0\n"), "replace")
    release = asyncio.create_task(
        leaf.command("flock /var/run/frr sh -c 'sleep 600 & echo $! >/tmp/holder; wait'", shell=True)
    )
    async with session(routers.device("leaf1", timeout=3.0)) as second:
        while not await held(second):
            assert not release.done()
        with pytest.raises(CommandFailed, match="another session is changing this router"):
            await second.apply(change)
        with pytest.raises(CommandFailed, match="another session is changing this router"):
            await second.snapshot()
        await second.command("kill $(cat /tmp/holder); rm /tmp/holder", shell=True)
    with contextlib.suppress(CommandFailed):
        await release
    assert await leaf.snapshot() == before


async def read(device: Device) -> Snapshot:
    async with session(device) as opened:
        return await opened.snapshot()


async def test_a_user_who_may_not_run_vtysh_escalates_with_or_without_a_password(
    leaf: FrrSession,
    routers: Routers,
) -> None:
    before = await leaf.snapshot()
    wanted = with_lines(before.running, "ip route 10.94.0.0/16 Null0\n")
    for who in ({"user": "labuser"}, {"user": "labsudo", "become_password": routers.password}):
        async with session(routers.device("leaf1", become=True, **who)) as root:
            assert await root.snapshot() == before
            await replace(root, wanted)
            await root.save()
            await root.restore(before)
            assert await root.snapshot() == before
            assert (await root.command("id -un", shell=True)).strip() == "root"


async def test_a_refused_escalation_is_a_refused_login_and_shows_no_password(routers: Routers) -> None:
    with pytest.raises(LoginRefused, match="sudo to root was refused") as refused:
        await read(routers.device("leaf1", user="labsudo", become=True, become_password="wrong-" + SECRET))
    assert SECRET not in str(refused.value)
    with pytest.raises(LoginRefused, match="password is required"):
        await read(routers.device("leaf1", user="labsudo", become=True))
    with pytest.raises(CommandFailed, match="frrvty, or set ansible_become"):
        await read(routers.device("leaf1", user="labuser"))


async def test_a_password_logs_in_and_what_is_wrong_is_told_apart(routers: Routers) -> None:
    plain = {"private_key": None, "password": routers.password}
    assert (await read(routers.device("leaf2", **plain))).running
    for changes, kind in (
        ({**plain, "password": "wrong"}, LoginRefused),
        ({"known_hosts": ""}, HostKeyRefused),
        ({"host": routers.hosts["leaf1"]["ansible_host"], "known_hosts": swapped(routers)}, HostKeyRefused),
        ({"port": 23}, Unreachable),
    ):
        with pytest.raises(DeviceError) as refused:
            await DRIVER.connect(routers.device("leaf2", **changes))
        assert refused.type is kind, changes


def swapped(routers: Routers) -> str:
    """Two routers' host keys, each under the other's address."""
    one, two = (routers.hosts[name]["ansible_host"] for name in ("leaf1", "leaf2"))
    known = (routers.directory / "known_hosts").read_text()
    return known.replace(one + " ", "@ ").replace(two + " ", one + " ").replace("@ ", two + " ")


async def test_a_change_is_made_only_to_what_it_was_planned_on_in_one_step_with_the_comparison(
    leaf: FrrSession,
) -> None:
    before = await leaf.snapshot()
    change = await leaf.propose(before.running, "ip route 10.96.0.0/16 Null0\n", "merge")
    other = with_lines(before.running, "ip route 10.95.0.0/16 Null0\n")
    with pytest.raises(Moved, match="not the one the change was planned on; nothing was sent"):
        await leaf.apply_to(other, change)
    assert await leaf.snapshot() == before
    assert "10.96.0.0/16" in (await leaf.apply_to(before.running, change) or "")


async def test_a_change_that_never_got_the_lock_says_that_nothing_was_sent(leaf: FrrSession, routers: Routers) -> None:
    before = await leaf.snapshot()
    change = await leaf.propose(before.running, "ip route 10.96.0.0/16 Null0\n", "merge")
    quick = dataclasses.replace(routers.device("leaf1"), timeout=3)
    holding = asyncio.create_task(leaf.command("flock -x /var/run/frr sleep 6", shell=True))
    async with session(quick) as other:
        await asyncio.sleep(1)
        with pytest.raises(NothingSent, match="another session is changing this router"):
            await other.apply_to(before.running, change)
    await holding
    assert await leaf.snapshot() == before


async def described(leaf: FrrSession) -> tuple[Snapshot, Change]:
    """What a router is now, and a change that needs bgpd."""
    before = await leaf.snapshot()
    neighbor = re.search(r"neighbor (\S+) remote-as", before.running)
    assert neighbor
    lines = f"router bgp {{asn}}\n neighbor {neighbor[1]} description after the change\nexit\n"
    return before, await leaf.propose(before.running, with_lines(before.running, lines), "replace")


async def lose_bgpd_amid(leaf: FrrSession, before: Snapshot, change: Change, hold: Hold | None = None) -> None:
    """Have bgpd killed while the change is made, which must not pass for made, and started again by FRR's watchdog."""
    pid = int(await leaf.command("cat /var/run/frr/bgpd.pid", shell=True))
    kill = f"until pgrep -f [f]rr-reload.py; do sleep 0.01; done; kill -9 {pid}"
    killing = asyncio.create_task(asyncio.to_thread(console, f"{own_lab('d')['lab_name']}-leaf1", "sh", "-c", kill))
    await asyncio.sleep(0.5)
    with pytest.raises(DeviceError, match=r"bgpd (died|ended)"):
        await leaf.apply_to(before.running, change, hold)
    await killing
    await leaf.command(f"while [ $(cat /var/run/frr/bgpd.pid) = {pid} ]; do sleep 0.5; done; sleep 3", shell=True)


async def test_a_daemon_that_dies_while_the_change_is_made_is_no_proof_of_it_and_the_next_try_makes_it(
    leaf: FrrSession, routers: Routers
) -> None:
    before, change = await described(leaf)
    await lose_bgpd_amid(leaf, before, change)
    async with session(routers.device("leaf1")) as again:
        await again.apply(await again.propose(await again.running(), change.wanted, "replace"))
        assert "after the change" in await again.running()
        await again.save()
        assert "after the change" in ((await again.snapshot()).startup or "")


async def test_what_is_half_made_on_trial_when_a_daemon_dies_can_be_taken_back(
    leaf: FrrSession, routers: Routers
) -> None:
    before, change = await described(leaf)
    await lose_bgpd_amid(leaf, before, change, Hold("run-1", 300))
    async with session(routers.device("leaf1")) as again:
        held = await again.held()
        assert held is not None
        assert held.token == "run-1"
        await again.cancel("run-1")
        assert await again.held() is None
        assert await again.snapshot() == before
