# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a playbook on some devices, by ansible-runner, and what became of each of them.

Everything the run needs, credentials included, lies in a private folder that is away afterwards: a small process that
outlives this one removes it and ends Ansible, should this one be killed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ..devices.base import Device
from ..errors import FleetError

_JANITOR = 'cat >/dev/null; [ -s "$1/pid" ] && kill -KILL -- "-$(cat "$1/pid")" 2>/dev/null; rm -rf -- "$1"'
_PROGRAM = """\
#!{python}
import os, sys
for name in [each for each in os.environ if each.startswith(("RAYWRIGHT_", "ANSIBLE_CALLBACKS"))]:
    del os.environ[name]
if os.getpgrp() != os.getpid():
    os.setpgid(0, 0)
with open({pid!r}, "w") as file:
    file.write(str(os.getpid()))
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""
# ansible-runner does not say why a task was skipped. By its condition is one thing; because it cannot be foreseen in
# check mode is another.
_SKIPPED = """\
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "raywright_skipped"

    def v2_runner_on_skipped(self, result):
        said = result._result
        if not said.get("results") and not {{"skip_reason", "skipped_reason", "false_condition"}} & set(said):
            with open({path!r}, "a") as file:
                file.write(json.dumps([result._host.get_name(), result._task.get_name()]) + "\\n")

    v2_runner_item_on_skipped = v2_runner_on_skipped
"""


@dataclass(frozen=True, slots=True)
class Host:
    """One device as Ansible is to see it."""

    device: Device
    variables: Mapping[str, Any] = field(repr=False)
    groups: Sequence[str]


@dataclass(slots=True)
class Seen:
    """What was seen of one device in a run."""

    started: bool = False
    tasks_done: int = 0
    changed: bool = False
    failed: str = ""
    unreachable: str = ""
    cannot_tell: list[str] = field(default_factory=list)
    """Tasks of which check mode does not know what they would do."""
    diff: list[str] = field(default_factory=list, repr=False)
    ended: bool = False
    """The run came to its end and counted this device."""


@dataclass(frozen=True, slots=True)
class Run:
    hosts: Mapping[str, Seen]
    trouble: str
    """Why the run as a whole did not come to its end, if so."""


def require_ansible() -> str:
    """The program that runs playbooks here. Raises ``FleetError`` that says what is missing where."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    program = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if program is None:
        raise FleetError(
            f"ansible-playbook is not there, neither beside {sys.executable} nor on the PATH: a rollout by playbook "
            "needs ansible-core on every node of the Ray cluster"
        )
    try:
        import ansible_runner  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - half a second, only for playbooks
    except ImportError:
        raise FleetError("Python package ansible-runner is missing; install requirements/engine.txt") from None
    return program


def run(
    files: Any,
    playbook: str,
    hosts: Sequence[Host],
    *,
    check: bool,
    seconds: float,
) -> Run:
    """Run a playbook to its end; blocks. ``files.unpack(folder)`` puts it there, ``seconds``: until it is given up."""
    program = require_ansible()
    import ansible_runner  # noqa: PLC0415 - as above

    seen: dict[str, Seen] = {host.device.name: Seen() for host in hosts}
    said: list[str] = []

    def take(event: dict[str, Any]) -> bool:
        _take(event, seen, said)
        return False

    with _folder() as folder:
        project = folder / "project"
        project.mkdir()
        files.unpack(project)
        skipped = folder / "skipped"
        (project / "callback_plugins").mkdir()
        plugin = project / "callback_plugins" / "raywright_skipped.py"
        plugin.write_text(_SKIPPED.format(path=str(skipped)), encoding="utf-8")
        inventory = folder / "inventory.json"
        inventory.write_text(json.dumps(_inventory(hosts, folder)), encoding="utf-8")
        # First on the PATH: given as ansible-runner's own option, it would be run without what reports events.
        binary = folder / "bin" / "ansible-playbook"
        binary.parent.mkdir()
        binary.write_text(
            _PROGRAM.format(python=sys.executable, pid=str(folder / "pid"), program=program), encoding="utf-8"
        )
        binary.chmod(0o700)
        done = ansible_runner.run(
            private_data_dir=str(folder),
            playbook=playbook,
            inventory=str(inventory),
            forks=len(hosts),
            cmdline="--check --diff" if check else "--diff",
            envvars=_environment(folder),
            settings={"job_timeout": int(seconds), "pexpect_use_poll": True},
            suppress_env_files=True,
            quiet=True,
            event_handler=take,
        )
        status = str(done.status)
        for line in skipped.read_text(encoding="utf-8").splitlines() if skipped.exists() else ():
            name, task = json.loads(line)
            seen[name].cannot_tell += [task] if task not in seen[name].cannot_tell else []
    if all(each.ended for each in seen.values()):
        return Run(seen, "")
    reason = f"it was given up after {seconds:g} s" if status == "timeout" else " / ".join(said[-3:]) or status
    return Run(seen, reason)


@contextmanager
def _folder() -> Iterator[Path]:
    """A private folder, in memory where that can be, that is away afterwards whatever becomes of this process."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own and is ours alone
    folder = Path(tempfile.mkdtemp(prefix="raywright-playbook-", dir=memory if memory.is_dir() else None))
    with subprocess.Popen(  # noqa: S603 - our own script
        ["/bin/sh", "-c", _JANITOR, "sh", str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    ) as janitor:
        try:
            yield folder
        finally:
            (folder / "pid").unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            assert janitor.stdin is not None
            janitor.stdin.close()


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
    }


def _inventory(hosts: Sequence[Host], folder: Path) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = defaultdict(lambda: {"hosts": {}})
    for host in hosts:
        for group in host.groups:
            groups[group]["hosts"][host.device.name] = None
    own = {host.device.name: {**host.variables, **_connection(host, folder)} for host in hosts}
    return {"all": {"hosts": own, "children": dict(groups)}}


def _connection(host: Host, folder: Path) -> dict[str, Any]:
    """The connection variables that name files: on this machine, they are files in the private folder."""
    device = host.device
    variables: dict[str, Any] = {"ansible_host": device.host, "ansible_port": device.port}
    if device.user:
        variables["ansible_user"] = device.user
    if device.password:
        variables["ansible_password"] = device.password
    if device.private_key:
        variables["ansible_ssh_private_key_file"] = _write(folder / "keys" / device.name, device.private_key)
    arguments = str(host.variables.get("ansible_ssh_common_args") or "")
    if device.known_hosts is None:
        variables["ansible_host_key_checking"] = False
    else:
        known = _write(folder / "known_hosts" / device.name, device.known_hosts)
        arguments += f" -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes"
    variables["ansible_ssh_common_args"] = arguments.strip()
    return variables


def _write(path: Path, text: str) -> str:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    return str(path)


def _take(event: Mapping[str, Any], seen: Mapping[str, Seen], said: list[str]) -> None:
    data = event.get("event_data") or {}
    kind = event.get("event", "")
    host = seen.get(str(data.get("host") or ""))
    if kind == "playbook_on_stats":
        _count(data, seen)
    elif host is None:
        said += str(event.get("stdout", "")).strip().splitlines()[-1:]
    elif kind == "runner_on_start":
        host.started = True
    else:
        _result(kind, data, host)


def _result(kind: str, data: Mapping[str, Any], host: Seen) -> None:
    """Take what one task did on one device."""
    result = data.get("res") or {}
    task = str(data.get("task") or data.get("task_action") or "a task")
    if kind == "runner_on_unreachable":
        host.unreachable = _message(result)
    elif kind == "runner_on_failed" and not data.get("ignore_errors"):
        host.failed = f"task '{task}': {_message(result)}"
    elif kind in {"runner_on_ok", "runner_on_failed"}:
        host.tasks_done += 1
        if result.get("changed"):
            host.changed = True
            host.diff += _diff(task, result.get("diff"))


def _count(data: Mapping[str, Any], seen: Mapping[str, Seen]) -> None:
    processed = set(data.get("processed") or {})
    for name, host in seen.items():
        host.ended = True
        host.started = host.started or name in processed
        host.changed = host.changed or bool((data.get("changed") or {}).get(name))
        if (data.get("dark") or {}).get(name) and not host.unreachable:
            host.unreachable = "it could not be reached"
        if (data.get("failures") or {}).get(name):
            host.failed = host.failed or "a task failed"
        elif not (data.get("failures") or {}).get(name):
            # Rescued by the playbook itself.
            host.failed = ""


def _message(result: Mapping[str, Any]) -> str:
    for name in ("msg", "stderr", "module_stderr", "skip_reason", "reason"):
        if text := " ".join(str(result.get(name) or "").split()):
            return text
    return "no reason given"


def _diff(task: str, diff: Any) -> list[str]:
    """The diffs of one task as lines that begin with a space, ``+`` or ``-``."""
    lines = [f" # {task}"]
    for each in diff if isinstance(diff, list) else [diff] if diff else []:
        if not isinstance(each, Mapping):
            continue
        if each.get("prepared"):
            lines += [
                line if line[:1] in ("+", "-", " ") else f" {line}" for line in str(each["prepared"]).splitlines()
            ]
            continue
        before, after = (_text(each.get(side)) for side in ("before", "after"))
        changed = list(unified_diff(before, after, lineterm="", n=1))[2:]
        lines += [line for line in changed if not line.startswith("@@")]
    return lines if len(lines) > 1 else [f"+# {task}: would change"]


def _text(side: Any) -> list[str]:
    if side is None:
        return []
    return (side if isinstance(side, str) else json.dumps(side, indent=2, sort_keys=True)).splitlines()
