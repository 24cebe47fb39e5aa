// Releases over time, as deploy.yml and db/roles.sql together do it: one after the other, back to an older one whose pods
// restart, and forward again; each held to the fingerprint of its own db/schema.sql.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { assertSchema } from '../../scripts/gate/gate.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, type Project, productRoot, project } from '../support/cli.ts';
import { adminClient } from '../support/database.ts';
import { type Deployment, deployment, secret } from '../support/deployment.ts';
import { tablePair } from '../support/history.ts';

const first = tablePair('20250101000000', 'customers');
const second = { ...first, ...tablePair('20250102000000', 'orders') };

/** What the commit of a release holds: its migrations and the schema that they add up to. */
async function release(migrations: Record<string, string>, scratchUrl: string): Promise<Project> {
  const tool = await project(migrations);
  expectExit(await tool.run(['schema'], { env: { SHADOW_DATABASE_URL: scratchUrl } }), 0);
  return tool;
}

function filesOf(tool: Project, migrations: Record<string, string>): Record<string, string> {
  const own = Object.entries(migrations).map(([name, text]) => [`db/migrations/${name}`, text]);
  const schema = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
  return { ...Object.fromEntries(own), 'db/schema.sql': schema };
}

/** The environment that db/roles.sql prepares, with names of this test's own. @returns variables of the GitHub Environment */
async function withRoles({ database }: Deployment): Promise<Record<string, string>> {
  const suffix = database.name.slice(-8);
  const roles = ['app_owner', 'app_migrator', 'app_runtime'];
  const admin = await adminClient();
  cleanUpAfterTest(async () => {
    await database.drop();
    for (const name of roles.toReversed()) await admin.query(`DROP ROLE IF EXISTS ${name}_${suffix}`);
  });
  const text = readFileSync(join(productRoot, 'db', 'roles.sql'), 'utf8');
  await database.query(roles.reduce((sql, name) => sql.replaceAll(`'${name}'`, `'${name}_${suffix}'`), text));
  await admin.query(`ALTER ROLE app_migrator_${suffix} PASSWORD '${secret}'`);
  return { PGUSER: `app_migrator_${suffix}` };
}

/** The migrations' own login: what they are recorded in belongs to its role. */
function asMigrator(
  { database }: Deployment,
  { PGUSER = '' }: Record<string, string>,
): Record<string, string> {
  const { DATABASE_URL = '', ...env } = database.env();
  const url = DATABASE_URL.replace(`//${database.user}@`, `//${PGUSER}@`);
  return { ...env, DATABASE_URL: url, PGPASSWORD: secret, MIGRATE_ENV: 'staging' };
}

async function deploy(
  shop: Deployment,
  files: Record<string, string>,
  vars: Record<string, string>,
): Promise<string> {
  for (const path of Object.keys(shop.files)) delete shop.files[path];
  Object.assign(shop.files, files);
  const result = await shop.run({ vars });
  expect(result.jobs, result.log).to.deep.include({ migrate: 'success', deploy: 'success' });
  return result.log;
}

describe('releases that follow each other', function () {
  this.timeout(300_000);

  it('roll out, roll back while old pods restart, and roll out again, with the roles and the fingerprint', async () => {
    const shop = await deployment({});
    const vars = await withRoles(shop);
    const { database } = shop;
    await database.query(`COMMENT ON DATABASE ${database.name} IS 'the shop of this environment'`);
    const [older, newer] = [await release(first, database.url), await release(second, database.url)];
    const [v1, v2] = [filesOf(older, first), filesOf(newer, second)];
    await deploy(shop, v1, vars);
    await deploy(shop, v2, vars);
    await database.query(`ALTER DATABASE ${database.name} SET work_mem = '8MB'`);
    expectExit(
      await newer.run(['drift', '--accept', '--reason', 'more memory'], {
        env: asMigrator(shop, vars),
      }),
      0,
    );

    const back = await deploy(shop, v1, vars);
    expect(back).to.include('ahead: 1 migration of a newer release').and.include('is not asked for');
    // A pod of the older release restarts: its init container and its gate.
    const env = asMigrator(shop, vars);
    const restarted = await older.run(['up'], { env });
    expectExit(restarted, 0);
    expectExit(await older.run(['manifest', '--out', 'manifest.json'], { env }), 0);
    const client = await database.client();
    const silent = { log: () => undefined, warn: () => undefined };
    const manifest = join(older.root, 'manifest.json');
    const { state, ahead } = await assertSchema({ client, manifest, environment: 'staging', logger: silent });
    expect({ state, ahead }).to.deep.equal({ state: 'ahead', ahead: ['20250102000000_orders'] });

    const again = await deploy(shop, v2, vars);
    expect(again).to.include('Already up to date at 20250102000000_orders');
    expect(shop.started().trim().split('\n')).to.have.length(4);
  });

  it('still see in drift what belongs to the environment', async () => {
    const shop = await deployment({});
    const vars = await withRoles(shop);
    const older = await release(first, shop.database.url);
    await deploy(shop, filesOf(older, first), vars);
    await shop.database.query(`COMMENT ON DATABASE ${shop.database.name} IS 'by hand'`);
    await shop.database.query(`ALTER DATABASE ${shop.database.name} SET work_mem = '8MB'`);
    const drift = await older.run(['drift'], { env: asMigrator(shop, vars) });
    expectExit(drift, 5);
    expect(drift.all).to.include('+ setting database comment').and.include('+ setting database work_mem');
  });

  it('take away what only the older one needs when the application has started, in a job of its own', async () => {
    const shop = await deployment({});
    const vars = await withRoles(shop);
    const contract = {
      ...second,
      '20250103000000_no-customers.up.sql': '-- migrate: after-deploy\nDROP TABLE customers;\n',
      '20250103000000_no-customers.down.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
    };
    const v1 = filesOf(await release(first, shop.database.url), first);
    const v2 = filesOf(await release(contract, shop.database.url), contract);
    await deploy(shop, v1, vars);
    Object.assign(shop.files, v2);
    const result = await shop.run({ vars });
    const done = { migrate: 'success', deploy: 'success', 'after-deploy': 'success' };
    expect(result.jobs, result.log).to.deep.equal(done);
    const at = (text: string) => result.log.indexOf(text);
    expect(at('is not asked for: after-deploy migrations wait')).to.be.greaterThan(-1);
    expect(at('applied  20250103000000_no-customers')).to.be.greaterThan(
      at('applied  20250102000000_orders'),
    );
    const [row] = await shop.database.query("SELECT to_regclass('customers') IS NULL AS gone");
    expect(row).to.deep.equal({ gone: true });
    const again = await shop.run({ vars });
    expect(again.jobs, again.log).to.deep.equal({ ...done, 'after-deploy': 'skipped' });
  });
});
