# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys, requests and certificates by the openssl program, which every host has. Private to this collection."""

from __future__ import annotations

import ipaddress
import re
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

KEY_TYPES = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
}
DAY = 86400
_NAME = re.compile(r"(?!-)[A-Za-z0-9_*-]+(\.[A-Za-z0-9_-]+)*\.?")
_COMMON_NAME_LENGTH = 64  # RFC 5280, ub-common-name
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_REQUEST = """\
[req]
distinguished_name = name
req_extensions = extensions
prompt = no
[name]
CN = {common_name}
[extensions]
subjectAltName = {alternatives}
keyUsage = critical, digitalSignature{encipherment}
extendedKeyUsage = serverAuth, clientAuth
"""

Run = Callable[["Sequence[str]"], "tuple[int, str, str]"]


class CertificateError(Exception):
    """A key or certificate could not be made or read; the message says which, and why."""


@dataclass(frozen=True)
class Findings:
    """What is wrong with a certificate; each text is empty where nothing is."""

    missing: str = ""
    key: str = ""
    chain: str = ""
    authority: str = ""
    names: str = ""
    days_left: int | None = None
    expires: str = ""

    def reasons(self, renew_before: int) -> list[str]:
        """Say why a new certificate is needed; nothing if it is not."""
        found = [text for text in (self.missing, self.key, self.chain, self.authority, self.names) if text]
        if self.days_left is not None and self.days_left < renew_before:
            ended = "has expired" if self.days_left < 0 else "expires"
            found.append(f"the certificate {ended} on {self.expires}")
        return found


def alternatives(names: Iterable[str], addresses: Iterable[str]) -> list[str]:
    """Give the subject alternative names, as openssl writes them, without repetition."""
    found = []
    for name in names:
        if not _NAME.fullmatch(name):
            raise CertificateError(f"names holds {name!r}, which is not a host name.")
        found.append(f"DNS:{name.rstrip('.').lower()}")
    try:
        found += [f"IP:{ipaddress.ip_address(address)}" for address in addresses]
    except ValueError as error:
        raise CertificateError(f"addresses must be IP addresses: {error}.") from error
    if not found:
        raise CertificateError("names and addresses are both empty: a certificate must name its host.")
    return list(dict.fromkeys(found))


def parse_alternatives(text: str) -> set[str]:
    """Read what ``openssl x509 -ext subjectAltName`` prints."""
    found = set()
    for part in re.split(r",\s*|\n", text):
        if part.strip().startswith("DNS:"):
            found.add(part.strip().lower().replace("dns:", "DNS:", 1))
        elif part.strip().startswith("IP Address:"):
            found.add(f"IP:{ipaddress.ip_address(part.strip()[len('IP Address:') :])}")
    return found


def certificates(pem: str) -> list[str]:
    return _PEM.findall(pem)


class OpenSSL:
    """The openssl program of this host."""

    def __init__(self, program: str, run: Run) -> None:
        self._program = program
        self._run = run

    def make_key(self, path: Path, kind: str) -> None:
        path.touch(mode=0o600)
        self._call("genpkey", *KEY_TYPES[kind], "-out", str(path))

    def make_request(self, key: Path, kind: str, sans: Sequence[str], name: str, config: Path) -> str:
        config.write_text(
            _REQUEST.format(
                common_name=name[:_COMMON_NAME_LENGTH],
                alternatives=",".join(sans),
                encipherment=", keyEncipherment" if kind == "rsa" else "",
            )
        )
        return self._call("req", "-new", "-key", str(key), "-config", str(config))

    def same_key(self, key: Path, certificate: Path) -> bool:
        ours = self._call("pkey", "-in", str(key), "-pubout")
        return ours.strip() == self._call("x509", "-in", str(certificate), "-noout", "-pubkey").strip()

    def verify(self, certificate: Path, authority: Path) -> str:
        """Give what is wrong with the chain; validity in time is another question."""
        argv = ["verify", "-no_check_time", "-purpose", "sslserver", "-CAfile", str(authority), str(certificate)]
        status, out, err = self._run([self._program, *argv])
        if status == 0:
            return ""
        said = re.search(r"error \d+ at \d+ depth lookup:\s*(.+)", out + err)
        return said.group(1).strip() if said else (err or out).strip().splitlines()[-1]

    def names(self, certificate: Path) -> set[str]:
        return parse_alternatives(self._call("x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName"))

    def ends(self, certificate: Path) -> float:
        text = self._call("x509", "-in", str(certificate), "-noout", "-enddate")
        return float(ssl.cert_time_to_seconds(text.strip().partition("=")[2]))

    def fingerprint(self, certificate: Path) -> str:
        text = self._call("x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256")
        return text.strip().partition("=")[2]

    def _call(self, *argv: str) -> str:
        status, out, err = self._run([self._program, *argv])
        if status != 0:
            raise CertificateError(f"openssl {' '.join(argv)} failed with status {status}: {err.strip()[-400:]}")
        return out


def examine(tool: OpenSSL, folder: Path, sans: Sequence[str], authority: str) -> Findings:
    """Compare what is in a directory with what is wanted; without an authority, with the one that is there."""
    key, certificate, installed = folder / "node.key", folder / "node.crt", folder / "ca.crt"
    missing = [str(path) for path in (key, certificate, installed) if not path.exists()]
    if missing:
        return Findings(missing=f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not exist")
    try:
        chain = tool.verify(certificate, installed)
        has = tool.names(certificate)
        ends = tool.ends(certificate)
        key_text = "" if tool.same_key(key, certificate) else f"{key} is not the key of {certificate}"
    except CertificateError as error:
        return Findings(missing=str(error))
    lacking = sorted(set(sans) - has)
    surplus = sorted(has - set(sans))
    other = authority and certificates(installed.read_text()) != certificates(authority)
    return Findings(
        key=key_text,
        chain=f"{certificate} does not verify with {installed}: {chain}" if chain else "",
        authority=f"{installed} is another certificate authority" if other else "",
        names=_difference(lacking, surplus),
        days_left=int((ends - time.time()) // DAY),
        expires=time.strftime("%Y-%m-%d", time.gmtime(ends)),
    )


def _difference(lacking: Sequence[str], surplus: Sequence[str]) -> str:
    parts = []
    if lacking:
        parts.append(f"it does not name {', '.join(lacking)}")
    if surplus:
        parts.append(f"it still names {', '.join(surplus)}")
    return " and ".join(parts)
