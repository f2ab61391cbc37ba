# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a device can misbehave between its plan and its outcome, all at once in one fleet."""

from dataclasses import dataclass

import pytest
from promises import never_blind, no_secret_leaked, one_outcome_each, says_what_to_do
from rollouts import BY_HAND

TIMEOUT = 3
COMPLETE = {"changed", "unchanged"}


@dataclass(frozen=True)
class Case:
    """A fault; what the device ends as, what is there, how often it was committed to, and what the reason says."""

    fault: dict
    outcome: str
    applied: bool
    commits: int
    says: str = ""
    read_back: str = ""


ONCE, NEXT = {"times": 1}, "the next run reads it before anything is sent"
AS_BEFORE = "the device is as it was before"
CASES = {
    "session cut before the commit": Case(
        {"cut": "before-commit", **ONCE}, "changed", True, 1, "had not changed it", "not_applied"
    ),
    "session cut during the commit": Case(
        {"cut": "during-commit", "commit_seconds": 2.0, **ONCE}, "changed", True, 1, "not sent again", "applied"
    ),
    "session cut after the commit": Case(
        {"cut": "after-commit", **ONCE}, "changed", True, 1, "not sent again", "applied"
    ),
    "session cut before every commit": Case({"cut": "before-commit"}, "failed", False, 0, AS_BEFORE, "not_applied"),
    "dies before the commit": Case({"cut": "before-commit", "dies": True}, "unknown", False, 0, NEXT),
    "hangs at the commit once": Case({"hang": "commit", **ONCE}, "changed", True, 1, "had not changed", "not_applied"),
    "hangs at every commit": Case({"hang": "commit"}, "failed", False, 0, AS_BEFORE, "not_applied"),
    "hangs at being read": Case({"hang": "show running-config"}, "failed", False, 0, "no answer to"),
    "hangs at the login": Case({"slow_login": 3600.0}, "unreachable", False, 0, "no SSH session within"),
    "answers the login late": Case({"slow_login": 1.0}, "changed", True, 1),
    "accepts and reverts by itself": Case({"revert": True}, "failed", False, 2, "does not show all of it"),
    "answers garbage to the commit": Case({"garbage": "commit"}, "failed", False, 0, AS_BEFORE, "not_applied"),
    "answers garbage to being read": Case({"garbage": "show running-config"}, "failed", False, 0, "not a whole"),
    "answers garbage once": Case({"garbage": "check", **ONCE}, "changed", True, 1, "had not changed it", "not_applied"),
    "answers 100 MB": Case({"flood": "show running-config"}, "failed", False, 0, "more than 16 MiB"),
    "answers 100 MB to the commit": Case({"flood": "commit"}, "failed", False, 0, AS_BEFORE, "not_applied"),
    "refuses the login": Case({"wrong_password": True}, "failed", False, 0, "check ansible_user"),
    "resets every connection": Case({"unreachable": True}, "unreachable", False, 0, "check that the device is up"),
    "refuses the commit": Case({"reject": "no space left on flash"}, "rejected", False, 0, "no space left on flash"),
    "is changed by somebody else": Case({"by_hand": [BY_HAND]}, "held_back", False, 1, "plan again"),
}


FLEETS = {
    "at the commit": [what for what in CASES if "commit" in what and "garbage" not in what and "MB" not in what],
    "in what they answer": [
        what for what in CASES if ("answers" in what or "hangs at being read" in what) and "MB" not in what
    ],
    # Their server is one process, and busy for seconds with that much: beside them, others would seem to be slow.
    "with more than one can take": [what for what in CASES if "MB" in what],
    "at the door": [
        "hangs at the login",
        "refuses the login",
        "resets every connection",
        "accepts and reverts by itself",
        "is changed by somebody else",
    ],
}
assert sorted(what for fleet in FLEETS.values() for what in fleet) == sorted(CASES)


@pytest.mark.parametrize(
    "fleet", [pytest.param(name, marks=[pytest.mark.long] if name != "at the commit" else []) for name in FLEETS]
)
def test_every_device_that_misbehaves_ends_in_the_outcome_that_is_true_and_is_right_after_the_next_run(
    project_of, fleet
):
    chosen = {what: CASES[what] for what in FLEETS[fleet]}
    project = project_of(len(chosen) + 1)
    cases = dict(zip(project.fleet.names[1:], chosen.items(), strict=True))
    given = {
        "stages": ["100%"],
        "timeout": TIMEOUT if "one can take" not in fleet else 20,
        "retries": 2 if "one can take" in fleet else 6,
        "max_failure_percentage": 100,
        "concurrency": 50,
    }
    code, output = project.run(**given, approval="plan", approval_wait="park", requester="anna")
    assert (code, project.state()) == (0, "parked"), output
    assert project.approve()[0] == 0
    before = project.fleet.configurations()
    project.fleet.faults({name: case.fault for name, (_what, case) in cases.items()})
    code, output = project.run(**given, approval="plan", approval_wait="park", requester="anna")
    assert code == 0, output
    outcomes = one_outcome_each(project, project.fleet.names)
    after, commits = project.fleet.configurations(), project.fleet.commits()
    reasons = {each["name"]: each["reason"] for each in [*project.report["failures"], *project.report["read_back"]]}
    found = {each["name"]: each["found"] for each in project.report["read_back"]}
    for name, (what, case) in cases.items():
        seen = (outcomes[name], commits[name], found.get(name, ""))
        assert seen == (case.outcome, case.commits, case.read_back), (what, seen, reasons.get(name))
        assert case.says in reasons.get(name, ""), (what, reasons.get(name))
        if not case.applied and case.outcome != "held_back":
            assert after[name] == before[name], what
        if case.outcome not in COMPLETE:
            says_what_to_do(reasons[name], name)
    project.add_up()
    never_blind(project.fleet)
    assert project.report["engine"]["peak_rss_bytes"] < 1 << 30, "what a device floods us with must not be kept"

    project.fleet.faults({})
    code, second = project.run(**{**given, "timeout": 20})
    assert code == 0, second
    assert set(one_outcome_each(project, project.fleet.names).values()) == COMPLETE
    # The same end as without any of it: a third plan, from a fleet that does nothing wrong, finds nothing to do.
    ended = project.fleet.configurations()
    assert all(running == saved for running, saved in ended.values())
    code, third = project.run("--check")
    assert (code, project.report["outcomes"]) == (0, {"unchanged": len(project.fleet.names)}), third
    never_blind(project.fleet)
    no_secret_leaked(project, output, second, third)
