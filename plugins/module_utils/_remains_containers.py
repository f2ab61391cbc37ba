# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers of earlier Ray deployments. Private to this collection."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any

from ._processes import scan
from ._ray_marks import (
    LABEL,
    container_evidence,
    monitoring_evidence,
    monitoring_image,
    process_role,
)
from ._remains import Item, RemovalError, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONFIGURATION = {"prometheus": ("/etc/prometheus/prometheus.yml",), "grafana": ("/etc/grafana/provisioning",)}


class Containers:
    """Finds and removes containers through the docker program."""

    def __init__(self, docker: str | None, run: Run, *, named: Sequence[str] = (), grace: int = 30) -> None:
        self._docker = docker
        self._run = run
        self._named = named
        self._grace = grace
        self.note = ""

    def find(self) -> list[Item]:
        everything = self.inspect()
        inside = _ray_inside() if everything else {}
        foreign = [each for each in everything if LABEL not in (each["Config"].get("Labels") or {})]
        reasons = {each["Id"]: container_evidence(each, inside.get(each["Id"], ())) for each in foreign}
        ray = [each for each in foreign if reasons[each["Id"]]]
        for each in foreign:
            identity = each["Id"]
            program = monitoring_image(each["Config"]["Image"])
            name = each["Name"].lstrip("/")
            if not reasons[identity] and any(fnmatch.fnmatchcase(name, pattern) for pattern in self._named):
                reasons[identity] = "cleanup_containers names it"
            if not reasons[identity] and program:
                reasons[identity] = monitoring_evidence(each, ray, self._texts(identity, program))
        return [_item(each, reasons[each["Id"]]) for each in foreign if reasons[each["Id"]]]

    def inspect(self) -> list[dict[str, Any]]:
        if self._docker is None:
            return []
        status, out, err = self._run([self._docker, "ps", "--all", "--quiet", "--no-trunc"])
        if status != 0:
            self.note = f"containers were not looked at: {err.strip()[-200:]}"
            return []
        ids = out.split()
        if not ids:
            return []
        # One that is gone meanwhile makes inspect fail, and it still shows the others.
        shown = self._run([self._docker, "container", "inspect", *ids])[1]
        return sorted(json.loads(shown or "[]"), key=lambda each: str(each["Name"]))

    def stop(self, items: Sequence[Item]) -> None:
        """Stop all of them at once: one that does not listen costs the whole grace time."""
        if items:
            self._run([str(self._docker), "stop", "--time", str(self._grace), *(item.identity[0] for item in items)])

    def remove(self, item: Item) -> None:
        self.stop([item])
        status, out, err = self._run([str(self._docker), "rm", item.identity[0]])
        if status != 0:
            raise RemovalError(f"docker rm {item.name} failed: {(err or out).strip()[-300:]}")

    def _texts(self, identity: str, program: str) -> dict[str, str]:
        texts = {}
        for path in _CONFIGURATION.get(program.split("-", 1)[0], ()):
            status, out = self._run([str(self._docker), "cp", f"{identity}:{path}", "-"])[:2]
            texts[path] = out if status == 0 else ""
        return texts


def _ray_inside() -> dict[str, list[str]]:
    inside: dict[str, list[str]] = {}
    for process in scan():
        role = process_role(process.name, process.argv)
        if role and process.container:
            inside.setdefault(process.container, []).append(role)
    return inside


def _item(container: dict[str, Any], why: str) -> Item:
    name = container["Name"].lstrip("/")
    image = container["Config"]["Image"]
    running = "running" if container["State"]["Status"] in ("running", "restarting", "paused") else "stopped"
    volumes = [mount["Name"] for mount in container.get("Mounts") or [] if mount.get("Type") == "volume"]
    keeps = ["its image stays"]
    if volumes:
        keeps.insert(0, f"its volumes stay: {', '.join(sorted(volume[:24] for volume in volumes))}")
    return Item(
        kind="container",
        name=name,
        identity=(container["Id"],),
        why=why,
        removes=(name,),
        state=f"image {image}, {running}",
        keeps=", ".join(keeps),
    )
