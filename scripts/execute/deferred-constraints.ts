// Gives the statements that check what is deferred at the end of a step. Between steps that share a transaction each must
// begin as if it had one of its own. Pure.
import { MigrateError } from '../base/errors.ts';
import type { Parser } from '../files/statements.ts';
import type { ReadyStep } from '../plan/steps.ts';

/**
 * Fires what is deferred, as COMMIT would, and makes every constraint again what its definition says. By name, for after
 * ALL IMMEDIATE a constraint that the next step creates would begin as IMMEDIATE, whatever its definition says.
 * https://www.postgresql.org/docs/16/sql-set-constraints.html
 */
const checkAndRestore = `DO $migrate$
DECLARE
  every pg_catalog.text;
  deferred pg_catalog.text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', nspname, conname), ', '),
         pg_catalog.string_agg(pg_catalog.format('%I.%I', nspname, conname), ', ') FILTER (WHERE condeferred)
    INTO every, deferred
    FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) connamespace
   WHERE condeferrable AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT pg_catalog.pg_is_other_temp_schema(n.oid);
  IF every IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' OPERATOR(pg_catalog.||) every OPERATOR(pg_catalog.||) ' IMMEDIATE'; END IF;
  IF deferred IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' OPERATOR(pg_catalog.||) deferred OPERATOR(pg_catalog.||) ' DEFERRED'; END IF;
END
$migrate$`;

/** @param last whether the transaction ends after the step */
export function deferredCheck(last: boolean): string {
  return last ? 'SET CONSTRAINTS ALL IMMEDIATE' : checkAndRestore;
}

/**
 * SET CONSTRAINTS ALL of one step would reach those after it in the same transaction, and nothing takes it back.
 * @throws MigrateError `refused` naming the file
 */
export async function refuseConstraintsAll(
  steps: readonly ReadyStep[],
  loadParser: () => Promise<Parser>,
): Promise<void> {
  for (const step of steps.slice(0, -1)) {
    if (!/\bset\b[\s\S]*\bconstraints\b/i.test(step.text)) continue;
    const parse = await loadParser();
    const parsed = parse(step.text);
    const statements = parsed.ok === true ? parsed.statements : [];
    const all = statements.find(
      ({ kind, node }) => kind === 'ConstraintsSetStmt' && node.constraints === undefined,
    );
    if (all === undefined) continue;
    throw new MigrateError(
      'refused',
      `SET CONSTRAINTS ALL in ${step.path} would count for the steps after it too, for they share its transaction`,
      {
        location: { file: step.path, line: all.line, column: all.column },
        hint: 'Name the constraints there; or give each step a transaction of its own (make migrate-up, or make migrate-down and then make migrate-up).',
        state: 'Nothing was changed.',
      },
    );
  }
}
