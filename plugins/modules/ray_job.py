# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ray_job
short_description: Run a job on a Ray cluster
version_added: 0.2.0
description:
  - Submits a job through the Jobs API of a Ray cluster, shows its log as it grows, waits for its end and fails when the job
    does.
  - With a O(submission_id) it is idempotent. Where the same job is there under that id, nothing is submitted; the task
    follows it, or reports how it ended. Another job under that id is refused.
  - A job belongs to the cluster. When the playbook dies, the job goes on; the same command finds it again.
  - Whoever may use the cluster can read the entrypoint, the runtime environment with its variables, the metadata and the
    working directory. So variables that are named like secrets, and values of variables that Ansible knows as secret, are
    refused.
extends_documentation_fragment:
  - raywright.fleet.ray_api
options:
  state:
    description:
      - V(present) submits the job where it is not there.
      - V(stopped) ends the job of that O(submission_id) in order, and waits until it has ended.
    type: str
    choices: [present, stopped]
    default: present
  submission_id:
    description:
      - Names the job. Default is an id that nobody has.
      - Letters, digits, V(.), V(_) and V(-).
    type: str
  entrypoint:
    description: The command that the cluster runs, in a shell, in the working directory. Required with O(state=present).
    type: str
  working_dir:
    description:
      - Directory on the controller that the job runs in, on every node. It travels as an archive that is named after its
        content.
      - Or the address of an archive that the nodes can fetch, such as V(https://example.com/job.zip).
    type: str
  excludes:
    description: What stays behind, as patterns of names or of paths below O(working_dir).
    type: list
    elements: str
    default: [".git", ".raywright", ".venv", "__pycache__", "*.pyc"]
  pip:
    description:
      - Python packages that the job needs beside those of the nodes. The nodes install them, so they need a package index.
    type: list
    elements: str
  env_vars:
    description: Environment variables of the job. Everybody who may use the cluster can read them.
    type: dict
  visible_env_vars:
    description: Names in O(env_vars) that look like a secret's but hold none, such as V(TOKENIZERS_PARALLELISM).
    type: list
    elements: str
    default: []
  runtime_env:
    description: More of Ray's runtime environment, as Ray names it. What has an option of its own is given there.
    type: dict
  metadata:
    description: Texts that are kept with the job.
    type: dict
  num_cpus:
    description: CPUs that the entrypoint itself occupies. Default is none, and that it runs on the head.
    type: float
  num_gpus:
    description: GPUs that the entrypoint itself occupies.
    type: float
  resources:
    description: Custom resources that the entrypoint itself occupies.
    type: dict
  replace:
    description:
      - Whether a job of that O(submission_id) that has ended is deleted, with its log, and run again.
      - One that has not ended is not touched.
    type: bool
    default: false
  wait:
    description: Whether to wait for the job's end.
    type: bool
    default: true
  follow:
    description: Whether to show the job's log while waiting.
    type: bool
    default: true
  timeout:
    description: Seconds to wait at most. Default is no limit.
    type: int
  on_timeout:
    description: Whether a job that takes longer goes on or is stopped. The task fails either way.
    type: str
    choices: [leave, stop]
    default: leave
  log_lines:
    description: How many of the log's last lines to return.
    type: int
    default: 50
attributes:
  check_mode:
    support: full
    details:
      - Submits and stops nothing, and says what it would do, even where there is no cluster yet.
  idempotence:
    support: partial
    details:
      - With a O(submission_id), and without O(replace=true).
seealso:
  - module: raywright.fleet.ray_cluster_info
"""

EXAMPLES = r"""
- name: Tune on the cluster
  raywright.fleet.ray_job:
    address: http://192.0.2.10:8265
    submission_id: sweep-2026-11-21
    entrypoint: python sweep.py --trials 8
    working_dir: jobs/ray_tune_sweep
    pip: ["ray[tune]==2.60.0"]
    timeout: 3600
  run_once: true
  register: sweep

- name: Start it and go on
  raywright.fleet.ray_job:
    submission_id: nightly
    entrypoint: python nightly.py
    working_dir: jobs/nightly
    replace: true
    wait: false
  run_once: true

- name: End it
  raywright.fleet.ray_job:
    submission_id: nightly
    state: stopped
  run_once: true
"""

RETURN = r"""
submission_id:
  description: The job's id.
  type: str
  returned: always
status:
  description:
    - V(PENDING), V(RUNNING), V(SUCCEEDED), V(FAILED) or V(STOPPED). V(ABSENT) where there is no such job.
  type: str
  returned: always
message:
  description: What Ray says of the status.
  type: str
  returned: when there is a job
entrypoint:
  description: The command.
  type: str
  returned: when there is a job
exit_code:
  description: Exit status of the entrypoint.
  type: int
  returned: when it has ended by itself
seconds:
  description: How long it ran.
  type: float
  returned: when it has ended
log:
  description: The last lines of its log.
  type: list
  elements: str
  returned: when there is a job
package:
  description: Name of the archive of O(working_dir) on the cluster.
  type: str
  returned: when O(working_dir) is a directory
msg:
  description: What was done, in a sentence.
  type: str
  returned: always
"""
