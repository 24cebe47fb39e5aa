// Gives the work that every contender gets: a history as it grows in practice, one table per ten migrations.
// It must not know in which form a contender wants its files.

/** One migration; versions are 14 digits and rise. */
export interface WorkItem {
  readonly version: string;
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

type Change = (table: string) => { name: string; up: string; down: string };

const changes: readonly Change[] = [
  (t) => ({
    name: `create-${t}`,
    up: `CREATE TABLE ${t} (\n  id bigint PRIMARY KEY,\n  name text NOT NULL\n);`,
    down: `DROP TABLE ${t};`,
  }),
  addColumn('email', 'text'),
  addColumn('created_at', 'timestamptz NOT NULL DEFAULT now()'),
  addColumn('amount', 'numeric(12,2) NOT NULL DEFAULT 0'),
  (t) => ({
    name: `index-${t}`,
    up: `CREATE INDEX ${t}_name ON ${t} (name);`,
    down: `DROP INDEX ${t}_name;`,
  }),
  (t) => ({
    name: `seed-${t}`,
    up: `INSERT INTO ${t} (id, name) VALUES (1, 'first'), (2, 'second');`,
    down: `DELETE FROM ${t} WHERE id IN (1, 2);`,
  }),
  (t) => ({
    name: `fill-${t}`,
    up: `UPDATE ${t} SET email = name || '@example.com';`,
    down: `UPDATE ${t} SET email = NULL;`,
  }),
  (t) => ({
    name: `explain-${t}`,
    up: `COMMENT ON COLUMN ${t}.amount IS 'In the currency of the account';`,
    down: `COMMENT ON COLUMN ${t}.amount IS NULL;`,
  }),
  (t) => ({
    name: `check-${t}`,
    up: `ALTER TABLE ${t} ADD CONSTRAINT ${t}_amount CHECK (amount >= 0);`,
    down: `ALTER TABLE ${t} DROP CONSTRAINT ${t}_amount;`,
  }),
  (t) => ({
    name: `default-${t}`,
    up: `ALTER TABLE ${t} ALTER COLUMN email SET DEFAULT 'none';`,
    down: `ALTER TABLE ${t} ALTER COLUMN email DROP DEFAULT;`,
  }),
];

function addColumn(column: string, type: string): Change {
  return (t) => ({
    name: `add-${column.replace('_', '-')}-to-${t}`,
    up: `ALTER TABLE ${t} ADD COLUMN ${column} ${type};`,
    down: `ALTER TABLE ${t} DROP COLUMN ${column};`,
  });
}

/** So many small migrations, oldest first. */
export function smallWork(count: number): WorkItem[] {
  return Array.from({ length: count }, (_, i) => {
    const change = changes[i % changes.length] as Change;
    const { name, up, down } = change(`t${Math.floor(i / changes.length) + 1}`);
    return item(i, name.replaceAll('_', '-'), up, down);
  });
}

/** A history whose downs are often not exact: of 493 pairs 68 take nothing back, about as one from real life. */
export function inexactWork(): WorkItem[] {
  return smallWork(493).map((work, i) => (i % 7 === 3 && i < 480 ? { ...work, down: 'SELECT 1;' } : work));
}

/** A table, then so many rows of it, a statement for each. */
export function rowsWork(count: number): WorkItem[] {
  const rows = Array.from(
    { length: count },
    (_, i) => `INSERT INTO data (id, body) VALUES (${i}, 'row ${i}');`,
  );
  return [
    item(0, 'data', 'CREATE TABLE data (id bigint PRIMARY KEY, body text NOT NULL);', 'DROP TABLE data;'),
    item(1, 'rows', rows.join('\n'), 'DELETE FROM data;'),
  ];
}

/** One migration of about so many bytes: INSERTs of a hundred rows each. */
export function dataWork(bytes: number): WorkItem[] {
  const parts = ['CREATE TABLE data (id bigint PRIMARY KEY, body text NOT NULL);\n'];
  for (let size = 0, id = 1; size < bytes; ) {
    const rows: string[] = [];
    for (let n = 0; n < 100; n += 1, id += 1) rows.push(`(${id}, '${`row ${id} `.repeat(16)}')`);
    const insert = `INSERT INTO data (id, body) VALUES\n${rows.join(',\n')};\n`;
    parts.push(insert);
    size += insert.length;
  }
  return [item(0, 'load-data', parts.join(''), 'DROP TABLE data;')];
}

/** The statements, ten tables and what belongs to them per migration, of a schema made elsewhere. */
export function schemaWork(sql: string, statementsEach: number): WorkItem[] {
  const [first = '', ...rest] = sql.split(/(?<=;)\n(?=CREATE (?:TABLE|FUNCTION) )/);
  const items = [item(0, 'schema', first, 'DROP SCHEMA big;')];
  for (let at = 0; at < rest.length; at += statementsEach) {
    const part = rest.slice(at, at + statementsEach);
    const drops = part.map((text) => text.replace(/^CREATE (TABLE|FUNCTION) ([\w.]+).*$/s, 'DROP $1 $2;'));
    items.push(item(items.length, `part-${items.length}`, part.join('\n'), drops.reverse().join('\n')));
  }
  return items;
}

const firstMoment = Date.UTC(2024, 0, 1);

function item(index: number, name: string, up: string, down: string): WorkItem {
  const version = new Date(firstMoment + index * 60_000).toISOString().replace(/\D/g, '').slice(0, 14);
  return { version, name, up: `${up}\n`, down: `${down}\n` };
}
