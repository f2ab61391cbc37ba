# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a workflow of the stand-in as AWX does, with real playbooks: nodes, edges, artifacts, credentials, variables.

What it takes from AWX's own code: a job's variables are AWX's own, then the template's, its survey's defaults, the
artifacts of the nodes before, and the workflow's answers, each winning over the former; a failed job's artifacts count
as well.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.awx_standin import LINKS, Awx
from tests.integration.commands import shown

DEADLINE = 300
# Where ansible-runner takes artifacts from.
STATS = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "artifacts"

    def v2_playbook_on_stats(self, stats):
        with open(os.environ["ARTIFACTS"], "w") as file:
            json.dump(stats.custom.get("_run", {}), file)
"""


@dataclass
class Job:
    """What became of one node."""

    node: dict[str, Any]
    status: str
    output: str = ""
    artifacts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Launch:
    """One launch of a workflow. ``clicks`` decides at approval nodes: who, and whether; None lets it time out."""

    awx: Awx
    project: Path
    secrets: dict[str, dict[str, str]]
    environment: dict[str, str]
    user: str
    clicks: Callable[[str], tuple[str, bool] | None]
    answers: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    def run(self, workflow: str) -> "Launch":
        template = self.awx.one("workflow_job_templates", workflow)
        self.number = self.awx.add("workflow_jobs", name=workflow)["id"]
        nodes = [node for node in self.awx._nodes() if node["workflow_job_template"] == template["id"]]
        while ready := [node for node in nodes if node["identifier"] not in self.jobs and self._reached(node, nodes)]:
            node = ready[0]
            self.jobs[node["identifier"]] = self._job(node, nodes)
        return self

    @property
    def order(self) -> list[str]:
        return list(self.jobs)

    @property
    def status(self) -> str:
        """Failed where a node failed and nothing was to follow on that, as in AWX."""
        handled = ("failure_nodes", "always_nodes")
        failed = [job.node for job in self.jobs.values() if job.status == "failed"]
        bad = [node for node in failed if not any(self._next(node, kind) for kind in handled)]
        return "failed" if bad else "successful"

    def _next(self, node: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        return self.awx.linked("workflow_job_template_nodes", node, kind)

    def _parents(self, node: dict[str, Any], nodes: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
        for parent in nodes:
            for kind in LINKS:
                if node in self._next(parent, kind):
                    yield parent, kind

    def _reached(self, node: dict[str, Any], nodes: list[dict[str, Any]]) -> bool:
        parents = list(self._parents(node, nodes))
        followed = {"successful": ("success_nodes", "always_nodes"), "failed": ("failure_nodes", "always_nodes")}
        return not parents or any(
            kind in followed[self.jobs[parent["identifier"]].status]
            for parent, kind in parents
            if parent["identifier"] in self.jobs
        )

    def _inherited(self, node: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for parent, _kind in self._parents(node, nodes):
            if parent["identifier"] in self.jobs:
                found |= self._inherited(parent, nodes) | self.jobs[parent["identifier"]].artifacts
        return found

    def _job(self, node: dict[str, Any], nodes: list[dict[str, Any]]) -> Job:
        number = next(self.awx._ids)
        template = node["unified_job_template"]
        node["job"] = number
        if template in self.awx.tables["workflow_approval_templates"]:
            return self._approval(node, number, self.awx.tables["workflow_approval_templates"][template]["name"])
        return self._playbook(node, number, self.awx.tables["job_templates"][template], self._inherited(node, nodes))

    def _approval(self, node: dict[str, Any], number: int, name: str) -> Job:
        click = self.clicks(name)
        status = "successful" if click and click[1] else "failed"
        by = {"approved_or_denied_by": {"username": click[0]}} if click else {}
        self.awx.answers[f"workflow_approvals/{number}/"] = {
            "id": number,
            "name": name,
            "status": status,
            "timed_out": click is None,
            "finished": "2026-11-21T06:00:00Z",
            "summary_fields": by,
        }
        node["job_type"] = "workflow_approval"
        return Job(node, status)

    def _playbook(self, node: dict[str, Any], number: int, template: dict[str, Any], artifacts: dict[str, Any]) -> Job:
        self._publish()
        survey = template.get("survey_spec", {}).get("spec", [])
        extra = {
            "awx_job_id": number,
            "awx_workflow_job_id": self.number,
            "awx_user_name": self.user,
            **json.loads(template["extra_vars"]),
            **{question["variable"]: question["default"] for question in survey if "default" in question},
            **artifacts,
            **self.answers,
        }
        place = self.project / f"job-{number}"
        place.mkdir()
        (place / "extra.json").write_text(json.dumps(extra))
        (place / "artifacts.py").write_text(STATS)
        status, output = shown(
            [Path(sys.executable).with_name("ansible-playbook"), template["playbook"], "-e", f"@{place}/extra.json"],
            cwd=self.project,
            environment={
                **self.environment,
                **self._credentials(template, place),
                "ANSIBLE_CALLBACK_PLUGINS": str(place),
                "ARTIFACTS": str(place / "artifacts.json"),
            },
            seconds=DEADLINE,
        )
        stored = place / "artifacts.json"
        found = json.loads(stored.read_text()) if stored.exists() else {}
        return Job(node, "failed" if status else "successful", output, found)

    def _publish(self) -> None:
        """Answer for the workflow's nodes as far as they have a job."""
        with_job = [
            {
                "id": node["id"],
                "identifier": node["identifier"],
                "job": node.get("job"),
                "summary_fields": {"job": {"type": node.get("job_type", "job")}} if node.get("job") else {},
                **{kind: [other["id"] for other in self._next(node, kind)] for kind in LINKS},
            }
            for node in self.awx._nodes()
        ]
        self.awx.answers[f"workflow_jobs/{self.number}/workflow_nodes/"] = {
            "count": len(with_job),
            "next": None,
            "results": with_job,
        }

    def _credentials(self, template: dict[str, Any], place: Path) -> dict[str, str]:
        """Return the environment that the template's credentials inject."""
        environment = {}
        for credential in self.awx.linked("job_templates", template, "credentials"):
            kind = self.awx.tables["credential_types"][credential["credential_type"]]
            inputs = credential["inputs"] | self.secrets.get(credential["name"], {})
            if kind.get("managed"):
                names = {"CONTROLLER_HOST": "host", "CONTROLLER_OAUTH_TOKEN": "oauth_token"}
                environment |= {name: inputs[key] for name, key in names.items()}
                continue
            for name, text in kind["injectors"].get("file", {}).items():
                path = place / name
                path.write_text(_rendered(text, inputs))
                inputs = {**inputs, f"tower.filename.{name.removeprefix('template.')}": str(path)}
            environment |= {name: _rendered(text, inputs) for name, text in kind["injectors"].get("env", {}).items()}
        return environment


def _rendered(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\{\{ ([\w.]+) \}\}", lambda found: inputs.get(found[1], ""), text)


def environment(collections: str, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
