# make demo: install into .venv and conduct the mug study.   make test: install what the tests need and pass them.
# Needs Python 3.11 or newer and, on the first call, the package registry that pip is set up with.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# pytest's processes: make test WORKERS=0 runs the tests in one.
WORKERS := 2

is_new_enough := import sys; sys.exit(sys.version_info < (3, 11))
find_python = for each in python3.13 python3.12 python3.11 python3; do \
	if "$$each" -c '$(is_new_enough)' >/dev/null 2>&1; then echo "$$each"; break; fi; done
ifndef PYTHON
PYTHON = $(shell $(find_python))
endif

pip := $(BIN)/python -m pip --disable-pip-version-check --quiet
install := $(pip) install --constraint requirements.lock --editable
log := $(VENV)/install.log
# Quiet unless it fails; then all that pip said.
failed_install = { cat $(log) >&2; \
	echo 'The installation failed; pip says why above. Run make again to go on, or start afresh: rm -r $(VENV)' >&2; \
	exit 1; }

.PHONY: help demo test lint format docs bench faults lock clean

help:
	@echo 'make demo     install into $(VENV) and conduct the mug study in $(DEMO)/'
	@echo 'make test     install what the tests need; lint, types, import contract, tests'
	@echo 'make lint     the same without the tests'
	@echo 'make format   put the code into its canonical form and mend what ruff can mend'
	@echo 'make docs     write anew what the manual takes from the code'
	@echo 'make bench    time and memory'
	@echo 'make faults   a study through faults, kills and an outage: three minutes'
	@echo 'make lock     write requirements.lock anew from pyproject.toml (needs uv)'
	@echo 'make clean    remove $(DEMO)/, builds and caches; keeps $(VENV)'

demo: $(VENV)/.installed
	@was_there=; if [ -d $(DEMO) ]; then was_there=yes; fi; \
	$(BIN)/silicus conduct mug --folder $(DEMO) || { status=$$?; \
		if [ -n "$$was_there" ]; then \
			echo 'make demo: if an older version made $(DEMO)/, remove it (rm -r $(DEMO)) and run make demo again.' >&2; \
		fi; exit $$status; }

# Every step runs, so that one call shows all there is to mend; pytest comes last.
checks = failed=; \
	step() { name=$$1; shift; echo "== $$name"; "$$@" || failed="$$failed  $$name\n"; }; \
	step 'ruff check' $(BIN)/ruff check --quiet . ; \
	step 'ruff format --check' $(BIN)/ruff format --check --quiet . ; \
	step 'mypy' $(BIN)/mypy ; \
	step 'lint-imports' $(BIN)/lint-imports --no-logo
verdict = if [ -n "$$failed" ]; then printf "\nFailed:\n$$failed" >&2; exit 1; fi

test: $(VENV)/.installed-test
	@$(checks); step 'pytest' $(BIN)/python -m pytest --numprocesses $(WORKERS); $(verdict)

lint: $(VENV)/.installed-test
	@$(checks); $(verdict)

format: $(VENV)/.installed-test
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

docs: $(VENV)/.installed
	@$(BIN)/python docs/generate.py

bench: $(VENV)/.installed
	@$(BIN)/python benchmarks/run.py

faults: $(VENV)/.installed
	@$(BIN)/python benchmarks/faults.py

lock:
	@uv=$$(command -v $(BIN)/uv || command -v uv) || { \
		echo 'make lock needs uv: $(BIN)/python -m pip install uv' >&2; exit 1; }; \
	"$$uv" pip compile pyproject.toml --extra test --universal --python-version 3.11 --strip-extras \
		--no-header --quiet --output-file requirements.lock $(if $(UPGRADE),--upgrade)

clean:
	rm -rf $(DEMO) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo 'silicus needs Python 3.11 or newer, and none was found.' >&2; \
		echo 'Install one from https://www.python.org/downloads/, or name it: make PYTHON=/path/to/python3.12 demo' >&2; \
		exit 1; fi
	@"$(PYTHON)" -c '$(is_new_enough)' || { \
		echo 'silicus needs Python 3.11 or newer; PYTHON=$(PYTHON) is older or does not run.' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) cannot make virtual environments: its module venv or ensurepip is missing.' >&2; \
		echo 'On Debian and Ubuntu: sudo apt install python3-venv, then run make again.' >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)

# A stamp is newer than what it was made from: nothing is installed twice.
$(VENV)/.installed: pyproject.toml requirements.lock | $(BIN)/python
	@echo 'Installing silicus into $(VENV): a minute or two, once.'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(install) . >$(log) 2>&1 || $(failed_install)
	@touch $@

$(VENV)/.installed-test: pyproject.toml requirements.lock | $(BIN)/python
	@echo 'Installing silicus and what its tests need into $(VENV): a minute or two, once.'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(install) '.[test]' >$(log) 2>&1 || $(failed_install)
	@touch $(VENV)/.installed $@
