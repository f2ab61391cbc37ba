# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded routers as anybody's SSH client sees them."""

import asyncio
import json

import asyncssh
import pytest

from engine.embedded.running import serving
from engine.errors import InvalidInput

LIMIT = 30


@pytest.fixture
async def fleet(tmp_path):
    async with serving(tmp_path / "fleet", devices=30) as running:
        yield running


def login(fleet, name, **options):
    state = fleet.state
    return asyncssh.connect(
        fleet.nodes[name].host,
        fleet.port,
        username="admin",
        config=None,
        known_hosts=str(state.known_hosts),
        **({"client_keys": [str(state.user_key)]} | options),
    )


async def session(fleet, name, *lines, terminal=False):
    """Type lines into a shell and give all that the router wrote."""
    async with asyncio.timeout(LIMIT), login(fleet, name) as connection:
        kind = {"term_type": "vt100"} if terminal else {}
        result = await connection.run(None, input="".join(line + "\n" for line in lines), check=False, **kind)
    return result.stdout


async def test_a_key_or_the_password_opens_a_router_and_nothing_else_does(fleet):
    password = fleet.state.password()
    async with login(fleet, "leaf-001", client_keys=None, password=password) as connection:
        assert "a fake" in (await connection.run("show version")).stdout
    with pytest.raises(asyncssh.PermissionDenied):
        await login(fleet, "leaf-001", client_keys=None, password="guess")


async def test_a_terminal_is_echoed_and_prompted_and_a_pipe_only_prompted(fleet):
    typed = ["configure", "abort", "exit"]
    assert await session(fleet, "leaf-001", *typed) == "leaf-001> leaf-001(config)# leaf-001> "
    assert await session(fleet, "leaf-001", *typed, terminal=True) == (
        "leaf-001> configure\r\nleaf-001(config)# abort\r\nleaf-001> exit\r\n"
    )


async def test_keys_edit_the_line_and_end_the_input_of_a_terminal(fleet):
    async with asyncio.timeout(LIMIT), login(fleet, "leaf-001") as connection:
        keys = "showw\x7f version\rfoo\x03configure\rload merge\rntp server 10.9.9.9\r\x04compare\rend\r\x04"
        output = (await connection.run(None, input=keys, term_type="vt100")).stdout
    assert "a fake" in output
    assert "Loaded 1 lines" in output
    assert "+ntp server 10.9.9.9" in output


async def test_one_command_can_be_run_and_its_failure_is_its_status(fleet):
    async with login(fleet, "leaf-001") as connection:
        good, bad = [await connection.run(command) for command in ("show running-config", "show nothing")]
    assert good.stdout.endswith("\nend\n")
    assert (good.exit_status, bad.exit_status) == (0, 1)


async def test_what_is_refused_changes_neither_candidate_nor_running(fleet):
    output = await session(
        fleet, "leaf-001", "configure", "load merge", "ntp server 10.9.9.9", "nonsense", ".", "compare", "commit"
    )
    assert "Invalid input at line 2" in output
    assert "+ntp" not in output
    before = fleet.fleet.routers["leaf-002"].running
    output = await session(
        fleet, "leaf-002", "configure", "load merge", "ntp server 10.9.9.9", "router bgp 1", ".", "commit"
    )
    assert "Commit refused: BGP runs in AS" in output
    assert fleet.fleet.routers["leaf-002"].running == before


async def test_replace_leaves_exactly_what_was_loaded(fleet):
    output = await session(fleet, "leaf-001", "configure", "load replace", "hostname other", ".", "commit", "end")
    assert output.endswith("Commit complete.\nother(config)# other> ")
    assert fleet.fleet.routers["leaf-001"].running == "!\nhostname other\n!\nend\n"


async def test_a_commit_over_somebody_elses_change_is_refused(fleet):
    async with asyncio.timeout(LIMIT), login(fleet, "leaf-001") as connection:
        slow = await connection.create_process()
        slow.stdin.write("configure\nntp server 10.9.9.8\n")
        for _prompt in range(3):
            await slow.stdout.readuntil(" ")
        await session(fleet, "leaf-001", "configure", "ntp server 10.9.9.9", "commit")
        slow.stdin.write("commit\n")
        slow.stdin.write_eof()
        assert "has changed since this session" in await slow.stdout.read()
    assert "10.9.9.8" not in fleet.fleet.routers["leaf-001"].running


async def test_a_confirmed_commit_is_undone_unless_it_is_confirmed(fleet):
    router = fleet.fleet.routers["leaf-001"]
    change = ["configure", "ntp server 10.9.9.9", "commit confirmed 300"]
    before = router.running
    await session(fleet, "leaf-001", *change)
    assert "10.9.9.9" in router.running
    router.undo()  # what the timer calls
    assert router.running == before
    await session(fleet, "leaf-001", *change)
    await session(fleet, "leaf-001", "configure", "commit")
    router.undo()
    assert "10.9.9.9" in router.running


async def test_the_timer_of_a_confirmed_commit_runs(fleet):
    router = fleet.fleet.routers["leaf-001"]
    before = router.running
    await session(fleet, "leaf-001", "configure", "ntp server 10.9.9.9", "commit confirmed 1")
    async with asyncio.timeout(LIMIT):
        while router.running != before:  # noqa: ASYNC110 - only the router's own clock ends this
            await asyncio.sleep(0.05)
    assert not router.unconfirmed


async def test_a_restarted_server_knows_every_configuration_and_undoes_the_unconfirmed(tmp_path):
    async with serving(tmp_path, devices=4) as fleet:
        before = fleet.fleet.routers["leaf-002"].running
        await session(fleet, "leaf-001", "configure", "ntp server 10.9.9.9", "commit", "end", "write memory")
        await session(fleet, "leaf-002", "configure", "ntp server 10.9.9.9", "commit confirmed 300")
    async with serving(tmp_path, devices=4) as fleet:
        one, two = (fleet.fleet.routers[name] for name in ("leaf-001", "leaf-002"))
        assert "10.9.9.9" in one.running
        assert one.startup == one.running
        assert two.running == before


async def test_a_directory_belongs_to_one_server_and_one_size_of_fleet(tmp_path):
    async with serving(tmp_path, devices=4):
        with pytest.raises(InvalidInput, match="another embedded fleet runs there"):
            async with serving(tmp_path, devices=4):
                pass
    with pytest.raises(InvalidInput, match="holds a fleet of 4 devices, not 5"):
        async with serving(tmp_path, devices=5):
            pass
    async with serving(tmp_path, devices=5, reset=True) as fleet:
        assert len(fleet.nodes) == 5


async def test_sessions_are_up_only_while_both_ends_agree_and_routes_follow_them(fleet):
    async def answer(name, command):
        async with login(fleet, name) as connection:
            return (await connection.run(command)).stdout

    async def summary(name):
        return json.loads(await answer(name, "show bgp summary json"))

    async def found(name, prefix):
        return json.loads(await answer(name, f"show route {prefix} json"))["found"]

    assert (await summary("leaf-001"))["failedPeers"] == 0
    assert await found("leaf-002", "10.0.1.0/24")
    assert not await found("leaf-002", "192.0.2.0/24")
    spines = [link.peer for link in fleet.nodes["leaf-001"].links]
    asn, wrong = f"router bgp {fleet.nodes['leaf-001'].asn}", "remote-as 65533"
    for link in fleet.nodes["leaf-001"].links:
        await session(fleet, "leaf-001", "configure", asn, f"neighbor {link.peer_address} {wrong}", "commit")
    assert (await summary("leaf-001"))["establishedPeers"] == 0
    assert (await summary(spines[0]))["failedPeers"] == 1
    assert not await found("leaf-002", "10.0.1.0/24")


async def test_no_secret_of_the_directory_is_readable_by_others(fleet):
    for path in fleet.state.directory.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.is_dir(), path
    assert fleet.state.directory.stat().st_mode & 0o077 == 0


async def test_an_unreachable_router_resets_the_connection(fleet):
    fleet.state.faults.write_text('{"leaf-00*": {"unreachable": true}}')
    with pytest.raises((OSError, asyncssh.Error)):
        await login(fleet, "leaf-001")
    async with login(fleet, "leaf-010"):
        pass
