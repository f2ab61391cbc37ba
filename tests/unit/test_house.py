# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that keep it one house: who may import whom, and what every file, module and role carries."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COLLECTION = "ansible_collections.raywright.fleet"
STDLIB = sys.stdlib_module_names


def committed(*patterns: str) -> list[Path]:
    """What git has or would take, so that build folders and virtual environments do not count."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for name in set(names.split("\0")) - {""} if (path := ROOT / name).is_file())


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything imported, inside functions too; relative names count from the root."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offences(files: list[Path], forbidden: tuple[str, ...], *, but: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imports(path)
        if within(name, *forbidden) and not within(name, *but)
    ]


def python(*folders: str) -> list[Path]:
    return committed(*(f":(glob){folder}/**/*.py" for folder in folders))


def test_the_engine_knows_nothing_of_ansible_plugins_or_server():
    assert offences(python("engine"), ("ansible", "ansible_collections", "plugins", "server")) == []


def test_the_engine_names_itself_only_relatively():
    absolute = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python("engine")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and not node.level and within(node.module or "", "engine"))
        or (isinstance(node, ast.Import) and any(within(alias.name, "engine") for alias in node.names))
    ]
    assert absolute == [], "it runs as `engine` and below ansible_collections: only relative imports work in both"


def test_ray_stays_in_the_rollout():
    elsewhere = [path for path in python("engine") if "rollout" not in path.relative_to(ROOT).parts]
    assert offences(elsewhere, ("ray",)) == []


@pytest.mark.parametrize("floor", ["plan", "gates"])
def test_the_ground_floor_stands_on_the_standard_library_alone(floor):
    own = (f"engine.{floor}", "engine.errors", "engine.wording", *STDLIB)
    others = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in python(f"engine/{floor}")
        for line, name in imports(path)
        if not within(name, *own)
    ]
    assert others == []


def test_what_the_engine_imports_is_pinned_in_its_requirements():
    lines = (ROOT / "requirements/engine.txt").read_text(encoding="utf-8").splitlines()
    pinned = {
        re.split(r"[\[=]", line)[0].lower().replace("-", "_") for line in lines if line and not line.startswith("#")
    }
    imported = {name.split(".")[0] for path in python("engine") for _line, name in imports(path)}
    assert imported - STDLIB - {"engine"} <= pinned


def test_one_package_speaks_http():
    elsewhere = [path for path in python("engine") if "cluster" not in path.relative_to(ROOT).parts]
    assert offences(elsewhere, ("aiohttp", "http", "urllib.request")) == []


def test_what_a_cluster_is_knows_nothing_of_rollouts():
    assert offences(python("engine/cluster"), ("engine",), but=("engine.cluster", "engine.errors")) == []


def test_plugins_leave_ray_sql_ssh_and_http_to_the_engine():
    controller = [path for path in python("plugins") if path not in on_managed_nodes()]
    assert offences(controller, ("ray", "sqlalchemy", "psycopg", "sqlite3", "asyncssh", "aiohttp", "http")) == []
    assert offences(on_managed_nodes(), ("ray", "sqlalchemy", "psycopg", "sqlite3", "asyncssh", "aiohttp")) == []


def test_plugins_reach_the_engine_by_its_collection_name():
    assert offences(python("plugins"), ("engine",)) == []


def on_managed_nodes() -> list[Path]:
    return python("plugins/modules", "plugins/module_utils")


def test_what_runs_on_managed_nodes_uses_only_what_is_there():
    there = (*STDLIB, "ansible.module_utils", f"{COLLECTION}.plugins.module_utils", "plugins.module_utils")
    others = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in on_managed_nodes()
        for line, name in imports(path)
        if not within(name, *there)
    ]
    assert others == []


def test_what_runs_on_managed_nodes_is_python_3_9():
    for path in on_managed_nodes():
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def names(folder: str) -> set[str]:
    return {path.stem for path in committed(f":(glob){folder}/*.py")} - {"__init__"}


def test_every_module_has_its_action_or_works_by_itself():
    alone = names("plugins/modules") - names("plugins/action")
    hollow = {
        name for name in alone if "AnsibleModule(" not in (ROOT / f"plugins/modules/{name}.py").read_text("utf-8")
    }
    assert hollow == set()


def test_every_action_is_documented_by_a_module():
    assert names("plugins/action") <= names("plugins/modules")


def test_the_action_group_is_the_modules_that_share_the_ledger_option():
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    sharing = {
        name
        for name in names("plugins/modules")
        if "raywright.fleet.ledger" in (ROOT / f"plugins/modules/{name}.py").read_text(encoding="utf-8")
    }
    assert set(runtime["action_groups"]["fleet"]) == sharing


def roles() -> list[str]:
    return sorted({path.relative_to(ROOT / "roles").parts[0] for path in committed("roles/")})


@pytest.mark.parametrize("role", roles())
def test_a_role_is_documented_and_its_defaults_are_its_specification(role):
    folder = ROOT / "roles" / role
    assert (folder / "README.md").is_file()
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    specified = {
        name: option["default"]
        for entry in specs.values()
        for name, option in entry.get("options", {}).items()
        if "default" in option
    }
    file = folder / "defaults/main.yml"
    defaults = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
    assert {name: value for name, value in (defaults or {}).items() if not name.startswith("__")} == specified


# Formats that hold no comment (or none in a line of its own), texts, and what a tool or a device writes.
WITHOUT_HEADER = re.compile(
    r"(^|/)(LICENSE|py\.typed|CHANGELOG\.rst|sanity/ignore-[0-9.]+\.txt)$|\.(md|json|cfg|conf|gitignore|txt\.gz)$"
)


def test_every_source_file_carries_the_spdx_header():
    bare = [
        str(path.relative_to(ROOT))
        for path in committed()
        if not WITHOUT_HEADER.search(str(path.relative_to(ROOT)))
        and not {"SPDX-FileCopyrightText:", "SPDX-License-Identifier:"}
        <= set(" ".join(path.read_text(encoding="utf-8").splitlines()[:6]).split())
    ]
    assert bare == []


# Package registries move, are mirrored and blocked; a path of one developer's machine exists nowhere else.
PRIVATE = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.]org|(?:deb|security)[.]debian[.]org"
    r"|(?:^|[^A-Za-z0-9_.-])/(?:work|farm)/[a-z]|/root/[.]pyenv"
)


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert found == []


def test_no_two_files_of_tests_share_a_name():
    """Pytest imports them by it, so that a second one of the same name cannot be collected in the same run."""
    names = [path.name for path in committed("tests/**/test_*.py") if "molecule" not in path.parts]
    assert sorted(names) == sorted(set(names))
