# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where secrets must not be: on disk, in what is shown, on command lines and in environments of any process."""

import contextlib
import itertools
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from rollouts import DEADLINE, NEVER, TEMPLATE, wait_for


@pytest.mark.ray
def test_no_secret_rests_or_shows_anywhere(project_of):
    project = project_of(12)
    literal = "Str4ight-in-the-template"
    vaulted = "V4ulted-by-ansible"
    text = TEMPLATE.read_text().replace(
        "snmp-server contact", f"snmp-server community {literal} ro\nsnmp-server contact"
    )
    text = text.replace("{{ bgp_password }}", "{{ vaulted_bgp }}")
    wanted = project.template(text)
    vault_words = _vaulted(project, "vaulted_bgp", vaulted)
    password = project.fleet.password
    words = ["-vvv", "--diff", *vault_words, "-e", f"@{_private(project, ansible_password=password)}"]
    secrets = {literal, vaulted, password, *project.fleet.secrets.values()}
    seen = set()
    process = project.start(*words, template=wanted, stages=[3, "100%"], validate=NEVER, on_failure="rollback_stage")
    sampler = threading.Thread(target=_sample, args=(project, process, secrets, seen))
    sampler.start()
    code = process.wait(DEADLINE)
    sampler.join()
    assert (code, project.state()) == (2, "rolled_back"), project.output
    code, output = project.run(*words, template=wanted, report="second.json")
    assert code == 0, output
    assert literal in project.fleet.configurations()["leaf-001"][0]
    assert seen == set()
    mine = {
        project.fleet.directory,
        project.path / "own.j2",
        project.path / "vars.json",
        project.path / "vaulted.yml",
    }
    for path in project.path.rglob("*"):
        if path.is_file() and not mine & {path, *path.parents} and not path.is_symlink():
            content = path.read_bytes()
            shown = [secret for secret in secrets if secret.encode() in content]
            assert not shown, f"{path} holds {shown}"
    assert "<masked:" in project.output


def test_what_a_killed_rollout_left_in_clear_goes_with_the_next_one_whatever_its_name(project_of):
    project = project_of(4, latency=300.0)
    rendered = project.path / ".raywright" / "rendered"
    killed = project.start(name="killed", concurrency=1)
    wait_for(lambda: list(rendered.glob("*/*.cfg")) or killed.poll() is not None, "configurations lie in clear")
    for pid in project.processes():
        os.kill(pid, signal.SIGKILL)
    killed.wait(DEADLINE)
    assert list(rendered.glob("*/*.cfg")), project.output
    code, output = project.run("--check", name="another")
    assert (code, list(rendered.iterdir())) == (0, []), output


def _private(project, **variables):
    path = project.path / "vars.json"
    path.write_text(json.dumps({**variables, "ansible_ssh_private_key_file": ""}))
    return path


def _vaulted(project, name, value):
    (project.path / "vault-word").write_text("open sesame\n")
    sealed = VaultLib([("default", VaultSecret(b"open sesame"))]).encrypt(value).decode()
    path = project.path / "vaulted.yml"
    path.write_text(f"{name}: !vault |\n" + "".join(f"  {line}\n" for line in sealed.splitlines()))
    return ["--vault-password-file", "vault-word", "-e", f"@{path}"]


def _sample(project, process, secrets, seen):
    """Look for secrets in the command lines, environments and temporary files of a running playbook."""
    pause = threading.Event()
    while process.poll() is None:
        folders = [Path("/tmp").glob("raywright-ray-*/**/*"), Path("/tmp").glob("ray/session_*/logs/*")]
        processes = [Path(f"/proc/{pid}") / name for pid in project.processes() for name in ("cmdline", "environ")]
        for path in itertools.chain(processes, *folders):
            with contextlib.suppress(OSError):
                text = path.read_bytes() if path.is_file() else b""
                seen.update((secret, str(path)) for secret in secrets if secret.encode() in text)
        pause.wait(0.2)
