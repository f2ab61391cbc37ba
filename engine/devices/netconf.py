# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF: the wanted configuration is XML, and where the device has a candidate, the device computes the change.

The diff of a plan is the candidate's difference to what runs, so it shows what this device makes of the document:
defaults, order and keys included. A device without a candidate is compared here, without its schema.
"""

import contextlib
import math
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..errors import CommandFailed, DeviceError, NotHeld, Rejected, SessionLost
from . import netconf_xml as xml
from .base import UNPROVABLE, Change, Device, Held, Hold, Mode, Proof, Snapshot
from .netconf_rpc import Client, RpcError, open_session
from .netconf_secrets import SECRETS
from .ssh import where

_NO_CANDIDATE = Proof("unprovable", "the device has no candidate configuration in which a rollback could be tried")
_READ_ONLY = re.compile(r"get(-config)?\Z|get(-config)?\s+<", re.DOTALL)


@dataclass(slots=True)
class NetconfSession:
    """One NETCONF session with one device."""

    device: Device
    client: Client

    async def snapshot(self) -> Snapshot:
        return Snapshot(
            running=await self.running(),
            startup=xml.configuration(await self._read("startup")) if self.client.has("startup") else None,
        )

    async def running(self) -> str:
        return xml.configuration(await self._read("running"))

    async def propose(self, running: str, wanted: str, mode: Mode) -> Change:
        document = self._document(wanted, mode)
        now = xml.content(xml.parse(running))
        if not self.client.has("candidate"):
            return Change(mode, wanted, _compared(now, document, mode), rollback=_NO_CANDIDATE)
        async with self._candidate():
            await self._load("candidate", document, mode)
            await self._validate()
            diff = xml.diff(now, await self._read("candidate"))
            return Change(mode, wanted, diff, rollback=await self._way_back(now) if diff else UNPROVABLE)

    async def apply(self, change: Change, hold: Hold | None = None) -> None:
        if hold is not None:
            self._require_confirmed()
        await self._put(self._document(change.wanted, change.mode), change.mode, hold)

    async def held(self) -> Held | None:
        self._require_confirmed()
        try:
            await self._ask(_lock("running"), "lock its running configuration", refusal=RpcError)
        except RpcError as exc:
            if await self._on_trial():
                # NETCONF tells neither whose it is nor how long it lasts: the worst is assumed.
                return Held(token=None, remaining=0.0)
            raise CommandFailed(self._say(f"its running configuration cannot be locked: {exc}")) from exc
        await self._ask(_unlock("running"), "unlock its running configuration")
        return None

    async def confirm(self, token: str) -> None:
        # A commit takes along whatever is in the candidate.
        await self._ask("<discard-changes/>", "prepare its candidate configuration")
        await self._ask(f"<commit>{_persist_id(token)}</commit>", "confirm the change", refusal=NotHeld)

    async def cancel(self, token: str) -> None:
        request = f"<cancel-commit>{_persist_id(token)}</cancel-commit>"
        await self._ask(request, "take the change back", refusal=NotHeld)

    async def save(self) -> None:
        if self.client.has("startup"):
            await self._ask(_copy("startup", "<running/>"), "save the configuration")

    async def restore(self, snapshot: Snapshot) -> None:
        before = xml.content(xml.parse(snapshot.running))
        if await self.running() != snapshot.running:
            await self._put(before, "replace")
        if await self.running() != snapshot.running:
            raise CommandFailed(
                self._say("the configuration was restored, but it does not read the same as before; look at the device")
            )
        if snapshot.startup is None or xml.configuration(await self._read("startup")) == snapshot.startup:
            return
        source = "<running/>" if snapshot.startup == snapshot.running else snapshot.startup
        source = source if source == "<running/>" else _config(xml.content(xml.parse(source)))
        await self._ask(_copy("startup", source), "restore the saved configuration")

    async def command(self, line: str, *, shell: bool = False) -> str:
        """``get`` or ``get-config``, with a subtree filter in XML where one is given; the answer as lines."""
        if shell:
            raise CommandFailed(self._say("NETCONF has no shell; ask with 'get' or 'get-config' and a filter in XML"))
        line = line.strip()
        if not _READ_ONLY.match(line):
            raise CommandFailed(
                self._say("only 'get' or 'get-config' can be run as a check, with a subtree filter in XML after it")
            )
        operation, _blank, subtree = line.partition(" ")
        try:
            filtered = f"<filter type='subtree'>{_bare(xml.parse(subtree))}</filter>" if subtree.strip() else ""
        except xml.XmlError as exc:
            raise CommandFailed(self._say(f"the filter of a check is not well-formed XML: {exc}")) from None
        source = "<source><running/></source>" if operation == "get-config" else ""
        reply = await self._ask(f"<{operation}>{source}{filtered}</{operation}>", "run the check")
        data = reply.find("data")
        return xml.normal(data.children if data is not None else ())

    async def close(self) -> None:
        await self.client.close()

    def _document(self, wanted: str, mode: Mode) -> list[xml.Element]:
        try:
            document = xml.content(xml.parse(wanted))
        except xml.XmlError as exc:
            raise Rejected(
                self._say(f"the rendered configuration is not well-formed XML: {exc}; correct the template")
            ) from None
        if not document:
            raise Rejected(self._say("the rendered configuration is empty; check the template for this device"))
        if mode == "replace" and any((xml.BASE, "operation") in each.attributes for each in _all(document)):
            raise Rejected(
                self._say("the rendered configuration has operation attributes, which mean nothing in mode replace")
            )
        return document

    async def _put(self, document: Sequence[xml.Element], mode: Mode, hold: Hold | None = None) -> None:
        if not self.client.has("candidate"):
            await self._put_running(document, mode)
            return
        async with self._locked("running"), self._locked("candidate"):
            await self._ask("<discard-changes/>", "prepare its candidate configuration")
            try:
                await self._load("candidate", document, mode)
                # Not validated again: a commit is all or nothing anyway, and netconfd then commits deletions only.
                await self._commit(hold)
            except Rejected:
                await self._drop_candidate()
                raise

    async def _put_running(self, document: Sequence[xml.Element], mode: Mode) -> None:
        if not self.client.has("writable-running"):
            raise CommandFailed(self._say("it has neither a candidate nor a writable running configuration"))
        async with self._locked("running"):
            try:
                await self._load("running", document, mode)
            except CommandFailed as exc:
                raise SessionLost(self._say(f"what became of the change is unknown: {exc}")) from exc

    async def _way_back(self, now: Sequence[xml.Element]) -> Proof:
        """Walk it in the candidate, in which the change already is."""
        try:
            await self._load("candidate", now, "replace")
            left = xml.diff(now, await self._read("candidate"))
        except Rejected as exc:
            return Proof("not_proved", str(exc))
        if not left:
            return Proof("proved")
        return Proof("not_proved", self._say(f"its candidate does not return to what runs: {'; '.join(left[:3])}"))

    def _require_confirmed(self) -> None:
        if not (self.client.has("candidate") and self.client.has("confirmed-commit", "1.1")):
            raise Rejected(
                self._say(
                    "it cannot hold a change until another session confirms it: that needs a candidate and "
                    ":confirmed-commit:1.1, which it does not offer"
                )
            )

    async def _on_trial(self) -> bool:
        """Whether a commit waits for its confirmation. Nothing says so but what is answered to a wrong name for it."""
        try:
            await self.client.call(f"<cancel-commit>{_persist_id(secrets.token_hex(16))}</cancel-commit>")
        except RpcError as exc:
            return exc.tag == "invalid-value"
        return False

    async def _load(self, target: str, document: Sequence[xml.Element], mode: Mode) -> None:
        """Edit. A replacement says of every top-level element what becomes of it: devices read copy-config and the
        default operation in ways of their own, and some keep what the document does not have.
        """
        if mode == "replace":
            document = xml.replacing(await self._read(target), document)
        options = "<default-operation>merge</default-operation>"
        if target == "running" and self.client.has("validate"):
            options += "<test-option>test-then-set</test-option>"
        if self.client.has("rollback-on-error"):
            options += "<error-option>rollback-on-error</error-option>"
        request = f"<edit-config><target><{target}/></target>{options}{_config(document)}</edit-config>"
        await self._ask(request, "load the configuration", refusal=Rejected)

    async def _validate(self) -> None:
        if self.client.has("validate"):
            request = "<validate><source><candidate/></source></validate>"
            await self._ask(request, "validate the configuration", refusal=Rejected)

    async def _commit(self, hold: Hold | None) -> None:
        options = (
            f"<confirmed/><confirm-timeout>{math.ceil(hold.seconds)}</confirm-timeout>"
            f"<persist>{escape(hold.token)}</persist>"
            if hold
            else ""
        )
        try:
            await self._ask(f"<commit>{options}</commit>", "commit the configuration", refusal=Rejected)
        except CommandFailed as exc:
            raise SessionLost(self._say("no answer to the commit, so the outcome is unknown")) from exc

    @contextlib.asynccontextmanager
    async def _candidate(self) -> AsyncIterator[None]:
        """The candidate, equal to what runs, to try something in. While a commit waits for its confirmation some
        devices lock it for nobody; it is then used as it is, for nothing is committed from it.
        """
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(Rejected):
                await stack.enter_async_context(self._locked("candidate"))
            await self._ask("<discard-changes/>", "prepare its candidate configuration")
            try:
                yield
            finally:
                await self._drop_candidate()

    @contextlib.asynccontextmanager
    async def _locked(self, target: str) -> AsyncIterator[None]:
        """Hold a lock. Raises ``Rejected`` where a change is on trial, ``CommandFailed`` where somebody else has it."""
        act = f"lock its {target} configuration"
        try:
            await self._ask(_lock(target), act, refusal=RpcError)
        except RpcError as exc:
            if self.client.has("confirmed-commit", "1.1") and await self._on_trial():
                raise Rejected(
                    self._say("another change is on trial on it; wait until it is confirmed or taken back")
                ) from exc
            raise CommandFailed(
                self._say(f"its {target} configuration cannot be locked: {exc}; somebody else is changing it")
            ) from exc
        try:
            yield
        finally:
            # A session that is gone has given up its locks; and what happened before matters more than this.
            with contextlib.suppress(DeviceError):
                await self._ask(_unlock(target), f"un{act}")

    async def _drop_candidate(self) -> None:
        with contextlib.suppress(DeviceError):
            await self._ask("<discard-changes/>", "discard its candidate configuration")

    async def _read(self, source: str) -> list[xml.Element]:
        reply = await self._ask(
            f"<get-config><source><{source}/></source></get-config>", f"read its {source} configuration"
        )
        data = reply.find("data")
        if data is None:
            raise CommandFailed(self._say(f"its answer to <get-config> of {source} holds no data"))
        return data.children

    async def _ask(self, operation: str, act: str, *, refusal: type[Exception] = CommandFailed) -> xml.Element:
        """Send an operation; what the device refuses is raised as ``refusal``."""
        try:
            return await self.client.call(operation)
        except RpcError as exc:
            if refusal is RpcError:
                raise
            verb = "the device refused the configuration" if refusal is Rejected else f"could not {act}"
            raise refusal(self._say(f"{verb}: {exc}")) from exc

    def _say(self, what: str) -> str:
        return f"{where(self.device)}: {what}"


class NetconfDriver:
    """Whatever speaks NETCONF, with a candidate or without."""

    network_os: tuple[str, ...] = ("netconf", "ansible.netcommon.netconf")
    secrets: Sequence[re.Pattern[str]] = SECRETS
    saves_what_it_shows = False
    longest_hold = math.inf

    async def connect(self, device: Device) -> NetconfSession:
        return NetconfSession(device, await open_session(device))

    def normalise(self, config: str) -> str:
        try:
            return xml.normal(xml.content(xml.parse(config)))
        except xml.XmlError:
            return config


DRIVER = NetconfDriver()


def _compared(now: Sequence[xml.Element], document: Sequence[xml.Element], mode: Mode) -> tuple[str, ...]:
    then = document if mode == "replace" else xml.overlay(now, document)
    return () if xml.same_set(now, then) else xml.diff(now, then)


def _config(document: Sequence[xml.Element]) -> str:
    return f"<config>{_bare(*document)}</config>"


def _bare(*elements: xml.Element) -> str:
    return "".join(xml.serialise(each, xml.BASE) for each in elements)


def _copy(target: str, source: str) -> str:
    return f"<copy-config><target><{target}/></target><source>{source}</source></copy-config>"


def _lock(target: str) -> str:
    return f"<lock><target><{target}/></target></lock>"


def _unlock(target: str) -> str:
    return f"<unlock><target><{target}/></target></unlock>"


def _persist_id(token: str) -> str:
    return f"<persist-id>{escape(token)}</persist-id>"


def _all(elements: Sequence[xml.Element]) -> list[xml.Element]:
    return [found for each in elements for found in (each, *_all(each.children))]
