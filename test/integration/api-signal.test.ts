// The functions for applications, ended by their caller at every stage, and called several at once.
import { expect } from 'chai';
import { down, plan, type RunOptions, status, up, verify } from '../../scripts/api/api.ts';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const first = pair('20250101000001_one', 'CREATE TABLE one (id int PRIMARY KEY);\n', 'DROP TABLE one;\n');
const slow = pair(
  '20250101000002_slow',
  'CREATE TABLE slow (); SELECT pg_sleep(60);\n',
  'SELECT pg_sleep(60); DROP TABLE slow;\n',
);

/** Aborts once `when` holds; gives the document, and how many milliseconds the end took. */
async function abortedWhen(
  call: (signal: AbortSignal) => Promise<{ error: { code: string } | null }>,
  when: () => Promise<boolean>,
): Promise<{ code: string | undefined; ms: number }> {
  const controller = new AbortController();
  const running = call(controller.signal);
  while (!(await when()));
  const start = performance.now();
  controller.abort();
  const { error } = await running;
  return { code: error?.code, ms: performance.now() - start };
}

describe('A call that its caller ends', () => {
  it('changes nothing where the signal was aborted before', async () => {
    const { root } = await project(first);
    const database = await createDatabase();
    const given = { root, env: database.env(), signal: AbortSignal.abort() };
    for (const call of [up, down, status, plan, verify]) {
      const document = await call(given);
      expect(document, document.command).to.deep.include({ ok: false, exitCode: 130 });
      expect(document.error?.code).to.equal('interrupted');
    }
    const [row] = await database.query("SELECT to_regclass('pgmigrations') AS found");
    expect(row).to.deep.equal({ found: null });
  });

  it('ends soon while the server cannot be reached, and while another run holds the lock', async () => {
    const { root } = await project(first);
    const database = await createDatabase();
    const nowhere = { PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'x', PGDATABASE: 'x', MIGRATE_ENV: 'test' };
    const said: string[] = [];
    const logger = {
      log: (line: string) => void said.push(line),
      warn: (line: string) => void said.push(line),
    };
    for (const call of [up, status, plan]) {
      const began = performance.now();
      const unreachable = await abortedWhen(
        (signal) => call({ root, env: nowhere, signal, logger }),
        async () => new Promise((done) => setImmediate(() => done(performance.now() - began > 300))),
      );
      expect(unreachable.code, call.name).to.equal('interrupted');
      expect(unreachable.ms, call.name).to.be.below(2000);
    }
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock(7241865325823964)');
    const waiting = await abortedWhen(
      (signal) => up({ root, env: database.env(), signal, logger }),
      async () =>
        new Promise((done) =>
          setImmediate(() => done(said.some((line) => line.includes('Waiting for another')))),
        ),
    );
    expect(waiting.code).to.equal('interrupted');
    expect(waiting.ms).to.be.below(2000);
  });

  it('rolls back what is under way: up, down, and the scratch database of verify and plan', async () => {
    const { root } = await project({ ...first, ...slow });
    const database = await createDatabase();
    const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
    const sleeping = async () =>
      (
        await database.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND wait_event = 'PgSleep'",
        )
      ).length > 0;
    const verifyAll = (given: RunOptions) => verify({ ...given, all: true });
    for (const call of [up, verifyAll, plan]) {
      const { code, ms } = await abortedWhen((signal) => call({ root, env, signal }), sleeping);
      expect(code, call.name).to.equal('interrupted');
      expect(ms, call.name).to.be.below(3000);
      expect(await sleeping(), `${call.name} left its statement running`).to.equal(false);
    }
    const left = await database.query(
      "SELECT datname FROM pg_database WHERE datname LIKE 'migrate_scratch%'",
    );
    expect(left).to.deep.equal([]);
  });
});

describe('Calls at once', () => {
  it('keep apart: databases, signals, loggers and secrets', async () => {
    const { root } = await project(first);
    const [a, b] = [await createDatabase(), await createDatabase()];
    const told: Record<string, string[]> = { a: [], b: [] };
    const logger = (name: string) => ({
      log: (line: string) => void told[name]!.push(line),
      warn: (line: string) => void told[name]!.push(line),
    });
    const [one, two, ended] = await Promise.all([
      up({ root, env: a.env(), logger: logger('a') }),
      up({ root, env: b.env(), logger: logger('b') }),
      status({ root, env: a.env(), signal: AbortSignal.abort() }),
    ]);
    expect([one.ok, two.ok, ended.ok]).to.deep.equal([true, true, false]);
    expect(told.a!.join('\n')).to.include(a.name).and.not.include(b.name);
    expect(told.b!.join('\n')).to.include(b.name).and.not.include(a.name);
  });

  it('on one database run one after the other: the second finds nothing to do', async () => {
    const { root } = await project(first);
    const database = await createDatabase();
    const both = await Promise.all([1, 2].map(() => up({ root, env: database.env() })));
    expect(both.map(({ ok }) => ok)).to.deep.equal([true, true]);
    expect(both.map(({ migrations = [] }) => migrations.length).sort()).to.deep.equal([0, 1]);
  });
});
