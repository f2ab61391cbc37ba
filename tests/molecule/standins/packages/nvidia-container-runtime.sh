#!/bin/sh
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Stand-in: no GPU to give to a container, so it is runc.
exec runc "$@"
