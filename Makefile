# The verbs. `make` alone lists them. ENV names the environment (local is the embedded cloud); ARGS goes to the command.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

ENV ?= local
TRANSPORT ?= websocket
CARRIERS := twilio vonage telnyx plivo
# ONNX Runtime would report to Microsoft.
export ORT_DISABLE_TELEMETRY := 1
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
CLOUD = $(if $(filter local,$(ENV)),python -m local exec --)
# Daily's stand-in takes Daily's place in the embedded cloud; elsewhere the command joins rooms of Daily's own.
DAILY = $(if $(CLOUD),$(CLOUD) python -m tests.daily.call $(ARGS),$(CALL))
CALL = $(CLOUD) python -m switchboard call --env $(ENV) --transport $(TRANSPORT) $(ARGS)
# A carrier's stand-in calls the embedded cloud. Elsewhere there is a number: call it.
PHONE = $(if $(CLOUD),$(CLOUD) env PYTHONPATH=lambda python -m tests.carriers.call $(TRANSPORT),$(error TRANSPORT=$(TRANSPORT) needs ENV=local; in $(ENV) call the number at the carrier with a telephone))
CDK = $(CLOUD) cdk
APP = -c env=$(ENV)
IMAGE_WHEELS = --python-version 3.13 --python-platform aarch64-manylinux_2_28 --only-binary :all: --no-binary docopt --excludes agent_image/excludes.txt
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --generate-hashes

.PHONY: help setup packages call page test evals soak arm64 check web screenshots synth deploy diff destroy up down lock docs benchmarks

help: ## list the verbs
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: .venv/.ready .venv-cloud/.ready node_modules/.ready ## install everything that the other verbs need

packages: ## install the Debian packages that WebRTC on this machine needs (needs root, else it names them)
	@scripts/install-packages

call: setup $(if $(CLOUD),$(if $(filter webrtc,$(TRANSPORT)),packages)) ## place a spoken call and print it (TRANSPORT=websocket, webrtc, daily or a carrier; ENV=local deploys first)
	$(if $(CLOUD),@$(MAKE) deploy ARGS=)
	@$(if $(filter $(CARRIERS),$(TRANSPORT)),$(PHONE),$(if $(filter daily,$(TRANSPORT)),$(DAILY),$(CALL)))

page: setup $(if $(CLOUD),packages) ## print the page's address and a user for it, who lasts as long as the command (ENV=local deploys first)
	$(if $(CLOUD),@$(MAKE) deploy ARGS=)
	@$(CLOUD) python -m switchboard page --env $(ENV) $(ARGS)

test: setup check ## lint, types and the whole test suite
	-@scripts/install-packages
	-@scripts/install-packages browser
	npm --prefix web test
	pytest $(ARGS)

evals: setup ## hold the evaluation scenarios as calls (ENV=local: the scripted bot; else real models)
	$(if $(CLOUD),@$(MAKE) deploy ARGS=)
	@$(CLOUD) python -m evals --env $(ENV) $(ARGS)

soak: setup packages ## hold calls of 11 minutes over TURN, past the end of their credentials
	pytest tests/soak $(ARGS)

arm64: setup ## build the image for arm64 and call it under emulation (needs root; minutes)
	@scripts/install-packages arm64
	pytest tests/arm64 $(ARGS)

check: setup web/node_modules/.ready ## lint and types
	ruff check && ruff format --check && mypy
	npm --prefix web run check

web: setup web/node_modules/.ready ## build the page into web/release, which is what gets deployed
	npm --prefix web run build

screenshots: setup web/node_modules/.ready ## take pictures of the page in every state, and the README's
	@scripts/install-packages
	@scripts/install-packages browser
	python -m tests.browser.screenshots $(ARGS)

synth: setup ## write the CloudFormation templates to cdk.out
	cdk synth --quiet $(APP) $(ARGS)

deploy: setup ## deploy all stacks (asks before it widens permissions on AWS)
	$(if $(CLOUD),@$(MAKE) up)
	$(if $(CLOUD),$(CDK) bootstrap $(APP))
	$(CDK) deploy --all $(if $(CLOUD),--require-approval never) $(APP) $(ARGS)

diff: setup ## compare the deployed stacks with the code
	$(CDK) diff $(APP) $(ARGS)

destroy: setup ## delete all stacks
	$(CDK) destroy --all $(if $(CLOUD),--force) $(APP) $(ARGS)

up: setup ## start the embedded cloud, or find the running one
	@python -m local up

down: ## end the embedded cloud and all that it started
	@python -m local down

lock: .venv/.ready ## resolve every requirements.txt again, with hashes
	$(COMPILE) $(IMAGE_WHEELS) agent_image/requirements.in -o agent_image/requirements.txt
	$(COMPILE) $(subst 2_28,2_34,$(IMAGE_WHEELS)) -c agent_image/requirements.txt agent_image/requirements-offline.in -o agent_image/requirements-offline.txt
	$(COMPILE) --python-version 3.13 --python-platform aarch64-manylinux_2_28 agent_image/requirements-build.in -o agent_image/requirements-build.txt
	$(COMPILE) --universal --python-version 3.13 lambda/requirements.in -o lambda/requirements.txt
	$(COMPILE) --universal --python-version 3.13 -c lambda/requirements.txt lambda/telephony/requirements.in -o lambda/telephony/requirements.txt
	$(COMPILE) $(IMAGE_WHEELS) -c agent_image/requirements.txt relay/requirements.in -o relay/requirements.txt
	$(COMPILE) --python-version 3.13 --python-platform aarch64-manylinux_2_28 relay/requirements-build.in -o relay/requirements-build.txt
	$(COMPILE) --universal --python-version 3.12 -c lambda/telephony/requirements.txt local/requirements.in -o local/requirements.txt
	$(COMPILE) --universal --python-version 3.12 scripts/uv.in -o scripts/uv.txt
	$(COMPILE) --universal --python-version 3.12 --excludes agent_image/excludes.txt \
		-c agent_image/requirements.txt -c agent_image/requirements-offline.txt -c lambda/requirements.txt \
		-c lambda/telephony/requirements.txt -c relay/requirements.txt requirements.in -o requirements.txt

docs: setup ## write docs/configuration.md from the parameters
	python -m stacks.configuration_docs

benchmarks: setup ## print the ratios that the documents quote
	for benchmark in benchmarks/*.py; do python "$$benchmark"; done

.venv/.ready: requirements.txt scripts/uv.txt
	python=$$(scripts/find-python) && "$$python" -m venv .venv
	pip install --quiet --require-hashes -r scripts/uv.txt
	uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.txt
	scripts/link-node
	touch $@

.venv-cloud/.ready: local/requirements.txt .venv/.ready
	uv venv --quiet --clear --python .venv/bin/python .venv-cloud
	uv pip sync --quiet --python .venv-cloud/bin/python --require-hashes --compile-bytecode local/requirements.txt
	touch $@

node_modules/.ready: package-lock.json .venv/.ready
	npm ci --silent
	touch $@

web/node_modules/.ready: web/package-lock.json .venv/.ready
	npm --prefix web ci --silent
	touch $@
