# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down, twice a second, which nodes of the cluster are alive: watch.py DASHBOARD TOKEN_FILE."""

import json
import sys
import time
import urllib.request
from pathlib import Path

request = urllib.request.Request(f"{sys.argv[1]}/nodes?view=summary")
request.add_header("Authorization", f"Bearer {Path(sys.argv[2]).read_text().strip()}")
while True:
    with urllib.request.urlopen(request, timeout=30) as answer:
        nodes = json.load(answer)["data"]["summary"]
    alive = sorted({node["raylet"]["nodeName"] for node in nodes if node["raylet"]["state"] == "ALIVE"})
    print(json.dumps(alive), flush=True)
    time.sleep(0.5)
