# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from hypothesis import settings

# A busy machine is slow, and that is no failure: no example has a deadline.
settings.register_profile("raywright", deadline=None)
settings.load_profile("raywright")
