# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX, which cannot run here: as much of its REST API as awx.awx and awx_decision.yml ask, in memory.

It keeps to what AWX does where that matters to us: secrets come back as ``$encrypted$``, a credential type may not set
``ANSIBLE_*``, a job template takes only playbooks of its project and one credential of a type, what is still in use is
not deleted, and every question needs the token.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ENCRYPTED = "$encrypted$"
ROOT = "/api/v2/"
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", "workflow_approval_templates")
LINKS = ("success_nodes", "failure_nodes", "always_nodes")
INTEGERS = ("timeout", "forks")
SURVEY_KEYS = {"type", "question_name", "variable", "required"}


class Refused(Exception):
    def __init__(self, status: int, **detail: Any) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass
class Awx:
    """The objects, by the API's plural names. ``writes`` is every change that was asked for, project updates aside."""

    playbooks: set[str] = field(default_factory=set)
    token: str = "not-a-token-of-anybody"
    url: str = ""
    writes: list[str] = field(default_factory=list)
    tables: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    links: dict[tuple[str, int, str], list[int]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    """Ready answers by path below the API's root: workflow jobs and approvals, which a test makes."""

    def __post_init__(self) -> None:
        self._ids = iter(range(1, 100_000))
        self.add("organizations", name="Default")
        names = "host", "username", "password", "oauth_token", "verify_ssl"
        fields = [{"id": name, "secret": name in ("password", "oauth_token")} for name in names]
        self.add(
            "credential_types", name="Red Hat Ansible Automation Platform", inputs={"fields": fields}, managed=True
        )

    # What a test looks at.

    def names(self, table: str) -> set[str]:
        return {item.get("name") or item["identifier"] for item in self.tables.get(table, {}).values()}

    def one(self, table: str, name: str) -> dict[str, Any]:
        return next(item for item in self.tables[table].values() if name in (item.get("name"), item.get("identifier")))

    def linked(self, table: str, item: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        other = "workflow_job_template_nodes" if kind in LINKS else kind
        return [self.tables[other][number] for number in self.links.get((table, item["id"], kind), [])]

    def add(self, table: str, **fields: Any) -> dict[str, Any]:
        number = next(self._ids)
        item = {"id": number, "type": table.removesuffix("s"), "url": f"{ROOT}{table}/{number}/", **fields}
        self.tables.setdefault(table, {})[number] = item
        return item

    # What the API does.

    def admit(self, authorization: str | None) -> None:
        if authorization != f"Bearer {self.token}":
            raise Refused(401, detail="Authentication credentials were not provided.")

    def get(self, path: str, query: dict[str, str]) -> Any:
        if path in self.answers:
            return self.answers[path]
        table, number, rest = _split(path)
        if number is None:
            return self._list(table, query)
        if table == "project_updates":
            finished = {"status": "successful", "failed": False, "finished": "now", "event_processing_finished": True}
            return {"id": number, "scm_revision": "1", **finished}
        item = self._item(table, number)
        if rest is None:
            return self._shown(table, item)
        if rest == "survey_spec":
            return item.get("survey_spec", {})
        if table not in ("workflow_job_template_nodes", "job_templates", "roles") and rest in LINKS:
            raise Refused(404)
        found = [{"id": other} for other in self.links.get((table, number, rest), [])]
        return {"count": len(found), "next": None, "results": found}

    def post(self, path: str, data: dict[str, Any]) -> tuple[int, Any]:
        table, number, rest = _split(path)
        if rest == "update":
            return 202, {"url": f"{ROOT}project_updates/{next(self._ids)}/"}
        self.writes.append(f"POST {path}")
        if number is None:
            self._check(table, data)
            if any(self._same(table, data, item) for item in self.tables.get(table, {}).values()):
                raise Refused(400, __all__=[f"{table} with this name already exists."])
            item = self.add(table, **{key: _typed(key, value) for key, value in data.items() if key != "type"})
            return 201, self._shown(table, item)
        item = self._item(table, number) if table != "roles" else {}
        if rest == "survey_spec":
            if any(not question.keys() >= SURVEY_KEYS for question in data["spec"]):
                raise Refused(400, error="a question lacks a key")
            item["survey_spec"] = data
            return 200, {}
        if rest == "create_approval_template":
            template = self.add(
                "workflow_approval_templates", **{key: _typed(key, value) for key, value in data.items()}
            )
            item["unified_job_template"] = template["id"]
            return 201, template
        assert rest is not None
        return self._associate(table, number, rest, data)

    def _associate(self, table: str, number: int, rest: str, data: dict[str, Any]) -> tuple[int, Any]:
        found = self.links.setdefault((table, number, rest), [])
        if data.get("disassociate"):
            found.remove(data["id"])
            return 204, None
        if rest == "credentials":
            types = [self.tables["credentials"][other]["credential_type"] for other in [*found, data["id"]]]
            if len(types) != len(set(types)):
                raise Refused(400, detail="Cannot assign multiple credentials of the same type.")
        found.append(data["id"])
        return 204, None

    def patch(self, path: str, data: dict[str, Any]) -> Any:
        self.writes.append(f"PATCH {path}")
        table, number, _rest = _split(path)
        assert number is not None
        self._check(table, data)
        item = self._item(table, number)
        item.update({key: _typed(key, value) for key, value in data.items() if key != "type"})
        return self._shown(table, item)

    def delete(self, path: str) -> int:
        self.writes.append(f"DELETE {path}")
        table, number, _rest = _split(path)
        assert number is not None
        self._item(table, number)
        if table == "credential_types" and any(
            each["credential_type"] == number for each in self.tables["credentials"].values()
        ):
            raise Refused(403, detail="Deletion not allowed for credential types in use")
        del self.tables[table][number]
        if table == "workflow_job_templates":
            for node in [n for n in self._nodes() if n["workflow_job_template"] == number]:
                del self.tables["workflow_job_template_nodes"][node["id"]]
                self.tables.get("workflow_approval_templates", {}).pop(node.get("unified_job_template"), None)
        if table == "inventories":
            sources = self.tables.get("inventory_sources", {})
            for source in [each for each in sources.values() if each["inventory"] == number]:
                del sources[source["id"]]
            return 202
        return 204

    def _nodes(self) -> list[dict[str, Any]]:
        return list(self.tables.get("workflow_job_template_nodes", {}).values())

    def _item(self, table: str, number: int) -> dict[str, Any]:
        try:
            return self.tables[table][number]
        except KeyError:
            raise Refused(404) from None

    def _list(self, table: str, query: dict[str, str]) -> Any:
        tables = UNIFIED if table == "unified_job_templates" else (table,)
        items = [(name, item) for name in tables for item in self.tables.get(name, {}).values()]
        either = {key.removeprefix("or__"): value for key, value in query.items() if key.startswith("or__")}
        every = {key: value for key, value in query.items() if not key.startswith("or__") and key != "page_size"}
        found = [
            self._shown(name, item)
            for name, item in items
            if all(str(item.get(key)) == value for key, value in every.items())
            and (not either or any(str(item.get(key)) == value for key, value in either.items()))
        ]
        return {"count": len(found), "next": None, "results": found}

    def _shown(self, table: str, item: dict[str, Any]) -> dict[str, Any]:
        shown = {"related": {}, "summary_fields": {}, **item}
        if table in ("job_templates", "workflow_job_templates"):
            shown["related"] = {"survey_spec": f"{item['url']}survey_spec/"}
        if table == "workflow_job_templates":
            shown["summary_fields"] = {"object_roles": {"approval_role": {"id": item["id"]}}}
        if table == "projects":
            shown |= {"scm_revision": "1", "related": {"update": f"{item['url']}update/"}}
        if table == "workflow_job_template_nodes" and (number := item.get("unified_job_template")):
            owner = next(name for name in UNIFIED if number in self.tables.get(name, {}))
            shown["related"] = {"unified_job_template": f"{ROOT}{owner}/{number}/"}
        if table == "credentials":
            fields = self.tables["credential_types"][item["credential_type"]]["inputs"]["fields"]
            secret = {each["id"] for each in fields if each.get("secret")}
            shown["inputs"] = {key: ENCRYPTED if key in secret else value for key, value in item["inputs"].items()}
        return shown

    def _check(self, table: str, data: dict[str, Any]) -> None:
        if table == "credential_types":
            for name in data.get("injectors", {}).get("env", {}):
                if name.startswith("ANSIBLE_"):
                    raise Refused(400, injectors=[f"{name} is reserved"])
        if table == "credentials" and "inputs" in data:
            definition = self.tables["credential_types"][data["credential_type"]]["inputs"]
            wrong = data["inputs"].keys() - {each["id"] for each in definition["fields"]}
            wrong |= set(definition.get("required", [])) - data["inputs"].keys()
            wrong |= {key for key, value in data["inputs"].items() if value == ""}
            if wrong:
                raise Refused(400, inputs=sorted(wrong))
        if table == "job_templates" and data.get("playbook", next(iter(self.playbooks), "")) not in self.playbooks:
            raise Refused(400, playbook=[f"Playbook {data['playbook']} not found for project."])

    @staticmethod
    def _same(table: str, data: dict[str, Any], item: dict[str, Any]) -> bool:
        name = "identifier" if table == "workflow_job_template_nodes" else "name"
        also = {"credentials": "credential_type", "workflow_job_template_nodes": "workflow_job_template"}.get(
            table, name
        )
        return data.get(name) == item.get(name) and data.get(also) == item.get(also)


def _typed(key: str, value: Any) -> Any:
    return int(value) if key in INTEGERS else value


def _split(path: str) -> tuple[str, int | None, str | None]:
    found = re.fullmatch(r"(\w+)/(?:(\d+)/(?:(\w+)/)?)?", path)
    if not found:
        raise Refused(404)
    return found[1], int(found[2]) if found[2] else None, found[3]


def _handler(awx: Awx) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(length) or b"{}")
            try:
                awx.admit(self.headers.get("Authorization"))
                address = urlsplit(self.path)
                path = address.path.removeprefix(ROOT)
                status, body = 200, None
                if self.command == "GET":
                    body = awx.get(path, dict(parse_qsl(address.query)))
                elif self.command == "POST":
                    status, body = awx.post(path, data)
                elif self.command == "PATCH":
                    body = awx.patch(path, data)
                else:
                    status = awx.delete(path)
            except Refused as refusal:
                status, body = refusal.status, refusal.detail
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the base class names them

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


@contextmanager
def running(playbooks: set[str]) -> Iterator[Awx]:
    """Serve an empty AWX, whose every project holds ``playbooks``, on a free port of the loopback."""
    awx = Awx(playbooks=playbooks)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(awx))
    awx.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield awx
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
