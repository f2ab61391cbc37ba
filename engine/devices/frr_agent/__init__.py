# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the router while a change is computed or made. Standard library, Python 3.9; sent with each exchange.

Why a program and not ``frr-reload.py --reload``: that puts every line it deletes, BGP passwords included, on a command
line that all users of the router can read; it saves the result by itself; its exit status is 1 for changes that came
out right and 0 for some that did not; and it leaves a refused change half made. Its ``--test``, which knows how to get
from one FRR configuration to another, is used as it is.

A change runs to its end once it has begun: FRR has no transaction, so half a change is the worst of all ends. The
program reads its whole input first, then detaches from the SSH session that may be cut, and holds the router's lock
until it is done; whoever reads the router next waits for that lock.

FRR has no confirmed commit either. A change that is to be held gets a process of its own on the router (``timer``),
made before the change, which needs neither session nor network and puts back what was when its time is over. What it
needs for that, the configurations of before, lies in memory, readable by this account alone, and is gone with it; so
a reboot ends a hold, and brings back what is saved, which a held change is not before it is confirmed.

The modules run as the package that they are here. Each is compiled when something of it is first used, so one that
is not always needed is imported as a module, and the names in it are not taken out of it.
"""

SENT = ("router", "workspace", "convergence", "order", "memory", "restoring", "held", "timer", "hold", "main")
"""The modules that make up the program."""
