// A database can never be mistaken for another: its stamp, its name in db/config.json and --confirm.
import { expect } from 'chai';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { audit, tables, threePairs, tracked, v1, v2 } from '../support/history.ts';
import { pair } from '../support/migrations.ts';

describe('environments', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (environment: string, ...args: string[]) =>
    work.run(args, { env: { ...database.env(), MIGRATE_ENV: environment } });
  const config = (value: unknown) => work.write('db/config.json', JSON.stringify(value));

  beforeEach(async () => {
    database = await createDatabase();
    work = await project(threePairs);
  });

  const stamp = async () => {
    const [row] = await database.query<{ name: string }>('SELECT name FROM migration_ledger.environment');
    return row?.name;
  };

  it('stamps the database at the first write', async () => {
    expectExit(await run('staging', 'status'), 0);
    expect(await database.query("SELECT to_regnamespace('migration_ledger') AS schema")).to.deep.equal([
      { schema: null },
    ]);
    expectExit(await run('staging', 'up'), 0);
    expect(await stamp()).to.equal('staging');
  });

  it('stamps a database that plain node-pg-migrate has migrated when it adopts it', async () => {
    await database.query(`CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
      INSERT INTO pgmigrations (name, run_on) VALUES ('${v1}_accounts', now()); CREATE TABLE accounts (id int)`);
    expectExit(await run('staging', 'up'), 0);
    expect(await stamp()).to.equal('staging');
  });

  for (const command of [
    ['up'],
    ['down'],
    ['redo'],
    ['plan'],
    ['status'],
    ['rebase'],
    ['drift'],
    ['baseline', '--to', v1],
  ]) {
    it(`refuses ${command[0]} under another name, naming both and the way out`, async () => {
      expectExit(await run('staging', 'up', '--to', v1), 0);
      const result = await run('test', ...command);
      expectExit(result, 7);
      expect(result.all, transcript(result)).to.match(/stamped staging.*MIGRATE_ENV is test/);
      expect(result.all).to.contain('set=test confirm=staging');
      expect(await tracked(database)).to.deep.equal([`${v1}_accounts`]);
    });
  }

  it('refuses a host or database that is not the environment’s, before it connects', async () => {
    config({ environments: { staging: { host: '*.staging.example.com', database: 'shop' } } });
    const env = { MIGRATE_ENV: 'staging', DATABASE_URL: 'postgres://app@db.invalid:1/other' };
    const result = await work.run(['up'], { env });
    expectExit(result, 7);
    expect(result.all).to.contain(
      'environments.staging.host is "*.staging.example.com", and the host is db.invalid',
    );
    expect(result.all).to.contain('environments.staging.database is "shop", and the database is other');
  });

  it('runs where name, host and database agree', async () => {
    config({ environments: { staging: { host: '127.0.0.*', database: 'migrate_test_*' } } });
    expectExit(await run('staging', 'up'), 0);
  });

  it('refuses a target that another environment is bound to, also the first time', async () => {
    config({ environments: { production: { host: '127.0.0.1' } } });
    const result = await run('staging', 'up');
    expectExit(result, 7);
    expect(result.all).to.contain('is production').and.to.contain('MIGRATE_ENV=production');
    expect(await tables(database)).to.deep.equal([]);
  });

  it('holds the embedded server to the bindings too', async () => {
    config({ environments: { development: { host: 'db.dev.example.com' } } });
    expectExit(await work.run(['up']), 7);
  });

  for (const command of [
    ['down'],
    ['redo'],
    ['repair', '--forget', v1, '--reason', 'gone'],
    ['baseline', '--to', v2],
  ]) {
    it(`needs --confirm production for ${command[0]}`, async () => {
      expectExit(await run('production', 'up', '--to', v1), 0);
      const refused = await run('production', ...command);
      expectExit(refused, 7);
      expect(refused.all).to.contain('--confirm production');
      expectExit(await run('production', ...command, '--confirm', 'staging'), 7);
      expect(await tracked(database)).to.deep.equal([`${v1}_accounts`]);
    });
  }

  it('runs what is confirmed', async () => {
    expectExit(await run('production', 'up'), 0);
    expectExit(await run('production', 'down', '--dry-run'), 0);
    expectExit(await run('production', 'down', '--confirm', 'production'), 0);
    expect(await tracked(database)).to.have.length(2);
  });

  it('protects what the configuration calls protected', async () => {
    config({ protected: ['staging'] });
    expectExit(await run('staging', 'up'), 0);
    expectExit(await run('staging', 'down'), 7);
    expectExit(await run('staging', 'down', '--confirm', 'staging'), 0);
  });

  it('is stamped anew only by an explicit, confirmed command', async () => {
    expectExit(await run('production', 'up'), 0);
    expect((await run('staging', 'environment', '--json')).json().mark).to.equal('production');
    expectExit(await run('staging', 'environment', '--set', 'staging'), 7);
    expectExit(await run('staging', 'environment', '--set', 'staging', '--confirm', 'staging'), 7);
    expect(await stamp()).to.equal('production');
    expectExit(await run('staging', 'environment', '--set', 'staging', '--confirm', 'production'), 0);
    expect(await stamp()).to.equal('staging');
    expectExit(await run('production', 'up'), 7);
    expectExit(await run('staging', 'up'), 0);
    const results = (await audit(database)).map(({ command, result }) => `${command} ${result}`);
    expect(results).to.include('environment ok').and.to.include('environment refused');
  });

  describe('db-reset', () => {
    it('empties a database stamped development and applies everything', async () => {
      expectExit(await run('development', 'up', '--to', v1), 0);
      await database.query(
        'CREATE SCHEMA extra; CREATE TABLE extra.leftover (id int); CREATE TABLE stray (id int)',
      );
      const result = await run('development', 'db-reset');
      expectExit(result, 0);
      expect(result.all).to.contain('Dropping the schemas extra, migration_ledger, public');
      expect(await tables(database)).to.deep.equal(['accounts', 'invoices', 'orders']);
      expect(await stamp()).to.equal('development');
    });

    for (const environment of ['staging', 'production']) {
      it(`never touches a database stamped ${environment}`, async () => {
        expectExit(await run(environment, 'up'), 0);
        expectExit(await run(environment, 'db-reset'), 7);
        expectExit(await run('development', 'db-reset'), 7);
        expectExit(await run('test', 'db-reset'), 7);
        expect(await tables(database)).to.have.length(3);
      });
    }

    it('never touches a database without a stamp', async () => {
      await database.query('CREATE TABLE precious (id int)');
      expectExit(await run('development', 'db-reset'), 7);
      expect(await tables(database)).to.deep.equal(['precious']);
    });

    it('drops nothing when the files cannot be applied', async () => {
      expectExit(await run('test', 'up'), 0);
      work.write('20260101000009_broken.up.sql', 'CREATE TABEL broken ();\n');
      work.write('20260101000009_broken.down.sql', 'DROP TABLE broken;\n');
      expectExit(await run('test', 'db-reset'), 3);
      expect(await tables(database)).to.have.length(3);
    });
  });

  it('is asked for before a named database without a stamp is written to, and read without it', async () => {
    const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
    const database = await createDatabase();
    const env = { ...database.env(), MIGRATE_ENV: '' };
    for (const args of [
      ['up'],
      ['down'],
      ['redo'],
      ['baseline', '--to', '20250101000001'],
      ['drift', '--accept', '--reason', 'x'],
    ]) {
      const result = await tool.run(args, { env });
      expectExit(result, 2);
      expect(result.all)
        .to.include('has no stamp yet')
        .and.include('Set MIGRATE_ENV to what this database is');
    }
    expectExit(await tool.run(['status'], { env }), 0);
    expectExit(await tool.run(['plan'], { env }), 0);
    expect(await database.query("SELECT to_regclass('pgmigrations') AS made")).to.deep.equal([
      { made: null },
    ]);
    expectExit(await tool.run(['up'], { env: { ...env, MIGRATE_ENV: 'development' } }), 0);
    expectExit(await tool.run(['up'], { env }), 0);
  });

  it('are checked by name in --confirm, also with --dry-run', async () => {
    expectExit(await run('staging', 'up'), 0);
    for (const args of [['down'], ['repair', '--accept', v1, '--reason', 'x'], ['baseline', '--to', v1]]) {
      const wrong = await run('staging', ...args, '--dry-run', '--confirm', 'production');
      expectExit(wrong, 7);
      expect(wrong.all).to.include('--confirm says production, and MIGRATE_ENV is staging');
    }
    expectExit(await run('staging', 'down', '--dry-run'), 0);
  });
});
