// A backfill in plain SQL, beside traffic: ranges of a key, a transaction each, with the position inside it.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';
import { until } from '../support/runs.ts';

const base = pair(
  '20250101000001_base',
  'CREATE TABLE public.orders (id bigint PRIMARY KEY, total numeric NOT NULL, cents bigint, touched int NOT NULL DEFAULT 0);\nINSERT INTO public.orders (id, total) SELECT n * 7, n FROM generate_series(1, 5000) AS n;\n',
  'DROP TABLE public.orders;\n',
);
const statement =
  'UPDATE public.orders SET cents = (total * 100)::bigint, touched = touched + 1 WHERE id BETWEEN $1 AND $2;\n';
const backfill = (directive = 'public.orders by id rows=500', sql = statement, down = 'SELECT 1;\n') =>
  pair('20250101000002_backfill', `-- migrate: batch ${directive}\n${sql}`, down);

async function scene(files: Record<string, string>) {
  const tool = await project(files);
  const database = await createDatabase();
  const env = database.env();
  const run = (...args: string[]) => tool.run(args, { env });
  return { ...tool, database, env, run };
}

const touched = 'SELECT touched, count(*)::int AS n FROM public.orders GROUP BY 1 ORDER BY 1';

describe('A batch', () => {
  it('runs its statement over every range of the key, once', async () => {
    const { run, database } = await scene({ ...base, ...backfill() });
    const result = await run('up');
    expectExit(result, 0);
    expect(result.stdout).to.include('5,000 rows in');
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
    expect(await database.query('SELECT FROM migration_ledger.journal')).to.deep.equal([]);
    expectExit(await run('status', '--check'), 0);
  });

  it('goes on where it was killed: each range counts exactly once', async () => {
    const { start, run, database, env } = await scene({
      ...base,
      ...backfill('public.orders by id rows=100'),
    });
    const slow = { ...env, MIGRATE_BATCH_TIME: '1ms' };
    await database.query('CREATE TABLE seen (n int)');
    expectExit(await run('up', '--to', '20250101000001', '--fresh-history'), 0);
    expectExit(await run('drift', '--accept', '--reason', 'a table of the test'), 0);
    for (let kill = 0; kill < 3; kill += 1) {
      const running = start(['up'], { env: slow });
      const before =
        kill === 0
          ? 0
          : (await database.query<{ n: number }>(`SELECT sum(touched)::int AS n FROM public.orders`))[0]!.n;
      await until('some more batches', async () => {
        const [row] = await database.query<{ n: number }>('SELECT sum(touched)::int AS n FROM public.orders');
        return row!.n > before;
      });
      running.kill('SIGKILL');
      await running.result;
      await until('the session to end', async () => {
        const rows = await database.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate up%'",
        );
        return rows.length === 0;
      });
      const [state] = await database.query<{ n: number; m: number }>(
        'SELECT count(*)::int AS n, max(touched) AS m FROM public.orders WHERE touched > 0',
      );
      expect(state!.m).to.equal(1);
    }
    const status = await run('status');
    expect(status.stdout).to.match(/partial \(batch/);
    const last = await run('up');
    expectExit(last, 0);
    expect(last.stdout).to.include('resuming');
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
  });

  it('ends with the budget, exit 0, and the next run goes on', async () => {
    const { run, database } = await scene({ ...base, ...backfill('public.orders by id rows=10 pause=20ms') });
    const first = await run('up', '--budget', '1ms');
    expectExit(first, 0);
    expect(first.stdout).to.include('the budget is used up');
    expect((await run('up', '--budget', '0s')).exitCode).to.equal(2);
    const [row] = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM public.orders WHERE touched = 1',
    );
    expect(row!.n).to.be.above(0).and.below(5000);
    const json = (await run('status', '--json')).json();
    expect(json.migrations[1].state).to.equal('partial');
    expectExit(await run('up'), 0);
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
  });

  for (const [type, value] of [
    ['integer', 'n'],
    ['numeric', 'n * 1.5'],
    ['uuid', 'md5(n::text)::uuid'],
    ['text', "'k' || n"],
    ['timestamptz', "'2025-01-01'::timestamptz + n * interval '1 minute'"],
    ['date', "'2025-01-01'::date + n"],
  ] as const) {
    it(`walks along a key of type ${type}`, async () => {
      const { run, database } = await scene({
        ...pair(
          '20250101000001_base',
          `CREATE TABLE public."Odd Name" (k ${type} PRIMARY KEY, touched int NOT NULL DEFAULT 0);\nINSERT INTO public."Odd Name" (k) SELECT ${value} FROM generate_series(1, 1200) AS n;\n`,
          'DROP TABLE public."Odd Name";\n',
        ),
        ...backfill(
          'public."Odd Name" by k rows=90',
          'UPDATE public."Odd Name" SET touched = touched + 1 WHERE k BETWEEN $1 AND $2;\n',
        ),
      });
      expectExit(await run('up'), 0);
      const rows = await database.query(
        'SELECT touched, count(*)::int AS n FROM public."Odd Name" GROUP BY 1',
      );
      expect(rows).to.deep.equal([{ touched: 1, n: 1200 }]);
    });
  }

  it('walks over a partitioned table, and over rows that delete themselves', async () => {
    const { run, database } = await scene({
      ...pair(
        '20250101000001_base',
        `CREATE TABLE public.events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.events_a PARTITION OF public.events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE public.events_b PARTITION OF public.events DEFAULT;
INSERT INTO public.events SELECT n, '2025-01-01'::date + n % 60 FROM generate_series(1, 3000) AS n;\n`,
        'DROP TABLE public.events;\n',
      ),
      ...backfill(
        'public.events by id',
        'DELETE FROM public.events WHERE id BETWEEN $1 AND $2 AND id % 3 = 0;\n',
      ),
    });
    expectExit(await run('up'), 0);
    expect(await database.query('SELECT count(*)::int AS n FROM public.events')).to.deep.equal([{ n: 2000 }]);
  });

  it('retries a range that others lock, smaller, and names who is in the way', async () => {
    const { start, run, database, env } = await scene({ ...base, ...backfill() });
    expectExit(await run('up', '--to', '20250101000001'), 0);
    const holder = await database.client();
    await holder.query('BEGIN; SELECT FROM public.orders WHERE id = 700 FOR UPDATE');
    const running = start(['up'], {
      env: { ...env, MIGRATE_LOCK_TIMEOUT: '100ms', MIGRATE_LOCK_RETRIES: '50' },
    });
    await running.saying('trying again');
    await holder.query('COMMIT');
    expectExit(await running.result, 0);
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
  });

  it('says how far it came when its statement fails, and goes on when it is mended', async () => {
    const failing =
      'UPDATE public.orders SET cents = 100 / (id - 7000)::bigint, touched = touched + 1 WHERE id BETWEEN $1 AND $2;\n';
    const { run, write, database } = await scene({
      ...base,
      ...backfill('public.orders by id rows=100', failing),
    });
    const failed = await run('up');
    expectExit(failed, 3);
    expect(failed.stderr).to.include('division by zero').and.to.include('is half done (batch');
    expect(failed.stderr).to.match(/backfill\.up\.sql:2/);
    write('20250101000002_backfill.up.sql', `-- migrate: batch public.orders by id\n${statement}`);
    expectExit(await run('up'), 0);
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
  });

  const failsAt = (key: number) =>
    `UPDATE public.orders SET cents = 100 / (id - ${key})::bigint, touched = touched + 1`;
  const walks = `-- migrate: batch public.orders by id rows=500\n${failsAt(28_000)} WHERE id BETWEEN $1 AND $2;\n`;
  const file = '20250101000002_backfill.up.sql';
  const rewrites: readonly (readonly [string, string])[] = [
    ['no-transaction', `-- migrate: no-transaction\n${failsAt(0)};\n`],
    ['a plain file', `${failsAt(0)};\n`],
  ];
  for (const [what, text] of rewrites) {
    it(`that is half done is not run again as ${what}, and goes on when its directive is back`, async () => {
      const { run, write, database } = await scene({
        ...base,
        [file]: walks,
        '20250101000002_backfill.down.sql': 'SELECT 1;\n',
      });
      expectExit(await run('up'), 3);
      const [reached] = await database.query('SELECT max(id) AS id FROM public.orders WHERE touched = 1');
      write(file, text);
      for (const command of ['up', 'plan']) {
        const refused = await run(command);
        expectExit(refused, 4);
        expect(refused.stderr).to.include('--resolve 20250101000002');
        expect(refused.stderr).to.include(`everything up to id ${reached!.id} is committed`);
      }
      write(file, walks.replace('28000', '0'));
      expectExit(await run('up'), 0);
      expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
    });
  }

  it('that began with nothing committed may become another file, and back again', async () => {
    const { run, write, database } = await scene({
      ...base,
      [file]: walks.replace('28000', '7'),
      '20250101000002_backfill.down.sql': 'SELECT 1;\n',
    });
    expectExit(await run('up'), 3);
    write(file, `-- migrate: no-transaction\n${failsAt(0)};\nSELECT 1/0;\n`);
    expectExit(await run('up'), 3);
    write(file, walks.replace('28000', '0'));
    const refused = await run('up');
    expectExit(refused, 4);
    expect(refused.stderr).to.include('--resolve 20250101000002');
    expect(await database.query(touched)).to.deep.equal([{ touched: 1, n: 5000 }]);
  });

  it('is not recorded without having run where statements of its file ran before it was one', async () => {
    const { run, write, database } = await scene({
      ...base,
      [file]: '-- migrate: no-transaction\nCREATE TABLE public.first (id int);\nSELECT 1/0;\n',
      '20250101000002_backfill.down.sql': 'SELECT 1;\n',
    });
    expectExit(await run('up'), 3);
    write(file, walks.replace('28000', '0'));
    for (const command of ['up', 'plan']) {
      const refused = await run(command);
      expectExit(refused, 4);
      expect(refused.stderr).to.include('--resolve 20250101000002');
    }
    expect(await database.query(touched)).to.deep.equal([{ touched: 0, n: 5000 }]);
  });

  for (const settled of ['applied', 'pending'] as const) {
    it(`that is half done is settled as ${settled}, and leaves nothing to resume`, async () => {
      const { run, database } = await scene({
        ...base,
        [file]: walks,
        '20250101000002_backfill.down.sql': 'SELECT 1;\n',
      });
      expectExit(await run('up'), 3);
      expectExit(
        await run('repair', '--resolve', '20250101000002', settled, '--reason', 'the rest is done'),
        0,
      );
      expect(await database.query('SELECT FROM migration_ledger.journal')).to.deep.equal([]);
      expect((await run('status', '--json')).json().migrations[1].state).to.equal(settled);
    });
  }

  it('takes a down in batches too', async () => {
    const down =
      '-- migrate: batch public.orders by id rows=700\nUPDATE public.orders SET touched = 9 WHERE id BETWEEN $1 AND $2;\n';
    const { run, database } = await scene({ ...base, ...backfill(undefined, undefined, down) });
    expectExit(await run('up'), 0);
    expectExit(await run('down'), 0);
    expect(await database.query(touched)).to.deep.equal([{ touched: 9, n: 5000 }]);
  });

  const refusals: readonly (readonly [string, string, string])[] = [
    ['without $2', 'UPDATE public.orders SET cents = 1 WHERE id >= $1;\n', '$2 is missing'],
    ['of two statements', `${statement}SELECT 1;\n`, 'holds 2'],
    ['that only selects', 'SELECT * FROM public.orders WHERE id BETWEEN $1 AND $2;\n', 'is none'],
    ['that inserts values', 'INSERT INTO public.orders VALUES ($1, $2);\n', 'is none'],
    [
      'that changes its key',
      'UPDATE public.orders SET id = id + 1 WHERE id BETWEEN $1 AND $2;\n',
      'the key that it walks by',
    ],
    [
      'with a third parameter',
      'UPDATE public.orders SET cents = $3 WHERE id BETWEEN $1 AND $2;\n',
      '$3 is none',
    ],
  ];
  for (const [what, sql, told] of refusals) {
    it(`${what} is refused before anything connects`, async () => {
      const { run } = await project({ ...base, ...backfill(undefined, sql) });
      const result = await run(['up'], {
        env: { DATABASE_URL: 'postgres://x@127.0.0.1:1/x', PGPASSWORD: 'x' },
      });
      expectExit(result, 2);
      expect(result.stderr).to.include(told);
    });
  }

  const nullsUnderNotValid = [
    'with NULLs under a constraint that is not valid',
    'ALTER TABLE public.orders ADD COLUMN k int UNIQUE;\nALTER TABLE public.orders ADD CONSTRAINT k_set NOT NULL k NOT VALID',
    'is NULL',
  ] as const;
  const keys: readonly (readonly [string, string, string])[] = [
    ['without a unique index', 'ALTER TABLE public.orders ADD COLUMN k int', 'has no unique index'],
    ['with NULLs', 'ALTER TABLE public.orders ADD COLUMN k int UNIQUE', 'is NULL'],
    ['that is not there', 'SELECT 1', 'no column k'],
    ...(testMajor >= 18 ? [nullsUnderNotValid] : []),
  ];
  for (const [what, sql, told] of keys) {
    it(`by a key ${what} is refused, and nothing is begun`, async () => {
      const { run, database } = await scene({
        ...base,
        ...pair('20250101000002_key', `${sql};\n`, 'SELECT 1;\n'),
        ...pair(
          '20250101000003_backfill',
          '-- migrate: batch public.orders by k\nUPDATE public.orders SET touched = 1 WHERE k BETWEEN $1 AND $2;\n',
          'SELECT 1;\n',
        ),
      });
      const result = await run('up');
      expectExit(result, 3);
      expect(result.stderr).to.include(told).and.to.include('Nothing of 20250101000003_backfill was run');
      expect(await database.query('SELECT FROM migration_ledger.journal')).to.deep.equal([]);
    });
  }

  it('is refused by name in one transaction with others, and by redo', async () => {
    const { run } = await scene({ ...base, ...backfill() });
    const together = await run('up', '--single-transaction');
    expect(together.exitCode).to.be.oneOf([2, 7]);
    expect(together.stderr).to.include('20250101000002_backfill.up.sql');
    expectExit(await run('up'), 0);
    const again = await run('redo');
    expectExit(again, 7);
    expect(again.stderr).to.include('20250101000002_backfill');
  });

  it('is verified, linted and replayed on a scratch database with the rows that are there', async () => {
    const { run } = await scene({ ...base, ...backfill() });
    for (const command of [['verify', '--all'], ['lint', '--all'], ['plan'], ['schema']]) {
      const result = await run(...command);
      expect(result.exitCode, result.all).to.be.oneOf([0, 9]);
      expect(result.all).not.to.include('there is no parameter');
    }
  });
});
