#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a running Ray cluster with what its inventory says, by a job that goes the way every user's job goes.

    ray_cluster_check.py check /etc/ray/raywright.json < expected.json    rows of what was checked, as JSON
    ray_cluster_check.py jobs /etc/ray/raywright.json                     the jobs that run, as JSON
    ray_cluster_check.py probe                                            the job itself; Ray runs it

``expected.json`` is a list of ``{name, role, resources, labels}``. Standard library only, Python 3.9 or later, but for
``probe``, which has Ray around it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "raywright.fleet probe: "
CHECKPOINT = "final-validation"
OVER = ("SUCCEEDED", "FAILED", "STOPPED")
HTTP_TIMEOUT = 20.0
LOG_LINES = 5


class Unanswered(Exception):
    """The Jobs API did not do what it was asked."""


class Api:
    """Ray's Jobs API on the head."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, headers=self._headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=HTTP_TIMEOUT) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace").strip().splitlines()
            raise Unanswered(
                f"{self._base}{path} answers {error.code}: {said[-1] if said else error.reason}"
            ) from error
        except (OSError, ValueError) as error:
            raise Unanswered(f"{self._base}{path} does not answer: {error}") from error


def connect(settings: Mapping[str, Any]) -> Api:
    path = settings["environment"].get("RAY_AUTH_TOKEN_PATH")
    options = settings["options"]
    base = f"http://{options['dashboard-host']}:{options['dashboard-port']}"
    return Api(base, Path(path).read_text(encoding="utf-8").strip() if path else "")


def running(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the jobs that a restart of the head would end, those that were not submitted but only connected included."""
    return sorted(str(job["submission_id"] or job["job_id"]) for job in jobs if job["status"] not in OVER)


def run_job(api: Api, entrypoint: str, timeout: float) -> dict[str, Any]:
    """Run a job to its end; return its ``status`` and its ``logs``."""
    job = api("/api/jobs/", {"entrypoint": entrypoint, "metadata": {"name": "raywright.fleet final-validation"}})
    name = job["submission_id"]
    deadline = time.monotonic() + timeout
    while True:
        status = api(f"/api/jobs/{name}")["status"]
        if status in OVER:
            return {"status": status, "logs": api(f"/api/jobs/{name}/logs")["logs"] or ""}
        if time.monotonic() > deadline:
            logs = api(f"/api/jobs/{name}/logs")["logs"] or ""
            api(f"/api/jobs/{name}/stop", {})
            return {"status": f"{status} after {timeout:.0f} s", "logs": logs}
        time.sleep(0.5)


def report_of(logs: str) -> list[dict[str, Any]] | None:
    """Find what ``probe`` wrote among what else the job wrote."""
    for line in reversed(logs.splitlines()):
        if MARK in line:
            found: list[dict[str, Any]] = json.loads(line.split(MARK, 1)[1])
            return found
    return None


class Row(NamedTuple):
    check: str
    ok: bool
    found: str
    wanted: str
    fix: str
    severity: str = "error"

    def plain(self) -> dict[str, Any]:
        return {"checkpoint": CHECKPOINT, **self._asdict()}


def job_row(status: str, logs: str) -> Row:
    last = " | ".join(line for line in logs.splitlines()[-LOG_LINES:] if MARK not in line)
    return Row(
        check="a job through the Jobs API ends well",
        ok=status == "SUCCEEDED",
        found=status if status == "SUCCEEDED" else f"{status}: {last}".rstrip(": "),
        wanted="SUCCEEDED",
        fix="read the job's log in the dashboard, and the logs in /var/lib/ray/tmp/session_latest/logs on the head",
    )


def node_rows(expected: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Compare the nodes; amounts are compared as numbers, and a node may have more than was asked for."""
    by_name = {node["name"]: node for node in seen}
    rows = []
    for wanted in expected:
        rows += _one_node(wanted, by_name.get(wanted["name"]))
    strangers = sorted(set(by_name) - {node["name"] for node in expected})
    rows.append(
        Row(
            check="no node that the inventory does not know",
            ok=not strangers,
            found=", ".join(strangers) or "none",
            wanted="none",
            fix="add them to the inventory, or stop them and give the cluster a new token",
            severity="warning",
        )
    )
    return rows


def _one_node(wanted: Mapping[str, Any], node: Mapping[str, Any] | None) -> list[Row]:
    name = wanted["name"]
    up = Row(
        check=f"node {name} is in the cluster",
        ok=node is not None,
        found="alive" if node else "not among the nodes that are alive",
        wanted="alive",
        fix=f"run ray-deployment again; on {name}: journalctl -u ray (or docker logs ray)",
    )
    if node is None:
        return [up]
    pairs = [("resource", key, value, node["resources"].get(key)) for key, value in wanted["resources"].items()]
    pairs += [("label", key, value, node["labels"].get(key)) for key, value in wanted["labels"].items()]
    wrong = [(kind, key, value, has) for kind, key, value, has in pairs if not _same(kind, value, has)]
    return [
        up,
        Row(
            check=f"node {name} has the resources and labels of the inventory",
            ok=not wrong,
            found=", ".join(f"{kind} {key}={has}" for kind, key, _unused, has in wrong) or "as in the inventory",
            wanted=", ".join(f"{kind} {key}={value}" for kind, key, value, _unused in wrong) or "as in the inventory",
            fix="run ray-deployment again, which restarts nodes whose settings changed",
        ),
        Row(
            check=f"a task runs on node {name}",
            ok=not node["error"],
            found=node["error"] or "it ran",
            wanted="it ran",
            fix="the ports of the cluster must be open between all nodes; "
            f"see /var/lib/ray/tmp/session_latest/logs on {name}",
        ),
    ]


def _same(kind: str, wanted: object, found: object) -> bool:
    if kind == "label" or found is None:
        return str(wanted) == str(found)
    return float(str(wanted)) == float(str(found))


def check(api: Api, expected: Sequence[Mapping[str, Any]], entrypoint: str, timeout: float) -> list[dict[str, Any]]:
    try:
        job = run_job(api, entrypoint, timeout)
        row = job_row(job["status"], job["logs"])
        seen = report_of(job["logs"])
    except Unanswered as error:
        row, seen = job_row(str(error), ""), None
    rows = [row] if seen is None else [row, *node_rows(expected, seen)]
    return [each.plain() for each in rows]


def probe(timeout: float) -> None:
    """Run inside a job: say which nodes there are, and whether a task runs on each of them."""
    import ray  # noqa: PLC0415
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    ray.init(address="auto", log_to_driver=False)

    @ray.remote(num_cpus=0, max_retries=0)
    def here() -> str:
        return str(ray.get_runtime_context().get_node_id())

    nodes = [node for node in ray.nodes() if node["Alive"]]
    tasks = {
        node["NodeID"]: here.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    ray.wait(list(tasks.values()), num_returns=len(tasks), timeout=timeout)
    report = [
        {
            "name": node["NodeName"],
            "address": node["NodeManagerAddress"],
            "resources": node["Resources"],
            "labels": node["Labels"],
            "error": _outcome(ray, tasks[node["NodeID"]], node["NodeID"], timeout),
        }
        for node in nodes
    ]
    print(MARK + json.dumps(report))  # noqa: T201


def _outcome(ray: Any, task: Any, node: str, timeout: float) -> str:
    try:
        ran = ray.get(task, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return f"it did not end within {timeout:.0f} s"
    except ray.exceptions.RayError as error:
        return str(error).strip().splitlines()[0]
    return "" if ran == node else f"it ran on {ran}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Compare a running Ray cluster with its inventory.")
    parser.add_argument("act", choices=["check", "jobs", "probe"])
    parser.add_argument("settings", type=Path, nargs="?")
    parser.add_argument("--timeout", type=float, default=120)
    options = parser.parse_args(arguments)
    if options.act == "probe":
        probe(options.timeout)
        return 0
    try:
        api = connect(json.loads(options.settings.read_text(encoding="utf-8")))
        if options.act == "jobs":
            answer: object = running(api("/api/jobs/"))
        else:
            # The job has its time, then this program what it takes to be told.
            entrypoint = f"python {Path(__file__).resolve()} probe --timeout {options.timeout / 2}"
            answer = check(api, json.load(sys.stdin), entrypoint, options.timeout)
    except (Unanswered, OSError, KeyError, ValueError) as error:
        print(f"ray_cluster_check: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(answer))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
