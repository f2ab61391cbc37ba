# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the stand-in packages and an apt repository of them: build.py DIRECTORY. Needs dpkg-deb."""

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TOOLKIT = "1.18.0-1"


@dataclass(kw_only=True)
class Package:
    name: str
    version: str
    description: str
    depends: str = ""
    files: dict[str, str] = field(default_factory=dict)  # path on the machine: file beside this one
    executables: tuple[str, ...] = ()
    conffiles: tuple[str, ...] = ()
    postinst: str = ""

    def control(self) -> str:
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "all",
            "Maintainer": "raywright.fleet contributors <nobody@invalid>",
            "Depends": self.depends,
            "Description": f"stand-in: {self.description}",
        }
        return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


PACKAGES = [
    Package(
        name="grafana",
        version="12.3.0",
        description="answers where Grafana would, from the same files",
        depends="adduser, python3, python3-yaml",
        files={
            "/usr/share/grafana/bin/grafana": "grafana.py",
            "/usr/sbin/grafana-cli": "grafana-cli.sh",
            "/usr/lib/systemd/system/grafana-server.service": "grafana-server.service",
            "/etc/grafana/grafana.ini": "grafana.ini",
        },
        executables=("/usr/share/grafana/bin/grafana", "/usr/sbin/grafana-cli"),
        conffiles=("/etc/grafana/grafana.ini",),
        postinst="grafana.postinst",
    ),
    Package(
        name="nvidia-container-toolkit",
        version=TOOLKIT,
        description="for machines without a GPU",
        depends=f"nvidia-container-toolkit-base (= {TOOLKIT}), libnvidia-container-tools (= {TOOLKIT})",
    ),
    Package(
        name="nvidia-container-toolkit-base",
        version=TOOLKIT,
        description="writes what nvidia-ctk would, for no GPU",
        depends="python3",
        files={
            "/usr/bin/nvidia-ctk": "nvidia-ctk.py",
            "/usr/bin/nvidia-container-runtime": "nvidia-container-runtime.sh",
            "/usr/lib/systemd/system/nvidia-cdi-refresh.service": "nvidia-cdi-refresh.service",
            "/usr/lib/systemd/system/nvidia-cdi-refresh.path": "nvidia-cdi-refresh.path",
        },
        executables=("/usr/bin/nvidia-ctk", "/usr/bin/nvidia-container-runtime"),
        postinst="nvidia-cdi-refresh.postinst",
    ),
    Package(
        name="libnvidia-container-tools",
        version=TOOLKIT,
        description="empty",
        depends=f"libnvidia-container1 (= {TOOLKIT})",
    ),
    Package(name="libnvidia-container1", version=TOOLKIT, description="empty"),
]


def build(package: Package, pool: Path) -> Path:
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        root.chmod(0o755)
        for path, source in package.files.items():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HERE / source, target)
            target.chmod(0o755 if path in package.executables else 0o644)
        control = root / "DEBIAN"
        control.mkdir()
        (control / "control").write_text(package.control())
        (control / "conffiles").write_text("".join(f"{path}\n" for path in package.conffiles))
        if package.postinst:
            shutil.copyfile(HERE / package.postinst, control / "postinst")
            (control / "postinst").chmod(0o755)
        archive = pool / f"{package.name}_{package.version}_all.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", work, str(archive)], check=True)
    return archive


def stanza(package: Package, archive: Path, repository: Path) -> str:
    content = archive.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{package.control()}Filename: {archive.relative_to(repository)}\nSize: {len(content)}\nSHA256: {digest}\n\n"


def main(repository: Path) -> None:
    pool = repository / "pool"
    pool.mkdir(parents=True)
    index = "".join(stanza(package, build(package, pool), repository) for package in PACKAGES).encode()
    suite = repository / "dists" / "stable"
    sums = []
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    for name, content in {"Packages": index, "Packages.gz": gzip.compress(index)}.items():
        path = Path("main", f"binary-{architecture}", name)
        (suite / path).parent.mkdir(parents=True, exist_ok=True)
        (suite / path).write_bytes(content)
        sums.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {path}\n")
    (suite / "Release").write_text(
        "Origin: raywright-test\nSuite: stable\nCodename: stable\nComponents: main\n"
        f"Architectures: {architecture} all\nDate: Sat, 21 Nov 2026 00:00:00 UTC\nSHA256:\n{''.join(sums)}"
    )


main(Path(sys.argv[1]))
