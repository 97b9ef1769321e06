.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
UV := .tools/bin/uv
TORCH := torch==2.13.0
# Where pip looks for torch besides its own configuration; PyTorch's CPU index on machines without a GPU.
TORCH_INDEX ?=
INSTALL := $(UV) pip install -q -p .venv --no-deps --require-hashes

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

setup: .venv/.run node_modules/.package-lock.json  ## install everything a network on this machine needs

lock: .tools/bin/uv  ## pin every package again, hashes and all, from pyproject.toml
	for pair in run:devnet test:test bench:bench; do \
	  $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --overrides requirements/without-torch.txt --no-emit-package torch \
	    --extra $${pair##*:} pyproject.toml -o requirements/$${pair%%:*}.lock; done
