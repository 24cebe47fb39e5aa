// Other sessions create and drop objects while the schema is read: it is read again, and no migration is lost for it.
import { expect } from 'chai';
import type pg from 'pg';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';
import { recorded } from '../support/runs.ts';

/** Tables, views, indexes and functions that come and go without a pause, until stopped. */
async function storm(database: TestDatabase, sessions: number): Promise<() => Promise<void>> {
  let over = false;
  const blow = async (client: pg.Client, n: number) => {
    for (let i = 0; !over; i += 1) {
      const name = `job_${n}_${i % 5}`;
      await client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v text DEFAULT 'x' CHECK (v <> ''))`);
      await client.query(`CREATE INDEX ON ${name} (v); CREATE VIEW ${name}_v AS SELECT id, v FROM ${name}`);
      await client.query(`DROP TABLE ${name} CASCADE`);
    }
  };
  const clients = await Promise.all(Array.from({ length: sessions }, () => database.client()));
  const blowing = clients.map(blow);
  return async () => {
    over = true;
    await Promise.all(blowing);
  };
}

const ignoreJobs = JSON.stringify({ drift: { ignore: [{ class: '*', name: 'public.job_*' }] } });

describe('A schema that moves while it is read', () => {
  it('stops no command, loses no migration, and is no drift where jobs are left out', async () => {
    const database = await createDatabase();
    await database.query(
      "DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE still_%s (id int PRIMARY KEY, v text); CREATE VIEW still_v_%s AS SELECT * FROM still_%s', i, i, i); END LOOP; END $$",
    );
    const repo = await project({ ...tables('one', 'two', 'three', 'four'), 'db/config.json': ignoreJobs });
    const calm = await storm(database, 2);
    const { env } = { env: database.env() };
    try {
      for (const version of [1, 2, 3, 4]) {
        expectExit(await repo.run(['up', '--to', versionOf(version)], { env }), 0);
        const status = await repo.run(['status', '--json'], { env });
        expectExit(status, 0);
        expect(status.json().drift.differences).to.deep.equal([]);
      }
      expectExit(await repo.run(['drift'], { env }), 0);
      expectExit(await repo.run(['down', '--n', '2'], { env }), 0);
    } finally {
      await calm();
    }
    expect((await recorded(database)).tracked).to.have.length(2);
    const after = await repo.run(['status', '--json'], { env });
    expectExit(after, 0);
  });

  it('is told as drift or not, never as an error, where the jobs’ tables are compared too', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const { env } = { env: database.env() };
    expectExit(await repo.run(['up', '--n', '1'], { env }), 0);
    const calm = await storm(database, 3);
    try {
      for (let i = 0; i < 4; i += 1) {
        const status = await repo.run(['status', '--json'], { env });
        expect(status.exitCode, status.all).to.be.oneOf([0, 5]);
      }
    } finally {
      await calm();
    }
    expectExit(await repo.run(['up'], { env }), 0);
  });

  it('does not roll the migration back that stores what the schema is', async () => {
    for (let i = 0; i < 2; i += 1) {
      const database = await createDatabase();
      const calm = await storm(database, 2);
      try {
        expectExit(await (await project(tables('one', 'two'))).run(['up'], { env: database.env() }), 0);
      } finally {
        await calm();
      }
      expect((await recorded(database)).tracked).to.have.length(2);
    }
  });

  it('is given up on without losing the migration where nothing ever stands still', async () => {
    const database = await createDatabase();
    // What reading a definition finds gone each time: a view on a table that another session has dropped meanwhile.
    await database.query(`CREATE TABLE t (id int); CREATE VIEW broken AS SELECT id FROM t`);
    const repo = await project(tables('one'));
    const { env } = { env: database.env() };
    await database.query(
      "DELETE FROM pg_depend WHERE refobjid = 't'::regclass; UPDATE pg_class SET relname = relname WHERE oid = 't'::regclass",
    );
    await database.query('DROP TABLE t');
    expectExit(await repo.run(['up'], { env }), 0);
    expect((await recorded(database)).tracked).to.have.length(1);
  });
});
