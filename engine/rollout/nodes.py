# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every node of a Ray cluster is fit to run workers, found out before a device is touched."""

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..errors import FleetError, SealError
from ..sealing.key import FleetKey
from .ansible_run import require_ansible
from .guard import wait_for_earlier_workers
from .parcel import GIVE_THE_KEY, node_key

_PURPOSE = "node check"
_SECONDS = 120.0
_NEEDED = ("asyncssh", "hier_config", "jinja2")


def lock_of(run: str) -> str:
    """The file by which workers of one run, on one node, know of each other. Run ids cannot be guessed."""
    return str(Path(tempfile.gettempdir()) / f"raywright-{run}.lock")


def check(key: FleetKey, *, lock: str | None, patience: float, playbooks: bool = False) -> None:
    """Raise ``FleetError`` unless every node has the key and the packages, and no worker of an earlier try.

    ``lock``: what such a worker holds; it is given ``patience`` seconds to end. ``playbooks``: Ansible is needed too.
    """
    probe = key.seal(_PURPOSE, purpose=_PURPOSE)
    names = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    asked = {_ask(node, probe, lock, patience, playbooks): name for node, name in names.items()}
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_SECONDS + patience)
    if silent:
        raise FleetError(f"Ray node {asked[silent[0]]} did not answer in {_SECONDS + patience:g} s; look at its logs")
    for answer in answered:
        if reason := _reason(answer):
            raise FleetError(f"Ray node {asked[answer]} cannot take part, nothing was touched: {reason}")


def _ask(node: str, probe: bytes, lock: str | None, patience: float, playbooks: bool) -> Any:  # noqa: FBT001 - handed on
    strategy = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    task = ray.remote(_examine).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
    return task.remote(probe, lock, patience, playbooks)


def _reason(answer: Any) -> str:
    try:
        return str(ray.get(answer))
    except RayError as exc:
        said = str(exc).strip().splitlines()
        return f"{said[-1] if said else type(exc).__name__}; is every package of requirements/engine.txt there?"


def _examine(probe: bytes, lock: str | None, patience: float, playbooks: bool = False) -> str:  # noqa: FBT001, FBT002 - Ray calls it
    """Run on the node itself: what keeps it from taking part, or nothing."""
    try:
        node_key().unseal(probe, purpose=_PURPOSE)
        for name in _NEEDED:
            # Found, not imported: some take long, and not every rollout uses them.
            if importlib.util.find_spec(name) is None:
                return f"Python package {name} is missing there; install requirements/engine.txt for Ray's Python"
        if playbooks:
            require_ansible()
        if lock is not None:
            wait_for_earlier_workers(Path(lock), patience)
    except SealError:
        return f"it has another fleet key than the controller: {GIVE_THE_KEY}"
    except FleetError as exc:
        return str(exc)
    return ""
