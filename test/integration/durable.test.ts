// What is told as applied is in the database when it is told, also after a crash of the server in the middle of a run.
import { expect } from 'chai';
import pg from 'pg';
import { project } from '../support/cli.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';
import { ownServer } from '../support/server.ts';

const files = Object.assign(
  {},
  ...Array.from({ length: 14 }, (_, i) =>
    pair(
      i + 1,
      `step-${i + 1}`,
      i === 11 ? 'SELECT pg_advisory_xact_lock(4711);' : `CREATE TABLE t${i + 1} (id int);`,
    ),
  ),
) as Record<string, string>;

describe('a server that crashes in the middle of a run', function () {
  this.timeout(120_000);

  for (const [what, comes] of [
    ['comes back with less than it had answered: that is listed as pending', true],
    ['does not come back: what it had answered is called unconfirmed', false],
  ] as const) {
    it(what, async () => {
      const server = await ownServer({ wal_writer_delay: '10000', synchronous_commit: 'on' });
      const tool = await project(pair(0, 'zero', 'SELECT 1;'));
      const env = { ...server.env(), MIGRATE_CONNECT_TIMEOUT: comes ? '30s' : '2s' };
      await tool.run(['up'], { env });
      for (const [name, text] of Object.entries(files)) tool.write(name, text);
      const { host, port, user, password } = server;
      const client = new pg.Client({ host, port, user, password, database: 'postgres' });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('SELECT pg_advisory_lock(4711)');
      const running = tool.start(['up', '--json'], { env });
      await until('the run to wait for the lock', async () => {
        const { rows } = await client.query(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%4711%'",
        );
        return rows.length === 1;
      });
      server.kill();
      if (comes) await server.start();
      const { migrations } = (await running.result).json() as {
        migrations: { version: string; outcome: string }[];
      };
      const told = migrations.filter(({ outcome }) => outcome === 'applied').map(({ version }) => version);
      if (!comes) {
        expect(told).to.deep.equal([]);
        expect(migrations.map(({ outcome }) => outcome)).to.include('unconfirmed');
        return;
      }
      const rows = await server.query<{ name: string }>('SELECT name FROM pgmigrations');
      const there = rows.map(({ name }) => name.slice(0, 14));
      expect(there).to.include.members(told);
      expect(migrations.map(({ outcome }) => outcome)).not.to.include('unconfirmed');
    });
  }
});
