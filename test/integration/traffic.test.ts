// Live traffic beside a migration that wants a table for itself while a long transaction holds it.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until, waitingForLock } from '../support/runs.ts';

const lockTimeout = 400;
/** For a machine that does other things at the same time: the longest stall may be so many lock time-outs. */
const slack = 2.5;

interface Traffic {
  /** Of all statements so far, in ms. */
  longest(): number;
  count(): number;
  stop(): Promise<void>;
}

/** Eight sessions that read or write one row after the other, each as fast as it can. */
async function traffic(database: TestDatabase): Promise<Traffic> {
  let longest = 0;
  let count = 0;
  let stopped = false;
  const clients = await Promise.all(Array.from({ length: 8 }, () => database.client()));
  const work = clients.map(async (client, i) => {
    const sql =
      i % 2
        ? 'SELECT name FROM accounts WHERE id = $1'
        : 'UPDATE accounts SET balance = balance + 1 WHERE id = $1';
    while (!stopped) {
      const from = performance.now();
      await client.query(sql, [1 + ((count * 7 + i) % 1000)]);
      longest = Math.max(longest, performance.now() - from);
      count += 1;
    }
  });
  return {
    longest: () => longest,
    count: () => count,
    stop: async () => {
      stopped = true;
      await Promise.all(work);
    },
  };
}

describe('live traffic', () => {
  for (const [how, sql] of [
    ['in a transaction', 'ALTER TABLE accounts ADD COLUMN extra int;'],
    ['outside of one', '-- migrate: no-transaction\nALTER TABLE accounts ADD COLUMN extra int;'],
  ] as const) {
    it(`never stalls longer than one lock time-out while a migration ${how} waits behind a long transaction`, async () => {
      const tool = await project(pair(1, 'column', sql));
      const database = await createDatabase();
      await database.query(
        "CREATE TABLE accounts (id int PRIMARY KEY, name text, balance int DEFAULT 0); INSERT INTO accounts SELECT i, 'n' FROM generate_series(1, 1000) i",
      );
      const report = await database.client();
      await report.query('BEGIN; SELECT count(*) FROM accounts');
      const users = await traffic(database);
      const run = tool.start(['up'], {
        env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: `${lockTimeout}ms`, MIGRATE_LOCK_RETRIES: '50' },
      });
      const { pid } = await waitingForLock(database);
      // Four attempts, each of which keeps the others out for as long as it waits.
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        const waiting = `SELECT FROM pg_stat_activity WHERE pid = ${pid} AND wait_event_type = 'Lock'`;
        await until('the attempt to end', async () => (await database.query(waiting)).length === 0);
        if (attempt < 4)
          await until('the next attempt', async () => (await database.query(waiting)).length === 1);
      }
      await report.query('COMMIT');
      const result = await run.result;
      await users.stop();
      expectExit(result, 0);
      expect(result.stdout.match(/trying again/g)).to.have.length.at.least(4);
      expect(users.longest() / lockTimeout, 'longest stall, in lock time-outs').to.be.within(0.5, slack);
      expect(users.count()).to.be.greaterThan(100);
    });
  }
});
