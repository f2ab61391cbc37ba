# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network devices by their command line: one driver for each platform, on the same few parts.

==============  ========================================================================================
``platform``    what tells one command line from another
``shell``       a terminal, prompt by prompt
``session``     what all have in common
``lines``       platforms without a candidate, with ``tree`` and ``rules`` on hier_config
``candidate``   platforms with one
``ios`` ...     the platforms
==============  ========================================================================================

The transport is asyncssh, as for every other driver, and not scrapli 2, whose platform definitions are used: measured
on the same 200 embedded routers, 100 in flight, scrapli took 115 ms of CPU and 133 MB where this took 24 ms and 49 MB;
it does not check host keys by default, reads known hosts from files only, and bounds neither output nor memory.
"""

from . import eos, ios, iosxr, junos, nxos, vtysh

DRIVERS = (*ios.DRIVERS, *nxos.DRIVERS, *junos.DRIVERS, *eos.DRIVERS, *iosxr.DRIVERS, *vtysh.DRIVERS)
