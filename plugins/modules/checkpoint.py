# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint
short_description: Begin and end a checkpoint of a run
version_added: 0.1.0
description:
  - A checkpoint is a named step of a run, with an outcome for each host. Put one task with O(state=begin) first in a play and
    one with O(state=pass) last; completed means that the last one succeeded.
  - The lookup P(raywright.fleet.pending#lookup) gives the hosts that a checkpoint still has to do.
extends_documentation_fragment:
  - raywright.fleet.ledger
options:
  run:
    description: The run, by its id or its name.
    type: str
    required: true
  name:
    description: Name of the checkpoint; one that the run does not have is added at its end.
    type: str
    required: true
  state:
    description:
      - V(begin) makes the hosts its targets. A checkpoint that needs an approval begins only after
        M(raywright.fleet.approval).
      - V(pass) records O(outcome) for the hosts that are left in the play. When hosts failed or were never reached, the
        checkpoint has failed, and so does the task.
      - V(fail) records that it failed, V(skip) that it does not apply.
    type: str
    required: true
    choices: [begin, pass, fail, skip]
  hosts:
    description: The targets. Default are the hosts of the play.
    type: list
    elements: str
  outcome:
    description: What became of the hosts that are left in the play.
    type: str
    choices: [changed, unchanged]
    default: changed
  approval:
    description: Whether a checkpoint that is added needs an approval.
    type: bool
    default: false
  destructive:
    description: Whether who approves a checkpoint that is added must acknowledge the risk.
    type: bool
    default: false
  verdict:
    description: Verdict of its validation.
    type: str
    choices: [passed, failed, inconclusive]
  detail:
    description: Added to what is recorded of the checkpoint, in clear; its C(summary) is shown to who approves it.
    type: dict
    default: {}
  unchanged:
    description: With O(state=begin), hosts on which there is nothing to do; V(unchanged) is recorded for them at once.
    type: list
    elements: str
    default: []
  by_marks:
    description:
      - Whether the hosts' own variables tell what became of them, instead of who is left in the play. So a play on
        C(localhost) can end a checkpoint whose tasks ran in other plays, also when all hosts of one of them failed.
      - A host has come to the end of its tasks when its variable C(raywright_done), a list, holds O(name).
      - It is lost when its variable C(raywright_lost) is not empty, a dictionary with C(checkpoint), C(reason), C(task) and
        C(outcome) (V(failed), V(unreachable), V(held_back); default V(failed)), as a rescue sets it.
      - A host without either was cut off; one outside of C(--limit) stays to do.
    type: bool
    default: false
  failed:
    description: With O(by_marks=true), hosts that have failed although they came to the end of their tasks, and why.
    type: dict
    default: {}
  lost:
    description:
      - What to do when hosts failed or were never reached.
      - V(fail) fails the task. V(stop) lets it be OK and records the run as failed, so that the plays behind it find no
        hosts in P(raywright.fleet.pending#lookup), and the last play can tell and fail.
    type: str
    choices: [fail, stop]
    default: fail
attributes:
  check_mode:
    support: full
  idempotence:
    support: full
"""

EXAMPLES = r"""
- name: Begin
  raywright.fleet.checkpoint:
    run: deploy
    name: docker-installation
    state: begin
  run_once: true

- name: End
  raywright.fleet.checkpoint:
    run: deploy
    name: docker-installation
    state: pass
  run_once: true

- name: End it from a play on localhost, by the marks that other plays set
  raywright.fleet.checkpoint:
    run: deploy
    name: docker-installation
    state: pass
    by_marks: true
    lost: stop
"""

RETURN = r"""
checkpoint:
  description: The checkpoint; none in check mode.
  type: dict
  returned: success
  contains:
    run_id:
      description: The run's id.
      type: str
    name:
      description: Its name.
      type: str
    position:
      description: Its place in the run, from 0.
      type: int
    state:
      description: One of pending, running, passed, failed and skipped.
      type: str
    approval:
      description: Whether it needs an approval.
      type: bool
    destructive:
      description: Whether its risk must be acknowledged.
      type: bool
    verdict:
      description: Verdict of its validation.
      type: str
    detail:
      description: What else is recorded of it.
      type: dict
    started:
      description: When it began, ISO 8601.
      type: str
    ended:
      description: When it ended, ISO 8601.
      type: str
msg:
  description: What was done, or why nothing was.
  type: str
  returned: always
"""
