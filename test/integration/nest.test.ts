// A real NestJS application, compiled as NestJS projects are (CommonJS, decorators), against a real database: it starts,
// refuses to start, or turns ready, by what the database has.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ExecaError, execa } from 'execa';
import { cleanUpAfterRun, cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, type Project, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const files = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
  '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint PRIMARY KEY);\n',
  '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
};

let application: string;

/** The fixture in a folder of its own, with this package as `npm install` of a workspace links it, compiled once. */
function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-nest-'));
  cleanUpAfterRun(async () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(productRoot, 'test', 'fixtures', 'nest-app'), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(productRoot, join(modules, 'postgres-migrations-orchestrator'));
  for (const name of ['@nestjs', '@types', 'pg', 'reflect-metadata', 'rxjs']) {
    symlinkSync(join(productRoot, 'node_modules', name), join(modules, name));
  }
  const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  run(join(productRoot, 'scripts', 'run.cjs'), '--build-only');
  run(join(productRoot, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.');
  return folder;
}

interface Started {
  /** The port, or null when the application ended instead of listening. */
  readonly port: number | null;
  readonly output: () => string;
}

interface Shop {
  readonly tool: Project;
  migrate(...args: string[]): Promise<void>;
  start(env?: Record<string, string>): Promise<Started>;
}

/** A release with a manifest of two migrations and an empty database. */
async function shop(): Promise<Shop> {
  const tool = await project(files);
  const database = await createDatabase();
  const migrate = async (...args: string[]) => expectExit(await tool.run(args, { env: database.env() }), 0);
  await migrate('manifest');
  const start = async (env: Record<string, string> = {}): Promise<Started> => {
    let output = '';
    // The working directory is the release's: migrations.json is found where the application finds it.
    const child = execa(process.execPath, [join(application, 'dist', 'main.js')], {
      cwd: tool.root,
      extendEnv: false,
      env: { PATH: process.env.PATH ?? '', NO_COLOR: '1', DATABASE_URL: database.url, ...env },
      all: true,
    });
    const ended = child.then(
      () => null,
      (error: ExecaError) => error,
    );
    cleanUpAfterTest(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const listening = new Promise<number>((resolve) => {
      child.all?.on('data', (data: Buffer) => {
        output += data.toString();
        const [, port] = /listening on (\d+)/.exec(output) ?? [];
        if (port !== undefined) resolve(Number(port));
      });
    });
    const port = await Promise.race([listening, ended.then(() => null)]);
    return { port, output: () => output };
  };
  return { tool, migrate, start };
}

async function get(port: number | null, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`);
  return { status: response.status, body: await response.text() };
}

describe('a NestJS application with the gate', () => {
  before(() => {
    application = build();
  });

  it('starts on a migrated database and is ready', async () => {
    const { migrate, start } = await shop();
    await migrate('up');
    const { port, output } = await start();
    expect(port, output()).to.be.a('number');
    const { status, body } = await get(port, 'ready');
    expect(status, body).to.equal(200);
    expect(JSON.parse(body).info.migrations.status).to.equal('up');
    expect(output()).to.match(/\[MigrationGate\].*has the schema of this release/);
  });

  it('refuses to start on a database that is behind, and says what it lacks', async () => {
    const { migrate, start } = await shop();
    await migrate('up', '--n', '1');
    const { port, output } = await start();
    expect(port, output()).to.equal(null);
    expect(output()).to.include('lacks: 20250102000000_orders').and.to.include('npx migrate up');
  });

  it('starts on a database that is ahead, as the old release does in a rolling deployment', async () => {
    const { tool, migrate, start } = await shop();
    tool.write('20250103000000_later.up.sql', 'CREATE TABLE later (id bigint);\n');
    tool.write('20250103000000_later.down.sql', 'DROP TABLE later;\n');
    await migrate('up');
    const { port, output } = await start();
    expect(port, output()).to.be.a('number');
    expect(output()).to.include('does not know: 20250103000000_later');
  });

  it('refuses a database of another environment', async () => {
    const { migrate, start } = await shop();
    await migrate('up');
    const { port, output } = await start({ MIGRATE_ENV: 'production' });
    expect(port, output()).to.equal(null);
    expect(output()).to.match(/stamped as development.*runs as production/);
  });

  it('turns ready after the migration when it was told to start unready', async () => {
    const { migrate, start } = await shop();
    const { port, output } = await start({ START_UNREADY: 'yes' });
    expect(port, output()).to.be.a('number');
    expect((await get(port, 'live')).status).to.equal(200);
    const before = await get(port, 'ready');
    expect(before.status).to.equal(503);
    expect(before.body).to.include('20250101000000_customers');
    await migrate('up');
    const after = await get(port, 'ready');
    expect(after.status, after.body).to.equal(200);
  });
});
