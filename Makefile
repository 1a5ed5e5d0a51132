# Every target sets up what it needs, once. Nothing is needed beforehand but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup report test check soak bench example clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything, from the lock file

report: $(READY) ## run all scenarios and write their report
	$(BIN)/harness run scenarios

test: $(READY) ## run the tests
	$(BIN)/pytest -n 2 --dist worksteal

check: $(READY) ## formatting, lint, types, and that the scenarios are valid
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/harness check scenarios scenarios/tutorials scenarios/published

soak: $(READY) ## the fault tests 20 times, each time in another order, up to the first failure
	for round in $$(seq 20); do $(BIN)/pytest -n 2 --dist worksteal -m fault -q || exit 1; done

bench: $(READY) ## what a cell costs beside its floor (ratios, in one run)
	$(BIN)/pytest tests/bench -o python_files='bench_*.py' -o timeout=600 -p no:randomly -s --benchmark-disable-gc

example: $(READY) ## run reports/example anew
	$(BIN)/python -m tests.test_report_around

clean: ## remove what the targets made; runs in reports/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .benchmarks .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
