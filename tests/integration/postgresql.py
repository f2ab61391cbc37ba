# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server, reached by a socket in its own directory; nothing of the machine's own is touched."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


class Server:
    """One server; ``kill`` ends it as a crash would."""

    def __init__(self, base: Path) -> None:
        programs = binaries()
        assert programs is not None
        self._base, self._programs = base, programs
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(base, self._user)
        # Peer authentication by socket: there is no password, and no TCP port.
        self._run("initdb", "-D", base / "data", "-A", "trust", "-U", "fleet", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        """The URL of an empty database."""
        return f"postgresql+psycopg://fleet@/postgres?host={self._base}"

    def start(self) -> None:
        self._control("-l", self._base / "server.log", "-o", f"-k {self._base} -h ''", "start")

    def kill(self) -> None:
        self._control("-m", "immediate", "stop")

    def _control(self, *words: str | Path) -> None:
        self._run("pg_ctl", "-D", self._base / "data", "-w", *words)

    def _run(self, program: str, *words: str | Path) -> None:
        user = self._user
        account = {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}
        log = self._base / "commands.log"
        with log.open("ab") as output:
            done = subprocess.run(
                [self._programs / program, *words],
                check=False,
                cwd=self._base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **account,
            )
        assert done.returncode == 0, log.read_text()


@contextmanager
def restartable() -> Iterator[Server]:
    """Run a server that the test may kill and start."""
    base = Path(tempfile.mkdtemp(prefix="raywright-pg-"))
    server = Server(base)
    server.start()
    try:
        yield server
    finally:
        with suppress(AssertionError):  # the test may have left it dead
            server.kill()
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Run a server and yield the URL of an empty database in it."""
    with restartable() as running:
        yield running.url
