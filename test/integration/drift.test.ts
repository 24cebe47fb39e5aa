// Drift: what a run leaves behind, what it is compared with before the next, what is said, and which ways lead out.
import { expect } from 'chai';
import { expectExit, type Project, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { plainRole } from '../support/roles.ts';
import { running, sessionsGone, until } from '../support/runs.ts';

const users = pair(
  1,
  'users',
  'CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL, note text);',
  'DROP TABLE users;',
);
const posts = pair(2, 'posts', 'CREATE TABLE posts (id integer PRIMARY KEY);', 'DROP TABLE posts;');
/** Waits inside the server, so that a test can do something to the run. */
const slow = (number: number) =>
  pair(number, 'slow', 'CREATE TABLE slow (id integer); SELECT pg_sleep(60);', 'DROP TABLE slow;');

interface Migrated {
  readonly repo: Project;
  readonly database: TestDatabase;
  run(...args: string[]): Promise<Result>;
}

async function migrated(files: Record<string, string> = users): Promise<Migrated> {
  const database = await createDatabase();
  const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
  const repo = await project(files);
  const run = (...args: string[]) => repo.run(args, { env });
  expectExit(await run('up'), 0);
  return { repo, database, run };
}

function add(repo: Project, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) repo.write(name, text);
}

async function stateOf({ run }: Pick<Migrated, 'run'>): Promise<string> {
  return (await run('drift', '--json')).json().drift.state;
}

/** Round trips of an `up`; a run that has just ended may hold the run lock for a moment, and this one would ask once more. */
async function tripsOfUp({ database, run }: Pick<Migrated, 'database' | 'run'>): Promise<number> {
  await sessionsGone(database);
  return Number((await run('up', '--json')).json().roundTrips);
}

describe('drift', () => {
  it('is looked for object by object once after an update of the tool, also where the ledger waits for its own', async () => {
    const { repo, database, run } = await migrated();
    const tripsOf = () => tripsOfUp({ database, run });
    const token = async () => (await database.query('SELECT gate FROM migration_ledger.snapshot'))[0]?.gate;
    const [trips, now] = [await tripsOf(), await token()];
    const updated = () =>
      database.query(
        "UPDATE migration_ledger.snapshot SET gate = 'of another version'; DELETE FROM migration_ledger.migrations WHERE id = (SELECT max(id) FROM migration_ledger.migrations)",
      );
    await updated();
    const role = await plainRole(database);
    await database.query(
      `GRANT USAGE ON SCHEMA migration_ledger TO ${role.name}; GRANT SELECT ON ALL TABLES IN SCHEMA migration_ledger, public TO ${role.name}`,
    );
    const reading = await repo.run(['up'], { env: role.env() });
    expectExit(reading, 0);
    expect(reading.stdout).to.include('Already up to date');
    expect(await token()).to.equal('of another version');
    expect(await tripsOf()).to.be.greaterThan(trips);
    expect([await tripsOf(), await token()]).to.deep.equal([trips, now]);
    await updated();
    await database.query('ALTER TABLE users ADD by_hand int');
    expectExit(await run('up'), 5);
    expect(await token()).to.equal('of another version');
  });

  it('stops up, down, redo and plan with exit 5 before anything is changed, and names each object', async () => {
    const { repo, database, run } = await migrated();
    add(repo, posts);
    await database.query(`ALTER TABLE users ALTER COLUMN email TYPE varchar(50); CREATE TABLE x (id integer);
      ALTER TABLE users DROP COLUMN note; CREATE INDEX by_email ON users (email)`);
    for (const command of ['up', 'down', 'redo', 'plan']) {
      const result = await run(command);
      expectExit(result, 5);
      expect(result.all)
        .to.contain('~ column public.users.email: text → varchar(50)')
        .and.to.contain('+ table public.x')
        .and.to.contain('- column public.users.note')
        .and.to.contain('+ index public.by_email')
        .and.to.contain('Nothing was changed.')
        .and.to.contain('--accept')
        .and.to.contain('--write');
    }
    expect(await database.query(`SELECT to_regclass('posts') AS posts`)).to.deep.equal([{ posts: null }]);
  });

  it('tells the same in status and drift, as JSON with both definitions, and writes nothing', async () => {
    const { database, run } = await migrated();
    await database.query('ALTER TABLE users ALTER COLUMN email TYPE varchar(50)');
    const counts = () =>
      database.query(
        `SELECT (SELECT count(*) FROM migration_ledger.audit), (SELECT max(xmin::text) FROM migration_ledger.snapshot)`,
      );
    const before = await counts();
    for (const command of ['status', 'drift']) {
      const result = await run(command, '--json');
      expectExit(result, 5);
      const { drift, fingerprint } = result.json();
      expect(drift).to.deep.equal({
        state: 'drifted',
        differences: [
          {
            kind: 'column',
            identity: 'public.users.email',
            change: 'changed',
            expected: 'table=public.users\ntype=text\nnullable=no',
            actual: 'table=public.users\ntype=character varying(50)\nnullable=no',
          },
        ],
      });
      expect(fingerprint).to.match(/^[0-9a-f]{16}$/);
    }
    expect(await counts()).to.deep.equal(before);
  });

  it('shows the definitions on --verbose, those of a new table with its columns', async () => {
    const { database, run } = await migrated();
    await database.query('CREATE TABLE x (id integer DEFAULT 3)');
    const short = await run('drift');
    expect(short.all).to.contain('+ table public.x').and.not.to.contain('default=3');
    expect((await run('drift', '--verbose')).all)
      .to.contain('+ column public.x.id')
      .and.to.contain('default=3');
    expect((await run('up', '--verbose')).all).to.contain('default=3');
  });

  it('is quiet about housekeeping, rows, temporary objects, and what was changed back', async () => {
    const { database, run } = await migrated();
    await database.query("INSERT INTO users SELECT n, 'e' FROM generate_series(1, 100) n");
    // Which index CLUSTER goes by is part of the schema; going by it again is housekeeping.
    await database.query('ALTER TABLE users CLUSTER ON users_pkey');
    expectExit(await run('drift', '--accept', '--reason', 'clustered by its key'), 0);
    for (const sql of [
      'ANALYZE',
      'VACUUM',
      'VACUUM FULL users',
      'REINDEX TABLE users',
      'CLUSTER users USING users_pkey',
      'TRUNCATE users',
    ])
      await database.query(sql);
    await database.query('CREATE TEMP TABLE t (id integer)');
    await database.query('ALTER TABLE users ADD COLUMN gone text; ALTER TABLE users DROP COLUMN gone');
    expect(await stateOf({ run })).to.equal('none');
    expectExit(await run('up'), 0);
    expectExit(await run('down'), 0);
  });

  it('sees two columns that swapped a property', async () => {
    const { database, run } = await migrated();
    await database.query('ALTER TABLE users ALTER email DROP NOT NULL, ALTER note SET NOT NULL');
    expect(await stateOf({ run })).to.equal('drifted');
  });

  it('survives dump and restore: a copy of the database has no drift', async () => {
    const { repo, database } = await migrated();
    const copy = await createDatabase({ from: database.name });
    const result = await repo.run(['up'], { env: copy.env() });
    expectExit(result, 0);
    expect(result.all).to.contain('Already up to date');
  });

  it('warns of another order of columns and goes on', async () => {
    const { database, run } = await migrated();
    await database.query(
      "ALTER TABLE users DROP COLUMN email; ALTER TABLE users ADD COLUMN email text NOT NULL DEFAULT ''; ALTER TABLE users ALTER email DROP DEFAULT",
    );
    const result = await run('drift', '--json');
    expectExit(result, 0);
    expect(result.json().drift).to.deep.equal({ state: 'none', differences: [] });
    expect(result.json().driftWarnings).to.have.length(1);
    expectExit(await run('up'), 0);
  });

  it('stores the new change token, so that only the first run after housekeeping pays for the comparison', async () => {
    const { database, run } = await migrated();
    await database.query(
      'ALTER TABLE users DROP CONSTRAINT users_pkey; ALTER TABLE users ADD PRIMARY KEY (id)',
    );
    const first = await tripsOfUp({ database, run });
    const second = await tripsOfUp({ database, run });
    expect(second).to.be.lessThan(first);
  });

  it('ignores what db/config.json ignores, also when the pattern comes after the object', async () => {
    const { repo, database, run } = await migrated();
    await database.query(
      'CREATE TABLE events_2027 (id integer PRIMARY KEY); CREATE INDEX ON events_2027 (id)',
    );
    expect(await stateOf({ run })).to.equal('drifted');
    repo.write(
      'db/config.json',
      JSON.stringify({ drift: { ignore: [{ class: 'relation', name: 'public.events_*' }] } }),
    );
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE TABLE other (id integer)');
    const result = await run('drift', '--json');
    expect(
      result.json().drift.differences.map(({ identity }: { identity: string }) => identity),
    ).to.deep.equal(['public.other']);
    await database.query('DROP TABLE other');
    expectExit(await run('up'), 0);
    await database.query('DROP TABLE events_2027; CREATE TABLE events_2028 (id integer)');
    expectExit(await run('up'), 0);
  });

  it('refuses a class that does not exist in drift.ignore', async () => {
    const repo = await project(users);
    repo.write('db/config.json', JSON.stringify({ drift: { ignore: [{ class: 'table', name: 'x' }] } }));
    const result = await repo.run(['status'], { env: { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/x' } });
    expectExit(result, 2);
    expect(result.all).to.contain('drift.ignore.0.class must be one of');
  });

  it('compares owners and grants only where the configuration says so', async () => {
    const { repo, database, run } = await migrated();
    await database.query('GRANT SELECT ON users TO pg_monitor');
    expect(await stateOf({ run })).to.equal('none');
    repo.write('db/config.json', JSON.stringify({ drift: { include: ['owners', 'grants'] } }));
    expectExit(await run('up'), 0);
    await database.query('GRANT INSERT ON users TO pg_monitor; ALTER TABLE users OWNER TO pg_monitor');
    const { drift } = (await run('drift', '--json')).json();
    expect(drift.state).to.equal('drifted');
    expect(drift.differences.map(({ kind }: { kind: string }) => kind)).to.include.members([
      'owner',
      'grant',
    ]);
  });

  it('leaves the tracking tables of other applications out', async () => {
    const { repo, database, run } = await migrated();
    const other = await project(pair(1, 'theirs', 'CREATE TABLE theirs (id integer);', 'DROP TABLE theirs;'));
    other.write('db/config.json', JSON.stringify({ trackingTable: 'public.other_migrations' }));
    expectExit(await other.run(['up'], { env: database.env() }), 0);
    expectExit(await run('up'), 0);
    add(repo, posts);
    expectExit(await run('up'), 0);
    expectExit(await other.run(['up'], { env: database.env() }), 0);
    expectExit(await other.run(['down'], { env: database.env() }), 0);
    expectExit(await run('down'), 0);
  });

  it('takes a snapshot when it adopts the history of node-pg-migrate', async () => {
    const database = await createDatabase();
    await database.query(`CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
      INSERT INTO pgmigrations (name, run_on) VALUES ('20250101000001_users', now()); CREATE TABLE users (id integer)`);
    const repo = await project(users);
    const run = (...args: string[]) => repo.run(args, { env: database.env() });
    expectExit(await run('up'), 0);
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE TABLE x ()');
    expect(await stateOf({ run })).to.equal('drifted');
  });

  it('says unknown before the first run, and lets it run', async () => {
    const database = await createDatabase();
    const repo = await project(users);
    const result = await repo.run(['drift', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().drift).to.deep.equal({ state: 'unknown', differences: [] });
  });

  it('makes no false alarm of a migration that failed, alone or after others', async () => {
    const { repo, run } = await migrated();
    add(repo, {
      ...posts,
      ...pair(3, 'bad', 'CREATE TABLE bad (id integer); SELECT 1 / 0;', 'DROP TABLE bad;'),
    });
    expectExit(await run('up'), 3);
    expect(await stateOf({ run })).to.equal('none');
    expectExit(await run('up'), 3);
    expect(await stateOf({ run })).to.equal('none');
  });

  it('makes no false alarm of a no-transaction migration that is half done, and sees what is changed after it', async () => {
    const { repo, database, run } = await migrated();
    const text = '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY one ON users (email);\nSELECT 1 / 0;';
    add(repo, pair(2, 'half', text, 'DROP INDEX one;'));
    expectExit(await run('up'), 3);
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE TABLE x ()');
    expect(await stateOf({ run })).to.equal('drifted');
    await database.query('DROP TABLE x');
    add(repo, pair(2, 'half', text.replace('SELECT 1 / 0', 'SELECT 1'), 'DROP INDEX one;'));
    expectExit(await run('up'), 0);
    expect(await stateOf({ run })).to.equal('none');
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`knows the schema after ${signal} between two migrations`, async () => {
      const { repo, database, run } = await migrated();
      add(repo, { ...posts, ...slow(3) });
      const tool = repo.start(['up'], { env: database.env() });
      await running(database, 'pg_sleep');
      tool.kill(signal);
      expectExit(await tool.result, code);
      await sessionsGone(database);
      expect(await stateOf({ run })).to.equal('none');
    });
  }

  it('does not know after SIGKILL between two migrations, says so, and finds out in the next run', async () => {
    const { repo, database, run } = await migrated();
    add(repo, { ...posts, ...slow(3) });
    const tool = repo.start(['up'], { env: database.env() });
    await running(database, 'pg_sleep');
    tool.kill('SIGKILL');
    await tool.result;
    await sessionsGone(database);
    const result = await run('drift', '--json');
    expectExit(result, 0);
    expect(result.json().drift).to.deep.equal({ state: 'unknown', differences: [] });
    expect((await run('status')).all).to.contain('Drift unknown: a run was cut off');
    add(repo, pair(3, 'slow', 'CREATE TABLE slow (id integer);', 'DROP TABLE slow;'));
    const up = await run('up');
    expectExit(up, 0);
    expect(up.all).to.contain('Drift: none').and.to.contain('what the migrations build');
    expect(await stateOf({ run })).to.equal('none');
  });

  it('does not know after an upgrade, where PostgreSQL prints definitions in another way', async () => {
    const { repo, database, run } = await migrated();
    await database.query('UPDATE migration_ledger.snapshot SET major = major - 1');
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE VIEW printed AS SELECT 1 AS one');
    const status = await run('status');
    expect(status.all).to.match(
      /Drift unknown: the snapshot was taken on PostgreSQL \d+; PostgreSQL \d+ prints/,
    );
    add(repo, posts);
    expectExit(await run('up'), 0);
    expect(await stateOf({ run })).to.equal('none');
    await database.query('DROP VIEW printed');
    expect(await stateOf({ run })).to.equal('drifted');
  });

  it('settles a kill by the fingerprint of db/schema.sql, where that is of the same version', async () => {
    const { repo, database, run } = await migrated();
    add(repo, posts);
    expectExit(await run('schema'), 0);
    add(repo, slow(3));
    const tool = repo.start(['up'], { env: database.env() });
    await running(database, 'pg_sleep');
    tool.kill('SIGKILL');
    await tool.result;
    await sessionsGone(database);
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE TABLE x ()');
    expect(await stateOf({ run })).to.equal('unknown');
  });

  it('does not know while a no-transaction migration was killed half way', async () => {
    const { repo, database, run } = await migrated();
    add(
      repo,
      pair(
        2,
        'half',
        '-- migrate: no-transaction\nCREATE TABLE half (id integer);\nSELECT pg_sleep(60);',
        'DROP TABLE half;',
      ),
    );
    const tool = repo.start(['up'], { env: database.env() });
    await running(database, 'pg_sleep');
    tool.kill('SIGKILL');
    await tool.result;
    await until(
      'the statement to end',
      async () =>
        (
          await database.query(
            `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()`,
          )
        ).length === 0,
    );
    const result = await run('drift');
    expectExit(result, 0);
    expect(result.all).to.contain('half done');
  });

  it('records a changed schema as right with --accept and its reason, with the diff in the audit log', async () => {
    const { database, run } = await migrated();
    await database.query('CREATE TABLE x (id integer)');
    expectExit(await run('drift', '--accept'), 2);
    expectExit(await run('drift', '--accept', '--reason', 'hot fix of Monday'), 0);
    expect(await stateOf({ run })).to.equal('none');
    expectExit(await run('up'), 0);
    const [entry] = await database.query<{ message: string }>(
      'SELECT message FROM migration_ledger.audit ORDER BY seq DESC LIMIT 1',
    );
    expect(entry?.message).to.contain('hot fix of Monday').and.to.contain('+ table public.x');
    const again = await run('drift', '--accept', '--reason', 'why not');
    expectExit(again, 0);
    expect(again.all).to.contain('Nothing to accept');
  });

  it('accepts in a protected environment only with --confirm', async () => {
    const database = await createDatabase();
    const repo = await project(users);
    const env = { ...database.env(), MIGRATE_ENV: 'production' };
    expectExit(await repo.run(['up'], { env }), 0);
    await database.query('CREATE TABLE x (id integer)');
    const accept = ['drift', '--accept', '--reason', 'hot fix'];
    expectExit(await repo.run(accept, { env }), 7);
    expectExit(await repo.run([...accept, '--confirm', 'production'], { env }), 0);
  });

  it('costs a run with nothing to do one round trip', async () => {
    expect(await tripsOfUp(await migrated())).to.be.at.most(4);
  });

  it('stays true through down and redo', async () => {
    const { run } = await migrated({ ...users, ...posts });
    for (const command of ['redo', 'down', 'up', 'down', 'down']) {
      expectExit(await run(command), 0);
      expect(await stateOf({ run })).to.equal('none');
    }
  });
});

describe('baseline and the schema it adopts', () => {
  it('takes a snapshot and shows how the schema differs from what the files build', async () => {
    const database = await createDatabase();
    await database.query(
      'CREATE TABLE users (id integer PRIMARY KEY, email varchar(50) NOT NULL, note text)',
    );
    const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
    const repo = await project(users);
    const result = await repo.run(['baseline', '--to', '20250101000001'], { env });
    expectExit(result, 0);
    expect(result.all).to.contain('~ column public.users.email: text → varchar(50)');
    const run = (...args: string[]) => repo.run(args, { env });
    expect(await stateOf({ run })).to.equal('none');
    await database.query('CREATE TABLE x ()');
    expect(await stateOf({ run })).to.equal('drifted');
  });
});
