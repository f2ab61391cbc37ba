# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet key: what must rest or travel whole is sealed with it, and what is compared is fingerprinted with it.

The key lives outside the ledger (environment or a file of mode 0600), so that a stolen ledger opens nothing. Every
use has its own key, derived with HKDF (RFC 5869): a fingerprint says nothing about a sealed text.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import InvalidInput, SealError

KEY_VARIABLE = "RAYWRIGHT_FLEET_KEY"
KEY_FILE_VARIABLE = "RAYWRIGHT_FLEET_KEY_FILE"
DEFAULT_PATH = Path("~/.config/raywright/fleet.key")

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"
_HOW_TO_MAKE_ONE = "make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)"


class FleetKey:
    """Thirty-two secret bytes and what may be done with them.

    It does not pickle, copy or print: a worker that needs the key loads it from its own environment.
    """

    __slots__ = ("__fingerprints", "__master", "__seals")

    def __init__(self, master: bytes) -> None:
        if len(master) != _KEY_BYTES:
            raise InvalidInput(f"A fleet key has {_KEY_BYTES} bytes, this one has {len(master)}; {_HOW_TO_MAKE_ONE}")
        self.__master = master
        self.__fingerprints = self.derive("fingerprint")
        self.__seals = AESGCM(self.derive("seal"))

    @classmethod
    def load(cls, *, env: Mapping[str, str], default_path: Path) -> Self:
        """Take the key from the environment, else from ``default_path``, which is made on first use.

        A file that the environment names is never made: a mistyped path would silently start a second key, and
        nothing sealed so far could be opened. Raises ``InvalidInput`` for a key that is missing, malformed or
        readable by others.
        """
        if text := env.get(KEY_VARIABLE, "").strip():
            return cls(_decode(text, where=f"environment variable {KEY_VARIABLE}"))
        if named := env.get(KEY_FILE_VARIABLE, "").strip():
            return cls(_read(Path(named).expanduser(), named_by=KEY_FILE_VARIABLE))
        with contextlib.suppress(FileExistsError):
            _make(default_path)
        return cls(_read(default_path))

    @classmethod
    def from_environment(cls) -> Self:
        """Take the key as every program here does: from this process's environment, else from ``DEFAULT_PATH``."""
        return cls.load(env=os.environ, default_path=DEFAULT_PATH.expanduser())

    def derive(self, purpose: str) -> bytes:
        """Return 32 key bytes for one purpose, from which neither this key nor another purpose's can be found."""
        info = b"raywright.fleet/1/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(self.__master)

    def seal(self, text: str, *, purpose: str) -> bytes:
        """Compress and encrypt ``text``; only ``unseal`` with the same key and purpose opens it.

        Nonces are random: AES-GCM allows 2^32 sealed texts under one key (NIST SP 800-38D, 8.3), some hundred
        thousand runs over 10,000 devices.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        packed = zlib.compress(_bytes(text), level=6)
        return _FORMAT + nonce + self.__seals.encrypt(nonce, packed, _FORMAT + _bytes(purpose))

    def unseal(self, blob: bytes, *, purpose: str) -> str:
        """Open what ``seal`` made. Raises ``SealError`` for another key, another purpose or a changed byte."""
        nonce, packed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        if blob[:1] != _FORMAT or len(nonce) < _NONCE_BYTES:
            raise SealError(f"A sealed {purpose} has an unknown format; it was written by another release or cut short")
        try:
            plain = self.__seals.decrypt(nonce, packed, _FORMAT + _bytes(purpose))
        except InvalidTag:
            raise SealError(
                f"A sealed {purpose} cannot be opened: it was sealed with another fleet key or has been changed; "
                f"set {KEY_VARIABLE} or {KEY_FILE_VARIABLE} to the key that the run was planned with"
            ) from None
        return zlib.decompress(plain).decode("utf-8", "surrogatepass")

    def fingerprint(self, text: str) -> str:
        """Return 64 hex digits that tell equal texts apart from different ones and, without the key, nothing else."""
        return hmac.digest(self.__fingerprints, _bytes(text), hashlib.sha256).hex()

    def __repr__(self) -> str:
        return "FleetKey(<not shown>)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A fleet key does not travel inside other data; load it where it is needed")


def _bytes(text: str) -> bytes:
    # What a device sent may hold bytes that are no UTF-8; they come in as lone surrogates and must go back as such.
    return text.encode("utf-8", "surrogatepass")


def _decode(text: str, *, where: str) -> bytes:
    """Read base64 of either alphabet, padded or not: ``base64`` and ``openssl`` write the one, Python the other."""
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidInput(f"The fleet key in {where} is not base64 of {_KEY_BYTES} bytes; {_HOW_TO_MAKE_ONE}")
    return key


def _read(path: Path, *, named_by: str | None = None) -> bytes:
    because = f" (named by {named_by})" if named_by else ""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(4096).decode("ascii", "replace")
    except OSError as error:
        raise InvalidInput(
            f"The fleet key file {path}{because} cannot be read: {error.strerror}; "
            f"give the path of an existing key, or {_HOW_TO_MAKE_ONE}"
        ) from error
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise InvalidInput(
            f"The fleet key file {path}{because} can be read by others (mode {stat.S_IMODE(status.st_mode):04o}); "
            f"run: chmod 600 {path}"
        )
    return _decode(text, where=f"file {path}{because}")


def _make(path: Path) -> None:
    """Write a new key, or raise ``FileExistsError`` where there is one.

    The finished file is linked to its name, which fails where the name is taken: of two runs that start at once,
    one makes the key and the other reads it whole.
    """
    if path.exists():
        raise FileExistsError(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise InvalidInput(
            f"The fleet key file {path} cannot be made: {error.strerror}; "
            f"set {KEY_FILE_VARIABLE} to a key file elsewhere, and {_HOW_TO_MAKE_ONE}"
        ) from error
