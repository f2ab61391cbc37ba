# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as Ray's, and what only sounds like it."""

import pytest

from plugins.module_utils._ray_marks import (
    container_evidence,
    is_ray_command,
    monitoring_evidence,
    monitoring_image,
    process_role,
    repository,
    session_of,
)

SITE = "/opt/x/lib/python3.11/site-packages/ray"


def container(name="c", image="corp/app:1", command=(), **more):
    config = {"Image": image, "Cmd": list(command), "Env": more.get("env", []), "Labels": more.get("labels", {})}
    networks = {network: {} for network in more.get("networks", ["bridge"])}
    return {
        "Name": f"/{name}",
        "Config": config,
        "Mounts": more.get("mounts", []),
        "NetworkSettings": {"Networks": networks},
    }


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        ([f"{SITE}/core/src/ray/raylet/raylet", "--session_dir=x"], "raylet"),
        ([f"{SITE}/core/src/ray/gcs/gcs_server"], "gcs_server"),
        (["/usr/bin/python3", "-u", f"{SITE}/_private/log_monitor.py"], "log_monitor.py"),
        (["/usr/bin/python3", "/usr/local/bin/ray", "start", "--head"], "ray start"),
        (["/usr/bin/python3", "-m", "ray.util.client.server"], "worker"),
        (["ray::IDLE"], "worker"),
        (["ray-dashboard-JobHead-0 (python3 -c ...)"], "worker"),
        ([], ""),
        (["/usr/bin/python3", "train.py", "--use", "ray"], ""),
        (["/usr/bin/vim", "/etc/ray/config"], ""),
        (["/usr/bin/x-ray", "start"], ""),
        (["less", "raylet.out"], ""),
    ],
)
def test_a_process_is_rays_by_its_program_not_by_a_word(argv, role):
    assert process_role("python3", argv) == role


def test_a_session_is_read_from_the_command_line():
    argv = ["raylet", "--store=/tmp/ray/session_2026-11-21_05-36-51_880444_5695/sockets/plasma"]
    assert session_of(argv) == "/tmp/ray/session_2026-11-21_05-36-51_880444_5695"
    assert session_of(["raylet"]) == ""


@pytest.mark.parametrize(
    ("text", "is_ray"),
    [
        ("/opt/venv/bin/ray start --head", True),
        ("@reboot ray start", True),
        ("sh -c 'ray up cluster.yaml'", True),
        ("docker run rayproject/ray:2.9 bash", True),
        ("docker start ray-head", True),
        ("python3 -m ray.scripts.scripts start", True),
        ("/usr/bin/x-ray start", False),
        ("/srv/array start", False),
        ("echo ray", False),
        ("docker start ray-tracer", False),
    ],
)
def test_a_command_starts_ray_or_not(text, is_ray):
    assert is_ray_command(text) is is_ray


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("rayproject/ray:2.9.0", "rayproject/ray"),
        ("mirror:5000/rayproject/ray", "mirror:5000/rayproject/ray"),
        ("mirror:5000/rayproject/ray:2.9@sha256:00", "mirror:5000/rayproject/ray"),
    ],
)
def test_an_image_loses_tag_and_digest_but_not_its_registrys_port(image, name):
    assert repository(image) == name


@pytest.mark.parametrize(
    "found",
    [
        container(image="rayproject/ray-ml:2.9.0"),
        container(image="mirror:5000/rayproject/ray@sha256:00"),
        container(command=["ray", "start", "--head", "--block"]),
        container(name="ray-head", command=["tail", "-f", "/dev/null"]),
        container(name="prod_ray-worker-12"),
        container(name="ray-cluster", env=["RAY_HEAD_IP=192.0.2.1"]),
    ],
)
def test_a_container_of_ray_is_known_by_image_command_or_name(found):
    assert container_evidence(found, ())


def test_a_container_is_rays_if_ray_runs_inside():
    assert container_evidence(container(command=["tail", "-f", "/dev/null"]), ["raylet"]) == "raylet runs inside it"


@pytest.mark.parametrize(
    "other",
    [
        container(name="ray-tracer"),
        container(name="x-ray", image="corp/xray:1"),
        container(name="app", env=["RAY_ADDRESS=http://192.0.2.1:8265"]),
        container(name="array-worker"),
        container(image="corp/spray:1"),
    ],
)
def test_what_only_sounds_like_ray_is_no_container_of_ray(other):
    assert container_evidence(other, ()) == ""


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (container(name="ray-prometheus"), {}),
        (container(labels={"com.docker.compose.project": "cluster"}), {}),
        (container(networks=["cluster_default"]), {}),
        (container(mounts=[{"Type": "bind", "Source": "/opt/ray_cluster/grafana"}]), {}),
        (container(env=["RAY_GRAFANA_HOST=http://x"]), {}),
        (container(), {"/etc/prometheus/prometheus.yml": "# - job_name: ray\n"}),
    ],
)
def test_a_monitoring_container_is_rays_if_something_ties_it_to_ray(found, texts):
    beside = [
        container(name="ray-head", labels={"com.docker.compose.project": "cluster"}, networks=["cluster_default"])
    ]
    assert monitoring_evidence(found, beside, texts)


def test_a_monitoring_container_that_nothing_ties_to_ray_is_somebody_elses():
    texts = {"/etc/prometheus/prometheus.yml": "- job_name: arrays\n"}
    mounts = [{"Type": "bind", "Source": "/srv/array"}]
    assert monitoring_evidence(container(mounts=mounts), [container(name="ray-head")], texts) == ""


def test_monitoring_programs_are_known_by_their_image():
    assert monitoring_image("prom/prometheus:v2") == "prometheus"
    assert monitoring_image("corp/prometheus-operator:1") == ""
