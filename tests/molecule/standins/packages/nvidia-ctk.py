#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for nvidia-ctk: the files that it would write, for the GPUs that the stand-in of nvidia-smi names."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

VERSION = "1.18.0"
SPEC_DIRECTORIES = (Path("/etc/cdi"), Path("/var/run/cdi"))


def gpus() -> list[str]:
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        sys.exit("ERROR: failed to initialize NVML: ERROR_LIBRARY_NOT_FOUND (stand-in: there is no nvidia-smi)")
    return [str(number) for number, unused in enumerate(listing.splitlines())]


def cdi_generate(options: argparse.Namespace) -> None:
    names = [*gpus(), "all"]
    spec = {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [{"name": name, "containerEdits": {"env": [f"RAYWRIGHT_STAND_IN_GPU={name}"]}} for name in names],
        "containerEdits": {"env": ["NVIDIA_VISIBLE_DEVICES=void"]},
    }
    text = json.dumps(spec, indent=2) + "\n"  # JSON is YAML
    if not options.output:
        sys.stdout.write(text)
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)


def cdi_list(options: argparse.Namespace) -> None:
    del options
    names = [
        f"{spec['kind']}={device['name']}"
        for directory in SPEC_DIRECTORIES
        for file in sorted(directory.glob("nvidia*.yaml"))
        for spec in [json.loads(file.read_text())]
        for device in spec["devices"]
    ]
    sys.stderr.write(f"INFO[0000] Found {len(names)} CDI devices\n")
    sys.stdout.write("".join(f"{name}\n" for name in names))


def runtime_configure(options: argparse.Namespace) -> None:
    file = options.config or Path("/etc/docker/daemon.json")
    daemon = json.loads(file.read_text() or "{}") if file.exists() else {}
    daemon.setdefault("runtimes", {})["nvidia"] = {"args": [], "path": "nvidia-container-runtime"}
    if options.set_as_default:
        daemon["default-runtime"] = "nvidia"
    if options.cdi:
        daemon.setdefault("features", {})["cdi"] = True
    text = json.dumps(daemon, indent=4)
    if options.dry_run:
        sys.stdout.write(text)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="nvidia-ctk")
    parser.add_argument(
        "-v", "--version", action="version", version=f"NVIDIA Container Toolkit CLI version {VERSION}\nstand-in"
    )
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("-d", "--debug", action="store_true")
    topics = parser.add_subparsers(required=True)

    cdi = topics.add_parser("cdi").add_subparsers(required=True)
    generate = cdi.add_parser("generate")
    generate.add_argument("--output", type=Path)
    generate.add_argument("--format", choices=["yaml", "json"])
    generate.set_defaults(run=cdi_generate)
    cdi.add_parser("list").set_defaults(run=cdi_list)

    runtime = topics.add_parser("runtime").add_subparsers(required=True)
    configure = runtime.add_parser("configure")
    configure.add_argument("--runtime", choices=["docker"], default="docker")
    configure.add_argument("--config", type=Path)
    configure.add_argument("--cdi.enabled", "--enable-cdi", dest="cdi", action="store_true")
    configure.add_argument("--set-as-default", action="store_true")
    configure.add_argument("--dry-run", action="store_true")
    configure.set_defaults(run=runtime_configure)

    options = parser.parse_args()
    options.run(options)


main()
