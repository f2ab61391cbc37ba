# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller half of ``ray_job``: submits a job to a cluster, follows it, stops it."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.raywright.fleet.engine.errors import FleetError, InvalidInput
from ansible_collections.raywright.fleet.plugins.plugin_utils import _secrets
from ansible_collections.raywright.fleet.plugins.plugin_utils._cluster import ask, endpoint
from ansible_collections.raywright.fleet.plugins.plugin_utils._joblog import JobLog
from ansible_collections.raywright.fleet.plugins.plugin_utils._ledger import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.raywright.fleet.engine.cluster.api import Api
    from ansible_collections.raywright.fleet.engine.cluster.jobs import Jobs
    from ansible_collections.raywright.fleet.engine.cluster.package import Package
    from ansible_collections.raywright.fleet.engine.cluster.work import JobSpec

_NEEDS = {
    "num_cpus": "entrypoint_num_cpus",
    "num_gpus": "entrypoint_num_gpus",
    "resources": "entrypoint_resources",
}
_OWN_OPTIONS = ("working_dir", "pip", "env_vars", "excludes")
_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}"
_LONG_ENOUGH = 8
"""A secret that is shorter is found in innocent texts too."""
_FIRST_PATIENCE = 8.0


class ActionModule(ActionBase):
    """Runs once for the whole play, on the controller."""

    BYPASS_HOST_LOOP = True
    _requires_connection = False

    SPEC: ClassVar[dict[str, Any]] = {
        "address": {"type": "str"},
        "token_file": {"type": "path", "no_log": False},
        "state": {"type": "str", "choices": ["present", "stopped"], "default": "present"},
        "submission_id": {"type": "str"},
        "entrypoint": {"type": "str"},
        "working_dir": {"type": "str"},
        "excludes": {
            "type": "list",
            "elements": "str",
            "default": [".git", ".raywright", ".venv", "__pycache__", "*.pyc"],
        },
        "pip": {"type": "list", "elements": "str"},
        "env_vars": {"type": "dict"},
        "visible_env_vars": {"type": "list", "elements": "str", "default": []},
        "runtime_env": {"type": "dict"},
        "metadata": {"type": "dict"},
        "num_cpus": {"type": "float"},
        "num_gpus": {"type": "float"},
        "resources": {"type": "dict"},
        "replace": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
        "follow": {"type": "bool", "default": True},
        "timeout": {"type": "int"},
        "on_timeout": {"type": "str", "choices": ["leave", "stop"], "default": "leave"},
        "log_lines": {"type": "int", "default": 50},
    }
    RULES: ClassVar[dict[str, Any]] = {
        "required_if": [("state", "present", ["entrypoint"]), ("state", "stopped", ["submission_id"])]
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(argument_spec=self.SPEC, **self.RULES)
        check = bool(self._task.check_mode)
        try:
            _check(args)
            where = endpoint(args["address"], args["token_file"])
            if args["state"] == "stopped":
                work: Any = _Stopping(args, check=check)
            else:
                spec = _spec(args)
                _refuse_secrets(args, spec, _secrets.secret_values(task_vars or {}))
                work = _Running(args, spec, check=check)
        except FleetError as exc:
            raise AnsibleActionFail(str(exc)) from None
        result.update(ask(where, work.done, failure=AnsibleActionFail))
        if problem := result.pop("problem", None):
            raise AnsibleActionFail(problem, result=result | {"msg": problem})
        return result


class _Running:
    """``state: present``."""

    def __init__(self, args: Mapping[str, Any], spec: JobSpec, *, check: bool) -> None:
        self._args = args
        self._spec = spec
        self._check = check
        self._name = spec.submission_id
        self._old = ""

    async def done(self, api: Api) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.cluster import work
        from ansible_collections.raywright.fleet.engine.cluster.api import ApiLost
        from ansible_collections.raywright.fleet.engine.cluster.jobs import Jobs

        jobs = Jobs(api)
        try:
            await jobs.check()
            there = await work.find(jobs, self._spec, again=self._args["replace"], patience=_FIRST_PATIENCE)
        except ApiLost as exc:
            if not self._check:
                raise
            return self._would(f"{self._name} would be submitted; now, {exc}")
        if there is None:
            if self._check:
                return self._would(f"{self._name} would be submitted: {self._spec.entrypoint}")
            self._old = await work.submit(jobs, self._spec)
        elif self._check:
            return self._with_package(_told(there, changed=False, msg=f"{self._name} is there, {there['status']}"))
        return self._with_package(await self._end(jobs, new=there is None))

    def _would(self, msg: str) -> dict[str, Any]:
        return self._with_package(
            {"changed": True, "submission_id": self._name, "status": "ABSENT", "msg": f"Check mode: {msg}"}
        )

    def _with_package(self, result: dict[str, Any]) -> dict[str, Any]:
        package = self._spec.working_dir
        return result if package is None or isinstance(package, str) else {**result, "package": package.name}

    async def _end(self, jobs: Jobs, *, new: bool) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.cluster import work

        did = "was submitted" if new else "was there already"
        log = JobLog(self._name, show=self._args["follow"], keep=self._args["log_lines"])
        if not self._args["wait"]:
            job = await jobs.job(self._name)
            return _told(job, changed=new, msg=f"{self._name} {did} and is {job['status']}")
        log.say(f"Job {self._name} {did}")
        try:
            async with asyncio.timeout(self._args["timeout"]):
                if self._args["follow"]:
                    job = await work.follow(jobs, self._name, log.take, old=self._old)
                else:
                    job = await work.wait(jobs, self._name, log.look)
        except TimeoutError:
            return await self._timed_out(jobs, log, new=new)
        finally:
            log.end()
        if not self._args["follow"]:
            log.keep((await jobs.log(self._name)).removeprefix(self._old))
        told = _told(job, changed=new, msg=f"{self._name} {did} and {_ended(job)}") | {"log": log.lines}
        if job["status"] != "SUCCEEDED":
            told["problem"] = self._failed(job, log.lines, new=new)
        return told

    async def _timed_out(self, jobs: Jobs, log: JobLog, *, new: bool) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.cluster import work

        seconds = self._args["timeout"]
        if self._args["on_timeout"] == "stop":
            job = await work.stop(jobs, self._name, log.look)
            what = f"it was told to stop and {_ended(job)}"
        else:
            job = await jobs.job(self._name)
            what = "it goes on by itself; the same command with this submission_id follows it again"
        problem = f"Job {self._name} had not ended after {seconds} s (timeout): {what}"
        return _told(job, changed=new, msg=problem) | {"log": log.lines, "problem": problem}

    def _failed(self, job: Mapping[str, Any], lines: list[str], *, new: bool) -> str:
        said = f" Its log ends: {' / '.join(line.strip() for line in lines[-4:] if line.strip())}." if lines else ""
        earlier = "" if new else " It ended before this task; with replace=true it is run again."
        reason = _first_line(job.get("message")).rstrip(".") or "Ray gives no reason"
        return f"Job {self._name} {_ended(job)}: {reason}.{said}{earlier}"


class _Stopping:
    """``state: stopped``."""

    def __init__(self, args: Mapping[str, Any], *, check: bool) -> None:
        self._args = args
        self._check = check

    async def done(self, api: Api) -> dict[str, Any]:
        from ansible_collections.raywright.fleet.engine.cluster import work
        from ansible_collections.raywright.fleet.engine.cluster.api import ApiLost
        from ansible_collections.raywright.fleet.engine.cluster.jobs import ENDED, Jobs

        jobs = Jobs(api)
        name = self._args["submission_id"]
        absent = {"changed": False, "submission_id": name, "status": "ABSENT"}
        try:
            await jobs.check()
            job = await jobs.find(name, patience=_FIRST_PATIENCE)
        except ApiLost as exc:
            if not self._check:
                raise
            return {**absent, "msg": f"Check mode: {exc}"}
        if job is None:
            return {**absent, "msg": f"There is no job {name} on the cluster"}
        if job["status"] in ENDED:
            return _told(job, changed=False, msg=f"{name} had ended before: it {_ended(job)}")
        if self._check:
            return _told(job, changed=True, msg=f"Check mode: {name}, which is {job['status']}, would be stopped")
        log = JobLog(name, show=False, keep=self._args["log_lines"])
        try:
            async with asyncio.timeout(self._args["timeout"]):
                job = await work.stop(jobs, name, log.look)
        except TimeoutError:
            problem = f"Job {name} was told to stop and still runs after {self._args['timeout']} s (timeout)"
            return _told(await jobs.job(name), changed=True, msg=problem) | {"problem": problem}
        return _told(job, changed=True, msg=f"{name} was stopped: it {_ended(job)}")


def _check(args: Mapping[str, Any]) -> None:
    import re

    name = args["submission_id"]
    if name and not re.fullmatch(_ID, name):
        raise InvalidInput(f"submission_id is {name!r}; give letters, digits, '.', '_' and '-', at most 127 of them")
    for option in ("timeout", "log_lines"):
        if args[option] is not None and args[option] < 1:
            raise InvalidInput(f"{option} is {args[option]}; give 1 or more")
    for option in ("pip", "excludes"):
        if joined := [each for each in args[option] or () if each.startswith("[")]:
            raise InvalidInput(
                f"{option} has {joined[0]!r}, which looks like a list that was given as text: "
                f"with -e, write JSON: -e '{{\"job_{option}\": [...]}}'"
            )
    if taken := [key for key in _OWN_OPTIONS if key in (args["runtime_env"] or {})]:
        raise InvalidInput(f"runtime_env has {taken[0]}, which is an option of its own: give it there")


def _spec(args: Mapping[str, Any]) -> JobSpec:
    from ansible_collections.raywright.fleet.engine.cluster.work import JobSpec

    runtime_env = dict(plain(args["runtime_env"] or {}))
    if args["pip"]:
        runtime_env["pip"] = plain(args["pip"])
    if args["env_vars"]:
        runtime_env["env_vars"] = {str(name): _text(value) for name, value in plain(args["env_vars"]).items()}
    return JobSpec(
        submission_id=args["submission_id"] or f"raywright-job-{secrets.token_hex(6)}",
        entrypoint="".join(args["entrypoint"]),
        working_dir=_working_dir(args),
        runtime_env=runtime_env,
        metadata={str(name): _text(value) for name, value in plain(args["metadata"] or {}).items()},
        needs={sent: plain(args[option]) for option, sent in _NEEDS.items() if args[option]},
    )


def _working_dir(args: Mapping[str, Any]) -> Package | str | None:
    from ansible_collections.raywright.fleet.engine.cluster.package import Package

    given = args["working_dir"]
    if not given:
        return None
    if "://" in given:
        return "".join(given)
    return Package.of(Path(given).expanduser(), plain(args["excludes"]))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _refuse_secrets(args: Mapping[str, Any], spec: JobSpec, known: set[str]) -> None:
    """Refuse what everybody who may use the cluster could read."""
    shown = "whoever may use the cluster can read it. Give the job the path of a file on its nodes instead"
    for name in args["env_vars"] or {}:
        if _secrets.names_secret(name) and name not in args["visible_env_vars"]:
            raise InvalidInput(
                f"env_vars has {name}, which is named like a secret, and {shown}; "
                "if it is none, list it in visible_env_vars"
            )
    request = spec.request()
    parts = {option: json.dumps(request["runtime_env"].get(option)) for option in ("env_vars", "pip")}
    parts |= {option: json.dumps(request[option]) for option in ("entrypoint", "metadata", "runtime_env")}
    for value in known:
        if len(value) >= _LONG_ENOUGH and (found := [option for option, text in parts.items() if value in text]):
            raise InvalidInput(f"{found[0]} contains the value of a secret variable, and {shown}")


def _told(job: Mapping[str, Any], *, changed: bool, msg: str) -> dict[str, Any]:
    told = {
        "changed": changed,
        "submission_id": job["submission_id"],
        "status": job["status"],
        "message": _first_line(job.get("message")),
        "entrypoint": job["entrypoint"],
        "log": [],
        "msg": msg,
    }
    if job.get("driver_exit_code") is not None:
        told["exit_code"] = job["driver_exit_code"]
    if job.get("start_time") and job.get("end_time"):
        told["seconds"] = round((job["end_time"] - job["start_time"]) / 1000, 1)
    return told


def _first_line(message: str | None) -> str:
    """What Ray says, without the log that it appends."""
    line = (message or "").strip().partition("\n")[0]
    return line.partition(", last available logs")[0]


def _ended(job: Mapping[str, Any]) -> str:
    words = {"SUCCEEDED": "succeeded", "FAILED": "failed", "STOPPED": "was stopped"}
    return words.get(job["status"], f"is {job['status']}")
