// The rules on building and dropping indexes.
import { shorten } from '../statement/clauses.ts';
import { joinedName, sqlName } from '../statement/names.ts';
import { lookUp } from '../trace/traced.ts';
import { defineRule, type Rule } from './rule.ts';

export const concurrentlyFile = '-- migrate: no-transaction';

/** The statement with CONCURRENTLY put in after the word given. */
function concurrently(sql: string, after: RegExp): string {
  return `${concurrentlyFile}\n${sql.replace(after, (words) => `${words} CONCURRENTLY`)};`;
}

const createIndexBlocking = defineRule({
  id: 'create-index-blocking',
  severity: 'error',
  summary: 'CREATE INDEX without CONCURRENTLY on a table that exists',
  why: 'The table accepts no write until the whole index is built, which takes minutes on a large one.',
  on: 'create-index',
  // ON ONLY a partitioned table builds nothing; its partitions get their indexes concurrently.
  when: ({ concurrent, only }) => !concurrent && !only,
  seen: (trace) => trace.scans.length > 0,
  effect: (table) => `ShareLock on ${table}: writes wait while the index is built`,
  rewrite: (table, action, { catalog }) =>
    catalog !== undefined && lookUp(action.table, catalog)?.kind === 'p'
      ? onPartitioned(table, action.index, action.sql)
      : concurrently(action.sql, /^\s*create\s+(unique\s+)?index/i),
});

function onPartitioned(table: string, index: string | undefined, sql: string): string {
  const name = index ?? 'the_index';
  return [
    `${sql.replace(/\bon\s+(only\s+)?/i, 'ON ONLY ').replace(/\bconcurrently\s+/i, '')};`,
    `-- then in a migration of its own, for each partition of ${table}:`,
    concurrentlyFile,
    `CREATE INDEX CONCURRENTLY <partition>_${name} ON <partition> (…);`,
    `ALTER INDEX ${name} ATTACH PARTITION <partition>_${name};`,
  ].join('\n');
}

const dropIndexBlocking = defineRule({
  id: 'drop-index-blocking',
  severity: 'warning',
  summary: 'DROP INDEX without CONCURRENTLY',
  why: 'It waits for every running query on the table, and all new ones queue behind it.',
  on: 'drop-index',
  when: ({ concurrent }) => !concurrent,
  effect: (table) => `AccessExclusiveLock on the table of index ${table}: reads and writes wait`,
  rewrite: (_table, action, { catalog, step }) =>
    step.actions.length > 1 ||
    /\bcascade\b/i.test(action.sql) ||
    (catalog !== undefined && lookUp(action.table, catalog)?.kind === 'I')
      ? 'DROP INDEX CONCURRENTLY takes one index at a time, without CASCADE, and none of a partitioned table. That one: drop it in a quiet minute with a short lock-timeout.'
      : concurrently(action.sql, /^\s*drop\s+index/i),
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
  rewrite: (_table, { sql, what }) =>
    concurrently(sql, new RegExp(`^\\s*reindex\\s*(\\([^)]*\\)\\s*)?${what}`, 'i')),
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
  rewrite: (_table, _action, { step }) => `${concurrentlyFile}\n${step.statement.text};`,
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
  rewrite: (table, { index, sql }) => onPartitioned(table, index, sql),
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
  rewrite: (_table, _action, { step, before, after }) =>
    [
      '-- this migration keeps only:',
      concurrentlyFile,
      `${step.statement.text};`,
      '-- and another one, with a transaction, takes:',
      ...[...before, ...after]
        .filter(changesOtherThings)
        .map(({ statement }) => `${shorten(statement.text)};`),
    ].join('\n'),
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

const indexName = (table: { name: string }, columns: readonly string[]) =>
  joinedName(table.name, ...columns, 'idx');

/** CREATE INDEX CONCURRENTLY for some columns, in a file of its own. */
export function indexFor(table: Parameters<typeof sqlName>[0], columns: readonly string[]): string {
  return `${concurrentlyFile}\nCREATE INDEX CONCURRENTLY ${indexName(table, columns)} ON ${sqlName(table)} (${columns.join(', ')});`;
}

export const indexRules: readonly Rule[] = [
  createIndexBlocking,
  dropIndexBlocking,
  reindexBlocking,
  concurrentlyInTransaction,
  concurrentlyOnPartitioned,
  concurrentlyMixed,
];
