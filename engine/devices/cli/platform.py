# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells one platform's command line from another's: data, no behaviour.

Prompts, modes and failures are those of scrapli's platform definitions (scrapli 2026.10, MIT licence), read for each
platform and completed where they say less than we need.
"""

import re
from dataclasses import dataclass

COMMON_SECRETS = (
    r"\benable\s+(?:secret|password)\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\busername\s+\S+.*?\s(?:secret|password)\s+(?:\d+\s+|sha512\s+)?(?P<secret>\S+)",
    r"\bsnmp-server\s+community\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\bsnmp-server\s+host\s+\S+(?:\s+(?:traps|informs|version\s+\S+|vrf\s+\S+|use-vrf\s+\S+))*\s+(?P<secret>\S+)",
    r"\bsnmp-server\s+user\s+.*?\bauth\s+\S+\s+(?P<secret>\S+)",
    r"\bneighbor\s+\S+\s+password\s+(?:\d+\s+)?(?P<secret>\S.*?)\s*$",
    r"\b(?:tacacs|radius)(?:-server)?\b.*?\bkey\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"^[\s+-]*(?:key|server-private\s+\S+\s+key)\s+(?:[5-8]\s+)(?P<secret>\S+)",
    r"\bkey-string\s+(?:\d+\s+)?(?P<secret>\S.*?)\s*$",
    r"\bmessage-digest-key\s+\d+\s+md5\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\bauthentication(?:-key\s+(?:\d+\s+md5\s+)?|\s+text\s+|\s+md5\s+key-string\s+)(?:\d+\s+)?(?P<secret>\S+)",
    r"\bisis\s+password\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\b(?:area|domain)-password\s+(?P<secret>\S+)",
    r"\bcrypto\s+isakmp\s+key\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\bpre-shared-key\s+(?:local\s+|remote\s+)?(?:\d+\s+)?(?P<secret>\S+)",
    r"\bwpa-psk\s+ascii\s+\d+\s+(?P<secret>\S+)",
    r"^[\s+-]*password\s+(?:\d+\s+)?(?P<secret>\S+)",
    r"\bppp\s+\S+\s+(?:password|sent-username\s+\S+\s+password)\s+(?:\d+\s+)?(?P<secret>\S+)",
)
"""Where configurations in the style of IOS hold secrets."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform's command line."""

    network_os: tuple[str, ...]
    prompt: re.Pattern[str]
    setup: tuple[str, ...]
    """What is sent after the login."""
    running: str
    """The command that shows the running configuration."""
    whole: re.Pattern[str]
    """What an answer to it matches that is not cut short."""
    failure: re.Pattern[str]
    """A line by which the device refuses a command."""
    volatile: re.Pattern[str]
    """Lines of a configuration that change by themselves: they are dropped when it is read."""
    secrets: tuple[re.Pattern[str], ...]
    startup: str | None = None
    """The command that shows the saved configuration, where there is one."""
    save: str | None = None
    saved: re.Pattern[str] = re.compile(r"")
    comment: str = "!"
    """How a line begins that says nothing."""
    configure: str = "configure terminal"
    leave: str = "end"
    rename: re.Pattern[str] = re.compile(r"(?m)^ *(?:hostname|switchname) +(\S+)")
    """A line of a configuration that changes the prompt."""
    start: str | None = None
    """The program that is the command line, where the login gives a shell."""
    rules: str = ""
    """The name of hier_config's driver in ``rules``, for platforms that have no candidate."""


def patterns(*expressions: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(expression) for expression in expressions)
