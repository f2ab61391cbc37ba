# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found of earlier deployments, and what an approval of it reaches."""

import dataclasses
import json

import pytest

from plugins.module_utils import _safe_removal
from plugins.module_utils._processes import Process
from plugins.module_utils._remains import Item, RemovalError
from plugins.module_utils._remains_containers import Containers
from plugins.module_utils._remains_files import Packages, traces
from plugins.module_utils._remains_processes import group
from plugins.module_utils._remains_units import CronLines, Units, exec_lines

SESSION = "/tmp/ray/session_2026-11-21_05-36-51_880444_5695"


def process(pid, argv, ppid=1, uid=0, cgroup="/user.slice"):
    return Process(pid, ppid, pid * 10, uid, argv[0].rsplit("/", 1)[-1][:15], tuple(argv), cgroup)


def quiet(argv):
    return 0, "", ""


def test_an_id_stands_for_this_very_thing_and_not_for_its_name():
    item = Item("container", "ray-head", ("0123",), "its name", ("ray-head",))
    assert item.id == dataclasses.replace(item, why="another reason", state="stopped").id
    assert item.id != dataclasses.replace(item, identity=("4567",)).id
    assert item.text.endswith(f"[{item.id}]")


def test_all_processes_of_a_session_are_one_item_workers_and_helpers_included():
    groups = group(
        [
            process(10, ["/x/gcs_server", f"--log_dir={SESSION}/logs"]),
            process(11, ["/x/raylet", f"--session_dir={SESSION}"]),
            process(12, ["ray::IDLE"], ppid=11),
            process(13, ["/usr/bin/python3", "-c", "helper"], ppid=12),
            process(20, ["/usr/bin/python3", "train.py"]),
        ],
        (),
    )
    assert [[each.pid for each in members] for members in groups.values()] == [[10, 11, 12, 13]]


def test_processes_under_a_supervised_unit_or_in_a_container_are_no_item_of_their_own():
    found = group(
        [
            process(10, ["/x/raylet"], cgroup="/system.slice/ray.service"),
            process(11, ["/x/raylet"], cgroup=f"/system.slice/docker-{'a' * 64}.scope"),
        ],
        {"ray.service"},
    )
    assert found == {}


def test_continued_lines_of_a_unit_are_one_command():
    assert exec_lines("[Service]\nExecStart=/bin/sh -c 'ray start \\\n  --head'\n") == [
        "/bin/sh -c 'ray start  --head'"
    ]


@pytest.fixture
def units(tmp_path):
    (tmp_path / "old.service").write_text("[Service]\nExecStart=/opt/bin/ray start --head\n")
    (tmp_path / "ours.service").write_text("# Written by raywright.fleet\n[Service]\nExecStart=/opt/bin/ray start\n")
    (tmp_path / "x-ray.service").write_text("[Service]\nExecStart=/usr/bin/x-ray start\n")
    (tmp_path / "told.service").write_text("[Unit]\nDescription=ray start\n[Service]\nExecStart=/bin/true\n")
    (tmp_path / "prometheus.service.d").mkdir()
    (tmp_path / "prometheus.service.d" / "unit.conf").write_text("# Written by raywright.fleet\n")
    return Units(quiet, (str(tmp_path),))


def test_only_a_unit_that_starts_ray_and_is_not_ours_is_found(units):
    assert [item.name for item in units.find()] == ["old.service"]


def test_our_units_are_known_by_their_header_also_in_a_drop_in(units):
    assert units.ours() == {"ours.service", "prometheus.service"}


def test_a_unit_that_was_edited_since_has_another_id_and_is_not_removed(units, tmp_path):
    before = units.find()[0]
    (tmp_path / "old.service").write_text("[Service]\nExecStart=/opt/bin/ray start --head --port=1\n")
    assert units.find()[0].id != before.id
    with pytest.raises(RemovalError, match="not what it was"):
        units.remove(before)
    assert (tmp_path / "old.service").exists()


def test_one_line_goes_from_a_crontab_and_the_rest_stays_as_it_is(tmp_path):
    table = tmp_path / "cluster"
    table.write_text("# ray start is below\n@reboot ray start --head\n0 0 * * * true\n")
    table.chmod(0o640)
    lines = CronLines((str(tmp_path),))
    for item in lines.find():
        lines.remove(item)
    assert table.read_text() == "# ray start is below\n0 0 * * * true\n"
    assert table.stat().st_mode & 0o777 == 0o640
    assert lines.find() == []


@pytest.fixture
def environment(tmp_path):
    prefix = tmp_path / "opt" / "venv"
    site = prefix / "lib" / "python3.11" / "site-packages"
    for name in ("ray", "ray-2.9.0.dist-info", "numpy"):
        (site / name).mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "ray").write_text("x")
    (prefix / "bin" / "python").write_text("x")
    (prefix.parent / "outside").write_text("x")
    (site / "ray-2.9.0.dist-info" / "RECORD").write_text("ray/a.py,,\n../../../bin/ray,,\n../../../../outside,,\n")
    return prefix


def test_a_package_goes_and_its_environment_stays(environment, tmp_path, monkeypatch):
    monkeypatch.setattr(_safe_removal, "home_directories", list)
    packages = Packages(homes=False, own=(), root=tmp_path)
    (item,) = packages.find()
    assert item.name == f"ray 2.9.0 from {environment}"
    packages.remove(item)
    left = sorted(str(path.relative_to(environment)) for path in environment.rglob("*") if path.is_file())
    assert left == ["bin/python"]
    assert (environment.parent / "outside").exists()
    assert packages.find() == []


def test_our_own_environment_is_not_found(environment, tmp_path):
    assert Packages(homes=False, own=(str(environment),), root=tmp_path).find() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("session_2024-01-01_00-00-00_1_2/logs", None),
        ("ray_current_cluster", ""),
        ("compose.yml", "image: rayproject/ray"),
    ],
)
def test_data_is_rays_if_what_is_in_it_shows_it(tmp_path, path, text):
    if text is None:
        (tmp_path / path).mkdir(parents=True)
    else:
        (tmp_path / path).write_text(text)
    assert traces(tmp_path)


def test_a_directory_that_only_has_the_name_is_somebody_elses(tmp_path):
    (tmp_path / "notes.yml").write_text("title: a ray of light\n")
    assert traces(tmp_path) == ""


def docker(containers, failing=()):
    calls = []

    def run(argv):
        calls.append(argv[1:])
        if argv[1] == "ps":
            return 0, "\n".join(each["Id"] for each in containers), ""
        if argv[1] == "container":
            return 0, json.dumps(containers), ""
        return (1, "", "no") if argv[1] in failing else (0, "", "")

    return Containers("docker", run, grace=7), calls


def shown(identity, name, image, labels=None):
    config = {"Image": image, "Cmd": [], "Env": [], "Labels": labels or {}}
    return {"Id": identity, "Name": f"/{name}", "Config": config, "State": {"Status": "running"}, "Mounts": []}


def test_containers_that_carry_our_label_or_nothing_of_ray_are_not_found():
    finder = docker(
        [
            shown("1" * 64, "ours", "rayproject/ray:2", {"raywright.fleet.cluster": "ray"}),
            shown("2" * 64, "web", "corp/web:1"),
            shown("3" * 64, "old", "rayproject/ray:2"),
        ]
    )[0]
    assert [item.name for item in finder.find()] == ["old"]


def test_a_container_is_stopped_gracefully_and_removed_by_its_id_without_its_volumes():
    finder, calls = docker([shown("3" * 64, "old", "rayproject/ray:2")])
    finder.remove(finder.find()[0])
    assert calls[-2:] == [["stop", "--time", "7", "3" * 64], ["rm", "3" * 64]]


def test_a_container_that_docker_does_not_remove_is_an_error_with_its_words():
    finder = docker([shown("3" * 64, "old", "rayproject/ray:2")], failing=("rm",))[0]
    with pytest.raises(RemovalError, match="docker rm old failed: no"):
        finder.remove(finder.find()[0])
