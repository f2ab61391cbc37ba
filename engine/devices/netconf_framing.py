# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF messages in a byte stream: end-of-message marks until both have said hello, then chunks (RFC 6242, 4)."""

import re

_END = b"]]>]]>"
_CHUNK = re.compile(rb"\n#([1-9][0-9]{0,9})\n")
_LAST = b"\n##\n"
# Whatever a message's first chunk is, it begins so.
_FIRST = b"\n#"
# "\n#4294967295\n" is the longest head of a chunk.
_LONGEST_HEAD = 13


class FramingError(ValueError):
    """The stream is no NETCONF, or a message is longer than is taken; nothing after it can be understood."""


class Framer:
    """Cuts what comes in into messages, and frames what goes out.

    ``limit``: bytes of one message that are taken; no more than that is ever kept.
    """

    def __init__(self, limit: int) -> None:
        self.chunked = False
        """Set it once both sides are known to speak base:1.1; what was received before then must have been taken."""
        self._limit = limit
        self._buffer = bytearray()
        self._message = bytearray()
        self._searched = 0
        self._ahead = 0

    def frame(self, message: bytes) -> bytes:
        if not self.chunked:
            return message + _END
        ahead, self._ahead = self._ahead, 0
        return (b"%s%d\n%s%s" % (_FIRST, len(message), message, _LAST))[ahead:]

    def ahead(self) -> bytes:
        """The next octet of the next message's frame, to be sent before there is a message; empty when none is sure."""
        octet = _FIRST[self._ahead : self._ahead + 1] if self.chunked else b""
        self._ahead += len(octet)
        return octet

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come; give the messages that are complete. Raises ``FramingError``."""
        self._buffer += data
        messages = []
        while (message := self._chunks() if self.chunked else self._marked()) is not None:
            messages.append(message)
            if not self.chunked:
                # The first message decides on the framing of all others.
                break
        return messages

    def _marked(self) -> bytes | None:
        found = self._buffer.find(_END, max(0, self._searched - len(_END)))
        self._searched = len(self._buffer)
        if found < 0:
            self._check(len(self._buffer))
            return None
        self._check(found)
        message = bytes(self._buffer[:found])
        del self._buffer[: found + len(_END)]
        self._searched = 0
        return message

    def _chunks(self) -> bytes | None:
        position = 0
        try:
            while True:
                if self._buffer.startswith(_LAST, position):
                    position += len(_LAST)
                    message, self._message = bytes(self._message), bytearray()
                    if not message:
                        raise FramingError("a message without a chunk")
                    return message
                head = _CHUNK.match(self._buffer, position)
                if head is None:
                    self._could_be_a_head(position)
                    return None
                size = int(head[1])
                self._check(len(self._message) + size)
                if len(self._buffer) < head.end() + size:
                    return None
                self._message += self._buffer[head.end() : head.end() + size]
                position = head.end() + size
        finally:
            del self._buffer[:position]

    def _could_be_a_head(self, position: int) -> None:
        begun = bytes(self._buffer[position : position + _LONGEST_HEAD])
        if not re.fullmatch(rb"(\n(#(#|[1-9][0-9]{0,9})?)?)?", begun):
            raise FramingError(f"{begun!r} where a chunk should begin")

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise FramingError(f"a message of more than {self._limit >> 20} MiB")
