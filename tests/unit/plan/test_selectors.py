# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages that say which devices they are for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.plan.cohorts import cohorts
from engine.plan.digest import differences
from engine.plan.division import divide
from engine.plan.policy import Policy, recorded
from engine.plan.selectors import Selector, place
from engine.plan.stages import expand, parse

ROLES = {**{f"a{n:02d}": "access" for n in range(20)}, "d1": "distribution", "d2": "distribution", "c1": "core"}
VARIABLES = {name: {"role": role, "region": "north" if name.endswith("1") else "south"} for name, role in ROLES.items()}
BY_ROLE = [{"each": "role", "order": ["access", "distribution", "core"], "sizes": ["10%", "100%"], "soak": "10m"}]


def divided(raw, names=tuple(ROLES), matched=None, dead=()):
    stages = expand(parse(raw), VARIABLES)
    selectors = [stage.select for stage in stages]
    placed = place(selectors, names, matched or {}, VARIABLES)
    return divide(names, stages, placed, lambda some, of: cohorts(some, of, "inventory", dead))


def test_each_value_of_a_variable_gets_its_stages_in_the_order_given():
    found = divided(BY_ROLE)
    # Of one device a share of any size is that device, so its second stage would add none.
    assert {name: len(names) for name, names in found.items()} == {
        "access 10%": 2,
        "access 100%": 18,
        "distribution 10%": 1,
        "distribution 100%": 1,
        "core 10%": 1,
    }
    assert {stage.soak for stage in expand(parse(BY_ROLE), VARIABLES)} == {600.0}


def test_values_without_an_order_are_sorted_and_named_by_themselves():
    assert list(divided([{"each": "region"}])) == ["north", "south"]
    assert list(divided([{"each": "region", "name": "site"}])) == ["site north", "site south"]


def test_groups_and_variables_mix_and_a_canary_of_one_may_come_before_it():
    raw = [
        {"hosts": "edge", "size": 1},
        {"where": {"role": "access"}, "size": "10%"},
        {"name": "edge", "hosts": "edge", "approval": True},
        {"name": "rest", "where": {"role": "access"}},
    ]
    found = divided(raw, matched={"edge": {"d1", "d2", "c1", "elsewhere"}})
    assert list(found) == ["edge 1", "access 10%", "edge", "rest"]
    assert (found["edge 1"], found["edge"]) == (["d1"], ["d2", "c1"])


def test_a_stage_whose_devices_are_not_part_of_the_rollout_is_left_out():
    assert list(divided(BY_ROLE, names=("d1", "c1"))) == ["distribution 10%", "core 10%"]


def test_several_variables_must_all_have_their_values():
    [stage] = parse([{"where": {"role": "access", "region": "north"}}])
    chosen = place([stage.select], ["a01", "a11"], {}, VARIABLES)
    assert (list(chosen), stage.name) == (["a01", "a11"], "north access")
    with pytest.raises(InvalidInput, match="a02"):
        place([stage.select], ["a01", "a02"], {}, VARIABLES)


def test_a_value_that_is_no_text_is_compared_as_people_write_it():
    [stage] = parse([{"where": {"pod": 7}}])
    assert list(place([stage.select], ["x"], {}, {"x": {"pod": 7}})) == ["x"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (["1%", {"hosts": "core"}], r"entry 1 does not say which devices it is for.*hosts, where, each"),
        ([{"hosts": "core"}, {"name": "rest", "size": "100%"}], "entry 2 does not say which devices"),
        (
            [{"hosts": "core", "where": {"role": "core"}}],
            "entry 1: give one of hosts, where, each, not hosts and where",
        ),
        ([{"hosts": ""}], "entry 1: hosts must be a group or a host pattern, not ''"),
        ([{"hosts": ["core"]}], "entry 1: hosts must be a group or a host pattern"),
        ([{"where": "core"}], "entry 1: where must be a mapping such as {role: access}, not 'core'"),
        ([{"where": {}}], "entry 1: where must be a mapping"),
        ([{"each": 3}], "entry 1: each must be the name of a variable, not 3"),
        ([{"each": "role", "order": "access"}], "entry 1: order must be a list of values, not 'access'"),
        ([{"each": "role", "order": ["a", "a"]}], "entry 1: order: 'a' stands twice"),
        ([{"hosts": "core", "order": ["a"]}], '"order" goes with "each"'),
        ([{"size": "100%", "order": ["a"]}], '"order" goes with "each"'),
        ([{"size": "100%", "sizes": ["100%"]}], '"sizes" divides the devices of hosts, where or each'),
        ([{"hosts": "core", "size": "1%", "sizes": ["100%"]}], 'in place of "size"'),
        ([{"hosts": "core", "sizes": "1%"}], r"sizes must be a list such as"),
        ([{"hosts": "core", "sizes": ["10%", "5%", "100%"]}], "'core 5%' does not go beyond 'core 10%'"),
        ([{"hosts": "core", "size": "50%"}], "the last stage of core ends at 50%.*never be reached"),
        ([{"hosts": "core"}, {"hosts": "core", "name": "again"}], "'again' does not go beyond 'core'"),
        ([{"hosts": "core"}, {"where": {"role": "core"}}], "the name 'core' stands twice"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_place(raw, says):
    with pytest.raises(InvalidInput, match=f"(?s)^stages: .*{says}"):
        parse(raw)


def test_a_value_that_takes_another_stages_name_is_refused_when_the_values_are_known():
    stages = parse([{"hosts": "edge", "name": "north"}, {"each": "region"}])
    with pytest.raises(InvalidInput, match="the name 'north' stands twice"):
        expand(stages, VARIABLES)


def test_a_device_in_two_stages_is_named_with_both():
    with pytest.raises(InvalidInput, match="stages: c1 is in two stages, edge and role=core"):
        divided([{"hosts": "edge"}, {"where": {"role": "core"}}], matched={"edge": ["c1"]})


def test_devices_in_no_stage_are_named_with_what_they_have():
    with pytest.raises(InvalidInput, match=r"1 of the devices are in no stage: c1 \(on c1 role is 'core'\)"):
        divided([{"each": "role", "order": ["access", "distribution"]}])
    with pytest.raises(InvalidInput, match=r"role is not set"):
        place([Selector(where=(("role", "core"),))], ["x"], {}, {"x": {}})


def test_a_variable_that_no_device_has_is_named():
    with pytest.raises(InvalidInput, match="no device of this rollout has the variable 'regoin'"):
        expand(parse([{"each": "regoin"}]), VARIABLES)


def test_selecting_stages_survive_the_ledger_and_a_resume_tells_what_moved():
    policy = Policy.parse({"stages": [*BY_ROLE, {"hosts": "edge"}, {"where": {"role": "spare"}}]})
    plain = json.loads(json.dumps(policy.as_dict()))
    assert recorded(plain) == policy
    old, new = ({"policy": plain, "devices": {"d1": {"stages": stage}}} for stage in ("role=core", "role=access"))
    assert differences(old, new) == ["another stage for: d1"]


@given(
    roles=st.lists(st.sampled_from(["access", "distribution", "core"]), min_size=1, max_size=60),
    sizes=st.sets(st.integers(1, 99), max_size=3),
    dead=st.sets(st.integers(0, 59)),
)
def test_every_device_is_in_exactly_one_stage_of_its_own_role_and_roles_follow_their_order(roles, sizes, dead):
    names = [f"r{at:02d}" for at in range(len(roles))]
    own = {name: {"role": role} for name, role in zip(names, roles, strict=True)}
    order = ["access", "distribution", "core"]
    sized = [*(f"{size}%" for size in sorted(sizes)), "100%"]
    stages = expand(parse([{"each": "role", "order": order, "sizes": sized}]), own)
    placed = place([stage.select for stage in stages], names, {}, own)
    lost = {names[at] for at in dead if at < len(names)}
    found = divide(names, stages, placed, lambda some, of: cohorts(some, of, "shuffle", lost))
    assert sorted(name for each in found.values() for name in each) == names
    begun = [order.index(own[name]["role"]) for each in found.values() for name in each]
    assert begun == sorted(begun)
