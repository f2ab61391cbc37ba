# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help env demo demo-down test lint sanity unit integration faults molecule bench packages constraints clean

# Absolute, so that a playbook that starts another process or changes folder still finds the collection.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
# Thousands of interpreters start here: our own modules are compiled once, not by each of them.
unexport PYTHONDONTWRITEBYTECODE
PLAYBOOK := .venv/bin/ansible-playbook
STAMP := .venv/.raywright-installed

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(STAMP) ## set up .venv/ and build/collections/ (PYTHON=/path/to/python3.13 to choose)
	@scripts/link-collection

$(STAMP): requirements/engine.txt requirements/dev.txt requirements/constraints.txt
	@PYTHON='$(PYTHON)' scripts/env
	@touch $@

demo: env ## roll a change out to 200 embedded devices (DEVICES=), or with LAB=frr to 24 real routers (ROUTERS=; root)
	@scripts/demo '$(LAB)' '$(DEVICES)' '$(ROUTERS)'

demo-down: env ## take the demo's routers away (root)
	@$(PLAYBOOK) raywright.fleet.lab -e lab_state=absent -e lab_name=demo -e lab_directory=$(CURDIR)/build/demo/lab

test: env ## everything: lint, sanity, unit and integration tests; installs system packages where it may (ARGS= for pytest)
	@scripts/test $(ARGS)

lint: env ## ruff, mypy, yamllint, shellcheck and ansible-lint
	@scripts/lint

sanity: env ## ansible-test sanity
	@scripts/sanity

unit: env ## unit tests (ARGS= for pytest)
	@.venv/bin/python -m pytest tests/unit $(ARGS)

integration: env ## integration tests (ARGS= for pytest)
	@.venv/bin/python -m pytest tests/integration $(ARGS)

faults: env ## every fault injected for real, the controller killed 200 times (ARGS= for pytest; root for routers and disks)
	@RAYWRIGHT_FAULT_ROUNDS=$${RAYWRIGHT_FAULT_ROUNDS:-200} .venv/bin/python -m pytest tests/faults $(ARGS)

molecule: env ## roles and playbooks on systemd nodes, every scenario (SCENARIO="cluster docker" for some; root)
	@scripts/test-molecule $(SCENARIO)

bench: env ## what it costs, against peers: 100 real routers (ROUTERS=; root), 10,000 embedded devices (DEVICES=), RUNS=; 20 minutes
	@scripts/bench '$(ROUTERS)' '$(DEVICES)' '$(RUNS)' '$(SCALE)'

packages: ## install the system packages that the whole test suite uses (root)
	@scripts/system-packages

constraints: env ## pin what .venv holds now, after a change in requirements/
	@scripts/pin-constraints

clean: ## remove what make made
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible tests/output
