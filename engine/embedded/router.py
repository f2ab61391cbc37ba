# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One embedded router: its running and startup configuration, and how a candidate becomes the running one."""

import asyncio
from collections import deque
from typing import Any, Literal

from .config import Config, check, parsed, render
from .fabric import Node
from .faults import NONE, Fault, Faults
from .grammar import ConfigError
from .initial import Secrets, initial_config
from .state import State

Act = Literal["read", "commit"]

_REMEMBERED = 1000


class SessionCut(Exception):
    """The session is to end here, without an answer."""


class Router:
    """Configurations live in files and are read when they are needed: ten thousand routers fit one process."""

    __slots__ = (
        "_edited",
        "_faults",
        "_hand",
        "_late",
        "_persist",
        "_reads",
        "_revert",
        "_secrets",
        "_state",
        "_undone",
        "acts",
        "history",
        "node",
        "revision",
    )

    def __init__(self, node: Node, state: State, secrets: Secrets, faults: Faults) -> None:
        self.node = node
        self.history: list[Any] = []
        """What dialects that number their commits remember of them, the last one first."""
        self.revision = 0
        self._state = state
        self._secrets = secrets
        self._faults = faults
        self._revert: asyncio.TimerHandle | None = None
        self._persist: str | None = None
        self._undone: str | None = None
        self._late: asyncio.TimerHandle | None = None
        self._edited: Config | None = None
        self._hand = NONE
        self._reads = 0
        self.acts: deque[tuple[int, Act]] = deque(maxlen=_REMEMBERED)
        """Which session read the running configuration or replaced it, as a router's accounting would have it."""

    @property
    def fault(self) -> Fault:
        return self._faults.of(self.node.name)

    @property
    def running(self) -> str:
        if self._edited is not None:
            text, self._edited = render(self._edited), None
            self._state.store(self.node.name, "running", text)
        return self._stored("running")

    @property
    def startup(self) -> str:
        return self._stored("startup")

    def read_running(self, session: int = 0) -> str:
        """Answer ``show running-config``, and have somebody change it by hand when that is the fault."""
        self.acts.append((session, "read"))
        fault = self.fault
        if fault.by_hand and fault is not self._hand:
            self._reads += 1
            if self._reads > fault.after_reads:
                self._hand, self._reads = fault, 0
                config = parsed(self.running).copy()
                for line in fault.by_hand:
                    config.add(tuple(line.split()))
                self._replace(render(config))
        return self.running

    def _stored(self, kind: Literal["running", "startup"]) -> str:
        text = self._state.config(self.node.name, kind)
        if text is None:
            text = initial_config(self.node, self._secrets)
            self._state.store(self.node.name, kind, text)
        return text

    def save(self) -> None:
        self._state.store(self.node.name, "startup", self.running)

    def write_startup(self, config: Config) -> None:
        self._state.store(self.node.name, "startup", render(config))

    def must_be_free(self) -> None:
        """Raise ``ConfigError`` while a commit that has lost its session is still to take effect."""
        if self._late is not None:
            raise ConfigError("a commit of another session is in progress")

    def commit(
        self,
        candidate: Config,
        base: int,
        confirm_within: float | None = None,
        persist: str | None = None,
        *,
        session: int = 0,
    ) -> None:
        """Make the candidate the running configuration, whole or not at all.

        Raises ``ConfigError`` when it is refused and ``SessionCut`` where the fault says so. With
        ``confirm_within`` seconds, it is undone unless ``confirm`` comes in time; where it has an id to ``persist``
        under, only whoever names that.
        """
        fault = self.fault
        if fault.cut == "before-commit" and fault.strike():
            raise SessionCut
        check(candidate)
        if fault.reject and fault.strike():
            raise ConfigError(fault.reject)
        if self._revert is not None:
            raise ConfigError("a confirmed commit of another session is pending")
        if base != self.revision:
            raise ConfigError("the running configuration has changed since this session entered configuration mode")
        if fault.cut == "during-commit" and fault.strike():
            self._late = asyncio.get_running_loop().call_later(
                fault.commit_seconds, self._take_effect, render(candidate), session
            )
            raise SessionCut
        before = self.running
        self._take_effect(render(candidate), session)
        if confirm_within is not None:
            self._try(before, confirm_within, persist)
        if fault.revert and fault.strike():
            self._replace(before)
        if fault.cut == "after-commit" and fault.strike():
            raise SessionCut

    def _take_effect(self, text: str, session: int) -> None:
        self._late = None
        self._replace(text)
        self.acts.append((session, "commit"))

    def edit(self, candidate: Config, session: int = 0) -> None:
        """Take a line typed in where every line takes effect at once. Raises as ``commit`` does, without its checks."""
        fault = self.fault
        if fault.cut == "before-commit" and fault.strike():
            raise SessionCut
        if fault.reject and fault.strike():
            raise ConfigError(fault.reject)
        # Written when it is read: a thousand lines would be a thousand whole configurations.
        self._edited = candidate
        self.revision += 1
        self.acts.append((session, "commit"))
        if fault.cut == "after-commit" and fault.strike():
            raise SessionCut

    def begin_trial(self, seconds: float) -> None:
        """Undo all that is changed from now on unless ``confirm`` comes in time. Raises ``ConfigError`` in a trial."""
        if self._revert is not None:
            raise ConfigError("a rollback timer is running already")
        self._try(self.running, seconds, None)

    def _try(self, before: str, seconds: float, persist: str | None) -> None:
        self._state.store(self.node.name, "unconfirmed", before)
        self._persist, self._undone = persist, None
        self._revert = asyncio.get_running_loop().call_later(seconds, self._undo_late)

    @property
    def unconfirmed(self) -> bool:
        return self._revert is not None

    @property
    def pending(self) -> tuple[str | None, float] | None:
        """The id of the commit that waits for its confirmation, and the seconds that it has left."""
        if self._revert is None:
            return None
        return self._persist, max(0.0, self._revert.when() - asyncio.get_running_loop().time())

    def confirm(self, persist: str | None) -> None:
        """Keep the commit that waits under this id (``None``: under none). Raises ``ConfigError`` where it does not."""
        self._check_persist(persist)
        fault = self.fault
        if fault.cut == "before-confirm" and fault.strike():
            raise SessionCut
        self._settled()
        if fault.cut == "after-confirm" and fault.strike():
            raise SessionCut

    def cancel(self, persist: str | None) -> None:
        """Undo the commit that waits under this id now. Raises ``ConfigError`` where none does."""
        self._check_persist(persist)
        self.undo()

    def _check_persist(self, persist: str | None) -> None:
        if self._revert is None:
            undone = f"; that of {self._undone} was undone when its time was over" if self._undone else ""
            raise ConfigError(f"no commit waits for its confirmation{undone}")
        if persist != self._persist:
            raise ConfigError(f"the commit that waits for its confirmation is that of {self._persist or 'a session'}")

    def _undo_late(self) -> None:
        self._undone = self._persist
        self.undo()

    def undo(self) -> None:
        """Bring back what ran before an unconfirmed commit; also after a restart, which ends every deadline."""
        before = self._state.config(self.node.name, "unconfirmed")
        if before is not None:
            self._replace(before)
        self._settled()

    def _settled(self) -> None:
        self.stop()
        self._state.forget(self.node.name, "unconfirmed")

    def stop(self) -> None:
        """End the clocks: of a confirmed commit, which the next start undoes, and of one that is to take effect."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._revert is not None:
            self._revert.cancel()
            self._revert = None

    def close(self) -> None:
        """Leave nothing in memory that is not in the files."""
        self.stop()
        if self._edited is not None:
            self._state.store(self.node.name, "running", render(self._edited))

    def _replace(self, text: str) -> None:
        self._edited = None
        self._state.store(self.node.name, "running", text)
        self.revision += 1
