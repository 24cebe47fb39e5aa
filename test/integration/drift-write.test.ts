// What `drift --write` makes of a change made by hand: a pair that other environments can run, recorded here, or, where
// a person must finish it, one that nothing runs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

const base = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL, note text DEFAULT 'none', feeling mood DEFAULT 'ok');
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id integer CONSTRAINT posts_user REFERENCES users (id), title varchar(20));
CREATE INDEX posts_title ON posts (title);
CREATE VIEW titles AS SELECT id, title FROM posts;
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();`;

/** A change made by hand, as somebody would type it; each must become a pair that is proven and recorded. */
const changes: Record<string, string> = {
  'a new table with keys, an index and a comment': `CREATE TABLE tags (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), name text UNIQUE CHECK (name <> ''));
    CREATE INDEX tags_user ON tags (user_id); COMMENT ON TABLE tags IS 'Words; with "quotes" and ''quotes'''; COMMENT ON COLUMN tags.name IS 'a word'`,
  'two new tables that refer to each other': `CREATE TABLE a (id integer PRIMARY KEY, b integer); CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id)); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)`,
  'a dropped table': 'DROP TABLE posts CASCADE',
  'a new column': 'ALTER TABLE users ADD COLUMN age positive NOT NULL DEFAULT 1',
  'a new serial column': 'ALTER TABLE users ADD COLUMN number serial',
  'a dropped column': 'ALTER TABLE users DROP COLUMN note',
  'a column of another type': 'ALTER TABLE users ALTER COLUMN email TYPE varchar(50)',
  'a column of another type with a default': `ALTER TABLE users ALTER COLUMN note TYPE varchar(50)`,
  defaults: `ALTER TABLE users ALTER COLUMN note SET DEFAULT 'x''y', ALTER COLUMN email SET DEFAULT 'e', ALTER COLUMN feeling DROP DEFAULT`,
  'NOT NULL': 'ALTER TABLE users ALTER COLUMN email DROP NOT NULL, ALTER COLUMN note SET NOT NULL',
  'a new check': 'ALTER TABLE users ADD CONSTRAINT long CHECK (length(note) > 2)',
  'a new constraint and one that is gone': `ALTER TABLE users ADD CONSTRAINT shape CHECK (email LIKE '%@%') NOT VALID; ALTER TABLE posts DROP CONSTRAINT posts_user`,
  'a changed constraint': `ALTER TABLE posts DROP CONSTRAINT posts_user; ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE`,
  indexes:
    'DROP INDEX posts_title; CREATE UNIQUE INDEX posts_title ON posts (lower(title)) WHERE user_id > 3; CREATE INDEX other ON posts (user_id DESC)',
  'a new enum value, at the end and in between': `ALTER TYPE mood ADD VALUE 'happy'; ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'`,
  'a new enum, used by a new column': `CREATE TYPE colour AS ENUM ('red'); ALTER TABLE users ADD COLUMN colour colour DEFAULT 'red'`,
  'a domain': 'ALTER DOMAIN positive SET NOT NULL; ALTER DOMAIN positive DROP CONSTRAINT positive_check',
  views: `CREATE OR REPLACE VIEW titles AS SELECT id, title, user_id FROM posts; CREATE VIEW more AS SELECT * FROM titles; CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n FROM posts; CREATE INDEX ON sums (n)`,
  'a view with other columns': 'DROP VIEW titles; CREATE VIEW titles AS SELECT title AS name FROM posts',
  'a dropped view': 'DROP VIEW titles',
  functions: `CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql STABLE AS 'SELECT n + n';
    CREATE FUNCTION thrice(n integer, OUT result integer) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$ BEGIN result := n * 3; END $body$;
    CREATE FUNCTION half(n numeric DEFAULT 1) RETURNS numeric LANGUAGE sql PARALLEL SAFE RETURN n / 2; CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1'`,
  'a function with another result':
    "DROP FUNCTION twice; CREATE FUNCTION twice(n integer) RETURNS bigint LANGUAGE sql AS 'SELECT n * 2::bigint'",
  'a dropped function with its trigger': 'DROP FUNCTION touch() CASCADE',
  triggers:
    'DROP TRIGGER users_touch ON users; CREATE TRIGGER users_touch BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch(); CREATE TRIGGER other BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touch(); ALTER TABLE posts DISABLE TRIGGER other',
  'row security and a policy':
    'ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON users FOR SELECT USING (id = 1)',
  'a sequence': 'CREATE SEQUENCE counter INCREMENT BY 5; ALTER SEQUENCE posts_id_seq CACHE 7',
  'a schema with things in it':
    "CREATE SCHEMA extra; CREATE TABLE extra.things (id integer); CREATE TYPE extra.kind AS ENUM ('a')",
  comments: `COMMENT ON TABLE users IS 'people'; COMMENT ON COLUMN users.email IS E'a\\\\b'`,
  'default privileges of a role that nobody has rights over on the scratch server':
    'ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor IN SCHEMA public GRANT SELECT ON TABLES TO pg_signal_backend; ALTER TABLE users ADD c integer',
  'an extension': 'CREATE EXTENSION citext; ALTER TABLE users ALTER COLUMN email TYPE citext',
};

async function changedProject(
  change: string,
): Promise<{ repo: Project; database: TestDatabase; env: Record<string, string> }> {
  const database = await createDatabase();
  const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
  const repo = await project(pair(1, 'base', base, 'SELECT 1;'));
  expectExit(await repo.run(['up'], { env }), 0);
  await database.query(change);
  return { repo, database, env };
}

function written(repo: Project): Record<'up' | 'down', string> {
  const directory = join(repo.root, 'db', 'migrations');
  const read = (direction: string) => {
    const name = readdirSync(directory).find((file) => file.endsWith(`_by-hand.${direction}.sql`)) ?? '';
    return readFileSync(join(directory, name), 'utf8');
  };
  return { up: read('up'), down: read('down') };
}

describe('drift --write', () => {
  let migrated: TestDatabase;

  before(async () => {
    migrated = await createDatabase();
    const repo = await project(pair(1, 'base', base, 'SELECT 1;'));
    const up = await runInProcess(repo.root, { ...migrated.env(), MIGRATE_ENV: 'test' }, ['up']);
    expect(up.exitCode, up.said).to.equal(0);
  });

  for (const [what, change] of Object.entries(changes)) {
    it(`writes ${what} as a pair, proves it both ways and records it`, async () => {
      const database = await createDatabase({ from: migrated.name });
      const repo = await project(pair(1, 'base', base, 'SELECT 1;'));
      await database.query(change);
      const args = ['drift', '--write', 'by hand'];
      const { document, said } = await runInProcess(
        repo.root,
        { ...database.env(), MIGRATE_ENV: 'test' },
        args,
      );
      const { recorded, proven } = document;
      expect({ recorded, proven }, said).to.deep.equal({ recorded: true, proven: true });
    });
  }

  it('gives the others what was changed, and leaves them without drift', async () => {
    const { repo, env } = await changedProject(
      'ALTER TABLE users ADD COLUMN age integer; CREATE INDEX users_age ON users (age)',
    );
    expectExit(await repo.run(['drift', '--write', 'by-hand'], { env }), 0);
    const status = await repo.run(['status', '--json'], { env });
    expectExit(status, 0);
    expect(status.json().migrations.map(({ state }: { state: string }) => state)).to.deep.equal([
      'applied',
      'applied',
    ]);
    expect(status.json().drift.state).to.equal('none');
    const other = (await createDatabase()).env();
    expectExit(await repo.run(['up'], { env: other }), 0);
    const elsewhere = await repo.run(['status', '--json'], { env: other });
    expect(elsewhere.json().fingerprint).to.equal(status.json().fingerprint);
    const down = await repo.run(['down'], { env });
    expectExit(down, 0);
    expectExit(await repo.run(['drift'], { env }), 0);
  });

  it('leaves to a person what it cannot write, and records nothing', async () => {
    const { repo, database, env } = await changedProject('ALTER TABLE users RENAME COLUMN note TO remark');
    const result = await repo.run(['drift', '--write', 'by-hand'], { env });
    expectExit(result, 0);
    expect(result.all).to.contain('A person must finish');
    const { up, down } = written(repo);
    expect(up)
      .to.contain('-- UNFINISHED')
      .and.to.contain('-- + column public.users.remark')
      .and.to.contain('expected: table=public.users');
    expect(down).to.contain('-- UNFINISHED');
    expectExit(await repo.run(['drift'], { env }), 5);
    const [{ count }] = (await database.query<{ count: string }>(
      'SELECT count(*) FROM migration_ledger.applied',
    )) as [{ count: string }];
    expect(count).to.equal('1');
    const elsewhere = await repo.run(['up'], { env: (await createDatabase()).env() });
    expectExit(elsewhere, 3);
    expect(elsewhere.all).to.contain('this migration is not finished');
  });

  it('takes a version before what is pending', async () => {
    const { repo, env } = await changedProject('ALTER TABLE users ADD COLUMN age integer');
    for (const [name, text] of Object.entries(
      pair(3, 'later', 'CREATE TABLE later (id integer);', 'DROP TABLE later;'),
    ))
      repo.write(name, text);
    expectExit(await repo.run(['drift', '--write', 'by-hand'], { env }), 0);
    const up = await repo.run(['up'], { env });
    expectExit(up, 0);
    expect(up.all).to.contain('Applied 1 migration');
  });

  it('records no pair with which the files do not run on an empty database', async () => {
    const { repo, env } = await changedProject('CREATE TABLE later (id integer)');
    for (const [name, text] of Object.entries(
      pair(3, 'later', 'CREATE TABLE later (id integer);', 'DROP TABLE later;'),
    ))
      repo.write(name, text);
    const result = await repo.run(['drift', '--write', 'by-hand'], { env });
    expectExit(result, 0);
    expect(result.all)
      .to.contain('A person must finish')
      .and.to.contain('_later.up.sql fails')
      .and.to.contain('already exists');
    expectExit(await repo.run(['drift'], { env }), 5);
  });

  it('has nothing to write where nothing drifted', async () => {
    const { repo, env } = await changedProject('SELECT 1');
    const result = await repo.run(['drift', '--write', 'by-hand'], { env });
    expectExit(result, 0);
    expect(result.all).to.contain('Nothing to write');
  });
});
