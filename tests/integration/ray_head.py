# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ray cluster of one node on loopback, with token authentication, that ends without ``ray stop``."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from rollouts import DEADLINE, wait_for

# 127.0.0.1 Ray replaces by the machine's own address; any other of the loopback network it keeps.
NODE = "127.0.0.2"
ENDPOINTS = (
    "/api/jobs/",
    "/nodes?view=summary",
    "/logical/actors",
    "/api/cluster_status",
    "/api/v0/actors?detail=true",
    "/api/v0/tasks?detail=true",
    "/api/v0/workers?detail=true",
    "/api/v0/objects?detail=true",
    "/api/v0/runtime_envs?detail=true",
)
FETCH = """
import sys, ray
from ray.experimental.internal_kv import _internal_kv_get
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
sys.stdout.buffer.write(_internal_kv_get(sys.argv[2].encode()) or b"")
"""


class RayHead:
    def __init__(self, path, key_file):
        self._path = path
        self.token = secrets.token_hex(24)
        self.token_file = path / "ray.token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self.token)
        # Sockets lie in it, whose paths must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="rw-"))
        self._mark = f"RAYWRIGHT_TEST_MARK={secrets.token_hex(8)}"
        gcs, dashboard, client = free_ports(3)
        self.gcs = f"{NODE}:{gcs}"
        self.port = dashboard
        self.address = f"http://127.0.0.1:{dashboard}"
        name, _equals, value = self._mark.partition("=")
        self._environment = {
            # Jobs start python by its name: it must be the one that Ray runs in.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(path),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token_file),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "RAYWRIGHT_FLEET_KEY_FILE": str(key_file),
            name: value,
        }
        self._options = {
            "port": gcs,
            "dashboard-port": dashboard,
            "dashboard-host": "127.0.0.1",
            "include-dashboard": "true",
            "node-ip-address": NODE,
            "ray-client-server-port": client,
            "dashboard-agent-listen-port": 0,
            "metrics-export-port": 0,
            "num-cpus": 2,
            "object-store-memory": 100_000_000,
            "temp-dir": self.folder,
        }
        self.start()

    def start(self):
        """Start the head, also after it was killed: with the same ports, and nothing of what it knew."""
        self._process = self._ray("--head", **self._options)
        wait_for(self._answers, "the Jobs API")

    def _ray(self, *words, inside=(), **options):
        words += tuple(f"--{option.replace('_', '-')}={value}" for option, value in options.items())
        with (self._path / "head.log").open("a") as log:
            return subprocess.Popen(
                [*inside, Path(sys.executable).parent / "ray", "start", *words, "--block"],
                cwd=self._path,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def add_node(self, address):
        """Join a second node of this machine, which calls itself by another address of the loopback network.

        It has Ray's folder to itself, as on a machine of its own: nodes that share it remove each other's job packages
        when they have no more use for them. Needs root.
        """
        # The head answers before it knows of its own node.
        before = wait_for(self.nodes, "the head's own node")
        own_folder = 'mount -t tmpfs raywright-test "$0" && exec "$@"'
        process = self._ray(
            inside=("unshare", "--mount", "sh", "-c", own_folder, self.folder),
            address=self.gcs,
            node_ip_address=address,
            num_cpus=2,
            object_store_memory=100_000_000,
            metrics_export_port=0,
            dashboard_agent_listen_port=0,
        )
        wait_for(lambda: self.nodes() > before, f"node {address}")
        return process

    def nodes(self):
        """How many nodes are alive."""
        summary = json.loads(self.get("/nodes?view=summary"))["data"]["summary"]
        return sum(each["raylet"]["state"] == "ALIVE" for each in summary)

    def lose_node(self, process):
        """End a node that was added as a power failure would, with all that runs on it."""
        space = _mounts(process.pid)
        if space is None:
            return  # it is gone already
        while found := [pid for pid in self._processes() if _mounts(pid) == space]:
            _kill(found)
            process.poll()

    def lose(self):
        """End the head as a power failure would, with all that runs on its machine."""
        while found := self._processes():
            _kill(found)
            self._process.poll()
        self._process.wait(DEADLINE)

    def _answers(self):
        assert self._process.poll() is None, "Ray's head has ended"
        with contextlib.suppress(OSError):
            return json.loads(self.get("/api/jobs/")) == []

    def get(self, path):
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=DEADLINE) as answer:
            return answer.read()

    def jobs(self):
        """Every job of ours, by its submission id."""
        return {job["submission_id"]: job for job in json.loads(self.get("/api/jobs/")) if job["submission_id"]}

    def package(self, job):
        """The package of a running job, as everybody who may use the cluster can fetch it."""
        command = [sys.executable, "-c", FETCH, self.gcs, job["runtime_env"]["working_dir"]]
        return subprocess.run(command, env=self._environment, check=True, capture_output=True, timeout=DEADLINE).stdout

    def shown(self):
        """All that the API tells of jobs, actors, tasks and nodes, and every file that Ray has written."""
        for endpoint in [*ENDPOINTS, *(f"/api/jobs/{job}{what}" for job in self.jobs() for what in ("", "/logs"))]:
            yield endpoint, self.get(endpoint)
        for path in self.folder.rglob("*"):
            # Of a job's package, the engine's own files say nothing new.
            if path.is_file() and not path.is_symlink() and path.suffix != ".py":
                with contextlib.suppress(OSError):
                    yield str(path), path.read_bytes()

    def drivers(self):
        """Process ids of the engines that run as jobs here."""
        return [pid for pid in self._processes() if b"--sealed-job" in words(pid) and b"engine.rollout" in words(pid)]

    def _processes(self):
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self._mark.encode() in environ.read_bytes().split(b"\0"):
                    found.append(int(environ.parent.name))
        return found

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        _kill(self._processes())
        self._process.wait(DEADLINE)
        shutil.rmtree(self.folder, ignore_errors=True)


class Wire(socketserver.ThreadingTCPServer):
    """A way to a port of this machine that can be cut: all connections end at once, and new ones work."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), None)
        self._port = port
        self._open = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        with socket.create_connection(("127.0.0.1", self._port)) as there:
            self._open += [request, there]
            back = threading.Thread(target=_copy, args=(there, request))
            back.start()
            _copy(request, there)
            back.join()

    def cut(self):
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _copy(source, sink):
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


def _kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _mounts(pid):
    """The mount namespace of a process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/ns/mnt").readlink()
    return None


def words(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _socket in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
