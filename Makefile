# Everything a person or a pipeline does, by name. `make help` lists it.
# Recipes wrap npm scripts. name=, to=, n= and the other variables are passed on as one quoted argument each.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# A value reaches the shell through the environment, so that no character in it can be taken for a command. Only what
# stands on make's own command line counts: a variable that the shell happens to have must not steer a migration.
export name to n confirm reason since args dir plan out
export from table accept accept_down forget record resolve set log write expect_fingerprint

opt = $(if $(findstring command,$(origin $(1))),--$(2) "$$$(1)")
run = npm run --silent $(1) --

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

ready: node_modules/.package-lock.json

.PHONY: check-migrations help ready migrate-new migrate-up migrate-down migrate-redo migrate-status migrate-plan migrate-drift migrate-lint migrate-verify schema docs migrate-baseline migrate-repair migrate-rebase migrate-environment manifest db-up db-down db-reset test bench lint check

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 } /^## / { printf "\n%s\n", substr($$0, 4) }' $(MAKEFILE_LIST)

## Migrations
migrate-new: ready ## write a new pair of files: name=create-users-table
	@$(call run,migrate:create) $(if $(findstring command,$(origin name)),"$$name","")

migrate-up: ready ## apply pending migrations: [to=V] [n=K] [plan=FILE]
	@$(call run,migrate:up) $(call opt,to,to) $(call opt,n,n) $(call opt,plan,plan) $(call opt,expect_fingerprint,expect-fingerprint) $(call opt,dir,dir) $(args)

migrate-down: ready ## revert the newest one: [to=V] [n=K] [confirm=ENVIRONMENT]
	@$(call run,migrate:down) $(call opt,to,to) $(call opt,n,n) $(call opt,confirm,confirm) $(call opt,dir,dir) $(args)

migrate-redo: ready ## revert the newest one and apply it again: [confirm=ENVIRONMENT]
	@$(call run,migrate:redo) $(call opt,confirm,confirm) $(call opt,dir,dir) $(args)

migrate-status: ready ## every migration and its state: [log=K] shows the audit log
	@$(call run,migrate:status) $(call opt,log,log) $(call opt,dir,dir) $(args)

migrate-plan: ready ## what up would do, writing nothing: [to=V] [n=K] [out=FILE]
	@$(call run,migrate:plan) $(call opt,to,to) $(call opt,n,n) $(call opt,out,out) $(call opt,dir,dir) $(args)

migrate-drift: ready ## was the schema changed by hand? [accept=1 reason="…"] [write=NAME] [confirm=ENVIRONMENT]
	@$(call run,migrate:drift) $(if $(findstring command,$(origin accept)),--accept) $(call opt,write,write) $(call opt,reason,reason) $(call opt,confirm,confirm) $(call opt,dir,dir) $(args)

migrate-baseline: ready ## adopt an existing database: to=V [from=TOOL] [table=T]
	@$(call run,migrate:baseline) $(call opt,to,to) $(call opt,from,from) $(call opt,table,table) $(call opt,confirm,confirm) $(call opt,reason,reason) $(call opt,dir,dir) $(args)

migrate-repair: ready ## accept=V, forget=V, record=V=applied (or =pending), with reason="…"
	@$(call run,migrate:repair) $(call opt,accept,accept) $(call opt,accept_down,accept-down) $(call opt,forget,forget) $(call opt,record,record) $(call opt,resolve,resolve) $(call opt,confirm,confirm) $(call opt,reason,reason) $(call opt,dir,dir) $(args)

migrate-rebase: ready ## give pending files older than the newest applied a fresh version
	@$(call run,migrate:rebase) $(call opt,dir,dir) $(args)

migrate-environment: ready ## how the database is marked, or set=NAME confirm=CURRENT
	@$(call run,migrate:environment) $(call opt,set,set) $(call opt,confirm,confirm) $(args)

manifest: ready ## write which migrations this release has, for the application's gate: [out=FILE]
	@$(call run,migrate:manifest) $(call opt,out,out) $(call opt,dir,dir) $(args)

## Review
migrate-lint: ready ## what each statement would do to a live database: [since=REF]
	@$(call run,migrate:lint) $(call opt,since,since) $(call opt,dir,dir) $(args)

migrate-verify: ready ## up, down, up on a scratch database: [since=REF]
	@$(call run,migrate:verify) $(call opt,since,since) $(call opt,dir,dir) $(args)

check-migrations: ready ## all that a pipeline asks of migrations: lint, verify, schema check [since=REF]
	@$(call run,migrate:check) $(call opt,since,since) $(call opt,dir,dir) $(args)

schema: ready ## write db/schema.sql, what the migrations add up to
	@$(call run,migrate:schema) $(call opt,dir,dir) $(args)

docs: ready ## write db/SCHEMA.md: tables, comments, diagram
	@$(call run,migrate:docs) $(call opt,dir,dir) $(args)

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

bench: ready ## this tool beside its peers: [args="--quick"]
	@npm run --silent bench -- $(args)

check: lint test ## all that CI runs
