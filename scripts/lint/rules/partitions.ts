// The rules on attaching and detaching partitions.
import { joinedName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { concurrentlyFile } from './indexes.ts';
import { type Context, defineRule, type Rule } from './rule.ts';

const attachScan = defineRule({
  id: 'attach-partition-scan',
  severity: 'error',
  summary: 'ATTACH PARTITION that must read the partition',
  why: 'Without a valid CHECK that implies the bound, every row is read under a lock that stops all reads and writes. A default partition is read too.',
  on: 'attach-partition',
  seen: (trace) => trace.scans.length > 0,
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read`,
  rewrite: (table, { table: name, parent, bound }, context) => {
    const check = joinedName(name.name, 'bound');
    return [
      `ALTER TABLE ${table} ADD CONSTRAINT ${check} CHECK (${boundCondition(parent, bound, context)}) NOT VALID;`,
      '-- in the next migration:',
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check};`,
      '-- in the one after it:',
      `ALTER TABLE ${sqlName(parent)} ATTACH PARTITION ${table} ${bound};`,
      `ALTER TABLE ${table} DROP CONSTRAINT ${check};`,
    ].join('\n');
  },
});

/** The bound as a condition, for a key of one column; in words for others. */
function boundCondition(parent: Name, bound: string, { catalog }: Context): string {
  const key = catalog === undefined ? undefined : lookUp(parent, catalog)?.partitionKey;
  const column = /^(?:RANGE|LIST) \(("[^"]+"|\w+)\)$/.exec(key ?? '')?.[1];
  if (column === undefined) return `<the partition key is not null and within ${bound}>`;
  const range = /from\s*\((.+?)\)\s*to\s*\((.+?)\)$/is.exec(bound);
  if (range !== null) return `${column} IS NOT NULL AND ${column} >= ${range[1]} AND ${column} < ${range[2]}`;
  const values = /\bin\s*\((.+)\)$/is.exec(bound);
  return values === null ? `<within ${bound}>` : `${column} IS NOT NULL AND ${column} IN (${values[1]})`;
}

const detachBlocking = defineRule({
  id: 'detach-partition-blocking',
  severity: 'error',
  summary: 'DETACH PARTITION without CONCURRENTLY',
  why: 'The parent and all its partitions wait for every running query, and new ones queue behind it.',
  on: 'detach-partition',
  when: ({ concurrent }) => !concurrent,
  effect: (table, { parent }) =>
    `AccessExclusiveLock on ${sqlName(parent)} and ${table}: reads and writes wait`,
  rewrite: (table, { parent }) =>
    `${concurrentlyFile}\nALTER TABLE ${sqlName(parent)} DETACH PARTITION ${table} CONCURRENTLY;`,
});

export const partitionRules: readonly Rule[] = [attachScan, detachBlocking];
