// Migrations outside of a transaction: statement by statement, resumed where they stopped.
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { recorded, running, sessionsGone, until, waitingForLock } from '../support/runs.ts';

const outside = (sql: string) => `-- migrate: no-transaction\n${sql}`;
const file = '20250101000001_it.up.sql';

interface Scene {
  readonly tool: Project;
  readonly database: TestDatabase;
  up(code: number, env?: Record<string, string>): Promise<string>;
  down(code: number): Promise<string>;
  write(sql: string): void;
}

async function scene(sql: string, down = 'SELECT 1;'): Promise<Scene> {
  const tool = await project(pair(1, 'it', outside(sql), down));
  const database = await createDatabase();
  await database.query(
    'CREATE TABLE items (id int PRIMARY KEY, name text, size int); INSERT INTO items SELECT i, i::text, i FROM generate_series(1, 1000) i',
  );
  const run = async (command: string, code: number, env = {}) => {
    const result = await tool.run([command], { env: { ...database.env(), ...env } });
    expectExit(result, code);
    return result.all;
  };
  return {
    tool,
    database,
    up: (code, env) => run('up', code, env),
    down: (code) => run('down', code),
    write: (text) => tool.write(file, outside(text)),
  };
}

const indexes = async (database: TestDatabase, table = 'items') =>
  database.query(
    `SELECT c.relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = '${table}'::regclass ORDER BY 1`,
  );
const journal = (database: TestDatabase) =>
  database.query(
    'SELECT direction, statement, total, done, sql FROM migration_ledger.journal ORDER BY statement',
  );

describe('a migration outside of a transaction', () => {
  it('may hold everything that a transaction may not, also several times', async () => {
    const { database, up } = await scene(
      [
        'CREATE INDEX CONCURRENTLY by_name ON items (name);',
        'CREATE INDEX CONCURRENTLY by_size ON items (size);',
        'CREATE INDEX CONCURRENTLY ON items (name, size);',
        'REINDEX INDEX CONCURRENTLY by_name;',
        'REINDEX TABLE CONCURRENTLY items;',
        'VACUUM (ANALYZE) items;',
        "CREATE TYPE mood AS ENUM ('sad');",
        "ALTER TYPE mood ADD VALUE 'happy';",
        "CREATE TABLE moods AS SELECT 'happy'::mood AS mood;",
        'CREATE TABLE parts (id int) PARTITION BY RANGE (id);',
        'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);',
        'ALTER TABLE parts DETACH PARTITION part_1 CONCURRENTLY;',
        'DROP INDEX CONCURRENTLY by_size;',
        'UPDATE items SET size = 0 WHERE id <= 500;',
        'UPDATE items SET size = 0 WHERE id > 500;',
        "DO $$ BEGIN FOR i IN 0..3 LOOP UPDATE items SET name = 'x' WHERE id / 250 = i; COMMIT; END LOOP; END $$;",
      ].join('\n'),
    );
    await up(0);
    expect(await indexes(database)).to.deep.equal([
      { name: 'by_name', valid: true },
      { name: 'items_name_size_idx', valid: true },
      { name: 'items_pkey', valid: true },
    ]);
    expect((await recorded(database)).tracked).to.have.length(1);
    expect(await journal(database)).to.deep.equal([]);
  });

  it('writes a journal row before each statement and marks it when it ends', async () => {
    const { tool, database } = await scene(
      'CREATE TABLE a (id int);\nSELECT pg_advisory_xact_lock(1);\nCREATE TABLE b (id int);',
    );
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock(1)');
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '40s' } });
    await waitingForLock(database);
    expect(await journal(database)).to.deep.equal([
      { direction: 'up', statement: 1, total: 3, done: true, sql: 'CREATE TABLE a (id int)' },
      { direction: 'up', statement: 2, total: 3, done: false, sql: 'SELECT pg_advisory_xact_lock(1)' },
    ]);
    await holder.query('SELECT pg_advisory_unlock_all()');
    expectExit(await run.result, 0);
    expect(await journal(database)).to.deep.equal([]);
  });

  it('resumes after a failure at the statement that did not finish, with its new text', async () => {
    const { database, up, write } = await scene(
      'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1/0);\nCREATE TABLE b (id int);',
    );
    const failed = await up(3);
    expect(failed).to.include('_it.up.sql:3:').and.to.include('statement 2 of 3').and.to.include('half done');
    expect((await recorded(database)).tracked).to.deep.equal([]);
    write(
      'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (2);\nCREATE TABLE b (id int);\nCREATE TABLE c (id int);',
    );
    expect(await up(0)).to.include('resuming 20250101000001_it at statement 2 of 4');
    expect(
      await database.query("SELECT count(*)::int, to_regclass('c') IS NOT NULL AS c FROM a"),
    ).to.deep.equal([{ count: 2, c: true }]);
  });

  it('may change in comments and white space above the point it reached', async () => {
    const { up, write } = await scene('CREATE TABLE a (id int);\nSELECT 1/0;');
    await up(3);
    write('-- said better\nCREATE   TABLE a (id int);\nSELECT 1;');
    await up(0);
  });

  it('refuses with exit 4 when it was changed above the point it reached, and says what to do', async () => {
    const { database, up, write } = await scene('CREATE TABLE a (id int);\nSELECT 1/0;');
    await up(3);
    write('CREATE TABLE a (id bigint);\nSELECT 1;');
    const refused = await up(4);
    expect(refused)
      .to.include('statement 1 has already run with another text')
      .and.to.include('ran: CREATE TABLE a (id int)');
    expect(refused).to.include('--resolve 20250101000001 applied');
    expect((await recorded(database)).tracked).to.deep.equal([]);
  });

  it('refuses with exit 4 when a statement that ran was taken out', async () => {
    const { up, write } = await scene('CREATE TABLE a (id int);\nCREATE TABLE b (id int);\nSELECT 1/0;');
    await up(3);
    write('CREATE TABLE b (id int);');
    await up(4);
  });

  it('makes its own settings again before it resumes', async () => {
    const { database, up, write } = await scene(
      'SET search_path = other;\nCREATE SCHEMA other;\nSET ROLE pg_monitor;\nRESET ROLE;\nSELECT 1/0;\nCREATE TABLE here (id int);',
    );
    await up(3);
    write(
      'SET search_path = other;\nCREATE SCHEMA other;\nSET ROLE pg_monitor;\nRESET ROLE;\nSELECT 1;\nCREATE TABLE here (id int);',
    );
    await up(0);
    expect(await database.query("SELECT to_regclass('other.here') IS NOT NULL AS there")).to.deep.equal([
      { there: true },
    ]);
  });

  for (const exists of ['', 'IF NOT EXISTS ']) {
    it(`drops the INVALID index of a failed build and builds it again${exists && ', also with IF NOT EXISTS'}`, async () => {
      const { database, up } = await scene(
        `CREATE UNIQUE INDEX CONCURRENTLY ${exists}unique_size ON items (size);`,
      );
      await database.query('UPDATE items SET size = 7');
      expect(await up(3)).to.include('23505');
      expect(await indexes(database)).to.deep.include({ name: 'unique_size', valid: false });
      // Still not unique: it must not be taken for success.
      await up(3);
      await database.query('UPDATE items SET size = id');
      expect(await up(0)).to.include('unique_size is INVALID');
      expect(await indexes(database)).to.deep.include({ name: 'unique_size', valid: true });
    });
  }

  it('does not take an INVALID index for success that someone else left behind', async () => {
    const { database, up } = await scene(
      'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS unique_size ON items (size);',
    );
    await database.query('UPDATE items SET size = 7');
    await database
      .query('CREATE UNIQUE INDEX CONCURRENTLY unique_size ON items (size)')
      .catch(() => undefined);
    await database.query('UPDATE items SET size = id');
    await up(0);
    expect(await indexes(database)).to.deep.include({ name: 'unique_size', valid: true });
  });

  it('does not take a valid index for its own that was there before', async () => {
    const { database, up } = await scene('CREATE INDEX CONCURRENTLY by_size ON items (size);');
    await database.query('CREATE INDEX by_size ON items (name)');
    for (let attempt = 1; attempt <= 2; attempt += 1) expect(await up(3)).to.include('42P07');
    expect((await recorded(database)).tracked).to.deep.equal([]);
  });

  it('replaces the INVALID index of a build without a name', async () => {
    const { database, up } = await scene('CREATE UNIQUE INDEX CONCURRENTLY ON items (size);');
    await database.query('UPDATE items SET size = 7');
    await up(3);
    await database.query('UPDATE items SET size = id');
    await up(0);
    expect(await indexes(database)).to.deep.equal([
      { name: 'items_pkey', valid: true },
      { name: 'items_size_idx', valid: true },
    ]);
  });

  for (const [what, sql, waits, after] of [
    [
      'CREATE INDEX CONCURRENTLY',
      'CREATE INDEX CONCURRENTLY by_size ON items (size);',
      'CREATE INDEX CONCURRENTLY by_size',
      ['by_size', 'items_pkey'],
    ],
    ['REINDEX CONCURRENTLY', 'REINDEX INDEX CONCURRENTLY items_pkey;', 'REINDEX', ['items_pkey']],
    ['DROP INDEX CONCURRENTLY', 'DROP INDEX CONCURRENTLY extra;', 'DROP INDEX', ['items_pkey']],
    [
      'an UPDATE',
      'UPDATE items SET size = size + 1 WHERE id > 1;\nUPDATE items SET size = size + 1;',
      'UPDATE items SET size = size + 1',
      ['items_pkey'],
    ],
  ] as const) {
    it(`is finished by a plain up after kill -9 in the middle of ${what}`, async () => {
      const { tool, database, up } = await scene(sql);
      if (waits === 'DROP INDEX') await database.query('CREATE INDEX extra ON items (id)');
      const holder = await database.client();
      await holder.query('BEGIN; UPDATE items SET size = 0 WHERE id = 1');
      const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '40s' } });
      await running(database, waits);
      await waitingForLock(database);
      run.kill('SIGKILL');
      await run.result;
      await sessionsGone(database);
      await holder.query('ROLLBACK');
      await up(0);
      const found = await indexes(database);
      expect(found).to.deep.equal(after.map((name) => ({ name, valid: true })));
      expect(await database.query('SELECT size - id AS by FROM items WHERE id = 500')).to.deep.equal([
        { by: what === 'an UPDATE' ? 2 : 0 },
      ]);
      expect((await recorded(database)).tracked).to.have.length(1);
    });
  }

  it('finalizes a DETACH CONCURRENTLY that was killed in the middle', async () => {
    const { tool, database, up } = await scene('ALTER TABLE parts DETACH PARTITION part_1 CONCURRENTLY;');
    await database.query(
      'CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)',
    );
    const reader = await database.client();
    await reader.query('BEGIN; SELECT * FROM parts');
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '40s' } });
    await until(
      'the detach to be pending',
      async () => (await database.query('SELECT FROM pg_inherits WHERE inhdetachpending')).length === 1,
    );
    run.kill('SIGKILL');
    await run.result;
    await sessionsGone(database);
    await reader.query('ROLLBACK');
    expect(await up(0)).to.include('finalizing');
    expect(await database.query("SELECT FROM pg_inherits WHERE inhrelid = 'part_1'::regclass")).to.deep.equal(
      [],
    );
  });

  it('builds an index beside a long transaction without giving up, and blocks no writer', async () => {
    const { tool, database } = await scene('CREATE INDEX CONCURRENTLY by_size ON items (size);');
    const holder = await database.client();
    await holder.query('BEGIN; UPDATE items SET size = 0 WHERE id = 1');
    const run = tool.start(['up'], {
      env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '100ms', MIGRATE_LOCK_RETRIES: '300' },
    });
    const { pid } = await waitingForLock(database);
    await until('much longer than one lock time-out', async () => {
      await database.query('UPDATE items SET size = 1 WHERE id = 2');
      const [row] = await database.query<{ long: boolean }>(
        "SELECT clock_timestamp() - query_start > '500ms' AS long FROM pg_stat_activity WHERE pid = $1",
        [pid],
      );
      return row?.long;
    });
    await holder.query('COMMIT');
    const result = await run.result;
    expectExit(result, 0);
    expect(result.all).not.to.include('trying again');
  });

  it('tries other statements again when a lock is not granted', async () => {
    const { tool, database } = await scene(
      'CREATE TABLE a (id int);\nALTER TABLE items ADD COLUMN extra int;',
    );
    const holder = await database.client({ application_name: 'nightly report' });
    await holder.query('BEGIN; SELECT FROM items');
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '200ms', MIGRATE_LOCK_RETRIES: '1' };
    const gaveUp = await tool.run(['up'], { env });
    expectExit(gaveUp, 6);
    expect(gaveUp.stderr).to.include('nightly report').and.to.include('statement 2 of 2 did not finish');
    await holder.query('COMMIT');
    expectExit(await tool.run(['up'], { env }), 0);
  });

  it('is reverted the same way: resumed after a failure, and up refuses meanwhile', async () => {
    const down = outside(
      'DROP INDEX CONCURRENTLY by_size;\nALTER TABLE items ADD CONSTRAINT fine CHECK (size > 0);\nDROP TABLE a;',
    );
    const {
      tool,
      database,
      up,
      down: revert,
    } = await scene('CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY by_size ON items (size);', down);
    await up(0);
    await database.query('UPDATE items SET size = -1 WHERE id = 1');
    expect(await revert(3))
      .to.include('statement 2 of 3')
      .and.to.include('make migrate-down again');
    tool.write('20250101000002_next.up.sql', 'CREATE TABLE next (id int);');
    tool.write('20250101000002_next.down.sql', 'DROP TABLE next;');
    const refused = await up(4);
    expect(refused)
      .to.include('20250101000001_it is half reverted')
      .and.to.include('1 of 3 statements')
      .and.to.include('make migrate-down');
    await database.query('UPDATE items SET size = 1 WHERE id = 1');
    expect(await revert(0)).to.include('resuming 20250101000001_it at statement 2 of 3');
    expect((await recorded(database)).tracked).to.deep.equal([]);
    expect(await indexes(database)).to.deep.equal([{ name: 'items_pkey', valid: true }]);
    await up(0);
  });

  it('that is half applied keeps down from reverting what is below it', async () => {
    const { tool, up, down } = await scene('CREATE TABLE a (id int);');
    await up(0);
    const files = pair(2, 'half', outside('CREATE TABLE b (id int);\nSELECT 1/0;'));
    for (const [name, text] of Object.entries(files)) tool.write(name, text);
    await up(3);
    expect(await down(4))
      .to.include('20250101000002_half is half applied')
      .and.to.include('make migrate-up');
  });

  it('is told by up even where nothing is pending', async () => {
    const { up, down } = await scene('CREATE TABLE a (id int);', outside('DROP TABLE a;\nSELECT 1/0;'));
    await up(0);
    await down(3);
    expect(await up(4)).to.include('half reverted');
  });
});
