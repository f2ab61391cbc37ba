# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""config_render as ansible-playbook runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = [f"leaf-{number}" for number in range(1, 9)]

TEMPLATE = """#jinja2: lstrip_blocks: True
{% extends 'base.j2' %}
{% import 'macros.j2' as macros %}
{% block body %}
{# {{ ansible_managed }} #}
{{ ansible_managed }} {{ template_path | basename }} {{ in_play }} {{ in_task }}
  {% if number is divisibleby(2) %}
even {{ banner }}
  {% endif %}
{% include 'parts/ntp.j2' %}

{{ lookup('ansible.builtin.file', 'motd.txt') }} {{ hostvars['leaf-2'].banner }} {{ groups['fleet'] | length }}
{{ macros.line(number) }}
{{ snmp | to_json }} {{ "a\\\\b" }} {{ missing | default('none') }} {{ ansible_play_hosts | length }}
{% endblock %}



"""


@pytest.fixture
def project(tmp_path):
    link = tmp_path / "collections" / "ansible_collections" / "raywright" / "fleet"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    group = {
        "vars": {"banner": "device {{ inventory_hostname }} at {{ site | upper }}", "site": "berlin"},
        "hosts": {
            name: {"number": n, "snmp": {"community": f"blue-moon-{n}"}} for n, name in enumerate(HOSTS, start=1)
        },
    }
    files = {
        "inventory.json": json.dumps({"fleet": group}),
        "templates/base.j2": "top\n{% block body %}{% endblock %}\nend\n\n\n",
        "templates/macros.j2": "{% macro line(n) %}\nmacro {{ n }}\n{% endmacro %}",
        "templates/parts/ntp.j2": "ntp {{ site }}\n",
        "templates/all.j2": TEMPLATE,
        "files/motd.txt": "looked up\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def play(project, options, *arguments, before=(), hosts="fleet"):
    task = {
        "raywright.fleet.config_render": {"dest": "out", **options},
        "run_once": True,
        "vars": {"in_task": "{{ inventory_hostname }}-task"},
        "register": "rendered",
    }
    shown = {"ansible.builtin.debug": {"msg": "{{ rendered | to_json }}"}, "run_once": True}
    tasks = [*before, task, shown]
    plays = [{"hosts": hosts, "gather_facts": False, "vars": {"in_play": "play"}, "tasks": tasks}]
    (project / "play.json").write_text(json.dumps(plays))
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(project / "collections"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.json", "play.json", *arguments],
        cwd=project,
        env={**environment, "ANSIBLE_LOCALHOST_WARNING": "0", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def written(project):
    return {path.name: path.read_bytes() for path in (project / "out").glob("*")}


def test_the_bytes_are_those_of_the_template_module_and_a_second_run_changes_nothing(project):
    by_template = {
        "ansible.builtin.template": {"src": "all.j2", "dest": "{{ playbook_dir }}/{{ inventory_hostname }}.reference"},
        "vars": {"in_task": "{{ inventory_hostname }}-task", "ansible_python_interpreter": sys.executable},
        "connection": "local",
    }
    first = play(project, {"template": "all.j2"}, before=[by_template])
    assert first.returncode == 0, first.stdout + first.stderr
    assert written(project) == {f"{name}.cfg": (project / f"{name}.reference").read_bytes() for name in HOSTS}
    assert "blue-moon" not in first.stdout

    second = play(project, {"template": "all.j2"}, "--check", "--diff")
    assert "changed=0" in second.stdout
    assert "blue-moon" not in second.stdout


def test_a_play_on_localhost_renders_a_pattern_within_the_limit(project):
    (project / "templates" / "all.j2").write_text("{{ inventory_hostname }} {{ banner }}\n")
    options = {"template": "all.j2", "hosts": ["fleet", "!leaf-3"]}
    done = play(project, options, "--limit", "localhost,leaf-2,leaf-3", hosts="localhost")
    assert done.returncode == 0, done.stdout + done.stderr
    assert written(project) == {"leaf-2.cfg": b"leaf-2 device leaf-2 at BERLIN\n"}

    none = play(project, {"template": "all.j2", "hosts": ["leaf-3"]}, "--limit", "localhost,leaf-2", hosts="localhost")
    assert "The pattern 'leaf-3' matches no host within --limit localhost,leaf-2" in none.stdout + none.stderr


def test_every_error_is_reported_at_once_with_its_line_and_no_secret_and_nothing_is_written(project):
    (project / "templates" / "parts" / "deep.j2").write_text("one\n{{ number_of.peers }}\n")
    (project / "templates" / "all.j2").write_text(
        "hostname {{ inventory_hostname }}\n"
        "mtu {{ mtu | default(9000) }}\n"
        "{% if number > 5 %}\n"
        "mtu {{ mtu }}\n"
        "{% elif number == 1 %}\n"
        "{% include 'parts/deep.j2' %}\n"
        "{% elif number == 2 %}\n"
        "{% for peer in [1] %}\n"
        "{{ indirect }}\n"
        "{% endfor %}\n"
        "{% elif number == 3 %}\n"
        "{{ snmp.community | to_datetime }}\n"
        "{% endif %}\n"
    )
    done = play(project, {"template": "all.j2"}, "-e", json.dumps({"indirect": "{{ absent }}"}))
    said = done.stdout + done.stderr
    assert done.returncode == 2
    for sentence in (
        "template parts/deep.j2, line 2: 'number_of' is undefined for leaf-1",
        "template all.j2, line 9: 'absent' is undefined for leaf-2",
        "template all.j2, line 12: The filter plugin 'ansible.builtin.to_datetime' failed",
        "template all.j2, line 4: 'mtu' is undefined for leaf-6 (and 2 more: leaf-7, leaf-8)",
        "6 of 8 hosts cannot be rendered",
    ):
        assert sentence in said
    assert "<masked>" in said
    assert "blue-moon" not in said
    assert written(project) == {}


@pytest.mark.parametrize(
    ("options", "text", "sentence"),
    [
        ({"template": "all.j2"}, "a\n{{ b }\n", "template all.j2, line 2: Syntax error in template"),
        ({"template": "all.j2"}, "{% if number != 4 %}x{% endif %}", "the configuration is empty, which would erase"),
        ({"template": "none.j2"}, "", "The template 'none.j2' was found neither where Ansible looks"),
        ({"template": "all.j2", "config_dir": "x"}, "", "mutually exclusive"),
        ({"template": "all.j2", "colour": "red"}, "", "Unsupported parameters"),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_written(project, options, text, sentence):
    (project / "templates" / "all.j2").write_text(text)
    done = play(project, options)
    assert done.returncode == 2
    assert sentence in done.stdout + done.stderr
    assert written(project) == {}


def test_ready_files_are_taken_and_strangers_and_missing_ones_are_named(project):
    ready = project / "ready"
    ready.mkdir()
    for name in [*HOSTS, "unknown-1"]:
        (ready / f"{name}.cfg").write_bytes(f"hostname {name}\r\n".encode())
    done = play(project, {"config_dir": "ready"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the inventory does not know" in done.stdout + done.stderr
    assert written(project) == {f"{name}.cfg": f"hostname {name}\n".encode() for name in HOSTS}

    (ready / "leaf-7.cfg").unlink()
    done = play(project, {"config_dir": "ready"})
    assert "has no file for 1 of 8 hosts: leaf-7;" in done.stdout + done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU: nothing is forked")
def test_forked_processes_render_and_fail_as_one_would(project):
    many = {f"r{n:03}": {"number": n} for n in range(450)}
    (project / "inventory.json").write_text(json.dumps({"fleet": {"hosts": many}}))
    (project / "templates" / "all.j2").write_text("{{ inventory_hostname }} {{ number }}\n")
    assert play(project, {"template": "all.j2"}).returncode == 0
    assert written(project) == {f"{name}.cfg": f"{name} {its['number']}\n".encode() for name, its in many.items()}

    (project / "templates" / "all.j2").write_text("{{ number if number % 100 else missing }}\n")
    done = play(project, {"template": "all.j2"})
    assert "line 1: 'missing' is undefined for r000 (and 4 more: r100, r200, r300, r400)" in done.stdout + done.stderr

    (project / "templates" / "all.j2").write_text(
        "{{ number }}{{ lookup('ansible.builtin.pipe', 'kill -9 $PPID') if number == 301 }}\n"
    )
    before = written(project)
    done = play(project, {"template": "all.j2"})
    assert "works on the variables of hosts ended before it was done (exit code -9" in done.stdout + done.stderr
    assert written(project) == before
