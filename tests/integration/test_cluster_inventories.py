# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's description as an inventory, and an inventory as descriptions, with Ansible's own commands."""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from commands import shown
from rollouts import ROOT

BIN = Path(sys.executable).parent
LAUNCHER = {
    "cluster_name": "lab",
    "provider": {"type": "local", "head_ip": "192.0.2.10", "worker_ips": ["192.0.2.11", "worker-2.example.com"]},
    "auth": {"ssh_user": "ops", "ssh_private_key": "~/.ssh/ops", "ssh_proxy_command": "nc -x jump:1080 %h %p"},
}
WORKERS = ["192.0.2.11", "192.0.2.12"]
INVENTORY = {
    "ray_cluster": {
        "vars": {"ansible_user": "ops", "ray_node_cpus": 4, "ray_node_memory": "8GB", "ray_node_cluster_name": "lab"},
        "children": {
            "ray_head": {"hosts": {"head": {"ansible_host": "192.0.2.10"}}},
            "ray_workers": {
                "hosts": {
                    "w1": {"ansible_host": "192.0.2.11", "ray_node_labels": {"zone": "{{ inventory_hostname }}"}},
                    "w2": {"ansible_host": "192.0.2.12"},
                }
            },
        },
    }
}


@pytest.fixture
def project(tmp_path):
    link = tmp_path / "collections" / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    return tmp_path


def run(project, *words):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(project),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(project / "collections"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    }
    return shown([str(BIN / words[0]), *words[1:]], cwd=project, environment=environment, seconds=120)


def listed(project, config, **options):
    (project / "cluster.yaml").write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    file = project / "cluster_launcher.yml"
    file.write_text(yaml.safe_dump({"plugin": "raywright.fleet.cluster_launcher", "path": "cluster.yaml", **options}))
    return run(project, "ansible-inventory", "-i", str(file), "--list")


def values(found):
    """Ansible marks what came from outside; here only the texts count."""
    if isinstance(found, dict):
        inner = found.get("__ansible_unsafe")
        return inner if inner is not None else {key: values(value) for key, value in found.items()}
    return [values(each) for each in found] if isinstance(found, list) else found


def test_a_launcher_configuration_is_the_inventory_of_its_machines(project):
    status, output = listed(project, LAUNCHER, compose={"ansible_become": "true"})
    assert status == 0, output
    found = values(json.loads(output))
    assert found["ray_head"]["hosts"] == ["192.0.2.10"]
    assert found["ray_workers"]["hosts"] == ["192.0.2.11", "worker-2.example.com"]
    variables = found["_meta"]["hostvars"]["worker-2.example.com"]
    assert (
        variables
        | {
            "ansible_become": True,
            "ansible_host": "worker-2.example.com",
            "ansible_ssh_common_args": '-o ProxyCommand="nc -x jump:1080 %h %p"',
            "ansible_ssh_private_key_file": "~/.ssh/ops",
            "ansible_user": "ops",
            "ray_node_cluster_name": "lab",
        }
        == variables
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"cluster_name": "c", "provider": {"type": "gcp"}}, "provider type is 'gcp': only with local"),
        ({**LAUNCHER, "auth": {"ssh_proxy_command": 'nc "%h"'}}, "auth.ssh_proxy_command has quotes"),
        ("a: [", "it is no YAML"),
    ],
)
def test_a_configuration_that_cannot_be_an_inventory_is_refused_by_its_path(project, config, said):
    status, output = listed(project, config)
    assert status != 0
    assert "cluster.yaml: " in output
    assert said in " ".join(output.split())
    assert "Traceback" not in output


def test_a_configuration_that_is_not_there_is_named(project):
    status, output = listed(project, LAUNCHER, path="gone.yaml")
    assert status != 0
    assert "gone.yaml: it cannot be read: No such file or directory" in " ".join(output.split())


def manifests(project, *words, inventory=None):
    (project / "hosts.yml").write_text(yaml.safe_dump(inventory or INVENTORY))
    return run(project, "ansible-playbook", "-i", "hosts.yml", "raywright.fleet.cluster_manifests", *words)


WITHOUT_HOSTS = ("-e", '{"cluster_manifests_gather": false, "cluster_manifests_directory": "out"}')


def test_an_inventory_is_written_as_both_manifests_and_twice_changes_nothing(project):
    status, output = manifests(project, *WITHOUT_HOSTS, "--check")
    assert status == 0, output
    assert not (project / "out").exists()
    status, output = manifests(project, *WITHOUT_HOSTS)
    assert status == 0, output
    launcher, cluster = (
        yaml.safe_load((project / "out" / name).read_text()) for name in ("cluster-launcher.yaml", "raycluster.yaml")
    )
    assert (launcher["provider"]["head_ip"], launcher["provider"]["worker_ips"]) == ("192.0.2.10", WORKERS)
    assert cluster["metadata"] == {"name": "lab"}
    groups = cluster["spec"]["workerGroupSpecs"]
    assert [group.get("labels") for group in groups] == [{"zone": "w1"}, None]
    status, output = manifests(project, *WITHOUT_HOSTS)
    assert status == 0, output
    assert "changed=1" not in output


def test_what_was_written_for_the_launcher_is_read_back(project):
    assert manifests(project, *WITHOUT_HOSTS)[0] == 0
    status, output = listed(project, (project / "out" / "cluster-launcher.yaml").read_text())
    assert status == 0, output
    assert values(json.loads(output))["ray_workers"]["hosts"] == WORKERS


@pytest.mark.parametrize(
    ("words", "inventory", "said"),
    [
        (("-e", "cluster_manifests_dir=x"), INVENTORY, "There is no option cluster_manifests_dir; did you mean"),
        (WITHOUT_HOSTS, {"ray_cluster": {"children": {"ray_head": {"hosts": {}}}}}, "the group ray_head has 0 hosts"),
        (
            WITHOUT_HOSTS,
            {"ray_cluster": {"children": {"ray_head": {"hosts": {"h": {"ray_node_cpus": 1}}}}}},
            "h: how much memory a pod needs is not known; set ray_node_memory",
        ),
    ],
)
def test_an_inventory_that_is_no_cluster_is_refused(project, words, inventory, said):
    status, output = manifests(project, *words, inventory=inventory)
    assert status != 0
    assert said in " ".join(output.split())
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["ray_cluster/ray_cluster.yml", "cluster_launcher/cluster_launcher.yml"])
def test_an_example_inventory_is_one_for_its_plugin(name):
    text = yaml.safe_load((ROOT / "inventories" / name).read_text(encoding="utf-8"))
    assert text["plugin"] == f"raywright.fleet.{Path(name).parent}"


def test_the_example_of_a_launcher_configuration_lists_its_machines(project):
    file = ROOT / "inventories/cluster_launcher/cluster_launcher.yml"
    status, output = run(project, "ansible-inventory", "-i", str(file), "--list")
    assert status == 0, output
    assert json.loads(output)["ray_workers"]["hosts"] == WORKERS
