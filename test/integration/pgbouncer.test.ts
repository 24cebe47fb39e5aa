// Poolers that share sessions: refused, with the way around them, and left as they were. Needs the program pgbouncer
// (Debian's package of that name); without it the tests are skipped, loudly.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { serverAccount } from '../../scripts/devserver/account.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';

const program = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find(
  (path) => existsSync(path),
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A pooler of the test's own before the database; gives its port. */
async function pooler(database: TestDatabase, mode: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-pgbouncer-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const { host, port: to, name, user, password } = database;
  const settings = [
    '[databases]',
    `${name} = host=${host} port=${to} dbname=${name} user=${user} password='${password.replaceAll("'", "''")}'`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
  ];
  writeFileSync(join(folder, 'pgbouncer.ini'), settings.join('\n'), { mode: 0o644 });
  const account = serverAccount();
  const child = spawn(program!, ['-q', join(folder, 'pgbouncer.ini')], {
    stdio: 'ignore',
    cwd: '/',
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  cleanUpAfterTest(async () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await until('pgbouncer to listen', () => answers(port));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const verdict = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => verdict(true));
    socket.once('error', () => verdict(false));
  });
}

describe('PgBouncer', () => {
  before(function () {
    if (program !== undefined) return;
    console.log(
      '    SKIPPED: pgbouncer is not installed (apt-get install pgbouncer), so poolers are not tested',
    );
    this.skip();
  });

  for (const mode of ['transaction', 'statement']) {
    it(`in ${mode} mode is refused with the hint about the direct port, and nothing is left in its sessions`, async () => {
      const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
      const database = await createDatabase();
      const port = await pooler(database, mode);
      const env = {
        DATABASE_URL: `postgresql://${database.user}@127.0.0.1:${port}/${database.name}`,
        PGPASSWORD: 'x',
      };
      for (const command of ['up', 'status']) {
        const result = await tool.run([command], { env });
        expectExit(result, 7);
        expect(result.stderr).to.include('pooler').and.to.include('5432 instead of 6432');
        expect(result.stderr).to.include('Nothing was changed');
      }
      expect(await database.query("SELECT to_regclass('pgmigrations') AS tracking")).to.deep.equal([
        { tracking: null },
      ]);
      const next = new pg.Client({
        host: '127.0.0.1',
        port,
        user: database.user,
        database: database.name,
        password: 'x',
      });
      await next.connect();
      const { rows } = await next.query(
        "SELECT current_setting('lock_timeout') AS lock, current_setting('client_connection_check_interval') AS check, (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks",
      );
      await next.end();
      expect(rows).to.deep.equal([{ lock: '0', check: '0', locks: 0 }]);
    });
  }
});
