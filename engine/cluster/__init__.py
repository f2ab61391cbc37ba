# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ray cluster as it is seen over HTTP, and as it is written down. Needs no Ray here, and not the cluster's Python."""
