// The compiled program: it may be started from V8's code cache, and must not need it.
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';

/** A copy of what a release carries. */
function release(): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate-release-'));
  cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
  const dist = join(productRoot, 'dist');
  const isPart = (path: string) => path === dist || /dist\/(?:migrate\.cjs|program-[^/]+)$/.test(path);
  cpSync(dist, join(root, 'dist'), { recursive: true, filter: isPart });
  cpSync(join(productRoot, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(productRoot, 'node_modules'), join(root, 'node_modules'));
  return root;
}

async function help(root: string) {
  return execa(process.execPath, [join(root, 'dist', 'migrate.cjs'), '--help'], { all: true, reject: false });
}

const codeCaches = (root: string) =>
  readdirSync(join(root, 'dist'))
    .filter((name) => name.endsWith('.code'))
    .map((name) => join(root, 'dist', name));

describe('the compiled program', () => {
  before('compile what was changed since', async () => {
    expectExit(await (await project()).run(['--help']), 0);
  });

  it('runs without its code cache', async () => {
    const root = release();
    expect(codeCaches(root)).to.not.deep.equal([]);
    for (const path of codeCaches(root)) rmSync(path);
    expect((await help(root)).stdout).to.include('Usage: migrate');
  });

  it('runs where the code cache is of another V8, or broken', async () => {
    const root = release();
    for (const path of codeCaches(root)) writeFileSync(path, 'no code');
    expect((await help(root)).stdout).to.include('Usage: migrate');
  });
});
