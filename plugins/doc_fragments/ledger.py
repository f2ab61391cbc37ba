# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  ledger_url:
    description:
      - Where the ledger is, as V(sqlite:////absolute/path/ledger.db) or
        V(postgresql+psycopg://user@host/database).
      - Default is the environment variable E(RAYWRIGHT_LEDGER_URL), else the file C(.raywright/ledger.db) in the
        current directory.
      - Events are signed with the fleet key, E(RAYWRIGHT_FLEET_KEY) or the file that E(RAYWRIGHT_FLEET_KEY_FILE) names,
        else C(~/.config/raywright/fleet.key), which is made on first use. A password in the URL belongs into the
        environment or a vault.
    type: str
requirements:
  - SQLAlchemy >= 2 on the controller, psycopg >= 3 for PostgreSQL
  - cryptography on the controller
attributes:
  check_mode:
    description: Can run in check mode and predict changes without making them.
  diff_mode:
    description: Returns details on what has changed, in diff mode.
    support: none
    details:
      - What changes is the record, not a file.
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
