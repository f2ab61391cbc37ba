# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: ending the trial of a stage's devices: their changes are confirmed, or taken back now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ansible.errors import AnsibleActionFail
from ansible_collections.raywright.fleet.plugins.plugin_utils import _rollout
from ansible_collections.raywright.fleet.plugins.plugin_utils._jobs import engine_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ansible_collections.raywright.fleet.engine.ledger import Ledger, Run, Target
    from ansible_collections.raywright.fleet.engine.plan.policy import Policy
    from ansible_collections.raywright.fleet.engine.rollout.recording import Recorder
    from ansible_collections.raywright.fleet.engine.sealing.key import FleetKey
    from ansible_collections.raywright.fleet.plugins.plugin_utils._devices import Reached


@dataclass(frozen=True)
class Trial:
    """One stage's devices that hold their changes."""

    ledger: Ledger
    run: Run
    policy: Policy
    stage: str
    key: FleetKey
    folder: Path
    journal: Path
    """The stage's own: what it says of a device is one story, from push to confirmation."""
    ray_address: str
    reach: Callable[[Sequence[str]], list[Reached]]
    targets: Sequence[Target]
    recorder: Recorder
    beat: Callable[[], None]

    def end(self, *, keep: bool) -> list[str]:
        """Confirm what is as wanted when ``keep``, have the rest taken back now; say why some were not confirmed."""
        on_trial = self.recorder.unconfirmed
        kept = [name for name in on_trial if keep and self.recorder.outcomes[name] == "changed"]
        self._do("confirm", kept)
        self._do("restore", sorted(set(on_trial).difference(kept)))
        return [self.recorder.reason(name) for name in kept if self.recorder.outcomes[name] != "changed"]

    def _do(self, kind: Literal["confirm", "restore"], names: list[str]) -> None:
        from ansible_collections.raywright.fleet.engine.rollout.job import Settings

        if not names:
            return
        policy = self.policy
        settings = Settings(
            run=self.run.id,
            stage=self.stage,
            mode=policy.mode,
            concurrency=policy.concurrency,
            retries=policy.retries,
            timeout=policy.timeout,
            confirm_timeout=policy.confirm_timeout,
        )
        follower = _rollout.Follower(
            run=self.run.id,
            name=self.stage,
            kind="confirm" if kind == "confirm" else "rollback",
            fleet={target.name: target.outcome for target in self.targets} | self.recorder.outcomes,
            recorder=self.recorder,
            beat=self.beat,
        )
        devices = self.reach(names)
        header = _rollout.header(settings, devices, folder=str(self.folder), journal=str(self.journal))
        process = engine_for(
            self.ray_address, header, self._tasks(kind, names, devices), log=self.folder / "engine.log"
        )
        try:
            summary = follower.follow(process)
        except BaseException:
            follower.end("interrupted")
            raise
        follower.end("interrupted" if summary["stopped"] else "passed")
        if summary["stopped"]:
            raise AnsibleActionFail(
                f"Stage {self.stage} was interrupted before its devices were confirmed: {summary['stopped']}. What is "
                "not confirmed is taken back by the devices themselves; run the same command to go on"
            )

    def _tasks(self, kind: str, names: list[str], devices: list[Reached]) -> Iterator[dict[str, Any]]:
        from ansible_collections.raywright.fleet.engine.rollout import staging, vault

        keys = _rollout.key_positions(devices)
        by_name = {each.name: each for each in devices}
        planned = {target.name: target for target in self.targets if target.checkpoint == self.stage}
        # A confirmation changes nothing that runs; a change is not taken back from a whole redundancy group at once.
        placed = ("wave", "groups") if kind == "restore" else ()
        befores = self.ledger.blobs(self.run.id, vault.BEFORE, names)
        changes = self.ledger.blobs(self.run.id, vault.CHANGE, names)
        for (name, before), (_same, change) in zip(befores, changes, strict=True):
            wanted, diff = staging.open_change(self.key, planned[name], change, self.policy.mode)
            yield _rollout.task(
                kind,
                by_name[name],
                keys,
                wanted=wanted,
                diff=diff,
                before=vault.unseal(self.key, before, vault.BEFORE),
                # What a withdrawn device shows is compared with both sides: nothing of it is taken on trust.
                touched=True,
                **{key: planned[name].detail[key] for key in placed if key in planned[name].detail},
            )
