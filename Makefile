# The commands of k3s-ha. `make up` and `make test` work on a fresh machine; README.md describes the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
STACK ?= dev
ARGS ?=
NODE := node_modules/.bin/node
# Node runs the TypeScript sources directly. Its warning about that is of no use to users.
RUN := $(NODE) --disable-warning=ExperimentalWarning

.PHONY: help up preview down status kubectl backup restore outputs sandbox test test-long lint docs drill bench

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: node_modules/.installed ## Create the cluster, or bring it up to date (STACK=dev: in a sandbox on this machine)
	@$(RUN) operations/main.ts up --stack $(STACK)

preview: node_modules/.installed ## Show what `make up` would change
	@$(RUN) operations/main.ts preview --stack $(STACK)

down: node_modules/.installed ## Remove the cluster (STACK=dev: and the sandbox)
	@$(RUN) operations/main.ts down --stack $(STACK)

status: node_modules/.installed ## Report whether the cluster is healthy, and what is wrong: make -s status ARGS=--json
	@$(RUN) operations/main.ts status --stack $(STACK) $(ARGS)

kubectl: node_modules/.installed ## Run kubectl through the load balancer: make kubectl ARGS='get nodes'
	@$(RUN) operations/main.ts kubectl --stack $(STACK) -- $(ARGS)

backup: node_modules/.installed ## Take a backup now and verify it
	@$(RUN) operations/main.ts backup --stack $(STACK)

restore: node_modules/.installed ## Restore a backup: make restore BACKUP=latest [FROM=copy] [IDENTITY=key.txt] [YES=1]
	@$(RUN) operations/main.ts restore --stack $(STACK) --backup $(or $(BACKUP),latest) $(if $(filter copy,$(FROM)),--from-copy) $(if $(IDENTITY),--identity $(IDENTITY)) $(if $(YES),--yes)

outputs: node_modules/.installed ## Show the stack's outputs, secrets hidden
	@$(RUN) operations/main.ts outputs --stack $(STACK)

sandbox: node_modules/.installed ## Work with the sandbox's hosts: make sandbox ARGS='power-off server-1'
	@$(RUN) sandbox/cli.ts $(ARGS)

test: node_modules/.installed ## Run every test
	@$(RUN) tests/run.ts $(ARGS)

test-long: node_modules/.installed ## Run the tests on hosts that take too long for `make test`
	@$(RUN) tests/run.ts --long

drill: node_modules/.installed ## Break a cluster in the sandbox in every way, and report what its clients see
	@$(RUN) tests/drill/main.ts $(ARGS)

bench: node_modules/.installed ## Compare the time to create a cluster with a plain shell script; ARGS=preview, up, backups or faults: measure these
	@set -- $(ARGS); case "$$1" in preview) bench=previewSize ;; up) bench=upSize ;; backups) bench=backupSizes ;; faults) bench=backupFaults ;; *) bench=createTime; set -- - "$$@" ;; esac; \
	shift; $(RUN) tests/bench/$$bench.ts "$$@"

lint: node_modules/.installed ## Check format, lint rules, types and the reference of the components
	@$(RUN) tests/run.ts --only lint

docs: node_modules/.installed ## Write the reference of the components, as HTML, to docs/api
	@$(RUN) node_modules/typedoc/bin/typedoc

# Installs the versions in the lock file, Node among them, with the machine's npm.
node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js with your package manager (apt-get install nodejs npm), then run again" >&2; exit 1; }
	@echo "▸ Install the project's Node packages"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
