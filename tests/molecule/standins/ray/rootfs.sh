#!/bin/sh
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Ray as the user ray, in a root file system without what only a machine needs, as a tar archive on stdout.
export DEBIAN_FRONTEND=noninteractive
{
  apt-get update
  apt-get install -y --no-install-recommends python3-venv
  python3 -m venv /usr/local/ray
  # By name: the engine's other packages serve the controller's ledger.
  grep -E '^(ray|aiohttp|asyncssh|cryptography|jinja2)\b' /requirements/engine.txt >/tmp/wanted.txt
  /usr/local/ray/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check -r /tmp/wanted.txt
  find /usr/local/ray -name '__pycache__' -prune -exec rm -r {} +
  rm -rf /usr/local/ray/lib/python3*/site-packages/ray/jars
  userdel admin
  # As in the image of Ray's own project.
  useradd --uid 1000 --gid 100 --create-home --shell /bin/bash ray
  /usr/local/ray/bin/ray --version
} >&2
tar --create --one-file-system --directory / \
  --exclude=./proc --exclude=./sys --exclude=./recipes --exclude=./requirements --exclude='./tmp/*' --exclude='./var/cache/*' \
  --exclude='./var/lib/apt/*' --exclude='./var/lib/dpkg/info/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
  --exclude='./usr/share/locale/*' --exclude=./usr/lib/systemd --exclude=./usr/lib/udev --exclude=./usr/share/python-wheels \
  --exclude=./.dockerenv .
