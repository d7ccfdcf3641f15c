# All that a developer types. `make` alone lists it.

PYTHON ?= python3
ARGS ?=
TIME ?= 60
# What was installed into .venv last: enough to run, to test, or to measure.
RUNS := .venv/.runs
TESTS := .venv/.tests
BENCH := .venv/.bench

# Where this is set, each of the hundreds of processes that the tests start would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

# PyPy's own: with room for what is new of a tenth of a second at full load, less of it is copied (docs/performance.md).
export PYPY_GC_NURSERY ?= 32MB
# And what it walks over at one go of all the rest: by itself some hundred MB, tenths of a second without an answer.
export PYPY_GC_INCREMENT_STEP ?= 8MB

.DEFAULT_GOAL := help
.PHONY: help run test soak fuzz bench mutate lint format packages clean
# Bare Debian gets python3-venv from `packages`: that is over before the virtual environment is made.
.NOTPARALLEL:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNS)  ## start the proxy: make run IP=192.168.1.10 (without IP it finds the address itself)
	.venv/bin/python main.py $(IP) $(ARGS)

test: packages lint  ## all tests, lint first; make test ARGS="-k registrar" for some of them
	.venv/bin/pytest $(ARGS)

soak: $(TESTS)  ## the long tests that measure: how work grows with length
	.venv/bin/pytest -m soak $(ARGS)
	.venv/bin/pytest -m pure --hypothesis-profile=long $(ARGS)

fuzz: $(TESTS)  ## look for inputs that break something: make fuzz TIME=3600 (seconds for each target)
	.venv/bin/python -m fuzz --seconds $(TIME) $(ARGS)

bench: packages $(BENCH)  ## CPU per call and more, against Kamailio: make bench ARGS=--quick for a few minutes
	.venv/bin/python -m bench $(ARGS)

mutate: $(TESTS)  ## delete the engine's rules one at a time; a test must fail each time
	.venv/bin/python -m tests.mutate

lint: $(TESTS)  ## style and types, source and tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	@if [ -x .venv/bin/mypy ]; then .venv/bin/mypy; else echo 'types: mypy is for CPython, left out'; fi

format: $(TESTS)  ## put the code in the house style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

packages:  ## the phones and tools that the tests drive (Debian packages)
	@sh tests/packages.sh

clean:  ## remove what these targets have made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

$(RUNS): pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable .
	@touch $@

$(TESTS): pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable '.[test]'
	@touch $(RUNS) $@

$(BENCH): pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable '.[bench]'
	@touch $(RUNS) $@
