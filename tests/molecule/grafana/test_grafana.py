# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package is a stand-in, which reads the configuration as Grafana would."""

import json
import urllib.error
import urllib.request

import pytest

DASHBOARDS = {"raywright-cluster", "raywright-jobs", "raywright-nodes", "raywright-gpus"}


def get(host, path, user=None, password=None):
    address = host.interface("eth0").addresses[0]
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    manager.add_password(None, f"http://{address}:3000/", user, password, is_authenticated=user is not None)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    with opener.open(f"http://{address}:3000/api/{path}", timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def password(host):
    return host.file("/etc/grafana/raywright_admin_password").content_string


def test_it_answers(host):
    assert get(host, "health")["database"] == "ok"


@pytest.mark.parametrize("login", [(None, None), ("admin", "admin"), ("admin", "")])
def test_nobody_gets_in_without_the_password(host, login):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(host, "org", *login)


def test_the_dashboards_and_the_data_source_are_there(host, password):
    found = {dashboard["uid"] for dashboard in get(host, "search", "admin", password)}

    assert found == DASHBOARDS
    assert get(host, "datasources/uid/raywright-prometheus", "admin", password)["type"] == "prometheus"


def test_only_grafana_reads_its_secrets(host):
    for name in ("raywright_admin_password", "raywright_secret_key", "grafana.ini"):
        file = host.file(f"/etc/grafana/{name}")
        assert (file.user, file.group, file.mode) == ("root", "grafana", 0o640), name


def test_the_password_is_in_no_command_line_and_no_unit(host, password):
    assert len(password) >= 20
    assert password not in host.check_output("ps -eo args; systemctl show grafana-server")
    assert password not in host.file("/etc/grafana/grafana.ini").content_string
