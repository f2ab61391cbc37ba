# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may log in to the lab's routers.

The routers have their own account database, mounted over the host's, so no account is made on the host and the
host's own accounts cannot log in to a router.
"""

from __future__ import annotations

import grp
import pwd
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.raywright.fleet.plugins.module_utils.frr_lab_host import (
    SECRET_MODE,
    make_directory,
    rewrite_file,
    run,
    write_file,
)

if TYPE_CHECKING:
    from pathlib import Path

FIRST_UID = 59001
PASSWORD_BYTES = 18
"""144 bits; URL-safe base64 of it holds no character that a shell or YAML minds."""


@dataclass(frozen=True)
class Account:
    name: str
    groups: tuple[str, ...]
    sudo: str
    """The right side of its sudoers line; empty: it may not."""


ACCOUNTS = (
    Account("labnet", ("frr", "frrvty"), ""),
    Account("labuser", (), "ALL=(ALL:ALL) NOPASSWD: ALL"),
    Account("labsudo", (), "ALL=(ALL:ALL) ALL"),
)

SSHD_CONFIG = """\
Port 22
UsePAM no
AllowUsers {users}
PermitRootLogin no
PubkeyAuthentication yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/ssh/authorized_keys
# The default key exchange costs seven times the CPU, and all the routers share this host's.
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
MaxStartups 200
MaxSessions 100
LoginGraceTime 60
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Credentials:
    """The files by which the lab's users log in, all of them in one directory of the person who runs the lab."""

    directory: Path
    owner: tuple[int, int]

    @property
    def private_key(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def public_key(self) -> Path:
        return self.directory / "id_ed25519.pub"

    @property
    def password(self) -> Path:
        return self.directory / "password"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    def complete(self) -> bool:
        return all(path.exists() for path in self._files())

    def _files(self) -> tuple[Path, ...]:
        return self.private_key, self.public_key, self.password, self.known_hosts

    def ensure(self) -> None:
        """Make the key pair and the password where they are missing."""
        if not self.directory.exists():
            make_directory(self.directory, mode=0o700, owner=self.owner)
        if not (self.private_key.exists() and self.public_key.exists()):
            private, public = new_key(self.directory / ".new_key", comment="raywright.fleet lab")
            write_file(self.private_key, private, mode=SECRET_MODE, owner=self.owner)
            write_file(self.public_key, public, mode=0o644, owner=self.owner)
        if not self.password.exists():
            write_file(self.password, secrets.token_urlsafe(PASSWORD_BYTES), mode=SECRET_MODE, owner=self.owner)

    def remove(self) -> None:
        for path in self._files():
            path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files are in it, or it is not there
            self.directory.rmdir()


def new_key(path: Path, *, comment: str) -> tuple[str, str]:
    """Make an Ed25519 key pair at ``path``, take its text, and remove the files."""
    public = path.with_name(path.name + ".pub")
    path.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
    try:
        return path.read_text(encoding="ascii"), public.read_text(encoding="ascii")
    finally:
        path.unlink()
        public.unlink()


def account_files(directory: Path, credentials: Credentials) -> list[tuple[Path, str, int, int]]:
    """Give path, text, mode and group of what routers see as /etc/passwd, group and shadow, sudoers.d and /etc/ssh."""
    password = credentials.password.read_text(encoding="utf-8").strip()
    shadow = directory / "etc" / "shadow"
    sudoers = "".join(f"{account.name} {account.sudo}\n" for account in ACCOUNTS if account.sudo)
    return [
        (directory / "etc" / "passwd", _passwd(), 0o644, 0),
        (directory / "etc" / "group", _group(), 0o644, 0),
        (shadow, _shadow(shadow, password), 0o640, _shadow_group()),
        (directory / "sudoers.d" / "lab", sudoers, 0o440, 0),
        (directory / "ssh" / "sshd_config", _sshd_config(), 0o644, 0),
        (directory / "ssh" / "authorized_keys", credentials.public_key.read_text(encoding="ascii"), 0o644, 0),
    ]


def accounts_differ(directory: Path, credentials: Credentials) -> bool:
    """Say whether ``write_accounts`` would change anything. Touches nothing."""
    if not credentials.complete():
        return True
    texts = [file[:2] for file in account_files(directory, credentials)]
    return any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in texts)


def write_accounts(directory: Path, credentials: Credentials) -> None:
    for name, mode in (("etc", 0o755), ("sudoers.d", 0o750), ("ssh", 0o755)):
        make_directory(directory / name, mode=mode)
    for path, text, mode, group in account_files(directory, credentials):
        rewrite_file(path, text, mode=mode, owner=(0, group))


def account_ids() -> dict[str, int]:
    """Give each account a user and group id; outside every range that Linux distributions hand out by themselves."""
    return {account.name: FIRST_UID + place for place, account in enumerate(ACCOUNTS)}


def _passwd() -> str:
    ids = account_ids()
    lines = [
        f"{entry.pw_name}:x:{entry.pw_uid}:{entry.pw_gid}::{entry.pw_dir}:{entry.pw_shell}" for entry in _host_users()
    ]
    lines += [f"{name}:x:{number}:{number}:raywright.fleet lab:/home/{name}:/bin/sh" for name, number in ids.items()]
    return "\n".join(lines) + "\n"


def _group() -> str:
    ids = account_ids()
    lines = []
    for entry in grp.getgrall():
        if entry.gr_name not in ids:
            members = [*entry.gr_mem, *(account.name for account in ACCOUNTS if entry.gr_name in account.groups)]
            lines.append(f"{entry.gr_name}:x:{entry.gr_gid}:{','.join(members)}")
    lines += [f"{name}:x:{number}:" for name, number in ids.items()]
    return "\n".join(lines) + "\n"


def _shadow(current: Path, password: str) -> str:
    salt = _salt(current) or secrets.token_hex(8)
    digest = run(["openssl", "passwd", "-6", "-salt", salt, "-stdin"], stdin=password + "\n").strip()
    lines = [f"{entry.pw_name}:*:::::::" for entry in _host_users()]
    lines += [f"{account.name}:{digest}:::::::" for account in ACCOUNTS]
    return "\n".join(lines) + "\n"


def _salt(current: Path) -> str | None:
    """Give the salt in use, so that the same password gives the same file."""
    if not current.exists():
        return None
    for line in current.read_text(encoding="utf-8").splitlines():
        name, digest = line.split(":")[:2]
        if name == ACCOUNTS[0].name and digest.startswith("$6$"):
            return digest.split("$")[2]
    return None


def _host_users() -> list[pwd.struct_passwd]:
    ids = account_ids()
    return [entry for entry in pwd.getpwall() if entry.pw_name not in ids]


def _shadow_group() -> int:
    return next((entry.gr_gid for entry in grp.getgrall() if entry.gr_name == "shadow"), 0)


def _sshd_config() -> str:
    text = SSHD_CONFIG.format(users=" ".join(account.name for account in ACCOUNTS))
    version = re.search(r"OpenSSH_(\d+)\.(\d+)", run(["/bin/sh", "-c", "ssh -V 2>&1"]))
    if version and (int(version[1]), int(version[2])) >= (9, 8):
        # It shuts out a host after a few failed logins, and every login to the lab comes from one host.
        text += "PerSourcePenalties no\n"
    return text
