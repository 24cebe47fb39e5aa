// The audit log: every command that wrote, was refused or failed, and nobody can change it afterwards.
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { audit, tablePair, threePairs, v1, v2 } from '../support/history.ts';
import { plainRole } from '../support/roles.ts';

describe('the audit log', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (args: string[], env: Record<string, string> = {}) =>
    work.run(args, { env: { ...database.env(), ...env } });

  beforeEach(async () => {
    database = await createDatabase();
    work = await project(threePairs);
  });

  it('has who, when, commit, run, host, version, duration and result of what wrote', async () => {
    const ci = {
      MIGRATE_ACTOR: 'ada',
      GITHUB_SHA: 'f00dfacef00dfacef00dfacef00dfacef00dface',
      GITHUB_REPOSITORY: 'shop/api',
      GITHUB_RUN_ID: '42',
    };
    expectExit(await run(['up', '--to', v1], ci), 0);
    const [line] = await audit(database);
    expect(line).to.deep.include({
      command: 'up',
      options: `--to ${v1}`,
      environment: 'development',
      result: 'ok',
      exit_code: 0,
      actor: 'ada',
      db_user: database.user,
      git_sha: ci.GITHUB_SHA,
      run_url: 'https://github.com/shop/api/actions/runs/42',
    });
    expect(line?.message).to.contain('Applied 1 migration');
    expect(line?.host).to.be.a('string').and.not.equal('');
    expect(line?.tool_version).to.match(/^\d+\.\d+\.\d+/);
    expect(line?.duration_ms).to.be.greaterThan(0);
    expect(Date.now() - Number(line?.finished_at)).to.be.lessThan(60_000);
  });

  it('has what was refused and what failed', async () => {
    expectExit(await run(['up', '--to', v1]), 0);
    expectExit(await run(['up'], { MIGRATE_ENV: 'staging' }), 7);
    work.write(`${v2}_orders.up.sql`, 'CREATE TABLE accounts (id int);\n');
    expectExit(await run(['up']), 3);
    work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id int);\n');
    expectExit(await run(['up']), 4);
    const lines = await audit(database);
    expect(lines.map(({ result, exit_code }) => [result, exit_code])).to.deep.equal([
      ['ok', 0],
      ['refused', 7],
      ['migration-failed', 3],
      ['history', 4],
    ]);
    expect(lines[2]?.message).to.contain(`${v2}_orders.up.sql:1`).and.to.contain('42P07');
    expect(lines[3]?.message).to.contain(`modified: ${v1}_accounts`);
  });

  it('has down, redo, baseline and repair', async () => {
    expectExit(await run(['up', '--to', v1]), 0);
    expectExit(await run(['redo']), 0);
    expectExit(await run(['baseline', '--to', v2]), 0);
    expectExit(await run(['repair', '--record', v2, 'pending', '--reason', 'a mistake']), 0);
    expectExit(await run(['down']), 0);
    const lines = await audit(database);
    expect(lines.map(({ command }) => command)).to.deep.equal(['up', 'redo', 'baseline', 'repair', 'down']);
    expect(lines[3]?.options).to.equal(`--record ${v2} pending --reason "a mistake"`);
  });

  it('has what was cut off: a lost connection and an interruption', async () => {
    expectExit(await run(['up', '--to', v1]), 0);
    work.write(`${v2}_orders.up.sql`, 'SELECT pg_terminate_backend(pg_backend_pid());\n');
    expectExit(await run(['up']), 8);
    work.write(`${v2}_orders.up.sql`, 'SELECT pg_sleep(60);\n');
    const running = work.start(['up'], { env: database.env() });
    const sleeping =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() AND datname = current_database() AND state = 'active'";
    while ((await database.query(sleeping)).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    running.kill('SIGINT');
    expectExit(await running.result, 130);
    const results = (await audit(database)).map(({ result, exit_code }) => [result, exit_code]);
    expect(results).to.deep.equal([
      ['ok', 0],
      ['connection', 8],
      ['interrupted', 130],
    ]);
  });

  it('has a refused db-reset', async () => {
    expectExit(await run(['up'], { MIGRATE_ENV: 'staging' }), 0);
    expectExit(await run(['db-reset'], { MIGRATE_ENV: 'test' }), 7);
    expect((await audit(database)).at(-1)).to.include({
      command: 'db-reset',
      result: 'refused',
      environment: 'test',
    });
  });

  it('has nothing of a run with nothing to do, nor of commands that only read', async () => {
    expectExit(await run(['up']), 0);
    for (const args of [['up'], ['status'], ['plan'], ['down', '--dry-run']]) expectExit(await run(args), 0);
    expect(await audit(database)).to.have.length(1);
  });

  it('makes no ledger to write down a refusal', async () => {
    work.write(`${v1}_accounts.up.sql`, 'SELECT 1 FROM nowhere;\n');
    await database.query('CREATE TABLE unrelated (id int)');
    expectExit(await run(['baseline', '--to', '20990101000000']), 2);
    const [row] = await database.query("SELECT to_regnamespace('migration_ledger') AS schema");
    expect(row?.schema).to.equal(null);
  });

  it('refuses UPDATE, DELETE and TRUNCATE, of the owner and a superuser too', async () => {
    expectExit(await run(['up']), 0);
    for (const sql of [
      'UPDATE migration_ledger.audit SET actor = $$nobody$$',
      'DELETE FROM migration_ledger.audit',
      'TRUNCATE migration_ledger.audit',
      'UPDATE migration_ledger.audit SET actor = $$nobody$$ WHERE false',
      'SET session_replication_role = replica; DELETE FROM migration_ledger.audit',
      'MERGE INTO migration_ledger.audit a USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE',
      'INSERT INTO migration_ledger.audit OVERRIDING SYSTEM VALUE SELECT * FROM migration_ledger.audit ON CONFLICT (seq) DO UPDATE SET actor = $$nobody$$',
    ]) {
      const error = await database.query(sql).catch((thrown: Error) => thrown);
      expect(error, sql).to.be.instanceOf(Error);
      expect((error as Error).message).to.contain('append-only');
    }
    expect(await audit(database)).to.have.length(1);
  });

  it('holds against a role that may read and write rows, and, as is written, not against its owner', async () => {
    expectExit(await run(['up']), 0);
    const writer = await plainRole(database);
    await database.query(
      `GRANT USAGE ON SCHEMA migration_ledger TO ${writer.name}; GRANT ALL ON migration_ledger.audit TO ${writer.name}`,
    );
    const attempt = (role: string, sql: string) =>
      database.query(`SET ROLE ${role}; ${sql}; RESET ROLE`).then(
        () => 'done',
        () => 'refused',
      );
    const attacks = [
      'UPDATE migration_ledger.audit SET actor = $$x$$',
      'TRUNCATE migration_ledger.audit',
      'ALTER TABLE migration_ledger.audit DISABLE TRIGGER append_only',
      'ALTER TABLE migration_ledger.audit ALTER actor TYPE text USING $$x$$',
      'ALTER FUNCTION migration_ledger.refuse_change() RENAME TO other',
      'DROP TABLE migration_ledger.audit',
    ];
    for (const sql of attacks) expect(await attempt(writer.name, sql), sql).to.equal('refused');
    expect((await audit(database)).map(({ actor }) => actor)).not.to.include('x');
    const byOwner = 'ALTER TABLE migration_ledger.audit ALTER actor TYPE text USING $$x$$';
    expect(await attempt('NONE', byOwner)).to.equal('done');
  });

  it('keeps secrets out', async () => {
    expectExit(await run(['up', '--to', v1]), 0);
    for (const [name, text] of Object.entries(tablePair('20260101000005', 'roles')))
      work.write(
        name,
        text.replace(
          'CREATE TABLE roles',
          "ALTER ROLE nobody_here PASSWORD 'hunter2hunter2'; CREATE TABLE roles",
        ),
      );
    expectExit(await run(['up']), 3);
    expectExit(
      await run(['repair', '--record', v1, 'pending', '--reason', `because of ${database.password}`]),
      0,
    );
    const text = JSON.stringify(await audit(database));
    expect(text).to.not.contain('hunter2hunter2');
    if (database.password.length >= 4) expect(text).to.not.contain(`because of ${database.password}`);
  });

  it('is shown by status --log, newest first, and whole with --json', async () => {
    expectExit(await run(['up', '--to', v1]), 0);
    expectExit(await run(['up', '--to', v2]), 0);
    expectExit(await run(['down']), 0);
    const newest = await run(['status', '--log', '2']);
    expectExit(newest, 0);
    expect(newest.stdout.match(/ by /g)).to.have.length(2);
    expect(newest.stdout.indexOf('down')).to.be.lessThan(newest.stdout.indexOf(`up --to ${v2}`));
    const whole = await run(['status', '--log', '--json']);
    expect(whole.json().log.map(({ command }: { command: string }) => command)).to.deep.equal([
      'down',
      'up',
      'up',
    ]);
    expect(whole.json().log[0]).to.include({ result: 'ok', exitCode: 0 });
    expectExit(await run(['status', '--log', '0']), 2);
  });
});
