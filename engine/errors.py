# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as a tree.

FleetError
├── InvalidInput          an option, a template or a file is wrong; nothing was touched
├── DefinitionChanged     a run cannot be resumed: what it would do is not what was planned
├── GateClosed            an approval is missing, wrong, expired or used
├── LedgerError           the record cannot be read or written
│   ├── LedgerAway        ... now: its database or its disk; it may be back in a moment
│   ├── DevicesHeld       another run holds some of the devices; nothing was touched
│   └── LeaseLost         another process acts for the run now
├── SealError             a sealed value cannot be opened with this fleet key
└── DeviceError           one device; never the whole run
    ├── Unreachable       no session: refused, no route, timed out
    ├── LoginRefused      the device answered and refused the credentials
    ├── HostKeyRefused    the device's host key is unknown or not the one on record
    ├── Rejected          the device refused the configuration; it says why
    ├── CommandFailed     a command could not be run or its answer not be read
    │   └── NothingSent   ... when a change was to be made, of which nothing was sent
    │       └── Moved     ... for the device is not any more what it was planned on
    ├── SessionLost       the session ended in the middle of a change: the outcome is unknown
    └── NotHeld           there is no change to confirm or to cancel: the device has taken it back by itself, or was
                          never asked to hold it

Messages say what happened, to what, why and what to do next, and never carry a secret.
"""


class FleetError(Exception):
    """Anything this project raises on purpose."""


class InvalidInput(FleetError):
    pass


class DefinitionChanged(FleetError):
    pass


class GateClosed(FleetError):
    pass


class LedgerError(FleetError):
    pass


class LedgerAway(LedgerError):
    pass


class DevicesHeld(LedgerError):
    pass


class LeaseLost(LedgerError):
    pass


class SealError(FleetError):
    pass


class DeviceError(FleetError):
    pass


class Unreachable(DeviceError):
    pass


class LoginRefused(DeviceError):
    pass


class HostKeyRefused(DeviceError):
    pass


class Rejected(DeviceError):
    pass


class CommandFailed(DeviceError):
    pass


class NothingSent(CommandFailed):
    pass


class Moved(NothingSent):
    pass


class SessionLost(DeviceError):
    pass


class NotHeld(DeviceError):
    pass
