# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where workers are placed on a cluster of two nodes: asked of Ray, not of what we meant."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from ray_head import RayHead
from rollouts import wait_for

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(os.geteuid() != 0, reason="a second node of one machine needs root"),
]
ROOT = Path(__file__).resolve().parents[2]
WORKERS = """
import asyncio, sys
import ray
from engine.rollout.job import Settings
from engine.rollout.ray_pool import RayPool
from engine.sealing.key import FleetKey
async def main(devices):
    settings = Settings(run="r-1", stage="s", concurrency=50)
    pool = RayPool(settings, FleetKey.from_environment(), devices=devices, lock=None)
    print(await pool.start(), flush=True)
    sys.stdin.read()
workers = {"env_vars": {"PYTHONPATH": sys.argv[3]}}
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error", runtime_env=workers)
asyncio.run(main(int(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    path = tmp_path_factory.mktemp("nodes")
    key = path / "fleet.key"
    os.close(os.open(key, os.O_CREAT, 0o600))
    key.write_text("bm90IGEgc2VjcmV0LCBhIGtleSBmb3IgYmVuY2htYXI=")
    head = RayHead(path, key)
    second = head.add_node("127.0.0.3")
    try:
        yield head, key
    finally:
        head.stop()
        second.wait()


@pytest.mark.parametrize(("devices", "placed"), [(10, [1, 1]), (1000, [2, 2])])
def test_every_node_has_a_worker_and_as_many_as_it_has_cores_where_there_is_work_for_them(cluster, devices, placed):
    head, key = cluster
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(head.token_file),
        "RAYWRIGHT_FLEET_KEY_FILE": str(key),
    }
    command = [sys.executable, "-c", WORKERS, head.gcs, str(devices), str(ROOT)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert int(process.stdout.readline()) == sum(placed)
        # The dashboard hears of actors, those of an earlier case included, a little later.
        wait_for(lambda: workers_by_node(head) == placed, f"workers by node: {placed}")
        process.stdin.close()


def workers_by_node(head):
    actors = json.loads(head.get("/logical/actors"))["data"]["actors"].values()
    return sorted(Counter(actor["address"]["nodeId"] for actor in actors if actor["state"] == "ALIVE").values())
