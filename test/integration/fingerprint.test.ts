// The fingerprint: one short text for a schema, the same wherever the same schema is, and what a pipeline does with it.
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const files = pair(
  1,
  'users',
  'CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL); CREATE INDEX by_email ON users (email);',
  'DROP TABLE users;',
);

async function migrated() {
  const database = await createDatabase();
  const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
  const repo = await project(files);
  const run = (...args: string[]) => repo.run(args, { env });
  expectExit(await run('up'), 0);
  const fingerprint = async (): Promise<string> => (await run('status', '--json')).json().fingerprint;
  return { database, repo, run, fingerprint };
}

describe('the fingerprint', () => {
  it('is the same for a schema made in another order, with other OIDs and dropped columns', async () => {
    const { fingerprint } = await migrated();
    const other = await createDatabase();
    await other.query(`CREATE TABLE decoy (id integer); CREATE TABLE users (gone text, email text, id integer);
      ALTER TABLE users DROP COLUMN gone, ALTER email SET NOT NULL; CREATE INDEX by_email ON users (email);
      ALTER TABLE users ADD PRIMARY KEY (id); DROP TABLE decoy`);
    const repo = await project(files);
    const status = await repo.run(['status', '--json'], { env: other.env() });
    expect(status.json().fingerprint).to.equal(await fingerprint());
  });

  it('is the same for a checkout with CRLF, whose functions, comments and defaults have LF in the database', async () => {
    const text = `CREATE TABLE notes (body text DEFAULT 'one\ntwo');
      CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 'a\nb';\nEND\n$$;
      COMMENT ON TABLE notes IS 'first\nsecond';\n`;
    const down = 'DROP FUNCTION f();\nDROP TABLE notes;\n';
    const crlf = (sql: string) => sql.replaceAll('\n', '\r\n');
    const build = async (checkout: Record<string, string>) => {
      const database = await createDatabase();
      const repo = await project(checkout);
      expectExit(await repo.run(['up'], { env: database.env() }), 0);
      const status = await repo.run(['status', '--json'], { env: database.env() });
      const [row] = await database.query<{ up_sql: string; body: string }>(
        "SELECT up_sql, prosrc AS body FROM migration_ledger.entries, pg_proc WHERE proname = 'f'",
      );
      return { database, fingerprint: status.json().fingerprint, ...row };
    };
    const lf = await build(pair(1, 'notes', text, down));
    const windows = await build(pair(1, 'notes', crlf(text), crlf(down)));
    expect(windows.fingerprint).to.equal(lf.fingerprint);
    expect(windows).to.include({ up_sql: lf.up_sql, body: lf.body });
    const other = await project(pair(1, 'notes', text, down));
    const again = await other.run(['up'], { env: windows.database.env() });
    expectExit(again, 0);
    expect(again.stdout).to.include('Already up to date');
  });

  it('changes with the schema and comes back with it', async () => {
    const { database, fingerprint } = await migrated();
    const before = await fingerprint();
    await database.query('ALTER TABLE users ADD COLUMN age integer');
    expect(await fingerprint()).to.not.equal(before);
    await database.query('ALTER TABLE users DROP COLUMN age');
    expect(await fingerprint()).to.equal(before);
  });

  it('is what up --expect-fingerprint takes from db/schema.sql', async () => {
    const { run, fingerprint } = await migrated();
    expectExit(await run('up', '--expect-fingerprint'), 2);
    expectExit(await run('schema'), 0);
    const result = await run('up', '--expect-fingerprint', '--json');
    expectExit(result, 0);
    expect(result.json().fingerprint).to.equal(await fingerprint());
  });

  it('may be named, and must then be 16 hex digits', async () => {
    const { run, fingerprint } = await migrated();
    expectExit(await run('up', '--expect-fingerprint', await fingerprint()), 0);
    expectExit(await run('up', '--expect-fingerprint', 'xyz'), 2);
    const wrong = await run('up', '--expect-fingerprint', '0123456789abcdef');
    expectExit(wrong, 5);
    expect(wrong.all)
      .to.contain('expected fingerprint 0123456789abcdef')
      .and.to.contain(await fingerprint());
  });

  const namesTheColumn = (result: Result) => {
    expectExit(result, 5);
    expect(result.json().drift.differences).to.deep.include({
      kind: 'column',
      identity: 'public.users.age',
      change: 'added',
      expected: null,
      actual: 'table=public.users\ntype=integer\nnullable=yes',
    });
    expect(result.json().error.problems).to.deep.equal(['+ column public.users.age: integer']);
  };

  it('fails a run with nothing to do whose schema is not what git says, naming what differs', async () => {
    const { database, run } = await migrated();
    expectExit(await run('schema'), 0);
    await database.query('ALTER TABLE users ADD COLUMN age integer');
    expectExit(await run('drift', '--accept', '--reason', 'in a hurry'), 0);
    namesTheColumn(await run('up', '--expect-fingerprint', '--json'));
  });

  it('fails a run that did something, and leaves its migrations applied', async () => {
    const { repo, run } = await migrated();
    expectExit(await run('schema'), 0);
    const more = pair(
      2,
      'age',
      'ALTER TABLE users ADD COLUMN age integer;',
      'ALTER TABLE users DROP COLUMN age;',
    );
    for (const [name, text] of Object.entries(more)) repo.write(name, text);
    const result = await run('up', '--expect-fingerprint', '--json');
    namesTheColumn(result);
    expect(result.json().migrations[0].outcome).to.equal('applied');
    expectExit(await run('drift'), 0);
  });

  it('is what the database has whose migration db/schema.sql was made of, where PostgreSQL prints it anew', async () => {
    const { database, repo, run, fingerprint } = await migrated();
    const orders = pair(
      2,
      'orders',
      `CREATE TABLE orders (id integer, status varchar(20), n integer,
        CONSTRAINT known CHECK (status IN ('new', 'paid') AND (n BETWEEN 1 AND 9 AND n <> 5)));
       CREATE INDEX open_orders ON orders (id) WHERE status IN ('new', 'paid');`,
      'DROP TABLE orders;',
    );
    for (const [name, text] of Object.entries(orders)) repo.write(name, text);
    expectExit(await run('up'), 0);
    expectExit(await run('schema'), 0);
    expectExit(await run('up', '--expect-fingerprint'), 0);
    const before = await fingerprint();
    // What a dump and its restore do: the database has the constraint as it printed it.
    await database.query(`DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE orders DROP CONSTRAINT known; ALTER TABLE orders ADD CONSTRAINT known '
      || pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'); END $$`);
    expectExit(await run('drift'), 0);
    expect(await fingerprint()).to.equal(before);
    expectExit(await run('up', '--expect-fingerprint'), 0);
    expect(await fingerprint()).to.equal(before);
  });

  it('leaves the versions of extensions out, which are drift all the same', async () => {
    const { database, repo, run } = await migrated();
    const store = pair(2, 'store', 'CREATE EXTENSION IF NOT EXISTS hstore;', 'DROP EXTENSION hstore;');
    for (const [name, text] of Object.entries(store)) repo.write(name, text);
    expectExit(await run('schema'), 0);
    await database.query(`CREATE EXTENSION hstore VERSION '1.7'`);
    expectExit(await run('drift', '--accept', '--reason', 'the cloud has it'), 0);
    expectExit(await run('up', '--expect-fingerprint'), 0);
    await database.query('ALTER EXTENSION hstore UPDATE');
    const drift = await run('drift');
    expectExit(drift, 5);
    expect(drift.all).to.contain('extension hstore: version: 1.7 → 1.8');
  });
});
