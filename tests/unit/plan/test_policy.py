# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a rollout, checked."""

import json

import pytest

from engine.errors import InvalidInput
from engine.plan.policy import Policy, recorded

FULL = {
    "mode": "merge",
    "stages": [1, {"name": "rest", "size": "100%", "soak": "10m", "approval": True}],
    "order": "inventory",
    "stratify": ["rack"],
    "never_together": "pair_",
    "last": ["edge1"],
    "max_failure_percentage": "7.5",
    "min_sample": 3,
    "max_stratum_failure_percentage": 30,
    "stratum_min_sample": 4,
    "concurrency": "50",
    "retries": 1,
    "timeout": "2m",
    "validate": [{"command": "show bgp summary json", "expression": "json.ok", "variables": ["asn"]}],
    "approval": "stages",
    "on_failure": "rollback_run",
    "on_unready": "skip",
    "destructive": True,
}


def test_a_policy_survives_the_ledger_unchanged():
    for given in ({}, FULL):
        policy = Policy.parse(given)
        assert recorded(json.loads(json.dumps(policy.as_dict()))) == policy


@pytest.mark.parametrize(
    "selecting", [{"hosts": "access"}, {"where": {"role": "access"}}, {"each": "site", "order": ["b", "a"]}]
)
def test_what_a_stage_selects_is_plain_json_for_a_resume_compares_it_with_what_the_ledger_read_back(selecting):
    policy = Policy.parse({"stages": [{"name": "one", **selecting}]})
    assert json.loads(json.dumps(policy.as_dict())) == policy.as_dict()
    assert recorded(json.loads(json.dumps(policy.as_dict()))) == policy


def test_text_from_the_command_line_counts_as_numbers():
    policy = Policy.parse(FULL)
    assert (policy.max_failure_percentage, policy.concurrency, policy.timeout) == (7.5, 50, 120.0)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("mode", "patch", "'patch' is none of replace, merge"),
        ("approval", True, "True is none of never, plan, stages"),
        ("on_failure", "rollback", "'rollback' is none of stop, rollback_stage, rollback_run"),
        ("concurrency", 0, "0 is not a number of at least 1"),
        ("concurrency", 1.5, "1.5 is not a whole number"),
        ("concurrency", "many", "'many' is not a number"),
        ("retries", True, "True is not a number"),
        ("max_failure_percentage", 101, "101 is not a number from 0 to 100"),
        ("max_failure_percentage", "nan", "'nan' is not a number from 0 to 100"),
        ("min_sample", None, "None is not a number"),
        ("min_sample", "inf", "'inf' is not a"),
        ("timeout", "soon", "'soon' is no duration"),
        ("stratify", "role", "'role' is no list of names"),
        ("last", [""], "'' is no name"),
        ("never_together", ["pair"], r"\['pair'\] is no name"),
        ("stratum_min_sample", 0, "0 is not a number of at least 1"),
    ],
)
def test_a_wrong_value_is_refused_naming_the_option(option, value, says):
    with pytest.raises(InvalidInput, match=f"^{option}: {says}"):
        Policy.parse({option: value})


def test_an_unknown_option_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidInput, match="unknown option 'stagess'; known are mode, stages"):
        Policy.parse({"stagess": []})
