# caudal. `make` lists what there is to do.
.DEFAULT_GOAL := help
SHELL := bash
export UV_COMPILE_BYTECODE := 1
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
export PATH := $(PATH):$(CURDIR)/.uv/only

.PHONY: help setup demo demo-kafka test test-slow engines test-engines test-flink test-spark test-kafka test-siddhi check format types lint docs golden bench nightly fuzz clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## install everything into .venv (with uv, which is fetched if it is missing)

$(VENV)/.ready: pyproject.toml uv.lock
ifdef UV
	uv sync --frozen --quiet
else
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv
	mkdir -p .uv/only && ln -sf ../bin/uv .uv/only/uv
	.uv/bin/uv sync --frozen --quiet
endif
	@touch $@

demo: setup ## run the DoS detection over the bundled nginx log
	$(RUN)/caudal demo

demo-kafka: setup ## kill one of two workers over Kafka, and count alerts that are lost or doubled (a JDK is needed; under a minute)
	$(RUN)/caudal demo --kafka

test: setup ## run the tests but those that take long, on all cores
	$(RUN)/pytest -n auto --dist worksteal

test-slow: setup ## run the tests that take long: random pipelines and values, fuzzing, signals, compiled code on disk, the lab
	$(RUN)/pytest -n auto --dist worksteal -m "slow and not nightly and not engines and not kafka"

engines: setup ## install the environments of Flink and Spark (1.6 GB, below the user's cache directory)
	$(RUN)/caudal engines install flink
	$(RUN)/caudal engines install spark

test-engines: setup engines ## run all tests that need Flink, Spark and a JDK: conformance, random expressions and pipelines, clusters
	$(MAKE) --no-print-directory --output-sync=target --jobs=2 test-flink test-spark

test-flink: setup
	$(RUN)/pytest -m engines tests/engines -k flink

test-spark: setup
	$(RUN)/pytest -m engines tests/engines -k "not flink"

test-kafka: setup ## run the tests that need a Kafka broker, which they start (a JDK is needed)
	$(RUN)/pytest -n auto --dist worksteal -m "kafka and not nightly" tests/kafka

test-siddhi: setup ## run the tests beside Siddhi, whose jars are fetched (a JDK is needed)
	$(RUN)/pytest -m siddhi tests/siddhi

check: setup lint types ## run all static checks

lint: setup ## ruff, formatting, the rooms' contracts
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports --no-cache

types: setup ## the strict type checker
	$(RUN)/pyright

format: setup ## format the code and sort imports
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

docs: setup ## write the generated reference pages anew
	$(RUN)/python docs/reference/generate.py

golden: setup ## write the SQL of the scenarios anew, which is kept beside them
	CAUDAL_GOLDEN=write $(RUN)/pytest -q tests/unit/engines/jvm/test_golden.py

bench: setup ## the DoS benchmark against DuckDB (about 15 minutes, 10 GB of disk)
	$(RUN)/python lab/dos.py

nightly: setup ## the long campaigns: kills, rotation under load, random cases, fuzzing, a million schedules of checkpoints (about two hours)
	$(RUN)/pytest -m "nightly and not engines and not kafka" tests
	$(RUN)/pytest -s -m "nightly and kafka" tests/kafka
	CAUDAL_PROPERTY=3 $(RUN)/pytest -n auto --dist worksteal -m slow tests/property
	CAUDAL_PATTERNS=5000 $(RUN)/pytest -n auto --dist worksteal tests/property/test_patterns.py tests/property/test_joins_beside_duckdb.py
	CAUDAL_PATTERNS=5000 $(RUN)/pytest -m siddhi tests/siddhi
	CAUDAL_FUZZ=200000 $(RUN)/pytest -n auto -m slow tests/fuzz
	$(RUN)/python -m caudal.checkpoint.simulator --schedules 1000000 --processes $$(nproc)

fuzz: setup ## a million fuzzed lines through both JSON decoders
	CAUDAL_FUZZ=1000000 $(RUN)/pytest -m slow tests/fuzz

clean: ## remove the environment and all caches
	rm -rf $(VENV) .uv dist .pytest_cache .ruff_cache .hypothesis caudal-demo
	find src -name __pycache__ -prune -exec rm -rf {} +
