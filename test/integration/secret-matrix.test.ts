// Every way to write a secret into SQL, against everything that leaves the process: what each command prints (for people, as
// JSON, for GitHub), each file it writes, each row it keeps. Each secret is another word, so that a find names its way.
import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runShown } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

type Way = (secret: string) => string;

const caught = (sql: string) => `DO $c$ BEGIN ${sql}; EXCEPTION WHEN OTHERS THEN NULL; END $c$;`;

/** What no catalog shows to everybody: such a secret is nowhere. */
const hidden: readonly Way[] = [
  (s) => caught(`ALTER ROLE nobody PASSWORD '${s}'`),
  (s) => caught(`ALTER ROLE nobody PASSWORD E'${s}\\n'`),
  (s) => caught(`ALTER ROLE nobody PASSWORD U&'${s}'`),
  (s) => caught(`ALTER ROLE nobody PASSWORD $q$${s}$q$`),
  (s) => caught(`ALTER ROLE nobody ENCRYPTED PASSWORD 'x'\n  '${s}'`),
  (s) => caught(`EXECUTE format('ALTER ROLE %I PASSWORD %L', 'nobody', '${s}')`),
  (s) => caught(`EXECUTE 'ALTER ROLE nobody PASSWORD ''${s}'''`),
  (s) => caught(`ALTER SUBSCRIPTION nowhere CONNECTION 'host=h password=${s}'`),
  (s) => caught(`ALTER SUBSCRIPTION nowhere CONNECTION 'postgres://u:${s}@h/d?sslmode=require'`),
  (s) => caught(`ALTER SUBSCRIPTION nowhere CONNECTION 'host=h sslpassword=${s}'`),
  (s) => caught(`PERFORM dblink_connect(E'host=h password=\\'${s}\\'')`),
  (s) => `CREATE SERVER source FOREIGN DATA WRAPPER w OPTIONS (host 'h', api_key '${s}');`,
  (s) => `CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (user 'u', password '${s}');`,
  (s) =>
    `CREATE SUBSCRIPTION sub CONNECTION 'host=h password=${s}' PUBLICATION p WITH (connect = false, slot_name = NONE);`,
  (s) =>
    `CREATE TABLE users (id int, name text, password text UNIQUE);\nINSERT INTO users (id, password) VALUES (1, '${s}');`,
  (s) => `UPDATE users SET password = '${s}' WHERE password <> '${s}' OR password IN ('${s}');`,
  (s) => `SET LOCAL app.api_key = '${s}';`,
  (s) => `SELECT set_config('app.secret', '${s}', true);`,
  (s) => `DO $$ BEGIN RAISE NOTICE 'password=%', '${s}'; END $$;`,
  (s) => `DO $$ BEGIN RAISE WARNING 'connecting to postgres://u:${s}@h/d'; END $$;`,
  (s) => `-- the old one: password=${s}\nSELECT 1;`,
  (s) => `CREATE TABLE kept (key text, value text);\nINSERT INTO kept VALUES ('smtp_password', '${s}');`,
  (s) =>
    `CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'now %', NEW.value; RETURN NEW; END $f$;\nCREATE TRIGGER told BEFORE INSERT OR UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION told();\nUPDATE kept SET value = '${s}' WHERE key = 'smtp_password';`,
  (s) => `INSERT INTO kept (value, key) VALUES ('a', 'b'), ('${s}', 'api_token');`,
  (s) => `INSERT INTO kept SELECT 'app.secret', '${s}' UNION ALL SELECT 'host', 'h';`,
  (s) => `INSERT INTO kept VALUES ('mail', $j$[{"name": "SMTP_PASSWORD", "value": "${s}"}]$j$);`,
  (s) =>
    `DO $c$ BEGIN EXECUTE format('UPDATE kept SET value = %L WHERE key = %L', '${s}', 'smtp_password'); END $c$;`,
  (s) => `SELECT '${s}' AS api_token;`,
  (s) => `SELECT '-----BEGIN PRIVATE KEY-----\n${s}\n-----END PRIVATE KEY-----';`,
  (s) => `DO $$ BEGIN RAISE NOTICE 'Authorization: Bearer %', '${s}'; PERFORM 'ghp_${s}${s}'; END $$;`,
];

/** What the catalogs show to everybody who may connect. */
const shown: readonly Way[] = [
  (s) =>
    `CREATE FUNCTION reach(url text DEFAULT 'postgres://u:${s}@h/d') RETURNS text LANGUAGE sql AS $f$ SELECT url $f$;`,
  (s) => `CREATE FUNCTION local() RETURNS text LANGUAGE sql AS $f$ SELECT 'host=h password=${s}'::text $f$;`,
  (s) => `CREATE VIEW remote AS SELECT 'postgres://u:${s}@h/d'::text AS url;`,
  (s) => `CREATE TABLE config (id int, api_token text DEFAULT '${s}');`,
  (s) => `COMMENT ON TABLE config IS 'password=${s}';`,
  (s) => `ALTER TABLE config ADD CONSTRAINT other CHECK (api_token <> '${s}');`,
  (s) => `CREATE INDEX config_index ON config ((api_token || 'password=${s}'));`,
  (s) => `CREATE POLICY reading ON config USING (api_token <> '${s}');`,
  (s) => `CREATE DOMAIN address AS text DEFAULT 'postgres://u:${s}@h/d';`,
  (s) => `CREATE TYPE mood AS ENUM ('password=${s}');`,
];

const ways = [...hidden, ...shown];
const secretOf = (way: number) => `Zq7Hunter${way}x`;
const text = ways.map((way, i) => way(secretOf(i))).join('\n');

/** The ways whose secrets are in a text. */
function found(where: string): string[] {
  return ways.flatMap((way, i) => (where.includes(secretOf(i)) ? [way('…')] : []));
}

/** Where a definition stands as the catalogs have it: the schema, and what is to make it again. */
const verbatim = /schema\.sql$|_by-hand\.(?:up|down)\.sql$|^snapshot_classes$/;

async function tables(database: TestDatabase): Promise<[string, string][]> {
  const names = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'migration_ledger'::regnamespace",
  );
  const rows = [];
  for (const { name } of names)
    rows.push([name, JSON.stringify(await database.query(`SELECT t::text FROM migration_ledger.${name} t`))]);
  return rows as [string, string][];
}

/** Every file of the project but what a person wrote. */
function files({ root }: Project): [string, string][] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/_written\./.test(name) && statSync(join(root, name)).isFile())
    .map((name) => [name, readFileSync(join(root, name), 'utf8')]);
}

describe('A secret in the SQL of a migration', () => {
  it('is in nothing that a command prints, writes or keeps, in whatever way it is written', async function () {
    this.timeout(120_000);
    const before = process.env.MIGRATE_SCRATCH_TRUSTED;
    process.env.MIGRATE_SCRATCH_TRUSTED = 'true';
    cleanUpAfterTest(async () => {
      if (before === undefined) delete process.env.MIGRATE_SCRATCH_TRUSTED;
      else process.env.MIGRATE_SCRATCH_TRUSTED = before;
    });
    const database = await createDatabase();
    cleanUpAfterTest(async () => void (await database.query('DROP SUBSCRIPTION IF EXISTS sub')));
    const up = `CREATE FOREIGN DATA WRAPPER w;\n${text}`;
    const repo = await project(pair('20250101000001_written', up, `${up}\nDROP TABLE nothing;`));
    const said = {
      MIGRATE_ACTOR: `bot postgres://bot:${secretOf(0)}@ci.example\u001b[31m`,
      ...{
        GITHUB_SERVER_URL: `https://bot:${secretOf(0)}@git.example`,
        GITHUB_REPOSITORY: 'a/b',
        GITHUB_RUN_ID: '1',
      },
    };
    const env = { ...database.env(), ...said, MIGRATE_DEBUG: '1' };
    const github = { ...env, GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: join(repo.root, 'summary.md') };
    const run = async (code: number, ...args: string[]) => {
      const ended = await runShown(repo.root, args.includes('--json') ? env : github, args);
      expect(ended.exitCode, ended.all).to.equal(code);
      expect(found(ended.all), args.join(' ')).to.deep.equal([]);
      // What is printed to a terminal is looked for in files too, where nobody reads it otherwise.
      appendFileSync(join(repo.root, 'printed.txt'), ended.all);
    };
    await run(0, 'plan', '--json', '--out', 'plan.json');
    await run(0, 'plan', '--markdown');
    await run(0, 'up', '--verbose');
    await run(0, 'status', '--log');
    await run(9, 'check', '--all');
    await run(0, 'lint', '--all', '--sarif', 'lint.sarif');
    await run(0, 'schema');
    await run(0, 'docs');
    await run(0, 'docs', '--html', 'page.html');
    await run(0, 'manifest');

    await database.query(
      shown
        .map((way, i) =>
          way(secretOf(hidden.length + i)).replace(/(reach|local|remote|config|address|mood)/g, '$1_two'),
        )
        .join('\n'),
    );
    await run(5, 'drift', '--json');
    await run(5, 'up');
    await run(0, 'drift', '--write', 'by-hand', '--reason', `password='${secretOf(0)}'`);

    const failing = `-- migrate: no-transaction\nSET my.api_key = '${secretOf(1)}';\nINSERT INTO users SELECT 2, 'Zq7' || 'Hunter2x', 'x';\nALTER TABLE users ADD CHECK (id > 2) NOT VALID;\nUPDATE users SET id = 2;`;
    for (const [name, sql] of Object.entries(pair('20990101000000_written', failing, 'SELECT 1;')))
      repo.write(name, sql);
    // Of one run: the row of one file is quoted by the error of another, beside no name.
    const rows = pair(
      '20980101000000_written',
      `CREATE TABLE told_rows (key text, plain text);\nINSERT INTO told_rows VALUES ('smtp_password', '${secretOf(2)}'), ('api_key', '${secretOf(2)}');`,
      'DROP TABLE told_rows;',
    );
    const quoting = pair('20980101000001_written', 'CREATE UNIQUE INDEX ON told_rows (plain);', 'SELECT 1;');
    for (const [name, sql] of Object.entries({ ...rows, ...quoting })) repo.write(name, sql);
    await run(9, 'lint', '--all');
    await run(3, 'up');
    // What is applied is quoted by a later run.
    await run(3, 'up', '--json');
    for (const [name, sql] of Object.entries(pair('20980101000001_written', 'SELECT 1;', 'SELECT 1;')))
      repo.write(name, sql);
    await run(0, 'up', '--to', '20980101000001');
    // The row fails on the scratch database as well.
    await run(0, 'plan', '--markdown');
    await run(9, 'lint', '--all');
    await run(9, 'verify');
    await run(3, 'up', '--verbose');
    await run(3, 'up', '--json');
    await run(
      0,
      'repair',
      '--resolve',
      '20990101000000_written',
      'applied',
      '--reason',
      `password='${secretOf(0)}'`,
    );
    await run(0, 'down', '--dry-run');

    const kept = [...(await tables(database)), ...files(repo)];
    expect(kept.map(([name]) => name)).to.include.members([
      'audit',
      'entries',
      'plan.json',
      'summary.md',
      'lint.sarif',
      'db/SCHEMA.md',
      'page.html',
    ]);
    const leaks = kept.flatMap(([name, content]) => {
      const all = found(content);
      return verbatim.test(name)
        ? all.filter((way) => hidden.some((each) => each('…') === way)).map((way) => `${name}: ${way}`)
        : all.map((way) => `${name}: ${way}`);
    });
    expect(leaks).to.deep.equal([]);
    const [, audit = ''] = kept.find(([name]) => name === 'audit') ?? [];
    expect(audit)
      .to.include("password='****")
      .and.include('git.example/a/b/actions/runs/1')
      .and.include('ci.example');
    expect(audit).not.to.include('\u001b');
    expect(readFileSync(join(repo.root, 'printed.txt'), 'utf8')).to.include(
      'What looks like a secret stands in them',
    );
  });
});
