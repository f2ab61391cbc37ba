# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: asking a Ray cluster's HTTP API from a plugin."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.raywright.fleet.engine.errors import FleetError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ansible.errors import AnsibleError
    from ansible_collections.raywright.fleet.engine.cluster.api import Api
    from ansible_collections.raywright.fleet.engine.cluster.endpoint import Endpoint

ADDRESS_VARIABLE = "RAYWRIGHT_RAY_ADDRESS"


def endpoint(address: str | None, token_file: str | None) -> Endpoint:
    """Return where the cluster is: the option, else the environment's."""
    from ansible_collections.raywright.fleet.engine.cluster.endpoint import Endpoint

    found = address or os.environ.get(ADDRESS_VARIABLE, "").strip()
    if not found:
        raise InvalidInput(
            f"No Ray cluster is named: give address (http://HEAD:8265), or set {ADDRESS_VARIABLE} on the controller"
        )
    return Endpoint(
        found,
        setting="address" if address else ADDRESS_VARIABLE,
        token_file=Path(token_file) if token_file else None,
        token_option="token_file",  # noqa: S106 - the option's name
    )


def ask[Answer](
    where: Endpoint, question: Callable[[Api], Coroutine[Any, Any, Answer]], *, failure: type[AnsibleError]
) -> Answer:
    """Ask a cluster, and return its answer. What the engine raises becomes ``failure``."""
    try:
        from ansible_collections.raywright.fleet.engine.cluster.api import Api
    except ImportError as exc:
        raise failure(
            f"Talking to a Ray cluster needs the Python package {exc.name} beside Ansible on the controller: "
            "install what requirements/engine.txt of this collection lists."
        ) from exc

    async def asking() -> Answer:
        async with Api(where) as api:
            return await question(api)

    try:
        return asyncio.run(asking())
    except FleetError as exc:
        # The sentence is whole: a cause would be appended to it, in the same words.
        raise failure(str(exc)) from None
