// The ledger: how, when, by whom and with which text every migration ran; and that nothing of others disturbs it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { migrate } from 'postgres-migrations';
import { tablesIn, trackedIn } from '../support/catalog.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { many, pair, tables, versionOf } from '../support/migrations.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('The ledger', () => {
  it('records version, name, texts, checksums, duration, actor, commit, tool version, environment and time', async () => {
    const database = await createDatabase();
    const files = tables('one');
    const repo = await project(files);
    const env = {
      ...database.env(),
      MIGRATE_ENV: 'test',
      MIGRATE_ACTOR: 'Ada <ada@example.com>',
      GITHUB_SHA: 'b'.repeat(40),
      GITHUB_REPOSITORY: 'acme/api',
      GITHUB_RUN_ID: '77',
    };
    expectExit(await repo.run(['up'], { env }), 0);
    const [up = '', down = ''] = Object.values(files);
    const [entry] = await database.query('SELECT * FROM migration_ledger.entries');
    expect(entry).to.deep.include({
      version: versionOf(1),
      name: 'one',
      direction: 'up',
      kind: 'run',
      up_sql: up,
      down_sql: down,
      up_checksum: sha256(up),
      down_checksum: sha256(down),
      actor: 'Ada <ada@example.com>',
      git_sha: 'b'.repeat(40),
      run_url: 'https://github.com/acme/api/actions/runs/77',
      environment: 'test',
    });
    expect(entry?.tool_version).to.match(/^\d+\.\d+\.\d+/);
    expect(entry?.duration_ms).to.be.a('number');
    expect(Math.abs(Date.now() - Number(entry?.finished_at))).to.be.below(120_000);
    const [{ type } = { type: '' }] = await database.query<{ type: string }>(
      'SELECT pg_typeof(finished_at)::text AS type FROM migration_ledger.entries',
    );
    expect(type).to.equal('timestamp with time zone');
  });

  it('adds a line for every up and down, in an order that no clock can change', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    for (const args of [['up'], ['down'], ['up'], ['redo'], ['down', '--to', '0']]) {
      expectExit(await repo.run(args, { env: database.env() }), 0);
    }
    const rows = await database.query<{ line: string }>(
      "SELECT direction || ' ' || name AS line FROM migration_ledger.entries ORDER BY seq",
    );
    expect(rows.map(({ line }) => line)).to.deep.equal([
      'up one',
      'up two',
      'down two',
      'up two',
      'down two',
      'up two',
      'down two',
      'down one',
    ]);
    expect(await database.query('SELECT * FROM migration_ledger.applied')).to.deep.equal([]);
  });

  it('records nothing of a migration that failed', async () => {
    const database = await createDatabase();
    const repo = await project(pair(`${versionOf(1)}_bad`, 'SELECT 1/0;', 'SELECT 1;'));
    expectExit(await repo.run(['up'], { env: database.env() }), 3);
    expect(await database.query('SELECT * FROM migration_ledger.entries')).to.deep.equal([]);
    expect(await trackedIn(database)).to.deep.equal([]);
  });

  it('keeps texts with every character as they are', async () => {
    const database = await createDatabase();
    const text = `SELECT 'it''s \\ $1 \${x} 🐘 é', E'\\n', $q$;$q$;\n`;
    const repo = await project(pair(`${versionOf(1)}_odd`, text, '-- "quoted"\nSELECT 1;'));
    expectExit(await repo.run(['up'], { env: { ...database.env(), MIGRATE_ACTOR: "o'brien\\" } }), 0);
    expect(await database.query('SELECT up_sql, actor FROM migration_ledger.entries')).to.deep.equal([
      { up_sql: text, actor: "o'brien\\" },
    ]);
  });

  it('is not disturbed by a table named migrations of another tool, in whatever schema it lies', async () => {
    for (const schema of ['public', 'aaa', '"$user"']) {
      const database = await createDatabase();
      const name = schema === '"$user"' ? database.user : schema;
      await database.query(
        `CREATE SCHEMA IF NOT EXISTS ${name};
         CREATE TABLE ${name}.migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL);
         INSERT INTO ${name}.migrations ("timestamp", name) VALUES (1612345678901, 'Init1612345678901');
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = ${name}, public', current_database()); END $$`,
      );
      const repo = await project(
        pair(`${versionOf(1)}_one`, 'CREATE TABLE public.one (id int);', 'DROP TABLE public.one;'),
      );
      for (const args of [['up', '--fresh-history'], ['status'], ['up'], ['down'], ['up']]) {
        expectExit(await repo.run(args, { env: database.env() }), 0);
      }
      expect(await database.query(`SELECT id, "timestamp", name FROM ${name}.migrations`)).to.deep.equal([
        { id: 1, timestamp: '1612345678901', name: 'Init1612345678901' },
      ]);
      expect(await tablesIn(database)).to.include('one');
    }
  });

  it('is created once when several first runs start at the same time', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const runs = await Promise.all([1, 2, 3].map(() => repo.run(['up', '--json'], { env: database.env() })));
    for (const run of runs) expectExit(run, 0);
    expect(runs.flatMap((run) => run.json().migrations)).to.have.length(2);
    expect(await trackedIn(database)).to.have.length(2);
  });

  it('keeps two tracking tables of one database apart', async () => {
    const database = await createDatabase();
    const first = await project(tables('one'));
    const second = await project({
      ...tables('other'),
      'db/config.json': '{ "trackingTable": "public.others" }',
    });
    for (const repo of [first, second]) expectExit(await repo.run(['up'], { env: database.env() }), 0);
    for (const repo of [first, second])
      expectExit(await repo.run(['status', '--check'], { env: database.env() }), 0);
    expectExit(await second.run(['down'], { env: database.env() }), 0);
    expectExit(await first.run(['status', '--check'], { env: database.env() }), 0);
  });

  it('is what postgres-migrations itself would have made: it finds nothing to do, and no file changed', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE public.migrations (id text, note text)');
    const repo = await project(tables('one'));
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    const client = await database.client();
    await client.query('SET search_path TO migration_ledger');
    const ran = await migrate({ client }, join(productRoot, 'db', 'ledger'));
    await client.end();
    expect(ran).to.deep.equal([]);
  });

  it('of an earlier version is read as it is, and renewed by the next run that writes', async () => {
    const database = await createDatabase();
    const repo = await project(many(60));
    const { run } = repo;
    expectExit(await run(['up'], { env: database.env() }), 0);
    await database.query(`DO $$ DECLARE made regprocedure; BEGIN
        FOR made IN SELECT oid FROM pg_proc WHERE proname = 'record' AND pronamespace = 'migration_ledger'::regnamespace
        LOOP EXECUTE 'DROP FUNCTION ' || made; END LOOP; END $$;
      ALTER TABLE migration_ledger.snapshot DROP COLUMN history, DROP COLUMN major;
      ALTER TABLE migration_ledger.journal DROP COLUMN up_sql, DROP COLUMN down_sql, DROP COLUMN session, DROP COLUMN batch;
      ALTER TABLE migration_ledger.environment DROP COLUMN place;
      DROP TABLE migration_ledger.long_texts;
      DELETE FROM migration_ledger.migrations WHERE id > 5`);
    const nothing = await run(['up'], { env: database.env() });
    expectExit(nothing, 0);
    expect(nothing.stdout).to.include('Already up to date');
    expectExit(await run(['status', '--check'], { env: database.env() }), 0);
    for (const [name, text] of Object.entries(many(61))) repo.write(name, text);
    expectExit(await run(['up'], { env: database.env() }), 0);
    expect(await trackedIn(database)).to.have.length(61);
    const newest = Math.max(
      ...readdirSync(join(productRoot, 'db', 'ledger')).map((file) => Number.parseInt(file, 10)),
    );
    expect(
      await database.query(
        'SELECT max(id) AS id, (SELECT place IS NOT NULL FROM migration_ledger.environment) AS known FROM migration_ledger.migrations',
      ),
    ).to.deep.equal([{ id: newest, known: true }]);
  });

  it('takes the calls of older releases, with as many arguments as they have', async () => {
    const folder = join(productRoot, 'db', 'ledger');
    const calls = readdirSync(folder)
      .flatMap((file) => [
        ...readFileSync(join(folder, file), 'utf8').matchAll(
          /FUNCTION migration_ledger\.record\(\n([^)]+)\)/g,
        ),
      ])
      .map(([, list = '']) => list.split(',').map((argument) => argument.trim()));
    expect(calls).not.to.deep.equal([]);
    const database = await createDatabase();
    const repo = await project(tables('one'));
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    for (const [i, call] of calls.entries()) {
      const values = call.map((argument) => {
        if (argument.startsWith('direction ')) return "'up'";
        if (argument.startsWith('kind ')) return "'run'";
        return argument.endsWith(' text') ? `'call ${i}'` : '7';
      });
      await database.query(`SELECT migration_ledger.record(${values.join(', ')})`);
    }
    const recorded = await database.query(
      "SELECT name FROM migration_ledger.entries WHERE name LIKE 'call %' ORDER BY seq",
    );
    expect(recorded).to.deep.equal(calls.map((_, i) => ({ name: `call ${i}` })));
  });

  for (const [what, sql, id] of [
    ['taken away', "DELETE FROM public.pgmigrations WHERE name LIKE '%\\_t30'", '20250101000030_t30'],
    [
      'added',
      "INSERT INTO public.pgmigrations (name, run_on) VALUES ('20250101000099_t99', now())",
      '20250101000099_t99',
    ],
    ['renamed', "UPDATE public.pgmigrations SET name = name || 'x' WHERE name LIKE '%\\_t30'", 't30x'],
  ] as const) {
    it(`notices a row that was ${what} by hand in a long history`, async () => {
      const database = await createDatabase();
      const { run } = await project(tables(...Array.from({ length: 60 }, (_, i) => `t${i + 1}`)));
      expectExit(await run(['up'], { env: database.env() }), 0);
      await database.query(sql);
      const result = await run(['up'], { env: database.env() });
      expectExit(result, 4);
      expect(result.stderr).to.include(id);
    });
  }

  it('notices a checksum that was changed by hand in a long history', async () => {
    const database = await createDatabase();
    const { run } = await project(tables(...Array.from({ length: 60 }, (_, i) => `t${i + 1}`)));
    expectExit(await run(['up'], { env: database.env() }), 0);
    await database.query(
      "UPDATE migration_ledger.entries SET up_sql = 'SELECT 1', up_checksum = 'none' WHERE name = 't30'",
    );
    expectExit(await run(['up'], { env: database.env() }), 4);
  });
});
