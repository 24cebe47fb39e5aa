// Secrets of the SQL in what stays: the ledger's tables, files, and what the application's role can read.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runShown } from '../support/in-process.ts';
import { pair, versionOf } from '../support/migrations.ts';

const secret = 'Corr3ct-h0rse';
const ways = [
  `ALTER USER MAPPING FOR nobody_here SERVER nowhere OPTIONS (SET password '${secret}')`,
  `ALTER SUBSCRIPTION nowhere CONNECTION E'host=h password=\\'${secret}\\''`,
  `PERFORM dblink_connect('host=h user=u '\n'password=${secret}')`,
  `ALTER ROLE nobody_here PASSWORD 'x'\n  '${secret}'`,
  `ALTER ROLE nobody_here PASSWORD U&'${secret}'`,
  `ALTER ROLE nobody_here PASSWORD $x$${secret}$x$`,
  `ALTER SERVER nowhere OPTIONS (ADD secret_access_key '${secret}')`,
];
/** Each in a block that fails and is caught: what is recorded is the text. */
const up = `DO $$ BEGIN EXECUTE format('CREATE ROLE %I PASSWORD %L', 'pg_reserved', '${secret}'); EXCEPTION WHEN OTHERS THEN NULL; END $$;
SET LOCAL my.password = '${secret}';\n${ways.map((sql) => `DO $do$ BEGIN ${sql}; EXCEPTION WHEN OTHERS THEN NULL; END $do$;\n`).join('')}`;
const down = `SELECT set_config('my.password', '${secret}', true);\nCREATE TABLE reverted AS SELECT current_setting('my.password') = '${secret.slice(0, 4)}' || '${secret.slice(4)}' AS whole;\n`;

/** Every row of every table in the database, as text. */
async function everything(database: TestDatabase): Promise<string> {
  const tables = await database.query<{ name: string }>(
    "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'migration_ledger')",
  );
  const texts: string[] = [];
  for (const { name } of tables)
    texts.push(JSON.stringify(await database.query(`SELECT t::text FROM ${name} t`)));
  return texts.join('\n');
}

/** Every file of the project but the migrations themselves. */
function files(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && !/migrations/.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

async function migrated(): Promise<{ database: TestDatabase; repo: Project; env: Record<string, string> }> {
  const database = await createDatabase();
  const repo = await project(pair(`${versionOf(1)}_secret`, up, down));
  const env = database.env();
  expectExit(await repo.run(['up'], { env }), 0);
  return { database, repo, env };
}

describe('A secret in the database', () => {
  it('that is a setting or an option of a foreign server is in no record, no file and no output', async () => {
    const database = await createDatabase();
    const repo = await project(pair(`${versionOf(1)}_one`, 'CREATE TABLE one (id int);', 'DROP TABLE one;'));
    const settings = [
      `my.password = '${secret}'`,
      `my.pwd = '${secret}'`,
      `app.database_url = 'postgres://app:${secret}@host/db'`,
      `app.source = 'host=x password=${secret}'`,
      `app.signing_key = '${secret}'`,
    ];
    await database.query(
      `${settings.map((setting) => `ALTER DATABASE ${database.name} SET ${setting};`).join(' ')}
       CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'plain', service '${secret}');
       CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password '${secret}');`,
    );
    const env = database.env();
    expectExit(await repo.run(['up'], { env }), 0);
    await database.query(
      `ALTER DATABASE ${database.name} RESET my.pwd; ALTER DATABASE ${database.name} SET my.token = '${secret}'; ALTER SERVER s OPTIONS (ADD passfile '${secret}'); ALTER TABLE one ADD drifted int`,
    );
    for (const args of [
      ['status', '--json'],
      ['drift'],
      ['drift', '--json'],
      ['drift', '--write', 'adopted'],
      ['drift', '--accept', '--reason', 'so'],
      ['docs'],
      ['schema'],
    ]) {
      const result = await runShown(repo.root, { ...env, SHADOW_DATABASE_URL: database.url }, args);
      expect(result.all, args.join(' '))
        .not.to.include(secret)
        .and.not.to.match(/at .*\.js:/);
    }
    expect(await everything(database))
      .to.include('my.token')
      .and.not.to.include(secret);
    expect(files(repo.root)).not.to.include(secret);
  });
});

describe('A secret in a migration', () => {
  it('is set again by the file where a half-done migration goes on', async () => {
    const database = await createDatabase();
    const env = database.env();
    const head = `-- migrate: no-transaction\nSET my.password = '${secret}';\nCREATE TABLE a (id int);\n`;
    const tail = "CREATE TABLE same AS SELECT current_setting('my.password') AS value;\n";
    const repo = await project(
      pair(`${versionOf(1)}_half`, `${head}SELECT 1 / 0;\n${tail}`, 'DROP TABLE a, same;'),
    );
    expectExit(await repo.run(['up'], { env }), 3);
    expect(await everything(database)).not.to.include(secret);
    repo.write(`${versionOf(1)}_half.up.sql`, head + tail);
    expectExit(await repo.run(['up'], { env }), 0);
    expect(await database.query('SELECT value FROM same')).to.deep.equal([{ value: secret }]);
  });

  it('may be taken out of the file afterwards: the text is the same but for it', async () => {
    const { repo, env } = await migrated();
    for (const [name, text] of Object.entries(pair(`${versionOf(1)}_secret`, up, down)))
      repo.write(name, `-- cleaned\n${text.replaceAll(secret, 'gone')}`);
    const result = await repo.run(['up'], { env });
    expectExit(result, 0);
    expect(result.stdout).to.include('Already up to date');
  });

  it('is in the down that is run, which comes from the file then', async () => {
    const { database, repo, env } = await migrated();
    expectExit(await repo.run(['down'], { env }), 0);
    expect(await database.query('SELECT whole FROM reverted')).to.deep.equal([{ whole: true }]);
  });

  it('keeps a down from running without it, where the file is another or gone', async () => {
    const { database, repo, env } = await migrated();
    repo.write(`${versionOf(1)}_secret.down.sql`, `${down}-- more\n`);
    const changed = await repo.run(['down'], { env });
    expectExit(changed, 4);
    expect(changed.stderr).to.include('does not have the whole down').and.include('--from-disk');
    const other = await project({});
    const gone = await other.run(['down'], { env });
    expectExit(gone, 4);
    expect(gone.stderr).to.include('its file is not on disk').and.include('Check out the commit');
    expect(await database.query("SELECT to_regclass('reverted') AS there")).to.deep.equal([{ there: null }]);
    expectExit(await repo.run(['down', '--from-disk'], { env }), 0);
  });

  it('may be missing for another reason: a down that somebody changed in the ledger is not run', async () => {
    const database = await createDatabase();
    const env = database.env();
    const repo = await project(pair(`${versionOf(1)}_a`, 'CREATE TABLE a (id int);', 'DROP TABLE a;'));
    expectExit(await repo.run(['up'], { env }), 0);
    await database.query("UPDATE migration_ledger.entries SET down_sql = 'DROP SCHEMA public CASCADE'");
    const other = await project({});
    expectExit(await other.run(['down'], { env }), 4);
    expectExit(await repo.run(['down'], { env }), 0);
  });
});
