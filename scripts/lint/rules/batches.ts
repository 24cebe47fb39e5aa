// The rules on files that run in batches: what the run would refuse when it gets there, and what fires once for each range.
import { saidOnceEach } from '../../files/batch-meanings.ts';
import { folded } from '../../schema/sql.ts';
import { quoteIdentifier } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { type CatalogRelation, lookUp } from '../trace/traced.ts';
import { type Context, defineStepRule, type Rule } from './rule.ts';

const refused = defineStepRule({
  id: 'batch-refused',
  severity: 'error',
  summary:
    'a batch that the run refuses: its key has no unique index, or its result by ranges is not the one at once',
  why: 'The run stops there, with the migrations before it applied and those behind it waiting.',
  findInStep: ({ batch, file, catalog }) => {
    const { batch: directive } = file.directives;
    if (directive === undefined || batch === undefined) return null;
    const table = nameIn(directive.table);
    const relation = catalog === undefined ? undefined : lookUp(table, catalog);
    const effect = batch.problem ?? keyProblem(relation, folded(directive.column));
    if (effect === null) return null;
    return {
      table,
      effect,
      words:
        batch.problem === null
          ? 'Name another column, or make a unique index (CREATE UNIQUE INDEX CONCURRENTLY) in a migration before this one.'
          : 'Write it so that each range can stand for itself, or as an ordinary statement with "-- migrate: no-transaction".',
    };
  },
});

function keyProblem(relation: CatalogRelation | undefined, column: string): string | null {
  if (relation === undefined) return null;
  const name = `${relation.schema}.${relation.name}`;
  if (!relation.columns.some((one) => one.name === column))
    return `${name} has no column ${quoteIdentifier(column)}, which the batch walks along`;
  const isIndexed = relation.indexes.some(
    ({ unique, partial, columns }) => unique && !partial && columns[0] === column,
  );
  return isIndexed
    ? null
    : `${name}.${column} has no unique index or primary key that begins with it, which the batch walks along`;
}

/** A name as a directive writes it. */
function nameIn(written: string): Name {
  const [name = '', schema] = (written.match(/"(?:[^"]|"")+"|[^."]+/g) ?? []).map(folded).toReversed();
  return schema === undefined ? { name } : { schema, name };
}

const firesPerRange = defineStepRule({
  id: 'batch-fires-per-range',
  severity: 'warning',
  summary: 'a batch on a table with a trigger per statement, or a rule: it fires for each range',
  why: 'What counts statements, sends a message for each or works with the rows of all (a transition table) does so for every range.',
  findInStep: ({ batch, file }: Context) => {
    const said = batch === undefined ? null : saidOnceEach(batch.meanings);
    if (said === null) return null;
    return {
      table: nameIn(file.directives.batch?.table ?? ''),
      effect: said,
      words:
        'Where it works row by row as well as for all together, allow the rule with that reason; else switch the trigger off for the backfill, or change the rows in one statement.',
    };
  },
});

export const batchRules: readonly Rule[] = [refused, firesPerRange];
