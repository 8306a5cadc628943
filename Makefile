# Everything needs Python 3.11 or newer, make and a package index; each target sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LINTER := $(VENV)/checkov
TEMPLATES := infra/service-lambda.yaml infra/service-ecs.yaml infra/service-autoscaling.yaml infra/ci-role.yaml
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"
TESTS ?= tests
SIDE_BY_SIDE ?= --numprocesses auto --maxprocesses 4 --dist loadfile
STAGE ?= prod
MINISTACK := build/ministack
STACK ?= turnout-$(STAGE)
BENCH ?= calls imports ticks judges reaction_at_aws reaction cutovers

.DEFAULT_GOAL := help
.PHONY: help install demo test bench check lint-infra faults soak defects formats package packaged deploy lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with everything in it, .venv/bin/turnout included

$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Turnout needs Python 3.11 or newer; say which: make PYTHON=python3.12 install")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## play the main job on the local stack, against real traffic; writes .turnout/demo.json
	$(BIN)/python -m turnout.demo

test: install ## run the tests, some files side by side (TESTS=tests/unit for a part of them, SIDE_BY_SIDE= for one after another)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(TESTS)

check: install ## ruff, mypy, and cfn-lint and checkov over the templates, the packaged one included
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory lint-infra

lint-infra: package $(LINTER)/.installed ## package, and checkov over all templates; it has an environment of its own (docs/decisions/0010-infra-checks.md)
	CKV_PARSE_ERROR_FAIL=true $(LINTER)/bin/checkov --quiet --compact --skip-download --framework cloudformation --file build/package/sam.json $(TEMPLATES)

$(LINTER)/.installed: infra/checkov.txt | install
	test -x $(LINTER)/bin/python || $(PYTHON) -m venv $(LINTER)
	$(LINTER)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r infra/checkov.txt
	@touch $@

bench: install ## measure what docs/performance.md tells, most of two hours; figures in build/bench (BENCH=calls for one of them)
	@for each in $(BENCH); do \
	  echo "== $$each"; $(BIN)/python -m bench.$$each --json build/bench/$$each.json || exit 1; \
	done

faults: install ## every fault at every call of every workflow, for hours (EVERY=30 for every thirtieth, PLAN=canary/17/dies-after for one)
	$(BIN)/python -m tests.faults

soak: install ## SEEDS=10000 runs of random commands and mishaps (SEED=17 for one seed again)
	$(BIN)/python -m tests.soak

defects: install ## put small defects into a copy of the tree, one at a time, and show that the quick tests catch each
	$(BIN)/python -m tests.defects

formats: install ## finish with this code what the commit FROM=HEAD left half done, and the other way round
	$(BIN)/python -m tests.formats --from $(or $(FROM),HEAD)

package: install ## build/package: the zip and the template of the control plane for STAGE=prod; all templates linted
	$(BIN)/python infra/package.py build/package $(STAGE)
	$(BIN)/cfn-lint build/package/sam.json $(TEMPLATES)

packaged: package $(MINISTACK)/.installed ## deploy the package on a second, independent AWS emulator and play it there, IAM enforced; log in build/packaged
	$(BIN)/python -m pytest tests/packaged --emulator $(MINISTACK)/bin/python

# An environment of its own, for it pins botocore. Its functions run in it, so it has the Python of the zip's wheels.
$(MINISTACK)/.installed: tests/packaged/requirements.txt | install
	$(BIN)/python -m venv --clear $(MINISTACK)
	$(MINISTACK)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r tests/packaged/requirements.txt
	@touch $@

deploy: install ## package, and deploy it as stack turnout-STAGE by the aws command; BUCKET=… takes the zip (PARAMETERS="AlertEmail=…")
	@test -n "$(BUCKET)" || { echo "which bucket shall take the zip? make deploy STAGE=$(STAGE) BUCKET=…" >&2; exit 2; }
	@command -v aws >/dev/null || { echo "make deploy needs the aws command (AWS CLI, version 2) and credentials" >&2; exit 2; }
	@$(MAKE) --no-print-directory package
	aws cloudformation package --template-file build/package/sam.json --s3-bucket $(BUCKET) --s3-prefix $(STACK) --use-json --output-template-file build/package/deploy.json
	aws cloudformation deploy --template-file build/package/deploy.json --s3-bucket $(BUCKET) --s3-prefix $(STACK) --stack-name $(STACK) \
	  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))
	aws cloudformation describe-stacks --stack-name $(STACK) --query 'Stacks[0].Outputs' --output table

lock: install ## write requirements.txt and requirements-dev.txt anew from what they are made of
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) --constraint requirements.txt pyproject.toml requirements-dev.in --output-file requirements-dev.txt
	$(LOCK) examples/shop/requirements.in --output-file examples/shop/requirements.txt
	$(LOCK) tests/packaged/requirements.in --output-file tests/packaged/requirements.txt
	$(LOCK) infra/checkov.in --output-file infra/checkov.txt

clean: ## remove what the other targets made, but for .venv
	-test ! -x $(BIN)/turnout || $(BIN)/turnout local down
	rm -rf build .turnout .chalice/deployments .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find app.py chalicelib turnout tests infra examples bench -name __pycache__ -type d -prune -exec rm -rf {} +
