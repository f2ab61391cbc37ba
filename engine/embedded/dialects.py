# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which command line an embedded router speaks."""

from collections.abc import Iterable, Sequence

from ..errors import InvalidInput
from .cli import Cli
from .eos import EosCli
from .ios import IosCli
from .iosxr import IosxrCli
from .junos import JunosCli

PLAIN = "embedded"
DIALECTS: dict[str, type[Cli]] = {PLAIN: Cli, "ios": IosCli, "junos": JunosCli, "eos": EosCli, "iosxr": IosxrCli}
"""By ``ansible_network_os``."""


def spoken(names: Iterable[str], dialects: Sequence[str]) -> dict[str, str]:
    """Deal the dialects out in turn. Raises ``InvalidInput`` for one that there is not."""
    if unknown := [dialect for dialect in dialects if dialect not in DIALECTS]:
        raise InvalidInput(f"dialects: {unknown[0]!r} is none of {', '.join(DIALECTS)}")
    return {name: dialects[number % len(dialects)] for number, name in enumerate(names)}
