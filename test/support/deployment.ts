// Takes migrations; gives a repository, a GitHub Environment `staging` with a database and a login, and the deployment
// workflow run on them with stand-ins for actions, `az` and `npm ci`. It must not know what a test expects of it.
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
import { expect } from 'chai';
import { cleanUpAfterTest } from './cleanup.ts';
import { isSettled, productRoot } from './cli.ts';
import { adminClient, createDatabase, type TestDatabase } from './database.ts';
import { type ActionInput, runWorkflow, type WorkflowResult } from './workflow.ts';

const workflow = join(productRoot, '.github', 'workflows', 'deploy.yml');
/** Nothing like it stands in any file: a per cent sign and a colon, which commands of the runner escape. */
export const secret = ['s3cr3t', 'of%the', 'vault:'].join('-') + process.pid;

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

/** The stand-in for GitHub's command line: what it knows of commits and runs is in two files, or as it should be. */
const gh = `#!/bin/bash
set -eu
test -n "$GH_TOKEN" && test "$1" = api && test "$3" = --jq
case "$2" in
  repos/shop/shop/compare/main...*) cat "$AZ_FOLDER/position" 2>/dev/null || echo identical ;;
  repos/shop/shop/actions/runs/4711) echo .github/workflows/deploy.yml ;;
  repos/shop/shop/actions/runs/42) cat "$AZ_FOLDER/plan-run" 2>/dev/null || echo .github/workflows/deploy.yml workflow_dispatch main shop/shop success ;;
  *) echo "unexpected: gh $*" >&2; exit 2 ;;
esac
`;

/** Everything else of npm is the real one; packages are here already. */
const npm = (real: string) => `#!/bin/bash
if [ "$1" = ci ]; then touch node_modules/.package-lock.json; exit; fi
exec ${real} "$@"
`;

export interface Deployment {
  readonly database: TestDatabase;
  /** Files of db/ in the commit that is deployed. */
  readonly files: Record<string, string>;
  /** What GitHub says: where the commit is seen from the branch; workflow, event, branch, repository and end of the run. */
  readonly says: { position?: string; planRun?: string };
  /** What the vault hands out; undefined where it has no such secret. */
  vault: string | undefined;
  /** What az was told to start, one command a line. */
  started(): string;
  /** @param change `file` is another workflow's path */
  run(change?: {
    inputs?: Record<string, string>;
    vars?: Record<string, string>;
    file?: string;
  }): Promise<WorkflowResult>;
}

/**
 * A repository with these migrations, an environment `staging` with a database, and a login for migrations.
 * @param kind the repository is this product's own, or an application's that has the product among its packages
 */
export async function deployment(
  migrations: Record<string, string>,
  kind: 'product' | 'application' = 'product',
): Promise<Deployment> {
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
  for (const [name, text] of Object.entries({ az, gh, npm: npm(realNpm) })) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  const self: Deployment = {
    database,
    files: Object.fromEntries(
      Object.entries(migrations).map(([name, text]) => [`db/migrations/${name}`, text]),
    ),
    says: {},
    vault: secret,
    started: () => (existsSync(join(folder, 'started')) ? readFileSync(join(folder, 'started'), 'utf8') : ''),
    run: ({ inputs = {}, vars = {}, file = workflow } = {}) => {
      if (self.vault === undefined) rmSync(join(folder, 'secret'), { force: true });
      else writeFileSync(join(folder, 'secret'), `${self.vault}\n`);
      rmSync(join(folder, 'logged-in'), { force: true });
      const { position, planRun } = self.says;
      if (position !== undefined) writeFileSync(join(folder, 'position'), `${position}\n`);
      if (planRun !== undefined) writeFileSync(join(folder, 'plan-run'), `${planRun}\n`);
      const sha = commit(join(folder, 'repository'), self.files, kind);
      return runWorkflow(file, {
        inputs: {
          environment: 'staging',
          sha: '',
          'expect-fingerprint': '',
          'plan-run-id': '',
          'plan-only': '',
          'rollback-to': '',
          ...inputs,
        },
        vars: { ...environmentVariables(database, login), ...vars },
        // Of the workflow that init lays; this product's own takes its password from the vault.
        secrets: { PGPASSWORD: secret },
        github: {
          sha,
          actor: 'octocat',
          repository: 'shop/shop',
          run_id: '4711',
          server_url: 'https://github.com',
        },
        event: { repository: { default_branch: 'main' } },
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

/** The product in a repository, with these files in place of its own migrations, committed. @returns the commit */
function commit(repository: string, files: Record<string, string>, kind: 'product' | 'application'): string {
  rmSync(repository, { recursive: true, force: true });
  if (kind === 'product') layProduct(repository);
  else layApplication(repository);
  execFileSync('git', ['init', '--quiet'], { cwd: repository });
  return commitFiles(repository, files);
}

/** What a checkout of the product has, installed and built, but for its migrations. Code is linked, not copied. */
export function layProduct(repository: string): void {
  layPackage(repository, [
    'package.json',
    'package-lock.json',
    'Makefile',
    'tsconfig.json',
    'db/ledger',
    'db/templates',
  ]);
  for (const name of ['scripts', 'dist', 'node_modules'])
    symlinkSync(join(productRoot, name), join(repository, name));
}

function layPackage(folder: string, names: readonly string[]): void {
  for (const name of names) {
    cpSync(join(productRoot, name), join(folder, name), {
      recursive: true,
      preserveTimestamps: true,
      filter: isSettled,
    });
  }
}

/** An application's checkout after `npm ci`: no Makefile, no script of ours, the command among those of its packages. */
function layApplication(repository: string): void {
  const installed = join(repository, 'node_modules', 'postgres-migrations-orchestrator');
  mkdirSync(join(repository, 'node_modules', '.bin'), { recursive: true });
  layPackage(installed, ['package.json', 'dist', 'scripts/run.cjs', 'db/ledger', 'db/templates']);
  symlinkSync(join(productRoot, 'node_modules'), join(installed, 'node_modules'));
  // As npm does when it installs a command.
  chmodSync(join(installed, 'scripts', 'run.cjs'), 0o755);
  symlinkSync(
    join('..', 'postgres-migrations-orchestrator', 'scripts', 'run.cjs'),
    join(repository, 'node_modules', '.bin', 'migrate'),
  );
  writeFileSync(join(repository, 'package.json'), '{ "name": "shop", "private": true }\n');
}

/** Writes the files and commits them; paths are relative to the repository. */
export function commitFiles(repository: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(repository, path, '..'), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: repository,
      encoding: 'utf8',
    }).trim();
  git('add', ...['package.json', 'Makefile', 'db'].filter((name) => existsSync(join(repository, name))));
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
    'actions/upload-artifact': ({ with: { path = '' }, workspace }: ActionInput) =>
      cpSync(join(workspace, path), join(folder, 'plan.json')),
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
