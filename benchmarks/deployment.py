# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long ``raywright.fleet.deploy`` takes on the machines of an inventory, and how much of that is Ansible's own.

Runs it once (on bare machines, if they are bare) and once again. Prints tables to the standard error and one JSON
object to the standard output.

    python benchmarks/deployment.py -i inventory.yml --approve-as somebody > deployment.json

Ansible works in lockstep: a task begins when the task before has ended on its slowest host. So a run is the sum of

- start: from the command to its first task;
- between tasks: from the last result of a task to the begin of the next: choosing, templating, handing out;
- empty tasks: what the tasks would cost if they did nothing. The same command times empty tasks before and after the
  playbook, on the same hosts with the same settings: ``ping`` on one host, on all, and on localhost, and an action that
  needs no host. Each task counts as many of them as it has loop items, but never more than it took. A task that was
  skipped, and tasks like ``assert``, ``set_fact`` or an include, are Ansible's own as a whole;
- waiting for approvals: the tasks that ask a human, less their empty tasks;
- work: all the rest, what the modules do on the machines.

The first three are called overhead. ``slowest host`` is not overhead, but waiting: by how much the slowest host of each
task was behind the mean, summed up.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EMPTY = "empty tasks: "
REPEATS = 5
SLOWEST = 10
SUMMED = (
    "seconds",
    "work",
    "empty_tasks",
    "between_tasks",
    "approvals",
    "slowest_host",
    "tasks",
    "executions",
)
REQUEST = re.compile(r"raywright\.fleet\.approve -e approval=(\S+) -e digest=(\S+)")


@dataclass
class Task:
    """One task of a play, for all its hosts. Times are seconds of one clock."""

    name: str
    action: str
    kind: str
    part: str
    play: str
    path: str
    began: float
    ends: dict[str, float] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    local: bool = False
    worked: int = 0

    @property
    def ended(self) -> float:
        return max(self.ends.values(), default=self.began)

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def executions(self) -> int:
        return max(self.items.values(), default=1)

    @property
    def behind(self) -> float:
        """Seconds by which the slowest host was behind the mean of all."""
        return self.ended - statistics.fmean(self.ends.values()) if self.ends else 0.0


@dataclass(frozen=True)
class Empty:
    """Seconds that an empty task takes."""

    one: float
    every: float
    local: float
    controller: float
    hosts: int

    def of(self, task: Task) -> float:
        if task.kind == "glue" or not task.worked:
            return task.seconds
        return min(task.seconds, task.executions * self._single(task))

    def _single(self, task: Task) -> float:
        if task.kind == "controller":
            return self.controller
        if task.local:
            return self.local
        share = (task.worked - 1) / (self.hosts - 1) if self.hosts > 1 else 0.0
        return self.one + max(0.0, self.every - self.one) * min(1.0, share)


def wrapped(playbook: str, hosts: str, place: Path) -> Path:
    """Write a playbook that times empty tasks around ``playbook``, and return its path."""
    settings = {"gather_facts": False, "become": True, "vars": {"ansible_pipelining": True}}

    def play(what: str, where: str, module: str, **more: Any) -> dict[str, Any]:
        tasks = [{"name": f"{what} {number}", module: {}} for number in range(REPEATS)]
        return {"name": EMPTY + what, "hosts": where, **settings, "tasks": tasks, **more}

    here = {"connection": "local", "become": False}
    empty = [
        play("every", hosts, "ansible.builtin.ping"),
        play("one", f"{hosts}[0]", "ansible.builtin.ping"),
        play("local", "localhost", "ansible.builtin.ping", **here),
        play("controller", "localhost", "ansible.builtin.debug", **here),
    ]
    measured = {"name": "What is measured", "import_playbook": playbook}
    path = place / "measured.yml"
    path.write_text(json.dumps([*empty, measured, *empty]), encoding="utf-8")
    return path


def approve(line: str, directory: Path, approver: str) -> None:
    """Answer a request that the playbook printed, by the file door."""
    if found := REQUEST.search(line):
        directory.mkdir(parents=True, exist_ok=True)
        decision = {"digest": found[2], "verdict": "approve", "reason": "benchmark", "approver": approver}
        new = directory / f".{found[1]}"
        new.write_text(json.dumps(decision | {"risk_acknowledged": True}), encoding="utf-8")
        new.rename(directory / f"{found[1]}.json")


def run(command: list[str], *, log: Path, times: Path, approver: str | None) -> tuple[float, float, int]:
    """Run the command; return when it began, when it ended, and its status. The clock is that of the callback."""
    environment = os.environ | {
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "ANSIBLE_NOCOLOR": "1",
        "TASK_TIMES": str(times),
    }
    began = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as shown,
        subprocess.Popen(  # noqa: S603 - our own interpreter's neighbour
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):

        def follow(lines: Iterable[str]) -> None:
            for line in lines:
                shown.write(line)
                if approver:
                    approve(line, Path(".raywright/approvals"), approver)

        assert process.stdout is not None
        assert process.stderr is not None
        threads = [threading.Thread(target=follow, args=[stream]) for stream in (process.stdout, process.stderr)]
        for thread in threads:
            thread.start()
        status = process.wait()
        ended = time.monotonic()
        for thread in threads:
            thread.join()
    return began, ended, status


def read(times: Path) -> tuple[list[Task], dict[str, Any]]:
    """Return the tasks in order, and Ansible's recap."""
    tasks: list[Task] = []
    play: dict[str, Any] = {"name": "", "part": ""}
    stats: dict[str, Any] = {}
    for event in map(json.loads, times.read_text(encoding="utf-8").splitlines()):
        match event["event"]:
            case "play":
                play = event
            case "task":
                named = {key: event[key] for key in ("name", "action", "kind", "path")}
                tasks.append(Task(**named, part=play["part"], play=play["name"], began=event["time"]))
            case "item":
                tasks[-1].items[event["host"]] += 1
            case "end":
                tasks[-1].ends[event["host"]] = event["time"]
                tasks[-1].worked += event["how"] != "skipped"
                tasks[-1].local = event["local"]
            case "stats":
                stats = event["hosts"]
    return tasks, stats


def empty_tasks(tasks: Iterable[Task]) -> Empty:
    """Return the medians of the empty tasks; the first of each play opens the connections and does not count."""
    found: dict[str, list[float]] = defaultdict(list)
    hosts = 1
    for task in tasks:
        what, number = task.name.split()
        hosts = max(hosts, len(task.ends))
        if number != "0":
            found[what].append(task.seconds)
    cost = {what: statistics.median(found[what]) for what in ("one", "every", "local", "controller")}
    return Empty(**cost, hosts=hosts)


def measured(began: float, ended: float, tasks: list[Task], stats: Mapping[str, Any]) -> dict[str, Any]:
    """Share a run out, as the head of this file says."""
    own = [number for number, task in enumerate(tasks) if not task.play.startswith(EMPTY)]
    if not own:
        raise SystemExit("The playbook ran no task; its output stands in the log.")
    empty = empty_tasks(task for task in tasks if task.play.startswith(EMPTY))
    parts: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(SUMMED, 0.0))
    for number in own:
        task, part = tasks[number], parts[tasks[number].part]
        idle = empty.of(task)
        waited = task.action == "raywright.fleet.approval"
        part["seconds"] += task.seconds
        part["empty_tasks"] += idle
        part["approvals" if waited else "work"] += task.seconds - idle
        part["slowest_host"] += task.behind
        part["tasks"] += 1
        part["executions"] += task.executions
        # What follows the last task of ours leads to an empty task, and is none of ours.
        if number < own[-1]:
            gap = max(0.0, tasks[number + 1].began - task.ended)
            part["between_tasks"] += gap
            part["seconds"] += gap
    whole = {key: sum(part[key] for part in parts.values()) for key in SUMMED}
    # The empty tasks before ours are no part of the run: its start is the command's, up to the first task of all.
    whole["start"] = tasks[0].began - began
    whole["seconds"] += whole["start"]
    whole["overhead"] = whole["start"] + whole["between_tasks"] + whole["empty_tasks"]
    for part in (*parts.values(), whole):
        part.setdefault("overhead", part["between_tasks"] + part["empty_tasks"])
        part["overhead_share"] = part["overhead"] / part["seconds"] if part["seconds"] else 0.0
    slow = sorted((tasks[number] for number in own), key=lambda task: -task.seconds)[:SLOWEST]
    return {
        "command_seconds": ended - began,
        "whole": whole,
        "checkpoints": dict(parts),
        "empty_task_seconds": vars(empty),
        "slowest_tasks": [{"seconds": task.seconds, "checkpoint": task.part, "task": task.name} for task in slow],
        "changed": {host: each["changed"] for host, each in stats.items()},
    }


COLUMNS = {
    "seconds": "wall s",
    "work": "work",
    "empty_tasks": "empty",
    "between_tasks": "between",
    "approvals": "approval",
    "slowest_host": "slowest host",
    "tasks": "tasks",
    "overhead_share": "overhead",
}


def table(title: str, result: Mapping[str, Any]) -> str:
    rows = [["", *COLUMNS.values()]]
    for name, part in [*result["checkpoints"].items(), ("whole, with its start", result["whole"])]:
        cells = [
            f"{part[key]:.0%}" if key == "overhead_share" else f"{part[key]:.{0 if key == 'tasks' else 1}f}"
            for key in COLUMNS
        ]
        rows.append([name, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *(map(str.rjust, row[1:], widths[1:]))]) for row in rows]
    empty = result["empty_task_seconds"]
    costs = (
        f"an empty task: {empty['every']:.2f} s on all {empty['hosts']} hosts, {empty['one']:.2f} s on one, "
        f"{empty['local']:.2f} s on localhost, {empty['controller']:.2f} s without a host"
    )
    slow = [f"  {each['seconds']:7.1f} s  {each['checkpoint']}: {each['task']}" for each in result["slowest_tasks"]]
    return "\n".join([title, *lines, costs, "slowest tasks:", *slow, ""])


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def main() -> None:
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("-i", "--inventory", action="append", required=True, help="may be given several times")
    parser.add_argument("--playbook", default="raywright.fleet.deploy")
    parser.add_argument("--hosts", default="ray_cluster", help="group on which the empty tasks run")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--approve-as", help="answer every request for an approval, as this person")
    parser.add_argument("--logs", type=Path, default=Path(), help="directory for the commands' outputs")
    parser.add_argument("more", nargs="*", help="for ansible-playbook, after --")
    options = parser.parse_args()
    options.logs.mkdir(parents=True, exist_ok=True)
    inventories = [word for each in options.inventory for word in ("-i", each)]
    results = []
    with tempfile.TemporaryDirectory() as name:
        playbook = wrapped(options.playbook, options.hosts, Path(name))
        program = Path(sys.executable).with_name("ansible-playbook")
        for number in range(1, options.runs + 1):
            log, times = options.logs / f"deployment-{number}.log", Path(name) / f"{number}.jsonl"
            command = [str(program), *inventories, str(playbook), *options.more]
            began, ended, status = run(command, log=log, times=times, approver=options.approve_as)
            if status:
                raise SystemExit(f"Run {number} ended with status {status}; its output stands in {log}.")
            result = measured(began, ended, *read(times))
            results.append(result)
            sys.stderr.write(table(f"Run {number}, changed: {sum(result['changed'].values())}", result) + "\n")
    context = {
        "playbook": options.playbook,
        "hosts": results[0]["empty_task_seconds"]["hosts"],
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 1),
    }
    sys.stdout.write(json.dumps(rounded(context | {"runs": results}), indent=2) + "\n")


if __name__ == "__main__":
    main()
