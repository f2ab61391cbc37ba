# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine process is told, and what it tells: plain data that pickles and turns into JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..devices.base import Device, Mode, Snapshot

Kind = Literal["plan", "push", "validate", "confirm", "restore"]
"""What is done to a device; there is one procedure for each."""

NO_LIMIT: Mapping[str, Any] = {"max_failure_percentage": 100.0, "min_sample": 1, "fleet": 0}
"""A breaker that never trips: all may fail, and there is no fleet of which too many could."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all devices of one job."""

    run: str
    stage: str
    mode: Mode = "replace"
    concurrency: int = 100
    """Devices in flight at once, all workers together."""
    retries: int = 3
    """Tries of a session; after the first, each waits twice as long, with jitter."""
    timeout: float = 60.0
    soak: float = 0.0
    """Seconds between the last push and the first check."""
    checks: tuple[dict[str, Any], ...] = ()
    breaker: Mapping[str, Any] = field(default_factory=lambda: NO_LIMIT)
    """The fields of ``breaker.Breaker`` to begin with."""
    confirm_timeout: float = 0.0
    """Seconds after which a device takes its change back by itself unless it is confirmed; 0: it is saved at once."""
    confirm_needs: float = 0.0
    """Seconds that the stage may take until it is confirmed: what an earlier try left on trial must last longer."""
    holding: Mapping[str, str] = field(default_factory=dict)
    """By redundancy group, the member that is not in order already, and why: the others are held back."""
    next_hops: tuple[str, ...] = ()
    """Addresses that the way to the devices leads through, from where the sessions are opened."""
    playbook: str = field(default="", repr=False)
    """A sealed ``bundle.Bundle``: the change is a playbook, and devices are acted on in slices (``slices``)."""
    playbook_validates: bool = False
    """Whether the bundle has a playbook that validates."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "checks": list(self.checks),
            "breaker": dict(self.breaker),
            "holding": dict(self.holding),
            "next_hops": list(self.next_hops),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Settings":
        return cls(**{**raw, **{name: tuple(raw.get(name, ())) for name in ("checks", "next_hops")}})


@dataclass(frozen=True, slots=True)
class Task:
    """One device's part of a job. Holds credentials and configurations: crosses machines sealed only."""

    kind: Kind
    device: Device
    wanted: str = field(default="", repr=False)
    diff: tuple[str, ...] = field(default=(), repr=False)
    """The planned change; what is applied is exactly this."""
    before: Snapshot | None = field(default=None, repr=False)
    after: str = ""
    """Fingerprint of the configuration that the push left, where there was one (restore)."""
    touched: bool = False
    """An earlier try may have changed the device: what became of it is unknown until it is read."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Inventory variables that the checks ask for."""
    checks_before: Mapping[str, str] = field(default_factory=dict)
    """Verdicts of the checks that the device did not pass when the plan was made."""
    wave: int = 0
    """Its turn within the job: waves are pushed and validated one after the other."""
    groups: tuple[str, ...] = ()
    """Its redundancy groups: it is touched only when all members before it ended as wanted."""
    strata: tuple[str, ...] = ()
    """What the breaker counts it as, beside fleet and stage."""

    @property
    def name(self) -> str:
        return self.device.name

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Task":
        before = raw.get("before")
        return cls(
            **{
                **raw,
                "device": Device(**raw["device"]),
                "diff": tuple(raw.get("diff", ())),
                "before": Snapshot(**before) if before else None,
                **{name: tuple(raw.get(name, ())) for name in ("secrets", "groups", "strata")},
            }
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one device. Everything in it is masked, sealed or a fingerprint."""

    name: str
    outcome: str
    reason: str = ""
    read_back: str = ""
    """How far the change was on a device whose outcome was unknown until it was read: see ``reading.Finding``."""
    no_session: bool = False
    """It could not be reached to be restored, so nothing was sent: that says nothing against restoring others."""
    restoring: bool = False
    """Restoring it was begun, so it may be half restored."""
    unconfirmed: bool = False
    """The change is on trial: the device takes it back by itself unless it is confirmed."""
    attempts: int = 1
    seconds: float = 0.0
    diff: tuple[str, ...] = ()
    before: str = ""
    """Fingerprint of the configuration that was found."""
    after: str = ""
    """Fingerprint of the configuration that was left."""
    change: str = ""
    """Fingerprint of what would be sent."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """Each check that did not pass: its verdict when planning, its reason afterwards."""
    rollback: str = ""
    """The verdict on the way back, when planning: ``proved``, ``not_proved`` or ``unprovable``."""
    rollback_reason: str = ""
    sealed: Mapping[str, str] = field(default_factory=dict)
    """Sealed artefacts in base64: ``before`` (snapshot) and ``change``."""
    held_for: str = ""
    """The redundancy group for whose sake it was not touched."""
    carries: tuple[str, ...] = ()
    """Those of ``Settings.next_hops`` that are its own addresses: our way to other devices leads through it."""

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in ("", (), {}, False)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Result":
        return cls(**{**raw, **{name: tuple(raw.get(name, ())) for name in ("diff", "carries")}})
