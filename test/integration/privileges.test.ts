// Roles that may not do everything: refused by name before anything is changed, or enough.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { plainRole } from '../support/roles.ts';
import { recorded } from '../support/runs.ts';

const files = pair(
  1,
  'one',
  'CREATE SCHEMA IF NOT EXISTS own; CREATE TABLE own.one (id int);',
  'DROP TABLE own.one;',
);

const nothingThere = (database: TestDatabase) =>
  database.query(
    "SELECT to_regclass('public.pgmigrations') AS tracking, to_regnamespace('migration_ledger') AS ledger",
  );

describe('privileges', () => {
  it('that a first run lacks are all named, with the GRANT for each, and nothing is changed', async () => {
    const tool = await project(files);
    const database = await createDatabase();
    const role = await plainRole(database);
    const result = await tool.run(['up'], { env: role.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include(`GRANT CREATE ON DATABASE "${database.name}" TO "${role.name}"`);
    expect(result.stderr).to.include(`GRANT CREATE ON SCHEMA "public" TO "${role.name}"`);
    expect(result.stderr).to.include('Nothing was changed');
    expect(await nothingThere(database)).to.deep.equal([{ tracking: null, ledger: null }]);
  });

  it('named there are enough, for a role that owns nothing and is no superuser', async () => {
    const tool = await project(files);
    const database = await createDatabase();
    const role = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${role.name}`,
    );
    expectExit(await tool.run(['up'], { env: role.env() }), 0);
    expectExit(await tool.run(['redo'], { env: role.env() }), 0);
    expectExit(await tool.run(['down'], { env: role.env() }), 0);
  });

  for (const [what, grants, missing] of [
    ['reading the ledger', 'USAGE ON SCHEMA public', /migration_ledger/],
    [
      'writing the tracking table',
      'USAGE ON SCHEMA migration_ledger; GRANT SELECT ON public.pgmigrations; GRANT ALL ON ALL TABLES IN SCHEMA migration_ledger; GRANT ALL ON ALL SEQUENCES IN SCHEMA migration_ledger; GRANT CREATE ON DATABASE %',
      /INSERT, DELETE ON "public"\."pgmigrations"/,
    ],
    [
      'writing the ledger',
      'USAGE ON SCHEMA migration_ledger; GRANT ALL ON public.pgmigrations; GRANT ALL ON public.pgmigrations_id_seq; GRANT SELECT ON ALL TABLES IN SCHEMA migration_ledger; GRANT CREATE ON DATABASE %',
      /INSERT.* migration_ledger\.entries/,
    ],
  ] as const) {
    it(`missing for ${what} are named before a migration runs`, async () => {
      const tool = await project(pair(1, 'one', 'CREATE SCHEMA IF NOT EXISTS own;'));
      const database = await createDatabase();
      expectExit(await tool.run(['up'], { env: database.env() }), 0);
      const role = await plainRole(database);
      for (const grant of grants.replace('%', database.name).split('; '))
        await database.query(`${grant.startsWith('GRANT') ? grant : `GRANT ${grant}`} TO ${role.name}`);
      const second = pair(2, 'two', '-- migrate: no-transaction\nCREATE SCHEMA two;');
      for (const [name, text] of Object.entries(second)) tool.write(name, text);
      const result = await tool.run(['up'], { env: role.env() });
      expectExit(result, 7);
      expect(result.stderr).to.match(missing);
      expect(await database.query("SELECT to_regnamespace('two') AS two")).to.deep.equal([{ two: null }]);
      expect((await recorded(database)).tracked).to.have.length(1);
    });
  }

  it('that a migration itself lacks end it with exit 3, at its place in the file', async () => {
    const tool = await project(pair(1, 'one', 'SELECT 1;\nCREATE ROLE somebody_else;'));
    const database = await createDatabase();
    const role = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${role.name}`,
    );
    const result = await tool.run(['up'], { env: role.env() });
    expectExit(result, 3);
    expect(result.stderr).to.include('_one.up.sql:2').and.to.include('42501');
  });

  it('come from the role that ALTER ROLE … SET role gives, and what it makes belongs to that role', async () => {
    const tool = await project(files);
    const database = await createDatabase();
    const owner = await plainRole(database);
    const login = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${owner.name}; GRANT CREATE ON SCHEMA public TO ${owner.name}; GRANT ${owner.name} TO ${login.name}; ALTER ROLE ${login.name} SET role = ${owner.name}`,
    );
    expectExit(await tool.run(['up'], { env: login.env() }), 0);
    const owners = await database.query(
      "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE oid IN ('own.one'::regclass, 'pgmigrations'::regclass, 'migration_ledger.entries'::regclass)",
    );
    expect(owners).to.deep.equal([{ owner: owner.name }]);
  });
});
