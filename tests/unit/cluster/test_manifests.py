# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory as manifests for other tools, judged by the readers of those tools, and the way back."""

import copy

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config

from engine.cluster import kuberay, launcher
from engine.cluster.members import Member, Shape
from engine.errors import InvalidInput

ROLE_DEFAULTS = "roles/ray_node/defaults/main.yml"
GIB = 1024**3

# What the reference of KubeRay 1.7.1 (API group ray.io/v1) allows where we write; a field that it does not know is
# refused, as a server with strict validation does.
QUANTITY = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|[KMGTPE]i?)?$"}
QUANTITIES = {"type": "object", "additionalProperties": QUANTITY}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
LABEL = {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}


def exactly(required, **properties):
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


PORT = exactly(["containerPort"], name={"type": "string", "maxLength": 15}, containerPort=COUNT)
SECURITY = exactly(
    [],
    allowPrivilegeEscalation={"type": "boolean"},
    capabilities=exactly([], drop={"type": "array", "items": {"type": "string"}}),
    seccompProfile=exactly(["type"], type={"enum": ["RuntimeDefault", "Localhost", "Unconfined"]}),
)
CONTAINER = exactly(
    ["name"],
    name=LABEL,
    image={"type": "string", "minLength": 1},
    ports={"type": "array", "items": PORT},
    resources=exactly([], limits=QUANTITIES, requests=QUANTITIES),
    securityContext=SECURITY,
)
TEMPLATE = exactly(
    ["spec"],
    metadata=exactly([], annotations=TEXTS),
    spec=exactly(["containers"], containers={"type": "array", "minItems": 1, "items": CONTAINER}),
)
GROUP = {"rayStartParams": TEXTS, "resources": TEXTS, "labels": TEXTS, "template": TEMPLATE}
WORKERS = {"groupName": LABEL, "replicas": COUNT, "minReplicas": COUNT, "maxReplicas": COUNT}
RAY_CLUSTER = exactly(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayCluster"},
    metadata=exactly(["name"], name=LABEL, namespace=LABEL),
    spec=exactly(
        ["headGroupSpec"],
        rayVersion={"type": "string"},
        authOptions=exactly(["mode"], mode={"enum": ["disabled", "token"]}),
        headGroupSpec=exactly(["template"], **GROUP),
        workerGroupSpecs={
            "type": "array",
            "items": exactly(["groupName", "minReplicas", "maxReplicas", "template"], **GROUP, **WORKERS),
        },
    ),
)

HOSTS = {
    "head": {"ansible_host": "192.0.2.10", "processor_vcpus": 4, "memtotal_mb": 16384},
    "w1": {
        "ansible_host": "192.0.2.11",
        "ray_node_cpus": "8",
        "ray_node_memory": "7GB",
        "ray_node_labels": {"zone": "a"},
    },
    "w2": {
        "ansible_host": "192.0.2.12",
        "ray_node_cpus": 8,
        "ray_node_memory": "7 GB",
        "ray_node_labels": {"zone": "a"},
    },
    "gpu": {
        "ansible_host": "192.0.2.13",
        "ray_node_cpus": 16,
        "ray_node_gpus": 2,
        "ray_node_memory": "32G",
        "ray_node_object_store_memory": "8G",
        "ray_node_resources": {"site-b": 3, "share": 0.5},
    },
}
REACHED = {"ansible_user": "ops", "ansible_ssh_private_key_file": "~/.ssh/ops"}


@pytest.fixture(scope="module")
def defaults(pytestconfig):
    return yaml.safe_load((pytestconfig.rootpath / ROLE_DEFAULTS).read_text(encoding="utf-8"))


@pytest.fixture
def shape(defaults):
    def made(workers=("w1", "w2", "gpu"), **settings):
        hosts = {name: {**host, **REACHED, **settings} for name, host in HOSTS.items()}
        return Shape.from_inventory(["head"], list(workers), hosts, defaults=defaults)

    return made


def manifest(shape, **options):
    written = kuberay.render(shape, **{"image": "example/ray:1", **options})
    # Through YAML, as a user gets it.
    return yaml.safe_load(yaml.safe_dump(written))


def test_the_launchers_own_validation_takes_the_configuration(shape):
    written = launcher.render(shape())
    prepared = prepare_config(copy.deepcopy(written))
    validate_config(prepared)
    assert prepared["provider"]["worker_ips"] == ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    assert prepared["max_workers"] == 3


def test_the_configuration_reads_back_as_the_same_machines(shape):
    found = launcher.read(launcher.render(shape()))
    assert (found.cluster_name, found.head, found.user, found.private_key) == ("ray", "192.0.2.10", "ops", "~/.ssh/ops")
    assert found.workers == ("192.0.2.11", "192.0.2.12", "192.0.2.13")


def test_the_launchers_commands_pin_every_port_ask_for_a_token_and_stop_nothing(shape):
    written = launcher.render(shape())
    (head,), (worker,) = written["head_start_ray_commands"], written["worker_start_ray_commands"]
    for command in (head, worker):
        assert "RAY_AUTH_MODE=token" in command
        assert "ray stop" not in command
        for port in ("6380", "6381", "6382", "6383", "52365", "8090", "20000", "20999"):
            assert f"-port={port}" in command
    for option in ("--port=6379", "--dashboard-port=8265", "--dashboard-host=192.0.2.10", "METRIC_PORT=44217"):
        assert option in head
    assert written["file_mounts"] == {"~/.ray/auth_token": ".raywright/ray/ray.token"}


def test_a_worker_picks_its_own_options_by_its_address(shape):
    (command,) = launcher.render(shape())["worker_start_ray_commands"]
    assert '*" 192.0.2.11 "*) set -- --node-name=w1 --num-cpus=8' in command
    assert """'--resources={"share":0.5,"site-b":3}'""" in command


def test_a_container_and_no_authentication_reach_the_configuration(shape):
    written = launcher.render(
        shape(ray_node_mode="container", ray_node_image="example/ray@sha256:1", ray_node_authentication=False)
    )
    validate_config(prepare_config(copy.deepcopy(written)))
    assert written["docker"]["image"] == "example/ray@sha256:1"
    assert "file_mounts" not in written
    assert "RAY_AUTH_MODE" not in written["head_start_ray_commands"][0]


def test_machines_that_are_reached_in_different_ways_are_refused(defaults):
    hosts = {"head": {**HOSTS["head"], **REACHED}, "w1": {**HOSTS["w1"], **REACHED, "ansible_user": "other"}}
    shape = Shape.from_inventory(["head"], ["w1"], hosts, defaults=defaults)
    with pytest.raises(InvalidInput, match=r"different ansible_user .*'ops', 'other'"):
        launcher.render(shape)


def test_the_manifest_is_one_of_kuberays(shape):
    for written in (manifest(shape()), manifest(shape(), namespace="ml"), manifest(shape(workers=[]))):
        jsonschema.validate(written, RAY_CLUSTER)


def test_ray_reads_the_manifest_as_the_nodes_of_the_inventory(shape):
    written = manifest(shape())
    written["metadata"]["namespace"] = "ml"
    config = _derive_autoscaling_config_from_ray_cr(written)
    validate_config(config)
    types = config["available_node_types"]
    assert types["workers-1"]["min_workers"] == types["workers-1"]["max_workers"] == 2
    assert types["workers-1"]["labels"] == {"zone": "a"}
    assert types["workers-1"]["resources"] == {"CPU": 8, "memory": 7 * GIB}
    assert types["workers-2"]["resources"] == {"CPU": 16, "GPU": 2, "memory": 32 * GIB, "site-b": 3, "share": 1}
    assert types["headgroup"]["resources"]["CPU"] == 4


def test_a_pod_has_room_for_tasks_and_for_objects(shape):
    small, gpu = (
        group["template"]["spec"]["containers"][0]["resources"]["limits"]
        for group in manifest(shape())["spec"]["workerGroupSpecs"]
    )
    assert small == {"cpu": "8", "memory": "10240Mi"}
    assert gpu == {"cpu": "16", "memory": "40960Mi", "nvidia.com/gpu": "2"}


def test_the_manifest_leaves_labels_and_resources_where_the_operator_takes_them(shape):
    spec = manifest(shape())["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert not {"labels", "resources", "num-cpus", "num-gpus", "memory"} & set(group["rayStartParams"])
    assert spec["authOptions"] == {"mode": "token"}
    assert "authOptions" not in manifest(shape(ray_node_authentication="false"))["spec"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ray_node_cluster_name": "My_Ray"}, "ray_node_cluster_name is 'My_Ray'"),
        ({"ray_node_labels": {"a b": "c"}}, "head: ray_node_labels has 'a b'"),
        ({"ray_node_labels": {"a": "c d"}}, "head: the label a is 'c d'"),
        ({"ray_node_cpus": "many"}, "head: ray_node_cpus is 'many'; give a number"),
        ({"ray_node_memory": "lots"}, "head: ray_node_memory is 'lots'; give a size"),
        ({"ray_node_labels": "a=b"}, "head: ray_node_labels is 'a=b'; give a mapping"),
        ({"processor_vcpus": None, "ray_node_cpus": None}, "head: how many CPUs a pod needs is not known"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_by_host_and_variable(shape, settings, said):
    with pytest.raises(InvalidInput, match=said):
        manifest(shape(**settings))


@pytest.mark.parametrize("heads", [[], ["head", "w1"]])
def test_a_cluster_has_one_head(defaults, heads):
    with pytest.raises(InvalidInput, match=f"ray_head has {len(heads)} hosts"):
        Shape.from_inventory(heads, [], HOSTS, defaults=defaults)


LOCAL = {"type": "local", "head_ip": "192.0.2.10", "worker_ips": ["192.0.2.11"]}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "it is no cluster launcher configuration"),
        ({"plugin": "x"}, "cluster_name and provider is missing"),
        ({"cluster_name": "c", "provider": "aws"}, "provider is 'aws'; it must be a mapping"),
        ({"cluster_name": "c", "provider": {"type": "aws"}}, "provider type is 'aws': only with local"),
        ({"cluster_name": "c", "provider": {**LOCAL, "coordinator_address": "h:1"}}, "given out by a coordinator"),
        ({"cluster_name": "c", "provider": {**LOCAL, "head_ip": None}}, r"provider\.head_ip is None"),
        ({"cluster_name": "c", "provider": {**LOCAL, "head_ip": "a b"}}, r"provider\.head_ip is 'a b'"),
        ({"cluster_name": "c", "provider": {**LOCAL, "worker_ips": "a"}}, r"worker_ips is 'a'; give a list"),
        ({"cluster_name": "c", "provider": {**LOCAL, "worker_ips": ["-x"]}}, r"worker_ips\[0\] is '-x'"),
        ({"cluster_name": "c", "provider": {**LOCAL, "worker_ips": ["192.0.2.10"]}}, "names 192.0.2.10 more than once"),
        ({"cluster_name": "c", "provider": LOCAL, "auth": {"ssh_user": 1}}, r"auth\.ssh_user is 1"),
    ],
)
def test_a_configuration_that_names_no_machines_is_refused(config, said):
    with pytest.raises(InvalidInput, match=said):
        launcher.read(config)


def test_a_size_is_read_as_the_roles_read_it():
    for text, wanted in (("1024", 1024), ("1K", 1024), ("1.5 MB", 1572864), ("2g", 2 * GIB)):
        assert Member.from_host("h", {"ray_node_memory": text}).memory == wanted
