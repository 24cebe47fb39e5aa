// The deployment workflow as it is: its steps run in order as GitHub runs them, with a stand-in for `az` and a real
// PostgreSQL. Whatever goes wrong, the application is not started; and the secret is nowhere.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AssertionError, expect } from 'chai';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { adminClient, createDatabase, type TestDatabase } from '../support/database.ts';
import { cleanUpAfterTest } from '../support/hooks.ts';
import { runWorkflow, type WorkflowResult } from '../support/workflow.ts';

const workflow = join(productRoot, '.github', 'workflows', 'deploy.yml');
/** Nothing like it stands in any file: a per cent sign and a colon, which commands of the runner escape. */
const secret = ['s3cr3t', 'of%the', 'vault:'].join('-') + process.pid;

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

/** The stand-in for the Azure CLI: it knows a secret and a token, and notes what it was told to start. */
const az = `#!/bin/bash
set -eu
test -e "$AZ_FOLDER/logged-in" || { echo "Please run 'az login' to setup account." >&2; exit 1; }
case "$1 $2" in
  'keyvault secret') test "$5" = shop-vault; test "$7" = migration-database-password; cat "$AZ_FOLDER/secret" ;;
  'account get-access-token') test "$4" = oss-rdbms; cat "$AZ_FOLDER/secret" ;;
  'containerapp update') echo "$@" >>"$AZ_FOLDER/started" ;;
  *) echo "unexpected: az $*" >&2; exit 2 ;;
esac
`;

/** Everything else of npm is the real one; packages are here already. */
const npm = (real: string) => `#!/bin/bash
if [ "$1" = ci ]; then touch node_modules/.package-lock.json; exit; fi
exec ${real} "$@"
`;

interface Deployment {
  readonly database: TestDatabase;
  /** Files of db/ in the commit that is deployed. */
  readonly files: Record<string, string>;
  /** What the vault hands out; undefined where it has no such secret. */
  vault: string | undefined;
  /** What az was told to start, one command a line. */
  started(): string;
  run(change?: { inputs?: Record<string, string>; vars?: Record<string, string> }): Promise<WorkflowResult>;
}

/** A repository with these migrations, an environment `staging` with a database, and a login for migrations. */
async function deployment(migrations: Record<string, string> = good): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-deploy-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const database = await createDatabase();
  const login = `deploy_${database.name.slice(-12)}`;
  const admin = await adminClient();
  await admin.query(`CREATE ROLE ${login} LOGIN PASSWORD '${secret}'`);
  await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${login}`);
  cleanUpAfterTest(async () => {
    await database.drop();
    await admin.query(`DROP ROLE ${login}`);
  });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  mkdirSync(join(folder, 'home'));
  const realNpm = execFileSync('bash', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  for (const [name, text] of Object.entries({ az, npm: npm(realNpm) })) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  const self: Deployment = {
    database,
    files: Object.fromEntries(
      Object.entries(migrations).map(([name, text]) => [`db/migrations/${name}`, text]),
    ),
    vault: secret,
    started: () => (existsSync(join(folder, 'started')) ? readFileSync(join(folder, 'started'), 'utf8') : ''),
    run: ({ inputs = {}, vars = {} } = {}) => {
      if (self.vault === undefined) rmSync(join(folder, 'secret'), { force: true });
      else writeFileSync(join(folder, 'secret'), `${self.vault}\n`);
      rmSync(join(folder, 'logged-in'), { force: true });
      const sha = commit(join(folder, 'repository'), self.files);
      return runWorkflow(workflow, {
        inputs: {
          environment: 'staging',
          sha: '',
          'expect-fingerprint': '',
          'plan-run-id': '',
          'rollback-to': '',
          ...inputs,
        },
        vars: { ...environmentVariables(database, login), ...vars },
        github: {
          sha,
          actor: 'octocat',
          repository: 'shop/shop',
          run_id: '4711',
          server_url: 'https://github.com',
        },
        machine: {
          PATH: `${bin}:${process.env.PATH}`,
          HOME: join(folder, 'home'),
          AZ_FOLDER: folder,
          LANG: 'C.UTF-8',
        },
        actions: standIns(folder),
      });
    },
  };
  return self;
}

function environmentVariables({ host, port, name }: TestDatabase, login: string): Record<string, string> {
  return {
    MIGRATE_ENV: 'staging',
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: name,
    PGUSER: login,
    KEY_VAULT: 'shop-vault',
    AZURE_CLIENT_ID: 'client',
    AZURE_TENANT_ID: 'tenant',
    AZURE_SUBSCRIPTION_ID: 'subscription',
    RESOURCE_GROUP: 'shop',
    APP_NAME: 'shop-api',
    APP_IMAGE: 'shop.azurecr.io/api',
  };
}

/** Makes the commit that is deployed: the product, with these files in place of its own migrations. */
function commit(repository: string, files: Record<string, string>): string {
  rmSync(repository, { recursive: true, force: true });
  const tracked = [
    'package.json',
    'package-lock.json',
    'Makefile',
    'tsconfig.json',
    'scripts',
    'db/ledger',
    'db/templates',
    'dist',
  ];
  for (const name of tracked) {
    cpSync(join(productRoot, name), join(repository, name), { recursive: true, preserveTimestamps: true });
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(repository, path, '..'), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  symlinkSync(join(productRoot, 'node_modules'), join(repository, 'node_modules'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: repository,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet');
  git('add', 'package.json', 'Makefile', 'db');
  git('commit', '--quiet', '--message', 'Release');
  return git('rev-parse', 'HEAD');
}

function standIns(folder: string) {
  return {
    'actions/checkout': ({ workspace }: { workspace: string }) => {
      cpSync(join(folder, 'repository'), workspace, {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
      });
    },
    'actions/setup-node': () => {},
    'azure/login': ({ with: inputs }: { with: Record<string, string> }) => {
      expect(inputs).to.deep.equal({
        'client-id': 'client',
        'tenant-id': 'tenant',
        'subscription-id': 'subscription',
      });
      writeFileSync(join(folder, 'logged-in'), '');
    },
    'actions/download-artifact': ({
      with: { path = '' },
      workspace,
    }: {
      with: Record<string, string>;
      workspace: string;
    }) => {
      cpSync(join(folder, 'plan.json'), join(workspace, path, 'plan.json'), { recursive: true });
    },
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

  it('migrates, then starts the application, and sums up on the run’s page', async () => {
    const shop = await deployment();
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
  });

  it('can be repeated', async () => {
    const shop = await deployment();
    expectDeployed(await shop.run(), shop);
    const again = await shop.run();
    expect(again.jobs).to.deep.equal({ migrate: 'success', deploy: 'success' });
    expect(again.log).to.include('Already up to date');
  });

  it('logs in without a password when the environment says entra', async () => {
    const shop = await deployment();
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
    const shop = await deployment();
    expectDeployed(await shop.run(), shop);
    await shop.database.query('ALTER TABLE customers ADD COLUMN by_hand text');
    Object.assign(shop.files, migration('20250102000000_orders', 'orders'));
    const result = await shop.run();
    expect(result.jobs, result.log).to.deep.equal({ migrate: 'failure', deploy: 'skipped' });
    expect(result.summary).to.include('by_hand');
    expect(await tables(shop)).not.to.include('orders');
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
  });

  it('stops when the schema is then not the one that was asked for', async () => {
    const shop = await deployment();
    const result = await shop.run({ inputs: { 'expect-fingerprint': '0123456789abcdef' } });
    expectStopped(result, shop, /0123456789abcdef/);
    expect(result.summary).to.include('❌ migrate up');
  });

  it('holds the schema to the db/schema.sql of the commit, and stops when that is stale', async () => {
    const shop = await deployment();
    const tool = await project(good);
    expectExit(await tool.run(['schema'], { env: { SHADOW_DATABASE_URL: shop.database.url } }), 0);
    shop.files['db/schema.sql'] = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    expectDeployed(await shop.run(), shop);
    Object.assign(shop.files, migration('20250102000000_orders', 'orders'));
    const result = await shop.run();
    expect(result.jobs, result.log).to.deep.equal({ migrate: 'failure', deploy: 'skipped' });
    expect(result.log).to.match(/fingerprint/);
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
  });

  it('stops when the database is marked as another environment', async () => {
    const shop = await deployment();
    expectDeployed(await shop.run(), shop);
    await shop.database.query("UPDATE migration_ledger.environment SET name = 'production'");
    const result = await shop.run();
    expect(result.jobs).to.deep.equal({ migrate: 'failure', deploy: 'skipped' });
    expect(result.log).to.match(/marked.*production/);
    expect(shop.started().split('\n')).to.have.length(2);
  });

  it('stops when the host is not that of the environment', async () => {
    const shop = await deployment();
    shop.files['db/config.json'] = JSON.stringify({
      environments: { staging: { host: '*.staging.example.com' } },
    });
    expectStopped(await shop.run(), shop, /staging\.example\.com/);
    expect(await tables(shop)).to.deep.equal([]);
  });

  it('stops when GitHub has no such environment, and so gives other variables', async () => {
    const shop = await deployment();
    expectStopped(
      await shop.run({ vars: { MIGRATE_ENV: 'development' } }),
      shop,
      /calls itself 'development', not 'staging'/,
    );
    expectStopped(await shop.run({ vars: { PGHOST: '' } }), shop, /no variable PGHOST/);
  });

  it('stops when the vault has no secret, or an empty one', async () => {
    const shop = await deployment();
    shop.vault = undefined;
    expectStopped(await shop.run(), shop, /No such file/);
    shop.vault = '';
    expectStopped(await shop.run(), shop, /secret is empty/);
  });

  it('stops when the secret is a wrong one, and does not show it', async () => {
    const shop = await deployment();
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
    const shop = await deployment();
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
    expect(result.jobs, result.log).to.deep.equal({ migrate: 'success', deploy: 'skipped' });
    expect(result.summary).to.include('migrate down · staging');
    expect(await tables(shop))
      .to.include('customers')
      .and.not.to.include('orders');
    expect(shop.started().split('\n')).to.have.length(2);
    expectNoSecret(result);
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
