// Takes a batch step; gives its table, and what its statement compares the ends of a range with, both looked up with the
// search path that the file has. It changes nothing.
import { MigrateError } from '../../base/errors.ts';
import type { BatchDirective, Statement } from '../../base/types.ts';
import type { Session } from '../../connection/session.ts';
import { fileSettings } from '../../connection/session-settings.ts';
import { type Meanings, meaningsSql, textOnly } from '../../files/batch-meanings.ts';
import type { ReadyStep } from '../../plan/steps.ts';
import { quoteLiteral } from '../../schema/sql.ts';
import type { RunContext } from '../context.ts';
import { familySql } from './key-types.ts';
import type { BatchTable } from './keys.ts';

/** @returns null where there is no such table; @throws MigrateError `migration-failed` where it cannot be looked up */
export async function findTable(
  { session, settingsStoredBefore }: Pick<RunContext, 'session' | 'settingsStoredBefore'>,
  step: ReadyStep,
  { table }: BatchDirective,
  { kind, node, text }: Pick<Statement, 'kind' | 'node' | 'text'>,
): Promise<BatchTable | null> {
  const opened = readingAs(session, settingsStoredBefore(step.text));
  const oid = `SELECT pg_catalog.to_regclass(${quoteLiteral(table)})::pg_catalog.oid::pg_catalog.text`;
  const texts = [...opened, oid, meaningsSql({ [kind]: node }), 'COMMIT'];
  const { rows, error } = await session.batch(texts.join(';\n'), { keepRows: 4 });
  if (error !== null) await session.batch('ROLLBACK');
  const found = rows[2]?.[0]?.[0];
  if (error !== null) throw unknownTable(step, error.message);
  if (found == null) return null;
  const meanings = JSON.parse(rows[3]?.[0]?.[0] ?? 'null') as Meanings | null;
  return { oid: found, families: await comparedWith(session, opened, text), meanings: meanings ?? textOnly };
}

/** Opens a transaction that cannot write, with the search path of the file. */
export function readingAs({ login }: Session, stored: boolean): readonly string[] {
  return ['BEGIN READ ONLY', `SELECT ${fileSettings(login, stored, true)}`];
}

/** The error of a batch whose table cannot be found; `why` says what is wrong with it. */
export function unknownTable(step: ReadyStep, why: string): MigrateError {
  return new MigrateError('migration-failed', `${step.path}: ${why}`, {
    location: { file: step.path },
    state: `Nothing of ${step.id} was run.`,
    hint: 'Name the table with its schema in the directive, then run again.',
  });
}

const familiesSql = `SELECT ${familySql('t')}
  FROM pg_catalog.pg_prepared_statements AS p, pg_catalog.unnest(p.parameter_types) AS parameter JOIN pg_catalog.pg_type AS t ON t.oid = parameter
 WHERE p.name = 'migrate_batch'`;

/** Types that the server gives the parameters; null where it refuses the statement, which its run then tells with its place. */
async function comparedWith(
  session: Session,
  opened: readonly string[],
  sql: string,
): Promise<readonly string[] | null> {
  const texts = [
    ...opened,
    `PREPARE migrate_batch AS ${sql}\n`,
    familiesSql,
    'DEALLOCATE migrate_batch',
    'COMMIT',
  ];
  const { rows, error } = await session.batch(texts.join(';\n'), { keepRows: 4 });
  if (error === null) return (rows[3] ?? []).map(([family]) => family ?? '');
  await session.batch('ROLLBACK;\nDEALLOCATE ALL');
  return null;
}
