# The verbs of this repository. `make demo` and `make test` need Python 3.11 or newer with pip, make and git, nothing else:
# everything they install is pinned by hash and goes into .venv. ARGS is handed on: make test ARGS="-k consent -x"
.DEFAULT_GOAL := help
.PHONY: setup fmt lint types lengths imports test demo bench chaos docs lock check clean help

BIN := .venv/bin
# Tests of one file stay together: they share servers. PARALLEL= for one after the other.
PARALLEL := -n 3 --dist loadfile
# Warnings of pip's are about the machine's own pip settings, which are none of ours; errors are shown.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
LOCK := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# A virtual environment knows its own path: after a move, or without its Python, it is of no use.
ifneq ($(wildcard .venv/.home),)
ifneq ($(shell cat .venv/.home; $(BIN)/python -c 'print("runs")' 2>/dev/null),$(CURDIR) runs)
$(info .venv belongs to another place or to a Python that is gone: making it anew)
$(shell rm -rf .venv)
endif
endif

.venv/.build: requirements/build.txt tools/make_venv.sh
	@sh tools/make_venv.sh
	@$(PIP) --require-hashes -r requirements/build.txt
	@echo "$(CURDIR)" > .venv/.home
	@touch $@

.venv/.runtime: .venv/.build requirements/runtime.txt
	@echo "Installing what Sayso runs on into .venv (pinned by hash; once)"
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@touch $@

.venv/.dev: .venv/.build requirements/dev.txt
	@echo "Installing the pinned test and development tools into .venv (once; about a minute)"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.package: .venv/.build pyproject.toml
	@echo "Installing this checkout into .venv, editable"
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/.dev .venv/.package ## make .venv with everything needed to work on Sayso

fmt: setup ## format all files and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup ## formatting, ruff's rules, spelling, and the lock files
	@echo "lint: ruff, codespell, lock files"
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run 'make fmt'"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/codespell
	@$(BIN)/python tools/check_lock.py

types: setup ## mypy, strict, on everything
	@echo "types: mypy --strict"
	@$(BIN)/mypy

lengths: setup ## no file over 400 lines; remarks from 250
	@$(BIN)/python tools/check_lengths.py

imports: setup ## layers point down only; pure modules do no input or output
	@$(BIN)/python tools/check_imports.py
	@$(BIN)/lint-imports --config .importlinter

test: setup ## the whole test suite
	@for one in tools/ensure_*.sh; do sh $$one; done
	@sh tools/run_tests.sh $(BIN)/python $(PARALLEL) $(ARGS); code=$$?; \
		for one in tools/ensure_*.sh; do sh $$one --report; done; exit $$code

demo: .venv/.runtime .venv/.package ## a small shop with a consent banner, all on this machine
	@$(BIN)/sayso demo $(ARGS)

bench: setup ## measure; prints the table of the README
	@$(BIN)/python -m bench $(ARGS)

chaos: setup ## break everything for three minutes; see docs/reliability.md
	@$(BIN)/python -m chaos $(ARGS)

docs: setup ## write the tables in README.md and docs/ anew from the code
	@$(BIN)/python -m tools.make_docs

lock: setup ## resolve requirements/*.in anew (ARGS=--upgrade for newer versions)
	@for name in build runtime dev; do \
		echo "lock: requirements/$$name.txt"; \
		$(LOCK) $(ARGS) --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done
	@$(BIN)/python tools/check_lock.py

check: lint types lengths imports test ## all that CI runs

clean: ## remove .venv, builds and caches (never a data_dir)
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
