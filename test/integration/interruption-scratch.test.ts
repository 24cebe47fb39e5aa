// SIGINT and SIGTERM to commands that work on a scratch server, or only read the target: how fast they end, how they say
// so, and that nothing of theirs is left there.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { removeDevServer } from '../../scripts/devserver/devserver.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project, type Result, type RunningTool } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { silentServer } from '../support/proxy.ts';
import { sessionsGone, until, waitingForLock } from '../support/runs.ts';

const signals = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** The limit is 2 s; the rest is for a machine that does other things. */
const soon = 2500;

async function interrupt(run: RunningTool, signal: NodeJS.Signals, code: number): Promise<Result> {
  const from = performance.now();
  run.kill(signal);
  const result = await run.result;
  expectExit(result, code);
  expect(performance.now() - from).to.be.lessThan(soon);
  return result;
}

/** A migration that never ends, with a role that the scratch server does not have. */
function endless(database: TestDatabase): Record<string, string> {
  const role = `role_of_${database.name}`;
  return pair(
    1,
    'endless',
    `CREATE TABLE endless (id int);\nGRANT SELECT ON endless TO ${role};\nSELECT pg_sleep(600) AS ${database.name};`,
    'DROP TABLE endless;',
  );
}

/** Databases, roles and sessions that a run of this test has on the scratch server. */
async function scratchOf(database: TestDatabase, run: RunningTool): Promise<readonly string[]> {
  const rows = await database.query<{ what: string }>(
    `SELECT datname AS what FROM pg_database WHERE datname LIKE $1
     UNION ALL SELECT rolname FROM pg_roles WHERE rolname = $2 OR rolname LIKE $1 || '%'
     UNION ALL SELECT concat(pid, ' ', wait_event, ' ', query) FROM pg_stat_activity
                WHERE datname LIKE $1 OR application_name LIKE $1 OR (query LIKE $3 AND pid <> pg_backend_pid())`,
    [`migrate_scratch_${run.pid}_%`, `role_of_${database.name}`, `%pg_sleep(600) AS ${database.name}%`],
  );
  return rows.map(({ what }) => what);
}

describe('interruption of scratch work', () => {
  for (const command of ['verify', 'lint', 'plan', 'schema', 'docs', 'check'])
    for (const [signal, code] of signals)
      it(`${signal} to ${command} ends a long statement on the scratch server and leaves nothing there`, async () => {
        const database = await createDatabase();
        const tool = await project(endless(database));
        const json = signal === 'SIGTERM';
        const run = tool.start([command, ...(json ? ['--json'] : [])], { env: database.env() });
        await until('the long statement', async () =>
          (await scratchOf(database, run)).some((what) => /^\d+ PgSleep /.test(what)),
        );
        const result = await interrupt(run, signal, code);
        expect(result.stderr).to.include(`Interrupted by ${signal}`);
        if (json) {
          expect(result.json()).to.deep.include({ command, ok: false, exitCode: code });
          expect(result.json().error.message).to.equal(`Interrupted by ${signal}`);
        }
        await until('no session left', async () => {
          const left = await scratchOf(database, run);
          return left.every((what) => !/^\d+ /.test(what));
        });
        expect(await scratchOf(database, run)).to.deep.equal([]);
        expect(existsSync(join(tool.root, 'db', 'schema.sql'))).to.equal(false);
        expect(existsSync(join(tool.root, 'db', 'SCHEMA.md'))).to.equal(false);
      });

  for (const command of ['plan', 'status', 'drift'])
    for (const [signal, code] of signals)
      it(`${signal} to ${command} ends its reading of the target`, async () => {
        const database = await createDatabase();
        const tool = await project(pair(1, 'first', 'CREATE TABLE first (id int);'));
        expectExit(await tool.run(['up'], { env: database.env() }), 0);
        const holder = await database.client();
        await holder.query('BEGIN; LOCK TABLE public.pgmigrations');
        const run = tool.start([command, '--json'], { env: database.env() });
        await waitingForLock(database);
        const result = await interrupt(run, signal, code);
        expect(result.json()).to.deep.include({ command, ok: false, exitCode: code });
        await sessionsGone(database);
      });

  for (const [signal, code] of signals)
    it(`${signal} is obeyed while the embedded scratch server starts, and the next run starts it`, async () => {
      const tool = await project(pair(1, 'first', 'CREATE TABLE first (id int);', 'DROP TABLE first;'));
      cleanUpAfterTest(() => removeDevServer(tool.root));
      const home = join(tool.root, '.postgres', 'scratch');
      const run = tool.start(['verify', '--json']);
      const entries = () => (existsSync(home) ? readdirSync(home) : []);
      await until('initdb', () => entries().some((name) => name.startsWith('cluster.')));
      const result = await interrupt(run, signal, code);
      expect(result.json()).to.deep.include({ command: 'verify', ok: false, exitCode: code });
      expect(entries()).to.deep.equal([]);
      expectExit(await tool.run(['verify']), 0);
    });

  it('is obeyed while a scratch server says nothing', async () => {
    const tool = await project(pair(1, 'first', 'CREATE TABLE first (id int);'));
    const silent = await silentServer();
    for (const [i, command] of ['verify', 'lint', 'schema', 'docs', 'check'].entries()) {
      const env = { SHADOW_DATABASE_URL: `postgresql://x@127.0.0.1:${silent.port}/x`, PGPASSWORD: 'x' };
      const run = tool.start([command, '--json'], { env });
      await until('the connection', () => silent.connections() > i);
      const result = await interrupt(run, 'SIGINT', 130);
      expect(result.json()).to.deep.include({ command, ok: false, exitCode: 130 });
    }
  });
});
