# People and .ci/run call the same targets. Everything lives in .venv and target; nothing is installed globally.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Name an index that serves CPU wheels of PyTorch to save 4.7 GB of CUDA packages; empty: the ordinary index.
TORCH_INDEX ?=
# The packages that the benches compare with want other versions of numpy, so they get an environment of their own.
BENCH_VENV := .venv-bench
# Everything that a test can ask for (torch, a browser's driver, encoders), and the lowest versions that pyproject.toml declares.
FULL_VENV := .venv-full
LOWEST_VENV := .venv-lowest
UV := $(BIN)/uv
OTHER_BASELINE := $(wildcard ../shared/bench/baseline.py)
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(PIP_INSTALL)
SOURCES := Cargo.toml pyproject.toml $(wildcard Cargo.lock) $(shell find rust -name '*.rs' -o -name Cargo.toml)
export VIRTUAL_ENV := $(abspath $(VENV))

.DEFAULT_GOAL := help
.PHONY: help demo demo-policies study test test-full test-long test-lowest test-rust test-wheel lint format bench wheel clean memcheck

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Four stamps, each made anew when what it depends on changed: the package, the tools, training, the offline encoder.
$(VENV)/.package: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo 'tracewarp needs Python 3.10 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@command -v cargo >/dev/null || { echo 'tracewarp needs a Rust toolchain (rustup.rs) to build its core'; exit 1; }
	$(PIP) --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.package
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.train: $(VENV)/.package
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) --editable '.[train]'
	@touch $@

$(FULL_VENV)/.package: $(VENV)/.tools
	@test -x $(FULL_VENV)/bin/python || $(UV) venv --quiet --python $(BIN)/python $(FULL_VENV)
	$(if $(TORCH_INDEX),$(UV) pip install --quiet --python $(FULL_VENV)/bin/python --index-url $(TORCH_INDEX) torch)
	$(UV) pip install --quiet --python $(FULL_VENV)/bin/python --editable '.[dev,train,embed,offline,serve,browser,parquet]' atif 'mutmut>=3.8'
	$(UV) pip install --quiet --python $(FULL_VENV)/bin/python --no-deps miniwob
	@touch $@

demo: $(VENV)/.train  ## set up, then let the model that ships improve itself on the embedded sites, and report
	$(BIN)/tracewarp demo

demo-policies: $(VENV)/.package  ## the same sites with scripted policies; needs no torch
	$(BIN)/tracewarp demo --policies

study: $(VENV)/.train  ## the study of self-improvement into docs/studies (hours; goes on where it was stopped)
	PYTHONPATH=python $(BIN)/python tools/study/run.py --out out/study
	PYTHONPATH=python $(BIN)/python tools/study/write.py --from out/study --to docs/studies

test: $(VENV)/.tools test-rust  ## set up, then the whole test suite (quick part: no torch, no browser)
	$(BIN)/python -m pytest -n auto -m 'not slow'
	$(BIN)/tracewarp arena check >/dev/null && $(BIN)/tracewarp arena check --profile small >/dev/null

# What is skipped there for another reason than the named ones fails. The data beside the checkout may be missing, but not ignored.
SKIPS := --allowed-skips=.ci/allowed-skips $(if $(wildcard ../shared/data),,--allowed-skips=.ci/allowed-skips-without-data)

test-full: $(FULL_VENV)/.package  ## every quick test with torch, encoders and a browser; nothing may be skipped, coverage may not fall
	$(FULL_VENV)/bin/python -m pytest -n auto -m 'not slow' $(SKIPS) --cov tracewarp --cov-report=
	$(FULL_VENV)/bin/python .ci/coverage.py

test-lowest: wheel  ## the quick tests with the lowest versions that pyproject.toml declares
	$(UV) pip compile --quiet pyproject.toml --python-version 3.11 --extra train --extra embed --extra browser --extra parquet --resolution lowest-direct --output-file $(LOWEST_VENV).txt
	$(UV) venv --quiet --clear --python 3.11 $(LOWEST_VENV)
	$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --requirements $(LOWEST_VENV).txt
	$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --constraints $(LOWEST_VENV).txt pytest pytest-xdist pytest-timeout hypothesis threadpoolctl pandas polars mypy
	$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --no-deps dist/tracewarp-*.whl
	$(LOWEST_VENV)/bin/python -m pytest -n auto -m 'not slow'

# Slow tests, kill series, memory checks, whole parity, the demo. A part that passed is not repeated while what it depends on is unchanged.
test-long: $(FULL_VENV)/.package  ## what is too slow for CI, resumable: PARTS="memcheck parity", PARTS=list
	$(FULL_VENV)/bin/python tools/long/run.py $(PARTS)

test-rust:  ## the core's own tests; no Python needed
	cargo test --quiet

test-wheel: wheel  ## install that wheel in a fresh environment without a compiler, and try it
	TRACEWARP_WHEEL="$$(ls dist/tracewarp-*.whl)" $(BIN)/python -m pytest -rs tests/integration/test_installed_wheel.py

# valgrind knows no AVX-512, so the core meets it there without; the sanitizer's run has everything. Under valgrind one test
# at a time, because it runs one thread at a time and others that wait hold it up: about a quarter of an hour. The sanitizer
# takes most of its time to compile, so it does without the optimisation over all crates.
memcheck:  ## the core's tests under valgrind (AVX2 and portable) and under AddressSanitizer
	@command -v valgrind >/dev/null || { echo 'memcheck needs valgrind'; exit 1; }
	for isa in portable avx2; do \
	  TRACEWARP_TEST_ISA=$$isa TRACEWARP_TEST_PATIENCE=60 CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite' \
	  cargo test --release -p tracewarp-core --lib --test alignment -- --test-threads=1 || exit 1; done
	RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=address' CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	cargo test --quiet --release -p tracewarp-core --lib --test alignment \
	  --target x86_64-unknown-linux-gnu --target-dir target/sanitizer

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

$(BENCH_VENV)/.package: $(SOURCES)
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python $(PIP_INSTALL) --editable '.[bench]'
	@touch $@

bench: $(BENCH_VENV)/.package  ## time every job against numpy + numba, rewrite benches/README.md (a quarter of an hour, on a quiet machine)
	cargo bench --quiet -p tracewarp-core
	$(if $(OTHER_BASELINE),$(BENCH_VENV)/bin/python benches/python/compare_baseline.py $(OTHER_BASELINE))
	$(BENCH_VENV)/bin/python benches/python/run.py

# On Linux zig links against glibc 2.17 (manylinux2014), so that the wheel installs almost anywhere; without it, as it is.
ifeq ($(shell uname -s),Linux)
ZIG := $$($(BIN)/python -c 'import ziglang' 2>/dev/null && echo --zig --compatibility manylinux2014)
endif

# Paths of this machine do not belong into a binary that others get.
wheel: $(VENV)/.tools  ## build the wheel (and the source distribution) into dist
	-$(PIP) ziglang
	rm -rf dist
	RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$(CURDIR)=tracewarp" \
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --quiet --profile release-wheel --sdist --out dist $(ZIG)
	@ls -l dist

clean:  ## remove what the targets made
	rm -rf $(VENV) $(BENCH_VENV) $(FULL_VENV) $(LOWEST_VENV) $(LOWEST_VENV).txt target dist tracewarp-demo* tracewarp-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
