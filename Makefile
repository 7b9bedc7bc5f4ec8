# People and .ci/run call the same targets. Everything lives in .venv and target; nothing is installed globally.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Name an index that serves CPU wheels of PyTorch to save 4.7 GB of CUDA packages; empty: the ordinary index.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := Cargo.toml pyproject.toml $(wildcard Cargo.lock) $(shell find rust -name '*.rs' -o -name Cargo.toml)
export VIRTUAL_ENV := $(abspath $(VENV))

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-rust lint format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Three stamps, each made anew when what it depends on changed: the package, the tools, the offline encoder.
$(VENV)/.package: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo 'tracewarp needs Python 3.10 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@command -v cargo >/dev/null || { echo 'tracewarp needs a Rust toolchain (rustup.rs) to build its core'; exit 1; }
	$(PIP) --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.package
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.offline: $(VENV)/.tools
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) --editable '.[offline]'
	@touch $@

demo: $(VENV)/.package  ## set up, then score the real episodes that ship with the package
	$(BIN)/tracewarp demo

test: $(VENV)/.tools test-rust  ## set up, then the whole test suite (quick part: no torch, no browser)
	$(BIN)/python -m pytest -n auto -m 'not slow'

test-all: $(VENV)/.offline test-rust  ## the same with the slow studies and the real sentence encoder
	$(BIN)/python -m pytest -n auto

test-rust:  ## the core's own tests; no Python needed
	cargo test --quiet

lint: $(VENV)/.tools  ## warnings are errors
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/stubtest tracewarp._core

format: $(VENV)/.tools  ## put every file into its form
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the targets made
	rm -rf $(VENV) target tracewarp-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
