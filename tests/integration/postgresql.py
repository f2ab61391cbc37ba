# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server, reached by a socket in its own directory; nothing of the machine's own is touched."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return the directory of the newest server's programs; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def missing() -> str | None:
    """Return why no server can be started here, or None."""
    if binaries() is None:
        return "PostgreSQL's server programs (initdb, pg_ctl) are not installed"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def server() -> Iterator[str]:
    """Run a server and yield the URL of an empty database in it."""
    programs = binaries()
    assert programs is not None
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    base = Path(tempfile.mkdtemp(prefix="raywright-pg-"))
    if os.geteuid() == 0:
        shutil.chown(base, user)
    data = base / "data"

    def run(*command: str | Path) -> None:
        account = {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}
        log = base / "commands.log"
        with log.open("ab") as output:
            done = subprocess.run(
                command, check=False, cwd=base, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **account
            )
        assert done.returncode == 0, log.read_text()

    # Peer authentication by socket: there is no password, and no TCP port.
    run(programs / "initdb", "-D", data, "-A", "trust", "-U", "fleet", "-E", "UTF8", "--no-sync")
    run(programs / "pg_ctl", "-D", data, "-w", "-l", base / "server.log", "-o", f"-k {base} -h ''", "start")
    try:
        yield f"postgresql+psycopg://fleet@/postgres?host={base}"
    finally:
        run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(base, ignore_errors=True)
