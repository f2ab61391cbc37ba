# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live Ray cluster says and runs: nodes, inventory and jobs over its HTTP API, with a token, on a real head."""

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from commands import shown
from ray_head import NODE, RayHead, free_ports
from rollouts import DEADLINE, ROOT, wait_for

pytestmark = pytest.mark.ray

BIN = Path(sys.executable).parent
HELLO = """
import sys, time
print("begun", flush=True)
time.sleep(float(sys.argv[1]))
print("done", flush=True)
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""


class Cluster:
    """A head, and a project's folder beside it with a job in it."""

    def __init__(self, path):
        self.path = path
        (path / "job").mkdir()
        (path / "job" / "hello.py").write_text(HELLO)
        link = path / "collections" / "ansible_collections" / "raywright" / "fleet"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)
        key = path / "fleet.key"
        key.touch(mode=0o600)
        key.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        self.head = RayHead(path, key)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "RAYWRIGHT_RAY_ADDRESS": self.head.address,
            "RAY_AUTH_TOKEN_PATH": str(self.head.token_file),
        }

    def run(self, *words, **environment):
        return shown(
            [str(BIN / words[0]), *words[1:]],
            cwd=self.path,
            environment={**self.environment, **environment},
            seconds=DEADLINE,
        )

    def job(self, *words, environment=None, **options):
        """Run raywright.fleet.job; options without their prefix."""
        given = json.dumps({f"job_{name}": value for name, value in options.items()})
        return self.run("ansible-playbook", "raywright.fleet.job", *words, "-e", given, **(environment or {}))

    def status(self, name):
        return self.head.jobs()[name]["status"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.head.stop()


def changed(output):
    return "changed=1" in output


def test_a_job_runs_once_under_its_id_and_its_log_is_shown(cluster):
    options = {"id": "once", "entrypoint": "python hello.py 1", "working_dir": "job"}
    status, output = cluster.job("--check", **options)
    assert status == 0, output
    assert changed(output)
    assert "once" not in cluster.head.jobs()

    status, output = cluster.job(**options)
    assert status == 0, output
    assert changed(output)
    # Ray writes lines of its own into the log, whenever it comes to that.
    assert [line for line in output.splitlines() if line in {"  begun", "  done"}] == ["  begun", "  done"]
    first = cluster.head.jobs()["once"]

    status, output = cluster.job(**options)
    assert status == 0, output
    assert not changed(output)
    assert "once was there already and succeeded" in output
    assert cluster.head.jobs()["once"]["start_time"] == first["start_time"]

    status, output = cluster.job(**options, replace=True)
    assert status == 0, output
    assert changed(output)
    assert cluster.head.jobs()["once"]["start_time"] > first["start_time"]


def test_another_job_under_the_same_id_is_refused_and_says_what_differs(cluster):
    options = {"id": "mine", "entrypoint": "python hello.py 0", "working_dir": "job"}
    assert cluster.job(**options)[0] == 0
    status, output = cluster.job(**{**options, "entrypoint": "python hello.py 1"})
    assert status != 0
    assert "taken by another job, which is SUCCEEDED: its entrypoint is 'python hello.py 0'" in output
    status, output = cluster.job(**options, metadata={"a": "b"})
    assert status != 0
    assert "runtime environment, metadata or resources differ" in output


def test_a_job_that_fails_fails_the_playbook_with_its_last_words(cluster):
    status, output = cluster.job(id="bad", entrypoint="python hello.py 0 3", working_dir="job")
    assert status != 0
    assert "Job bad failed: Job entrypoint command failed with exit code 3" in output
    assert '"exit_code": 3' in output


def test_a_job_that_takes_too_long_goes_on_and_is_found_again_and_stopped(cluster):
    options = {"id": "long", "entrypoint": "python hello.py 600", "working_dir": "job"}
    status, output = cluster.job(**options, timeout=4)
    assert status != 0
    assert "it goes on by itself" in output
    wait_for(lambda: cluster.status("long") == "RUNNING", "the job to run")

    status, output = cluster.job(**options, wait=False)
    assert status == 0, output
    assert not changed(output)
    assert "long was there already and is RUNNING" in output

    status, output = cluster.job("--check", id="long", state="stopped")
    assert "would be stopped" in output
    assert cluster.status("long") == "RUNNING"
    status, output = cluster.job(id="long", state="stopped")
    assert status == 0, output
    assert changed(output)
    assert cluster.status("long") == "STOPPED"
    status, output = cluster.job(id="long", state="stopped")
    assert status == 0, output
    assert not changed(output)


def test_a_playbook_that_dies_leaves_a_job_that_the_same_command_follows(cluster):
    options = {"job_id": "orphan", "job_entrypoint": "python hello.py 12", "job_working_dir": "job"}
    playbook = subprocess.Popen(
        [BIN / "ansible-playbook", "raywright.fleet.job", "-e", json.dumps(options)],
        cwd=cluster.path,
        env=cluster.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: cluster.head.jobs().get("orphan", {}).get("status") == "RUNNING", "the job to run")
    playbook.kill()
    playbook.wait()
    status, output = cluster.job(**{name.removeprefix("job_"): value for name, value in options.items()})
    assert status == 0, output
    assert not changed(output)
    assert "  done\n" in output


REFUSED = [
    ({"entrypont": "x"}, "There is no option job_entrypont; did you mean job_entrypoint?"),
    ({"working_dir": "job"}, "missing required arguments: job_entrypoint"),
    ({"entrypoint": "x", "wait": "maybe"}, "argument 'job_wait' is of type"),
    ({"entrypoint": "x", "working_dir": "gone"}, "the working directory gone is no directory on this machine"),
    ({"entrypoint": "x", "id": "a b"}, "submission_id is 'a b'; give letters"),
    ({"entrypoint": "x", "timeout": 0}, "timeout is 0; give 1 or more"),
    ({"entrypoint": "x", "pip": '["a","b"]'}, "which looks like a list that was given as text"),
    ({"entrypoint": "x", "runtime_env": {"pip": ["a"]}}, "runtime_env has pip, which is an option of its own"),
    ({"entrypoint": "x", "env_vars": {"DB_PASSWORD": "x"}}, "env_vars has DB_PASSWORD, which is named like a secret"),
    ({"entrypoint": "x", "address": "head:8265"}, "address is 'head:8265'; give the address of a Ray cluster"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_cannot_be_is_refused_by_its_name_before_anything_is_submitted(cluster, options, said):
    before = set(cluster.head.jobs())
    status, output = cluster.job(**options)
    assert status != 0
    assert said in output
    assert "Traceback" not in output
    assert set(cluster.head.jobs()) == before


def test_the_value_of_a_secret_variable_never_leaves(cluster):
    before = set(cluster.head.jobs())
    secret = secrets.token_hex(12)
    words = ("-e", json.dumps({"db_password": secret}))
    for options in (
        {"entrypoint": f"python hello.py {secret}"},
        {"entrypoint": "x", "env_vars": {"INNOCENT": f"postgres://{secret}@db"}},
        {"entrypoint": "x", "metadata": {"note": secret}},
    ):
        status, output = cluster.job(*words, **options)
        assert status != 0
        assert "contains the value of a secret variable" in output
    assert set(cluster.head.jobs()) == before


def test_environment_variables_that_are_no_secrets_reach_the_job(cluster):
    (cluster.path / "job" / "shows.py").write_text(
        "import os; print('sees', os.environ['N_TOKENS'], os.environ['A'])\n"
    )
    status, output = cluster.job(
        id="env",
        entrypoint="python shows.py",
        working_dir="job",
        env_vars={"N_TOKENS": 7, "A": "b"},
        visible_env_vars=["N_TOKENS"],
    )
    assert status == 0, output
    assert "  sees 7 b\n" in output


def test_a_cluster_that_is_away_or_refuses_us_is_named_with_what_to_set(cluster):
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    status, output = cluster.job(entrypoint="x", address=nobody)
    assert status != 0
    assert f"API at {nobody} does not answer" in output
    assert "that the address is right (address)" in output
    status, output = cluster.job("--check", entrypoint="x", address=nobody)
    assert status == 0, output
    assert "would be submitted" in output
    status, output = cluster.job(entrypoint="x", environment={"RAY_AUTH_TOKEN": "wrong"})
    assert status != 0
    assert "refuses us (HTTP 403): the token is not the cluster's; give the file with its token as token_file" in output


def test_the_nodes_are_told_with_what_they_offer_and_how_they_are(cluster):
    play = cluster.path / "info.yml"
    play.write_text(
        json.dumps(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "tasks": [
                        {"raywright.fleet.ray_cluster_info": {"show": "json"}, "run_once": True},
                        {"raywright.fleet.ray_cluster_info": {"show": "text", "dead": True}, "run_once": True},
                    ],
                }
            ]
        )
    )
    status, output = cluster.run("ansible-playbook", str(play), "--check")
    assert status == 0, output
    told = json.loads(next(line for line in output.splitlines() if line.startswith('{"address"')))
    (node,) = told["nodes"]
    assert (told["alive"], told["ray_version"], node["is_head"], node["health"]) == (1, "2.60.0", True, "healthy")
    assert (node["address"], node["resources"]["CPU"]) == (NODE, 2)
    assert "node:" not in " ".join(node["resources"])
    assert "head healthy 2 CPU" in " ".join(output.split())


def inventory(cluster, text, *words, name="x.ray_cluster.yml", **environment):
    file = cluster.path / name
    file.write_text(json.dumps({"plugin": "raywright.fleet.ray_cluster", **text}))
    return cluster.run("ansible-inventory", "-i", str(file), *(words or ("--list",)), **environment)


def test_the_living_nodes_are_an_inventory_with_groups_of_ones_own(cluster):
    text = {
        "address": cluster.head.address,
        "token_file": "ray.token",
        "compose": {"ansible_user": "'admin'"},
        "groups": {"big": "ray_cluster_resources.CPU >= 2", "gpu": "ray_cluster_resources.GPU is defined"},
        "keyed_groups": [{"key": "ray_cluster_health", "prefix": "is"}],
    }
    status, output = inventory(cluster, text, "--list", "--export", RAY_AUTH_TOKEN_PATH="")
    assert status == 0, output
    found = json.loads(output)
    (host,) = found["ray_head"]["hosts"]
    assert sorted(found["ray_cluster"]["children"]) == ["ray_head", "ray_workers"]
    assert found["big"]["hosts"] == found["is_healthy"]["hosts"] == [host]
    assert "gpu" not in found
    variables = found["_meta"]["hostvars"][host]
    assert plain(variables["ansible_host"]) == NODE
    assert plain(variables["ansible_user"]) == "admin"
    assert variables["ray_cluster_is_head"] is True


def plain(value):
    """What Ansible prints of a text that came from outside."""
    return value["__ansible_unsafe"] if isinstance(value, dict) else value


def test_a_cached_inventory_needs_no_cluster_until_it_is_refreshed(cluster):
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(cluster.path / "cache")}
    there = {"address": cluster.head.address, **cache}
    away = {"address": f"http://127.0.0.1:{free_ports(1)[0]}", **cache}
    assert inventory(cluster, there)[0] == 0
    status, output = inventory(cluster, away, "--graph")
    assert status == 0, output
    assert "@ray_head:" in output
    _status, output = inventory(cluster, away, "--graph", "--flush-cache")
    assert "does not answer" in output
    assert "@ray_head:" not in output


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ({}, {"RAYWRIGHT_RAY_ADDRESS": ""}, "No Ray cluster is named: give address"),
        ({"address": "local"}, {}, "address is 'local'; give the address of a Ray cluster's dashboard"),
        ({}, {"RAY_AUTH_TOKEN": "wrong"}, "refuses us (HTTP 403)"),
        ({"token_file": "gone"}, {}, "gone (token_file) cannot be read: No such file or directory"),
        ({"groups": {"x": "nobody_knows == 1"}, "strict": True}, {}, "nobody_knows"),
    ],
)
def test_an_inventory_that_cannot_be_read_says_why(cluster, text, environment, said):
    status, output = inventory(cluster, text, "--list", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true", **environment)
    assert status != 0
    assert said in " ".join(output.split())
    assert "Traceback" not in output


def test_a_file_of_another_name_is_left_to_others(cluster):
    status, output = inventory(cluster, {}, "--list", name="other.yml", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true")
    assert status != 0
    assert "could not be verified" in output
