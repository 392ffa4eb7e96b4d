# What belongs here: how to set the project up and how to start it. Everything runs in .venv, nothing outside is changed.

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This Makefile needs GNU make 4 or newer (on macOS: gmake))
endif

.ONESHELL:
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
UV := $(BIN)/uv --quiet

# The first Python that is new enough; `make clean setup PYTHON=/path/to/python` chooses another one.
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1; then echo $$p; break; fi; done)

# Tests never see the user's credentials, lake or Dagster instance; the folder of recorded input is the one thing passed on.
USERS_OWN = DAGSTER_HOME $(filter-out TMDB_ASSETS_REAL_DATA,$(filter TMDB_% AWS_% AZURE_% GOOGLE_% HTTP_CACHE \
	RAW_RETENTION_DAYS WAREHOUSE_FACT_DAYS MOOVITAMIX_URL MOOVITAMIX_HASH_KEY STREAMFLOW_DROPS,$(.VARIABLES)))

unexport PYTHONDONTWRITEBYTECODE  # each command starts seconds faster once Python has kept what it compiled

# Whatever is started with the Python of .venv (dagster, dg, make, the UI) keeps its runs in one place: Python executes this line of a
# .pth file as it starts. Who sets DAGSTER_HOME, be it to nothing, has the last word.
define WRITE_DAGSTER_HOME
import pathlib, sys, sysconfig
line = f"import os; os.path.isdir({ascii(sys.argv[1])}) and os.environ.setdefault('DAGSTER_HOME', {ascii(sys.argv[1])})\n"
pathlib.Path(sysconfig.get_path("purelib"), "tmdb_assets_dagster_home.pth").write_text(line, encoding="ascii")
endef
export WRITE_DAGSTER_HOME

.PHONY: help setup demo day backfill test test-fast coverage mutants check dev dashboard docs bench forget reset lock clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

setup: .venv/.ready ## make .venv with the locked dependencies; safe to repeat, repairs what was interrupted

demo: setup ## set everything up and run the daily job on the sandbox
	@$(BIN)/python -m tmdb_assets.demo $(ARGS)

day: setup ## one day of a source: make day DAY=yesterday SOURCE=tmdb; streamflow takes a month, DAY=2026-10
	@$(BIN)/python -m tmdb_assets.runs '$(or $(DAY),today)' --source '$(or $(SOURCE),tmdb)'

backfill: setup ## a range in one run: make backfill FROM=7-days-ago TO=today SOURCE=tmdb
ifeq ($(and $(FROM),$(TO)),)
	@echo "Say which days: make backfill FROM=7-days-ago TO=today (SOURCE=tmdb, moovitamix or streamflow)." >&2
	exit 1
else
	@$(BIN)/python -m tmdb_assets.runs '$(FROM)' '$(TO)' --source '$(or $(SOURCE),tmdb)'
endif

test: setup ## run the tests; ARGS goes to pytest: ARGS=tmdb_assets_tests/test_runs.py, ARGS="-k money"
	@unset $(USERS_OWN)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: setup ## a minute of tests that look into every module; `make test` has the others too
	@unset $(USERS_OWN)
	TEST_EFFORT=0.2 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --fast $(ARGS)

coverage: setup ## all tests, and the lines that none of them reaches; fails below the floor in pyproject.toml
	@unset $(USERS_OWN)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

mutants: setup ## plant small faults one at a time: do the tests beside them notice? ARGS="--minutes 20 --seed 1"
	@unset $(USERS_OWN)
	$(BIN)/python -m benchmarks.mutants $(ARGS)

check: setup ## format, lint, import rules, types, then the tests
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

dev: setup ## Dagster's UI, on port 3000 (ARGS="-p 3001" for another)
	@$(BIN)/dagster dev -w workspace.yaml $(ARGS)

dashboard: setup ## the web page over the warehouse, on port 8501 of this machine (ARGS=--server.port=8502 for another)
	@$(BIN)/python -m tmdb_assets.dashboard $(ARGS)

docs: setup ## write docs/tables.md, the data dictionary, from the contracts
	@$(BIN)/python -m tmdb_assets.dictionary

bench: setup ## run the benchmarks; each prints its figure beside its floor or its peer
	@$(BIN)/python -m benchmarks $(ARGS)

forget: setup ## forget a listener everywhere: make forget USER=46853 says what goes and asks (YES=1: does not; DRY_RUN=1: only says)
ifneq ($(filter command line,$(origin USER)),command line)
	@echo "Say who is to be forgotten: make forget USER=46853 (the source's user id)." >&2
	exit 1
else
	@$(BIN)/python -m tmdb_assets.forget $(if $(filter-out 0 no,$(YES)),--yes) $(if $(filter-out 0 no,$(DRY_RUN)),--dry-run) -- "$$USER"
endif

reset: setup ## remove lake, warehouse, reports and Dagster's runs: says what goes and asks (YES=1: does not)
	@$(BIN)/python -m tmdb_assets.reset $(if $(filter-out 0 no,$(YES)),--yes)

lock: setup ## write requirements.lock anew from pyproject.toml; ARGS=--upgrade takes newer releases
	@$(UV) pip compile pyproject.toml --extra dev --extra dashboard --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header -o requirements.lock $(ARGS)

clean: ## remove .venv and the caches; the lake, the warehouse and .env stay
	@rm -rf .venv .*_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# The stamp holds the folder it was made in: scripts in .venv name their interpreter by its full path, so a moved project is set up anew.
ifneq ($(shell cat .venv/.ready 2>/dev/null),$(CURDIR))
.venv/.ready: FORCE
endif

# .venv/.busy stands while packages are being written. Found at the start, it tells of an interrupted set-up: .venv is then made anew,
# which the download caches make cheap. The lock on the Makefile keeps two set-ups of one folder apart.
.venv/.ready: requirements.lock pyproject.toml
	@exec 9<Makefile
	! command -v flock >/dev/null || flock 9
	is_current() { [ "$$(cat .venv/.ready 2>/dev/null)" = '$(CURDIR)' ] && [ ! requirements.lock -nt .venv/.ready ] && [ ! pyproject.toml -nt .venv/.ready ]; }
	if is_current; then exit 0; fi
	is_sound() { [ ! -e .venv/.busy ] && $(BIN)/python -c '$(IS_NEW_ENOUGH)' && $(BIN)/python -m pip --version && head -n 2 $(BIN)/pip | grep -F '$(CURDIR)/'; }
	if ! is_sound >/dev/null 2>&1; then
		python='$(PYTHON)'
		if ! "$${python:-false}" -c '$(IS_NEW_ENOUGH)' 2>/dev/null; then
			echo "Python 3.11 or newer is needed$${python:+, and $$python is not}: install one, or name one with \`make setup PYTHON=/path/to/python\`." >&2
			exit 1
		fi
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
			package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
			echo "$$python cannot make a virtual environment because ensurepip is missing: on Debian or Ubuntu, \`apt-get install $$package\` brings it." >&2
			exit 1
		fi
		echo "Making .venv with $$("$$python" --version)"
		"$$python" -m venv --clear .venv
	fi
	touch .venv/.busy
	rm -f .venv/.ready
	awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements.lock >.venv/uv.lock
	wanted=$$(sed -n '1s/^uv==\([^ ]*\).*/\1/p' .venv/uv.lock)
	present=$$($(BIN)/uv --version 2>/dev/null | cut -d ' ' -f 2) || present=
	if [ "$$wanted" != "$$present" ]; then
		echo "Installing uv $$wanted"
		$(BIN)/python -m pip --quiet --quiet --disable-pip-version-check install --force-reinstall --require-hashes --no-deps -r .venv/uv.lock
	fi
	echo "Installing the $$(grep -c '^[a-z]' requirements.lock) locked packages"
	$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock
	echo "Installing tmdb_assets itself"
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -c "$$WRITE_DAGSTER_HOME" '$(CURDIR)/data/dagster'
	rm -f .venv/.busy
	echo '$(CURDIR)' >.venv/.ready
	echo "Ready: .venv"
