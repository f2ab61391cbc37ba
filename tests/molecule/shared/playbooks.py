# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of the collection as a user runs them, for tests that act between them."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

INVENTORY = Path(__file__).parents[1] / "inventory"
RECAP = re.compile(r"^(\S+) +: (ok=\d+ .*)$", re.MULTILINE)


def inventory() -> dict:
    return json.loads(subprocess.check_output([INVENTORY / "nodes.py"]))


@dataclass(frozen=True)
class Done:
    """An ansible-playbook that has ended: its exit status, what it printed, and the recap, by host."""

    status: int
    output: str
    recap: dict[str, dict[str, int]]

    @property
    def changed(self) -> set[str]:
        return {host for host, counts in self.recap.items() if counts["changed"]}


class Playbook:
    """A playbook of the collection as a user runs it on the scenario's inventory."""

    def __init__(self, name: str, arguments: tuple[str, ...], extra: dict[str, object]) -> None:
        own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"], "inventory.yml")
        inventories = [INVENTORY, *([own] if own.exists() else [])]
        given = [word for key, value in extra.items() for word in ("-e", json.dumps({key: value}))]
        self._process = subprocess.Popen(
            [
                "ansible-playbook",
                *(f"--inventory={each}" for each in inventories),
                *given,
                *arguments,
                f"raywright.fleet.{name}",
            ],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            cwd=inventory()["all"]["vars"]["test_run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait(self, seconds: float = 600) -> Done:
        try:
            output, unused = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        del unused
        print(f"$ {' '.join(map(str, self._process.args))}\n{output}")
        recap = {
            host: {key: int(value) for key, value in (word.split("=") for word in counts.split())}
            for host, counts in RECAP.findall(output)
        }
        return Done(self._process.returncode, output, recap)

    def end(self) -> None:
        """End it and its workers, also when the test failed half-way."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def eventually[Seen](look: Callable[[], Seen], *, seconds: float, what: str) -> Seen:
    """Look until it is true; fail with what was seen last."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; last seen: {seen}"
        time.sleep(1)
