// What plan shows of a database, that it writes nothing there, and that a saved plan runs exactly as it was or not at all.
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { digestOf } from '../../scripts/preview/approved.ts';
import { readPlan } from '../../scripts/preview/saved.ts';
import { expectExit, type Project, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';
import { plainPassword, plainRole } from '../support/roles.ts';
import { until } from '../support/runs.ts';

const orders = pair(
  1,
  'orders',
  'CREATE TABLE orders (id bigint PRIMARY KEY, customer text, note text);',
  'DROP TABLE orders;',
);

interface PlanDocument {
  readonly migrations: readonly {
    readonly name: string;
    readonly direction: string;
    readonly transaction: boolean;
    readonly statements: readonly {
      readonly line: number;
      readonly text: string;
      readonly locks: readonly Record<string, unknown>[] | null;
    }[];
  }[];
  readonly findings: readonly { readonly rule: string }[];
  readonly warnings: readonly {
    readonly pid: number;
    readonly holds: readonly string[];
    readonly ageSeconds: number;
  }[];
  readonly traced: boolean;
  readonly untraced: string | null;
  readonly fingerprint: string | null;
}

async function withOrders(
  rest: Record<string, string>,
): Promise<{ repo: Project; database: TestDatabase; env: Record<string, string> }> {
  const database = await createDatabase();
  const env = database.env();
  const repo = await project(orders);
  expectExit(await repo.run(['up'], { env }), 0);
  for (const [name, text] of Object.entries(rest)) repo.write(name, text);
  await database.query(`INSERT INTO orders SELECT n, 'c', repeat('x', 100) FROM generate_series(1, 20000) n`);
  await database.query('ANALYZE orders');
  return { repo, database, env };
}

const document = (result: Result) => result.json() as PlanDocument;

describe('plan: what up would do', () => {
  it('joins the locks of every statement with the live size of the tables they hit', async () => {
    const { repo, env } = await withOrders(
      pair(
        2,
        'amounts',
        'ALTER TABLE orders ADD COLUMN n int;\nALTER TABLE orders ALTER COLUMN id TYPE text;',
      ),
    );
    const shown = await repo.run(['plan'], { env });
    expectExit(shown, 0);
    expect(shown.stdout).to.match(/up 20250101000002\S*_amounts|up \d{14}_amounts, in one transaction/);
    expect(shown.stdout).to.match(
      / 2: ALTER TABLE orders ALTER COLUMN id TYPE text\n\s+AccessExclusiveLock on public\.orders, rewrites \d+(\.\d)? MB, about 20 k rows, 1 index/,
    );
    expect(shown.stdout).to.include('[change-column-type]');
    expect(shown.stdout).to.match(/Would apply 1 migration\. Nothing was changed\./);
    const { migrations, findings, traced } = document(await repo.run(['plan', '--json'], { env }));
    const [first, second] = migrations[0]?.statements ?? [];
    expect(traced).to.equal(true);
    expect(first?.locks?.[0]).to.include({
      relation: 'public.orders',
      mode: 'AccessExclusiveLock',
      rewrites: false,
    });
    expect(second?.locks?.[0]).to.include({ relation: 'public.orders', rewrites: true });
    expect(second?.locks?.[0]?.table).to.include({ rows: 20_000, indexes: 1 });
    expect(findings.map(({ rule }) => rule)).to.include('change-column-type');
  });

  it('traces later migrations on what earlier ones of the plan leave, and says how each runs', async () => {
    const { repo, env } = await withOrders({
      ...pair(2, 'first', 'ALTER TABLE orders ADD COLUMN total int;'),
      ...pair(
        3,
        'second',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY orders_total ON orders (total);',
        '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY orders_total;',
      ),
    });
    const { migrations, untraced } = document(await repo.run(['plan', '--json'], { env }));
    expect(untraced).to.equal(null);
    expect(migrations.map(({ transaction }) => transaction)).to.deep.equal([true, false]);
    expect(migrations[1]?.statements[0]?.locks?.[0]).to.include({
      relation: 'public.orders',
      mode: 'ShareUpdateExclusiveLock',
      reads: true,
    });
  });

  it('sums a partitioned table over its partitions', async () => {
    const database = await createDatabase();
    const env = database.env();
    const repo = await project(
      pair(
        1,
        'events',
        'CREATE TABLE events (n int) PARTITION BY RANGE (n); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100000);',
        'DROP TABLE events;',
      ),
    );
    expectExit(await repo.run(['up'], { env }), 0);
    await database.query('INSERT INTO events SELECT generate_series(1, 5000)');
    await database.query('ANALYZE events');
    for (const [name, text] of Object.entries(pair(2, 'wider', 'ALTER TABLE events ADD COLUMN m int;')))
      repo.write(name, text);
    const { migrations } = document(await repo.run(['plan', '--json'], { env }));
    const lock = migrations[0]?.statements[0]?.locks?.find(({ relation }) => relation === 'public.events');
    expect(lock?.table).to.have.property('rows').to.equal(5000);
    expect(lock?.table).to.have.property('bytes').to.be.greaterThan(100_000);
  });

  it('finds no hazard in a partitioned table that has no partition on the target, and all where it has', async () => {
    const database = await createDatabase();
    const env = database.env();
    const repo = await project({
      ...pair(1, 'ev', 'CREATE TABLE ev (id bigint, at date) PARTITION BY RANGE (at);', 'DROP TABLE ev;'),
      ...pair(
        2,
        'key',
        'ALTER TABLE ev ALTER COLUMN id SET NOT NULL;',
        'ALTER TABLE ev ALTER id DROP NOT NULL;',
      ),
      ...pair(
        3,
        'wide',
        'ALTER TABLE ev ALTER COLUMN id TYPE numeric;',
        'ALTER TABLE ev ALTER id TYPE bigint;',
      ),
      ...pair(4, 'index', 'CREATE INDEX ev_at ON ev (at);', 'DROP INDEX ev_at;'),
      'db/config.json': '{ "drift": { "ignore": [{ "class": "*", "name": "public.ev_*" }] } }',
    });
    expectExit(await repo.run(['up', '--to', '20250101000001'], { env }), 0);
    const rules = async () =>
      document(await repo.run(['plan', '--json'], { env })).findings.map(({ rule }) => rule);
    expect(await rules()).to.deep.equal([]);
    await database.query(
      "CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2020-01-01') TO ('2030-01-01')",
    );
    expect(await rules()).to.deep.equal(['set-not-null', 'change-column-type', 'create-index-blocking']);
  });

  it('names a prepared transaction that nobody ended and that holds a table', async () => {
    const { repo, database, env } = await withOrders(
      pair(2, 'amounts', 'ALTER TABLE orders ADD COLUMN n int;'),
    );
    const [row] = await database.query<{ name: string }>('SELECT current_database() AS name');
    const name = `orphan of ${row?.name}`;
    const other = await database.client();
    await other.query(`BEGIN; SELECT count(*) FROM orders; PREPARE TRANSACTION '${name}'`);
    try {
      const { stdout } = await repo.run(['plan'], { env });
      expect(stdout).to.match(
        new RegExp(
          `in the way prepared transaction ${name} of .*ROLLBACK PREPARED.* holds AccessShareLock on public\\.orders`,
        ),
      );
    } finally {
      await other.query(`ROLLBACK PREPARED '${name}'`);
    }
  });

  it('names who holds conflicting locks right now, and for how long', async () => {
    const { repo, database, env } = await withOrders(
      pair(2, 'amounts', 'ALTER TABLE orders ADD COLUMN n int;'),
    );
    const other = await database.client({ application_name: 'report' });
    await other.query('BEGIN; SELECT count(*) FROM orders');
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const { warnings } = document(await repo.run(['plan', '--json'], { env }));
    const [warning] = warnings.filter(({ pid }) => pid === rows[0]?.pid);
    expect(warning?.holds).to.deep.equal(['AccessShareLock on public.orders']);
    expect(warning?.ageSeconds).to.be.greaterThan(0);
    const shown = await repo.run(['plan'], { env });
    expect(shown.stdout).to.match(
      new RegExp(
        `in the way pid ${rows[0]?.pid}, .*report.*transaction open for .* holds AccessShareLock on public\\.orders`,
      ),
    );
    await other.query('COMMIT');
    expect(document(await repo.run(['plan', '--json'], { env })).warnings).to.deep.equal([]);
  });

  it('finds no hazard in what the same plan makes', async () => {
    const env = (await createDatabase()).env();
    const repo = await project({
      ...pair(1, 'nt', 'CREATE TABLE nt (id bigint PRIMARY KEY, a text);', 'DROP TABLE nt;'),
      ...pair(2, 'ix', 'CREATE INDEX nta ON nt (a); ALTER TABLE nt ALTER a SET NOT NULL;', 'DROP INDEX nta;'),
      ...pair(3, 'rows', '-- migrate: no-transaction\nREINDEX TABLE nt;\nUPDATE nt SET a = 1;', 'SELECT 1;'),
    });
    expect(document(await repo.run(['plan', '--json'], { env })).findings).to.deep.equal([]);
  });

  it('takes the time zone of the target, which decides whether a table is rewritten', async () => {
    const rulesIn = async (zone: string) => {
      const database = await createDatabase();
      const env = database.env();
      await database.query(`ALTER DATABASE ${database.name} SET timezone = '${zone}'`);
      const repo = await project(
        pair(1, 'times', 'CREATE TABLE times (id bigint PRIMARY KEY, at timestamp);', 'DROP TABLE times;'),
      );
      expectExit(await repo.run(['up'], { env }), 0);
      const change = pair(2, 'zone', 'ALTER TABLE times ALTER COLUMN at TYPE timestamptz;', 'SELECT 1;');
      for (const [name, text] of Object.entries(change)) repo.write(name, text);
      const { findings } = document(await repo.run(['plan', '--json'], { env }));
      return findings.map(({ rule }) => rule);
    };
    expect(await rulesIn('UTC')).to.deep.equal([]);
    expect(await rulesIn('Europe/Berlin')).to.deep.equal(['change-column-type']);
  });

  it('names an old snapshot that a concurrent build would wait for', async () => {
    const { repo, database, env } = await withOrders(
      pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON orders (note);',
        'DROP INDEX i;',
      ),
    );
    const client = await database.client({ application_name: 'old report' });
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    await until('the snapshot is old', async () => {
      const [row] = await database.query<{ old: boolean }>(
        "SELECT clock_timestamp() - xact_start > '1100 ms' AS old FROM pg_stat_activity WHERE application_name = 'old report'",
      );
      return row?.old === true;
    });
    const { warnings } = document(await repo.run(['plan', '--json'], { env }));
    expect(warnings.flatMap(({ holds }) => holds)).to.deep.equal([
      'a snapshot older than the CONCURRENTLY build',
    ]);
  });

  it('does not wait for a table that is locked exclusively', async () => {
    const { repo, database, env } = await withOrders(
      pair(2, 'amounts', 'ALTER TABLE orders ADD COLUMN n int;'),
    );
    await database.query('VACUUM orders');
    const other = await database.client();
    await other.query('BEGIN; LOCK TABLE orders');
    const result = await repo.run(['plan', '--json'], { env: { ...env, MIGRATE_LOCK_TIMEOUT: '100ms' } });
    expectExit(result, 0);
    const { migrations, warnings } = document(result);
    expect(migrations[0]?.statements[0]?.locks?.[0]?.table)
      .to.have.property('bytes')
      .to.be.greaterThan(1_000_000);
    expect(warnings[0]?.holds).to.deep.equal(['AccessExclusiveLock on public.orders']);
    await other.query('ROLLBACK');
  });

  it('needs no more than the right to read, and writes nothing', async () => {
    const { repo, database, env } = await withOrders(
      pair(2, 'amounts', 'ALTER TABLE orders ADD COLUMN n int;'),
    );
    const role = `reader_${database.name}`;
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'only-reads' IN ROLE pg_read_all_data`);
    try {
      const before = await database.query(
        'SELECT (SELECT count(*) FROM pg_class) AS n, (SELECT max(seq) FROM migration_ledger.entries) AS seq',
      );
      const reader = {
        ...env,
        DATABASE_URL: `${env.DATABASE_URL}`
          .replace('//postgres@', `//${role}@`)
          .replace(/\/\/[^@/]+@/, `//${role}:only-reads@`),
      };
      const result = await repo.run(['plan', '--json', '--out', 'plan.json'], { env: reader });
      expectExit(result, 0);
      expect(document(result).traced).to.equal(true);
      expect(
        await database.query(
          'SELECT (SELECT count(*) FROM pg_class) AS n, (SELECT max(seq) FROM migration_ledger.entries) AS seq',
        ),
      ).to.deep.equal(before);
      expect(readFileSync(join(repo.root, 'plan.json'), 'utf8')).not.to.include('only-reads');
    } finally {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('names a scratch server that cannot be used, rather than plan without locks', async () => {
    const { repo, env, database } = await withOrders(
      pair(2, 'index', 'CREATE INDEX orders_note ON orders (note);'),
    );
    const weak = await plainRole(database);
    const weakUrl =
      weak.env().DATABASE_URL?.replace(`//${weak.name}@`, `//${weak.name}:${plainPassword}@`) ?? '';
    for (const [SHADOW_DATABASE_URL, code, told] of [
      ['postgresql://nobody@127.0.0.1:1/x', 8, 'SHADOW_DATABASE_URL: Cannot connect to the scratch server'],
      ['mysql://root@127.0.0.1/x', 2, 'SHADOW_DATABASE_URL is no PostgreSQL URL'],
      [`${database.url}?schema=public`, 2, 'SHADOW_DATABASE_URL: the parameter "schema" is unknown'],
      [weakUrl, 7, 'SHADOW_DATABASE_URL: The scratch server does not let this user'],
    ] as const) {
      const result = await repo.run(['plan'], { env: { ...env, SHADOW_DATABASE_URL } });
      expectExit(result, code);
      expect(result.stderr).to.include(told);
    }
  });

  it('names the migration that does not run, and plans on without its locks', async () => {
    const { repo, env } = await withOrders(pair(2, 'wrong', 'ALTER TABLE nowhere ADD COLUMN n int;'));
    const result = await repo.run(['plan'], { env });
    expectExit(result, 0);
    expect(result.stdout).to.match(/no locks \d{14}_wrong does not run on the scratch database: 42P01/);
  });

  it('masks secrets in the statements that it shows', async () => {
    const { repo, env } = await withOrders(
      pair(2, 'role', "CREATE ROLE app PASSWORD 'hunter2secret';", 'DROP ROLE app;'),
    );
    for (const args of [
      ['plan'],
      ['plan', '--json'],
      ['plan', '--markdown'],
      ['plan', '--out', 'plan.json'],
    ]) {
      const result = await repo.run(args, { env });
      expectExit(result, 0);
      expect(result.all).to.include('CREATE ROLE app PASSWORD').and.not.to.include('hunter2secret');
    }
    expect(readFileSync(join(repo.root, 'plan.json'), 'utf8')).not.to.include('hunter2secret');
  });

  it('is Markdown and nothing else with --markdown', async () => {
    const { repo, env } = await withOrders(
      pair(2, 'ticks', "COMMENT ON TABLE orders IS '```';\nALTER TABLE orders ADD COLUMN n int;"),
    );
    const result = await repo.run(['plan', '--markdown'], { env: { ...env, GITHUB_ACTIONS: 'true' } });
    expectExit(result, 0);
    expect(result.stdout).to.match(/^### Migration plan: up 1 migration, development\n/);
    expect(result.stdout).to.include('- line 2: AccessExclusiveLock on public.orders,');
    expect(result.stdout).to.include('````sql\n');
    expect(result.stdout).not.to.match(/^::/m);
    expectExit(await repo.run(['plan', '--markdown', '--json'], { env }), 2);
  });

  it('traces downs too, with --dry-run', async () => {
    const { repo, env } = await withOrders({});
    const result = await repo.run(['down', '--dry-run', '--json'], { env });
    expectExit(result, 0);
    const { migrations } = document(result);
    expect(migrations[0]?.direction).to.equal('down');
    expect(migrations[0]?.statements[0]?.locks?.[0]).to.include({
      relation: 'public.orders',
      mode: 'AccessExclusiveLock',
    });
  });
});

describe('plan --out and up --plan', () => {
  async function saved(): Promise<{ repo: Project; database: TestDatabase; env: Record<string, string> }> {
    const made = await withOrders({
      ...pair(2, 'second', 'CREATE TABLE second (id int);', 'DROP TABLE second;'),
      ...pair(3, 'third', 'CREATE TABLE third (id int);', 'DROP TABLE third;'),
    });
    expectExit(await made.repo.run(['plan', '--n', '1', '--out', 'plan.json'], { env: made.env }), 0);
    return made;
  }

  const refuses = async (repo: Project, env: Record<string, string>, ...words: (string | RegExp)[]) => {
    const result = await repo.run(['up', '--plan', 'plan.json'], { env });
    expectExit(result, 7);
    for (const word of words) expect(result.stderr).to.match(new RegExp(word));
  };

  it('runs exactly what was planned', async () => {
    const { repo, database, env } = await saved();
    expectExit(await repo.run(['up', '--plan', 'plan.json'], { env }), 0);
    expect(
      await database.query(`SELECT to_regclass('second')::text AS a, to_regclass('third')::text AS b`),
    ).to.deep.equal([{ a: 'second', b: null }]);
    await refuses(
      repo,
      env,
      /history: 1 applied, newest \d+_orders in the plan, 2 applied, newest \d+_second now/,
    );
  });

  it('runs a plan for an empty database, made before there was a ledger', async () => {
    const database = await createDatabase();
    const repo = await project(orders);
    expectExit(await repo.run(['plan', '--out', 'plan.json'], { env: database.env() }), 0);
    expectExit(await repo.run(['up', '--plan', 'plan.json'], { env: database.env() }), 0);
    expect(await database.query(`SELECT to_regclass('orders')::text AS a`)).to.deep.equal([{ a: 'orders' }]);
  });

  it('refuses when a file has changed, is new or is gone', async () => {
    const { repo, env } = await saved();
    const [path = ''] = Object.keys(pair(2, 'second', '')).filter((name) => name.endsWith('.up.sql'));
    const text = readFileSync(join(repo.root, 'db/migrations', path), 'utf8');
    repo.write(path, `${text}-- a word\n`);
    await refuses(repo, env, `file db/migrations/${path} has changed`);
    repo.write(path, text);
    for (const [name, sql] of Object.entries(pair(9, 'ninth', 'SELECT 1;'))) repo.write(name, sql);
    await refuses(repo, env, /file db\/migrations\/\d+_ninth\.up\.sql is new/);
  });

  it('refuses when the schema was changed by hand, naming the object', async () => {
    const { repo, database, env } = await saved();
    await database.query('CREATE TABLE by_hand (id int)');
    await refuses(repo, env, /database schema: /, /by_hand/);
  });

  it('refuses when the history has changed, even to the same migrations', async () => {
    const { repo, env } = await saved();
    expectExit(await repo.run(['redo'], { env }), 0);
    await refuses(repo, env, /history: the same migrations are applied, but/);
  });

  it('refuses in another environment, before it connects', async () => {
    const { repo, env } = await saved();
    await refuses(
      repo,
      { ...env, MIGRATE_ENV: 'staging', PGPASSWORD: 'wrong' },
      /another environment: development in the plan, staging now/,
    );
  });

  it('refuses on another database', async () => {
    const { repo, database, env } = await saved();
    const other = await createDatabase({ from: database.name });
    await refuses(
      repo,
      { ...env, ...other.env() },
      `target: ${database.name} .* in the plan, ${other.name} .* now`,
    );
  });

  it('refuses with another version of the tool', async () => {
    const { repo, env } = await saved();
    forge(repo, (plan) => ({ ...plan, toolVersion: '0.0.1' }));
    await refuses(repo, env, /tool version: 0\.0\.1 in the plan/);
  });

  it('refuses a file in which anything was edited, before it connects', async () => {
    const { repo, env } = await saved();
    const path = join(repo.root, 'plan.json');
    const text = readFileSync(path, 'utf8');
    const nowhere = { ...env, PGPASSWORD: 'wrong' };
    const plan = JSON.parse(text) as Record<string, unknown>;
    for (const key of Object.keys(plan)) {
      writeFileSync(path, JSON.stringify({ ...plan, [key]: 'edited' }));
      expect(() => readPlan(repo, 'plan.json'), key)
        .to.throw(MigrateError)
        .with.property('code', 'refused');
    }
    await refuses(repo, nowhere, /Nothing was connected to/);
    writeFileSync(path, `${JSON.stringify(plan, null, 4)}\r\n`);
    expectExit(await repo.run(['up', '--plan', 'plan.json'], { env }), 0);
  });

  const attacks: [string, (plan: Forged) => Record<string, unknown>, RegExp][] = [
    [
      'an applied migration once more',
      (plan) => ({ ...plan, steps: [applied, ...plan.steps] }),
      /number of steps/,
    ],
    ['a pending one too', (plan) => ({ ...plan, steps: [...plan.steps, third] }), /number of steps/],
    ['another one instead', (plan) => ({ ...plan, steps: [third] }), /number of steps/],
    ['the same twice', (plan) => ({ ...plan, steps: [...plan.steps, ...plan.steps] }), /number of steps/],
    ['nothing', (plan) => ({ ...plan, steps: [] }), /number of steps/],
    ['more than was asked', (plan) => ({ ...plan, asked: {} }), /number of steps/],
    [
      'more, without showing it',
      (plan) => ({ ...plan, asked: {}, steps: [...plan.steps, third] }),
      /third is not shown/,
    ],
    ['what it does not show', (plan) => ({ ...plan, migrations: [] }), /second is not shown/],
    [
      'what it shows as applied',
      (plan) => ({ ...plan, migrations: plan.migrations.map((step) => ({ ...step, outcome: 'applied' })) }),
      /second is shown as applied/,
    ],
    [
      'what it shows as waiting',
      (plan) => ({ ...plan, waiting: [third] }),
      /what waits for the deployment differ: \S+third in the plan, nothing now/,
    ],
    [
      'other statements than it shows',
      (plan) => ({ ...plan, migrations: showing(plan, 'SELECT 1') }),
      /the statements differ: 1: SELECT 1 in the plan/,
    ],
  ];
  const [applied, third] = [idOf('orders'), idOf('third')];
  it('refuses a forged file, digest and all, that would run anything else than it shows', async () => {
    const { repo, database, env } = await saved();
    const path = join(repo.root, 'plan.json');
    const text = readFileSync(path, 'utf8');
    for (const [what, edit, word] of attacks) {
      writeFileSync(path, text);
      forge(repo, edit);
      const { exitCode, said } = await runInProcess(repo.root, env, ['up', '--plan', 'plan.json']);
      expect(exitCode, what).to.equal(7);
      expect(said, what)
        .to.match(word)
        .and.to.match(/Nothing was changed/);
    }
    const rows = await database.query("SELECT to_regclass('second') AS a, to_regclass('third') AS b");
    expect(rows).to.deep.equal([{ a: null, b: null }]);
  });

  it('refuses a forged file that would run out of order what it does not allow', async () => {
    const { repo, database, env } = await saved();
    for (const [name, sql] of Object.entries(pair(0, 'zeroth', 'CREATE TABLE zeroth ();')))
      repo.write(name, sql);
    const plan = ['plan', '--allow-out-of-order', '--out', 'plan.json'];
    expectExit(await repo.run(plan, { env }), 0);
    forge(repo, (file) => ({ ...file, allowOutOfOrder: false }));
    expectExit(await repo.run(['up', '--plan', 'plan.json'], { env }), 4);
    expect(await database.query("SELECT to_regclass('zeroth') AS a")).to.deep.equal([{ a: null }]);
  });

  it('refuses, before it connects, a forged file whose locks and findings nobody saw, by the digest that was approved', async () => {
    const { repo, env } = await saved();
    const { digest } = JSON.parse(readFileSync(join(repo.root, 'plan.json'), 'utf8')) as { digest: string };
    const approved = ['up', '--plan', 'plan.json', '--plan-digest', digest];
    const text = readFileSync(join(repo.root, 'plan.json'), 'utf8');
    forge(repo, (plan) => ({ ...plan, findings: [], untraced: null, note: 'harmless' }));
    const result = await repo.run(approved, { env: { ...env, PGPASSWORD: 'wrong' } });
    expectExit(result, 7);
    expect(result.stderr).to.match(
      /plan\.json is not the plan that was approved: its digest is [0-9a-f]{64}/,
    );
    writeFileSync(join(repo.root, 'plan.json'), text);
    const ran = await repo.run(approved, { env });
    expectExit(ran, 0);
    expect(ran.stdout).to.include(`Plan plan.json, digest ${digest}`);
  });

  it('refuses a forged file whose locks or findings are not what is found anew, and runs the one that shows them', async () => {
    const { repo, env } = await withOrders(
      pair(
        2,
        'types',
        'ALTER TABLE orders ALTER COLUMN note TYPE varchar(9);\nCREATE INDEX ON orders (note);',
        'SELECT 1;',
      ),
    );
    const path = join(repo.root, 'plan.json');
    const run = (...args: string[]) => runInProcess(repo.root, env, args);
    expect(await run('plan', '--out', 'plan.json')).to.include({ exitCode: 0 });
    const text = readFileSync(path, 'utf8');
    forge(repo, (plan) => ({ ...plan, findings: [] }));
    expect((await run('up', '--plan', 'plan.json')).said).to.match(
      /findings differ: nothing in the plan, \w+ change-column-type.*Nothing was changed/s,
    );
    writeFileSync(path, text.replaceAll('"rewrites": true', '"rewrites": false'));
    forge(repo, (plan) => plan);
    await refuses(
      repo,
      env,
      /locks differ: \S+ AccessExclusiveLock on public\.orders.* in the plan, .*rewrites/,
    );
    writeFileSync(path, text);
    expect(await run('up', '--plan', 'plan.json')).to.include({ exitCode: 3 });
  });

  it('writes no plan through a symbolic link', async () => {
    const { repo, env } = await saved();
    writeFileSync(join(repo.root, 'precious'), 'kept', { mode: 0o644 });
    symlinkSync('precious', join(repo.root, 'linked.json'));
    const result = await repo.run(['plan', '--out', 'linked.json'], { env });
    expectExit(result, 2);
    expect(result.stderr).to.include('linked.json is a symbolic link');
    expect(readFileSync(join(repo.root, 'precious'), 'utf8')).to.equal('kept');
    expect(statSync(join(repo.root, 'precious')).mode & 0o777).to.equal(0o644);
  });

  it('writes a file that its owner alone may read, also over one that everybody could', async () => {
    const { repo, env } = await saved();
    const path = join(repo.root, 'plan.json');
    chmodSync(path, 0o644);
    expectExit(await repo.run(['plan', '--out', 'plan.json'], { env }), 0);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  interface Forged extends Record<string, unknown> {
    steps: string[];
    migrations: Record<string, unknown>[];
  }

  function forge(repo: Project, edit: (plan: Forged) => Record<string, unknown>): void {
    const path = join(repo.root, 'plan.json');
    const { digest: _, ...plan } = edit(JSON.parse(readFileSync(path, 'utf8')) as Forged);
    writeFileSync(path, JSON.stringify({ ...plan, digest: digestOf(plan) }));
  }

  function idOf(name: string): string {
    const id = { orders: 1, third: 3 }[name] ?? 0;
    return (Object.keys(pair(id, name, ''))[0] ?? '').replace(/\.(up|down)\.sql$/, '');
  }

  function showing({ migrations: [step] }: Forged, text: string): unknown[] {
    return [{ ...step, statements: [{ line: 1, text, locks: null }] }];
  }

  it('changes nothing when it refuses', async () => {
    const { repo, database, env } = await saved();
    await database.query('CREATE TABLE by_hand (id int)');
    await refuses(repo, env, 'Nothing was changed');
    await until('no new table', async () => {
      const [row] = await database.query<{ a: string | null }>(`SELECT to_regclass('second')::text AS a`);
      return row?.a === null;
    });
  });

  it('takes no options that the plan has settled, and no file that is no plan', async () => {
    const { repo, env } = await saved();
    const both = await repo.run(['up', '--plan', 'plan.json', '--n', '1'], { env });
    expectExit(both, 2);
    expect(both.stderr).to.include('leave out --n');
    writeFileSync(join(repo.root, 'other.json'), '{}');
    expectExit(await repo.run(['up', '--plan', 'other.json'], { env }), 2);
    expectExit(await repo.run(['up', '--plan', 'nowhere.json'], { env }), 2);
  });
});
