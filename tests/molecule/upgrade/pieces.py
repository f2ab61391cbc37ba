# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that has pieces of work done on all nodes until a file says that it is enough, and insists on every result."""

import sys
import time
from pathlib import Path

import ray

enough = Path(sys.argv[1])


@ray.remote(num_cpus=1)
def piece(number: int) -> tuple[int, str]:
    time.sleep(1)
    return number, ray.util.get_node_ip_address()


def main() -> None:
    ray.init()
    nodes: set[str] = set()
    done = 0
    while not enough.exists():
        results = ray.get([piece.remote(done + number) for number in range(12)])
        if [number for number, unused in results] != list(range(done, done + 12)):
            sys.exit(f"pieces are missing or wrong: {results}")
        nodes |= {node for unused, node in results}
        done += 12
        print(f"{done} pieces", flush=True)
    print(f"all {done} pieces, on {' '.join(sorted(nodes))}")


main()
