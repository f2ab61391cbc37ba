# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every platform's driver must be able to do.

The contract is read off the promises: a device is read before it is changed (1), what is applied is the change that
was planned (2), planning touches nothing (5), the platform knows where its configurations hold secrets (6), and a
refused or interrupted change is told apart (1). One driver a file; ``registry`` maps ``ansible_network_os`` to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol, runtime_checkable

from ..errors import NotHeld, Rejected

Mode = Literal["replace", "merge"]


@dataclass(frozen=True, slots=True)
class Device:
    """How one device is reached. Credentials stay out of ``repr``, so out of logs and tracebacks."""

    name: str
    network_os: str
    host: str
    port: int = 22
    user: str = ""
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """The key itself (OpenSSH or PEM text), not its path: a worker may run on another machine."""
    private_key_passphrase: str | None = field(default=None, repr=False)
    become: bool = False
    become_user: str = "root"
    become_password: str | None = field(default=None, repr=False)
    known_hosts: str | None = field(default=None, repr=False)
    """The known_hosts lines that count for this device, hashed names included; ``None``: keys are not checked."""
    timeout: float = 60.0
    """Seconds that one exchange with the device may take."""
    connect_timeout: float = 10.0
    """Seconds until a device that does not answer at all counts as unreachable."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What restores a device byte for byte. Holds secrets: travels and rests sealed."""

    running: str = field(repr=False)
    startup: str | None = field(default=None, repr=False)
    """The saved configuration, where the platform keeps one that can be read; ``None`` where there is none."""
    unsaved: bool = False
    """The platform keeps one, and nothing was saved yet: what is saved later is removed to restore that."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the way back was walked before anything was touched: the change, then its rollback, and what is left is
    the configuration that was there.
    """

    verdict: Literal["proved", "not_proved", "unprovable"]
    """``not_proved``: it was tried and something else was left; ``unprovable``: this platform has no way to try."""
    reason: str = ""
    """Why it is not proved, for a person. Unmasked."""


UNPROVABLE = Proof("unprovable", "this driver cannot try a rollback beforehand")


@dataclass(frozen=True, slots=True)
class Change:
    """What ``apply`` would do to one device, from the configuration it was planned on."""

    mode: Mode
    wanted: str = field(repr=False)
    """The rendered configuration, true bytes."""
    diff: tuple[str, ...] = field(repr=False)
    """Lines with a first character ``+``, ``-`` or space; empty: nothing to change. Unmasked."""
    rollback: Proof = field(default=UNPROVABLE, repr=False)
    """What is known of the way back when the change is proposed; it is no part of the change itself."""

    @property
    def empty(self) -> bool:
        return not self.diff


@dataclass(frozen=True, slots=True)
class Hold:
    """A change on trial: the device takes it back by itself unless it is confirmed in time."""

    token: str
    """Who may confirm it: the run's id (letters, digits and ``-``). The device keeps it, for whoever confirms comes
    in another session, and mostly from another process."""
    seconds: float
    """From the moment the change is made."""


@dataclass(frozen=True, slots=True)
class Held:
    """A change that is on trial on a device at this moment."""

    token: str | None
    """``None`` where the platform does not say whose it is."""
    remaining: float
    """Seconds until the device takes it back; 0 or less: it is about to."""


class Session(Protocol):
    """One open session with one device. Every method may raise ``SessionLost`` or ``CommandFailed``."""

    async def snapshot(self) -> Snapshot:
        """Read the running configuration, and the saved one where there is one."""

    async def running(self) -> str:
        """Read the running configuration alone."""

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        """Compute the change from ``running`` to ``wanted``. Touches nothing. Raises ``Rejected`` for what the
        device is known to refuse.
        """

    async def apply(self, change: Change, hold: Hold | None = None) -> str | None:
        """Make the change, and give the running configuration that was read back after it, where making it includes
        that. Raises ``Rejected`` where the device refused, with the reason it gave, or where another change is held on
        it; nothing of this one is then held.

        With ``hold`` the device itself takes the change back when the time is over, whatever became of this session,
        of us and of the network: running configuration and, where it changed, the saved one. Only as long as
        the driver's ``longest_hold``. What is held is not saved before it is confirmed.
        """

    async def held(self) -> Held | None:
        """Read which change is held on the device; ``None``: none is. Waits for one that is being taken back.

        Raises ``Rejected`` where this very device cannot hold a change although its platform can.
        """

    async def confirm(self, token: str) -> None:
        """Keep the change held under ``token``; ``save`` comes after. Raises ``NotHeld`` where there is none any more:
        of a confirmation and the end of the time exactly one wins, and both know which.
        """

    async def cancel(self, token: str) -> None:
        """Take the change held under ``token`` back now. Raises ``NotHeld`` where there is none any more."""

    async def save(self) -> None:
        """Make the running configuration survive a reboot."""

    async def restore(self, snapshot: Snapshot) -> None:
        """Bring back running and saved configuration as they were."""

    async def command(self, line: str, *, shell: bool = False) -> str:
        """Run one read-only command on the device's CLI (or its shell, where it has one) and return its output."""

    async def close(self) -> None:
        """End the session; never raises."""


@runtime_checkable
class Comparing(Protocol):
    """A session that compares and changes in one step, so that nothing needs to be read before, and nobody can come in
    between.
    """

    async def apply_to(self, before: str, change: Change, hold: Hold | None = None) -> str | None:
        """``apply``, where the running configuration is ``before``. Raises ``Moved`` where it is not."""


class WithoutHold:
    """The part of ``Session`` of a platform that cannot take a change back by itself (its driver's ``longest_hold`` is
    0). ``apply`` calls ``refuse_hold`` first.
    """

    __slots__ = ()

    async def held(self) -> Held | None:
        return None

    async def confirm(self, token: str) -> None:
        self._nothing_held(token)

    async def cancel(self, token: str) -> None:
        self._nothing_held(token)

    @staticmethod
    def refuse_hold(hold: Hold | None) -> None:
        if hold is not None:
            raise Rejected("this platform cannot take a change back by itself; nothing was sent")

    @staticmethod
    def _nothing_held(token: str) -> NoReturn:
        raise NotHeld(f"no change is held for {token}: this platform cannot hold one")


class Driver(Protocol):
    """One platform."""

    network_os: tuple[str, ...]
    """Values of ``ansible_network_os`` that mean this platform, the plain one first."""
    secrets: Sequence[re.Pattern[str]]
    """Patterns for one line of configuration or output; the group ``secret`` is what is masked."""
    saves_what_it_shows: bool
    """Whether a saved configuration reads like the running one that was saved, so that a difference means something."""
    longest_hold: float
    """Seconds for which ``apply`` can have a device hold a change, natively or by what the driver sets up on the
    device: 0 where it cannot, ``math.inf`` where there is no bound.
    """

    async def connect(self, device: Device) -> Session:
        """Open a session. Raises ``Unreachable``, ``LoginRefused`` or ``HostKeyRefused``."""

    def normalise(self, config: str) -> str:
        """Drop what changes by itself (timestamps, banners of the command), so that equal means equal."""
