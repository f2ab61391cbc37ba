# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as one of its nodes sees the head."""

import pytest

testinfra_hosts = ["ansible://worker1"]


def test_dashboard_answers_a_peer_with_the_token(addresses, fetch):
    assert fetch(f"http://{addresses['head']}:8265/api/version", token_file="/etc/ray/token")[0] == 200


def test_dashboard_refuses_a_peer_without_the_token(addresses, fetch):
    assert fetch(f"http://{addresses['head']}:8265/api/version")[0] == 401


@pytest.mark.parametrize("path", ["api/jobs/", "nodes?view=summary", "api/v0/tasks"])
def test_nothing_of_the_state_is_shown_without_the_token(addresses, fetch, path):
    assert fetch(f"http://{addresses['head']}:8265/{path}")[0] == 401


def test_dashboard_refuses_a_wrong_token(host, addresses, fetch):
    host.check_output("echo 0123456789abcdef0123456789abcdef >/run/wrong.token")
    assert fetch(f"http://{addresses['head']}:8265/api/version", token_file="/run/wrong.token")[0] == 403
