// Takes SQL texts; gives migrations as lint takes them, and findings as a line of text. It knows no database but to empty one.
import type pg from 'pg';
import type { Direction, Finding, Migration, SqlFile } from '../../scripts/base/types.ts';
import { checksum } from '../../scripts/files/decode.ts';
import { readDirectives } from '../../scripts/files/directives.ts';
import { setAdministrator } from '../../scripts/scratch/client.ts';
import type { TestDatabase } from './database.ts';

/** A pair that is nowhere on disk; `id` is `<version>_<name>`. */
export function migration(id: string, up: string, down = 'SELECT 1;'): Migration {
  return {
    id,
    version: id.slice(0, 14),
    name: id.slice(15),
    up: sqlFile(id, 'up', up),
    down: sqlFile(id, 'down', down),
  };
}

function sqlFile(id: string, direction: Direction, text: string): SqlFile {
  const { directives } = readDirectives(text, direction);
  return { path: `db/migrations/${id}.${direction}.sql`, text, checksum: checksum(text), directives };
}

/** A client of the database that is its own administrator: the tests' login may do all that a scratch server's may. */
export async function administered(database: TestDatabase): Promise<pg.Client> {
  const client = await database.client();
  const run = async (text: string) => (await client.query(text)).rows;
  setAdministrator(client, {
    worker: database.user,
    database: database.name,
    superuser: true,
    isApart: false,
    query: run,
    inDatabase: async (text) => void (await run(text)),
  });
  return client;
}

/** Drops every schema and publication and makes an empty `public`: cheaper than a new database. */
export async function empty(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ sql: string }>(
    `SELECT format('DROP SCHEMA %I CASCADE', nspname) AS sql FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
     UNION ALL SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication`,
  );
  await client.query([...rows.map(({ sql }) => sql), 'CREATE SCHEMA public'].join(';'));
}

export function line({ rule, severity, line: at, column, message }: Finding): string {
  return `${severity} ${rule} ${at}:${column} ${message}`;
}

export function lines(findings: readonly Finding[]): string {
  return `found:\n${findings.map(line).join('\n')}\n`;
}
