// The package packed, and applications that install it: for the tests of every way in which a package manager does.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { cleanUpAfterRun, cleanUpAfterTest } from './cleanup.ts';
import { productRoot } from './cli.ts';
import type { TestDatabase } from './database.ts';
import { nodeBinary } from './node-versions.ts';

export const name = 'postgres-migrations-orchestrator';

/** How one package manager adds the packed tool, runs its command, and runs a script of the application. */
export interface Route {
  readonly title: string;
  /** The manager as a package with its command; npx fetches it once, and is not asked again. Else that of this machine. */
  readonly manager?: readonly [spec: string, command: string];
  /** A Node.js version that the manager needs, where it is not this one. */
  readonly nodeVersion?: string;
  readonly files?: Record<string, string>;
  readonly add: readonly string[];
  /** The application's folder in a monorepo; the files are at its root. */
  readonly member?: string;
  /** Behind the manager's command. */
  readonly migrate: readonly string[];
  /** No node_modules: every script runs through the manager. */
  readonly pnp?: boolean;
}

/** The registry does not answer, or does not have it: a reason to skip, loudly. */
export const notThere = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|E404|not in this registry/;

let packed: string;
/** Yarn's caches, of this run: yarn knows a package by its version, and another build of it would come out of an older one. */
let caches: string;
/** An application with the package, installed by npm: for tests that are not about installing. */
let installed: string | undefined;

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'migrate-application-'));
}

export function execute(
  cwd: string,
  [file = '', ...args]: readonly string[],
  env: Record<string, string> = {},
): string {
  const { DATABASE_URL: _, CI: __, ...rest } = process.env;
  return execFileSync(file, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...rest,
      npm_config_prefer_offline: 'true',
      npm_config_update_notifier: 'false',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_CACHE_FOLDER: caches,
      ...env,
    },
  });
}

/** What the process ended with, and all it said. */
export function attempt(
  cwd: string,
  command: readonly string[],
  env: Record<string, string>,
): [code: number, text: string] {
  try {
    return [0, execute(cwd, command, env)];
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return [status, `${stdout}${stderr}`];
  }
}

/** @param member the application's folder below a monorepo's, to which the files belong */
export function application(files: Record<string, string> = {}, member = ''): string {
  const root = temporary();
  cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  const folder = join(root, member);
  mkdirSync(folder, { recursive: true });
  const workspaces = { name: 'monorepo', private: true, workspaces: ['apps/*'] };
  writeFileSync(join(root, 'package.json'), JSON.stringify(workspaces));
  writeFileSync(
    join(folder, 'package.json'),
    '{\n  "name": "shop",\n  "version": "1.0.0",\n  "private": true\n}\n',
  );
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  cpSync(packed, join(root, 'tool.tgz'));
  return folder;
}

/** An application of one's own, as npm installed it once: the files are shared with the other ones, by hard links. */
export function applicationOfNpm(): string {
  if (installed === undefined) {
    installed = temporary();
    const made = installed;
    cleanUpAfterRun(async () => rmSync(made, { recursive: true, force: true, maxRetries: 5 }));
    writeFileSync(join(made, 'package.json'), '{ "name": "shop", "private": true }\n');
    cpSync(packed, join(made, 'tool.tgz'));
    execute(made, ['npm', 'install', '--no-audit', '--no-fund', './tool.tgz']);
  }
  const folder = application();
  cpSync(join(installed, 'package.json'), join(folder, 'package.json'));
  try {
    execute(folder, ['cp', '-al', join(installed, 'node_modules'), folder]);
  } catch {
    cpSync(join(installed, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
  }
  return folder;
}

/** How commands are called where a route's package was installed. */
export interface Caller {
  /** Through the package manager, as a person does. */
  readonly manager: readonly string[];
  readonly migrate: readonly string[];
  readonly node: readonly string[];
  readonly env: Record<string, string>;
}

/** @throws what npx said, where the manager cannot be fetched */
export async function callerOf({ manager, nodeVersion, migrate, pnp, member }: Route): Promise<Caller> {
  const node = nodeVersion === undefined ? process.execPath : await nodeBinary(nodeVersion);
  if (node === null) throw new Error(`E404 node@${nodeVersion}`);
  const env = nodeVersion === undefined ? {} : { PATH: `${dirname(node)}:${process.env.PATH}` };
  let call: readonly string[] = ['npm'];
  if (manager !== undefined) {
    const [spec, command] = manager;
    const [code, said] = attempt(
      tmpdir(),
      ['npx', '--yes', `--package=${spec}`, '-c', `command -v ${command}`],
      {},
    );
    if (code !== 0) throw new Error(said);
    call = [node, realpathSync(said.trim())];
  }
  // In a monorepo the command may lie in the root's folder.
  const through = pnp || member !== undefined;
  const bin = through ? [...call, ...migrate] : [join('node_modules', '.bin', 'migrate')];
  return { manager: call, migrate: bin, node: pnp ? [...call, 'node'] : [node], env };
}

/** Writes the first migration into the pair that `init` laid. @returns its id */
export function writeFirst(folder: string): string {
  const directory = join(folder, 'db', 'migrations');
  const [up = ''] = readdirSync(directory).filter((file) => file.endsWith('.up.sql'));
  writeFileSync(join(directory, up), 'CREATE TABLE customers (id bigint PRIMARY KEY);\n');
  writeFileSync(join(directory, up.replace('.up.', '.down.')), 'DROP TABLE customers;\n');
  return up.replace('.up.sql', '');
}

/**
 * From an empty folder to an application that starts; every step is what the one before told to do.
 * @param init how a person calls the command here; the rest is called as that resolves it
 */
export function adopt(
  folder: string,
  init: readonly string[],
  { migrate, node, env: own }: Caller,
  database: TestDatabase,
) {
  const env = { ...own, ...database.env(), MIGRATE_ENV: 'development' };
  expect(execute(folder, [...init, 'init'], own)).to.include('created  db/config.json');
  writeFirst(folder);
  execute(folder, [...migrate, 'manifest', '--out', 'migrations.json'], env);
  // Both of them: the gate, and the functions; what they load lies beside them in the package.
  writeFileSync(
    join(folder, 'start.cjs'),
    `require('${name}/gate').assertSchema({ manifest: 'migrations.json', logger: { log() {}, warn() {} } })
      .then(({ state }) => require('${name}').status().then(({ ok, migrations }) => console.log('started', state, ok, migrations.length)))
      .catch(({ message }) => { console.error(message); process.exit(1); });\n`,
  );
  const [refused, why] = attempt(folder, [...node, 'start.cjs'], env);
  expect(refused, why).to.equal(1);
  expect(why).to.match(/lacks: \d{14}_initial-schema.*: (?:npx|pnpm exec|yarn) migrate up/);
  expect(execute(folder, [...migrate, 'up'], env)).to.include('Applied 1 migration');
  expect(execute(folder, [...node, 'start.cjs'], env)).to.include('started current true 1');
}

/** Packs the tool as it is published, once per file of tests. @returns the archive */
export function packTool(): string {
  const folder = temporary();
  caches = join(folder, 'yarn');
  cleanUpAfterRun(async () => rmSync(folder, { recursive: true, force: true }));
  execute(productRoot, [process.execPath, join(productRoot, 'scripts', 'run.cjs'), '--pack']);
  const told = execute(productRoot, [
    'npm',
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    folder,
  ]);
  const [{ filename, files, size }] = JSON.parse(told) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  packed = join(folder, filename);
  const paths = files.map(({ path }) => path);
  expect(paths).to.include.members(['dist/gate.cjs', 'dist/api.js', 'dist/testing.cjs', 'db/roles.sql']);
  const unwanted = paths.filter((path) =>
    /^(?:test|db\/migrations|\.github)\/|\.code$|\.map$|\/\.built$/.test(path),
  );
  expect(unwanted).to.deep.equal([]);
  expect(paths.filter((path) => path.startsWith('dist/program-'))).to.have.length(1);
  expect(size).to.be.below(2_000_000);
  return packed;
}

/**
 * A registry that has the packed tool, and sends for everything else to the one that this machine uses. It answers from a
 * thread of its own, for whoever installs is waited for. @returns its address
 */
export async function registry(): Promise<string> {
  const upstream = execute(tmpdir(), ['npm', 'config', 'get', 'registry']).trim();
  const worker = new Worker(registryProgram, { eval: true, workerData: { name, packed, upstream } });
  cleanUpAfterTest(async () => void (await worker.terminate()));
  const [port] = await once(worker, 'message');
  return `http://127.0.0.1:${port}/`;
}

const registryProgram = `
const { parentPort, workerData: { name, packed, upstream } } = require('node:worker_threads');
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const archive = require('node:fs').readFileSync(packed);
const manifest = JSON.parse(execFileSync('tar', ['-xOzf', packed, 'package/package.json'], { encoding: 'utf8' }));
const server = require('node:http').createServer(({ url, headers }, response) => {
  if (url === '/tool.tgz') return response.end(archive);
  if (url !== '/' + name) return response.writeHead(302, { location: new URL('.' + url, upstream).href }).end();
  const dist = { tarball: 'http://' + headers.host + '/tool.tgz',
    integrity: 'sha512-' + createHash('sha512').update(archive).digest('base64') };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ name, 'dist-tags': { latest: manifest.version },
    versions: { [manifest.version]: { ...manifest, dist } } }));
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
