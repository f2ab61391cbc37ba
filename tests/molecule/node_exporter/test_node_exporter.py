# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later

import urllib.request


def address(host):
    return host.interface("eth0").addresses[0]


def test_it_serves_the_metrics_of_the_host_and_of_systemd(host):
    with urllib.request.urlopen(f"http://{address(host)}:9100/metrics", timeout=10) as answer:
        text = answer.read().decode()

    assert "node_memory_MemAvailable_bytes" in text
    assert "node_systemd_unit_state" in text


def test_it_listens_on_the_address_of_the_node_only(host):
    assert host.socket(f"tcp://{address(host)}:9100").is_listening
    assert not host.socket("tcp://127.0.0.1:9100").is_listening


def test_it_starts_with_the_host(host):
    assert host.service("prometheus-node-exporter").is_enabled
