# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms without a candidate: commands one by one, each of which takes effect at once.

hier_config works the commands out, from what runs on the device at that moment. The first that is refused ends the
change, and the caller restores; what became of the change is read back, never assumed.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ...errors import CommandFailed, Rejected
from ..base import Change, Hold, Mode, Proof, Snapshot, WithoutHold
from .session import CliSession
from .shell import literally

if TYPE_CHECKING:
    from .tree import Remedy, Rules

T = TypeVar("T")

_SAVED = Proof(
    "not_proved",
    "the saved configuration is another than the running one and could not be written back by itself; save it first",
)


class LinesSession(WithoutHold, CliSession):
    """A session with a device on which every line takes effect at once."""

    _unsaved = False
    """The saved configuration was another than the running one when both were read last."""
    _read_last: str | None = None
    """The running configuration as this session read it last, unless it has changed something since."""

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        if not self._normal(wanted):
            raise Rejected(self._say("the wanted configuration is empty; check the template for this device"))
        found = await self._remedy(running, wanted, mode)
        self._require_typable("\n".join(found.commands))
        proof = _SAVED if self._unsaved and found.proof.verdict == "proved" and found.diff else found.proof
        return Change(mode, wanted, found.diff, proof)

    async def running(self) -> str:
        self._read_last = await super().running()
        return self._read_last

    async def snapshot(self) -> Snapshot:
        read = await super().snapshot()
        self._unsaved = read.startup is not None and not self._same(read.startup, read.running)
        return read

    def _same(self, one: str, other: str) -> bool:
        return self._normal(one) == self._normal(other)

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        self.refuse_hold(hold)
        await self._change(change.wanted, change.mode)

    async def restore(self, snapshot: Snapshot) -> None:
        if await self.running() != snapshot.running:
            await self._change(snapshot.running, "replace")
            if await self.running() != snapshot.running:
                raise CommandFailed(
                    self._say("the configuration that was restored is not what runs now; compare it with the snapshot")
                )
        await self._restore_startup(snapshot)

    async def _restore_startup(self, snapshot: Snapshot) -> None:
        command = self._platform.startup
        if command is None or snapshot.startup is None or await self._read(command) == snapshot.startup:
            return
        if not self._same(snapshot.startup, snapshot.running):
            raise CommandFailed(
                self._say(
                    "the running configuration is restored; the saved one was another and cannot be written by itself: "
                    "compare it with the snapshot and save by hand"
                )
            )
        await self.save()

    async def _change(self, wanted: str, mode: Mode, configure: str | None = None) -> None:
        # What was read to decide about the change is what it is worked out from: on a large device reading takes long.
        running = await self.running() if self._read_last is None else self._read_last
        commands = await self._commands(running, wanted, mode)
        if not commands:
            return
        self._require_typable("\n".join(commands))
        self._read_last = None
        self._expect_renaming(running, wanted)
        await self._enter(configure or self._platform.configure)
        for number, command in enumerate(commands, start=1):
            answer = await self._ask(literally(command), changing=True)
            if reason := self._refusal(answer):
                await self._ask(self._platform.leave, changing=True)
                first = " ".join(command.split()[:2])
                raise Rejected(
                    self._say(f"the device refused line {number} of {len(commands)} ('{first} ...'): {reason}")
                )
        await self._ask(self._platform.leave, changing=True)

    async def _enter(self, command: str) -> None:
        answer = await self._ask(command)
        if not self._shell.prompt.endswith(")#"):
            raise Rejected(self._say(f"it does not let us configure: {self._refusal(answer) or answer.strip()[:200]}"))

    async def _remedy(self, running: str, wanted: str, mode: Mode) -> "Remedy":
        from . import tree  # noqa: PLC0415 - it takes 0.2 s and 10 MB, which nobody shall pay who has a candidate

        return await self._worked_out(tree.remedy, running, wanted, mode)

    async def _commands(self, running: str, wanted: str, mode: Mode) -> tuple[str, ...]:
        from . import tree  # noqa: PLC0415 - as above

        return await self._worked_out(tree.commands, running, wanted, mode)

    async def _worked_out(
        self, how: Callable[["Rules", str, str, Mode], T], running: str, wanted: str, mode: Mode
    ) -> T:
        from . import rules, tree  # noqa: PLC0415 - as above

        driver = getattr(rules, self._platform.rules)
        try:
            # Thousands of lines take seconds, in which no other device would be answered.
            return await asyncio.to_thread(how, driver, self._normal(running), self._normal(wanted), mode)
        except tree.Unreadable as exc:
            raise Rejected(self._say(str(exc))) from None
