// After a run that was cut off nobody can tell from the snapshot whose change is whose: what the files build can.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { sessionsGone, toolSessions, until } from '../support/runs.ts';

const halt = 'SELECT FROM pg_advisory_xact_lock(4711);';

/** A run killed between its second and its third migration, or in the middle of a file without a transaction. */
async function scene(environment: string, scratch: boolean, outside = false) {
  const database = await createDatabase();
  const tool = await project(pair(1, 'first', 'CREATE TABLE first (id int);'));
  const env = {
    ...database.env(),
    MIGRATE_ENV: environment,
    ...(scratch ? {} : { SHADOW_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' }),
  };
  const run = async (code: number, ...args: string[]) => {
    const result = await tool.run(args, { env });
    expectExit(result, code);
    return result.all;
  };
  await run(0, 'up');
  const files = outside
    ? pair(2, 'second', `-- migrate: no-transaction\nCREATE TABLE second (id int);\n${halt}`)
    : { ...pair(2, 'second', 'CREATE TABLE second (id int);'), ...pair(3, 'third', halt) };
  for (const [name, text] of Object.entries(files)) tool.write(name, text);
  const holder = await database.client();
  await holder.query('SELECT pg_advisory_lock(4711)');
  const running = tool.start(['up'], { env });
  const atHalt = async () => (await toolSessions(database)).find((one) => one.wait_event_type === 'Lock');
  const { pid } = await until('the run to stand still', atHalt);
  running.kill('SIGKILL');
  await running.result;
  await holder.query('SELECT pg_terminate_backend($1)', [pid]);
  await sessionsGone(database);
  await holder.query('SELECT pg_advisory_unlock(4711)');
  return { database, run };
}

describe('after a run that was cut off', () => {
  for (const outside of [false, true]) {
    const where = outside ? 'in the middle of a file without a transaction' : 'between two migrations';
    it(`${where}, what the migrations build settles the verdict, in production too`, async () => {
      const { run } = await scene('production', true, outside);
      const said = await run(0, 'up');
      expect(said).to.include('Drift: none').and.to.include('what the migrations build');
      expect(await run(0, 'status')).to.include('No drift');
    });
  }

  it('a change made by hand meanwhile is named before it is recorded as right', async () => {
    const { run, database } = await scene('development', true);
    await database.query('CREATE TABLE by_hand (id int)');
    const said = await run(0, 'up');
    expect(said).to.include('public.by_hand').and.to.include('recorded as right');
    expect(said).not.to.include('public.second');
  });

  for (const outside of [false, true]) {
    it(`what it had made is missed where somebody took it back, ${outside ? 'of a half-done file' : 'of a whole migration'}`, async () => {
      const { run, database } = await scene('production', true, outside);
      await database.query('DROP TABLE second');
      expect(await run(0, 'status')).to.include('Drift unknown');
      expect(await run(7, 'up'))
        .to.include('public.second')
        .and.not.to.include('public.first');
      await run(0, 'up', '--confirm', 'production');
      expect(await run(0, 'status')).to.include('No drift');
    });
  }

  it('a protected environment asks for --confirm before that', async () => {
    const { run, database } = await scene('production', true);
    await database.query('CREATE TABLE by_hand (id int)');
    const refused = await run(7, 'up');
    expect(refused).to.include('public.by_hand').and.to.include('--confirm production');
    expect(refused).not.to.include('public.second');
    await run(0, 'up', '--confirm', 'production');
    expect(await run(0, 'status')).to.include('No drift');
  });

  it('without a scratch server everything since the last look is named, and asked for', async () => {
    const { run } = await scene('production', false);
    expect(await run(7, 'up'))
      .to.include('public.second')
      .and.to.include('since the last look');
    await run(0, 'up', '--confirm', 'production');
  });
});
