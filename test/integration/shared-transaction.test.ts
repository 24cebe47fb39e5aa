// Steps that share a transaction: what is valid one by one is valid together, constraints that are deferred too.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { recorded } from '../support/runs.ts';

const circle = `CREATE TABLE hens (id int PRIMARY KEY, egg int);
CREATE TABLE eggs (id int PRIMARY KEY, hen int REFERENCES hens DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE hens ADD FOREIGN KEY (egg) REFERENCES eggs DEFERRABLE INITIALLY DEFERRED;
INSERT INTO hens VALUES (1, 1);
INSERT INTO eggs VALUES (1, 1);`;
const apart = 'ALTER TABLE hens DROP COLUMN egg;\nDROP TABLE eggs, hens;';
/** Fires events that are pending, and alters the table then: refused while any is. */
const more = 'INSERT INTO eggs VALUES (2, 2);\nINSERT INTO hens VALUES (2, 2);';

async function scene(files: Record<string, string>) {
  const database = await createDatabase();
  const tool = await project(files);
  return { database, tool, run: (...args: string[]) => tool.run(args, { env: database.env() }) };
}

describe('steps that share a transaction', () => {
  it('begin with every constraint as it is defined: redo of what fills a circle', async () => {
    const { run, database } = await scene(pair(1, 'circle', circle, apart));
    expectExit(await run('up'), 0);
    expectExit(await run('redo'), 0);
    expect(await database.query('SELECT FROM eggs')).to.have.length(1);
  });

  it('are checked one by one, so that the next may alter the table, and a third defer again', async () => {
    const files = {
      ...pair(1, 'circle', circle, apart),
      ...pair(2, 'more', more, 'DELETE FROM eggs WHERE id = 2;'),
      ...pair(3, 'alter', 'ALTER TABLE eggs ADD COLUMN size int;\nALTER TABLE hens ADD COLUMN name text;'),
      ...pair(4, 'again', more.replaceAll('2', '3'), 'DELETE FROM eggs WHERE id = 3;'),
    };
    const apiece = await scene(files);
    expectExit(await apiece.run('up'), 0);
    const together = await scene(files);
    expectExit(await together.run('up', '--single-transaction'), 0);
    expect((await recorded(together.database)).tracked).to.have.length(4);
  });

  it('fail together where one of them breaks a constraint, named by its own file', async () => {
    const { run, database } = await scene({
      ...pair(1, 'circle', circle, apart),
      ...pair(2, 'lonely', 'INSERT INTO eggs VALUES (9, 9);'),
      ...pair(3, 'mother', 'INSERT INTO hens VALUES (9, NULL);'),
    });
    const failed = await run('up', '--single-transaction');
    expectExit(failed, 3);
    expect(failed.all).to.include('_lonely.up.sql');
    expect(await database.query("SELECT FROM pg_class WHERE relname = 'eggs'")).to.deep.equal([]);
  });

  it('are refused where a file sets all constraints, which nothing takes back', async () => {
    const { run } = await scene({
      ...pair(1, 'circle', circle, apart),
      ...pair(2, 'all', `SET CONSTRAINTS ALL DEFERRED;\n${more}`),
      ...pair(3, 'last', 'SET CONSTRAINTS ALL IMMEDIATE;'),
    });
    const refused = await run('up', '--single-transaction');
    expectExit(refused, 7);
    expect(refused.all).to.include('0002_all.up.sql:1:1').and.to.include('Name the constraints');
    expectExit(await run('up'), 0);
  });

  it('have the isolation level that one of them asks for, also where it is not the first', async () => {
    const level = 'SELECT current_setting($$transaction_isolation$$) AS level';
    const files = {
      ...pair(1, 'first', `CREATE TABLE first AS ${level};`, 'DROP TABLE first;'),
      ...pair(
        2,
        'asks',
        `SET TRANSACTION ISOLATION LEVEL repeatable read;\nCREATE TABLE asks AS ${level};`,
        'DROP TABLE asks;',
      ),
    };
    const { run, database, tool } = await scene(files);
    expectExit(await run('up', '--single-transaction'), 0);
    expectExit(await run('redo'), 0);
    expect(await database.query('SELECT level FROM asks')).to.deep.equal([{ level: 'repeatable read' }]);
    for (const [name, text] of Object.entries(
      pair(
        2,
        'asks',
        files[Object.keys(files)[2] ?? ''] ?? '',
        'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; DROP TABLE asks;',
      ),
    ))
      tool.write(name, text);
    const refused = await run('redo');
    expectExit(refused, 7);
    expect(refused.all).to.include('a transaction has one level');
  });
});
