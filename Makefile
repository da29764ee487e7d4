# Everything is installed into .venv from the lock files; nothing else is needed than Python and make.
PYTHON ?= python3
BIN := .venv/bin
HOME_FOLDER ?= .wattmark
ACCOUNTS ?= 2000
# Superset, tried with the dashboards, lives in an environment of its own.
SUPERSET ?= .superset
SUPERSET_LANGUAGE ?= en
export WATTMARK_HOME := $(HOME_FOLDER)
# Compiled files save every Airflow task seconds of start-up.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help check-python setup setup-dev run year up down status test test-again test-slow test-slow-again lint format docs pictures bench superset-try lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.installed ## make .venv from the lock file

setup-dev: .venv/.installed-dev ## the same with what tests and linters need, Spark included

# Asked of the interpreter that makes .venv, or of the one it was made by: what cannot run must leave no .venv behind.
check-python:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "There is no $(PYTHON). Python 3.11 to 3.13 is needed: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@if test -x $(BIN)/python; then asked=$(BIN)/python; else asked="$(PYTHON)"; fi; \
	found=$$("$$asked" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	case "$$found" in 3.11|3.12|3.13) ;; *) \
	echo "$$asked is Python $${found:-of no known version}, but 3.11 to 3.13 is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	test "$$asked" = "$(PYTHON)" || echo "Delete .venv first: it was made by another Python." >&2; exit 1;; esac
	@test -x $(BIN)/python || "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot make a .venv: install its package venv (on Debian and Ubuntu python3-venv)." >&2; exit 1; }

.venv/bin/uv: requirements-setup.lock | check-python
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@touch $@

.venv/.installed: .venv/bin/uv requirements.lock pyproject.toml sample/pyproject.toml
	@echo "Installing the locked packages"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . -e sample
	@touch $@

.venv/.installed-dev: .venv/bin/uv requirements-dev.lock pyproject.toml sample/pyproject.toml
	@echo "Installing the locked packages, tests and Spark included"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . -e sample
	@touch $@ .venv/.installed

run: setup ## bring everything up and run the night of a sample utility
	@$(BIN)/wattmark quickstart --accounts $(ACCOUNTS)

year: setup ## play a year of nights and of work on cases into a home without nights, and bring it up
	@$(BIN)/wattmark sample --history
	@$(BIN)/wattmark up

up: setup ## start PostgreSQL and Airflow
	@$(BIN)/wattmark up

down: setup ## stop whatever of this home runs
	@$(BIN)/wattmark down

status: setup ## show how the services are
	@$(BIN)/wattmark status

test: setup-dev ## the quick tests
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not slow"

test-again: setup-dev ## those quick tests that failed the last time, one after another
	@$(BIN)/python -m pytest -q -m "not slow" --last-failed --last-failed-no-failures none

test-slow: setup-dev ## the slow tests: the scheduler, killed runs, a simulated year
	@$(BIN)/python -m pytest -v -n 2 --dist loadgroup --no-loadscope-reorder -m slow --timeout 1800

test-slow-again: setup-dev ## those slow tests that failed the last time
	@$(BIN)/python -m pytest -q -m slow --timeout 1800 --last-failed --last-failed-no-failures none

lint: setup-dev ## ruff, mypy, the form of the SQL files, stale reference pages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/format_sql.py --check
	@$(BIN)/mypy
	@$(BIN)/wattmark docs --check

format: setup-dev ## let ruff and sqruff put the code in form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python tools/format_sql.py || $(BIN)/python tools/format_sql.py --check

docs: setup-dev ## write the reference pages anew
	@$(BIN)/wattmark docs

pictures: setup-dev ## take the README's pictures of the pages of a home that ran (make run)
	@$(BIN)/wattmark up --no-airflow
	@WATTMARK_PICTURES=1 $(BIN)/python -m pytest -q tests/web/test_pictures.py

bench: setup-dev ## measure a night (benchmarks/night.py)
	@$(BIN)/python benchmarks/night.py

$(SUPERSET)/venv/.installed: deploy/superset-requirements.lock
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SUPERSET)/venv
	@$(BIN)/uv pip install --quiet --python $(SUPERSET)/venv/bin/python --compile-bytecode --require-hashes -r deploy/superset-requirements.lock
	@touch $@

superset-try: setup-dev $(SUPERSET)/venv/.installed ## try the dashboards in a real Superset, on the home's warehouse
	@$(BIN)/python tools/superset_try.py --superset $(SUPERSET) --home $(HOME_FOLDER) --language $(SUPERSET_LANGUAGE) --shots $(SUPERSET)/shots

lock: setup-dev ## resolve the lock files anew
	@$(BIN)/uv pip compile -q pyproject.toml --extra build --extra dev --extra spark --universal --generate-hashes --no-header --python-version 3.11 -o requirements-dev.lock
	@$(BIN)/uv pip compile -q pyproject.toml --extra build --universal --generate-hashes --no-header --python-version 3.11 -c requirements-dev.lock -o requirements.lock
	@$(BIN)/uv pip compile -q deploy/requirements-celery.in --universal --generate-hashes --no-header --python-version 3.11 -c requirements.lock -o deploy/requirements-celery.lock
	@$(BIN)/uv pip compile -q deploy/superset-requirements.in --universal --generate-hashes --no-header --python-version 3.11 -o deploy/superset-requirements.lock
	@echo uv | $(BIN)/uv pip compile -q - --universal --generate-hashes --no-header --python-version 3.11 -o requirements-setup.lock

clean: ## stop the services and delete the home and .venv
	@test ! -x $(BIN)/wattmark || $(BIN)/wattmark down
	rm -rf $(HOME_FOLDER) .venv
