# Each target makes its own .venv and installs what it needs; all it asks for is Python 3.11 or newer, with pip.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .

# What `make check` runs besides: type checkers, faults, fuzz, conformance, and the tests of the benchmarks.
SLOW := test_typing.py faults fuzz conformance test_crowd.py test_session_properties.py test_benchmarks.py \
	test_benchmarks_parts.py

.PHONY: demo test check guard guard-update profile fuzz faults bench bench-long clean

demo: .venv/.run
	$(BIN)/rpc demo

test: .venv/.test
	$(BIN)/python -m pytest $(SLOW:%=--ignore=tests/%)

check: .venv/.check
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python -m benchmarks.guard
	$(BIN)/python -m pytest

guard: .venv/.run
	$(BIN)/python -m benchmarks.guard

guard-update: .venv/.run
	$(BIN)/python -m benchmarks.guard --update

profile: .venv/.run
	$(BIN)/python -m benchmarks.profile

fuzz: .venv/.test
	FUZZ=long $(BIN)/python -m pytest -q -s -o faulthandler_timeout=900 tests/fuzz tests/test_stateful_session.py
	FUZZ_EXAMPLES=2000 STREAMS=10000 $(BIN)/python -m pytest -q tests/test_session_properties.py tests/test_streams_end_to_end.py
	DATAGRAMS=1000000 $(BIN)/python -m pytest -q tests/test_server_datagrams.py

faults: .venv/.test
	FAULTS=long $(BIN)/python -m pytest -q -s -o faulthandler_timeout=900 tests/faults

bench: .venv/.run
	$(BIN)/python -m benchmarks.compare --quick --json build/bench.json --html build/bench.html --svg build/calls.svg

bench-long: .venv/.run
	$(BIN)/python -m benchmarks.compare --json build/bench.json --html build/bench.html --svg build/calls.svg

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build dist

# A stamp is newer than pyproject.toml while what it stands for is installed.
.venv/.run: pyproject.toml .venv/.pip
	$(INSTALL)
	@touch $@

.venv/.test .venv/.check: .venv/.%: pyproject.toml .venv/.pip
	$(INSTALL) --group $*
	@touch $@

# Dependency groups want a pip newer than Python 3.11 brings. The second way is for a Python without ensurepip.
.venv/.pip:
	$(if $(PYTHON),,$(error Python 3.11 or newer is needed, and none was found: name it with make PYTHON=...))
	$(PYTHON) -m venv .venv || $(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@touch $@
