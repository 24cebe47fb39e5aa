// The compiled program: it may be started from V8's code cache, must not need it, and never takes another Node's.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { nodeBinary } from '../support/node-versions.ts';

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

async function help(root: string, { node = process.execPath, command = [] as string[] } = {}) {
  const result = await execa(node, [join(root, 'dist', 'migrate.cjs'), ...command, '--help'], {
    all: true,
    reject: false,
  });
  expect(result.exitCode, `${node}, signal ${result.signal}\n${result.all}`).to.equal(0);
  expect(result.stdout).to.include('Usage: migrate');
}

const cacheFolder = (root: string) => join(root, 'dist', '.cache');

function codeCaches(root: string): string[] {
  return readdirSync(cacheFolder(root))
    .filter((name) => name.endsWith('.code'))
    .map((name) => join(cacheFolder(root), name));
}

/** Patch versions of one V8, which took each other's cache for their own, and newer ones. */
const versions = ['20.11.1', '20.18.1', '20.19.6', '22.12.0', '24.15.0'];

describe('the compiled program', () => {
  before('compile what was changed since', async () => {
    expectExit(await (await project()).run(['--help']), 0);
  });

  it('carries no code cache, and keeps one of what ran at the first start of each command', async () => {
    const root = release();
    expect(readdirSync(join(root, 'dist')).filter((name) => /\.code|\.cache/.test(name))).to.deep.equal([]);
    await help(root);
    const [cache = '', ...others] = codeCaches(root);
    expect(others).to.deep.equal([]);
    const { size, mtimeMs } = statSync(cache);
    expect(size).to.be.greaterThan(100_000);
    await help(root);
    expect(statSync(cache).mtimeMs).to.equal(mtimeMs);
    await help(root, { command: ['status'] });
    expect(codeCaches(root)).to.have.length(2).and.include(cache);
  });

  it('keeps more where a run came further than those before, and takes what it kept', async () => {
    const root = release();
    mkdirSync(join(root, 'db', 'migrations'), { recursive: true });
    // Whatever tunes V8 while files are read must not keep the next run from taking what this one compiled.
    for (const direction of ['up', 'down'])
      writeFileSync(join(root, 'db', 'migrations', `20250101000001_a.${direction}.sql`), 'SELECT 1;\n');
    await help(root, { command: ['status'] });
    const [cache = ''] = codeCaches(root);
    const before = statSync(cache).size;
    const args = [join(root, 'dist', 'migrate.cjs'), 'status'];
    const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', MIGRATE_CONNECT_TIMEOUT: '1ms' };
    const sizes: number[] = [];
    const times: number[] = [];
    for (let run = 1; run <= 2; run += 1) {
      const { exitCode, all } = await execa(process.execPath, args, {
        cwd: root,
        env,
        all: true,
        reject: false,
      });
      expect(exitCode, all).to.equal(8);
      const { size, mtimeMs } = statSync(cache);
      sizes.push(size);
      times.push(mtimeMs);
    }
    expect(sizes[0]).to.be.greaterThan(1.05 * before);
    expect(times[1], 'written once more').to.equal(times[0]);
  });

  for (const content of ['no code', '1', '']) {
    it(`runs where the code cache holds "${content}", and makes it anew`, async () => {
      const root = release();
      await help(root);
      const [cache = ''] = codeCaches(root);
      writeFileSync(cache, content);
      await help(root);
      await help(root);
      expect(statSync(cache).size).to.be.greaterThan(100_000);
    });
  }

  it('runs where nothing can be written', async () => {
    const root = release();
    writeFileSync(cacheFolder(root), 'a file in place of the folder');
    await help(root);
    rmSync(cacheFolder(root));
    chmodSync(join(root, 'dist'), 0o555);
    await help(root);
    chmodSync(join(root, 'dist'), 0o755);
  });

  for (const version of versions) {
    it(`runs under Node ${version} after it ran under another, with a code cache for each`, async function () {
      this.timeout(180_000);
      const other = await nodeBinary(version);
      if (other === null) return this.skip();
      const root = release();
      for (const node of [process.execPath, other, process.execPath, other]) await help(root, { node });
      expect(codeCaches(root)).to.have.length(process.version === `v${version}` ? 1 : 2);
    });
  }
});
