# Every target makes the virtual environment that it needs; remake it with `make distclean`.
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PYTEST := $(BIN)/python -m pytest --dist loadfile -n $(WORKERS)

# One thread a process: results do not depend on the number of cores, and test workers do not fight over them.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1
export MPLBACKEND := Agg

.DEFAULT_GOAL := test
.DELETE_ON_ERROR:
.PHONY: install demo test test-slow test-all lint format bench clean distclean

install: $(STAMP)

# torch comes first, at its pinned version, so that nothing pulls another; the build tools come before the project.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt torch setuptools hatchling editables
	$(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[test,lint,build,search,cluster,nwb]'
	touch $@

demo: $(STAMP)
	$(BIN)/spiking-prednet demo

test: $(STAMP)
	$(PYTEST) -m "not slow"

# pytest exits with 5 when no test is marked slow.
test-slow: $(STAMP)
	$(PYTEST) -m slow || test $$? -eq 5

test-all: $(STAMP)
	$(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf build dist runs/demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find snn conversion plasticity comparisons tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
