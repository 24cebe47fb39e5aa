// Gives the bench its own PostgreSQL 16, as durable as a real one, and databases on it. It ends with the process.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removeServer, startServer } from '../../scripts/devserver/devserver.ts';

export interface BenchServer {
  readonly host: string;
  readonly port: number;
  readonly version: string;
  /** A new database; a copy of `from` where that is given. */
  createDatabase(name: string, from?: string): Promise<void>;
  dropDatabase(name: string): Promise<void>;
  /** @param port of a proxy in front of the server */
  urlOf(database: string, port?: number): string;
  query(database: string, sql: string): Promise<void>;
  /** Commits that do not wait for the disk, while databases are prepared. Never while measuring. */
  hurry(on: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function benchServer(): Promise<BenchServer> {
  const parent = mkdtempSync(join(tmpdir(), 'bench-server-'));
  chmodSync(parent, 0o755);
  const dataDirectory = join(parent, 'data');
  mkdirSync(dataDirectory);
  const settings = { fsync: 'on', synchronous_commit: 'on', shared_buffers: '256MB', max_wal_size: '4GB' };
  const server = await startServer({ dataDirectory, settings });
  const { host, port, user, password } = server;
  const login = (database: string) => ({ host, port, user, password, database });
  const admin = new pg.Client(login('postgres'));
  admin.on('error', () => undefined);
  await admin.connect();
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version');
  const query = async (database: string, sql: string) => {
    const client = new pg.Client(login(database));
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  return {
    host,
    port,
    version: rows[0]?.server_version.split(' ')[0] ?? '?',
    createDatabase: async (name, from = 'template0') =>
      void (await admin.query(`CREATE DATABASE ${name} TEMPLATE ${from}`)),
    dropDatabase: async (name) => void (await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
    urlOf: (database, proxyPort = port) =>
      `postgres://${user}:${encodeURIComponent(password)}@${host}:${proxyPort}/${database}`,
    query,
    hurry: async (on) => {
      await admin.query(`ALTER SYSTEM SET synchronous_commit = ${on ? 'off' : 'on'}`);
      await admin.query('SELECT pg_reload_conf()');
      await admin.query('CHECKPOINT');
    },
    close: async () => {
      await admin.end();
      await removeServer(dataDirectory);
      rmSync(parent, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
