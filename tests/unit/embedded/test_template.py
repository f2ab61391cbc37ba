# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration's template against the fleet that it is made for."""

from collections import Counter
from pathlib import Path

import jinja2
import pytest

from engine.embedded.config import check, diff, load, parsed
from engine.embedded.inventory import inventory
from engine.embedded.running import serving
from engine.embedded.views import bgp_summary, route

TEMPLATE = Path(__file__).parents[3] / "playbooks/templates/embedded_fabric.j2"


@pytest.fixture
async def fleet(tmp_path):
    async with serving(tmp_path, devices=200) as running:
        yield running


def variables(data, name):
    """Merge a host's variables as Ansible does: the fleet's, then its groups', then its own."""
    merged = dict(data["embedded_fleet"]["vars"])
    for group in data["embedded_fleet"]["children"]:
        if name in data[group]["hosts"]:
            merged |= data[group].get("vars", {})
    return merged | data["_meta"]["hostvars"][name] | {"inventory_hostname": name}


async def test_it_is_a_small_change_of_few_shapes_and_leaves_every_session_up(fleet):
    data = inventory(fleet.nodes, fleet.state, fleet.port)
    template = jinja2.Template(
        TEMPLATE.read_text(encoding="utf-8"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    shapes = Counter()
    for name, router in fleet.fleet.routers.items():
        wanted = load(template.render(variables(data, name)))
        check(wanted)
        shapes[tuple(diff(parsed(router.running), wanted))] += 1
        router.commit(wanted, router.revision)
    assert sum(shapes.values()) == 200
    assert 3 <= len(shapes) <= 6
    assert all(1 <= len(shape) <= 8 for shape in shapes)
    routers = fleet.fleet.routers
    assert not any(bgp_summary(router, routers)["failedPeers"] for router in routers.values())
    assert route(routers["leaf-001"], "10.0.190.0/24", routers, fleet.fleet.origins)["found"]
