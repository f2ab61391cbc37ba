#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as Grafana would, from grafana.ini and the provisioning files. There is no page to look at."""

import base64
import configparser
import hmac
import http.server
import json
import os
import re
import ssl
import sys
from pathlib import Path
from typing import ClassVar

import yaml

VERSION = "12.3.0"


class Settings:
    """grafana.ini, overruled by GF_<SECTION>_<KEY>; $__file{} and $__env{} are resolved."""

    def __init__(self, path: str) -> None:
        self.parser = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes=("#", ";"))
        self.parser.read_string("[global]\n" + Path(path).read_text(encoding="utf-8"))

    def get(self, section: str, key: str, default: str) -> str:
        value = os.environ.get(f"GF_{section}_{key}".upper().replace(".", "_").replace("-", "_"))
        if value is None:
            value = self.parser.get(section, key, fallback=default)
        value = re.sub(r"\$__file\{([^}]+)\}", lambda found: Path(found[1]).read_text(encoding="utf-8").strip(), value)
        return re.sub(r"\$__env\{([^}]+)\}", lambda found: os.environ.get(found[1], ""), value).strip().strip('"')


class Password:
    """The administrator's: as with the real one, that of the configuration counts for a new database alone."""

    FILE = Path("/var/lib/grafana/stand-in.password")

    def read(self) -> str:
        return self.FILE.read_text(encoding="utf-8")

    def write(self, password: str) -> None:
        self.FILE.touch(mode=0o600)
        self.FILE.write_text(password, encoding="utf-8")

    def begin(self, settings: Settings) -> None:
        if not self.FILE.exists():
            self.write(settings.get("security", "admin_password", "admin"))


class Provisioning:
    def __init__(self, settings: Settings) -> None:
        self.root = Path(settings.get("paths", "provisioning", "/etc/grafana/provisioning"))

    def _entries(self, kind: str, key: str) -> list[dict]:
        files = sorted(file for suffix in ("yml", "yaml") for file in (self.root / kind).glob(f"*.{suffix}"))
        return [
            entry for file in files for entry in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get(key) or []
        ]

    def datasources(self) -> list[dict]:
        hidden = {"secureJsonData"}
        return [
            {"id": number, **{key: value for key, value in entry.items() if key not in hidden}}
            for number, entry in enumerate(self._entries("datasources", "datasources"), 1)
        ]

    def dashboards(self) -> list[dict]:
        found = []
        for provider in self._entries("dashboards", "providers"):
            for file in sorted(Path(provider["options"]["path"]).rglob("*.json")):
                dashboard = json.loads(file.read_text(encoding="utf-8"))
                found.append(
                    {
                        "uid": dashboard.get("uid", file.stem),
                        "title": dashboard["title"],
                        "type": "dash-db",
                        "folderTitle": provider.get("folder", ""),
                        "tags": dashboard.get("tags", []),
                        "dashboard": dashboard,
                    }
                )
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    settings: Settings
    provisioning: Provisioning

    def authorized(self) -> bool:
        user = self.settings.get("security", "admin_user", "admin")
        password = Password().read()
        wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), wanted.encode())

    def health(self) -> object:
        return {"database": "ok", "version": VERSION, "commit": "stand-in"}

    def page(self) -> object:
        return "stand-in for Grafana"

    def datasources(self) -> object:
        return self.provisioning.datasources()

    def datasource(self, key: str, value: str) -> object:
        return next((source for source in self.provisioning.datasources() if source.get(key) == value), None)

    def datasource_health(self, uid: str) -> object:
        return self.datasource("uid", uid) and {"status": "OK", "message": "stand-in: not asked"}

    def search(self) -> object:
        return [{key: item[key] for key in item if key != "dashboard"} for item in self.provisioning.dashboards()]

    def dashboard(self, uid: str) -> object:
        found = next((item["dashboard"] for item in self.provisioning.dashboards() if item["uid"] == uid), None)
        return found and {"dashboard": found, "meta": {"provisioned": True}}

    def organisation(self) -> object:
        return {"id": 1, "name": "Main Org."}

    OPEN: ClassVar = {r"/api/health": health, r"|/login": page}
    CLOSED: ClassVar = {
        r"/api/datasources": datasources,
        r"/api/datasources/(uid|name)/([^/]+)": datasource,
        r"/api/datasources/uid/([^/]+)/health": datasource_health,
        r"/api/search": search,
        r"/api/dashboards/uid/([^/]+)": dashboard,
        r"/api/org": organisation,
    }

    def answer(self) -> tuple[int, object]:
        path = self.path.partition("?")[0].rstrip("/")
        for pattern, content in {**self.OPEN, **self.CLOSED}.items():
            if found := re.fullmatch(pattern, path):
                if pattern in self.CLOSED and not self.authorized():
                    return 401, {"message": "Unauthorized"}
                body = content(self, *found.groups())
                return (404, {"message": "Not found"}) if body is None else (200, body)
        return 404, {"message": "Not found"}

    def do_GET(self) -> None:
        status, content = self.answer()
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(config: str) -> None:
    settings = Settings(config)
    Handler.settings, Handler.provisioning = settings, Provisioning(settings)
    Password().begin(settings)
    # What the real one refuses to start on, refuses here too.
    Handler.provisioning.datasources()
    Handler.provisioning.dashboards()
    address = settings.get("server", "http_addr", ""), int(settings.get("server", "http_port", "3000"))
    server = http.server.ThreadingHTTPServer(address, Handler)
    if settings.get("server", "protocol", "http") == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.get("server", "cert_file", ""), settings.get("server", "cert_key", ""))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def main() -> None:
    arguments = sys.argv[1:]
    if "-v" in arguments or "--version" in arguments:
        print(f"grafana version {VERSION} (stand-in)")
    elif arguments[:1] == ["server"]:
        configs = [argument.partition("=")[2] for argument in arguments if argument.startswith("--config=")]
        serve(configs[0] if configs else "/etc/grafana/grafana.ini")
    elif "reset-admin-password" in arguments:
        Password().write(sys.stdin.readline().rstrip("\n") if "--password-from-stdin" in arguments else arguments[-1])
    else:
        sys.exit("stand-in for Grafana: only 'server', 'cli admin reset-admin-password' and '--version' are here")


main()
