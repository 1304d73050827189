# One gate for everybody: `make test` here is what CI runs. `make help` lists the targets.
# Set-up happens by itself; `make PYTHON=python3.12 test` chooses the interpreter.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports unit fmt lock soak soak-long soak-schedules soak-properties \
	soak-cold mutation bench bench-check site release reference screenshots clean

export PYTHON
# MkDocs is the version that is locked; what its successors will do is no news here.
export NO_MKDOCS_2_WARNING := 1
# Where the environment forbids to keep bytecode, every process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
STEP := tools/step
PYTEST := $(BIN)/pytest -q --no-header
# Who is done takes over what waits at another: tests take from a millisecond to a minute.
WORKERS := -n auto --dist worksteal
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--no-emit-index-url --no-strip-extras --generate-hashes --no-header $(UPGRADE)

# The core, which must be covered by tests (design, section 7): what is pure, and how a manifest is read.
empty :=
space := $(empty) $(empty)
comma := ,
CORE_MODULES := cause state desired diff diagnostics errors directory references scope suggest drift eligibility ending review redact hidden_words wanted
CORE_PACKAGES := codes domain manifest policy rules plan access apply export
CORE := $(subst $(space),$(comma),$(strip $(CORE_MODULES:%=reconciler/%.py) $(CORE_PACKAGES:%=reconciler/%/**)))
CORE_COVERAGE := 95
MEASURED := $(patsubst %,--cov=reconciler.%,$(CORE_MODULES) $(CORE_PACKAGES)) --cov-report=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: .venv/.demo ## watch a manifest being planned, applied, drifting and repaired
	@$(BIN)/reconciler demo

test: lint types imports unit ## the whole gate: lint, types, imports, tests, coverage

lint: .venv/.dev ## check style and format
	@$(STEP) lint $(BIN)/ruff check
	@$(STEP) format $(BIN)/ruff format --check

types: .venv/.dev ## check types, strictly
	@$(STEP) types $(BIN)/mypy

imports: .venv/.dev ## check that imports point one way
	@$(STEP) imports $(BIN)/lint-imports

unit: .venv/.dev ## run the tests and check the coverage of the core
	@rm -f .coverage .coverage.*
	@$(PYTEST) $(WORKERS) -m "not soak" $(MEASURED)
	@$(STEP) coverage $(BIN)/coverage report --skip-covered --show-missing \
		--include='$(CORE)' --fail-under=$(CORE_COVERAGE)

# Each part takes up to an hour on two processors.
soak: soak-long soak-schedules soak-properties soak-cold mutation ## run all that takes hours: the four parts below, and the mutation check

soak-long: .venv/.dev ## run the long tests but for the simulation
	@$(PYTEST) $(WORKERS) -m soak --ignore=tests/simulation

soak-schedules: .venv/.dev ## play 50,000 schedules and 200 school years
	@$(PYTEST) $(WORKERS) -m soak tests/simulation

soak-properties: .venv/.dev ## try properties on 34 times as many examples as in the gate
	@EXAMPLES=17 $(PYTEST) $(WORKERS) -m hypothesis --timeout=7200 tests/core

soak-cold: .venv/.dev ## start every script as a user starts it
	@COLD=1 $(PYTEST) $(WORKERS) -m "not soak" tests/cli tests/sandbox

# mutmut ends well whatever survives; docs/mutation.md must name those that do, and no other.
mutation: .venv/.dev ## change the apply package in small ways: do its tests notice?
	@rm -rf mutants
	@$(STEP) mutants $(BIN)/mutmut run
	@set -o pipefail; $(BIN)/mutmut results | awk '!/: timeout$$/ {sub(":", "", $$1); print $$1}' | sort >mutants/survivors
	@set -o pipefail; grep -o '`reconciler\.[^`]*__mutmut_[0-9]*`' docs/mutation.md | tr -d '`' | sort >mutants/tolerated
	@$(STEP) survivors diff mutants/tolerated mutants/survivors

# Both measure against references in the same run. The check takes under ten minutes, with QUICK=1 under one.
bench: .venv/.dev .venv/.bench ## measure everything against its reference, and write docs/performance.md
	@$(BIN)/python benchmarks/run.py --write

bench-check: .venv/.dev .venv/.bench ## fail where a ratio has fallen behind what is recorded (QUICK=1: the quickest)
	@$(BIN)/python benchmarks/run.py --level $(if $(QUICK),quick,check)

site: .venv/.dev ## build the documentation as a site, strictly, into build/site
	@$(STEP) site $(BIN)/mkdocs build --quiet

# PYTHONS="python3.11 python3.13" tries it with each of them.
release: .venv/.dev ## build what is released, have it judged, try it in empty environments
	@tools/release $(PYTHONS)

reference: .venv/.dev ## write the tables of the documentation that are made from the code
	@$(BIN)/python -m tools.reference

screenshots: .venv/.dev ## take the pictures that the documentation shows
	@$(BIN)/python tools/screenshots

fmt: .venv/.dev ## put the code into its format
	@$(STEP) fix $(BIN)/ruff check --fix
	@$(STEP) format $(BIN)/ruff format

lock: ## renew requirements/*.txt (UPGRADE=--upgrade takes newer versions)
	@tools/setup lock
	@$(STEP) demo $(COMPILE) --extra sandbox pyproject.toml -o requirements/demo.txt
	@$(STEP) dev $(COMPILE) --extra sandbox --extra dask --extra postgresql --group dev -c requirements/demo.txt pyproject.toml -o requirements/dev.txt
	@$(STEP) bench $(COMPILE) --group bench -c requirements/dev.txt -o requirements/bench.txt
	@$(STEP) build $(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	@$(STEP) run $(COMPILE) --extra postgresql -c requirements/dev.txt pyproject.toml -o requirements/run.txt

clean: ## remove everything that was made here
	@rm -rf .venv build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.%: requirements/%.txt pyproject.toml tools/setup
	@tools/setup $*
