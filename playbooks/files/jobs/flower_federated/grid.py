# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of Flower's messages from its strategy to its clients: an actor on every worker node of a Ray cluster."""

import secrets
import socket
import time
import uuid

import ray
from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

RUN_ID = secrets.randbelow(2**31)
START_SECONDS = 900


@ray.remote(num_cpus=1, max_restarts=0)
class Client:
    """One client, with a state that lasts from round to round."""

    def __init__(self, app, node_id, partition, partitions):
        self._app = app
        config = {"partition-id": partition, "num-partitions": partitions}
        self._context = Context(run_id=RUN_ID, node_id=node_id, node_config=config, state=RecordDict(), run_config={})

    def ready(self):
        return True

    def answer(self, message):
        return socket.gethostname(), self._app(message, self._context)


class RayGrid(Grid):
    """Flower's view of the cluster: its nodes are the living worker nodes; the head takes no part."""

    def __init__(self, app):
        workers = [
            node["NodeID"]
            for node in sorted(ray.nodes(), key=lambda node: node["NodeManagerAddress"])
            if node["Alive"] and "node:__internal_head__" not in node["Resources"]
        ]
        self._run = None
        # What Flower's own server tells a process that it starts; part of Flower 1.41, and no public name.
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, RUN_ID, 0
        self._clients = {
            number: Client.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False)).remote(
                app, number, number - 1, len(workers)
            )
            for number, node in enumerate(workers, 1)
        }
        started = [client.ready.remote() for client in self._clients.values()]
        # The nodes may have packages to install first, which is no part of a round.
        _ready, late = ray.wait(started, num_returns=len(started), timeout=START_SECONDS) if started else ([], [])
        if late:
            raise SystemExit(f"{len(late)} of {len(started)} clients did not start in {START_SECONDS} s")
        self._waiting = {}
        self.served = {}
        """How many messages each machine has answered."""

    def set_run(self, run):
        self._run = run

    @property
    def run(self):
        return self._run

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None):
        return Message(content=content, message_type=message_type, dst_node_id=dst_node_id, group_id=group_id, ttl=ttl)

    def get_node_ids(self):
        return list(self._clients)

    def push_messages(self, messages):
        names = []
        for message in messages:
            name = uuid.uuid4().hex
            metadata = message.metadata
            # What Flower's own server fills in on the way.
            metadata.__dict__["_message_id"] = name
            self._waiting[name] = self._clients[metadata.dst_node_id].answer.remote(message)
            names.append(name)
        return names

    def pull_messages(self, message_ids):
        asked = {self._waiting[name]: name for name in message_ids if name in self._waiting}
        ready, _busy = ray.wait(list(asked), num_returns=len(asked), timeout=0) if asked else ([], [])
        return [reply for answer in ready if (reply := self._take(asked[answer])) is not None]

    def _take(self, name):
        try:
            machine, reply = ray.get(self._waiting.pop(name))
        except RayError as exc:
            # The strategy goes on with those that answer.
            print(f"a client is lost: {str(exc).splitlines()[0]}", flush=True)
            return None
        self.served[machine] = self.served.get(machine, 0) + 1
        return reply

    def send_and_receive(self, messages, *, timeout=None):
        names = set(self.push_messages(messages))
        deadline = None if timeout is None else time.monotonic() + timeout
        replies = []
        while waiting := names & set(self._waiting):
            answers = [self._waiting[name] for name in waiting]
            ray.wait(answers, num_returns=1, timeout=1)
            replies += self.pull_messages(waiting)
            if deadline and time.monotonic() > deadline:
                break
        return replies
