# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate authorities that we add to the system's trust store. Private.

One certificate a file, named by its fingerprint: a bundle is split, for Debian's update-ca-certificates takes one
certificate from a file, and a certificate that is replaced gets a new name instead of looking unchanged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ._host import HostError

PREFIX = "raywright-"
PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s+(.+?)\s+-----END \1-----", re.DOTALL)
CERTIFICATE_KINDS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")


@dataclass(frozen=True)
class Certificate:
    source: str
    fingerprint: str
    body: str
    text: str

    @property
    def label(self) -> str:
        return f"{self.source} (sha256 {self.fingerprint[:16]})"


@dataclass(frozen=True)
class Store:
    """Where a family of distributions keeps what its administrator trusts."""

    directory: Path
    suffix: str
    bundle: Path
    update: tuple[str, ...]
    # Debian's tool leaves the links to what was removed behind, unless told to make them all anew.
    after_removal: tuple[str, ...] = ()

    def path(self, certificate: Certificate) -> Path:
        stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(certificate.source).stem).strip("-.")
        return self.directory / f"{PREFIX}{stem}-{certificate.fingerprint[:16]}{self.suffix}"

    def ours(self) -> list[Path]:
        return sorted(self.directory.glob(f"{PREFIX}*{self.suffix}"))


STORES = {
    "apt": Store(
        directory=Path("/usr/local/share/ca-certificates"),
        suffix=".crt",
        bundle=Path("/etc/ssl/certs/ca-certificates.crt"),
        update=("update-ca-certificates",),
        after_removal=("--fresh",),
    ),
    "dnf": Store(
        directory=Path("/etc/pki/ca-trust/source/anchors"),
        suffix=".pem",
        bundle=Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
        update=("update-ca-trust", "extract"),
    ),
}


def split(source: str, pem: str) -> list[Certificate]:
    """The certificates of a PEM file, in its order."""
    found = []
    for kind, encoded in PEM.findall(pem):
        if "PRIVATE KEY" in kind:
            raise HostError(
                f"{source} contains a private key. A trust store is readable by everybody, so nothing of it was copied:"
                " give a file with the certificate alone, and consider that key exposed if others could read the file."
            )
        if kind not in CERTIFICATE_KINDS:
            continue
        body = "".join(encoded.split())
        try:
            der = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise HostError(f"{source} contains a certificate that is not valid base64: {error}.") from error
        # A certificate is an ASN.1 sequence; openssl would refuse anything else when the store is rebuilt.
        if der[:1] != b"\x30":
            raise HostError(f"{source} contains something that says it is a certificate, and is none.")
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        text = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
        found.append(Certificate(source=source, fingerprint=hashlib.sha256(der).hexdigest(), body=body, text=text))
    if not found:
        raise HostError(
            f"{source} contains no PEM certificate (-----BEGIN CERTIFICATE-----). A DER file is converted with:"
            f" openssl x509 -inform der -in {source} -out {Path(source).stem}.pem"
        )
    return found


class Changes:
    """What is to do so that exactly these of ours are trusted."""

    def __init__(self, store: Store, certificates: list[Certificate]) -> None:
        self._store = store
        self.wanted = certificates
        wanted = {store.path(certificate): certificate for certificate in certificates}
        self.write = {path: one for path, one in wanted.items() if not path.is_file() or _text(path) != one.text}
        self.remove = [path for path in store.ours() if path not in wanted]
        # An earlier run may have been interrupted between the files and the bundle.
        bundle = set(bodies(store.bundle)) if store.bundle.is_file() else set()
        self.rebuild = bool(self.write or self.remove) or any(one.body not in bundle for one in wanted.values())

    def actions(self) -> list[str]:
        lines = [f"trust the CA certificate {one.label}" for one in self.write.values()]
        lines += [f"no longer trust the CA certificate in {path}" for path in self.remove]
        if self.rebuild and not lines:
            lines = [f"rebuild the trust store {self._store.bundle}, in which a CA certificate is missing"]
        return sorted(lines)


def bodies(bundle: Path) -> list[str]:
    return ["".join(match.group(2).split()) for match in PEM.finditer(_text(bundle))]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
