# Migrations by make: each target runs the command of the tool that has its name; to=V is --to V, dry_run=1 is --dry-run.
# Written once by `npx migrate init --make`; yours from then on. The Makefile includes it: include db/migrate.mk
# When a command fails make itself always exits with 2: where the code counts, call npx migrate.

# Values are data: taken as they stand, not expanded by make, and handed on in the environment, not in the text of a recipe.
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))
$(foreach v,$(given),$(eval override $v := $$(value $v)))
override MAKE_GIVEN := $(given)
export MAKE_GIVEN $(given)

command = $(patsubst migrate-%,%,$(patsubst migrate-new,migrate-create,$(patsubst check-migrations,migrate-check,$@)))
run = @npx --no migrate $(command) --make

migrate_targets := migrate-new migrate-up migrate-down migrate-redo migrate-status migrate-plan migrate-drift \
  migrate-lint migrate-verify check-migrations migrate-baseline migrate-repair migrate-rebase migrate-environment \
  schema docs manifest db-up db-down db-reset
.PHONY: $(migrate_targets)
migrate-up: ## apply pending migrations: [to=V] [n=K]
$(migrate_targets):
	$(run)
