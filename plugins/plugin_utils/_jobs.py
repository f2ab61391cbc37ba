# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: where an engine runs: beside Ansible, or as a job on a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.plugins.plugin_utils._engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def engine_for(
    address: str, header: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]], *, log: Path
) -> EngineProcess:
    """Prepare the engine process for a job; nothing runs before it is followed.

    For a cluster it is a process on the controller too: it submits the job and follows it, and its lifeline ends the
    job in order however the playbook dies.
    """
    from ansible_collections.raywright.fleet.engine.cluster.endpoint import is_cluster
    from ansible_collections.raywright.fleet.engine.errors import InvalidInput

    if address != "local" and not is_cluster(address):
        raise InvalidInput(
            f"network_rollout_ray_address is {address!r}; give local, or the address of a cluster's Jobs API: "
            "http://HEAD:8265 or https://..."
        )
    return EngineProcess({**header, "ray": address}, tasks, log=log)
