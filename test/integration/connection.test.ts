// Reaching the server, and losing it: what is waited for, what is not, and what is said when the line breaks.
import { createServer } from 'node:net';
import { expect } from 'chai';
import { runLockKey } from '../../scripts/connection/session-settings.ts';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { type Frontend, proxyTo, silentServer, type Verdict } from '../support/proxy.ts';
import { recorded, running, sessionsGone, toolSessions, until } from '../support/runs.ts';
import { ownServer } from '../support/server.ts';

const one = pair(1, 'one', 'CREATE TABLE one (id int);', 'DROP TABLE one;');
const two = pair(2, 'two', 'CREATE TABLE two (id int);', 'DROP TABLE two;');
const outside = pair(
  1,
  'outside',
  '-- migrate: no-transaction\nCREATE TABLE one (id int);\nVACUUM one;',
  'DROP TABLE one;',
);

/** A port where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function elapsed<T>(work: Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  return [await work, performance.now() - from];
}

describe('the connection', () => {
  describe('while it is made', () => {
    it('is tried again until MIGRATE_CONNECT_TIMEOUT where it is refused', async () => {
      const tool = await project(one);
      const env = {
        DATABASE_URL: `postgresql://x@127.0.0.1:${await closedPort()}/x`,
        MIGRATE_CONNECT_TIMEOUT: '1s',
      };
      const [result, ms] = await elapsed(tool.run(['up'], { env }));
      expectExit(result, 8);
      expect(result.stdout).to.include('Waiting for the server (connect ECONNREFUSED');
      expect(result.stderr).to.include('tried for 1.0 s').and.to.include('Nothing was changed');
      expect(ms).to.be.within(400, 10_000);
    });

    it('is tried again where the name is not known yet', async () => {
      const tool = await project(one);
      const env = {
        DATABASE_URL: 'postgresql://x@no-such-host.invalid/x?sslmode=disable',
        MIGRATE_CONNECT_TIMEOUT: '700ms',
      };
      const result = await tool.run(['up'], { env });
      expectExit(result, 8);
      expect(result.stdout).to.match(/Waiting for the server \(getaddrinfo/);
    });

    it('is made as soon as a server that was down is there', async () => {
      const tool = await project(one);
      const server = await ownServer();
      await server.stop();
      const run = tool.start(['up'], { env: server.env() });
      await server.start();
      const result = await run.result;
      expectExit(result, 0);
    });

    it('is tried again while the server says that it is starting up', async () => {
      const tool = await project(one);
      const database = await createDatabase();
      let refused = 0;
      const message = Buffer.from('SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length + 4);
      const proxy = await proxyTo(database, ({ type, answer }) => {
        if (type !== 'startup' || refused === 2) return 'forward';
        refused += 1;
        answer(Buffer.concat([Buffer.from('E'), length, message]));
        return 'drop';
      });
      const result = await tool.run(['up'], {
        env: { ...database.env(), DATABASE_URL: proxy.url(database) },
      });
      expectExit(result, 0);
      expect(result.stdout).to.include('Waiting for the server (the database system is starting up)');
    });

    it('is given up at once on a wrong password, which is not shown', async () => {
      const tool = await project(one);
      const database = await createDatabase();
      const [result, ms] = await elapsed(
        tool.run(['up'], { env: { ...database.env(), PGPASSWORD: 'wrong-secret' } }),
      );
      expectExit(result, 8);
      expect(ms).to.be.lessThan(10_000);
      expect(result.stderr).to.include('password authentication failed').and.to.include('PGPASSWORD');
      expect(result.all).not.to.include('wrong-secret').and.not.to.include('Waiting');
    });

    it('is given up at once on a database that is missing', async () => {
      const tool = await project(one);
      const database = await createDatabase();
      const env = {
        ...database.env(),
        DATABASE_URL: database.env().DATABASE_URL!.replace(database.name, 'nowhere'),
      };
      const result = await tool.run(['up'], { env });
      expectExit(result, 8);
      expect(result.stderr)
        .to.include('database "nowhere" does not exist')
        .and.to.include('createdb nowhere');
    });

    it('times out on a server that accepts and says nothing', async () => {
      const tool = await project(one);
      const { port } = await silentServer();
      const env = {
        DATABASE_URL: `postgresql://x@127.0.0.1:${port}/x`,
        PGPASSWORD: 'x',
        MIGRATE_CONNECT_TIMEOUT: '500ms',
      };
      const [result, ms] = await elapsed(tool.run(['up'], { env }));
      expectExit(result, 8);
      expect(result.stderr).to.include('no answer within 500 ms');
      expect(ms).to.be.lessThan(10_000);
    });
  });

  describe('when it breaks in the middle of a migration', () => {
    for (const [how, files, state] of [
      [
        'in a transaction',
        pair(1, 'one', 'CREATE TABLE one (id int);\nSELECT pg_sleep(60);'),
        'nothing of it is left',
      ],
      [
        'outside of one',
        pair(1, 'one', '-- migrate: no-transaction\nCREATE TABLE one (id int);\nSELECT pg_sleep(60);'),
        'statement 2 of 2 did not finish',
      ],
    ] as const) {
      it(`because the backend was terminated, ${how}, ends with exit 8 and the next up works`, async () => {
        const tool = await project(files);
        const database = await createDatabase();
        const run = tool.start(['up'], { env: database.env() });
        const { pid } = await running(database, 'pg_sleep(60)');
        await database.query('SELECT pg_terminate_backend($1)', [pid]);
        const result = await run.result;
        expectExit(result, 8);
        expect(result.stderr)
          .to.include('terminating connection due to administrator command')
          .and.to.include(state);
        const [name] = Object.keys(files);
        tool.write(name!, files[name as keyof typeof files]!.replace('60', '0'));
        expectExit(await tool.run(['up'], { env: database.env() }), 0);
        expect((await recorded(database)).tracked).to.have.length(1);
      });
    }

    it('because the server was restarted, ends with exit 8 and the next up works', async () => {
      const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);\nSELECT pg_sleep(60);'));
      const server = await ownServer();
      const run = tool.start(['up'], { env: server.env() });
      await until('the migration to run', async () => {
        const rows = await server.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND application_name LIKE 'migrate up%'",
        );
        return rows.length === 1;
      });
      server.kill();
      const result = await run.result;
      expectExit(result, 8);
      expect(result.stderr).to.include('was lost').and.to.include('nothing of it is left');
      expect(result.all).not.to.include('bug');
      await server.start();
      tool.write('20250101000001_one.up.sql', 'CREATE TABLE one (id int);\n');
      expectExit(await tool.run(['up'], { env: server.env() }), 0);
    });

    it('while the session waits for the run lock, ends with exit 8', async () => {
      const tool = await project(one);
      const database = await createDatabase();
      const holder = await database.client();
      await holder.query(`SELECT pg_advisory_lock(${runLockKey})`);
      const run = tool.start(['up'], { env: database.env() });
      const [session] = await until('the run to wait', async () => {
        const sessions = await toolSessions(database);
        return sessions[0]?.query.includes('pg_locks') ? sessions : null;
      });
      await database.query('SELECT pg_terminate_backend($1)', [session!.pid]);
      expectExit(await run.result, 8);
    });
  });

  describe('when the answer to COMMIT is lost', () => {
    interface LostCommit {
      readonly result: Result;
      readonly database: TestDatabase;
      next(): Promise<void>;
    }

    /** Runs a command whose last recording batch is cut: before it reaches the server, or before its answer comes back. */
    async function cutAtCommit(
      files: Record<string, string>,
      command: string,
      verdict: Exclude<Verdict, 'forward'>,
      prepared = false,
    ): Promise<LostCommit> {
      const tool = await project(files);
      const database = await createDatabase();
      if (prepared) expectExit(await tool.run(['up'], { env: database.env() }), 0);
      let cut = false;
      const proxy = await proxyTo(database, (message: Frontend) => {
        const isCommit =
          /pgmigrations[\s\S]*COMMIT/.test(message.text) &&
          /SELECT migration_ledger\.record/.test(message.text);
        if (cut || !isCommit) return 'forward';
        cut = true;
        if (verdict === 'drop') message.cut();
        else message.cutAfterAnswer();
        return verdict;
      });
      const env = { ...database.env(), DATABASE_URL: proxy.url(database) };
      const result = await tool.run([command], { env });
      const next = async () => {
        await sessionsGone(database);
        expectExit(await tool.run(['up'], { env: database.env() }), 0);
      };
      return { result, database, next };
    }

    it('finds out that it got through, and reports the migration as applied', async () => {
      const { result, database, next } = await cutAtCommit({ ...one, ...two }, 'up', 'forward and mute');
      expectExit(result, 8);
      expect(result.stdout)
        .to.match(/applied {2}20250101000001_one/)
        .and.to.include('1 migration not reached');
      expect(result.stderr).to.include('20250101000001_one is applied');
      expect((await recorded(database)).tracked).to.deep.equal(['20250101000001_one']);
      await next();
      expect((await recorded(database)).tracked).to.have.length(2);
    });

    it('finds out that it did not, and reports the migration as rolled back', async () => {
      const { result, database, next } = await cutAtCommit({ ...one, ...two }, 'up', 'drop');
      expectExit(result, 8);
      expect(result.stdout).to.match(/FAILED {3}20250101000001_one/);
      expect(result.stderr).to.include('20250101000001_one was rolled back: nothing of it is left');
      expect((await recorded(database)).tracked).to.deep.equal([]);
      await next();
    });

    for (const [verdict, word] of [
      ['forward and mute', 'is reverted'],
      ['drop', 'was rolled back'],
    ] as const) {
      it(`tells the truth of a down (${word})`, async () => {
        const { result, database } = await cutAtCommit(one, 'down', verdict, true);
        expectExit(result, 8);
        expect(result.stderr).to.include(`20250101000001_one ${word}`);
        expect((await recorded(database)).tracked).to.have.length(verdict === 'drop' ? 1 : 0);
      });
    }

    for (const [verdict, word] of [
      ['forward and mute', 'is applied'],
      ['drop', 'was rolled back'],
    ] as const) {
      it(`tells the truth of a redo (${word}), whose row in the tracking table is there either way`, async () => {
        const { result, database } = await cutAtCommit(one, 'redo', verdict, true);
        expectExit(result, 8);
        expect(result.stderr).to.include(`20250101000001_one ${word}`);
        const entries = await database.query('SELECT seq FROM migration_ledger.entries');
        expect(entries).to.have.length(verdict === 'drop' ? 1 : 3);
      });
    }

    for (const [verdict, word] of [
      ['forward and mute', 'is applied'],
      ['drop', 'Every statement of 20250101000001_outside has run, but it is not recorded yet'],
    ] as const) {
      it(`tells the truth of a migration outside of a transaction (${word})`, async () => {
        const { result, database, next } = await cutAtCommit(outside, 'up', verdict);
        expectExit(result, 8);
        expect(result.stderr).to.include(word);
        expect((await recorded(database)).tracked).to.have.length(verdict === 'drop' ? 0 : 1);
        await next();
        expect((await recorded(database)).tracked).to.have.length(1);
      });
    }
  });
});
