# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a NETCONF subsystem that gets the client's hello only together with what follows it: argv is its command."""

import os
import subprocess
import sys


def main() -> None:
    held = b""
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, bufsize=0) as subsystem:
        while got := os.read(0, 65536):
            held += got
            if held.partition(b"]]>]]>")[2]:
                subsystem.stdin.write(held)
                break
        while got := os.read(0, 65536):
            subsystem.stdin.write(got)


if __name__ == "__main__":
    main()
