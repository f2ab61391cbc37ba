#!/bin/sh
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
exec /usr/share/grafana/bin/grafana cli "$@"
