# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a few metrics by the names that the real exporter gives them. The values stand for nothing."""

import http.server
import os
import re
import sys

EXPORTERS = {
    "cadvisor": {
        "port": 8080,
        "healthy": "/healthz",
        "metrics": """\
# HELP cadvisor_version_info A metric with a constant '1' value labeled by version.
# TYPE cadvisor_version_info gauge
cadvisor_version_info{cadvisorVersion="stand-in"} 1
# HELP container_last_seen Last time a container was seen by the exporter
# TYPE container_last_seen gauge
container_last_seen{id="/docker/1",image="stand-in",name="stand-in"} 1
# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed in seconds.
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{id="/docker/1",image="stand-in",name="stand-in",cpu="total"} 1
# HELP container_memory_working_set_bytes Current working set in bytes.
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{id="/docker/1",image="stand-in",name="stand-in"} 1048576
""",
    },
    "dcgm-exporter": {
        "port": 9400,
        "healthy": "/health",
        "metrics": """\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-stand-in",device="nvidia0",modelName="stand-in"} 0
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-stand-in",device="nvidia0",modelName="stand-in"} 30
# HELP DCGM_FI_DEV_FB_USED Framebuffer memory used (in MiB).
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-stand-in",device="nvidia0",modelName="stand-in"} 0
# HELP DCGM_FI_DEV_XID_ERRORS Value of the last XID error encountered.
# TYPE DCGM_FI_DEV_XID_ERRORS gauge
DCGM_FI_DEV_XID_ERRORS{gpu="0",UUID="GPU-stand-in",device="nvidia0",modelName="stand-in"} 0
""",
    },
}
EXPORTER = EXPORTERS[os.environ["EXPORTER"]]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {"/metrics": EXPORTER["metrics"], EXPORTER["healthy"]: "ok\n"}
        body = pages.get(self.path, "not found\n").encode()
        self.send_response(200 if self.path in pages else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        del args


def listen_address() -> tuple[str, int]:
    """Where the real one's options say: cAdvisor's -port and -listen_ip, DCGM exporter's -a or its environment."""
    options = " ".join(sys.argv[1:])
    address = os.environ.get("DCGM_EXPORTER_LISTEN", "")
    if found := re.search(r"(?:^| )(?:-a|--address)[ =](\S+)", options):
        address = found[1]
    host, unused, port = address.rpartition(":")
    del unused
    if found := re.search(r"-listen_ip[ =](\S+)", options):
        host = found[1]
    if found := re.search(r"-port[ =](\d+)", options):
        port = found[1]
    return host, int(port or EXPORTER["port"])


http.server.ThreadingHTTPServer(listen_address(), Handler).serve_forever()
