# Everything a newcomer needs, from a fresh clone: `make demo`. `make` alone lists the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Where the demo listens, and where it keeps its data (empty: nowhere once it has ended).
PORT ?= 8000
DATA_DIR ?=
# The Python that .venv is made with (empty: the first one found that is new enough).
PYTHON ?=
# Where the pictures of every page go.
SHOTS ?= screenshots
# Which tests, and anything else for pytest: make test TESTS="tests/app -x".
TESTS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP_INSTALL := .venv/bin/python -m pip install --quiet
LOCKED := $(PIP_INSTALL) --require-hashes --no-deps

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: .venv/.runtime ## make .venv with the command .venv/bin/teamgauge, from the hashed lock

.PHONY: demo
demo: .venv/.runtime ## collect from a synthetic company and serve the dashboard (PORT=8000 DATA_DIR=)
	@exec .venv/bin/teamgauge demo --port "$(PORT)" $(if $(DATA_DIR),--data-dir "$(DATA_DIR)")

# One more than the smallest machine has cores: many tests wait for a process that starts or ends.
WORKERS ?= 3

.PHONY: test
test: .venv/.dev ## run the whole test suite (TESTS= narrows it, WORKERS= beside each other)
	.venv/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: test-histories
test-histories: .venv/.dev ## play random histories against the collector for half an hour (MINUTES=)
	TEAMGAUGE_HISTORIES_MINUTES=$(or $(MINUTES),30) .venv/bin/python -m pytest --capture=no \
		tests/collectors/gitlab/test_histories.py

FAULTS := tests/collectors/gitlab/test_faults.py tests/collectors/gitlab/test_shapes.py \
	tests/collectors/gitlab/test_database_faults.py tests/collectors/bamboohr/test_faults.py \
	tests/collectors/greenhouse/test_faults.py tests/app/cli/test_killed.py tests/app/cli/test_processes.py \
	tests/app/cli/test_faults.py

.PHONY: test-faults
test-faults: .venv/.dev ## try each fault at every request, not only at a few (about an hour)
	TEAMGAUGE_TEST_FAULTS=all .venv/bin/python -m pytest --numprocesses 2 --dist load \
		--timeout 3600 $(FAULTS)

.PHONY: fuzz
fuzz: .venv/.dev ## ask the API what its description allows, and what not, for five minutes (MINUTES=)
	TEAMGAUGE_FUZZ_MINUTES=$(or $(MINUTES),5) .venv/bin/python -m pytest --capture=no --timeout 0 \
		tests/app/api/test_described.py

# Where the bill of materials goes.
SBOM ?= build/teamgauge.cdx.json

.PHONY: sbom
sbom: .venv/.dev ## write the bill of materials of the runtime as CycloneDX (SBOM=)
	@mkdir -p "$(dir $(SBOM))"
	@.venv/bin/python -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --output-format JSON --output-file "$(SBOM)"
	@echo "The bill of materials is $(SBOM)."

.PHONY: audit
audit: .venv/.dev ## look for known weaknesses in the runtime, and say where that cannot be asked
	@.venv/bin/python -m docs.audit

.PHONY: test-endurance
test-endurance: .venv/.dev ## kill any process at any time under load, for ten minutes (MINUTES=)
	TEAMGAUGE_TEST_ENDURANCE=$(or $(MINUTES),10) .venv/bin/python -m pytest --capture=no \
		tests/app/cli/test_endurance.py

.PHONY: lint
lint: .venv/.dev ## check style, types, import directions and the Dockerfile
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/hadolint Dockerfile

.PHONY: docs
docs: .venv/.dev ## write the generated parts of the README and docs/ anew
	.venv/bin/python -m docs.generate

.PHONY: screenshots
screenshots: .venv/.dev ## picture the demo for the README, and every page light, dark, on a phone and printed (SHOTS=)
	.venv/bin/python -m docs.screenshots --all "$(SHOTS)"

# How many merge requests the benchmarks compute with.
SCALE ?= 100000

.PHONY: bench
bench: .venv/.dev ## run every benchmark in under ten minutes, and write what was computed and served into docs/performance.md (SCALE=1000000: half an hour)
	@SCALE="$(SCALE)" .venv/bin/python -m benchmarks

# The resolver looks at every platform and every Python from 3.11 on; the pins there are stay unless
# UPGRADE=1. The development lock takes the versions of the runtime lock.
COMPILE := .venv/bin/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--strip-extras --annotation-style line --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: .venv/.dev ## resolve pyproject.toml into the hashed lock files (UPGRADE=1: newest versions)
	$(COMPILE) --group build --output-file requirements-build.lock > /dev/null
	$(COMPILE) pyproject.toml --output-file requirements.lock > /dev/null
	$(COMPILE) pyproject.toml --group build --group dev --constraints requirements.lock \
		--constraints requirements-build.lock --output-file requirements-dev.lock > /dev/null

.PHONY: clean
clean: ## remove .venv and every cache
	rm -rf .venv build dist screenshots *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; \
		then exec "$$python" -m venv --clear .venv; fi; \
	done; \
	echo "teamgauge needs Python 3.11 or newer with its venv module (on Debian: apt-get install python3-venv); PYTHON=... names one that is not found by itself." >&2; \
	exit 2

.venv/.runtime: pyproject.toml requirements-build.lock requirements.lock | .venv/bin/python
	@echo "Installing the locked packages into .venv (once) ..."
	@$(LOCKED) -r requirements-build.lock -r requirements.lock
	@$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "Installing the locked development packages into .venv (once) ..."
	@$(LOCKED) -r requirements-dev.lock
	@touch $@
