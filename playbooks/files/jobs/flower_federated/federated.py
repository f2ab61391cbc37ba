# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Federated learning with Flower on a Ray cluster: one client on every worker node, whose data never leave it.

    ansible-playbook raywright.fleet.job -e job_address=http://HEAD:8265 -e job_working_dir=flower_federated \
      -e "job_entrypoint='python federated.py --rounds 5'" -e '{"job_pip": ["flwr==1.41.0"]}'

Flower's strategy (FedAvg) runs in the job; its messages go to the clients through Ray, under Ray's authentication and
TLS, so no port of Flower's own is open. Not ``flwr[simulation]``: that pins another Ray than the cluster's.
"""

import argparse
import json
import socket

import numpy as np
import ray
from client import app
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import FedAvg
from grid import RayGrid


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=2, help="fewest clients, each on a node of its own")
    options = parser.parse_args()
    ray.init(address="auto")
    grid = RayGrid(app)
    nodes = list(grid.get_node_ids())
    if len(nodes) < options.clients:
        raise SystemExit(f"{len(nodes)} worker nodes are alive, --clients asks for {options.clients}")
    result = FedAvg(min_available_nodes=len(nodes), fraction_evaluate=1.0).start(
        grid=grid, initial_arrays=ArrayRecord([np.zeros(3)]), num_rounds=options.rounds, timeout=300
    )
    metrics = {number: dict(record) for number, record in result.evaluate_metrics_clientapp.items()}
    summary = {
        "driver": socket.gethostname(),
        "clients": grid.served,
        "rounds": options.rounds,
        "accuracy": {number: round(float(record["accuracy"]), 4) for number, record in metrics.items()},
    }
    print(f"RESULT {json.dumps(summary)}", flush=True)
    if len(grid.served) < options.clients or not metrics:
        raise SystemExit("not every client took part")


if __name__ == "__main__":
    main()
