# Perijove's two commands are `make demo` and `make up`; `make help` lists the rest.
# What is installed is remembered in .venv/.installed-* and node_modules/.installed, so a second call is instant.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PORT ?= 8000
export PYTHON
# The local platform's programs live in deploy/; they are not part of the wheel.
export PYTHONPATH := deploy
# Tools of .venv and of node_modules come first, whatever the caller has activated.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)

platform := .venv/.installed-platform .venv/.installed-frontend node_modules/.installed

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(platform) ## start a Hub, run examples/digits.ipynb on it over REST, show it live, stop everything
	@python -m perijove_local.demo

.PHONY: up
up: $(platform) ## the same platform in the foreground on PORT (8000); Ctrl-C stops it, the state stays
	@python -m perijove_local.up

# Where the time goes.
slowest := --durations=20 --durations-min=3

.PHONY: test
test: .venv/.installed-test node_modules/.installed .venv/.installed-frontend .venv/.installed-collaboration ## lint, then all tests; installs redis-server, postgresql and chromium where it may
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-Otarget) lint-python jest lint-frontend
	tools/install-debian
	python -m pytest $(slowest) --numprocesses=2 --dist=loadgroup tests/unit tests/contract
	python -m pytest $(slowest) --numprocesses=2 --dist=loadfile tests/integration tests/security
	python -m pytest $(slowest) tests/chaos tests/browser

.PHONY: test-all
test-all: export PERIJOVE_TEST_PARTS := embedded,production
test-all: test ## the same, with the integration tests on SQLite and again on PostgreSQL and a Redis of its own

.PHONY: lint
lint: lint-python lint-frontend ## ruff, mypy strict, import-linter, eslint, prettier

.PHONY: lint-python
lint-python: .venv/.installed-test
	ruff check .
	ruff format --check .
	mypy
	lint-imports

.PHONY: lint-frontend
lint-frontend: labextension/node_modules/.installed
	cd labextension && npm run --silent lint

.PHONY: jest
jest: labextension/node_modules/.installed
	cd labextension && npm test --silent

.PHONY: format
format: .venv/.installed-test ## let ruff format and mend what it can
	ruff check --fix-only .
	ruff format .

# For example: make bench BENCH="--only noop create --json figures.json"
.PHONY: bench
bench: .venv/.installed-bench node_modules/.installed ## measure every row of docs/performance.md, the peers in the same run
	tools/install-debian
	PYTHONPATH=deploy:. python -m benchmarks $(BENCH)

.PHONY: fuzz
fuzz: .venv/.installed-test node_modules/.installed ## throw PERIJOVE_FUZZ (300) fresh requests at every operation of a real service
	PERIJOVE_FUZZ=$${PERIJOVE_FUZZ:-300} python -m pytest tests/security/test_fuzz.py -s --timeout=3600

.PHONY: bench-lab
bench-lab: .venv/.installed-test .venv/.installed-frontend node_modules/.installed ## click to first output in Chromium, and how busy a page gets
	python benchmarks/lab.py

.PHONY: chaos
chaos: .venv/.installed-test ## 1,000 executions through faults, checked; options in ARGS="--seed 7 --executions 200"
	tools/install-debian
	PYTHONPATH=deploy:tests/support:tests/chaos python -m storm $(ARGS)

.PHONY: labextension
labextension: .venv/.installed-frontend ## build the front end and install it into .venv

.PHONY: lock
lock: ## write deploy/requirements.lock anew: every package of perijove[all] by version and digest (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.10 \
		--extra all pyproject.toml --output-file deploy/requirements.lock

.PHONY: audit
audit: ## look the packages of deploy/requirements.lock up in the public list of vulnerabilities (needs pip-audit and the Internet)
	pip-audit --require-hashes --disable-pip --requirement deploy/requirements.lock

.PHONY: clean
clean: ## remove what was installed and built; .perijove/, the platform's state, stays
	rm -rf .venv node_modules labextension/node_modules labextension/lib .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.installed-platform: extras := hub,agent,lab,example
.venv/.installed-lab: extras := lab
.venv/.installed-bench: extras := bench
.venv/.installed-test: extras := test
.venv/.installed-%: pyproject.toml tools/install
	@tools/install $(extras)
	@touch $@

node_modules/.installed: package-lock.json tools/install-node
	@tools/install-node .
	@touch $@

labextension/node_modules/.installed: labextension/package-lock.json tools/install-node
	@tools/install-node labextension
	@touch $@

.venv/.installed-collaboration: .venv/.installed-test tools/install-collaboration
	@tools/install-collaboration
	@touch $@

# The front end is built with JupyterLab's builder, which the extra `lab` brings, and then installed with the package.
sources := $(shell find labextension/src labextension/style labextension/schema -type f) labextension/package.json
.venv/.installed-frontend: $(sources) labextension/node_modules/.installed .venv/.installed-lab hatch_build.py
	cd labextension && npm run --silent build
	@tools/install lab
	@touch $@
