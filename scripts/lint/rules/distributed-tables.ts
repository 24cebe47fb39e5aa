// The rules on what is done to tables that are spread over the shards of a Citus cluster, besides their keys: triggers, the
// distribution column, work on all shards at once. https://docs.citusdata.com/en/stable/develop/reference_ddl.html
import { child, list, listOf, type Node, rangeName, strings, text } from '../statement/ast.ts';
import { citusCalls } from '../statement/citus-calls.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { type Distribution, distributionBefore, madeOf, spreadBy } from './distribution.ts';
import { allActions } from './foreign-keys.ts';
import { type Context, defineStepRule, type Hit, isCreatedBefore, type Rule } from './rule.ts';

const spreadKinds = new Set(['distributed', 'single-shard', 'reference', 'schema']);

const triggerOnShards = defineStepRule({
  id: 'trigger-on-distributed-table',
  severity: 'error',
  failsWith: 'XX000',
  summary: 'a trigger on a distributed or reference table',
  why: 'Citus refuses it: rows are written on the shards, where the trigger would run, or not run, on each by itself.',
  findInStep: (context) => {
    const { kind, node } = context.step.statement;
    if (kind === 'CreateTrigStmt') {
      const table = rangeName(child(node, 'relation'));
      const found = distributionBefore(table, context);
      return found !== undefined && spreadKinds.has(found.kind) ? triggered(table, found) : null;
    }
    for (const { table, now } of spreadBy(context)) {
      const made = context.before.filter(
        ({ statement }) =>
          statement.kind === 'CreateTrigStmt' &&
          sameName(rangeName(child(statement.node, 'relation')), table),
      ).length;
      const { relation } = madeOf(table, context);
      const gone = context.before.filter(({ statement }) => isDropOfTrigger(statement.node, table)).length;
      if ((relation?.triggers ?? 0) + made > gone && spreadKinds.has(now.kind)) return triggered(table, now);
    }
    return null;
  },
});

function isDropOfTrigger(node: Node, table: Name): boolean {
  if (node.removeType !== 'OBJECT_TRIGGER') return false;
  return list(node, 'objects').some((object) => {
    return strings(child(object, 'List'), 'items').at(-2) === table.name;
  });
}

function triggered(table: Name, { kind }: Distribution): Hit {
  return {
    table,
    effect: `${sqlName(table)} is ${kind === 'reference' ? 'a reference table' : 'distributed'}, and has a trigger`,
    words:
      'Let the application, a generated column or a CHECK do it. Where it must be a trigger, and each row concerns its own shard alone, an administrator may set citus.enable_unsafe_triggers; then allow the rule with that reason.',
  };
}

const changedColumn = defineStepRule({
  id: 'change-distribution-column',
  severity: 'error',
  summary: 'changing the distribution column of a table, or its values',
  why: 'The value says on which shard a row is. Citus refuses to change its type, to drop it and to write another value into it; another distribution column means to write the whole table anew while nobody reads it.',
  findInStep: (context) => {
    const { step } = context;
    const columnOf = (table: Name) => distributionBefore(table, context)?.column ?? null;
    const lost = step.actions.find(
      (action) =>
        (action.kind === 'drop-column' || action.kind === 'alter-type') &&
        columnOf(action.table) === action.column,
    );
    if (lost !== undefined)
      return changed(
        lost.table,
        `${columnOf(lost.table)} is the distribution column of ${sqlName(lost.table)}: Citus refuses to ${lost.kind === 'drop-column' ? 'drop it' : 'change its type'}`,
      );
    const [written, columns] = writtenColumns(step.statement.kind, step.statement.node);
    const own = written === null ? null : columnOf(written);
    if (written !== null && own !== null && columns.includes(own))
      return changed(
        written,
        `${own} is the distribution column of ${sqlName(written)}: Citus refuses another value`,
      );
    for (const call of citusCalls(step.statement)) {
      const before = columnOf(call.table);
      const given = call.given.distribution_column;
      if (call.function === 'alter_distributed_table' && before !== null && given != null && given !== before)
        return changed(
          call.table,
          `${sqlName(call.table)} is written anew, by ${given} instead of ${before}, and is locked against reads and writes meanwhile`,
        );
    }
    return null;
  },
});

/** The table of an UPDATE or an upsert, and the columns that it gives values. */
function writtenColumns(kind: string, node: Node): readonly [Name | null, readonly string[]] {
  const targets =
    kind === 'UpdateStmt'
      ? listOf(node, 'targetList', 'ResTarget')
      : kind === 'InsertStmt'
        ? listOf(child(node, 'onConflictClause'), 'targetList', 'ResTarget')
        : [];
  if (targets.length === 0) return [null, []];
  return [rangeName(child(node, 'relation')), targets.map((target) => text(target, 'name') ?? '')];
}

function changed(table: Name, effect: string): Hit {
  return {
    table,
    effect,
    words:
      'Make a new table with the column and distribution that are wanted, let the application write to both, copy the rows in batches, then let the application read the new one and drop the old one in a later migration with "-- migrate: after-deploy".',
  };
}

const onAllShards = defineStepRule({
  id: 'work-on-all-shards',
  severity: 'warning',
  summary: 'one transaction that writes to all shards of a distributed table',
  why: 'It lasts as long as the slowest shard, keeps its locks on every node until all have committed, and where one of them fails all of them start over.',
  findInStep: (context) => moved(context) ?? writtenEverywhere(context),
});

function wasThere(table: Name, context: Context): boolean {
  if (isCreatedBefore(table, context)) return false;
  const { catalog, old } = context;
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  if (catalog === undefined) return true;
  return relation !== undefined && old?.has(relation.oid) !== false;
}

const moving = new Set([
  'create_distributed_table',
  'create_reference_table',
  'undistribute_table',
  'alter_distributed_table',
]);

/** All rows of a table go to other nodes. */
function moved(context: Context): Hit | null {
  for (const { function: name, table } of citusCalls(context.step.statement)) {
    if (!moving.has(name) || !wasThere(table, context)) continue;
    const isFirst = name === 'create_distributed_table';
    return {
      table,
      effect: `all rows of ${sqlName(table)} are moved in one transaction, and writes wait${name === 'undistribute_table' ? ': afterwards they are all on the coordinator' : ''}`,
      words: isFirst
        ? 'create_distributed_table_concurrently, in a migration of its own with "-- migrate: no-transaction", lets writes go on; it needs a primary key or another replica identity, and no foreign keys. Where the table is small, or nobody writes to it, allow the rule with that reason.'
        : 'Do it while nobody needs the table, in a migration of its own, and allow the rule with that reason.',
    };
  }
  return null;
}

/** Rows are changed without saying of which shard. */
function writtenEverywhere(context: Context): Hit | null {
  if (context.file.directives.batch !== undefined) return null;
  for (const action of allActions(context.step)) {
    if (action.kind !== 'change-rows' && action.kind !== 'copy-rows') continue;
    const found = distributionBefore(action.table, context);
    if (found?.kind !== 'distributed' || found.column === null) continue;
    if (!wasThere(action.table, context)) continue;
    if (action.kind === 'change-rows' && (action.where.limited || action.where.equals.includes(found.column)))
      continue;
    return {
      table: action.table,
      effect: `rows of ${sqlName(action.table)} are ${action.kind === 'copy-rows' ? 'written' : 'changed'} on all shards in one transaction`,
      words: `Let "-- migrate: batch" do it in many short transactions, or say with ${found.column} = … which shard is meant.`,
    };
  }
  return null;
}

export const distributedTableRules: readonly Rule[] = [triggerOnShards, changedColumn, onAllShards];
