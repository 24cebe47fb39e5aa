// The deployment workflow as it is: its steps run in order as GitHub runs them, with a stand-in for `az` and a real
// PostgreSQL. Whatever goes wrong, the application is not started; and the secret is nowhere.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssertionError, expect } from 'chai';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { type Deployment, deployment, secret } from '../support/deployment.ts';
import type { WorkflowResult } from '../support/workflow.ts';

const good = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
};

function migration(id: string, table: string): Record<string, string> {
  return {
    [`db/migrations/${id}.up.sql`]: `CREATE TABLE ${table} (id bigint PRIMARY KEY);\n`,
    [`db/migrations/${id}.down.sql`]: `DROP TABLE ${table};\n`,
  };
}

const tables = async ({ database }: Deployment) =>
  (
    await database.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
  ).map(({ name }) => name);

function expectDeployed(result: WorkflowResult, deployed: Deployment): void {
  if (result.jobs.migrate !== 'success' || result.jobs.deploy !== 'success')
    throw failure('a deployment', result);
  expect(deployed.started()).to.match(
    /^containerapp update .*--name shop-api --image shop\.azurecr\.io\/api:[0-9a-f]{40}\n$/,
  );
  expectNoSecret(result);
}

/** The migration failed, so nothing was started. */
function expectStopped(result: WorkflowResult, deployed: Deployment, because: RegExp): void {
  if (result.jobs.migrate !== 'failure' || result.jobs.deploy !== 'skipped') throw failure('a stop', result);
  if (!because.test(result.log)) throw failure(`a log with ${because}`, result);
  expect(deployed.started()).to.equal('');
  expectNoSecret(result);
}

/** Neither in the log before masking, but for the command that masks it, nor in the summary. */
function expectNoSecret({ rawLog, summary }: WorkflowResult): void {
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
    expect(rawLog).not.to.include(form);
    expect(summary).not.to.include(form);
  }
}

function failure(wanted: string, { jobs, steps, log }: WorkflowResult): Error {
  const shown = steps.map(({ job, name, outcome }) => `  ${outcome} ${job}: ${name}`).join('\n');
  return new AssertionError(`expected ${wanted}, got ${JSON.stringify(jobs)}\n${shown}\n${log}`);
}

describe('a deployment on GitHub', function () {
  this.timeout(180_000);

  it('migrates, then starts the application, sums up on the run’s page, and can be repeated', async () => {
    const shop = await deployment(good);
    const result = await shop.run();
    expectDeployed(result, shop);
    expect(await tables(shop)).to.include('customers');
    expect(result.summary).to.include('✅ migrate up · staging');
    expect(result.log).to.include('::group::applying 20250101000000_customers');
    const [entry] = await shop.database.query(
      'SELECT actor, environment, run_url FROM migration_ledger.entries',
    );
    expect(entry).to.deep.equal({
      actor: 'octocat',
      environment: 'staging',
      run_url: 'https://github.com/shop/shop/actions/runs/4711',
    });
    const again = await shop.run();
    expect(again.jobs, again.log).to.deep.include({ migrate: 'success', deploy: 'success' });
    expect(again.log).to.include('Already up to date');
  });

  it('logs in without a password when the environment says entra', async () => {
    const shop = await deployment(good);
    expectDeployed(await shop.run({ vars: { DATABASE_LOGIN: 'entra', KEY_VAULT: '' } }), shop);
  });

  it('stops when a migration fails, with what failed on the run’s page', async () => {
    const shop = await deployment({
      ...good,
      '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint REFERENCES nowhere);\n',
      '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
    });
    const result = await shop.run();
    expectStopped(result, shop, /^::error file=db\/migrations\/20250102000000_orders\.up\.sql,line=1/m);
    expect(result.summary).to.include('relation "nowhere" does not exist');
    expect(await tables(shop))
      .to.include('customers')
      .and.not.to.include('orders');
  });

  it('stops before it connects when a file is wrong', async () => {
    const shop = await deployment({ ...good, '20250102000000_orders.up.sql': 'SELECT 1;\n' });
    expectStopped(await shop.run(), shop, /has no partner/);
    expect(await tables(shop)).to.deep.equal([]);
  });

  it('stops when someone has changed the schema by hand', async () => {
    const shop = await deployment(good);
    expectDeployed(await shop.run(), shop);
    await shop.database.query('ALTER TABLE customers ADD COLUMN by_hand text');
    Object.assign(shop.files, migration('20250102000000_orders', 'orders'));
    const result = await shop.run();
    expect(result.jobs, result.log).to.deep.include({ migrate: 'failure', deploy: 'skipped' });
    expect(result.summary).to.include('by_hand');
    expect(await tables(shop)).not.to.include('orders');
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
  });

  it('stops when the schema is then not the one that was asked for', async () => {
    const shop = await deployment(good);
    const result = await shop.run({ inputs: { 'expect-fingerprint': '0123456789abcdef' } });
    expectStopped(result, shop, /0123456789abcdef/);
    expect(result.summary).to.include('❌ migrate up');
  });

  it('holds the schema to the db/schema.sql of the commit, and stops when that is stale', async () => {
    const shop = await deployment(good);
    const tool = await project(good);
    expectExit(await tool.run(['schema'], { env: { SHADOW_DATABASE_URL: shop.database.url } }), 0);
    shop.files['db/schema.sql'] = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    expectDeployed(await shop.run(), shop);
    Object.assign(shop.files, migration('20250102000000_orders', 'orders'));
    const result = await shop.run();
    expect(result.jobs, result.log).to.deep.include({ migrate: 'failure', deploy: 'skipped' });
    expect(result.log).to.match(/fingerprint/);
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
  });

  it('stops when the database is stamped as another environment', async () => {
    const shop = await deployment(good);
    expectDeployed(await shop.run(), shop);
    await shop.database.query("UPDATE migration_ledger.environment SET name = 'production'");
    const result = await shop.run();
    expect(result.jobs).to.deep.include({ migrate: 'failure', deploy: 'skipped' });
    expect(result.log).to.match(/stamped.*production/);
    expect(shop.started().split('\n')).to.have.length(2);
  });

  it('stops when the host is not that of the environment', async () => {
    const shop = await deployment(good);
    shop.files['db/config.json'] = JSON.stringify({
      environments: { staging: { host: '*.staging.example.com' } },
    });
    expectStopped(await shop.run(), shop, /staging\.example\.com/);
    expect(await tables(shop)).to.deep.equal([]);
  });

  it('stops when GitHub has no such environment, and so gives other variables', async () => {
    const shop = await deployment(good);
    expectStopped(
      await shop.run({ vars: { MIGRATE_ENV: 'development' } }),
      shop,
      /calls itself 'development', not 'staging'/,
    );
    expectStopped(await shop.run({ vars: { PGHOST: '' } }), shop, /no variable PGHOST/);
  });

  it('stops when the vault has no secret, or an empty one', async () => {
    const shop = await deployment(good);
    shop.vault = undefined;
    expectStopped(await shop.run(), shop, /No such file/);
    shop.vault = '';
    expectStopped(await shop.run(), shop, /secret is empty/);
  });

  it('stops when the secret is a wrong one, and does not show it', async () => {
    const shop = await deployment(good);
    shop.vault = `${secret}-of-yesterday`;
    expectStopped(await shop.run(), shop, /password authentication failed/);
  });

  it('masks the secret for everything that comes after', async () => {
    const shop = await deployment({
      ...good,
      '20250102000000_loud.up.sql': `DO $$ BEGIN RAISE EXCEPTION 'a migration that shouts ${secret}'; END $$;\n`,
      '20250102000000_loud.down.sql': 'SELECT 1;\n',
    });
    expectStopped(await shop.run(), shop, /a migration that shouts \*\*\*/);
  });

  it('takes nothing but a whole commit id, versions and numbers', async () => {
    const shop = await deployment(good);
    expectStopped(await shop.run({ inputs: { sha: 'main' } }), shop, /sha is not a whole commit id/);
    const other = { sha: '0123456789abcdef0123456789abcdef01234567' };
    expectStopped(await shop.run({ inputs: other }), shop, /not the commit to deploy/);
    expectStopped(
      await shop.run({ inputs: { 'rollback-to': '1; rm -rf /' } }),
      shop,
      /rollback-to is not a version/,
    );
    expectStopped(
      await shop.run({ inputs: { 'expect-fingerprint': '$(id)' } }),
      shop,
      /expect-fingerprint is not one/,
    );
    expectStopped(await shop.run({ inputs: { 'plan-run-id': 'x' } }), shop, /plan-run-id is not/);
    expect(await tables(shop)).to.deep.equal([]);
  });

  it('rolls back to a version when told to, and starts nothing', async () => {
    const shop = await deployment({
      ...good,
      '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint);\n',
      '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
    });
    expectDeployed(await shop.run(), shop);
    const result = await shop.run({ inputs: { 'rollback-to': '20250101000000' } });
    expect(result.jobs, result.log).to.deep.include({ migrate: 'success', deploy: 'skipped' });
    expect(result.summary).to.include('migrate down · staging');
    expect(await tables(shop))
      .to.include('customers')
      .and.not.to.include('orders');
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
  });
});

describe('a deployment from an application’s repository', function () {
  this.timeout(180_000);

  const orders = {
    '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint);\n',
    '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
  };
  const later = {
    '20250103000000_gone.up.sql': '-- migrate: after-deploy\nDROP TABLE orders;\n',
    '20250103000000_gone.down.sql': 'CREATE TABLE orders (id bigint);\n',
  };

  it('migrates, starts, takes away and rolls back with the tool as a package, without a Makefile', async () => {
    const shop = await deployment({ ...good, ...orders, ...later }, 'application');
    const result = await shop.run();
    expectDeployed(result, shop);
    expect(result.jobs, result.log).to.deep.include({ 'after-deploy': 'success' });
    expect(await tables(shop))
      .to.include('customers')
      .and.not.to.include('orders');
    const back = await shop.run({ inputs: { 'rollback-to': '20250101000000' } });
    expect(back.jobs, back.log).to.deep.include({ migrate: 'success', deploy: 'skipped' });
    expect(back.log).to.include('Reverted 2 migrations');
    expectNoSecret(back);
  });

  it('is done by the workflow that init lays: before the start of the application, and after it', async () => {
    const file = join(productRoot, 'db', 'templates', 'init', 'deploy.yml');
    const shop = await deployment({ ...good, ...orders, ...later }, 'application');
    const wrong = await shop.run({ file, vars: { MIGRATE_ENV: 'production' } });
    expect(wrong.jobs, wrong.log).to.deep.equal({ migrate: 'failure' });
    expect(await tables(shop)).to.deep.equal([]);
    const before = await shop.run({ file });
    expect(before.jobs, before.log).to.deep.equal({ migrate: 'success' });
    expect(await tables(shop)).to.include.members(['customers', 'orders']);
    const after = await shop.run({ file, inputs: { 'after-deploy': 'true' } });
    expect(after.jobs, after.log).to.deep.equal({ migrate: 'success' });
    expect(await tables(shop)).not.to.include('orders');
    for (const result of [before, after]) expectNoSecret(result);
  });
});

describe('the repository', () => {
  it('holds no secret that a deployment used', () => {
    const found = execFileSync('bash', ['-c', 'git grep --untracked -lF -- "$SECRET" || true'], {
      cwd: productRoot,
      encoding: 'utf8',
      env: { ...process.env, SECRET: secret },
    });
    expect(found).to.equal('');
  });
});
