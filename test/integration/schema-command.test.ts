// schema: db/schema.sql from a scratch database, with the fingerprint in its head; --check for pipelines.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { defaultMajor } from '../../scripts/base/postgres-major.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { expectExit, type Project, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';
import { fingerprintOf, queryOn, schemaFixture } from '../support/schema.ts';

const users = pair(
  1,
  'users',
  'CREATE TABLE users (id integer PRIMARY KEY, email text);',
  'DROP TABLE users;',
);

async function withScratch(files: Record<string, string> | string) {
  const { url } = await createDatabase();
  const repo = await project(files);
  const run = (...args: string[]) =>
    repo.run(args, { env: { SHADOW_DATABASE_URL: url, MIGRATE_SCRATCH_TRUSTED: 'true' } });
  return { repo, run, url };
}

const fileOf = (repo: Project) => join(repo.root, 'db', 'schema.sql');
const textOf = (repo: Project) => readFileSync(fileOf(repo), 'utf8');

describe('schema', () => {
  it('writes fingerprint and newest version into the head, and the same text every time', async () => {
    const { repo, run } = await withScratch(users);
    const result = await run('schema', '--json');
    expectExit(result, 0);
    const text = textOf(repo);
    expect(text).to.contain(`-- fingerprint: ${result.json().fingerprint}`);
    expect(text).to.contain('-- newest: 20250101000001_users');
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.equal(text);
  });

  it('makes a file that gives the same fingerprint on an empty database, for one of everything', async () => {
    const one = schemaFixture('one-of-everything.sql');
    const { repo, run } = await withScratch(pair(1, 'everything', one));
    const result = await run('schema', '--json');
    expectExit(result, 0);
    expect(result.json().unsupported).to.deep.equal([]);
    const empty = await createDatabase();
    const client = await empty.client();
    await client.query(textOf(repo));
    await client.query('RESET ALL');
    expect(await fingerprintOf(queryOn(client))).to.equal(result.json().fingerprint);
  });

  it('makes a file that reads the same where encoding, strings and XML are set otherwise', async () => {
    const odd = pair(
      1,
      'odd',
      `CREATE TABLE "mené" (path text DEFAULT 'c:\\temp', doc xml DEFAULT '<a/>text<b/>');`,
    );
    const { repo, run } = await withScratch(odd);
    const result = await run('schema', '--json');
    expectExit(result, 0);
    const load = async (settings: readonly string[]) => {
      const client = await (await createDatabase()).client();
      for (const setting of settings) await client.query(setting);
      // As psql does: one statement after the other.
      const parsed = (await loadParser(testMajor))(textOf(repo));
      for (const { text } of parsed.ok === true ? parsed.statements : []) await client.query(text);
      await client.query('RESET ALL');
      return fingerprintOf(queryOn(client));
    };
    const settings = [
      'SET standard_conforming_strings = off',
      'SET xmloption = document',
      'SET backslash_quote = on',
    ];
    expect(await load(settings)).to.equal(result.json().fingerprint);
    expect(textOf(repo)).to.include("SET client_encoding = 'UTF8';");
  });

  it('runs files without a transaction statement by statement', async () => {
    const { repo, run } = await withScratch({
      ...users,
      ...pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a ON users (email);\nVACUUM users;',
        'DROP INDEX a;',
      ),
    });
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.contain('CREATE INDEX a ON public.users');
  });

  it('tries what it writes on an empty database, and says with exit 9 what that does not become', async () => {
    const broken = pair(
      2,
      'broken',
      `CREATE INDEX left_over ON users (email);
       UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'left_over'::regclass;`,
      'DROP INDEX left_over;',
    );
    const { repo, run } = await withScratch({ ...users, ...broken });
    for (const args of [['schema'], ['schema', '--check']]) {
      const result = await run(...args);
      expectExit(result, 9);
      expect(result.all)
        .to.contain('is not the schema of the migrations')
        .and.to.contain('- index public.left_over');
    }
    expect(textOf(repo)).to.contain('-- not carried over: index public.left_over');
    expect((await run('schema', '--json')).json().lost).to.have.length(1);
  });

  it('says where its text does not run', async () => {
    const { run } = await withScratch(
      pair(
        1,
        'view',
        `CREATE FUNCTION lost() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
         CREATE TABLE t (id integer); CREATE INDEX i ON t (lost());
         CREATE OR REPLACE FUNCTION lost() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT id FROM nowhere.missing';
         -- never checked: the setting is the session's
        `.replace('CREATE OR REPLACE', 'SET check_function_bodies = off; CREATE OR REPLACE'),
        'DROP TABLE t; DROP FUNCTION lost();',
      ),
    );
    const result = await run('schema');
    expectExit(result, 9);
    expect(result.all).to.match(/is not the schema: .*nowhere/);
  });

  it('says what only a superuser can load', async () => {
    const { repo, run } = await withScratch(
      pair(
        1,
        'internal',
        `CREATE FUNCTION eq(integer, integer) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
         CREATE VIEW v AS SELECT eq(1, 1);`,
        'DROP VIEW v; DROP FUNCTION eq(integer, integer);',
      ),
    );
    const result = await run('schema');
    expectExit(result, 0);
    expect(result.all).to.contain('needs a superuser, for routine public.eq(integer, integer)');
    expect(textOf(repo)).to.contain('LANGUAGE internal');
  });

  it('keeps carriage returns in functions and comments apart from the line ends of the file', async () => {
    const { repo, run } = await withScratch(
      pair(
        1,
        'returns',
        `CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS E'\\r\\nBEGIN\\r\\n  RETURN 1; -- it''s \\\\r\\r\\nEND\\r\\n';
         COMMENT ON FUNCTION f() IS E'a\\r\\nb'; CREATE VIEW v AS SELECT E'c\\rd'::text AS "e\\f";`,
        'DROP VIEW v; DROP FUNCTION f();',
      ),
    );
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).not.to.contain('\r');
    expectExit(await run('schema', '--check'), 0);
  });

  it('writes owners and grants where the configuration compares them, for the roles that the server has', async () => {
    const role = `schema_owner_${process.pid}`;
    const { repo, run, url } = await withScratch({
      'db/config.json': '{ "drift": { "include": ["owners", "grants"] } }',
      ...pair(
        1,
        'owned',
        `CREATE SCHEMA mine; CREATE TABLE mine.t (id serial PRIMARY KEY, secret text); CREATE VIEW mine.v AS SELECT id FROM mine.t;
         CREATE FUNCTION mine.f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE mine.n(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
         CREATE DOMAIN mine.d AS text; CREATE TYPE mine.e AS ENUM ('x');
         ALTER TABLE mine.t OWNER TO ${role}; ALTER AGGREGATE mine.n(*) OWNER TO ${role}; ALTER DOMAIN mine.d OWNER TO ${role};
         GRANT USAGE ON SCHEMA mine TO ${role}; GRANT SELECT, INSERT ON mine.v TO ${role} WITH GRANT OPTION; GRANT SELECT (id) ON mine.t TO PUBLIC;
         REVOKE EXECUTE ON FUNCTION mine.f(integer) FROM PUBLIC; GRANT EXECUTE ON FUNCTION mine.f(integer) TO ${role}; REVOKE USAGE ON TYPE mine.e FROM PUBLIC;
         GRANT USAGE ON SEQUENCE mine.t_id_seq TO PUBLIC; REVOKE ALL ON mine.v FROM CURRENT_USER;
         ALTER DEFAULT PRIVILEGES IN SCHEMA mine GRANT SELECT ON TABLES TO ${role};
         ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;`,
        'DROP SCHEMA mine CASCADE;',
      ),
    });
    const result = await run('schema', '--json');
    expect(result.json().failure, result.all).to.equal(null);
    expect(result.json().lost).to.deep.equal([]);
    expectExit(result, 0);
    const text = textOf(repo);
    expect(text)
      .to.contain(`ALTER TABLE mine.t OWNER TO ${role};`)
      .and.to.contain('ALTER AGGREGATE mine.n(*) OWNER');
    // The role is gone with the scratch server's placeholders: what can be loaded is.
    const empty = await createDatabase();
    await empty.query(text);
    expect(await empty.query(`SELECT 'mine.v'::regclass::text AS name`)).to.deep.equal([{ name: 'mine.v' }]);
    expectExit(await run('schema', '--check'), 0);
    const apart = await repo.run(['schema'], { env: { SHADOW_DATABASE_URL: url } });
    expectExit(apart, 0);
    expect(apart.stderr).to.include('Owners are left out').and.to.include('MIGRATE_SCRATCH_TRUSTED');
    expect(textOf(repo))
      .to.contain(`ON TABLE mine.v TO ${role}`)
      .and.not.to.match(/OWNER TO|migrate_scratch/);
  });

  it('writes subscriptions disabled and without their password, and makes none on the scratch server', async () => {
    const { repo, run } = await withScratch({
      ...users,
      ...pair(
        2,
        'news',
        `-- migrate: no-transaction\nCREATE SUBSCRIPTION news CONNECTION 'host=far dbname=x password=hunter2' PUBLICATION a, b WITH (slot_name = 'own', copy_data = false);
         CREATE SUBSCRIPTION gone CONNECTION 'host=far' PUBLICATION a;`,
        '-- migrate: no-transaction\nDROP SUBSCRIPTION gone; DROP SUBSCRIPTION news;',
      ),
      ...pair(
        3,
        'more',
        `-- migrate: no-transaction\nALTER SUBSCRIPTION news DROP PUBLICATION b; ALTER SUBSCRIPTION news CONNECTION 'postgres://me:hunter2@far/x'; DROP SUBSCRIPTION gone;`,
        'SELECT 1;',
      ),
    });
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.contain(
      `CREATE SUBSCRIPTION "news" CONNECTION 'postgres://me@far/x' PUBLICATION "a" WITH (connect = false, enabled = false, slot_name = 'own');`,
    );
    expect(textOf(repo)).not.to.match(/hunter2|gone/);
    writeFileSync(fileOf(repo), `${textOf(repo)}-- edited\n`);
    const check = await run('schema', '--check');
    expectExit(check, 9);
    expect(check.all).not.to.contain('does not run');
  });

  it('exits 9 with --check when the file is missing or stale, names what differs, and writes nothing', async () => {
    const { repo, run } = await withScratch(users);
    expectExit(await run('schema', '--check'), 9);
    expect(existsSync(fileOf(repo))).to.equal(false);
    expectExit(await run('schema'), 0);
    expectExit(await run('schema', '--check'), 0);
    const more = pair(
      2,
      'age',
      'ALTER TABLE users ADD COLUMN age integer;',
      'ALTER TABLE users DROP COLUMN age;',
    );
    for (const [name, text] of Object.entries(more)) repo.write(name, text);
    const before = textOf(repo);
    const result = await run('schema', '--check');
    expectExit(result, 9);
    expect(result.all).to.contain('+ column public.users.age').and.to.contain('20250101000002_age');
    expect(textOf(repo)).to.equal(before);
  });

  it('takes a file with CRLF for the same, and an edited one for stale', async () => {
    const { repo, run } = await withScratch(users);
    expectExit(await run('schema'), 0);
    const text = textOf(repo);
    writeFileSync(fileOf(repo), text.replaceAll('\n', '\r\n'));
    expectExit(await run('schema', '--check'), 0);
    writeFileSync(fileOf(repo), `${text}-- and more\n`);
    expectExit(await run('schema', '--check'), 9);
  });

  it('names the migration that does not run, and writes nothing', async () => {
    const { repo, run } = await withScratch(pair(1, 'bad', 'CREATE TABLE a (id integer);\nSELECT 1 / 0;'));
    const result = await run('schema');
    expectExit(result, 3);
    expect(result.all).to.contain('20250101000001_bad.up.sql');
    expect(existsSync(fileOf(repo))).to.equal(false);
  });

  it('writes a file for a project without migrations', async () => {
    const { repo, run } = await withScratch({});
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.contain('-- newest: none');
  });

  it('is up to date in this repository, and so is its document', async function () {
    // The file says which version printed it.
    if (testMajor !== defaultMajor) this.skip();
    const { url } = await createDatabase();
    const repo = await project();
    for (const command of ['schema', 'docs'])
      expectExit(
        await repo.run([command, '--check'], { env: { SHADOW_DATABASE_URL: url }, cwd: productRoot }),
        0,
      );
  }).timeout(120_000);
});
