# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CLI driver on real routers: FRR through vtysh, as if it were a device without a candidate."""

from dataclasses import replace

import pytest

from engine.devices import registry
from engine.devices.base import Hold, Proof
from engine.errors import HostKeyRefused, Rejected
from tests.integration.routers import running as lab
from tests.integration.routers import why_not

pytestmark = [pytest.mark.frr, pytest.mark.skipif(bool(why_not()), reason=why_not() or "real routers")]

ADDED = """\
ip route 10.99.0.0/16 Null0
ip prefix-list CLI seq 5 permit 10.0.0.0/8 le 24
ip prefix-list CLI seq 10 deny any
route-map CLI permit 10
 match ip address prefix-list CLI
 set metric 7
exit
"""


@pytest.fixture(scope="module")
def routers(tmp_path_factory):
    with lab(tmp_path_factory.mktemp("cli")) as found:
        yield found


@pytest.fixture
def device(routers):
    # vtysh logs in to FRR's daemons, which is for root or the group frrvty: the lab's user is in it.
    return routers.device(next(name for name in routers.hosts if name.startswith("leaf")), network_os="vtysh")


@pytest.fixture
async def session(device):
    opened = await registry.driver("vtysh").connect(device)
    before = await opened.snapshot()
    yield opened
    await opened.restore(before)
    await opened.close()


def with_another_peer(running):
    """A second neighbour, and one policy more."""
    head, _mark, rest = running.partition("router bgp ")
    number, _newline, body = rest.partition("\n")
    peer = " neighbor 192.0.2.77 remote-as 65077\n neighbor 192.0.2.77 description far away?\n"
    return f"{ADDED}{head}router bgp {number}\n{peer}{body}"


async def test_a_change_on_a_real_router_is_planned_made_repeated_and_taken_back_byte_for_byte(session):
    driver = registry.driver("vtysh")
    before = await session.snapshot()
    wanted = with_another_peer(before.running)
    change = await session.propose(before.running, wanted, "replace")
    assert change.rollback == Proof("proved")
    assert "+ neighbor 192.0.2.77 remote-as 65077" in change.diff
    assert (await session.snapshot()).running == before.running
    await session.apply(change)
    after = (await session.snapshot()).running
    assert "neighbor 192.0.2.77 description far away?" in after
    assert (await session.propose(after, wanted, "replace")).empty
    assert driver.normalise(after) != driver.normalise(before.running)
    await session.restore(before)
    assert (await session.snapshot()).running == before.running


async def test_a_merge_on_a_real_router_adds_and_is_then_no_change(session):
    before = await session.snapshot()
    change = await session.propose(before.running, ADDED, "merge")
    await session.apply(change)
    after = (await session.snapshot()).running
    assert "route-map CLI permit 10\n match ip address prefix-list CLI\n set metric 7\n" in after
    assert (await session.propose(after, ADDED, "merge")).empty


async def test_what_a_real_router_refuses_ends_the_change_and_can_be_taken_back(session):
    before = await session.snapshot()
    change = await session.propose(before.running, before.running + "ip route 10.99.0.0/16 nowhere at all\n", "replace")
    with pytest.raises(Rejected, match=r"refused line 1 of 1 \('ip route \.\.\.'\)"):
        await session.apply(change)
    await session.restore(before)
    assert (await session.snapshot()).running == before.running


async def test_frr_holds_no_change_on_trial_by_itself(session):
    before = await session.snapshot()
    change = await session.propose(before.running, ADDED, "merge")
    with pytest.raises(Rejected, match="cannot take a change back by itself"):
        await session.apply(change, Hold("run-1", 60))
    assert (await session.snapshot()).running == before.running


async def test_five_hundred_lines_reach_a_real_router_prompt_by_prompt(session):
    before = await session.snapshot()
    routes = "".join(f"ip route 10.{100 + n // 250}.{n % 250}.0/24 Null0\n" for n in range(500))
    await session.apply(await session.propose(before.running, routes, "merge"))
    assert (await session.snapshot()).running.count("Null0") >= 500
    await session.restore(before)
    assert (await session.snapshot()).running == before.running


async def test_a_real_router_with_another_host_key_is_refused(device):
    with pytest.raises(HostKeyRefused):
        await registry.driver("vtysh").connect(replace(device, known_hosts=""))
