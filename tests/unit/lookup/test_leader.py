# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leader of a fleet is one host, whatever its name looks like."""

import pytest
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from plugins.lookup.leader import LookupModule

LOADER = DataLoader()


def leader(names, *terms):
    groups = {"all": names, "routers": names}
    return LookupModule(loader=LOADER).run(list(terms), {"groups": groups})


@pytest.mark.parametrize("name", ["leaf1", "core router 1", "2001:db8::1", "r1.example.net", "rück-1", "leaf 1:2"])
def test_what_is_returned_selects_that_host_and_no_other(name):
    names = [name, "leaf", "router", "core", "1", "2"]
    [pattern] = leader(names, "routers")
    inventory = InventoryManager(LOADER, parse=False)
    for each in names:
        inventory.add_host(each, group="all")
    assert [host.name for host in inventory.get_hosts(pattern)] == [name]


def test_patterns_may_come_as_a_list():
    assert leader(["leaf1", "leaf2"], ["nobody", "leaf2"]) == ["leaf2"]


def test_a_pattern_that_matches_nobody_is_named():
    with pytest.raises(AnsibleLookupError, match="The pattern 'nobody' matches no host"):
        leader(["leaf1"], "nobody")
