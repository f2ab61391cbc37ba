# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router's configuration in the shape of Junos: statements that end with a semicolon, blocks in braces."""

from collections.abc import Iterator

from .config import Config, load
from .grammar import ConfigError

MARK = " ## SECRET-DATA"
_SECRETS = ({"password"}, {"secret"}, {"community"}, {"key-string"})
_STEP = 4


def shown(config: Config, depth: int = 0) -> Iterator[str]:
    """The configuration's lines."""
    pad = " " * _STEP * depth
    for line in config.ordered():
        text = " ".join(line.words)
        if line.block is None:
            secret = any(words & set(line.words[:3]) for words in _SECRETS) and line.words[0] != "set"
            yield f"{pad}{text};{MARK if secret else ''}"
        else:
            yield f"{pad}{text} {{"
            yield from shown(line.block, depth + 1)
            yield f"{pad}}}"


def read(lines: list[str], base: Config | None = None) -> Config:
    """Read lines of that shape, into a copy of ``base`` or from nothing. Raises ``ConfigError`` naming the line."""
    depth = 0
    plain = []
    for number, raw in enumerate(lines, start=1):
        text = raw.partition("##")[0].strip()
        if text == "}":
            depth -= 1
            text = ""
        elif text.endswith("{"):
            text, opened = text[:-1].rstrip(), depth + 1
        elif text.endswith(";"):
            text, opened = text[:-1].rstrip(), depth
        elif text:
            raise ConfigError(f"terminal:{number}:(1) syntax error: {text.split()[0]}")
        else:
            opened = depth
        plain.append(" " * depth + text if text else "")
        depth = opened if text else depth
    if depth != 0:
        raise ConfigError(f"terminal:{len(lines)}:(1) syntax error, expecting '}}'")
    try:
        return load("\n".join(plain), base)
    except ConfigError as exc:
        reason = str(exc).removeprefix("Invalid input at line ")
        line, _colon, rest = reason.partition(":")
        raise ConfigError(f"terminal:{line}:(1) syntax error:{rest}") from None


def compared(before: Config, after: Config, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The change as ``show | compare`` gives it: each level that it touches, and the statements gone and come."""
    gone = [line for key, line in before.lines.items() if _differs(line.words, after, key)]
    come = [line for key, line in after.lines.items() if _differs(line.words, before, key)]
    if gone or come:
        yield f"[edit{''.join(' ' + part for part in path)}]"
    for sign, lines, table in (("-", gone, before.table), ("+", come, after.table)):
        level = Config(table)
        level.lines = {line.words: line for line in lines}
        yield from (f"{sign}  {text}" for text in shown(level))
    for key, line in before.lines.items():
        other = after.lines.get(key)
        if other and line.block and other.block and other.words == line.words:
            yield from compared(line.block, other.block, (*path, " ".join(line.words)))


def _differs(words: tuple[str, ...], other: Config, key: tuple[str, ...]) -> bool:
    line = other.lines.get(key)
    return line is None or line.words != words
