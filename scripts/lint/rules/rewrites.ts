// The rules on statements that rewrite or lock a whole table because that is what they are for.
import { lockModes, shareLock } from '../trace/locks.ts';
import { defineRule, type Rule, rewritten } from './rule.ts';

const closed = (table: string) =>
  `AccessExclusiveLock on ${table} while it is rewritten: reads and writes wait`;
const closedWhy = 'Nobody can read or write the table until all of it has been written anew.';

const setLogged = defineRule({
  id: 'set-logged',
  severity: 'error',
  summary: 'SET LOGGED or SET UNLOGGED',
  why: `${closedWhy} An unlogged table is also empty after a crash, and missing on replicas.`,
  on: 'rewrite',
  when: ({ by }) => by === 'logged',
  seen: (trace, { table }) => rewritten(trace, table),
  effect: closed,
  rewrite: (table, { clause }) =>
    [
      `CREATE ${clause === 'SET UNLOGGED' ? 'UNLOGGED ' : ''}TABLE ${table}_new (LIKE ${table} INCLUDING ALL);`,
      '-- copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute',
    ].join('\n'),
});

const setTablespace = defineRule({
  id: 'set-tablespace',
  severity: 'error',
  summary: 'SET TABLESPACE',
  why: closedWhy,
  failsWith: '42704',
  on: 'rewrite',
  when: ({ by }) => by === 'tablespace',
  seen: (trace, { table }) => rewritten(trace, table),
  effect: closed,
  rewrite: (table, { clause }) =>
    `-- outside of migrations, without the long lock:\n-- pg_repack --table=${table} --tablespace=${clause.replace('SET TABLESPACE ', '')}`,
});

const setAccessMethod = defineRule({
  id: 'set-access-method',
  severity: 'error',
  summary: 'SET ACCESS METHOD',
  why: closedWhy,
  failsWith: '42704',
  on: 'rewrite',
  when: ({ by }) => by === 'access-method',
  seen: (trace, { table }) => rewritten(trace, table),
  effect: closed,
  rewrite: (table, { clause }) =>
    [
      `CREATE TABLE ${table}_new (LIKE ${table} INCLUDING ALL) USING ${clause.replace('SET ACCESS METHOD ', '')};`,
      '-- copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute',
    ].join('\n'),
});

const vacuumFull = defineRule({
  id: 'vacuum-full',
  severity: 'error',
  summary: 'VACUUM FULL',
  why: closedWhy,
  on: 'vacuum-full',
  effect: closed,
  rewrite: (table, { table: { name } }) =>
    name === ''
      ? 'VACUUM (ANALYZE);'
      : `VACUUM (ANALYZE) ${table};\n-- to give space back without the long lock, outside of migrations: pg_repack --table=${table}`,
});

const cluster = defineRule({
  id: 'cluster',
  severity: 'error',
  summary: 'CLUSTER',
  why: closedWhy,
  on: 'cluster',
  effect: closed,
  rewrite: (table, { table: { name } }) =>
    `-- outside of migrations, without the long lock:\n-- pg_repack --table=${name === '' ? '<table>' : table} --order-by=<columns of the index>`,
});

const refresh = defineRule({
  id: 'refresh-blocking',
  severity: 'error',
  summary: 'REFRESH MATERIALIZED VIEW without CONCURRENTLY',
  why: 'Nobody can read the view until its query has run.',
  on: 'refresh',
  when: ({ concurrent, withData }) => !concurrent && withData,
  effect: (table) => `AccessExclusiveLock on ${table} while its query runs: reads wait`,
  rewrite: (table) =>
    `-- needs a unique index over all rows, such as CREATE UNIQUE INDEX ON ${table} (<key>);\nREFRESH MATERIALIZED VIEW CONCURRENTLY ${table};`,
});

const truncate = defineRule({
  id: 'truncate',
  severity: 'error',
  summary: 'TRUNCATE of a table that exists',
  why: 'It waits for every running query, all new ones queue behind it, and all rows are gone for good.',
  on: 'truncate',
  effect: (table) => `AccessExclusiveLock on ${table}; every row is lost`,
  rewrite: (table) =>
    `If rows must go while the application runs: delete them in batches (-- migrate: batch) by the key of ${table}. If nobody uses the table any more, allow the rule with that reason.`,
});

const lockTable = defineRule({
  id: 'lock-table',
  severity: 'warning',
  summary: 'LOCK TABLE in a mode that stops writes',
  why: 'The lock is held until the migration ends, however long its other statements take.',
  on: 'lock',
  when: ({ mode }) => mode >= shareLock,
  effect: (table, { mode }) =>
    `${lockModes[mode] ?? 'AccessExclusiveLock'} on ${table} until the migration ends`,
  rewrite: (table) =>
    `-- let each statement take the lock that it needs, or the weakest that will do:\nLOCK TABLE ${table} IN SHARE UPDATE EXCLUSIVE MODE;`,
});

export const rewriteRules: readonly Rule[] = [
  setLogged,
  setTablespace,
  setAccessMethod,
  vacuumFull,
  cluster,
  refresh,
  truncate,
  lockTable,
];
