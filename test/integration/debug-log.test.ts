// The debug log: each SQL text that is sent to the target, with its milliseconds, and no secret in it.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';

const secret = 'correct-horse-battery';
const role = `CREATE ROLE debug_log_${process.pid} PASSWORD '${secret}'`;
const files = pair(
  `${versionOf(1)}_role`,
  `CREATE TABLE seen (id int);\n${role};\nDROP ROLE debug_log_${process.pid};\n`,
  'DROP TABLE seen;\n',
);

describe('The debug log', () => {
  for (const [how, args, env] of [
    ['MIGRATE_DEBUG=1', [], { MIGRATE_DEBUG: '1' }],
    ['--verbose given twice', ['--verbose', '--verbose'], {}],
  ] as const) {
    it(`shows each SQL text with its milliseconds for ${how}, without a secret`, async () => {
      const database = await createDatabase();
      const { run } = await project(files);
      const result = await run(['up', ...args], { env: { ...database.env(), ...env } });
      expectExit(result, 0);
      expect(result.stdout).to.match(/ {2}sql \d+\.\d ms: SELECT pg_try_advisory_lock/);
      expect(result.stdout).to.match(
        / {2}sql \d+\.\d ms: BEGIN; SELECT pg_current_xact_id[\s\S]*CREATE TABLE seen/,
      );
      expect(result.stdout).to.include('SELECT migration_ledger.record(');
      expect(result.all).to.not.include(secret);
      expect(result.all).to.not.include(database.env().PGPASSWORD);
    });
  }

  it('shows what is pipelined, and of a text that fails the SQLSTATE', async () => {
    const database = await createDatabase();
    const names = Array.from({ length: 10 }, (_, i) => `t${i + 1}`);
    const broken = pair(`${versionOf(11)}_broken`, 'SELECT 1 / 0;\n', 'SELECT 1;\n');
    const { run } = await project({ ...tables(...names), ...broken });
    const result = await run(['up'], { env: { ...database.env(), MIGRATE_DEBUG: '1' } });
    expectExit(result, 3);
    for (const name of names) expect(result.stdout).to.include(`CREATE TABLE ${name} (id int)`);
    expect(result.stdout).to.match(/ {2}sql \d+\.\d ms, failed \(22012\): BEGIN[\s\S]*SELECT 1 \/ 0/);
  });

  it('is off with one --verbose, and keeps stdout one document with --json', async () => {
    const database = await createDatabase();
    const { run } = await project(tables('one'));
    const quiet = await run(['up', '--verbose'], { env: database.env() });
    expect(quiet.all).to.not.match(/sql \d+\.\d ms/);
    const json = await run(['status', '--json'], { env: { ...database.env(), MIGRATE_DEBUG: '1' } });
    expect(json.json().ok).to.equal(true);
    expect(json.stderr).to.match(/sql \d+\.\d ms/);
  });

  it('is refused where the variable is neither 0 nor 1', async () => {
    const { run } = await project(tables('one'));
    const result = await run(['up'], { env: { MIGRATE_DEBUG: 'yes' } });
    expectExit(result, 2);
    expect(result.stderr).to.include('MIGRATE_DEBUG').and.to.include('a right value is 1');
  });
});
