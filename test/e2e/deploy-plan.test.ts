// A deployment in two runs: one writes the plan, people approve it, the other executes exactly that plan or nothing.
import { expect } from 'chai';
import { type Deployment, deployment } from '../support/deployment.ts';

const good = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
};

const hasTable = async ({ database }: Deployment, name: string) =>
  (await database.query('SELECT to_regclass($1) IS NOT NULL AS there', [name]))[0]?.there;

describe('a deployment with an approved plan', function () {
  this.timeout(180_000);

  it('writes the plan, changes and starts nothing; then executes exactly that plan', async () => {
    const shop = await deployment(good);
    const planned = await shop.run({ inputs: { 'plan-only': 'true' } });
    expect(planned.jobs, planned.log).to.deep.include({ migrate: 'success', deploy: 'skipped' });
    expect(planned.summary).to.include('CREATE TABLE customers');
    // A runner of one's own lives on, and a server on it would too.
    expect(planned.log).to.include('Stopped the scratch server');
    expect(await hasTable(shop, 'customers')).to.equal(false);
    const result = await shop.run({ inputs: { 'plan-run-id': '42' } });
    expect(result.jobs, result.log).to.deep.include({ migrate: 'success', deploy: 'success' });
    expect(await hasTable(shop, 'customers')).to.equal(true);
  });

  it('stops when a migration is not what was approved', async () => {
    const shop = await deployment(good);
    await shop.run({ inputs: { 'plan-only': 'true' } });
    shop.files['db/migrations/20250101000000_customers.up.sql'] =
      'CREATE TABLE customers (id uuid PRIMARY KEY);\n';
    const result = await shop.run({ inputs: { 'plan-run-id': '42' } });
    expect(result.jobs, result.log).to.deep.include({ migrate: 'failure', deploy: 'skipped' });
    expect(result.log).to.include('20250101000000_customers');
    expect(await hasTable(shop, 'customers')).to.equal(false);
    expect(shop.started()).to.equal('');
  });

  it('takes a plan from no run but one of this workflow, by hand, on the branch, of this repository', async () => {
    const shop = await deployment(good);
    await shop.run({ inputs: { 'plan-only': 'true' } });
    for (const planRun of [
      '.github/workflows/ci.yml workflow_dispatch main shop/shop success',
      '.github/workflows/deploy.yml pull_request main shop/shop success',
      '.github/workflows/deploy.yml workflow_dispatch evil shop/shop success',
      '.github/workflows/deploy.yml workflow_dispatch main fork/shop success',
      '.github/workflows/deploy.yml workflow_dispatch main shop/shop failure',
    ]) {
      shop.says.planRun = planRun;
      const result = await shop.run({ inputs: { 'plan-run-id': '42' } });
      expect(result.jobs, result.log).to.deep.include({ migrate: 'failure', deploy: 'skipped' });
      expect(result.log).to.include('Run 42 is no successful run of .github/workflows/deploy.yml');
    }
    expect(await hasTable(shop, 'customers')).to.equal(false);
  });

  it('deploys no commit that is not on the branch, and runs nothing of it', async () => {
    const shop = await deployment(good);
    for (const position of ['ahead', 'diverged']) {
      shop.says.position = position;
      const result = await shop.run({});
      expect(result.jobs.migrate, result.log).to.equal('failure');
      expect(result.log).to.include('is not on main: merge it first').and.not.to.include('npm');
    }
    expect(shop.started()).to.equal('');
  });

  it('is either a plan, or the execution of one, or a rollback', async () => {
    const shop = await deployment(good);
    const both = await shop.run({ inputs: { 'plan-only': 'true', 'plan-run-id': '42' } });
    expect(both.log).to.include('leave rollback-to and plan-run-id empty');
    const other = await shop.run({ inputs: { 'rollback-to': '0', 'plan-run-id': '42' } });
    expect(other.log).to.include('leave plan-run-id empty');
    expect(shop.started()).to.equal('');
  });
});
