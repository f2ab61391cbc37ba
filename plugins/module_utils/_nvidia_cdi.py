# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CDI specification of a host's NVIDIA GPUs, and who keeps it fresh. Private."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ._host import HostError, output, unit

if TYPE_CHECKING:
    from ._host import Run

TOOL = Path("/usr/bin/nvidia-ctk")
# From 1.18 on the toolkit brings these, and they write the specification again after every change of the driver.
REFRESH_PATH = "nvidia-cdi-refresh.path"
REFRESH_SERVICE = "nvidia-cdi-refresh.service"
AUTOMATIC = Path("/var/run/cdi/nvidia.yaml")
OURS = Path("/etc/cdi/nvidia.yaml")


class CdiSpecification:
    """What is true of it now, and what there is to do."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.installed = TOOL.is_file()
        self._path = unit(run, REFRESH_PATH, "ActiveState", "UnitFileState")
        self._service = unit(run, REFRESH_SERVICE, "UnitFileState")
        self.automatic = self._path.get("LoadState") == self._service.get("LoadState") == "loaded"

    def devices(self) -> list[str]:
        """The names by which containers ask for GPUs."""
        if not self.installed:
            return []
        lines = output(self._run, str(TOOL), "cdi", "list").split()
        return sorted(line for line in lines if line.startswith("nvidia.com/gpu="))

    def actions(self) -> list[str]:
        """Without a driver there are no GPUs to specify: that is a failed check, and nothing to do here."""
        if not self.installed:
            return [f"write the CDI specification of the GPUs to {AUTOMATIC} or, with a toolkit before 1.18, to {OURS}"]
        if self.automatic:
            lines = []
            if not self._kept_fresh():
                lines.append(f"have {REFRESH_PATH} keep the CDI specification of the GPUs fresh")
            if not AUTOMATIC.is_file() and self._generated():
                lines.append(f"write the CDI specification of the GPUs to {AUTOMATIC}")
            return lines
        generated = self._generated()
        current = OURS.read_text(encoding="utf-8", errors="replace") if OURS.is_file() else ""
        return [f"write the CDI specification of the GPUs to {OURS}"] if generated not in ("", current) else []

    def apply(self) -> None:
        if not self.automatic:
            OURS.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._checked([str(TOOL), "cdi", "generate", f"--output={OURS}"])
            return
        if not self._kept_fresh():
            self._checked(["systemctl", "enable", REFRESH_PATH, REFRESH_SERVICE])
            self._checked(["systemctl", "start", REFRESH_PATH])
        if not AUTOMATIC.is_file() and self._generated():
            self._checked(["systemctl", "restart", REFRESH_SERVICE])
            if not AUTOMATIC.is_file():
                raise HostError(
                    f"{REFRESH_SERVICE} ran, but there is no {AUTOMATIC}: see journalctl -u {REFRESH_SERVICE}."
                )

    def _kept_fresh(self) -> bool:
        enabled = self._path.get("UnitFileState") == self._service.get("UnitFileState") == "enabled"
        return enabled and self._path.get("ActiveState") == "active"

    def _generated(self) -> str:
        """What the tool would write; empty if it finds no GPU or no driver."""
        done = self._run([str(TOOL), "cdi", "generate"])
        return done[1] if done[0] == 0 else ""

    def _checked(self, command: list[str]) -> None:
        status, out, errors = self._run(command)
        if status != 0:
            raise HostError(f"{' '.join(command)} failed: {(errors or out).strip()}")
