# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import time
import urllib.request

import pytest

RECEIVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/run/notified", "a") as notified:
            for alert in body["alerts"]:
                print(alert["labels"]["alertname"], alert["labels"]["node"], file=notified, flush=True)
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 18080), Handler).serve_forever()
"""


def address(host):
    return host.interface("eth0").addresses[0]


def url(host, path):
    return f"http://{address(host)}:9093/api/v2/{path}"


@pytest.fixture
def receiver(host):
    host.check_output("rm -f /run/notified")
    host.check_output("systemd-run --unit=receiver python3 -c %s", RECEIVER)
    yield
    host.check_output("systemctl stop receiver")


def raise_alerts(host, *alerts):
    body = json.dumps([{"labels": {"severity": "critical", "cluster": "ray"} | alert} for alert in alerts]).encode()
    request = urllib.request.Request(url(host, "alerts"), data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10):
        pass


def notified(host):
    return set(host.run("cat /run/notified").stdout.splitlines())


def test_a_host_that_is_down_mutes_what_else_is_said_of_it(host, receiver):
    raise_alerts(host, {"alertname": "HostDown", "node": "worker1"})
    raise_alerts(
        host,
        {"alertname": "RayNodeDown", "node": "worker1"},
        {"alertname": "RayNodeDown", "node": "worker2"},
    )

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(notified(host)) < 2:
        time.sleep(1)

    assert notified(host) == {"HostDown worker1", "RayNodeDown worker2"}
    with urllib.request.urlopen(url(host, "alerts?inhibited=true&active=false"), timeout=10) as answer:
        muted = [alert["labels"]["alertname"] for alert in json.load(answer)]
    assert muted == ["RayNodeDown"]


def test_it_listens_on_the_address_of_the_node_only_and_its_cluster_port_is_off(host):
    assert host.socket(f"tcp://{address(host)}:9093").is_listening
    assert not host.socket("tcp://127.0.0.1:9093").is_listening
    assert not any(":9094" in line for line in host.socket.get_listening_sockets())


def test_only_alertmanager_reads_its_secrets(host):
    for path in ("/etc/prometheus/alertmanager.yml", "/etc/prometheus/alertmanager_secrets/token"):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)
