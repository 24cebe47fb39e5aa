// The rules on building and dropping indexes.
import { shorten } from '../statement/clauses.ts';
import { lookUp } from '../trace/traced.ts';
import { defineRule, type Rule } from './rule.ts';

const createIndexBlocking = defineRule({
  id: 'create-index-blocking',
  severity: 'error',
  summary: 'CREATE INDEX without CONCURRENTLY on a table that exists',
  why: 'The table accepts no write until the whole index is built, which takes minutes on a large one.',
  on: 'create-index',
  // ON ONLY a partitioned table builds nothing; its partitions get their indexes concurrently.
  when: ({ concurrent, only, table }, { catalog }) =>
    !concurrent && !(only && (catalog === undefined || lookUp(table, catalog)?.kind === 'p')),
  seen: (trace) => trace.scans.length > 0,
  effect: (table) => `ShareLock on ${table}: writes wait while the index is built`,
  words:
    'Build it CONCURRENTLY, in a migration without a transaction. The index of a partitioned table: build it on each partition so, then create it on the table, which takes those over.',
});

const dropIndexBlocking = defineRule({
  id: 'drop-index-blocking',
  severity: 'warning',
  summary: 'DROP INDEX without CONCURRENTLY',
  why: 'It waits for every running query on the table, and all new ones queue behind it.',
  on: 'drop-index',
  when: ({ concurrent }) => !concurrent,
  effect: (table) => `AccessExclusiveLock on the table of index ${table}: reads and writes wait`,
  words:
    'DROP INDEX CONCURRENTLY, in a migration without a transaction, one index at a time. It knows no CASCADE, and cannot drop the index of a partitioned table: that one in a quiet minute with a short lock-timeout.',
});

const reindexBlocking = defineRule({
  id: 'reindex-blocking',
  severity: 'error',
  summary: 'REINDEX without CONCURRENTLY',
  why: 'Writes to the table wait for the rebuild, and every query that would use the index waits too.',
  on: 'reindex',
  when: ({ concurrent }) => !concurrent,
  seen: (trace, { table, what }, context) =>
    trace.rewrites.length > 0 ||
    !['TABLE', 'INDEX'].includes(what) ||
    (context.catalog !== undefined && lookUp(table, context.catalog)?.kind === 'p'),
  effect: (table) => `ShareLock on the table and AccessExclusiveLock on the indexes of ${table}`,
  words: 'REINDEX … CONCURRENTLY, in a migration without a transaction.',
});

const concurrentlyInTransaction = defineRule({
  id: 'concurrently-in-transaction',
  severity: 'error',
  summary: 'CONCURRENTLY in a migration that runs in a transaction',
  why: 'PostgreSQL refuses it there: the concurrent form commits on its own, several times.',
  failsWith: '25001',
  downToo: true,
  on: ['create-index', 'drop-index', 'reindex', 'detach-partition'],
  when: ({ concurrent }, { file }) => concurrent && !file.directives.noTransaction,
  anywhere: true,
  effect: (table) => `fails with 25001 on ${table}: cannot run inside a transaction block`,
  words:
    'Say "-- migrate: no-transaction" at the head of the file, and move what stands beside it into another migration.',
});

const concurrentlyOnPartitioned = defineRule({
  id: 'concurrently-on-partitioned',
  severity: 'error',
  summary: 'CREATE INDEX CONCURRENTLY on a partitioned table',
  why: 'PostgreSQL cannot build the index of a partitioned table concurrently: build it per partition and attach.',
  failsWith: '0A000',
  on: 'create-index',
  when: ({ concurrent, table }, { file, catalog, before }) =>
    concurrent &&
    file.directives.noTransaction &&
    ((catalog !== undefined && lookUp(table, catalog)?.kind === 'p') ||
      before.some(({ actions }) =>
        actions.some(
          (action) => action.kind === 'create' && action.partitioned && action.table.name === table.name,
        ),
      )),
  anywhere: true,
  effect: (table) => `fails with 0A000: ${table} is partitioned`,
  words:
    'Build the index CONCURRENTLY on each partition, then create it on the partitioned table without CONCURRENTLY, which takes those over.',
});

/** Statements that may stand beside CONCURRENTLY: they leave nothing half done, or finish what it began. */
const harmlessKinds = new Set(['VariableSetStmt', 'CommentStmt', 'VacuumStmt', 'SelectStmt']);

const concurrentlyMixed = defineRule({
  id: 'concurrently-mixed',
  severity: 'warning',
  summary: 'CONCURRENTLY beside other changes in one file without a transaction',
  why: 'Nothing is rolled back when a later statement fails: the file stays half applied.',
  on: ['create-index', 'drop-index', 'reindex', 'detach-partition'],
  when: ({ concurrent }, { file, before, after }) =>
    concurrent && file.directives.noTransaction && [...before, ...after].some(changesOtherThings),
  anywhere: true,
  effect: (table) => `no transaction protects the other statements around ${table}`,
  words: (_table, _action, { before, after }) =>
    `Keep only what is CONCURRENT in this file, and move into a migration with a transaction: ${[
      ...before,
      ...after,
    ]
      .filter(changesOtherThings)
      .map(({ statement }) => shorten(statement.text, 60))
      .join('; ')}`,
});

function changesOtherThings({ statement, actions }: Parameters<typeof isFollowUp>[0]): boolean {
  return !harmlessKinds.has(statement.kind) && !isFollowUp({ statement, actions });
}

function isFollowUp({
  statement,
  actions,
}: {
  statement: { kind: string; text: string };
  actions: readonly import('../statement/types.ts').Action[];
}): boolean {
  if (actions.length === 0)
    return statement.kind === 'AlterTableStmt' && /attach\s+partition/i.test(statement.text);
  return actions.every(
    (action) =>
      ('concurrent' in action && (action.concurrent || (action.kind === 'create-index' && action.only))) ||
      action.kind === 'validate-constraint' ||
      (action.kind === 'add-constraint' && action.constraint.usingIndex !== undefined),
  );
}

export const indexRules: readonly Rule[] = [
  createIndexBlocking,
  dropIndexBlocking,
  reindexBlocking,
  concurrentlyInTransaction,
  concurrentlyOnPartitioned,
  concurrentlyMixed,
];
