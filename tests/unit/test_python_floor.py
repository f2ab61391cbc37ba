# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine travels to Ray nodes, whose Python may be older than the controller's: Debian 12 has 3.11."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOOR = (3, 11)

# Packages that a bare interpreter lacks are stood in for: what is tried is our own files, as they are imported.
IMPORT_ALL = """
import importlib, importlib.abc, importlib.machinery, pkgutil, sys, types

class Forgiving(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

class Anything(Exception, metaclass=Forgiving):
    def __init__(self, *values, **options):
        pass
    __call__ = __getattr__ = lambda self, *values, **options: Anything()
    __class_getitem__ = classmethod(lambda cls, item: cls)
    __iter__ = lambda self: iter(())

class StandIn(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        return getattr(Anything, name)

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        ours = name.split(".")[0] in sys.argv
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if ours else None
    def create_module(self, spec):
        return StandIn(spec.name)
    def exec_module(self, module):
        pass

sys.meta_path.append(Finder())
import engine
for found in pkgutil.walk_packages(engine.__path__, "engine."):
    importlib.import_module(found.name)
"""


def interpreters() -> Iterator[str]:
    """A Python of the floor's version where there is one, by whatever name; last of all, our own."""
    name = "python{}.{}".format(*FLOOR)
    yield from filter(None, [shutil.which(name), f"/usr/bin/{name}"])
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, pyenv.glob("versions/{}.{}*/bin/python".format(*FLOOR)))
    yield sys.executable


def works(python: str) -> bool:
    try:
        # A shim is there whether or not there is anything behind it.
        return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def test_the_engine_is_written_for_the_oldest_python_of_a_node():
    for path in sorted((ROOT / "engine").rglob("*.py")):
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=FLOOR)


def required() -> list[str]:
    lines = (ROOT / "requirements/engine.txt").read_text(encoding="utf-8").splitlines()
    return [re.split(r"[\[=]", line)[0] for line in lines if line and not line.startswith("#")]


def test_every_file_of_the_engine_imports_on_the_oldest_python_that_is_here():
    python = next(filter(works, interpreters()))
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.dont_write_bytecode = True\n{IMPORT_ALL}"
    done = subprocess.run(
        [python, "-I", "-c", program, *required()], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, f"{python}: {done.stderr}"
