# Everything here is a convenience: `. .clawfleet/env` (or `make shell`) gives a shell in which pulumi and clawfleet work by hand.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The fleet of this run; empty = what CLAWFLEET_FLEET or the stack's config names.
FLEET ?=
# The stack of this run; empty = what PULUMI_STACK names, else dev.
STACK ?=
# Further arguments for the command, e.g. make logs CLAW=ada ARGS=-f
ARGS ?=
ifneq ($(FLEET),)
export CLAWFLEET_FLEET := $(FLEET)
endif
ifeq ($(CLAWFLEET_FLEET),)
unexport CLAWFLEET_FLEET
endif
ifneq ($(STACK),)
export PULUMI_STACK := $(STACK)
endif

SETUP = engine/setup.sh --fleet "$${CLAWFLEET_FLEET:-fleets/starter.toml}"
LOCAL = "$${CLAWFLEET_STATE:-.clawfleet}/env"
ENV = . $(LOCAL)

.PHONY: help up down clean preview status logs token forward shell doctor setup cluster cluster-down check test test-kubernetes images bench

help: ## show this
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 25
	@echo; echo '  FLEET=FILE chooses the fleet file (make up FLEET=fleets/trio.toml), CLAW=NAME the claw (make logs CLAW=ada),'; \
	echo '  STACK=NAME the stack (make up STACK=k8s).'

up: ## set up what is missing, then bring the fleet up
	@$(SETUP); $(ENV); exec clawfleet up $(ARGS)

down: ## remove the claws; their data stays
	@$(SETUP); $(ENV); exec clawfleet down $(ARGS)

clean: ## remove the claws and their data, after asking (ARGS=--yes: without)
	@$(SETUP); $(ENV); exec clawfleet clean $(ARGS)

preview: ## show what `make up` would change
	@$(SETUP); $(ENV); exec pulumi preview --stack "$${PULUMI_STACK:-dev}" $(ARGS)

status: ## show the claws and how they are
	@$(SETUP); $(ENV); exec clawfleet status $(ARGS)

logs: ## show a claw's log (CLAW=name; ARGS=-f follows it)
	@if [ -z "$${CLAW:-}" ]; then echo 'which claw? make logs CLAW=name (make status lists them)' >&2; exit 2; fi
	@$(SETUP); $(ENV); exec clawfleet logs "$$CLAW" $(ARGS)

token: ## show the token that a claw's gateway wants (CLAW=name)
	@if [ -z "$${CLAW:-}" ]; then echo 'which claw? make token CLAW=name (make status lists them)' >&2; exit 2; fi
	@$(SETUP); $(ENV); exec clawfleet token "$$CLAW" $(ARGS)

forward: ## bring a claw on Kubernetes to 127.0.0.1, until Ctrl-C (CLAW=name)
	@if [ -z "$${CLAW:-}" ]; then echo 'which claw? make forward CLAW=name (make status lists them)' >&2; exit 2; fi
	@$(SETUP); $(ENV); exec clawfleet port-forward "$$CLAW" $(ARGS)

shell: ## open a shell in which pulumi, clawfleet and docker work by hand
	@$(SETUP); $(ENV); exec engine/shell.sh

doctor: ## show what is on this machine and what is wrong with it
	@if [ -e $(LOCAL) ]; then $(ENV); fi; exec engine/doctor.sh $(ARGS)

setup: ## set up what is missing, and nothing else
	@$(SETUP)

cluster: ## start a Kubernetes cluster on this machine, for make up STACK=k8s (root; built once, some 7 minutes)
	@$(SETUP); $(ENV); engine/cluster.sh up >/dev/null
	@echo 'The cluster runs. Next: make up STACK=k8s, make status STACK=k8s; make shell has kubectl. make cluster-down stops it.'

cluster-down: ## stop that cluster; what is in it stays
	@engine/cluster.sh down

check: ## static checks: Biome, tsc, shellcheck, gofmt, go vet, generated files
	@engine/setup.sh --checks; exec engine/test.sh --checks

test: ## set up what is missing, then run every check and test (ARGS=test/fleet: only those)
	@engine/setup.sh --tests; $(ENV); exec engine/test.sh $(ARGS)

test-kubernetes: ## of `make test`, only what runs on the real cluster
	@$(MAKE) test ARGS=test/kubernetes

images: ## build all images, show how large they are (ARGS=--record: write it down; ARGS=picoclaw: only that one)
	@engine/setup.sh --tests; $(ENV); exec node cli/images.ts $(ARGS)

bench: ## measure against Docker Compose, plain Docker and kubectl; writes bench/results.md (ARGS='--only docker')
	@engine/setup.sh --tests; $(ENV); CLAWFLEET_COMPOSE=$$(engine/compose.sh); export CLAWFLEET_COMPOSE; exec node test/bench/main.ts $(ARGS)
