// Takes a migration and rows put in before it; tells which tables' rows do not survive up, down, up. Leaves nothing.
import pg from 'pg';
import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { fails, seedRowsDiffer } from './findings.ts';
import type { Scratch } from './scratch.ts';

type RowHashes = ReadonlyMap<string, string>;

const tablesSql = `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1`;

/** One hash over the rows of each table, whatever the order of rows and columns. */
async function rowHashes({ client }: Scratch): Promise<RowHashes> {
  const { rows: tables } = await client.query<{ name: string }>(tablesSql);
  if (tables.length === 0) return new Map();
  const parts = tables.map(
    ({ name }) =>
      `SELECT ${pg.escapeLiteral(name)} AS name, (SELECT md5(coalesce(string_agg(j, E'\\n' ORDER BY j COLLATE "C"), '')) FROM (SELECT to_jsonb(t)::text AS j FROM ${name} t) s) AS hash`,
  );
  const { rows } = await client.query<{ name: string; hash: string }>(parts.join(' UNION ALL '));
  return new Map(rows.map(({ name, hash }) => [name, hash]));
}

function differing(a: RowHashes, b: RowHashes): string[] {
  return [...a].filter(([name, hash]) => b.has(name) && b.get(name) !== hash).map(([name]) => name);
}

/** Runs inside the caller's transaction, under a savepoint that it takes back. */
export async function tryWithSeedRows(
  scratch: Scratch,
  migration: Migration,
  probe: SqlFile,
): Promise<Finding[]> {
  await scratch.sql('SAVEPOINT probe');
  try {
    return await cycle(scratch, migration, probe);
  } finally {
    await scratch.sql('ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe');
  }
}

async function cycle(scratch: Scratch, migration: Migration, probe: SqlFile): Promise<Finding[]> {
  const { up, down } = migration;
  const probed = await scratch.run(probe);
  if (probed !== null) return [fails('probe-fails', probe, probed.message, probed)];
  const before = await rowHashes(scratch);
  const first = await scratch.run(up);
  if (first !== null)
    return [fails('up-fails', up, `with the rows of ${probe.path}: ${first.message}`, first)];
  const applied = await rowHashes(scratch);
  const reverted = await scratch.run(down);
  if (reverted !== null)
    return [fails('down-fails', down, `with the rows of ${probe.path}: ${reverted.message}`, reverted)];
  const afterDown = differing(before, await rowHashes(scratch));
  const findings = afterDown.map((table) => seedRowsDiffer(migration, table, 'after up and down'));
  const again = await scratch.run(up);
  if (again !== null)
    return [
      ...findings,
      fails('up-again-fails', up, `with the rows of ${probe.path}: ${again.message}`, again),
    ];
  const afterAgain = differing(applied, await rowHashes(scratch)).filter(
    (table) => !afterDown.includes(table),
  );
  return [
    ...findings,
    ...afterAgain.map((table) => seedRowsDiffer(migration, table, 'after up, down and up')),
  ];
}
