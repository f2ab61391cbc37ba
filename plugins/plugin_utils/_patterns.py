# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Private to this collection: which hosts a pattern selects, for lookups, which Ansible gives no inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible.inventory.manager import InventoryManager

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.parsing.dataloader import DataLoader


def matching(
    loader: DataLoader, groups: Mapping[str, Iterable[str]], pattern: str, *, limit: str | None = None
) -> list[str]:
    """Return the names in inventory order; ``groups`` is the magic variable of that name."""
    inventory = InventoryManager(loader, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    if limit:
        inventory.subset(limit)
    return [host.name for host in inventory.get_hosts(pattern)]
