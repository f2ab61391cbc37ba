# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms with a candidate: it is loaded, compared by the device itself, and committed or dropped.

A platform says how each of these is done; what follows from what is the same for all.
"""

from abc import ABC, abstractmethod

from ...errors import CommandFailed, NotHeld, Rejected, SessionLost
from ..base import UNPROVABLE, Change, Held, Hold, Mode, Snapshot
from ..candidate import prove_in_candidate
from .session import CliSession


class CandidateSession(CliSession, ABC):
    """The device computes the change and says whether it would take it."""

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        if not self._normal(wanted):
            raise Rejected(self._say("the wanted configuration is empty; check the template for this device"))
        checked = await self._may_check()
        await self._enter()
        try:
            await self._load(mode, wanted)
            diff = await self._compare(mode)
            if diff and checked:
                await self._check()
            rollback = (
                await prove_in_candidate(lambda: self._load("replace", running), lambda: self._compare("replace"))
                if diff
                else UNPROVABLE
            )
        finally:
            await self._abandon()
        return Change(mode, wanted, diff, rollback)

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        if await self.held() is not None:
            # A commit of ours would confirm what somebody else has on trial, or be in its way.
            raise Rejected(self._say("another change is held on it; confirm it or wait until it is taken back"))
        await self._change(change.mode, change.wanted, hold)

    async def restore(self, snapshot: Snapshot) -> None:
        if await self.running() != snapshot.running:
            await self._change("replace", snapshot.running)
            if await self.running() != snapshot.running:
                raise CommandFailed(
                    self._say("the configuration that was restored is not what runs now; compare it with the snapshot")
                )

    @abstractmethod
    async def held(self) -> Held | None:
        """As ``Session.held``."""

    async def _held_under(self, token: str) -> Held:
        held = await self.held()
        if held is None:
            raise NotHeld(self._say(f"no change is held for {token} any more"))
        if held.token != token:
            raise NotHeld(self._say(f"the change that is held is not that of {token}, but of {held.token or 'nobody'}"))
        return held

    async def _change(self, mode: Mode, text: str, hold: Hold | None = None) -> None:
        await self._enter(hold)
        try:
            await self._load(mode, text)
            await self._check()
        except Rejected:
            await self._abandon()
            raise
        self._expect_renaming(text)
        await self._commit(mode, hold)

    async def _may_check(self) -> bool:
        """Whether the candidate may be checked although nothing is to be changed."""
        return True

    async def _enter(self, hold: Hold | None = None) -> None:  # noqa: ARG002 - for platforms whose candidate has a name
        """Begin a candidate."""
        await self._configure(self._platform.configure)

    async def _configure(self, command: str) -> None:
        answer = await self._ask(command)
        reason = self._refusal(answer)
        if reason or not self._configuring():
            raise Rejected(self._say(f"it does not let us configure: {reason or answer.strip()[:200]}"))

    def _configuring(self) -> bool:
        return self._shell.prompt.endswith(")#")

    @abstractmethod
    async def _load(self, mode: Mode, text: str) -> None:
        """Make the candidate this text, or merge it in. Raises ``Rejected`` for what the device does not take."""

    @abstractmethod
    async def _compare(self, mode: Mode) -> tuple[str, ...]:
        """The candidate's difference to what runs, as the lines of ``Change.diff``."""

    async def _check(self) -> None:
        """Have the device check the candidate, where it can. Raises ``Rejected``."""

    @abstractmethod
    async def _commit(self, mode: Mode, hold: Hold | None = None) -> None:
        """Make the candidate what runs. Raises ``Rejected``, or ``SessionLost`` where the outcome is unknown."""

    async def _abandon(self) -> None:
        """Drop the candidate; never raises for a session that is gone, or went in vain."""
        try:
            await self._drop()
        except (SessionLost, CommandFailed):
            return

    @abstractmethod
    async def _drop(self) -> None:
        """End the candidate without a trace of it."""

    def _refused(self, answer: str) -> Rejected:
        return Rejected(
            self._say(f"the device refused the configuration: {self._refusal(answer) or 'no reason given'}")
        )
