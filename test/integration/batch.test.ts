// A backfill in plain SQL, beside traffic: ranges of a key, a transaction each, with the position inside it.
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';
import { plainRole } from '../support/roles.ts';
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

/** `run` runs the tool in this process, `start` in one of its own. */
async function scene(files: Record<string, string>) {
  const tool = await project(files);
  const database = await createDatabase();
  const env = database.env();
  const run = (...args: string[]) => inProcess(tool.root, env, args);
  return { ...tool, database, env, run };
}

async function inProcess(
  root: string,
  env: Record<string, string>,
  args: readonly string[],
): Promise<Result> {
  const { exitCode, said, document } = await runInProcess(root, env, args);
  return { args, exitCode, stdout: said, stderr: said, all: said, json: () => document };
}

const runs = Number(process.env.BATCH_RUNS || 2);
/** So many SIGKILLs in each of these runs, at random moments. */
const kills = Number(process.env.BATCH_KILLS || 0);
const touched = 'SELECT touched, count(*)::int AS n FROM public.orders GROUP BY 1 ORDER BY 1';

const many = 'FROM generate_series(1, 97) AS n';
/** Type, and a query of its values. */
const keyTypes: readonly (readonly [string, string])[] = [
  ['int2', `SELECT n - 50 ${many}`],
  ['int4', `SELECT n ${many}`],
  ['int8', `SELECT n ${many} UNION ALL SELECT 9223372036854775807 UNION ALL SELECT -9223372036854775808`],
  [
    'numeric',
    `SELECT n / 7.0 ${many} UNION ALL SELECT 'NaN' UNION ALL SELECT 'Infinity' UNION ALL SELECT '-Infinity'`,
  ],
  ['float8', `SELECT n / 7.0::float8 ${many} UNION ALL SELECT 'NaN' UNION ALL SELECT '-Infinity'`],
  ['float4', `SELECT n / 7.0::float4 ${many}`],
  ['uuid', `SELECT md5(n::text)::uuid ${many}`],
  [
    'text',
    `SELECT (array['''', '\\', '"', '', '$1', 'ä', 'Z', 'a'])[n % 8 + 1] || n ${many} UNION ALL SELECT ''`,
  ],
  ['text COLLATE "de-x-icu"', `SELECT (array['ä', 'Z', 'a', 'ß'])[n % 4 + 1] || n ${many}`],
  ['text COLLATE blind', `SELECT CASE n % 2 WHEN 0 THEN 'K' ELSE 'k' END || n ${many}`],
  ['varchar(9)', `SELECT 'k' || n ${many}`],
  ['char(9)', `SELECT 'k' || n ${many} UNION ALL SELECT ' '`],
  ['"char"', `SELECT chr(n + 25)::"char" ${many}`],
  ['name', `SELECT ('k' || n)::name ${many}`],
  ['bit(12)', `SELECT n::bit(12) ${many}`],
  ['varbit', `SELECT n::bit(12) ${many}`],
  ['bytea', `SELECT decode(md5(n::text), 'hex') ${many}`],
  [
    'date',
    `SELECT date '2025-01-01' + n ${many} UNION ALL SELECT 'infinity' UNION ALL SELECT '0044-03-15 BC'`,
  ],
  ['timestamp', `SELECT timestamp '2025-01-01' + n * interval '37 hours' ${many}`],
  [
    'timestamptz',
    `SELECT timestamptz '2025-01-01' + n * interval '37 hours' ${many} UNION ALL SELECT '-infinity'`,
  ],
  ['interval', `SELECT interval '-3 days 1 hour' + n * interval '7 min' ${many}`],
  ['timetz', `SELECT timetz '00:00+05' + n * interval '7 min' ${many}`],
  ['inet', `SELECT inet '10.0.0.0' + n ${many} UNION ALL SELECT '::1' UNION ALL SELECT '10.0.0.0/8'`],
  [
    'cidr',
    `SELECT network(set_masklen(inet '10.0.0.0' + n * 256, 24))::cidr ${many} UNION ALL SELECT '10.0.0.0/8'`,
  ],
  ['macaddr8', `SELECT ('08:00:2b:01:02:03:04:' || lpad(to_hex(n), 2, '0'))::macaddr8 ${many}`],
  ['pg_lsn', `SELECT '0/0'::pg_lsn + n ${many}`],
  ['jsonb', `SELECT jsonb_build_array(n % 9, 'ä"' || n) ${many} UNION ALL SELECT 'null'`],
  ['money', `SELECT (n / 7.0)::numeric::money ${many} UNION ALL SELECT '-1234567.89'`],
  ['int[]', `SELECT array[n % 5, NULL, n] ${many} UNION ALL SELECT '{}' UNION ALL SELECT '{{1,2},{3,4}}'`],
  ['text[]', `SELECT array['a,"b\\' || n % 4, NULL, 'ä' || n] ${many} UNION ALL SELECT '{""}'`],
  ['float8[]', `SELECT array[n / 7.0::float8] ${many}`],
  ['timestamptz[]', `SELECT array[timestamptz '2025-01-01' + n * interval '37 hours'] ${many}`],
  ['int4range', `SELECT int4range(n % 9, n + 20) ${many} UNION ALL SELECT 'empty' UNION ALL SELECT '(,)'`],
  ['daterange', `SELECT daterange(date '2025-01-01' + n, NULL, '[]') ${many}`],
  [
    'tstzrange',
    `SELECT tstzrange(timestamptz '2025-01-01' + n * interval '1 hour', 'infinity', '(]') ${many}`,
  ],
  ['nummultirange', `SELECT nummultirange(numrange(n, n + 1), numrange(200, 200.5 + n)) ${many}`],
  ['boolean', 'SELECT unnest(array[true, false])'],
  ['mood', 'SELECT unnest(enum_range(NULL::mood))'],
  ['twice', `SELECT n ${many}`],
];

function tableOfKeys([type, values]: readonly [string, string], i: number): string {
  const needed: Record<string, string> = {
    'text COLLATE blind': `CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n`,
    mood: `CREATE TYPE mood AS ENUM ('b', 'a', 'c');\n`,
    twice: 'CREATE DOMAIN once AS int CHECK (VALUE > 0);\nCREATE DOMAIN twice AS once;\n',
  };
  return `${needed[type] ?? ''}CREATE TABLE public."Keys ${i}" ("Kéy" ${type} PRIMARY KEY, touched int NOT NULL DEFAULT 0);
INSERT INTO public."Keys ${i}" ("Kéy") ${values};`;
}

interface Ending {
  readonly at: number;
  readonly how: string;
  readonly late: boolean;
}

/**
 * A table with one to three rows for each key, of which a forced policy hides part 9, and with a foreign key that is checked
 * late. Its triggers end the session, or the statement, or the transaction when it is about to commit, when so many rows
 * were touched; a sequence is not rolled back.
 */
function brokenTable(table: string, keys: readonly number[], ends: readonly Ending[]): string {
  const cases = (late: boolean) =>
    ends
      .filter((ending) => ending.late === late)
      .map(({ at, how }) =>
        how === 'ends'
          ? `IF touch = ${at} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;`
          : `IF touch = ${at} THEN RAISE EXCEPTION 'on purpose' USING ERRCODE = '${how}'; END IF;`,
      )
      .join(' ');
  const trigger = (name: string, late: boolean) => `CREATE SEQUENCE ${table}_${name};
CREATE FUNCTION ${table}_${name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE touch bigint := nextval('${table}_${name}');
BEGIN ${cases(late)} RETURN NEW; END $$;
CREATE ${late ? 'CONSTRAINT' : ''} TRIGGER ${name} ${late ? 'AFTER' : 'BEFORE'} UPDATE ON ${table}
  ${late ? 'DEFERRABLE INITIALLY DEFERRED' : ''} FOR EACH ROW EXECUTE FUNCTION ${table}_${name}();`;
  return `CREATE TABLE ${table}_keys (k int PRIMARY KEY);
INSERT INTO ${table}_keys SELECT unnest('{${keys.join(',')}}'::int[]);
CREATE TABLE ${table} (k int, part int, touched int NOT NULL DEFAULT 0, of int, PRIMARY KEY (k, part));
INSERT INTO ${table} SELECT k, part FROM ${table}_keys, generate_series(1, 1 + abs(k) % 3) AS part UNION ALL SELECT k, 9 FROM ${table}_keys;
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ${table} ADD FOREIGN KEY (of) REFERENCES ${table}_keys DEFERRABLE INITIALLY DEFERRED;
CREATE POLICY shown ON ${table} USING (part < 9);
${trigger('breaks', false)}
${trigger('breaks_late', true)}
`;
}

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
    for (let kill = 0; kill < 2; kill += 1) {
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

  it('walks along keys of every sortable type, whatever formats the role or database has', async () => {
    const { run, database } = await scene({
      ...pair('20250101000001_base', keyTypes.map(tableOfKeys).join('\n'), '-- migrate: irreversible x\n'),
      ...Object.assign(
        {},
        ...keyTypes.map((_, i) =>
          pair(
            `202501010001${10 + i}_walk`,
            `-- migrate: batch public."Keys ${i}" by "Kéy" rows=31\nUPDATE public."Keys ${i}" SET touched = touched + 1 WHERE "Kéy" BETWEEN $1 AND $2;\n`,
            'SELECT 1;\n',
          ),
        ),
      ),
    });
    for (const setting of [
      "DateStyle = 'SQL, DMY'",
      "TimeZone = 'Asia/Kolkata'",
      "IntervalStyle = 'sql_standard'",
      'extra_float_digits = -10',
      "bytea_output = 'escape'",
      'array_nulls = off',
      "lc_monetary = 'C.utf8'",
    ])
      await database.query(`ALTER DATABASE ${database.name} SET ${setting}`);
    expectExit(await run('up'), 0);
    const wrong: string[] = [];
    for (const [i, [type]] of keyTypes.entries()) {
      const rows = await database.query<{ touched: number; n: number }>(
        `SELECT touched, count(*)::int AS n FROM public."Keys ${i}" GROUP BY 1`,
      );
      if (rows.length !== 1 || rows[0]?.touched !== 1) wrong.push(`${type}: ${JSON.stringify(rows)}`);
    }
    expect(wrong).to.deep.equal([]);
  });

  it('counts each key once, wherever its session is ended, whatever the keys and sizes are', async () => {
    const run = fc.record({
      keys: fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 }),
      rows: fc.integer({ min: 1, max: 40 }),
      ends: fc.array(
        fc.record({
          at: fc.integer({ min: 1, max: 150 }),
          how: fc.constantFrom('ends', '40001', '40P01', '22012'),
          late: fc.boolean(),
        }),
        { maxLength: 3 },
      ),
      killed: fc.array(fc.integer({ min: 300, max: 1500 }), { maxLength: kills, minLength: kills }),
    });
    const { write, database, root, start } = await scene({});
    const role = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${role.name}`,
    );
    const env = { ...database.env(), ...role.env() };
    let version = 20250101000000;
    await fc.assert(
      fc.asyncProperty(run, async ({ keys, rows, ends, killed }) => {
        version += 10;
        const table = `keys_${version}`;
        const files = {
          ...pair(`${version}_base`, brokenTable(table, keys, ends), '-- migrate: irreversible x\n'),
          ...pair(
            `${version + 1}_walk`,
            `-- migrate: batch ${table} by k rows=${rows}${kills > 0 ? ' pause=20ms' : ''}\nUPDATE ${table} SET touched = touched + 1, of = k WHERE k BETWEEN $1 AND $2;\n`,
            'SELECT 1;\n',
          ),
        };
        for (const [name, text] of Object.entries(files)) write(name, text);
        expectExit(await inProcess(root, env, ['up', '--to', `${version}`]), 0);
        const expectOnce = async () =>
          expect(
            await database.query(
              `SELECT k FROM ${table} GROUP BY k HAVING min(touched) FILTER (WHERE part < 9) <> max(touched) OR max(touched) > 1 OR max(touched) FILTER (WHERE part = 9) > 0`,
            ),
          ).to.deep.equal([]);
        for (const ms of killed) {
          const running = start(['up'], { env: { ...env, MIGRATE_BATCH_TIME: '1ms' } });
          await delay(ms);
          running.kill('SIGKILL');
          await running.result;
          await expectOnce();
        }
        for (
          let left = ends.length + 1;
          (await inProcess(root, env, ['up'])).exitCode !== 0 && left > 0;
          left -= 1
        )
          await expectOnce();
        const counted = await database.query(`SELECT DISTINCT touched FROM ${table} WHERE part < 9`);
        expect(counted).to.deep.equal([{ touched: 1 }]);
        await expectOnce();
      }),
      { numRuns: runs },
    );
  });

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
    expect(failed.stderr)
      .to.match(/backfill\.up\.sql:2/)
      .and.to.match(/What failed is the range id \d+ to \d+/);
    write('20250101000002_backfill.up.sql', `-- migrate: batch public.orders by id\n${statement}`);
    for (const [type, exitCode] of [
      ['text', 4],
      ['int', 0],
    ] as const) {
      // Keys that sort otherwise are others behind the position.
      await database.query(`ALTER TABLE public.orders ALTER COLUMN id TYPE ${type} USING id::${type}`);
      expectExit(await run('drift', '--accept', '--reason', 'another type'), 0);
      const result = await run('up');
      expectExit(result, exitCode);
      if (exitCode === 4)
        expect(result.stderr).to.include('the order of public.orders.id is another now (text)');
    }
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

  it('is planned with its rows, batches and times, and what is left at its own pace when it is half done', async () => {
    const { run, database } = await scene({
      ...base,
      ...backfill(
        'orders by id rows=500',
        'UPDATE orders SET touched = touched + 1 WHERE id BETWEEN $1 AND $2;\n',
      ),
      ...pair(
        '20250101000003_bad',
        '-- migrate: batch orders by total\nDELETE FROM orders WHERE total BETWEEN $1 AND $2;\n',
        'SELECT 1;\n',
      ),
    });
    expect((await run('plan')).stdout).to.include('batch orders by id: the table is not there yet');
    expectExit(await run('up', '--to', '20250101000001'), 0);
    expect((await run('plan')).stdout)
      .to.match(
        /backfill, in batches, a transaction each\n +batch orders by id: about 5\.0 k rows, 10 batches of 500 at first, about .+ to read what it changes .*5\.0 s if each takes/,
      )
      .and.to.match(/batch orders by total: .*no unique index or primary key/);
    expectExit(await run('up', '--to', '20250101000002', '--budget', '1ms'), 0);
    const { batch } = (await run('plan', '--json')).json().migrations[0];
    expect(batch).to.include({
      rows: 4500,
      size: 500,
      batches: 9,
      atMostMs: 4500,
      position: String(500 * 7),
    });
    expect(batch.readMs).to.be.at.least(batch.keysMs);
    expect((await run('plan')).stdout).to.match(
      /about 4\.5 k rows left behind 3500, 9 batches of 500 at first, about .+ at the pace of what is done/,
    );
    expect((await run('status')).stdout).to.include('partial (batch: 10 %)');
    expect(await database.query('SELECT sum(touched)::int AS n FROM orders')).to.deep.equal([{ n: 500 }]);
  });

  it('takes a down in batches too', async () => {
    const down =
      '-- migrate: batch public.orders by id rows=700\nUPDATE public.orders SET touched = 9 WHERE id BETWEEN $1 AND $2;\n';
    const { run, database } = await scene({ ...base, ...backfill(undefined, undefined, down) });
    expectExit(await run('up'), 0);
    expectExit(await run('down'), 0);
    expect(await database.query(touched)).to.deep.equal([{ touched: 9, n: 5000 }]);
  });

  it('that cannot be one is refused before anything is changed', async () => {
    const { run, database } = await scene({
      ...base,
      ...backfill(undefined, 'UPDATE public.orders SET cents = 1 WHERE id >= $1;\n'),
    });
    const result = await run('up');
    expectExit(result, 2);
    expect(result.stderr).to.include('$2 is missing');
    expect(await database.query("SELECT FROM pg_class WHERE relname = 'orders'")).to.deep.equal([]);
  });

  const nullsUnderNotValid = [
    'with NULLs under a constraint that is not valid',
    'ALTER TABLE public.orders ADD COLUMN k int UNIQUE;\nALTER TABLE public.orders ADD CONSTRAINT k_set NOT NULL k NOT VALID',
    'is NULL',
  ] as const;
  const keys: readonly (readonly [what: string, sql: string, told: string, condition?: string])[] = [
    ['without a unique index', 'ALTER TABLE public.orders ADD COLUMN k int', 'has no unique index'],
    ['with NULLs', 'ALTER TABLE public.orders ADD COLUMN k int UNIQUE', 'is NULL'],
    ['that is not there', 'SELECT 1', 'no column k'],
    [
      'in another order than its index',
      'ALTER TABLE public.orders ADD COLUMN k text; CREATE UNIQUE INDEX ON public.orders (k text_pattern_ops)',
      'has no unique index',
    ],
    [
      'of a type of an extension, or of its own making',
      'CREATE TYPE span AS (a int, b int); ALTER TABLE public.orders ADD COLUMN k span UNIQUE; UPDATE public.orders SET k = ROW(id, 1)',
      'cannot walk along the type public.span',
    ],
    [
      'that it compares as something of another order',
      "ALTER TABLE public.orders ADD COLUMN k timestamp UNIQUE; UPDATE public.orders SET k = timestamp '2025-01-01' + id * interval '1 hour'",
      'another type',
      'k BETWEEN $1::date AND $2::date',
    ],
    [
      'that it compares as something else',
      'ALTER TABLE public.orders ADD COLUMN k text UNIQUE; UPDATE public.orders SET k = id',
      'another type',
      'k::int BETWEEN $1 AND $2',
    ],
    ...(testMajor >= 18 ? [nullsUnderNotValid] : []),
  ];
  for (const [what, sql, told, condition = 'k BETWEEN $1 AND $2'] of keys) {
    it(`by a key ${what} is refused, and nothing is begun`, async () => {
      const { run, database } = await scene({
        ...base,
        ...pair('20250101000002_key', `${sql};\n`, 'SELECT 1;\n'),
        ...pair(
          '20250101000003_backfill',
          `-- migrate: batch public.orders by k\nUPDATE public.orders SET touched = 1 WHERE ${condition};\n`,
          'SELECT 1;\n',
        ),
      });
      const result = await run('up');
      expectExit(result, 3);
      expect(result.stderr).to.include(told).and.to.include('Nothing of 20250101000003_backfill was run');
      expect(await database.query('SELECT FROM migration_ledger.journal')).to.deep.equal([]);
    });
  }

  it('is refused where only the server knows that ranges differ, and says what fires for each of them', async () => {
    const { run, write, database } = await scene({
      ...base,
      ...pair(
        '20250101000002_names',
        `CREATE AGGREGATE public.total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE TABLE public.sums (n int);
CREATE FUNCTION public.told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "Told" AFTER UPDATE OF touched ON public.orders FOR EACH STATEMENT EXECUTE FUNCTION public.told();
CREATE TRIGGER other AFTER UPDATE OF cents ON public.orders FOR EACH STATEMENT EXECUTE FUNCTION public.told();\n`,
        'SELECT 1;\n',
      ),
      ...pair(
        '20250101000003_sum',
        '-- migrate: batch public.orders by id\nINSERT INTO public.sums SELECT public.total(id::int) FROM public.orders WHERE id BETWEEN $1 AND $2;\n',
        'SELECT 1;\n',
      ),
    });
    const told = 'an aggregate or GROUP BY gives a result for each range';
    const result = await run('up');
    expectExit(result, 3);
    expect(result.stderr).to.include(told).and.to.include('Nothing of 20250101000003_sum was run');
    expect((await run('plan')).stdout).to.include(told);
    expect(await database.query('SELECT FROM public.sums')).to.deep.equal([]);
    write(
      '20250101000003_sum.up.sql',
      '-- migrate: batch public.orders by id\nUPDATE public.orders SET touched = 1 WHERE id BETWEEN $1 AND $2;\n',
    );
    const fires = 'trigger "Told" on public.orders fires for each range of the batch';
    const said = await run('up');
    expectExit(said, 0);
    expect(said.all).to.include(fires).and.not.to.include('trigger other');
  });

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
