# Everything a person or a pipeline does, by name. `make help` lists it; each target runs the command of the tool that has
# its name. A variable of the command line is an option of that command: to=V is --to V, dry_run=1 is --dry-run. One that
# the command does not know is refused; nothing here has to be changed for a new option.
# When a command fails make itself always exits with 2: where the code counts, call npm (npm run migrate:up).

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# Values are data: taken as they stand, not expanded by make, and handed on in the environment, not in the text of a
# recipe, where a shell would read them. Only make's own command line counts, not what the environment happens to have.
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))
$(foreach v,$(given),$(eval override $v := $$(value $v)))
override MAKE_GIVEN := $(given)
export MAKE_GIVEN $(given)

command = $(patsubst migrate-%,%,$(patsubst migrate-new,migrate-create,$(patsubst check-migrations,migrate-check,$@)))
run = @npm run --silent migrate -- $(command) --make
# What is no command of the tool knows the variables named here, or none.
only = $(if $(filter-out $(1),$(given)),$(error make $@ knows no variable $(filter-out $(1),$(given)); known are: $(or $(1),none)))

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

ready: node_modules/.package-lock.json

.PHONY: check-migrations help ready migrate-new migrate-up migrate-down migrate-redo migrate-status migrate-plan migrate-drift migrate-lint migrate-verify schema docs migrate-baseline migrate-repair migrate-rebase migrate-environment manifest db-up db-down db-reset test bench lint check

help: ## list the targets
	$(call only)@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 } /^## / { printf "\n%s\n", substr($$0, 4) }' $(MAKEFILE_LIST)

## Migrations
migrate-new: ready ## write a new pair of files: name=create-users-table [from=FILE]
	$(run)

migrate-up: ready ## apply pending migrations: [to=V] [n=K] [plan=FILE] [budget=10min] [dry_run=1]
	$(run)

migrate-down: ready ## revert the newest one: [to=V] [n=K] [confirm=ENVIRONMENT] [dry_run=1]
	$(run)

migrate-redo: ready ## revert the newest one and apply it again: [confirm=ENVIRONMENT]
	$(run)

migrate-status: ready ## every migration and its state: [check=1], [log=K] shows the audit log
	$(run)

migrate-plan: ready ## what up would do, writing nothing: [to=V] [n=K] [out=FILE]
	$(run)

migrate-drift: ready ## was the schema changed by hand? [accept=1 reason="…"] [write=NAME [rename=OLD=NEW]] [confirm=ENVIRONMENT]
	$(run)

migrate-baseline: ready ## adopt an existing database: to=V [from=TOOL] [table=T]
	$(run)

migrate-repair: ready ## accept=V, forget=V, record=V=applied (or =pending), with reason="…"
	$(run)

migrate-rebase: ready ## give pending files older than the newest applied a fresh version
	$(run)

migrate-environment: ready ## what the database is stamped as, or set=NAME confirm=CURRENT
	$(run)

manifest: ready ## write which migrations this release has, for the application's gate: [out=FILE]
	$(run)

## Review
migrate-lint: ready ## what each statement would do to a live database: [since=REF] [fix=1] [dry_run=1]
	$(run)

migrate-verify: ready ## up, down, up on a scratch database: [since=REF]
	$(run)

check-migrations: ready ## all that a pipeline asks of migrations: lint, verify, schema check [since=REF]
	$(run)

schema: ready ## write db/schema.sql, what the migrations add up to
	$(run)

docs: ready ## write db/SCHEMA.md: tables, comments, diagram; or a page to look at: html=FILE
	$(run)

## Development database
db-up: ready ## start the embedded PostgreSQL
	$(run)

db-down: ready ## stop it; its data stay
	$(run)

db-reset: ready ## empty it and apply everything again
	$(run)

## Quality
test: ready ## all tests, on a throw-away PostgreSQL (TEST_POSTGRES=17 chooses another than 16)
	$(call only,args)@set -f; npm test --silent -- $$args

lint: ready ## format, lint and types
	$(call only)@npm run --silent lint

bench: ready ## this tool beside its peers: [args="--quick"]
	$(call only,args)@set -f; npm run --silent bench -- $$args

check: lint test ## all that CI runs
