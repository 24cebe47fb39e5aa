// The rules on attaching and detaching partitions.
import { sqlName } from '../statement/names.ts';
import { defineRule, type Rule } from './rule.ts';

const attachScan = defineRule({
  id: 'attach-partition-scan',
  severity: 'error',
  summary: 'ATTACH PARTITION that must read the partition',
  why: 'Without a valid CHECK that implies the bound, every row is read under a lock that stops all reads and writes. A default partition is read too.',
  on: 'attach-partition',
  seen: (trace) => trace.scans.length > 0,
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read`,
  words: (table) =>
    `Before it, in migrations of their own: give ${table} a CHECK that its partition key is not null and within the bound, NOT VALID first and validated in the next one, and the indexes of the partitioned table CONCURRENTLY; a default partition needs a CHECK that none of its rows is within the bound. Then attach it, and drop the CHECKs.`,
});

const detachBlocking = defineRule({
  id: 'detach-partition-blocking',
  severity: 'error',
  summary: 'DETACH PARTITION without CONCURRENTLY',
  why: 'The parent and all its partitions wait for every running query, and new ones queue behind it.',
  on: 'detach-partition',
  when: ({ concurrent }) => !concurrent,
  effect: (table, { parent }) =>
    `AccessExclusiveLock on ${sqlName(parent)} and ${table}: reads and writes wait`,
  words:
    'DETACH PARTITION … CONCURRENTLY, in a migration without a transaction. A table with a default partition cannot lose another one so: detach it in a quiet minute with a short lock-timeout, or empty the default partition and drop it first.',
});

export const partitionRules: readonly Rule[] = [attachScan, detachBlocking];
