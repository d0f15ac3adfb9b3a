# Everything a developer does with this project. `make` alone lists the targets.

# The interpreter that makes .venv; needs 3.11 or newer with the venv module.
PYTHON ?= python3
# Passed on: make up ARGS="--port-base 8400", make test ARGS="tests/services/chat -k page", make bench ARGS=--help.
ARGS ?=
# Test processes at a time; "auto" is one more than there are cores, as tests also wait.
WORKERS ?= auto
# The oldest supported PostgreSQL, for make test-all.
PG15_BIN ?= $(patsubst %/postgres,%,$(firstword $(wildcard \
	/usr/lib/postgresql/15/bin/postgres \
	/usr/pgsql-15/bin/postgres \
	/opt/homebrew/opt/postgresql@15/bin/postgres \
	/usr/local/opt/postgresql@15/bin/postgres)))

# Bytecode is cached, whatever the environment says: tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PYTEST = $(BIN)/pytest -n $(WORKERS) --maxprocesses=8 --dist=loadfile --no-loadscope-reorder
SERIAL = $(BIN)/pytest -n 0
# Empty, or the suffix of a marker expression: `make test` leaves out what is marked slow.
QUICK = and not slow
# The two groups of tests: what can share the machine, then what measures rates and times.
# Status 5 of pytest: ARGS selected nothing, which is an error only if both groups are empty.
TESTS = empty=0; status=0; \
	$(PYTEST) -m "not serial $(QUICK)" $(ARGS) || status=$$?; \
	[ $$status -ne 5 ] || empty=5; \
	[ $$status -eq 0 ] || [ $$status -eq 5 ] || { $(RETRY); } || exit 1; \
	status=0; $(SERIAL) -m "serial $(QUICK)" $(ARGS) || status=$$?; \
	[ $$status -ne 5 ] || exit $$empty; \
	[ $$status -eq 0 ] || { $(RETRY); }
# SECOND_TRY=1 (continuous integration) runs failed tests once more, one at a time: a stall of the machine passes
# then, a defect fails again.
RETRY = [ $$status -eq 1 ] && [ -n "$(SECOND_TRY)" ] && echo "test: failed tests, second try" \
	&& $(SERIAL) --last-failed --last-failed-no-failures none
# One run of the matrix. tests/matrix.py selects its tests.
REPEAT = $(PYTEST) -m "not serial" $(ARGS) || { status=$$?; [ $$status -eq 5 ] || { $(RETRY); }; }
PGBOUNCER ?= $(firstword $(wildcard /usr/sbin/pgbouncer) $(shell command -v pgbouncer))
ON_PG15 = $(if $(PG15_BIN),SEDA_TEST_POSTGRES_15=1 SEDA_TEST_PG_BIN="$(PG15_BIN)")
POOLED = $(if $(PGBOUNCER),SEDA_TEST_POOLED=1)
LOCK = $(BIN)/uv pip compile -q --universal --no-header --no-annotate --generate-hashes --no-emit-index-url

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup up test test-all check check-clients breaking protos docs fmt lint types containers lock audit pin-images dist bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv hold what requirements.lock says; does nothing when it already does
	@command -v "$(PYTHON)" >/dev/null 2>&1 && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "setup: Python 3.11 or newer is needed, and \"$(PYTHON)\" is not." \
	    "Name another: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" tools/setup_environment.py

up: setup ## Run the whole suite here: PostgreSQL, users, chat, tracks, gateway; Ctrl-C stops it
	@exec $(BIN)/seda up $(ARGS)

test: setup ## Run the tests, without the slow ones, on the embedded PostgreSQL 18
	@echo "test: $(if $(SEDA_TEST_PG_BIN),PostgreSQL of $(SEDA_TEST_PG_BIN),embedded PostgreSQL 18)"
	@$(TESTS)

test-all: QUICK =
test-all: export SEDA_TEST_EXHAUSTIVE = 1
test-all: setup ## Run all tests, slow ones too, then the matrix: PgBouncer, partitions, PostgreSQL 15, native transport
	@echo "test: embedded PostgreSQL 18, with slow tests"
	@$(TESTS)
ifeq ($(PGBOUNCER),)
	@echo "test: PgBouncer is not installed: skipped"
else
	@echo "test: services through $(PGBOUNCER), on PostgreSQL $(if $(PG15_BIN),15,18), chat in four partitions"
	@export SEDA_TEST_EXHAUSTIVE= SEDA_TEST_POOLER=1 SEDA_TEST_PARTITIONS=4 $(ON_PG15); $(REPEAT)
endif
	@echo "test: chat in four partitions$(if $(PGBOUNCER), (without the tests of the PgBouncer run))"
	@export SEDA_TEST_EXHAUSTIVE= SEDA_TEST_PARTITIONS=4 $(POOLED); $(REPEAT)
ifeq ($(PG15_BIN),)
	@echo "test: PostgreSQL 15 is not installed: skipped"
else
	@echo "test: PostgreSQL 15 of $(PG15_BIN)$(if $(PGBOUNCER), (without the tests of the PgBouncer run))"
	@export SEDA_TEST_EXHAUSTIVE= $(ON_PG15) $(POOLED); $(REPEAT)
endif
	@echo "test: the native transport"
	@export SEDA_TEST_EXHAUSTIVE= SEDA_TEST_NATIVE=1 SEDA_TRANSPORT=native; $(REPEAT)

check: lint types containers check-clients breaking ## Everything but the tests: style, types, contracts, generated code, containers, lock files
	@echo "check: generated code equals the protos"
	@$(BIN)/python tools/generate_protos.py --check
	@echo "check: generated pages equal their sources"
	@$(BIN)/python tools/generate_references.py --check
	@echo "check: mutants fit the code"
	@$(BIN)/python tools/mutants.py --check
	@echo "check: installed packages fit pyproject.toml"
	@$(BIN)/uv pip check -q --python $(BIN)/python
	@$(BIN)/pytest -q --no-header tests/architecture/test_locks.py
	@echo "check: all clean"

check-clients: setup ## Generate Go and Java from protos/ and compile the Go; skips Go where it is not installed
	@echo "check-clients: Go and Java from the protos"
	@$(BIN)/python -m tools.check_clients

breaking: setup ## Compare protos/ with the last tag: nothing that clients use may go or change
	@tag=$$(git describe --tags --abbrev=0 2>/dev/null) || true; \
	if [ -z "$$tag" ]; then echo "breaking: no tag yet, skipped"; \
	else echo "breaking: buf breaking against $$tag"; \
	  $(BIN)/buf breaking --against "$$(git rev-parse --git-common-dir)#tag=$$tag"; fi

protos: setup ## Generate seda/ and buf/ from protos/
	@echo "protos: generating seda/ and buf/"
	@$(BIN)/python tools/generate_protos.py

docs: setup ## Generate docs/reference/ (commands, settings, SQL), docs/schema.md, .env.example and the CronJobs
	@echo "docs: docs/reference/, docs/schema.md, .env.example"
	@$(BIN)/python tools/generate_references.py

fmt: setup ## Format Python and protos, and mend what can be mended safely
	@echo "fmt: ruff and buf"
	@$(BIN)/ruff check -q --fix-only
	@$(BIN)/ruff format -q
	@$(BIN)/buf format -w --exclude-path protos/buf --exclude-path protos/google

lint: setup ## Style of Python and protos, and which module may import which
	@echo "lint: ruff check"
	@$(BIN)/ruff check -q
	@echo "lint: ruff format"
	@$(BIN)/ruff format -q --check
	@echo "lint: buf lint"
	@$(BIN)/buf lint
	@echo "lint: buf format"
	@$(BIN)/buf format -d --exit-code --exclude-path protos/buf --exclude-path protos/google
	@echo "lint: import contracts"
	@$(BIN)/lint-imports --no-logo

types: setup ## mypy --strict over everything that is written by hand
	@echo "types: mypy --strict"
	@$(BIN)/mypy --strict

containers: setup ## Dockerfile and docker-compose.yml by their linter and their schema
	@echo "containers: hadolint, compose schema"
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.compose-spec docker-compose.yml

lock: setup ## Write both lock files after a change of dependencies in pyproject.toml
	@echo "lock: requirements.lock, requirements-runtime.lock"
	@$(LOCK) --all-extras pyproject.toml -o requirements.lock
	@$(LOCK) --constraints requirements.lock pyproject.toml -o requirements-runtime.lock

audit: setup ## Look up the locked packages in a database of known vulnerabilities; needs network access
	@echo "audit: requirements.lock"
	@$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r requirements.lock

pin-images: setup ## Write the current digests of the base images; needs docker and network access
	@$(BIN)/python -m tools.pin_images

dist: setup ## Build the wheels and a bill of materials (CycloneDX) into dist/
	@echo "dist: wheels of the backend and of the client, CycloneDX of requirements-runtime.lock"
	@rm -rf dist build
	@$(BIN)/uv build -q --wheel --no-build-isolation --out-dir dist
	@rm -rf build
	@set -- dist/*.whl; $(BIN)/python -m tools.build_client dist; $(BIN)/python -m tools.sbom > "$${1%-py3-none-any.whl}.cdx.json"
	@ls -1 dist

bench: setup ## Measure Seda beside Node and Go servers on the same data: make bench ARGS=--help
	@$(BIN)/python -m bench $(ARGS)

clean: ## Remove .venv and every cache; your data in .seda stays
	@echo "clean: .venv, caches, build results"
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
