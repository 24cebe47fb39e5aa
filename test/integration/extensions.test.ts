// CREATE EXTENSION on servers that do not allow it, as Azure's: told before the first statement, with the line that helps.
// A plain PostgreSQL with a setting azure.extensions and a role azure_pg_admin stands in for Azure.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, productRoot, project, transcript } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { plainRole } from '../support/roles.ts';
import { ownServer } from '../support/server.ts';

const wanting = (...names: string[]) => ({
  ...pair(1, 'one', 'CREATE TABLE one (id int);', 'DROP TABLE one;'),
  ...pair(
    2,
    'extensions',
    names.map((name) => `CREATE EXTENSION IF NOT EXISTS ${name};`).join('\n'),
    'SELECT 1;',
  ),
});

describe('pending extensions', () => {
  it('that the server does not have are refused before anything runs, all of them, and are findings of plan', async () => {
    const database = await createDatabase();
    const tool = await project(wanting('hstore', 'nowhere', '"no-such"'));
    const up = await tool.run(['up', '--json'], { env: database.env() });
    expectExit(up, 7);
    expect(up.json().error.problems).to.have.length(2);
    expect(up.json().error.message).to.include('no extension nowhere');
    expect(await database.query("SELECT to_regclass('one') AS made")).to.deep.equal([{ made: null }]);
    const plan = await tool.run(['plan', '--json'], { env: database.env() });
    expect(plan.json().findings.map(({ rule }: { rule: string }) => rule)).to.include('extension');
  });

  it('on Azure are held against azure.extensions, membership and preloaded libraries', async () => {
    const server = await ownServer({ 'azure.extensions': 'hstore,pg_trgm' });
    const tool = await project(wanting('hstore', 'earthdistance CASCADE', 'citext'));
    const refused = await tool.run(['up', '--json'], { env: server.env() });
    expectExit(refused, 7);
    const { problems, hint } = refused.json().error;
    expect(hint, transcript(refused)).to.include(
      '--name azure.extensions --value "hstore,pg_trgm,citext,earthdistance,cube"',
    );
    expect(problems).to.have.length(3);
    expect(problems[1]).to.match(
      /up\.sql:2: The extension cube, which earthdistance brings with CASCADE, is not/,
    );
    await server.query("CREATE ROLE azure_pg_admin; CREATE ROLE shop LOGIN PASSWORD 'shop'");
    await server.query('CREATE DATABASE shop OWNER shop');
    const env = {
      ...server.env('shop'),
      DATABASE_URL: `postgresql://shop@${server.host}:${server.port}/shop`,
      PGPASSWORD: 'shop',
    };
    const hstore = await project(wanting('hstore'));
    const noMember = await hstore.run(['up'], { env });
    expectExit(noMember, 7);
    expect(noMember.all).to.include('GRANT azure_pg_admin TO "shop"');
    await server.query('CREATE EXTENSION hstore', 'shop');
    expectExit(await hstore.run(['up'], { env }), 0);
  });

  it('that only a superuser may create are made by db/roles.sql, and then need no right', async () => {
    const database = await createDatabase();
    const role = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role.name}; GRANT ALL ON SCHEMA public TO ${role.name}`,
    );
    const tool = await project(wanting('pg_stat_statements'));
    const refused = await tool.run(['up'], { env: role.env() });
    expectExit(refused, 7);
    expect(refused.all).to.include('Only a superuser').and.include('db/roles.sql');
    const text = readFileSync(join(productRoot, 'db', 'roles.sql'), 'utf8');
    expect(text).to.match(/extensions +constant text\[\] := '\{\}'/);
    await database.query('CREATE EXTENSION pg_stat_statements');
    expectExit(await tool.run(['up'], { env: role.env() }), 0);
  });
});
