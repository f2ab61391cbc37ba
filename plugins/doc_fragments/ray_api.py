# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  address:
    description:
      - Address of the dashboard of a Ray cluster, which is its HTTP API, as V(http://HEAD:8265) or V(https://...).
      - Default is the environment variable E(RAYWRIGHT_RAY_ADDRESS).
      - It is plain HTTP unless something in front of it speaks TLS, so reach it over a network that you trust.
    type: str
  token_file:
    description:
      - File on the controller that holds the cluster's token.
      - Default is what Ray's own tools take, E(RAY_AUTH_TOKEN), the file that E(RAY_AUTH_TOKEN_PATH) names, or
        C(~/.ray/auth_token).
    type: path
requirements:
  - aiohttp >= 3.9 on the controller; not Ray, and not the cluster's version of Python
attributes:
  check_mode:
    description: Can run in check mode and predict changes without making them.
  diff_mode:
    description: Returns details on what has changed, in diff mode.
    support: none
    details:
      - What changes is no file.
  idempotence:
    description: Makes no change when it is run twice in a row.
  action:
    description: Runs on the controller, once for the whole play.
    support: full
    details:
      - Set C(run_once=true) so that every host registers the result.
author:
  - raywright.fleet contributors (@raywright)
"""
