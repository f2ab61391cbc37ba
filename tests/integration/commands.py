# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command to its end, as a user's terminal would show it."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def shown(
    command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str]:
    """The exit status, and everything that was shown. Nobody is there to be asked anything."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    return done.returncode, done.stdout
