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
  seen: (trace, { table }, context) => rewritten(trace, table, context),
  effect: closed,
  words:
    'Make a new table beside it, copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute.',
});

const setTablespace = defineRule({
  id: 'set-tablespace',
  severity: 'error',
  summary: 'SET TABLESPACE',
  why: closedWhy,
  failsWith: '42704',
  on: 'rewrite',
  when: ({ by }) => by === 'tablespace',
  seen: (trace, { table }, context) => rewritten(trace, table, context),
  effect: closed,
  words: 'pg_repack moves a table while it is used; it is run outside of migrations.',
});

const setAccessMethod = defineRule({
  id: 'set-access-method',
  severity: 'error',
  summary: 'SET ACCESS METHOD',
  why: closedWhy,
  failsWith: '42704',
  on: 'rewrite',
  when: ({ by }) => by === 'access-method',
  seen: (trace, { table }, context) => rewritten(trace, table, context),
  effect: closed,
  words:
    'Make a new table beside it, copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute.',
});

const vacuumFull = defineRule({
  id: 'vacuum-full',
  severity: 'error',
  summary: 'VACUUM FULL',
  why: closedWhy,
  on: 'vacuum-full',
  effect: closed,
  words:
    'A plain VACUUM gives space back for new rows without the lock. pg_repack gives it back to the disk while the table is used; it is run outside of migrations.',
});

const cluster = defineRule({
  id: 'cluster',
  severity: 'error',
  summary: 'CLUSTER',
  why: closedWhy,
  on: 'cluster',
  effect: closed,
  words: 'pg_repack orders a table by an index while it is used; it is run outside of migrations.',
});

const refresh = defineRule({
  id: 'refresh-blocking',
  severity: 'error',
  summary: 'REFRESH MATERIALIZED VIEW without CONCURRENTLY',
  why: 'Nobody can read the view until its query has run.',
  on: 'refresh',
  when: ({ concurrent }) => !concurrent,
  effect: (table, { withData }) =>
    withData
      ? `AccessExclusiveLock on ${table} while its query runs: reads wait`
      : `${table} is emptied: queries of it fail with 55000 until it is refreshed; AccessExclusiveLock on it`,
  words: 'REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index over all rows of the view.',
});

const truncate = defineRule({
  id: 'truncate',
  severity: 'error',
  summary: 'TRUNCATE of a table that exists',
  why: 'It waits for every running query, all new ones queue behind it, and all rows are gone for good.',
  on: 'truncate',
  effect: (table) => `AccessExclusiveLock on ${table}; every row is lost`,
  words: (table) =>
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
  words:
    'Let each statement take the lock that it needs, or lock in the weakest mode that will do; SHARE UPDATE EXCLUSIVE stops neither reads nor writes.',
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
