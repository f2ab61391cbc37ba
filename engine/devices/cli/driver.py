# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A platform and its kind of session, as the registry wants them."""

from typing import cast

from ..base import Device, Session
from .platform import Platform
from .session import CliSession, normalise, opened


class CliDriver:
    """One platform."""

    become_method = "enable"
    saves_what_it_shows = False

    def __init__(self, platform: Platform, session: type[CliSession], *, longest_hold: float = 0.0) -> None:
        self.network_os = platform.network_os
        self.secrets = platform.secrets
        self.longest_hold = longest_hold
        self.platform = platform
        self._session = session

    async def connect(self, device: Device) -> Session:
        return cast("Session", await opened(self._session, device, self.platform))

    def normalise(self, config: str) -> str:
        return normalise(self.platform, config)
