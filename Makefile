# Everything a person or a pipeline does, by name. `make help` lists it.
# Recipes wrap npm scripts. name=, to=, n= and the other variables are passed on as one quoted argument each.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# A value reaches the shell through the environment, so that no character in it can be taken for a command.
export name to n confirm reason since args dir plan out

opt = $${$(1):+--$(2)} $${$(1):+"$$$(1)"}
run = npm run --silent $(1) --

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

ready: node_modules/.package-lock.json

.PHONY: help ready migrate-new migrate-up migrate-down migrate-redo migrate-status migrate-plan manifest db-up db-down db-reset test lint check

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 } /^## / { printf "\n%s\n", substr($$0, 4) }' $(MAKEFILE_LIST)

## Migrations
migrate-new: ready ## write a new pair of files: name=create-users-table
	@$(call run,migrate:create) "$$name"

migrate-up: ready ## apply pending migrations: [to=V] [n=K]
	@$(call run,migrate:up) $(call opt,to,to) $(call opt,n,n) $(call opt,plan,plan) $(call opt,dir,dir) $(args)

migrate-down: ready ## revert the newest one: [to=V] [n=K] [confirm=ENVIRONMENT]
	@$(call run,migrate:down) $(call opt,to,to) $(call opt,n,n) $(call opt,confirm,confirm) $(call opt,dir,dir) $(args)

migrate-redo: ready ## revert the newest one and apply it again
	@$(call run,migrate:redo) $(call opt,confirm,confirm) $(call opt,dir,dir) $(args)

migrate-status: ready ## every migration and its state
	@$(call run,migrate:status) $(call opt,dir,dir) $(args)

migrate-plan: ready ## what up would do, writing nothing: [to=V] [n=K]
	@$(call run,migrate:plan) $(call opt,to,to) $(call opt,n,n) $(call opt,dir,dir) $(args)

manifest: ready ## write which migrations this release has, for the application's gate: [out=FILE]
	@$(call run,migrate:manifest) $(call opt,out,out) $(call opt,dir,dir) $(args)

## Development database
db-up: ready ## start the embedded PostgreSQL 16
	@$(call run,db:up) $(args)

db-down: ready ## stop it; its data stay
	@$(call run,db:down) $(args)

db-reset: ready ## empty it and apply everything again
	@$(call run,db:reset) $(args)

## Quality
test: ready ## all tests, on a throw-away PostgreSQL 16
	@npm test --silent $(args)

lint: ready ## format, lint and types
	@npm run --silent lint

check: lint test ## all that CI runs
