# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the embedded fleet: ``python -m engine.embedded --devices 200 --state DIR``.

Real SSH servers on loopback, one address a device, that behave like a router's command line. A fake, and it says so:
it keeps configurations and derives sessions and routes from them, and forwards nothing.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from pathlib import Path

from ..errors import InvalidInput
from .dialects import DIALECTS, PLAIN
from .running import printed_inventory, serving


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine.embedded", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--devices", type=int, default=200, help="how many routers (default: %(default)s)")
    parser.add_argument("--state", type=Path, required=True, help="directory of keys, configurations and inventory")
    parser.add_argument("--base-address", default="127.64.0.1", help="first device's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=2222, help="port of every device; 0: a free one")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="delay of every answer")
    parser.add_argument(
        "--dialects",
        type=lambda text: tuple(text.split(",")),
        default=(PLAIN,),
        help=f"command lines that the routers speak in turn, of {', '.join(DIALECTS)} (default: {PLAIN})",
    )
    parser.add_argument("--reset", action="store_true", help="discard the routers' configurations first")
    parser.add_argument("--inventory", action="store_true", help="print the inventory and end")
    return parser.parse_args()


def main() -> int:
    options = _arguments()
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    try:
        if options.inventory:
            data = printed_inventory(
                options.state,
                devices=options.devices,
                base_address=options.base_address,
                port=options.port,
                dialects=options.dialects,
            )
            sys.stdout.write(json.dumps(data, indent=1) + "\n")
        else:
            asyncio.run(_serve(options))
    except InvalidInput as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


async def _serve(options: argparse.Namespace) -> None:
    async with serving(
        options.state,
        devices=options.devices,
        base_address=options.base_address,
        port=options.port,
        latency=options.latency,
        reset=options.reset,
        dialects=options.dialects,
    ) as fleet:
        sys.stdout.write(f"{len(fleet.nodes)} routers on port {fleet.port}; inventory: {options.state / 'inventory'}\n")
        sys.stdout.flush()
        await _until_unwanted(fleet.state.server)


async def _until_unwanted(note: Path) -> None:
    """Wait for a signal, or for somebody to remove the directory: a fleet that nobody can find must not live on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while note.exists() and not stop.is_set():  # noqa: ASYNC240 - one stat a second
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=1)


if __name__ == "__main__":
    sys.exit(main())
