// Many databases, one set of files: each is a whole run of its own, and one's failure touches no other.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tables } from '../support/migrations.ts';
import { running as runningIn, sessionsGone } from '../support/runs.ts';

interface Document {
  readonly begun: boolean;
  readonly exitCode: number | null;
}

/** So many databases, and the list that names them t1, t2 … */
async function fleet(count: number, files = tables('one', 'two')) {
  const tool = await project(files);
  const databases: TestDatabase[] = [];
  for (let i = 0; i < count; i += 1) databases.push(await createDatabase());
  const [first] = databases as [TestDatabase];
  const { DATABASE_URL: _, ...env } = first.env();
  const list = databases.map((database, i) => `t${i + 1} ${database.env().DATABASE_URL}`).join('\n');
  tool.write('db/targets', `# all of them\n${list}\n`);
  const run = (...args: string[]) =>
    tool.run([...args, '--targets', 'db/targets'], { env: { ...env, MIGRATE_ENV: 'test' } });
  return { ...tool, databases, list, env: { ...env, MIGRATE_ENV: 'test' }, run };
}

const applied = async (database: TestDatabase) =>
  (
    await database.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_class WHERE relname IN ('one', 'two') AND relkind = 'r'",
    )
  )[0]!.n;

describe('Many databases', () => {
  it('are migrated each, and again find nothing to do', async () => {
    const { run, write, databases } = await fleet(3);
    const { major } = await databases[0]!
      .query<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major")
      .then(([row]) => row!);
    write('db/config.json', JSON.stringify({ postgres: major === 16 ? 17 : 16 }));
    const first = await run('up', '--verbose');
    expectExit(first, 0);
    expect(first.stdout).to.match(/^ {2}t2: in ms: /m);
    expect(first.stderr.match(/The line to change/g), 'one warning for all').to.have.length(1);
    expect(first.stderr).to.include('the same on 2 more');
    expect(first.stdout).to.match(/t2 +Applied 2 migrations/);
    expect(first.stdout).to.include('3 databases: 3 fine, 0 failed, 0 not begun');
    expect(await Promise.all(databases.map(applied))).to.deep.equal([2, 2, 2]);
    expect((await run('up')).stdout).to.match(/t3 +Already up to date/);
    const status = (await run('status', '--json')).json();
    expect(
      status.targets.map(({ name, ok }: { name: string; ok: boolean }) => `${name} ${ok}`),
    ).to.deep.equal(['t1 true', 't2 true', 't3 true']);
    expect(status.targets[0].migrations).to.have.length(2);
    for (const command of ['plan', 'drift']) expectExit(await run(command), 0);
    for (const database of databases)
      await database.query("UPDATE migration_ledger.snapshot SET method = 'x'");
    const updated = await run('up');
    expectExit(updated, 0);
    expect(updated.stderr).to.match(
      /t\d: Drift unknown: another version of this tool took the snapshot; going on/,
    );
    expect(updated.stderr).to.include('the same on 2 more: Drift unknown');
  });

  it('go on where one fails, as long as no more fail than allowed; the next run does what is left', async () => {
    const { run, databases } = await fleet(5);
    await databases[2]!.query('CREATE TABLE two (mine int)');
    const failed = await run('up', '--max-failures', '5', '--parallel', '2');
    expectExit(failed, 3);
    expect(failed.stdout).to.match(
      /t3 +exit 3 +relation "two" already exists \[42P07\] \(db\/migrations\/.*two\.up\.sql:1\)/,
    );
    expect(failed.stdout).to.match(
      /^t3:\nERROR db\/migrations\/\S+:1:1, statement 1 of 1\n[\s\S]*\| \^\n[\s\S]*\nState: .*rolled back.*\nNext: /m,
    );
    expect(failed.stdout).to.include('DATABASE_URL=<its URL in the list>');
    expect((await run('up', '--quiet')).stderr).to.match(/^warning t3: relation "two" already exists/m);
    expect(await Promise.all(databases.map(applied))).to.deep.equal([2, 2, 2, 2, 2]);
    await databases[2]!.query('DROP TABLE two');
    const second = await run('up', '--json');
    const state = second.json().targets.map(({ ok }: { ok: boolean }) => ok);
    expect(state.filter((ok: boolean) => ok)).to.have.length.of.at.least(4);
  });

  it('are judged one by one: a file that is applied as it is on one of them is refused on the others', async () => {
    const { run, write, databases, env, ...tool } = await fleet(2, {
      ...tables('one'),
      '20250101000002_two.up.sql': 'BEGIN;\nCREATE TABLE two (id int);\nCOMMIT;\n',
      '20250101000002_two.down.sql': 'DROP TABLE two;\n',
    });
    const adopted = { ...env, DATABASE_URL: databases[0]!.env().DATABASE_URL! };
    expectExit(await tool.start(['baseline', '--to', '20250101000002'], { env: adopted }).result, 0);
    const [first = '', second = ''] = databases.map((each, i) => `t${i + 1} ${each.env().DATABASE_URL}`);
    for (const list of [`${first}\n${second}`, `${second}\n${first}`]) {
      write('db/targets', list);
      const result = await run('up', '--canary', '0', '--max-failures', '9', '--parallel', '1');
      expectExit(result, 2);
      expect(result.stdout).to.include('2 databases: 1 fine, 1 failed').and.include('t1  Already up to date');
      expect(result.stdout).to.match(/^t2:\n[\s\S]*two\.up\.sql:1: BEGIN: transactions are opened/m);
      expect(result.stderr).to.match(/^warning t1: .*:1: BEGIN.*a warning only/m);
    }
    expect(await applied(databases[1]!)).to.equal(0);
  });

  it('wait for the canary: where that fails, nothing else is begun', async () => {
    const { run, databases } = await fleet(3);
    await databases[0]!.query('CREATE TABLE two (mine int)');
    const result = await run('up', '--json');
    expectExit(result, 3);
    expect((await run('up')).stdout).to.include('Not begun (--canary 1: the first must succeed): t2, t3');
    expect(result.json().targets.map(({ begun }: { begun: boolean }) => begun)).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect(await applied(databases[1]!)).to.equal(0);
  });

  it('may be listed on standard input, or by a query on a catalog database', async () => {
    const { databases, list, env, ...tool } = await fleet(2);
    expectExit(await tool.start(['up', '--targets', '-'], { env, input: list }).result, 0);
    const catalog = await createDatabase();
    await catalog.query('CREATE TABLE tenants (name text, url text)');
    for (const [i, database] of databases.entries())
      await catalog.query('INSERT INTO tenants VALUES ($1, $2)', [`t${i}`, database.env().DATABASE_URL]);
    const query = 'SELECT name, url FROM tenants ORDER BY 1';
    const ask = (sql: string, ...args: string[]) =>
      tool.start(['status', '--targets-query', sql, ...args], {
        env: { ...env, DATABASE_URL: catalog.env().DATABASE_URL! },
      }).result;
    const asked = await ask(query, '--json');
    expectExit(asked, 0);
    expect(asked.json().targets).to.have.length(2);
    const two = await ask(`SET default_transaction_read_only = off; ${query}`);
    expectExit(two, 2);
    expect(two.stderr).to.include('--targets-query does not run').and.include('multiple commands');
    await databases[1]!.query('CREATE TABLE by_hand (id int)');
    const drifted = await ask(query);
    expectExit(drifted, 5);
    expect(drifted.stdout).to.match(/t1 +exit 5 +Drift: 1 object .*; \d+ migrations? applied, 0 pending/);
  });

  it('are refused before anything connects where the list is wrong: all mistakes at once', async () => {
    const { run, write, root } = await fleet(1);
    write(
      'db/targets',
      'a postgres://x@127.0.0.1:1/x\na postgres://x@127.0.0.1:1/y\nb postgres://x:secret@127.0.0.1:1/x\nc mysql://x/x\nd\n',
    );
    const result = await run('up');
    expectExit(result, 2);
    for (const told of [
      'targets:2: the name a stands in line 1',
      'targets:3: the URL holds a password',
      'targets:4',
      'targets:5',
    ])
      expect(result.stderr).to.include(told);
    expect(result.all).not.to.include('secret');
    expectExit(await run('up', '--parallel', '0'), 2);
    writeFileSync(join(root, 'db/targets'), Buffer.from('a postgres://x@127.0.0.1:1/x', 'utf16le'));
    expect((await run('up')).stderr).to.include('db/targets:1 is UTF-16 (little-endian): save it as UTF-8');
    write('db/targets', 'a postgres://x@127.0.0.1:1/x?port=none\nb postgres://x@127.0.0.1:1/x?pool=1\n');
    const wrong = await run('up');
    expectExit(wrong, 2);
    expect(wrong.stderr)
      .to.include('a: its URL: "none" is no port')
      .and.include('b: its URL: the parameter "pool"');
    write('db/targets', 'a postgres://x@127.0.0.1:1/x');
    write('misnamed.sql', 'SELECT 1;');
    const misnamed = await run('up');
    expectExit(misnamed, 2);
    expect(misnamed.stderr)
      .to.match(/^ERROR db\/migrations\/misnamed\.sql/)
      .and.include('was not touched');
  });

  it('are refused where two names are one database, and where an option is for one database', async () => {
    const { run, write, databases, env } = await fleet(1);
    const url = databases[0]!.env().DATABASE_URL ?? '';
    write('db/targets', `a ${url}\nb ${url.replace('127.0.0.1', 'LOCALHOST')}\nc ${url}x?sslmode=often\n`);
    const result = await run('up');
    expectExit(result, 2);
    expect(result.stderr).to.include('b: is the same database as a').and.to.include('c: ');
    write('db/targets', `a ${url}`);
    for (const [command, option] of [
      ['plan', '--out'],
      ['up', '--plan'],
      ['drift', '--write'],
      ['plan', '--markdown'],
      ['status', '--log'],
    ] as const) {
      const refused = await run(command, option, ...(option === '--markdown' ? [] : ['9']));
      expectExit(refused, 2);
      expect(refused.stderr).to.include(option).and.to.include('one database');
    }
    expect(env).not.to.have.property('DATABASE_URL');
  });

  it('are offered no login of a .env file, which is meant for another server', async () => {
    const { run, write, databases, env } = await fleet(1);
    const url = new URL(databases[0]!.env().DATABASE_URL ?? '');
    url.username = '';
    write('db/targets', `a ${url.href}`);
    write(
      '.env',
      'DATABASE_URL=postgres://dotenv@127.0.0.1:1/x\nPGUSER=from_dotenv\nPGPASSWORD=from_dotenv\n',
    );
    const result = await run('status', '--verbose');
    expect(result.all).not.to.include('from_dotenv');
    expect(env).not.to.have.property('PGUSER');
  });

  it('are none of which is reached where one is bound to another environment', async () => {
    const { run, write, databases } = await fleet(2);
    write(
      'db/config.json',
      JSON.stringify({ environments: { production: { database: databases[1]!.name } } }),
    );
    const result = await run('up');
    expectExit(result, 7);
    expect(result.stderr).to.include('t2:');
    expect(await Promise.all(databases.map(applied))).to.deep.equal([0, 0]);
  });

  const waiting = {
    ...tables('one'),
    '20250101000002_wait.up.sql': 'CREATE TABLE two (id int); SELECT pg_advisory_lock(4711);\n',
    '20250101000002_wait.down.sql': 'SELECT 1;\n',
  };
  const signals = [
    ['SIGINT', 130, 1],
    ['SIGTERM', 143, 1],
    ['SIGINT', 130, 2],
  ] as const;
  for (const [signal, code, times] of signals)
    it(`end with ${times === 2 ? 'a second' : 'a'} ${signal}: none is begun after it, those under way roll back`, async () => {
      const { databases, env, run, ...tool } = await fleet(4, waiting);
      const holders = await Promise.all(databases.map((database) => database.client()));
      for (const holder of holders) await holder.query('SELECT pg_advisory_lock(4711)');
      const list = ['--targets', 'db/targets', '--parallel', '2', '--canary', '0', '--json'];
      const running = tool.start(['up', ...list], { env });
      for (const database of databases.slice(0, 2)) await runningIn(database, 'pg_advisory_lock');
      running.kill(signal);
      if (times === 2) running.kill(signal);
      const result = await running.result;
      expectExit(result, code);
      if (times === 1)
        expect(result.json().targets.map(({ begun, exitCode }: Document) => [begun, exitCode])).to.deep.equal(
          [
            [true, code],
            [true, code],
            [false, null],
            [false, null],
          ],
        );
      for (const database of databases.slice(0, 2)) await sessionsGone(database);
      expect(await Promise.all(databases.map(applied))).to.deep.equal([1, 1, 0, 0]);
      for (const holder of holders) await holder.query('SELECT pg_advisory_unlock(4711)');
      expectExit(await run('up'), 0);
      expect(await Promise.all(databases.map(applied))).to.deep.equal([2, 2, 2, 2]);
    });

  it('leave what is after-deploy until it is asked for, and say on which it waits', async () => {
    const { run, databases } = await fleet(2, {
      ...tables('one', 'two'),
      '20250101000003_drop.up.sql': '-- migrate: after-deploy\nDROP TABLE two;\n',
      '20250101000003_drop.down.sql': 'CREATE TABLE two (id int);\n',
      '20250101000004_late.up.sql': 'CREATE TABLE two (id int);\n',
      '20250101000004_late.down.sql': 'DROP TABLE two;\n',
    });
    const first = await run('up');
    expectExit(first, 10);
    expect(first.stdout).to.include('2 databases: 0 fine, 2 pending, 0 failed');
    expect(await Promise.all(databases.map(applied))).to.deep.equal([2, 2]);
    expectExit(await run('up', '--after-deploy'), 0);
    expectExit(await run('status', '--check'), 0);
  });

  it('have a password each, of which none is shown, also where the server repeats it', async () => {
    const { write, root, databases, ...tool } = await fleet(2, {
      ...tables('one'),
      '20250101000002_told.up.sql': 'INSERT INTO told SELECT secret FROM told;\n',
      '20250101000002_told.down.sql': 'SELECT 1;\n',
    });
    const passwords = ['first-tenant-0123', 'second-tenant-4567'];
    const [host, port] = [databases[0]?.host, databases[0]?.port];
    for (const [i, { name, query }] of databases.entries()) {
      await query(`CREATE ROLE ${name} LOGIN PASSWORD '${passwords[i]}'`);
      await query(`GRANT ALL ON DATABASE ${name} TO ${name}; GRANT ALL ON SCHEMA public TO ${name};
CREATE TABLE told (secret text UNIQUE); GRANT ALL ON told TO ${name}; INSERT INTO told VALUES ('${passwords[i]}')`);
      cleanUpAfterTest(async () => {
        await query(`DROP OWNED BY ${name}`);
        await query(`DROP ROLE ${name}`);
      });
    }
    write(
      'db/targets',
      databases.map(({ name }) => `${name} postgres://${name}@${host}:${port}/${name}`).join('\n'),
    );
    write(
      './passfile',
      databases.map(({ name }, i) => `${host}:*:${name}:${name}:${passwords[i]}`).join('\n'),
    );
    chmodSync(join(root, 'passfile'), 0o600);
    const env = { PGPASSFILE: join(root, 'passfile'), MIGRATE_ENV: 'test' };
    for (const how of [['--json'], ['--verbose']]) {
      const result = await tool.start(
        ['up', '--targets', 'db/targets', '--canary', '0', '--max-failures', '9', ...how],
        { env },
      ).result;
      expectExit(result, 3);
      expect(result.all).to.include(how[0] === '--json' ? '(***)' : '[23505]');
      for (const password of passwords) expect(result.all).not.to.include(password);
    }
    write('./passfile', `${host}:*:${databases[0]?.name}:*:${passwords[1]}\n`);
    const wrong = await tool.start(
      ['status', '--targets', 'db/targets', '--canary', '0', '--max-failures', '9'],
      { env },
    ).result;
    expectExit(wrong, 8);
    expect(wrong.stdout).to.include('2 failed').and.not.to.include(passwords[1]);
  });
});
