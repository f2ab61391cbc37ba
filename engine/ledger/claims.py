# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run holds which devices, so that two rollouts never change the same one at once.

A device is held under its inventory name and under its address: the same device under two names is one device. What a
run holds follows from its state:

==============================  ================================================================
state of the run                what it holds
==============================  ================================================================
planning ... paused (open)      all its devices
stopped, failed, completed      devices in doubt: outcome ``unknown``, or a change on trial that
                                nobody confirmed; and those of a rollback that was not finished
rolled_back, abandoned          nothing
==============================  ================================================================

Devices in doubt are let go when they have been read since: by a run of the same name or one that follows it, by a
rollback, or by a person who looked (``release_devices``).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, type_coerce, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from ..errors import DevicesHeld, LedgerError
from . import tables
from .records import Run
from .states import ENDED, FINISHED
from .store import Store, Writing

OPEN: Final = "open"
DOUBT: Final = "doubt"
ROLLBACK: Final = "rollback"

_LETS_GO: Final = frozenset({"rolled_back", "abandoned"})
_CLOSED: Final = FINISHED | ENDED["rollout"]
_BATCH: Final = 5_000
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that holds devices which somebody else asks for."""

    run: str
    name: str
    requester: str
    state: str
    began: datetime
    why: str
    """``open``, ``doubt`` or ``rollback``."""
    devices: tuple[str, ...]
    """Those asked for, by the names that they are asked for by."""

    def __str__(self) -> str:
        more = f" and {len(self.devices) - _NAMED} more" if len(self.devices) > _NAMED else ""
        what = {OPEN: self.state, DOUBT: f"{self.state}, in doubt", ROLLBACK: f"{self.state}, being rolled back"}
        return (
            f"{', '.join(self.devices[:_NAMED])}{more} by run {self.run} of {self.name} ({what[self.why]}; begun by "
            f"{self.requester} {self.began:%Y-%m-%d %H:%M:%S} UTC). {self._way_out()}"
        )

    def _way_out(self) -> str:
        if self.why == ROLLBACK:
            return f"Wait for the rollback to end, or go on with it: raywright.fleet.rollback with run={self.run}"
        if self.why == DOUBT:
            return (
                f"It is not known what became of them: run {self.name} again, which reads them first; or roll the run "
                "back; or, once somebody has looked at them, let them go: ansible localhost -m raywright.fleet.run "
                f"-a 'state=release run={self.run} reason=...'"
            )
        return (
            "Wait for it to end; or run its command again, which goes on with it; or give it up: ansible localhost "
            f"-m raywright.fleet.run -a 'state=abandon run={self.run} reason=...'"
        )


class Claims(Store):
    def holders(self, devices: Mapping[str, str], *, name: str, follows: str | None = None) -> list[Holder]:
        """Return the runs that keep a run called ``name`` from ``devices`` (addresses by name). One query."""
        with self._read() as connection:
            return _holders(connection, devices, name=name, follows=follows)

    def doubted(self, devices: Mapping[str, str], *, name: str, follows: str | None = None) -> set[str]:
        """Return those of ``devices`` (addresses by name) that runs of this name, or that it follows, left in doubt."""
        claims = tables.claims.c
        asked = {key: device for device, key in _pairs(devices)}
        with self._read() as connection:
            query = (
                select(claims.key)
                .join(tables.runs, tables.runs.c.id == claims.run_id)
                .where(claims.key.in_(_texts(connection, asked)), _settled_by(name, follows))
            )
            return {asked[key] for key in connection.execute(query).scalars()}

    def held(self, run_id: str) -> dict[str, str]:
        """Return why a run holds each of its devices, by the device's name."""
        with self._read() as connection:
            rows = select(tables.claims.c.device, tables.claims.c.why).where(tables.claims.c.run_id == run_id)
            return {row.device: row.why for row in connection.execute(rows)}

    def claim_for_rollback(self, run_id: str, devices: Mapping[str, str]) -> None:
        """Have a run hold ``devices``, which it may have let go, until its rollback has ended.

        Raises ``DevicesHeld`` where another run has them by now.
        """
        with self._write() as write:
            name = write.connection.execute(select(tables.runs.c.name).where(tables.runs.c.id == run_id)).scalar_one()
            take(write, run_id, name, devices, why=ROLLBACK)
            write.event(run_id, "claims.taken", {"why": ROLLBACK, "devices": len(devices)})

    def settle_devices(self, run_id: str) -> None:
        """Let go of what the run, as it is now, need not hold any more."""
        with self._write() as write:
            state = write.connection.execute(select(tables.runs.c.state).where(tables.runs.c.id == run_id)).scalar_one()
            settle(write, run_id, state)

    def release_devices(self, run_id: str, *, by: str, reason: str) -> list[str]:
        """Let go of the devices that a run which has ended holds, because a person looked at them; return which."""
        with self._write() as write:
            state = write.connection.execute(
                select(tables.runs.c.state).where(tables.runs.c.id == run_id)
            ).scalar_one_or_none()
            if state not in _CLOSED:
                raise LedgerError(
                    f"Run {run_id} is {state or 'not in the ledger'}: only a run that has ended lets go of devices; "
                    "abandon it to give it up."
                )
            mine = tables.claims.c.run_id == run_id
            names = sorted(set(write.connection.execute(select(tables.claims.c.device).where(mine)).scalars()))
            if names:
                write.connection.execute(delete(tables.claims).where(mine))
                write.event(run_id, "claims.released", {"by": by, "reason": reason, "devices": names})
            return names


def take(
    write: Writing, run_id: str, name: str, devices: Mapping[str, str], *, why: str = OPEN, follows: str | None = None
) -> None:
    """Have a run hold ``devices`` (addresses by name). Raises ``DevicesHeld`` naming who has some of them.

    Every writer holds the chain head, so of two that come at once the second one sees what the first one took.
    """
    if holders := _holders(write.connection, devices, name=name, follows=follows, but=run_id):
        asked = len(devices)
        held = len({device for holder in holders for device in holder.devices})
        raise DevicesHeld(
            f"{held} of the {asked} devices are held by another run, nothing was touched: "
            f"{'; '.join(map(str, holders))}. Or leave those devices out (--limit)"
        )
    rows = [{"run_id": run_id, "key": key, "device": device, "why": why} for device, key in _pairs(devices)]
    mine = tables.claims.c.run_id == run_id
    write.connection.execute(
        delete(tables.claims).where(mine, tables.claims.c.device.in_(_texts(write.connection, devices)))
    )
    for start in range(0, len(rows), _BATCH):
        write.connection.execute(insert(tables.claims), rows[start : start + _BATCH])


def settle(write: Writing, run_id: str, state: str) -> None:
    """Bring what a run holds in line with its state and its targets' outcomes; part of the move to that state."""
    claims = tables.claims.c
    mine = claims.run_id == run_id
    if write.connection.execute(select(func.count()).select_from(tables.claims).where(mine)).scalar_one() == 0:
        return
    if state not in _CLOSED:
        write.connection.execute(update(tables.claims).where(mine).values(why=OPEN))
        return
    _settle_earlier(write, run_id)
    if state not in _LETS_GO:
        targets = tables.targets.c
        # Details are canonical JSON, in which a text cannot look like a key: its quotes are escaped.
        on_trial = (targets.outcome == "changed") & type_coerce(targets.detail, Text).like('%"unconfirmed":true%')
        doubtful = select(targets.name).where(targets.run_id == run_id, (targets.outcome == "unknown") | on_trial)
        write.connection.execute(delete(tables.claims).where(mine, claims.device.not_in(doubtful)))
        write.connection.execute(update(tables.claims).where(mine).values(why=DOUBT))
    else:
        write.connection.execute(delete(tables.claims).where(mine))


def _settle_earlier(write: Writing, run_id: str) -> None:
    """A device that an earlier run left in doubt was read by this one: the earlier one lets go of it."""
    claims, targets = tables.claims, tables.targets
    mine = claims.alias("mine")
    earlier = (
        select(claims.c.run_id, claims.c.device, mine.c.device.label("own"))
        .join(mine, mine.c.key == claims.c.key)
        .where(mine.c.run_id == run_id, claims.c.run_id != run_id, claims.c.why == DOUBT)
        .distinct()
    )
    found = write.connection.execute(earlier).all()
    if not found:
        return
    own = select(targets.c.name, targets.c.outcome, targets.c.detail).where(
        targets.c.run_id == run_id, targets.c.name.in_(_texts(write.connection, [row.own for row in found]))
    )
    known = {
        row.name
        for row in write.connection.execute(own)
        if row.outcome != "unknown" and (row.detail.get("before") or row.detail.get("after"))
    }
    gone = [{"of_run": row.run_id, "of_device": row.device} for row in found if row.own in known]
    if gone:
        one = (claims.c.run_id == bindparam("of_run"), claims.c.device == bindparam("of_device"))
        write.connection.execute(delete(claims).where(*one), gone)


def _holders(
    connection: Connection, devices: Mapping[str, str], *, name: str, follows: str | None, but: str | None = None
) -> list[Holder]:
    claims, runs = tables.claims.c, tables.runs.c
    asked = {key: device for device, key in _pairs(devices)}
    query = (
        select(claims.key, claims.why, runs.id, runs.name, runs.requester, runs.state, runs.created)
        .join(tables.runs, runs.id == claims.run_id)
        .where(claims.key.in_(_texts(connection, asked)), ~_settled_by(name, follows), runs.id != (but or ""))
        .order_by(runs.number)
    )
    found: dict[str, Any] = {}
    names: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.id, row)
        names.setdefault(row.id, set()).add(asked[row.key])
    order = {device: place for place, device in enumerate(devices)}
    return [
        Holder(
            run=row.id,
            name=row.name,
            requester=row.requester,
            state=row.state,
            began=row.created,
            why=row.why,
            devices=tuple(sorted(names[row.id], key=order.__getitem__)),
        )
        for row in found.values()
    ]


def _settled_by(name: str, follows: str | None) -> ColumnElement[bool]:
    """What a run left in doubt is for the next of that name, or one that says so, to read and settle."""
    runs = tables.runs.c
    return (tables.claims.c.why == DOUBT) & ((runs.name == name) | (runs.id == (follows or "")))


def _pairs(devices: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Each device with each of the keys that it is held under."""
    for device, address in devices.items():
        yield device, f"name {device}"
        yield device, f"address {address.lower()}"


def _texts(connection: Connection, texts: Iterable[str]) -> Any:
    """Many texts as one parameter, for ``IN``: a fleet would be more parameters than a statement may have."""
    if connection.dialect.name == "postgresql":
        listed: ColumnElement[Any] = bindparam(None, list(texts), type_=ARRAY(Text))
        return select(func.unnest(listed))
    values = func.json_each(json.dumps(list(texts))).table_valued("value")
    return select(values.c.value)


def following(run: Run) -> str | None:
    """Return the run that ``run`` says it follows: it reads and settles what that one left in doubt."""
    follows = run.definition.get("follows")
    return None if follows is None else str(follows)
