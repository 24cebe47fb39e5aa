// Takes a migration and rows put in before it; tells which tables' rows do not survive up, down, up. Leaves nothing: inside
// a transaction it goes back to a savepoint, outside of one it works on a copy of the database that the caller drops.
import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { quoteLiteral, userNamespace } from '../schema/sql.ts';
import { withoutForcedPolicies } from '../scratch/unforced.ts';
import { queryOn } from '../scratch/with-scratch.ts';
import { fails, seedRowsDiffer } from './findings.ts';
import type { Scratch, ScratchFailure } from './scratch.ts';

type RowHashes = ReadonlyMap<string, string>;
/** Columns by table, as names in SQL. */
type Columns = ReadonlyMap<string, readonly string[]>;

const tablesSql = `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${userNamespace('n.nspname')} ORDER BY 1`;

/** All rows are meant, and policies may hide them from their owner, or ask for settings that nobody made. */
function overPolicies<Result>(client: Scratch['client'], work: () => Promise<Result>): Promise<Result> {
  return withoutForcedPolicies(queryOn(client), work);
}

/** One hash over the rows of each table, whatever the order of rows and columns. */
async function rowHashes({ client }: Scratch, without: Columns = new Map()): Promise<RowHashes> {
  const { rows: tables } = await client.query<{ name: string }>(tablesSql);
  if (tables.length === 0) return new Map();
  const parts = tables.map(({ name }) => {
    const left = (without.get(name) ?? []).map((column) => quoteLiteral(column)).join(', ');
    const row = left === '' ? 'to_jsonb(t)' : `to_jsonb(t) - ARRAY[${left}]`;
    return `SELECT ${quoteLiteral(name)} AS name, (SELECT md5(coalesce(string_agg(j, E'\\n' ORDER BY j COLLATE "C"), '')) FROM (SELECT (${row})::text AS j FROM ${name} t) s) AS hash`;
  });
  const { rows } = await overPolicies(client, () =>
    client.query<{ name: string; hash: string }>(parts.join(' UNION ALL ')),
  );
  return new Map(rows.map(({ name, hash }) => [name, hash]));
}

/** A hash for each column of each table: what differs between two runs of the same file is random or the clock. */
async function columnHashes({ client }: Scratch): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const { rows: tables } = await client.query<{ name: string }>(tablesSql);
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const { name } of tables) {
    const text = `SELECT key, md5(string_agg(value::text, E'\\n' ORDER BY value::text COLLATE "C")) AS hash FROM ${name} t, LATERAL jsonb_each(to_jsonb(t)) GROUP BY key`;
    const { rows } = await overPolicies(client, () => client.query<{ key: string; hash: string }>(text));
    found.set(name, new Map(rows.map(({ key, hash }) => [key, hash])));
  }
  return found;
}

/** Columns with a default that is computed anew for each run: a clock, a random value, a number of a sequence. */
async function computedDefaults({ client }: Scratch): Promise<Columns> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, array_agg(a.attname::text) AS columns
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND a.attgenerated = ''
       AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '\\(|CURRENT_|LOCALTIME') GROUP BY 1`,
  );
  return new Map(rows.map(({ name, columns }) => [name, columns]));
}

async function columnsNow({ client }: Scratch): Promise<Columns> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, array_agg(a.attname::text) AS columns
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1`,
  );
  return new Map(rows.map(({ name, columns }) => [name, columns]));
}

function differing(a: RowHashes, b: RowHashes): string[] {
  return [...a].filter(([name, hash]) => b.has(name) && b.get(name) !== hash).map(([name]) => name);
}

/** Runs inside the caller's transaction, under a savepoint that it takes back. */
export async function tryWithSeedRows(
  scratch: Scratch,
  migration: Migration,
  seedRows: SqlFile,
): Promise<Finding[]> {
  await scratch.sql('SAVEPOINT seed_rows');
  try {
    const run = (file: SqlFile) => runAsCommitted(scratch, file);
    return await cycle(scratch, migration, seedRows, run, () => secondOpinion(scratch, migration.up));
  } finally {
    await scratch.sql('ROLLBACK TO SAVEPOINT seed_rows; RELEASE SAVEPOINT seed_rows');
  }
}

/** Inside of a transaction: what is checked late is checked behind each file, and no trigger waits for what comes next. */
async function runAsCommitted(scratch: Scratch, file: SqlFile): Promise<ScratchFailure | null> {
  const failure = await scratch.run(file);
  if (failure !== null) return failure;
  try {
    await scratch.sql('SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED');
    return null;
  } catch (error) {
    return { message: `at COMMIT: ${(error as Error).message}` };
  }
}

/** @param run commits, where a file has a transaction of its own; the caller drops the database afterwards */
export async function trySeedRowsOnCopy(
  scratch: Scratch,
  migration: Migration,
  seedRows: SqlFile,
  run: Scratch['run'],
): Promise<Finding[]> {
  return cycle(scratch, migration, seedRows, run, async () => new Map());
}

/** Runs the up twice from the same rows: columns that then differ depend on chance or the clock. */
async function secondOpinion(scratch: Scratch, up: SqlFile): Promise<Columns> {
  await scratch.sql('SAVEPOINT opinion');
  const first = (await runAsCommitted(scratch, up)) === null ? await columnHashes(scratch) : null;
  await scratch.sql('ROLLBACK TO SAVEPOINT opinion');
  if (first === null || (await runAsCommitted(scratch, up)) !== null) {
    await scratch.sql('ROLLBACK TO SAVEPOINT opinion');
    return new Map();
  }
  const second = await columnHashes(scratch);
  await scratch.sql('ROLLBACK TO SAVEPOINT opinion');
  return new Map(
    [...second].map(([name, columns]) => [
      name,
      [...columns]
        .filter(([column, hash]) => first.get(name)?.get(column) !== hash)
        .map(([column]) => column),
    ]),
  );
}

async function cycle(
  scratch: Scratch,
  migration: Migration,
  seedRows: SqlFile,
  run: Scratch['run'],
  findVolatile: () => Promise<Columns>,
): Promise<Finding[]> {
  const { up, down } = migration;
  const withRows = (
    rule: 'up-fails' | 'down-fails' | 'up-again-fails',
    file: SqlFile,
    failure: ScratchFailure,
  ) => fails(rule, file, `with the rows of ${seedRows.path}: ${failure.message}`, failure);
  const refused = await overPolicies(scratch.client, () => run(seedRows));
  if (refused !== null) return [fails('probe-fails', seedRows, refused.message, refused)];
  const before = await rowHashes(scratch);
  const known = await columnsNow(scratch);
  const volatile = await findVolatile();
  const first = await run(up);
  if (first !== null) return [withRows('up-fails', up, first)];
  const left = merged(volatile, onlyNew(await computedDefaults(scratch), known));
  const applied = await rowHashes(scratch, left);
  if (down.directives.irreversible !== undefined) return [];
  const reverted = await run(down);
  if (reverted !== null) return [withRows('down-fails', down, reverted)];
  const afterDown = differing(before, await rowHashes(scratch));
  const findings = afterDown.map((table) => seedRowsDiffer(migration, table, 'after up and down'));
  const again = await run(up);
  if (again !== null) return [...findings, withRows('up-again-fails', up, again)];
  const afterAgain = differing(applied, await rowHashes(scratch, left)).filter(
    (table) => !afterDown.includes(table),
  );
  return [
    ...findings,
    ...afterAgain.map((table) => seedRowsDiffer(migration, table, 'after up, down and up')),
  ];
}

function onlyNew(columns: Columns, known: Columns): Columns {
  return new Map(
    [...columns].map(([name, list]) => [
      name,
      list.filter((column) => known.get(name)?.includes(column) !== true),
    ]),
  );
}

function merged(a: Columns, b: Columns): Columns {
  return new Map(
    [...new Set([...a.keys(), ...b.keys()])].map((name) => [
      name,
      [...(a.get(name) ?? []), ...(b.get(name) ?? [])],
    ]),
  );
}
