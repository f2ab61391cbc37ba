# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's fabric as data."""

import ipaddress

import pytest

from plugins.module_utils.frr_lab_topology import LabError, configuration, default_spines, fabric

NETWORK = "198.18.0.0/15"


def build(routers, spines=2, network=NETWORK):
    return fabric(routers=routers, spines=spines, management_network=network)


def test_every_leaf_is_linked_to_every_spine_and_both_ends_agree():
    routers = build(12, 3)
    for router in routers.values():
        wanted = "spine" if router.role == "leaf" else "leaf"
        assert [port.peer for port in router.ports] == [name for name, r in routers.items() if r.role == wanted]
        for port in router.ports:
            other = routers[port.peer]
            back = next(end for end in other.ports if end.peer == router.name)
            assert (port.peer_address, port.peer_asn) == (back.address.split("/")[0], other.asn)
            assert ipaddress.ip_interface(port.address).network == ipaddress.ip_interface(back.address).network


def test_no_address_and_no_leaf_as_number_is_given_twice_in_the_largest_lab():
    routers = build(1000, 16).values()
    addresses = [port.address for router in routers for port in router.ports]
    addresses += [router.management_address for router in routers] + [router.host_address for router in routers]
    addresses += [router.router_id for router in routers]
    assert len(addresses) == len(set(addresses))
    asns = [router.asn for router in routers if router.role == "leaf"]
    assert len(asns) == len(set(asns))
    assert max(asns) <= 65534


def test_a_leaf_is_the_same_in_a_lab_of_any_size():
    assert build(10)["leaf7"] == build(900)["leaf7"]


@pytest.mark.parametrize(("routers", "spines"), [(2, 2), (24, 2), (25, 4), (300, 4)])
def test_spines_follow_from_the_size(routers, spines):
    assert default_spines(routers) == spines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1, 1), "routers must be between"),
        ((4, 4), "spines must be between 1 and 3"),
        ((4, 0), "spines must be between"),
        ((4, 2, "198.18.0.0/28"), "choose a larger network"),
        ((4, 2, "fd00::/64"), "must be an IPv4 network"),
        ((4, 2, "198.18.0.1/15"), "must be an IPv4 network"),
    ],
)
def test_numbers_and_networks_that_do_not_fit_are_refused(arguments, said):
    with pytest.raises(LabError, match=said):
        build(*arguments)


def test_a_configuration_names_each_neighbour_and_announces_the_loopback():
    lines = configuration(build(4)["leaf2"]).splitlines()
    assert " neighbor 10.1.0.4 remote-as 64512" in lines
    assert " neighbor 10.2.0.4 remote-as 64512" in lines
    assert "  network 10.254.0.2/32" in lines
