// Takes settings; gives a throw-away PostgreSQL of a test's own, for what cannot be done to the shared one: stopping,
// restarting, TLS, a standby. It ends with the test (or the run, when made in `before`).
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedServer,
  removeServer,
  startServer,
  stopServer,
} from '../../scripts/devserver/devserver.ts';
import { readPostmaster } from '../../scripts/devserver/postmaster.ts';
import { cleanUpAfterTest } from './cleanup.ts';
import { endWithProcess, testMajor } from './postgres.ts';

export interface OwnServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The cluster itself: what PostgreSQL calls PGDATA. */
  readonly cluster: string;
  /** For a child process, as `TestDatabase.env`. */
  env(database?: string, host?: string): Record<string, string>;
  query<R extends pg.QueryResultRow>(sql: string, database?: string): Promise<R[]>;
  stop(): Promise<unknown>;
  /** At the same port as before. */
  start(settings?: Record<string, string>): Promise<unknown>;
  /** As a power cut: the postmaster is killed. */
  kill(): void;
  /** A file that only the server's account can read, such as a TLS key. */
  write(name: string, text: string): void;
}

const fast = { fsync: 'off', full_page_writes: 'off', autovacuum: 'off', shared_buffers: '16MB' };

/** @param postgres major version; where its package is missing, `startServer` says how to install it */
export async function ownServer(
  settings: Record<string, string> = {},
  postgres = testMajor,
): Promise<OwnServer> {
  const folder = temporaryHome();
  return handle(
    folder,
    await startServer({ dataDirectory: folder, postgres, settings: { ...fast, ...settings } }),
  );
}

/**
 * A standby made of a stopped server's files. It replays nothing more, which is enough to be one:
 * https://www.postgresql.org/docs/16/warm-standby.html
 */
export async function standbyOf(stopped: OwnServer): Promise<OwnServer> {
  const folder = temporaryHome();
  const cluster = join(folder, 'cluster');
  cpSync(stopped.cluster, cluster, { recursive: true, preserveTimestamps: true });
  writeFileSync(join(cluster, 'standby.signal'), '');
  rmSync(join(cluster, 'embedded.conf'));
  const { uid, gid, mode } = statSync(stopped.cluster);
  // PostgreSQL insists on it, and from Node 24 on cpSync does not keep it.
  chmodSync(cluster, mode);
  const { execFileSync } = await import('node:child_process');
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', `${uid}:${gid}`, cluster]);
  return handle(
    folder,
    await startServer({
      dataDirectory: folder,
      postgres: testMajor,
      settings: { ...fast, hot_standby: 'on' },
    }),
  );
}

function temporaryHome(): string {
  const parent = mkdtempSync(join(tmpdir(), 'migrate-server-'));
  chmodSync(parent, 0o755);
  const folder = join(parent, 'data');
  mkdirSync(folder);
  endWithProcess(folder, parent);
  cleanUpAfterTest(async () => {
    await removeServer(folder);
    rmSync(parent, { recursive: true, force: true, maxRetries: 5 });
  });
  return folder;
}

function handle(folder: string, { host, port, user, password }: EmbeddedServer): OwnServer {
  const cluster = join(folder, 'cluster');
  return {
    host,
    port,
    user,
    password,
    cluster,
    env: (database = 'postgres', name = host) => ({
      DATABASE_URL: `postgresql://${user}@${name}:${port}/${database}`,
      PGPASSWORD: password,
    }),
    async query<R extends pg.QueryResultRow>(sql: string, database = 'postgres') {
      const client = new pg.Client({ host, port, user, password, database });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query<R>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    stop: () => stopServer(folder),
    start: (settings = {}) =>
      startServer({ dataDirectory: folder, postgres: testMajor, port, settings: { ...fast, ...settings } }),
    kill: () => void process.kill(readPostmaster(cluster)!.pid, 'SIGKILL'),
    write(name, text) {
      const path = join(cluster, name);
      const { uid, gid } = statSync(cluster);
      writeFileSync(path, text, { mode: 0o600 });
      if (process.getuid?.() === 0) chownSync(path, uid, gid);
    },
  };
}
