// Takes a database before and after SQL; gives what was lost of rows, positions of sequences and materialized views. Written
// for the tests: it shares nothing with what the tool reads.
import type { Query } from '../../scripts/schema/types.ts';

interface Table {
  readonly name: string;
  /** By number; `null` as the name of a computed one. */
  readonly columns: ReadonlyMap<string, string | null>;
  readonly rows: readonly Record<string, unknown>[];
}

export interface Kept {
  /** By what the catalog calls the table: a renaming leaves that as it is. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly positions: ReadonlyMap<
    string,
    { readonly name: string; readonly position: string | null; readonly owner: string | null }
  >;
  readonly empty: readonly string[];
}

const own = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'migration_ledger')";

export async function rowsByCatalog(run: Query): Promise<Kept> {
  const tables = new Map<string, Table>();
  const found = await run(
    `SELECT c.oid::text AS oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, (SELECT coalesce(json_agg(json_build_array(attnum::text, attname, quote_ident(attname), attgenerated <> '')), '[]')
       FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND ${own}`,
  );
  for (const { oid, name, columns } of found) {
    const list = columns as [string, string, string, boolean][];
    const selected = list.map(([number, , quoted]) => `to_jsonb(${quoted}) AS "${number}"`).join(', ');
    const rows = await run(`SELECT ${selected === '' ? '1 AS "0"' : selected} FROM ONLY ${String(name)}`);
    const named = list.map(([number, bare, , computed]): [string, string | null] => [
      number,
      computed ? null : bare,
    ]);
    tables.set(String(oid), { name: String(name), columns: new Map(named), rows });
  }
  const sequences = await run(
    `SELECT seqrelid::text AS oid, seqrelid::regclass::text AS name, pg_sequence_last_value(seqrelid)::text AS position, (SELECT refobjid || '.' || refobjsubid
       FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = seqrelid AND refobjsubid > 0 AND deptype IN ('a', 'i')) AS owner FROM pg_sequence`,
  );
  const positions = new Map(
    sequences.map(({ oid, name, position, owner }) => [
      String(oid),
      { name: String(name), position: position as string | null, owner: owner as string | null },
    ]),
  );
  const views = await run(
    "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'm' AND NOT relispopulated",
  );
  return { tables, positions, empty: views.map(({ name }) => String(name)) };
}

/** What is there under another identity is lost; what went as a whole was meant to go. */
export function lostRows(before: Kept, after: Kept): string[] {
  const namedNow = new Set([...after.tables.values()].map(({ name }) => name));
  const lost = [...before.tables].flatMap(([oid, table]) => {
    const now = after.tables.get(oid);
    if (now === undefined) return namedNow.has(table.name) ? [`${table.name} was made anew`] : [];
    return lostOf(table, now);
  });
  // One that is made anew must go on where the one of its name, or of its column, was.
  const positions = [...before.positions].flatMap(([oid, { name, position, owner }]) => {
    const others = [...after.positions.values()];
    const now =
      after.positions.get(oid) ??
      others.find((other) => other.name === name) ??
      others.find((other) => owner !== null && other.owner === owner);
    return now === undefined || now.position === position
      ? []
      : [`${name} was at ${position} and is at ${now.position}`];
  });
  const emptied = after.empty.filter((view) => !before.empty.includes(view));
  return [...lost, ...positions, ...emptied.map((view) => `${view} is empty`)];
}

function lostOf(before: Table, now: Table): string[] {
  if (before.rows.length !== now.rows.length)
    return [`${before.name} had ${before.rows.length} rows and has ${now.rows.length}`];
  const namesNow = new Set(now.columns.values());
  const anew = [...before.columns].filter(
    ([number, name]) => name !== null && !now.columns.has(number) && namesNow.has(name),
  );
  const common = [...before.columns].filter(([number, name]) => name !== null && now.columns.has(number));
  const values = ({ rows }: Table) =>
    rows.map((row) => JSON.stringify(common.map(([number]) => comparable(row[number])))).sort();
  return [
    ...anew.map(([, name]) => `${before.name}.${name} was made anew`),
    ...(values(before).join('\n') === values(now).join('\n')
      ? []
      : [`${before.name}: ${values(before).join(' ')} became ${values(now).join(' ')}`]),
  ];
}

/** Of a composite value the attribute that no kind of change touches; of a renamed label its old name. */
function comparable(value: unknown): unknown {
  if (value === 'fine') return 'ok';
  return typeof value === 'object' && value !== null && 'street' in value ? value.street : value;
}
