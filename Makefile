# `make run` to try it, `make test` to test it, `make cluster` for a Kubernetes with KubeVirt, `make bench` to measure it.

PYTHON ?= python3
VENV := .venv
PORT ?= 5000
SERVERS ?= 0
NODES ?= 2
KUBECONFIG_FILE := $(KUBECONFIG)
# An option of make's that somebody has named, as an option of a program.
given = $(if $(filter command line environment,$(origin $(1))),--$(shell echo $(1) | tr A-Z a-z) "$($(1))")
export PYTHONPATH := $(CURDIR)

.PHONY: run test test-fast test-unit test-long bench cluster venv lint types

run: $(VENV)/.installed
	@$(VENV)/bin/python -m tests.cluster.run --port "$(PORT)" --servers "$(SERVERS)" --nodes "$(NODES)" $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig "$(KUBECONFIG_FILE)")

cluster: $(VENV)/.installed
	@$(VENV)/bin/python -m tests.cluster.run --cluster-only --port "$(PORT)" --nodes "$(NODES)"

test: venv
	@$(VENV)/bin/python -m tests.run $(if $(PARTS),--parts $(foreach each,$(PARTS),'$(each)'))

test-fast: venv
	@$(VENV)/bin/python -m tests.run --fast

test-unit: venv
	@$(VENV)/bin/python -m tests.run --without-cluster

test-long: venv
	@DICOT_LONG=1 $(VENV)/bin/python -m tests.run $(if $(PARTS),--parts $(foreach each,$(PARTS),'$(each)'))

bench: venv
	@$(VENV)/bin/python -m bench $(foreach each,ROWS SERVERS ROUNDS SECONDS NICE,$(call given,$(each)))

lint: venv
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

types: venv
	@$(VENV)/bin/mypy dicot tests bench twisted setup.py

venv: $(VENV)/.ready

# What is never imported need not be compiled: the half of an installation's time.
install = $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile -e

# What is there for the tests is enough to run it, so that one installation does for both.
$(VENV)/.ready: $(VENV)/.python pyproject.toml setup.py
	@$(install) '.[dev]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml setup.py
	@$(install) .
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; PYTHON=... names one" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || sh -c 'if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null; else echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; fi'
	@echo "installing into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@touch $@
