# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan's identity, and saying in which way two definitions differ."""

import copy
from dataclasses import replace

import pytest

from engine.plan.digest import PlannedDevice, differences, digest
from engine.wording import listed

POLICY = {"stages": ["100%"], "timeout": 60.0}
DEVICES = [PlannedDevice(name=name, stage="1%", before="b", change="c") for name in ("r1", "r2", "r3")]
DEFINITION = {
    "policy": POLICY,
    "devices": {name: {"wanted": "w", "address": f"{name}:22", "network_os": "frr"} for name in ("r1", "r2", "r3")},
}


def test_the_order_of_devices_and_options_does_not_change_a_digest():
    assert digest(DEVICES, POLICY) == digest(reversed(DEVICES), dict(reversed(POLICY.items())))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "r9"},
        {"stage": "10%"},
        {"before": "x"},
        {"change": "x"},
        {"wave": 1},
        {"groups": ("pair 1",)},
        {"strata": ("role leaf",)},
    ],
)
def test_everything_of_a_device_changes_the_digest(change):
    assert digest([replace(DEVICES[0], **change), *DEVICES[1:]], POLICY) != digest(DEVICES, POLICY)


def test_policy_and_membership_change_the_digest():
    plans = [(DEVICES, POLICY), (DEVICES[1:], POLICY), (DEVICES, {**POLICY, "timeout": 61.0}), ([], POLICY)]
    assert len({digest(devices, policy) for devices, policy in plans}) == len(plans)


def test_fields_cannot_be_shifted_into_one_another():
    one, other = PlannedDevice("a", "b", "", "c"), PlannedDevice("a", "", "b", "c")
    assert digest([one], POLICY) != digest([other], POLICY)


def _with(change):
    changed = copy.deepcopy(DEFINITION)
    change(changed)
    return changed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: None, []),
        (lambda new: new["policy"].update(timeout=90), ["timeout: 60.0 -> 90"]),
        (lambda new: new["policy"].update(order="inventory"), ['order: "inventory" is new']),
        (lambda new: new["devices"].update(r9=new["devices"]["r1"]), ["new devices: r9"]),
        (lambda new: new["devices"].pop("r2"), ["devices gone: r2"]),
        (lambda new: new["devices"]["r1"].update(wanted="other"), ["another configuration for: r1"]),
        (lambda new: new["devices"]["r3"].update(address="r3:2222"), ["another address for: r3"]),
        (lambda new: new["devices"]["r3"].update(network_os="embedded"), ["another ansible_network_os for: r3"]),
        (
            lambda new: new["devices"]["r3"].update(groups=["pair 1"]),
            ["another redundancy group (never_together) for: r3"],
        ),
    ],
)
def test_a_difference_is_said_in_one_sentence(change, says):
    assert differences(DEFINITION, _with(change)) == says


def test_many_names_are_cut_short_and_counted():
    names = [f"r{number}" for number in range(1000)]
    assert listed(names) == "r0, r1, r2, r3, r4 and 995 more"
    assert listed(names[:5]) == "r0, r1, r2, r3, r4"
