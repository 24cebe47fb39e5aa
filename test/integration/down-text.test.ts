// Which text a down runs, and that the advice after a failure leads out of it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

const files = pair(1, 'orders', 'CREATE TABLE orders (id int);', 'DROP TABLE orders;');
const mended = 'DROP VIEW totals;\nDROP TABLE orders;\n';
const file = '20250101000001_orders.down.sql';

/** Applied, with a view on the table that its down does not know. */
async function scene() {
  const database = await createDatabase();
  const tool = await project(files);
  const run = async (code: number, ...args: string[]) => {
    const result = await tool.run(args, { env: database.env() });
    expectExit(result, code);
    return result.all;
  };
  await run(0, 'up');
  await database.query('CREATE VIEW totals AS SELECT count(*) FROM orders');
  await run(0, 'drift', '--accept', '--reason', 'the view');
  return { database, tool, run };
}

describe('a down that fails', () => {
  it('says how the mended file is run, and offers it where it differs already', async () => {
    const { tool, run } = await scene();
    const first = await run(3, 'down');
    expect(first).to.include(`Mend db/migrations/${file}, then run make migrate-down from_disk=1`);
    tool.write(file, mended);
    const second = await run(3, 'down');
    expect(second)
      .to.include(`${file} is another one: make migrate-down from_disk=1 runs that`)
      .and.not.to.include('Mend ');
    await run(0, 'down', '--from-disk');
  });

  it('from disk says so again', async () => {
    const { run } = await scene();
    expect(await run(3, 'down', '--from-disk')).to.include('make migrate-down from_disk=1 again');
  });

  it('from the ledger alone says that the files are to be put back', async () => {
    const { tool, run } = await scene();
    for (const direction of ['up', 'down'])
      rmSync(join(tool.root, 'db', 'migrations', `20250101000001_orders.${direction}.sql`));
    expect(await run(3, 'down'))
      .to.include('Put the pair back')
      .and.to.include('from_disk=1');
  });

  it('is mended and done again by redo, which takes both halves from disk', async () => {
    const { tool, run, database } = await scene();
    expect(await run(3, 'redo')).to.include('then run make migrate-redo again');
    tool.write(file, mended);
    await run(0, 'redo');
    expect(await database.query("SELECT FROM pg_class WHERE relname = 'totals'")).to.deep.equal([]);
    const kept = await database.query(
      'SELECT down_sql FROM migration_ledger.applied JOIN migration_ledger.entries USING (seq)',
    );
    expect(kept).to.deep.equal([{ down_sql: mended }]);
  });

  it('in a redo says where the ledger keeps another text, which may be the one that fits', async () => {
    const { tool, run } = await scene();
    tool.write(file, 'DROP TABLE order;\n');
    expect(await run(3, 'redo')).to.match(/syntax error/);
    tool.write(file, 'DROP TABLE no_such_table;\n');
    expect(await run(3, 'redo')).to.include('make migrate-down runs that, then make migrate-up');
  });

  it('half-way in a batch says how the mended file goes on', async () => {
    const database = await createDatabase();
    const batch = (divisor: string) =>
      `-- migrate: batch work by id rows=2\nUPDATE work SET n = n + 10 / ${divisor} WHERE id BETWEEN $1 AND $2;`;
    const tool = await project(
      pair(
        1,
        'work',
        'CREATE TABLE work AS SELECT i AS id, 0 AS n FROM generate_series(1, 9) i; ALTER TABLE work ADD PRIMARY KEY (id);',
        batch('(9 - id)'),
      ),
    );
    const run = async (args: readonly string[]) => runInProcess(tool.root, database.env(), args);
    expect((await run(['up'])).exitCode).to.equal(0);
    const { said } = await run(['down']);
    expect(said).to.include(
      'change db/migrations/20250101000001_work.down.sql, then make migrate-down from_disk=1',
    );
    tool.write('20250101000001_work.down.sql', batch('10'));
    expect((await run(['down'])).said)
      .to.match(/make migrate-down from_disk=1 goes on with the file behind id \d\. /)
      .and.not.to.include('Mend ');
    expect((await run(['down', '--from-disk'])).exitCode).to.equal(0);
    expect(await database.query('SELECT FROM work WHERE n = 0')).to.deep.equal([]);
  });
});
