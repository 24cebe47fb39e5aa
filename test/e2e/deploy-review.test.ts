// What a pull request gets to see: the migrations and comment jobs of ci.yml as they are, with stand-ins for actions and
// `gh`, on a real PostgreSQL in place of the service container.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AssertionError, expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { commitFiles, layProduct } from '../support/deployment.ts';
import { serviceServer } from '../support/service.ts';
import { runWorkflow, type WorkflowResult } from '../support/workflow.ts';
import { readWorkflow } from '../support/workflow-file.ts';

const pair = (id: string, up: string, down: string) => ({
  [`db/migrations/${id}.up.sql`]: `${up}\n`,
  [`db/migrations/${id}.down.sql`]: `${down}\n`,
});
const customers = pair(
  '20250101000000_customers',
  "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);\nCOMMENT ON TABLE customers IS 'Who buys';",
  'DROP TABLE customers;',
);

/** The stand-in for GitHub's command line: one comment, kept in a file. */
const gh = `#!/bin/bash
set -eu
case "$*" in
  *--method*) echo "$*" >>"$GH_FOLDER/calls"; cp comment.md "$GH_FOLDER/comment.md" ;;
  *) if [ -e "$GH_FOLDER/comment.md" ]; then echo 99; fi ;;
esac
`;

interface Review {
  readonly result: WorkflowResult;
  comment(): string;
  calls(): string[];
  sarif(): { runs: { results: { ruleId: string }[] }[] };
  again(): Promise<WorkflowResult>;
}

/** Reviews a pull request that adds `added` to a repository with the table `customers`. */
async function review(
  added: Record<string, string>,
  { head = 'shop/shop', merged = {} }: { head?: string; merged?: Record<string, string> } = {},
): Promise<Review> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-review-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const database = await createDatabase();
  const path = join(productRoot, '.github', 'workflows', 'ci.yml');
  const address = await serviceServer(readWorkflow(path).jobs.migrations!);
  const repository = join(folder, 'repository');
  layProduct(repository);
  execFileSync('git', ['init', '--quiet'], { cwd: repository });
  const base = commitFiles(repository, { ...customers, ...(await schemaOf(customers, database.url)) });
  execFileSync('git', ['update-ref', 'refs/remotes/origin/main', base], { cwd: repository });
  const queued = Object.keys(merged).length > 0;
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (queued) {
    // What was merged since the branch began; the checkout of the queue has it as well.
    git('checkout', '--quiet', '-b', 'meanwhile');
    commitFiles(repository, { ...merged, ...(await schemaOf({ ...customers, ...merged }, database.url)) });
  }
  const tip = git('rev-parse', 'HEAD').trim();
  const all = { ...customers, ...merged, ...added };
  commitFiles(repository, { ...added, ...(await schemaOf(all, database.url)) });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  mkdirSync(join(folder, 'home'));
  const realNpm = execFileSync('bash', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  for (const [name, text] of Object.entries({
    gh,
    npm: `#!/bin/bash\n[ "$1" = ci ] || exec ${realNpm} "$@"\n`,
  })) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  const keep = (name: string, from: string, to: string) => cpSync(join(from, name), join(to, name));
  const run = () =>
    runWorkflow(path, {
      only: ['migrations', 'comment'],
      inputs: {},
      vars: {},
      github: {
        repository: 'shop/shop',
        base_ref: queued ? '' : 'main',
        event_name: queued ? 'merge_group' : 'pull_request',
      },
      event: queued
        ? { merge_group: { base_sha: tip } }
        : { pull_request: { number: 7, head: { repo: { full_name: head } } } },
      service: { written: 'localhost:5432', real: address },
      machine: { PATH: `${bin}:${process.env.PATH}`, HOME: join(folder, 'home'), GH_FOLDER: folder },
      actions: {
        'actions/checkout': ({ workspace }) =>
          cpSync(repository, workspace, {
            recursive: true,
            preserveTimestamps: true,
            verbatimSymlinks: true,
          }),
        'actions/setup-node': () => {},
        'github/codeql-action/upload-sarif': ({ workspace }) => keep('migrations.sarif', workspace, folder),
        'actions/upload-artifact': ({ workspace }) => keep('plan.md', join(workspace, 'plan'), folder),
        'actions/download-artifact': ({ workspace }) => keep('plan.md', folder, workspace),
      },
    });
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
  return {
    result: await run(),
    comment: () => read('comment.md'),
    calls: () => read('calls').trim().split('\n'),
    sarif: () => JSON.parse(read('migrations.sarif')),
    again: run,
  };
}

/** What `make schema` writes for these migrations, so that the commit is complete. */
async function schemaOf(files: Record<string, string>, scratchUrl: string): Promise<Record<string, string>> {
  const tool = await project(files);
  expectExit(await tool.run(['schema'], { env: { SHADOW_DATABASE_URL: scratchUrl } }), 0);
  return { 'db/schema.sql': readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8') };
}

function expectJobs(result: WorkflowResult, jobs: Record<string, string>): void {
  if (JSON.stringify(result.jobs) === JSON.stringify(jobs)) return;
  const steps = result.steps.map(({ job, name, outcome }) => `  ${outcome} ${job}: ${name}`).join('\n');
  throw new AssertionError(
    `expected ${JSON.stringify(jobs)}, got ${JSON.stringify(result.jobs)}\n${steps}\n${result.log}`,
  );
}

const orders = pair(
  '20250102000000_orders',
  "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id));\nCREATE INDEX orders_customer ON orders (customer_id);\nCOMMENT ON TABLE orders IS 'What is bought';",
  'DROP TABLE orders;',
);

describe('a pull request with a migration', function () {
  this.timeout(240_000);

  it('shows its plan on the run’s page and in one comment, which is kept up to date', async () => {
    const { result, comment, calls, again } = await review(orders);
    expectJobs(result, { migrations: 'success', comment: 'success' });
    expect(result.summary).to.include('20250102000000_orders').and.to.include('CREATE TABLE orders');
    expect(comment()).to.match(/^<!-- migration plan -->\n/);
    expect(comment()).to.include('20250102000000_orders').and.not.to.include('20250101000000_customers');
    expectJobs(await again(), { migrations: 'success', comment: 'success' });
    expect(calls().map((call) => /--method (\w+)/.exec(call)?.[1])).to.deep.equal(['POST', 'PATCH']);
  });

  it('fails for one that would block writes, says where, and still shows the plan', async () => {
    const index = pair(
      '20250102000000_index',
      'CREATE INDEX customers_name ON customers (name);',
      'DROP INDEX customers_name;',
    );
    const { result, comment, sarif } = await review(index);
    expectJobs(result, { migrations: 'failure', comment: 'success' });
    expect(
      result.log.match(/^::error file=db\/migrations\/20250102000000_index\.up\.sql,line=1/gm),
    ).to.have.length(1);
    expect(sarif().runs[0]?.results.map(({ ruleId }) => ruleId)).to.include('create-index-blocking');
    expect(comment()).to.include('20250102000000_index');
  });

  it('fails in the merge queue for one that was overtaken meanwhile, with the line that mends it', async () => {
    const merged = pair(
      '20250103000000_invoices',
      'CREATE TABLE invoices (id bigint PRIMARY KEY);',
      'DROP TABLE invoices;',
    );
    const { result } = await review(orders, { merged });
    expectJobs(result, { migrations: 'failure', comment: 'skipped' });
    expect(result.log)
      .to.include('20250102000000_orders is older than 20250103000000_invoices')
      .and.include('make migrate-rebase since=');
  });

  it('may come from a fork, where nothing can be written', async () => {
    const { result, comment } = await review(orders, { head: 'someone/shop' });
    expectJobs(result, { migrations: 'success', comment: 'skipped' });
    expect(comment()).to.equal('');
  });
});
