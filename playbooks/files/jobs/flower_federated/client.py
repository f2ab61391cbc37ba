# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flower's client: logistic regression on the data of the node that it runs on."""

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

SAMPLES = 500
STEPS = 2
RATE = 0.2

app = ClientApp()


def data(context):
    """Points of two classes; each client has more of one than of the other, and nobody sees the other's."""
    partition, of = context.node_config["partition-id"], context.node_config["num-partitions"]
    source = np.random.default_rng(partition)
    labels = (source.random(SAMPLES) < (partition + 1) / (of + 1)).astype(float)
    points = source.normal(size=(SAMPLES, 2)) + np.outer(labels * 2 - 1, [1.0, -0.5])
    return np.column_stack([np.ones(SAMPLES), points]), labels


def probability(weights, points):
    return 1 / (1 + np.exp(-points @ weights))


@app.train()
def train(message, context):
    points, labels = data(context)
    (weights,) = message.content["arrays"].to_numpy_ndarrays()
    weights = weights.copy()
    for _step in range(STEPS):
        weights -= RATE * points.T @ (probability(weights, points) - labels) / SAMPLES
    content = {"arrays": ArrayRecord([weights]), "metrics": MetricRecord({"num-examples": SAMPLES})}
    return Message(content=RecordDict(content), reply_to=message)


@app.evaluate()
def evaluate(message, context):
    points, labels = data(context)
    (weights,) = message.content["arrays"].to_numpy_ndarrays()
    right = float(np.mean((probability(weights, points) > 1 / 2) == labels))
    metrics = MetricRecord({"accuracy": right, "num-examples": SAMPLES})
    return Message(content=RecordDict({"metrics": metrics}), reply_to=message)
