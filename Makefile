# One command for each need: `make help`. All that is installed goes into .venv; a stamp in it
# remembers what is there, so that the second call starts at once.

VENV := .venv
PY := $(VENV)/bin/python
# -qq: pip's errors are seen, its warnings are not.
PIP := $(PY) -m pip install -qq --disable-pip-version-check
# A Python to build .venv with: `make PYTHON=/opt/python3.12/bin/python3 run`.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# Test processes side by side: `make JOBS=0 test` runs in one. A file stays in one process (loadscope),
# so that what it builds for all its tests is built once.
JOBS ?= 2
# More for the command behind the target: `make test ARGS="-k mailbox"`.
ARGS ?=

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
INSTALLS := setup.cfg pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test check format soak conformance mutants bench guard clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.runs ## the demo: examples/orders on its sample
	@$(PY) run.py $(ARGS)

test: $(VENV)/.develops ## all tests and doctests
	@echo "make: running the tests in $(JOBS) processes"
	@$(PY) -m pytest -n $(JOBS) --dist loadscope $(ARGS)

check: $(VENV)/.develops ## ruff, mypy --strict and the import contracts
	@echo "make: ruff check"
	@$(PY) -m ruff check --quiet .
	@echo "make: ruff format"
	@$(PY) -m ruff format --quiet --check . || { echo "make: not formatted; 'make format' does it" >&2; exit 1; }
	@echo "make: mypy --strict"
	@$(PY) -m mypy --strict harmonium $(wildcard tests/typing/*.py)
	@echo "make: import contracts"
	@$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.develops ## let ruff format and sort what it can
	@$(PY) -m ruff check --quiet --fix-only .
	@$(PY) -m ruff format .

soak: $(VENV)/.develops ## the tests that run for long
	@echo "make: running the long tests in $(JOBS) processes"
	@$(PY) -m pytest -n $(JOBS) --dist loadscope -m soak $(ARGS)

conformance: $(VENV)/.develops ## Thespian's own tests on our system base (2 minutes)
	@echo "make: running Thespian's own tests in 4 processes, which sleep most of the time"
	@$(PY) tests/conformance/run.py -n 4 $(ARGS)

mutants: $(VENV)/.develops ## is there a test for every decision of the pure supervisor?
	@echo "make: changing the pure supervisor one decision at a time"
	@$(PY) tools/mutants.py $(ARGS)

bench: $(VENV)/.measures ## measure beside the peers; ARGS names benchmarks
	@$(PY) run.py bench $(ARGS)

guard: $(VENV)/.develops ## has a message become much dearer than it was? (10 seconds)
	@$(PY) -m benchmarks.guard $(ARGS)

clean: ## remove caches and builds (not .venv)
	@echo "make: removing caches and builds"
	@rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf .coverage .coverage.* htmlcov
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Debian's python3 comes without ensurepip: then pip itself puts pip into .venv.
$(VENV)/.created:
	@if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  found=; \
	  for python in $(PYTHON); do \
	    if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    version=$$($(firstword $(PYTHON)) --version 2>&1) || version="not there"; \
	    echo "make: harmonium needs Python 3.11 or newer; $(firstword $(PYTHON)) is $$version; name another: make PYTHON=/path/to/python" >&2; \
	    exit 1; \
	  fi; \
	  echo "make: creating $(VENV) with $$($$found --version)"; \
	  rm -rf $(VENV); \
	  $$found -m venv $(VENV) >/dev/null 2>&1 || { \
	    rm -rf $(VENV); \
	    $$found -m venv --without-pip $(VENV) && \
	    $$found -m pip --python $(PY) install -qq --disable-pip-version-check pip; \
	  } || { rm -rf $(VENV); exit 1; }; \
	fi
	@touch $@

$(VENV)/.runs: $(INSTALLS) | $(VENV)/.created
	@echo "make: installing what the demo needs into $(VENV) (only now and when setup.cfg changes)"
	@$(PIP) --editable '.[cli,store,wire]'
	@touch $@

$(VENV)/.measures: $(INSTALLS) | $(VENV)/.created
	@echo "make: installing the benchmarks' peers into $(VENV) (only now and when setup.cfg changes)"
	@$(PIP) --editable '.[bench]'
	@touch $@ $(VENV)/.runs

$(VENV)/.develops: $(INSTALLS) | $(VENV)/.created
	@echo "make: installing what tests and checks need into $(VENV) (only now and when setup.cfg changes)"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.runs
