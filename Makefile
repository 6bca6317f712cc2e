# On a fresh Debian 12 or 13 with git, make, python3 with venv, and root or sudo: `make demo`, `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.lab/collections
RUN := $(VENV)/.run-installed
TEST := $(VENV)/.test-installed

##@ Use

demo: $(RUN) ## three hosts with a replicated set on this machine
	@tools/demo up

demo-down: ## remove everything that the demo made
	@tools/demo down

##@ Check

test: $(TEST) ## everything; some steps: make test STEPS=unit,molecule-sentinel
	@tools/run_steps.py $(STEPS)

lint sanity unit integration molecule build: $(TEST) ## one step of the test
	@tools/run_steps.py $@

soak: $(TEST) ## before a release: the random trials SOAK=5 times as often; prints their numbers for the docs
	@SOAK=$(or $(SOAK),5) tools/run_steps.py integration,molecule-acl,molecule-failover,molecule-endpoint

bench: $(RUN) ## site.yml beside a bare shell script, 3, 10 and 30 hosts, a cluster; 15 minutes
	@tools/bench --write

##@ House

ee: $(TEST) ## the execution environment for AWX by ansible-builder and podman; EE_BASE= and EE_TAG= name images
	@tools/ee.py $(if $(EE_BASE),--base $(EE_BASE)) $(if $(EE_TAG),--tag $(EE_TAG))

docs: $(TEST) ## the documentation as a web site, in .cache/docs/html
	@tools/docs.py

release-check: $(TEST) ## a release in a scratch copy: changelog, tag, tarball, Galaxy's importer with its ansible-lint
	@tools/release.py check --lint

clean: ## remove every lab of this tree, the images, and what the tools made
	@tools/lab clean --quiet --labs
	rm -rf .venv .lab .cache tests/output .pytest_cache .mypy_cache .ruff_cache

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	    /^[a-z][a-z -]*:.*## / {printf "  make %-44s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

$(RUN): requirements/run.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(TEST): requirements/test.txt requirements/run.txt | $(VENV)/bin/pip
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@ $(RUN)

.PHONY: demo demo-down test lint sanity unit integration molecule build soak bench ee docs release-check clean help
