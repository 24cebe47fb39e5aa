// Whether ci.yml means what it says: each job's servers as they are written there, with the address that the job uses.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import pg from 'pg';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { productRoot } from '../support/cli.ts';
import { serviceServer } from '../support/service.ts';
import { type Job, readWorkflow } from '../support/workflow-file.ts';

const { jobs } = readWorkflow(join(productRoot, '.github', 'workflows', 'ci.yml'));
const withServices = Object.entries(jobs).filter(([, { services }]) => services !== undefined);

/** Addresses of databases in a job's variables and in those of its steps. */
function addresses({ env = {}, steps }: Job): string[] {
  const all = [env, ...steps.map((step) => step.env ?? {})].flatMap((variables) => Object.values(variables));
  return all.map(String).filter((value) => value.startsWith('postgres'));
}

async function logIn(url: string): Promise<string> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  try {
    await client.connect();
    return 'in';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** This run's own mocha, in another process with other variables. */
function mocha(args: readonly string[], env: Record<string, string>) {
  const { PATH = '', HOME = '', LANG = 'C.UTF-8' } = process.env;
  const options = {
    cwd: productRoot,
    extendEnv: false,
    env: { PATH, HOME, LANG, ...env },
    all: true,
    reject: false,
  };
  return execa(process.execPath, [join('node_modules', 'mocha', 'bin', 'mocha.js'), ...args], options);
}

describe('the servers of ci.yml', function () {
  this.timeout(240_000);

  for (const [name, job] of withServices) {
    it(`of job ${name} ask for the password that its addresses have, and take no other`, async () => {
      const server = await serviceServer(job);
      expect(addresses(job)).not.to.have.length(0);
      for (const url of addresses(job)) {
        const real = url.replace('localhost:5432', server);
        expect(real).not.to.equal(url);
        expect(await logIn(real), url).to.equal('in');
        expect(await logIn(real.replace(/:[^:@/]+@/, ':wrong@')), url).to.equal('28P01');
      }
    });
  }

  it('serve the tests that log in, with a right password and a wrong one', async () => {
    const { check } = jobs;
    const url = addresses(check!)[0]?.replace('localhost:5432', await serviceServer(check!)) ?? '';
    const result = await mocha(
      [
        '--spec',
        'test/integration/pgbouncer.test.ts',
        '--spec',
        'test/integration/connection.test.ts',
        '--grep',
        'password|PgBouncer',
      ],
      { TEST_DATABASE_URL: url },
    );
    expect(result.exitCode, result.all).to.equal(0);
    expect(result.all)
      .to.include('TEST_DATABASE_URL')
      .and.match(/[1-9]\d* passed, 0 failed/);
  });
});

describe('the choice of a test server', function () {
  this.timeout(240_000);

  it('falls back loudly where Docker answers, but cannot pull the image', async () => {
    const engine = createServer((request, response) => {
      const known = /\/(_ping|info|version)$/.test((request.url ?? '').split('?')[0] ?? '');
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(known ? { OperatingSystem: 'Linux', ApiVersion: '1.44' } : { message: 'denied' }),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => engine.once('listening', resolve));
    cleanUpAfterTest(async () => void engine.close());
    const { port } = engine.address() as AddressInfo;
    const result = await mocha(['--spec', 'test/integration/partial.test.ts'], {
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
    });
    expect(result.exitCode, result.all).to.equal(0);
    expect(result.all).to.match(/^# WARNING: Docker answers, but gives no postgres:/m);
    expect(result.all).to.include('embedded (Docker answers');
  });
});

describe('the repository', () => {
  it('has no server without a password in its workflows, but for the nodes of Citus, which log in to each other', () => {
    const found = execFileSync('grep', ['-rhnE', '\\btrust\\b', '.github/workflows'], {
      cwd: productRoot,
      encoding: 'utf8',
    });
    expect(found.trim().split('\n')).to.have.length(1);
    expect(found).to.include('citusdata/citus');
  });
});
