# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
r"""A sweep of Ray Tune over a whole cluster: trials of a small model, the poor ones ended early (ASHA).

    ansible-playbook raywright.fleet.job -e job_address=http://HEAD:8265 -e job_working_dir=ray_tune_sweep \
      -e "job_entrypoint='python sweep.py --trials 12'" -e '{"job_pip": ["ray[tune]==2.60.0"]}'

Without ``job_pip`` where the nodes have Tune already (``ray_node_extras: [default, tune]``). The version is the
cluster's.
"""

import argparse
import json
import math
import random
import socket
import time
from collections import Counter

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SAMPLES = 400
TRUE = (1.5, -2.0, 0.75)
DIVERGED = 1e6


def data(seed):
    """Points of a noisy line in two dimensions, the same wherever they are made."""
    source = random.Random(seed)
    points = [(1.0, source.uniform(-1, 1), source.uniform(-1, 1)) for _sample in range(SAMPLES)]
    return [(x, predicted(TRUE, x) + source.gauss(0, 0.1)) for x in points]


def loss(weights, rows):
    return sum((predicted(weights, x) - y) ** 2 for x, y in rows) / len(rows)


def predicted(weights, x):
    return sum(weight * value for weight, value in zip(weights, x, strict=True))


def train(config):
    """One trial: stochastic gradient descent, reporting after every epoch."""
    rows, held_back = data(seed=1), data(seed=2)
    weights, speed = [0.0] * len(TRUE), [0.0] * len(TRUE)
    order = random.Random(0)
    for _epoch in range(config["epochs"]):
        order.shuffle(rows)
        for x, y in rows:
            error = predicted(weights, x) - y
            for place, value in enumerate(x):
                speed[place] = config["momentum"] * speed[place] - config["rate"] * 2 * error * value
                weights[place] += speed[place]
        if not math.isfinite(weights[0]) or abs(weights[0]) > DIVERGED:
            tune.report({"loss": DIVERGED, "node": socket.gethostname()})
            return
        # A real model is busy here.
        time.sleep(config["pause"])
        tune.report({"loss": loss(weights, held_back), "node": socket.gethostname()})


@ray.remote(num_cpus=0)
def present():
    return socket.gethostname()


def prepare():
    """Have every node install what the job brings, so that none is done before the others can begin."""
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    here = [NodeAffinitySchedulingStrategy(node_id=node, soft=False) for node in nodes]
    ray.get([present.options(scheduling_strategy=place).remote() for place in here])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds that an epoch takes beside its arithmetic")
    options = parser.parse_args()
    ray.init(address="auto")
    prepare()
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={
            "rate": tune.loguniform(1e-5, 1.0),
            "momentum": tune.uniform(0.0, 0.95),
            "epochs": options.epochs,
            "pause": options.pause,
        },
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=options.trials,
            scheduler=ASHAScheduler(max_t=options.epochs, grace_period=2),
        ),
        run_config=tune.RunConfig(verbose=1),
    )
    results = tuner.fit()
    best = results.get_best_result()
    nodes = Counter(result.metrics["node"] for result in results if result.metrics and "node" in result.metrics)
    summary = {
        "trials": len(results),
        "errors": results.num_errors,
        "trials_by_node": dict(nodes),
        "best": {name: best.config[name] for name in ("rate", "momentum")},
        "loss": best.metrics["loss"],
    }
    print(f"RESULT {json.dumps(summary)}", flush=True)
    if results.num_errors:
        raise SystemExit(f"{results.num_errors} of {len(results)} trials failed")


if __name__ == "__main__":
    main()
