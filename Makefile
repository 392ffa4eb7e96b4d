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

# What is installed: each target needs one of these sets, and each lock file holds what it adds to those before it.
TO_RUN := requirements.lock
TO_SHOW := $(TO_RUN) requirements-dashboard.lock
TO_DEVELOP := $(TO_SHOW) requirements-dev.lock

# The first Python that is new enough is taken; `make clean setup PYTHON=/path/to/python` chooses another one.
PYTHON ?=
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

# Tests never see the user's credentials, lake or Dagster instance; the folder of recorded input is the one thing passed on.
USERS_OWN = DAGSTER_HOME $(filter-out TMDB_ASSETS_REAL_DATA,$(filter TMDB_% AWS_% AZURE_% GOOGLE_% HTTP_CACHE \
	RAW_RETENTION_DAYS WAREHOUSE_FACT_DAYS SPARK_REMOTE MOOVITAMIX_URL MOOVITAMIX_HASH_KEY STREAMFLOW_DROPS,$(.VARIABLES)))

unexport PYTHONDONTWRITEBYTECODE  # each command starts seconds faster once Python has kept what it compiled

# Whatever is started with the Python of .venv (dagster, dg, make, the UI) keeps its runs in one place: Python executes this line of a
# .pth file as it starts. Who sets DAGSTER_HOME, be it to nothing, has the last word.
define WRITE_DAGSTER_HOME
import pathlib, sys, sysconfig
line = f"import os; os.path.isdir({ascii(sys.argv[1])}) and os.environ.setdefault('DAGSTER_HOME', {ascii(sys.argv[1])})\n"
pathlib.Path(sysconfig.get_path("purelib"), "tmdb_assets_dagster_home.pth").write_text(line, encoding="ascii")
endef
export WRITE_DAGSTER_HOME

.PHONY: help to-run to-show to-develop setup demo day backfill test test-fast coverage mutants check dev dashboard health metrics docs bench forget reset lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

setup: to-develop ## make .venv with all locked dependencies; safe to repeat, repairs what was interrupted

demo: to-run ## set everything up and run the daily job on the sandbox
	@$(BIN)/python -m tmdb_assets.demo $(ARGS)

day: to-run ## one day of a source: make day DAY=yesterday SOURCE=tmdb; streamflow takes a month, DAY=2026-10
	@$(BIN)/python -m tmdb_assets.runs '$(or $(DAY),today)' --source '$(or $(SOURCE),tmdb)'

backfill: to-run ## a range in one run: make backfill FROM=7-days-ago TO=today SOURCE=tmdb
ifeq ($(and $(FROM),$(TO)),)
	@echo "Say which days: make backfill FROM=7-days-ago TO=today (SOURCE=tmdb, moovitamix or streamflow)." >&2
	exit 1
else
	@$(BIN)/python -m tmdb_assets.runs '$(FROM)' '$(TO)' --source '$(or $(SOURCE),tmdb)'
endif

test: to-develop ## run the tests; ARGS goes to pytest: ARGS=tmdb_assets_tests/test_runs.py, ARGS="-k money"
	@unset $(USERS_OWN)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: to-develop ## a minute of tests that look into every module; `make test` has the others too
	@unset $(USERS_OWN)
	TEST_EFFORT=0.2 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --fast $(ARGS)

coverage: to-develop ## all tests, and the lines that none of them reaches; fails below the floor in pyproject.toml
	@unset $(USERS_OWN)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

mutants: to-develop ## plant small faults one at a time: do the tests beside them notice? ARGS="--minutes 20 --seed 1"
	@unset $(USERS_OWN)
	$(BIN)/python -m benchmarks.mutants $(ARGS)

check: to-develop ## format, lint, import rules, types, then the tests
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

dev: to-run ## Dagster's UI, on port 3000 (ARGS="-p 3001" for another)
	@$(BIN)/dagster dev -w workspace.yaml $(ARGS)

dashboard: to-show ## the web page over the warehouse, on port 8501 of this machine (ARGS=--server.port=8502 for another)
	@$(BIN)/python -m tmdb_assets.dashboard $(ARGS)

health: to-run ## how everything stands, on one screen; fails when something failed, is late or cannot be told (ARGS=--json)
	@$(BIN)/python -m tmdb_assets.health $(ARGS)

metrics: to-run ## serve Prometheus metrics on port 9321 of this machine (ARGS="--port 9322" for another)
	@$(BIN)/python -m tmdb_assets.metrics $(ARGS)

docs: to-run ## write docs/tables.md, the data dictionary, from the contracts
	@$(BIN)/python -m tmdb_assets.dictionary

bench: to-develop ## run the benchmarks; each prints its figure beside its floor or its peer
	@$(BIN)/python -m benchmarks $(ARGS)

forget: to-run ## forget a listener everywhere: make forget USER=46853 says what goes and asks (YES=1: does not; DRY_RUN=1: only says)
ifneq ($(filter command line,$(origin USER)),command line)
	@echo "Say who is to be forgotten: make forget USER=46853 (the source's user id)." >&2
	exit 1
else
	@$(BIN)/python -m tmdb_assets.forget $(if $(filter-out 0 no,$(YES)),--yes) $(if $(filter-out 0 no,$(DRY_RUN)),--dry-run) -- "$$USER"
endif

reset: to-run ## remove lake, warehouse, reports and Dagster's runs: says what goes and asks (YES=1: does not)
	@$(BIN)/python -m tmdb_assets.reset $(if $(filter-out 0 no,$(YES)),--yes)

lock: to-run ## write the lock files anew from pyproject.toml; ARGS=--upgrade takes newer releases
	@work=$$(mktemp -d)
	trap 'rm -rf "$$work"' EXIT
	resolve() { $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header "$$@"; }
	cat $(TO_DEVELOP) >"$$work/all"
	resolve --extra setup --extra cache --extra metrics --extra postgres --extra dashboard --extra spark --extra test --extra dev -o "$$work/all" $(ARGS) >/dev/null
	resolve --extra setup --extra cache --extra metrics --extra postgres -c "$$work/all" -o "$$work/run" >/dev/null
	resolve --extra setup --extra cache --extra metrics --extra postgres --extra dashboard -c "$$work/all" -o "$$work/show" >/dev/null
	added() { awk '/^[a-z]/ { is_new = FILENAME == last && !($$0 in had); had[$$0] } is_new' last="$$2" "$$1" "$$2"; }
	cp "$$work/run" requirements.lock
	added "$$work/run" "$$work/show" >requirements-dashboard.lock
	added "$$work/show" "$$work/all" >requirements-dev.lock

clean: ## remove .venv and the caches; the lake, the warehouse and .env stay
	@rm -rf .venv .*_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# .venv/.ready says in which folder .venv was made, since scripts in it name their interpreter by its full path (a moved project
# is set up anew), and which lock files it holds: what is installed once is kept up to date by whatever is asked for later.
# .venv/.busy stands while packages are being written. Found at the start, it tells of an interrupted set-up: .venv is then made anew,
# which the download caches make cheap. The lock on the Makefile keeps two set-ups of one folder apart.
to-run: LOCKS = $(TO_RUN)
to-show: LOCKS = $(TO_SHOW)
to-develop: LOCKS = $(TO_DEVELOP)
to-run to-show to-develop:
	@exec 9<Makefile
	! command -v flock >/dev/null || flock 9
	made_in= held=
	if [ -e .venv/.ready ]; then { read -r made_in && read -r held; } <.venv/.ready || held=; fi
	is_current() {
		[ "$$made_in" = '$(CURDIR)' ] || return 1
		case "$$held" in '$(LOCKS)'*) ;; *) return 1 ;; esac
		for file in pyproject.toml $(LOCKS); do [ ! "$$file" -nt .venv/.ready ] || return 1; done
	}
	if is_current; then exit 0; fi
	locks='$(LOCKS)'
	case "$$held" in "$$locks"*) locks=$$held ;; esac
	is_sound() { [ ! -e .venv/.busy ] && $(BIN)/python -c '$(IS_NEW_ENOUGH)' && $(BIN)/python -m pip --version && head -n 2 $(BIN)/pip | grep -F '$(CURDIR)/'; }
	if ! is_sound >/dev/null 2>&1; then
		python='$(PYTHON)'
		for candidate in python3.13 python3.12 python3.11 python3; do
			if [ -z "$$python" ] && "$$candidate" -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1; then python=$$candidate; fi
		done
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
	echo "Installing the $$(cat $$locks | grep -c '^[a-z]') packages of $$locks"
	$(UV) pip sync --python $(BIN)/python --require-hashes $$locks
	echo "Installing tmdb_assets itself"
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -c "$$WRITE_DAGSTER_HOME" '$(CURDIR)/data/dagster'
	rm -f .venv/.busy
	printf '%s\n' '$(CURDIR)' "$$locks" >.venv/.ready
	echo "Ready: .venv"
