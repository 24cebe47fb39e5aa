// What verify finds in pairs of files, from the outside: every up, its down, its up again on a scratch database.
import { expect } from 'chai';
import type { Finding } from '../../scripts/base/types.ts';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

async function verify(
  files: Record<string, string>,
  ...args: string[]
): Promise<{ result: Result; findings: readonly Finding[] }> {
  const env = (await createDatabase()).env();
  const repo = await project(files);
  const result = await repo.run(['verify', '--json', ...args], { env });
  return { result, findings: (result.json() as { findings: readonly Finding[] }).findings };
}

const shown = (findings: readonly Finding[]) =>
  findings.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`);

const users = pair(
  1,
  'users',
  "CREATE TABLE users (id int PRIMARY KEY, role text DEFAULT 'user', note text);",
  'DROP TABLE users;',
);

describe('verify: downs that restore', () => {
  it('finds nothing in pairs that are exact, and exits 0', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(2, 'age', 'ALTER TABLE users ADD COLUMN age int;', 'ALTER TABLE users DROP COLUMN age;'),
      ...pair(
        3,
        'key',
        'ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17);',
        'ALTER TABLE users DROP CONSTRAINT adult;',
      ),
      ...pair(4, 'view', 'CREATE VIEW adults AS SELECT id FROM users;', 'DROP VIEW adults;'),
      ...pair(
        5,
        'function',
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION one() IS 'one';",
        'DROP FUNCTION one();',
      ),
      ...pair(
        6,
        'replaced',
        'CREATE OR REPLACE VIEW adults AS SELECT id, age FROM users;',
        'DROP VIEW adults; CREATE VIEW adults AS SELECT id FROM users;',
      ),
    });
    expectExit(result, 0);
    expect(shown(findings)).to.deep.equal([]);
  });

  it('finds nothing wrong where three files cannot share one transaction', async () => {
    const { result, findings } = await verify({
      ...pair(
        1,
        'deferred',
        'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);',
        'DROP TABLE child; DROP TABLE parent;',
      ),
      // 55006 in one transaction: the table has pending trigger events.
      ...pair(
        2,
        'rows',
        'INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);',
        'DELETE FROM child; DELETE FROM parent;',
      ),
      ...pair(
        3,
        'column',
        'INSERT INTO child VALUES (1); CREATE TABLE extra (n int);',
        'DELETE FROM child; ALTER TABLE child ADD COLUMN n int; ALTER TABLE child DROP COLUMN n; DROP TABLE extra;',
      ),
    });
    expect(shown(findings)).to.deep.equal([]);
    expectExit(result, 0);
  });

  it('adds an enum value in one migration and uses it in the next', async () => {
    const { findings } = await verify({
      ...pair(
        1,
        'mood',
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE people (id int, mood mood);",
        'DROP TABLE people; DROP TYPE mood;',
      ),
      ...pair(
        2,
        'happy',
        "-- migrate: no-transaction\nALTER TYPE mood ADD VALUE 'happy';",
        '-- migrate: irreversible a value of an enum cannot be removed',
      ),
      ...pair(
        3,
        'used',
        "ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'happy';",
        'ALTER TABLE people ALTER COLUMN mood DROP DEFAULT;',
      ),
    });
    expect(shown(findings)).to.deep.equal(
      [
        'info irreversible: 20250101000002_happy is irreversible (a value of an enum cannot be removed): only its up was run',
      ].map((line) => line.replace('20250101000002', findings[0]?.message.slice(0, 14) ?? '')),
    );
  });

  it('runs files that are marked no-transaction outside of one', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY users_role ON users (role);',
        '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY users_role;',
      ),
      ...pair(
        3,
        'bad',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY users_note ON users (note);',
        'SELECT 1;',
      ),
      ...pair(4, 'last', 'ALTER TABLE users ADD COLUMN last int;', 'SELECT 1;'),
    });
    expectExit(result, 9);
    const messages = shown(findings);
    expect(messages[0]).to.match(/error inexact-down: `down` leaves index public\.users_note behind/);
    expect(messages.at(-1)).to.match(/error inexact-down: `down` leaves column public\.users\.last behind/);
  });

  it('stands in for roles, twice on the same server, and leaves none behind', async () => {
    const database = await createDatabase();
    const role = `app_${database.name}`;
    const repo = await project({
      ...pair(1, 'role', `CREATE ROLE ${role} LOGIN PASSWORD 'x';`, `DROP ROLE ${role};`),
      ...pair(
        2,
        'table',
        `CREATE TABLE users (id int); ALTER TABLE users OWNER TO ${role}; GRANT SELECT ON users TO ${role}_reader; CREATE POLICY own ON users TO ${role};`,
        'DROP TABLE users;',
      ),
    });
    for (const command of ['verify', 'lint', 'verify', 'lint']) {
      const result = await repo.run([command, '--json', '--all'], { env: database.env() });
      const { findings } = result.json() as { findings: readonly Finding[] };
      expect(
        findings.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      ).to.deep.equal([]);
    }
    expect(await database.query(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${role}%'`)).to.deep.equal(
      [],
    );
  });

  it('leaves out what concerns the whole server', async () => {
    const database = await createDatabase();
    const name = `made_${database.name}`;
    const text = `-- migrate: no-transaction\nCREATE DATABASE ${name};\nALTER SYSTEM SET work_mem = '77MB';`;
    const repo = await project(pair(1, 'server', text, `-- migrate: no-transaction\nDROP DATABASE ${name};`));
    expectExit(await repo.run(['verify'], { env: database.env() }), 0);
    const result = await repo.run(['lint', '--json', '--all'], { env: database.env() });
    expect((result.json() as { findings: Finding[] }).findings.map(({ rule }) => rule)).to.include(
      'not-on-scratch',
    );
    expect(await database.query(`SELECT datname FROM pg_database WHERE datname = '${name}'`)).to.deep.equal(
      [],
    );
    expect(await database.query(`SELECT setting FROM pg_file_settings WHERE setting = '77MB'`)).to.deep.equal(
      [],
    );
  });
});

describe('verify: downs that do not restore', () => {
  it('names what a down leaves behind, loses or makes different, with the file', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(
        2,
        'left',
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE moods (id int, m mood);",
        'DROP TABLE moods;',
      ),
      ...pair(3, 'lost', 'ALTER TABLE users DROP COLUMN note;', 'SELECT 1;'),
      ...pair(
        4,
        'default',
        "ALTER TABLE users ALTER COLUMN role SET DEFAULT 'admin';",
        'ALTER TABLE users ALTER COLUMN role DROP DEFAULT;',
      ),
    });
    expectExit(result, 9);
    const messages = findings.map(({ rule, message }) => `${rule} ${message}`);
    expect(messages[0]).to.equal('inexact-down `down` leaves type public.mood behind');
    expect(messages[1]).to.equal('inexact-down column public.users.note is lost after `down`');
    expect(messages[2]).to.match(/^inexact-down after `down`: .*public\.users\.role/);
    expect(messages).to.have.length(3);
    expect(findings.map(({ file }) => file)).to.satisfy((files: string[]) =>
      files.every((file) => /_(left|lost|default)\.down\.sql$/.test(file)),
    );
  });

  it('says once what a down leaves, though the second up trips over it, and goes on', async () => {
    const { findings } = await verify({
      ...pair(1, 'type', "CREATE TYPE mood AS ENUM ('ok');", 'SELECT 1;'),
      ...pair(2, 'bad', 'CREATE TABLE b (id int);', 'SELECT 1;'),
      ...pair(3, 'good', 'CREATE TABLE c (id int);', 'DROP TABLE c;'),
    });
    const rules = findings.map(({ file, rule }) => `${/_(\w+)\.(up|down)\.sql$/.exec(file)?.[1]} ${rule}`);
    // That the second up trips over what was left is said with the first finding.
    expect(rules).to.deep.equal(['type inexact-down', 'bad inexact-down']);
  });

  it('finds a second up that does not run though the schema is restored', async () => {
    const { findings } = await verify({
      ...pair(1, 'marks', 'CREATE TABLE marks (n int PRIMARY KEY);', 'DROP TABLE marks;'),
      ...pair(2, 'row', 'SELECT 1;\nINSERT INTO marks VALUES (1);', 'SELECT 1;'),
      ...pair(3, 'good', 'CREATE TABLE c (id int);', 'DROP TABLE c;'),
    });
    expect(findings.map(({ rule, line }) => `${rule} ${line}`)).to.deep.equal(['up-again-fails 2']);
  });

  it('names roles that a down leaves behind', async () => {
    const { findings } = await verify(pair(1, 'role', 'CREATE ROLE left_behind;', 'SELECT 1;'));
    expect(shown(findings)).to.deep.equal(['error inexact-down: `down` leaves role left_behind behind']);
  });

  it('finds an up that gives another schema the second time, and stays on the first', async () => {
    const once = `DO $$ BEGIN
  IF EXISTS (SELECT FROM marks) THEN CREATE TABLE second (id int); ELSE CREATE TABLE first (id int); END IF;
  INSERT INTO marks VALUES (1);
END $$;`;
    const { findings } = await verify({
      ...pair(1, 'marks', 'CREATE TABLE marks (n int);', 'DROP TABLE marks;'),
      ...pair(2, 'once', once, 'DROP TABLE IF EXISTS first; DROP TABLE IF EXISTS second;'),
      ...pair(3, 'on', 'ALTER TABLE first ADD COLUMN n int;', 'ALTER TABLE first DROP COLUMN n;'),
    });
    const messages = shown(findings);
    expect(messages).to.have.length(2);
    expect(messages.join())
      .to.match(/error up-again-differs: .*public\.first/)
      .and.to.match(/public\.second/);
  });

  it('places a down that PostgreSQL refuses at file, line and column, and verifies the next', async () => {
    const { findings } = await verify({
      ...users,
      ...pair(2, 'raises', 'CREATE TABLE a (id int);', 'SELECT 1;\n  DROP TABLE nowhere;'),
      ...pair(3, 'next', 'CREATE TABLE b (id int);', 'SELECT 1;'),
      ...pair(4, 'good', 'ALTER TABLE a ADD COLUMN n int;', 'ALTER TABLE a DROP COLUMN n;'),
    });
    const [first, second] = findings;
    expect(first).to.include({ rule: 'down-fails', severity: 'error', line: 2 });
    expect(first?.file).to.match(/^db\/migrations\/\d{14}_raises\.down\.sql$/);
    expect(first?.message).to.include('table "nowhere" does not exist');
    expect(second?.message).to.equal('`down` leaves table public.b behind');
    expect(findings.filter(({ file }) => file.includes('_good'))).to.deep.equal([]);
  });

  it('places an error inside of a statement at its character', async () => {
    const { findings } = await verify({
      ...users,
      ...pair(2, 'at', 'SELECT 1;', "SELECT 'ä';\nSELECT nothing FROM users;"),
    });
    expect(findings[0]).to.include({ rule: 'down-fails', line: 2, column: 8 });
  });

  it('stops after an up that does not run, and says that the rest could not be verified', async () => {
    const env = (await createDatabase()).env();
    const repo = await project({
      ...users,
      ...pair(2, 'wrong', 'ALTER TABLE nowhere ADD COLUMN n int;', 'SELECT 1;'),
      ...pair(3, 'next', 'SELECT 1;', 'SELECT 1;'),
    });
    const result = await repo.run(['verify'], { env });
    expectExit(result, 9);
    expect(result.stdout).to.match(
      /_wrong\.up\.sql:1:\d+ error relation "nowhere" does not exist \[up-fails\]/,
    );
    expect(result.stdout).to.match(/1 migration after it could not be verified/);
  });

  it('warns where only the order of columns differs, and fails on it with --strict', async () => {
    const files = {
      ...users,
      ...pair(
        2,
        'order',
        'ALTER TABLE users DROP COLUMN role;',
        "ALTER TABLE users ADD COLUMN role text DEFAULT 'user';",
      ),
    };
    const { result, findings } = await verify(files);
    expectExit(result, 0);
    expect(findings.map(({ rule, severity }) => `${severity} ${rule}`)).to.deep.equal([
      'warning column-order',
    ]);
    expectExit((await verify(files, '--strict')).result, 9);
  });

  it('names irreversible migrations that it skips', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(
        2,
        'gone',
        'ALTER TABLE users DROP COLUMN note;',
        '-- migrate: irreversible the notes are gone',
      ),
      ...pair(3, 'on', 'ALTER TABLE users ADD COLUMN n int;', 'ALTER TABLE users DROP COLUMN n;'),
    });
    expectExit(result, 0);
    expect(shown(findings).join()).to.match(
      /^info irreversible: \d{14}_gone is irreversible \(the notes are gone\)/,
    );
  });

  it('lets a down be knowingly inexact, and finds such a permission that is not needed', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(
        2,
        'allowed',
        'CREATE TABLE kept (id int);',
        '-- migrate: allow inexact-down the table may stay\nSELECT 1;',
      ),
      ...pair(3, 'unneeded', 'SELECT 1;', '-- migrate: allow inexact-down for no reason\nSELECT 1;'),
    });
    const messages = shown(findings);
    expect(messages[0]).to.equal(
      'info inexact-down: `down` leaves table public.kept behind (allowed: the table may stay)',
    );
    expect(messages.at(-1)).to.match(/^warning unused-allow: /);
    expect(findings.at(-1)?.line).to.equal(1);
    // Applied again, it trips over what the down may leave: that is allowed along with it.
    expectExit(result, 0);
  });
});

describe('verify: rows, ranges and where it looks', () => {
  const renamed = pair(
    2,
    'split',
    'ALTER TABLE users ADD COLUMN kind text; UPDATE users SET kind = role; ALTER TABLE users DROP COLUMN role;',
    "ALTER TABLE users ADD COLUMN role text DEFAULT 'user'; ALTER TABLE users DROP COLUMN kind;",
  );
  const version = Object.keys(renamed)[0]?.slice(0, 14) ?? '';

  it('checks with rows of db/probe that up, down, up keep them', async () => {
    const probe = { [`db/probe/${version}.sql`]: "INSERT INTO users (id, role) VALUES (1, 'admin');\n" };
    const { result, findings } = await verify({ ...users, ...renamed, ...probe });
    expectExit(result, 9);
    const rows = findings.filter(({ rule }) => rule === 'probe-rows');
    expect(rows.map(({ message }) => message)).to.include(
      'rows of public.users are not the same after up and down',
    );
  });

  it('finds nothing where the rows are kept, and leaves none of them for the next migration', async () => {
    const { result, findings } = await verify({
      ...users,
      ...pair(2, 'age', 'ALTER TABLE users ADD COLUMN age int;', 'ALTER TABLE users DROP COLUMN age;'),
      ...pair(
        3,
        'unique',
        'ALTER TABLE users ADD CONSTRAINT none CHECK (id < 0);',
        'ALTER TABLE users DROP CONSTRAINT none;',
      ),
      [`db/probe/${version}.sql`]: 'INSERT INTO users (id) VALUES (1);\n',
    });
    expectExit(result, 0);
    expect(shown(findings)).to.deep.equal([]);
  });

  it('says where rows of db/probe do not fit, or belong to no migration', async () => {
    const { findings } = await verify({
      ...users,
      ...renamed,
      [`db/probe/${version}.sql`]: 'INSERT INTO nowhere VALUES (1);\n',
    });
    expect(findings.find(({ rule }) => rule === 'probe-fails')).to.include({
      file: `db/probe/${version}.sql`,
      line: 1,
    });
    const env = (await createDatabase()).env();
    const repo = await project({ ...users, 'db/probe/20990101000000.sql': 'SELECT 1;\n' });
    const result = await repo.run(['verify'], { env });
    expectExit(result, 2);
    expect(result.stderr).to.include('db/probe/20990101000000.sql belongs to no migration');
  });

  it('annotates the files under GitHub Actions', async () => {
    const env = (await createDatabase()).env();
    const repo = await project(pair(1, 'bad', 'CREATE TABLE a (id int);', 'SELECT 1;'));
    const result = await repo.run(['verify'], { env: { ...env, GITHUB_ACTIONS: 'true' } });
    expect(result.stdout).to.match(
      /^::error file=db\/migrations\/\d{14}_bad\.down\.sql,line=1,col=1,title=inexact-down::/m,
    );
  });

  it('never touches the target', async () => {
    const database = await createDatabase();
    const repo = await project(users);
    const { DATABASE_URL: _, ...env } = database.env();
    expectExit(await repo.run(['verify'], { env }), 0);
    expect(
      await database.query(`SELECT to_regclass('users') AS t, to_regclass('migration_ledger.entries') AS l`),
    ).to.deep.equal([{ t: null, l: null }]);
  });
});

describe('verify: rows, rights and views', () => {
  const account = pair(
    1,
    'account',
    'CREATE TABLE account (id bigint PRIMARY KEY, status text);',
    'DROP TABLE account;',
  );
  const version = (files: Record<string, string>) => /\d{14}/.exec(Object.keys(files)[0] ?? '')?.[0] ?? '';
  const rows = (files: Record<string, string>) => ({
    [`db/probe/${version(files)}.sql`]: "INSERT INTO account VALUES (1, 'x'), (2, 'x');",
  });

  it('uses the rows of a migration that runs without a transaction, and leaves nothing of them', async () => {
    const unique = pair(
      2,
      'unique',
      '-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY au ON account (status);',
      'DROP INDEX au; DELETE FROM account;',
    );
    const failing = await verify({ ...account, ...unique, ...rows(unique) });
    expectExit(failing.result, 9);
    expect(shown(failing.findings).join()).to.include('error up-fails: with the rows of db/probe/');
    const plain = pair(
      2,
      'plain',
      '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY au ON account (status);',
      'DROP INDEX au; DELETE FROM account;',
    );
    const losing = await verify({ ...account, ...plain, ...rows(plain) });
    expect(shown(losing.findings)).to.deep.equal([
      'error probe-rows: rows of public.account are not the same after up and down',
    ]);
  });

  it('reads rows that policies would hide or ask settings for, and checks late what is checked late', async () => {
    const forced = pair(
      1,
      'forced',
      `CREATE TABLE house (id int PRIMARY KEY);
CREATE TABLE account (id bigint PRIMARY KEY, house int REFERENCES house DEFERRABLE INITIALLY DEFERRED, status text);
ALTER TABLE account ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON account USING (house = current_setting('app.house')::int);`,
      'DROP TABLE account, house;',
    );
    const losing = pair(
      2,
      'losing',
      'ALTER TABLE account DROP COLUMN status;',
      'ALTER TABLE account ADD COLUMN status text;',
    );
    const probe = (sql: string) => ({ [`db/probe/${version(losing)}.sql`]: sql });
    const insert = "INSERT INTO account VALUES (1, 1, 'x');";
    const lost = await verify({ ...forced, ...losing, ...probe(`${insert} INSERT INTO house VALUES (1);`) });
    expect(shown(lost.findings).join()).to.include(
      'error probe-rows: rows of public.account are not the same',
    );
    const late = await verify({ ...forced, ...losing, ...probe(insert) });
    expect(shown(late.findings).join()).to.match(/error probe-fails: at COMMIT: .*foreign key/);
  });

  it('takes a default that is random, a clock or a number for what it is', async () => {
    const columns = pair(
      2,
      'columns',
      `ALTER TABLE account ADD COLUMN uid uuid DEFAULT gen_random_uuid(), ADD COLUMN at timestamptz DEFAULT clock_timestamp(), ADD COLUMN no bigserial;
       ALTER TABLE account ADD COLUMN dice int; UPDATE account SET dice = 1000000 * random();`,
      'ALTER TABLE account DROP COLUMN uid, DROP COLUMN at, DROP COLUMN no, DROP COLUMN dice;',
    );
    const { findings } = await verify({ ...account, ...columns, ...rows(columns) });
    expect(shown(findings)).to.deep.equal([]);
  });

  it('is content with a reason for rows that do not come back', async () => {
    const lossy = pair(
      2,
      'lossy',
      'DELETE FROM account;',
      '-- migrate: allow probe-rows they are kept elsewhere\nSELECT 1;',
    );
    const { result, findings } = await verify({ ...account, ...lossy, ...rows(lossy) });
    expectExit(result, 0);
    expect(shown(findings)).to.deep.equal([
      'info probe-rows: rows of public.account are not the same after up and down (allowed: they are kept elsewhere)',
    ]);
  });

  it('compares grants and owners where the configuration includes them', async () => {
    const files = {
      ...account,
      ...pair(2, 'grant', 'GRANT SELECT ON account TO PUBLIC;', 'REVOKE SELECT ON account FROM PUBLIC;'),
      ...pair(3, 'revoke', 'REVOKE SELECT ON account FROM PUBLIC;', 'SELECT 1;'),
    };
    expectExit((await verify(files)).result, 0);
    const { result, findings } = await verify({
      ...files,
      'db/config.json': JSON.stringify({ drift: { include: ['grants', 'owners'] } }),
    });
    expectExit(result, 9);
    expect(shown(findings)).to.have.length(1);
    expect(shown(findings)[0]).to.match(/^error inexact-down: .*account/);
  });

  it('finds a materialized view that the down leaves without data', async () => {
    const view = pair(
      2,
      'view',
      'CREATE MATERIALIZED VIEW mv AS SELECT id FROM account;',
      'DROP MATERIALIZED VIEW mv;',
    );
    const drop = (end: string) =>
      pair(
        3,
        'drop',
        'DROP MATERIALIZED VIEW mv;',
        `CREATE MATERIALIZED VIEW mv AS SELECT id FROM account ${end};`,
      );
    expectExit((await verify({ ...account, ...view, ...drop('') })).result, 0);
    const { findings } = await verify({ ...account, ...view, ...drop('WITH NO DATA') });
    expect(shown(findings)).to.deep.equal([
      'error inexact-down: after `down` materialized view public.mv holds no data: every query of it fails',
    ]);
  });
});
