# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""hier_config's drivers, with what they lack or do too much of.

Most commands of a router are single-valued: ``neighbor A remote-as 2`` takes the place of ``neighbor A remote-as 1``,
and removing the one before setting the other would take the neighbour down with all that it has. hier_config knows few
of them. And it drops the remarks of access lists while it reads, so that no rollback could bring them back.
"""

from collections.abc import Iterable

from hier_config import HConfigChild
from hier_config.models import (
    IdempotentCommandsRule,
    MatchRule,
    NegationSubRule,
    OrderingRule,
    PerLineSubRule,
    SectionalExitingRule,
)
from hier_config.platforms.cisco_ios.driver import HConfigDriverCiscoIOS
from hier_config.platforms.cisco_nxos.driver import HConfigDriverCiscoNXOS
from hier_config.platforms.driver_base import HConfigDriverBase, HConfigDriverRules

_DROPPED = ("_remove_ipv4_acl_remarks",)
_TOP = ("hostname ", "ip domain name ", "ip domain-name ", "domain-name ", "enable secret ", "logging level ",
        "snmp-server location ", "snmp-server contact ")  # fmt: skip
_BELOW = (
    ("interface ", r"^(description|mtu|ip mtu|bandwidth|vrf forwarding|ip vrf forwarding|load-interval|speed|duplex) "),
    ("interface ", r"^(switchport access vlan|switchport trunk native vlan|channel-group|ip ospf cost) "),
    ("router ", r"^(bgp router-id|router-id|maximum-paths|timers bgp) "),
    ("router bgp ", r"^neighbor \S+ (remote-as|description|password|update-source|ebgp-multihop|maximum-prefix) "),
    ("router bgp ", r"^neighbor \S+ (maximum-routes|timers|local-as|peer-group) "),
    ("route-map ", r"^set (local-preference|metric|weight|community|as-path prepend) "),
    ("route-map ", r"^description "),
    ("vrf ", r"^(description|rd) "),
)
_POLICY = (
    r"^neighbor (\S+) (route-map|prefix-list|filter-list) \S+ (in|out)$",
    r"^neighbor (\S+) (route-map|prefix-list|filter-list) (in|out) \S+$",
)


def _idempotent() -> Iterable[IdempotentCommandsRule]:
    for start in _TOP:
        yield IdempotentCommandsRule(match_rules=(MatchRule(startswith=start),))
    yield IdempotentCommandsRule(match_rules=(MatchRule(re_search=r"^snmp-server community (\S+) "),))
    yield IdempotentCommandsRule(match_rules=(MatchRule(re_search=r"^username (\S+) "),))
    for section, line in _BELOW:
        yield IdempotentCommandsRule(match_rules=(MatchRule(startswith=section), MatchRule(re_search=_grouped(line))))
    bgp = MatchRule(startswith="router bgp ")
    for line in (*(_grouped(line) for section, line in _BELOW if section == "router bgp "), *_POLICY):
        for below in ((), (MatchRule(startswith="address-family "),), (MatchRule(startswith="vrf "),)):
            yield IdempotentCommandsRule(match_rules=(bgp, *below, MatchRule(re_search=line)))


def _grouped(pattern: str) -> str:
    """Make one group of the whole: hier_config takes the groups, where there are any, for what identifies a line."""
    return "^(" + pattern.removeprefix("^").replace("(", "(?:") + ")"


def _ordering() -> Iterable[OrderingRule]:
    # A neighbour goes when its remote-as goes, and then what else it had is an error.
    last = MatchRule(re_search=r"^no neighbor \S+ (remote-as|peer-group)")
    yield OrderingRule(match_rules=(MatchRule(startswith="router bgp "), last), weight=150)
    first = MatchRule(re_search=r"^neighbor \S+ (remote-as|peer-group)")
    yield OrderingRule(match_rules=(MatchRule(startswith="router bgp "), first), weight=-50)


def _extended(rules: HConfigDriverRules) -> HConfigDriverRules:
    banner = NegationSubRule(
        match_rules=(MatchRule(startswith="banner "),), search=r"^(no banner \S+).*", replace=r"\1"
    )
    return rules.model_copy(
        update={
            "idempotent_commands": [*rules.idempotent_commands, *_idempotent()],
            "ordering": [*rules.ordering, *_ordering()],
            "negation_sub": [*rules.negation_sub, banner],
            "post_load_callbacks": [call for call in rules.post_load_callbacks if call.__name__ not in _DROPPED],
        }
    )


class _Indexed(HConfigDriverBase):
    """Looks at the rules of a line's own depth, for no other can match: hier_config tries every rule on every line,
    which was two thirds of the price of a change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rules = _extended(self.rules)
        self._at_depth: dict[int, list[IdempotentCommandsRule]] = {}
        for rule in self.rules.idempotent_commands:
            self._at_depth.setdefault(len(rule.match_rules), []).append(rule)

    def idempotent_for(self, config: HConfigChild, other_children: Iterable[HConfigChild]) -> HConfigChild | None:
        others = tuple(other_children)
        for rule in self._at_depth.get(config.depth(), ()):
            if config.is_lineage_match(rule.match_rules):
                key = self._idempotency_key(config, rule.match_rules)
                alike = (other for other in others if other.is_lineage_match(rule.match_rules))
                found = next((each for each in alike if self._idempotency_key(each, rule.match_rules) == key), None)
                if found is not None:
                    return found
        return None


class IosRules(_Indexed, HConfigDriverCiscoIOS):
    pass


class NxosRules(_Indexed, HConfigDriverCiscoNXOS):
    pass


class FrrRules(_Indexed):
    """FRR's vtysh, for tests."""

    @staticmethod
    def _instantiate_rules() -> HConfigDriverRules:
        ends = (("router bgp ", "address-family ", "exit-address-family"), ("vrf ", None, "exit-vrf"))
        lines = [r"^frr version .*", r"^frr defaults .*", r"^\s*!.*", r"^end$", r"^\s*exit(-address-family|-vrf)?$"]
        return HConfigDriverRules(
            indentation=1,
            per_line_sub=[PerLineSubRule(search=line, replace="") for line in lines],
            sectional_exiting=[
                SectionalExitingRule(
                    match_rules=tuple(MatchRule(startswith=start) for start in (above, below) if start),
                    exit_text=text,
                )
                for above, below, text in ends
            ],
        )
