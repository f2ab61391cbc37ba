# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners that live for a moment, and connections to them, on loopback."""

import secrets
import socket
import threading
import time

import pytest

from plugins.module_utils._reachability import (
    Target,
    attempt,
    connect,
    open_control,
    open_listeners,
    serve,
    stop,
    targets_of,
)
from plugins.module_utils._sockets import parse_table


@pytest.fixture
def listener():
    opened, refused = open_listeners([0], socket.AF_INET)
    assert not refused
    token = secrets.token_hex(8)
    port = opened[0].getsockname()[1]
    serving = threading.Thread(target=serve, args=(opened, open_control(token), token, 20))
    serving.start()
    yield port, token
    stop(token)
    serving.join()


def target(port, token=""):
    return Target("peer", "127.0.0.1", port, f"raywright.fleet {token}" if token else "")


def test_our_listener_is_known_by_its_greeting(listener):
    port, token = listener
    assert attempt(target(port, token), 5) == "open"


def test_an_answer_with_another_token_is_another_machines(listener):
    assert attempt(target(listener[0], "other"), 5) == "another machine answers"


def test_after_its_end_a_connection_is_refused(listener):
    port, token = listener
    assert stop(token)
    assert attempt(target(port, token), 5) == "refused"
    assert not stop(token)


def test_a_listener_ends_by_itself():
    opened = open_listeners([0], socket.AF_INET)[0]
    began = time.monotonic()
    token = secrets.token_hex(8)
    serve(opened, open_control(token), token, 0.2)
    assert time.monotonic() - began < 5
    assert opened[0].fileno() == -1


def test_a_port_that_is_taken_is_told_and_the_others_are_opened(listener):
    opened, refused = open_listeners([listener[0], 0], socket.AF_INET)
    for each in opened:
        each.close()
    assert len(opened) == 1
    assert refused == {listener[0]: "Address already in use"}


def test_what_never_answers_times_out():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for unused in range(3)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            assert attempt(target(port), 0.3) == "timed out"
        finally:
            for each in waiting:
                each.close()


def test_many_targets_are_tried_and_each_has_its_outcome(listener):
    port, token = listener
    outcomes = connect([target(port, token)] * 100, 5)
    assert [each["outcome"] for each in outcomes] == ["open"] * 100
    assert connect([], 5) == []


def test_only_ports_that_we_listen_on_must_greet():
    peer = {"name": "head", "address": "192.0.2.1", "ports": [1, 2], "listening": [1], "token": "abc"}
    assert [(each.port, each.greeting) for each in targets_of([peer])] == [(1, "raywright.fleet abc"), (2, "")]


def test_sockets_are_read_as_the_kernel_lists_them():
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n"
    )
    (found,) = parse_table(table, "tcp")
    assert (found.port, found.listens, found.inode, found.loopback) == (6379, True, 4242, True)
