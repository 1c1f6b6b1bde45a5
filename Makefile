# Every target sets up what it needs: a fresh machine with Python, pip and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# many tests wait more than they work
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)

# images often set this; without bytecode every start costs twice the time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types unit matrix mutants bench hub targets catalogue clean help

help:
	@echo "make demo       judge the embedded hub: verdict, score, decision and the report's path; then a bad deploy,"
	@echo "                caught, rolled back and verified"
	@echo "make test       lint, types and the tests"
	@echo "make matrix     the long rest: whole runs on every mutated release, every mode, every repetition"
	@echo "make mutants    change the verdict, the rollback's plan and the scripts' simulation, and see whether a test notices"
	@echo "make hub        install the real hub (mcp-hub from npm) that some tests run against"
	@echo "make targets    install MCP servers and bridges from npm and PyPI that some tests judge"
	@echo "make bench      the benchmarks, as ratios in one run"
	@echo "make catalogue  write readiness/session/plan/catalogue.json and the generated pages anew from the decorators"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	$(BIN)/python -m compileall -q readiness smoke preflight infra load tests >/dev/null || true
	touch $(STAMP)

# it judges what it made and not this machine (no infra), and shows the bad deploy whatever the first part said
demo: $(STAMP)
	@status=0; \
	env -u PYTEST_ADDOPTS $(BIN)/python -m pytest -m "preflight or health or alerts or e2e" --readiness-demo || status=$$?; \
	echo; \
	$(BIN)/python -m readiness demo --release && exit $$status

# the types are looked through beside the tests, which wait more than they work
test: lint
	@$(MAKE) --no-print-directory -j2 types unit

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	PYTHONPATH=. $(BIN)/lint-imports --no-logo

types: $(STAMP)
	$(BIN)/python -m mypy

unit: $(STAMP)
	$(BIN)/python -m pytest tests -n $(WORKERS) --dist worksteal -q -m "not matrix" --durations=10

matrix: $(STAMP)
	$(BIN)/python -m pytest tests -n $(WORKERS) --dist worksteal -q -m matrix

# an hour and more: by hand, and `mutmut browse` shows what survived
mutants: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[mutants]"
	$(BIN)/python -m mutmut run --max-children $(WORKERS)
	$(BIN)/python -m mutmut results

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/secretscan.py
	$(BIN)/python benchmarks/preflight.py
	$(BIN)/python benchmarks/load.py
	PYTHONPATH=. $(BIN)/python benchmarks/infra.py
	$(BIN)/python benchmarks/render.py
	PYTHONPATH=. $(BIN)/python benchmarks/rollback.py
	$(BIN)/python benchmarks/memory.py

hub: $(STAMP)
	sh .ci/install-hub $(BIN)/python

targets: $(STAMP)
	sh .ci/install-targets $(BIN)/python

catalogue: $(STAMP)
	$(BIN)/python -m readiness.cli.generate

clean:
	rm -rf $(VENV) .tools mutants build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
