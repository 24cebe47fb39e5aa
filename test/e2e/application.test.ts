// The package in an application, as each package manager installs it: packed, without sources, nothing built on install.
// A newcomer lays the migrations, writes one, and the application starts only when the database has it.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterRun, cleanUpAfterTest } from '../support/cleanup.ts';
import { isSettled, productRoot } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const name = 'postgres-migrations-orchestrator';

/** How one package manager adds the packed tool, runs its command, and runs a script of the application. */
interface Route {
  readonly title: string;
  readonly files?: Record<string, string>;
  readonly add: readonly string[];
  readonly migrate: readonly string[];
  readonly node: readonly string[];
}

const yarn4 = ['npx', '--yes', '@yarnpkg/cli-dist@4.10.3'];
const routes: readonly Route[] = [
  {
    title: 'npm',
    add: ['npm', 'install', '--no-audit', '--no-fund', './tool.tgz'],
    migrate: ['npx', '--no', 'migrate'],
    node: ['node'],
  },
  {
    title: 'npm 10',
    add: ['npx', '--yes', 'npm@10.9.4', 'install', '--no-audit', '--no-fund', './tool.tgz'],
    migrate: ['npx', '--no', 'migrate'],
    node: ['node'],
  },
  {
    title: 'pnpm',
    add: ['npx', '--yes', 'pnpm@10.18.3', 'add', './tool.tgz'],
    migrate: ['npx', '--yes', 'pnpm@10.18.3', 'exec', 'migrate'],
    node: ['node'],
  },
  {
    title: 'yarn classic',
    add: ['npx', '--yes', 'yarn@1.22.22', 'add', '--non-interactive', 'file:./tool.tgz'],
    migrate: ['npx', '--yes', 'yarn@1.22.22', '--silent', 'migrate'],
    node: ['node'],
  },
  {
    title: 'yarn 4 with node_modules',
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n' },
    add: [...yarn4, 'add', './tool.tgz'],
    migrate: [...yarn4, 'run', 'migrate'],
    node: ['node'],
  },
  {
    title: 'yarn 4 with Plug’n’Play, where the package lies in an archive',
    files: { '.yarnrc.yml': 'nodeLinker: pnp\nenableTelemetry: false\n' },
    add: [...yarn4, 'add', './tool.tgz'],
    migrate: [...yarn4, 'run', 'migrate'],
    node: [...yarn4, 'node'],
  },
];

let packed: string;

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-application-'));
  return folder;
}

function execute(
  cwd: string,
  [file = '', ...args]: readonly string[],
  env: Record<string, string> = {},
): string {
  const { DATABASE_URL: _, CI: __, ...rest } = process.env;
  return execFileSync(file, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    // Yarn knows a package by its version: another build of the same one would come out of a cache that is shared.
    env: {
      ...rest,
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_CACHE_FOLDER: join(cwd, '.yarn-cache'),
      ...env,
    },
  });
}

/** What the process ended with, and all it said. */
function attempt(
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

function application(files: Record<string, string> = {}): string {
  const folder = temporary();
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  writeFileSync(join(folder, 'package.json'), '{\n  "name": "shop",\n  "private": true\n}\n');
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  cpSync(packed, join(folder, 'tool.tgz'));
  return folder;
}

/** From an empty folder to an application that starts; every step is what the one before told to do. */
function adopt(
  folder: string,
  { migrate, node }: Pick<Route, 'migrate' | 'node'>,
  database: TestDatabase,
): void {
  const env = { ...database.env(), MIGRATE_ENV: 'development' };
  expect(execute(folder, [...migrate, 'init'])).to.include('created  db/config.json');
  const again = execute(folder, [...migrate, 'init']);
  expect(again).not.to.include('created').and.not.to.include('added');
  const directory = join(folder, 'db', 'migrations');
  const [up = ''] = readdirSync(directory).filter((file) => file.endsWith('.up.sql'));
  writeFileSync(join(directory, up), 'CREATE TABLE customers (id bigint PRIMARY KEY);\n');
  writeFileSync(join(directory, up.replace('.up.', '.down.')), 'DROP TABLE customers;\n');
  execute(folder, [...migrate, 'manifest', '--out', 'migrations.json'], env);
  const gate = `require('${name}/gate').assertSchema({ manifest: 'migrations.json', logger: { log() {}, warn() {} } })`;
  writeFileSync(
    join(folder, 'start.cjs'),
    `${gate}.then(({ state }) => console.log('started', state), ({ message }) => { console.error(message); process.exit(1); });\n`,
  );
  const [refused, why] = attempt(folder, [...node, 'start.cjs'], env);
  expect(refused, why).to.equal(1);
  expect(execute(folder, [...migrate, 'up'], env)).to.include('Applied 1 migration');
  expect(execute(folder, [...migrate, 'up'], env)).to.include('Already up to date');
  expect(execute(folder, [...node, 'start.cjs'], env)).to.include('started current');
  const shadow = { SHADOW_DATABASE_URL: database.url };
  expect(execute(folder, [...migrate, 'docs', '--html', 'schema.html'], shadow)).to.include(
    'Wrote schema.html',
  );
  expect(readFileSync(join(folder, 'schema.html'), 'utf8')).to.include('public.customers');
  const code = `require('${name}').status().then(({ ok, migrations }) => console.log(ok, migrations.length))`;
  writeFileSync(join(folder, 'status.cjs'), `${code};\n`);
  expect(execute(folder, [...node, 'status.cjs'], env)).to.include('true 1');
}

describe('The package in an application', function () {
  this.timeout(300_000);

  before(() => {
    const folder = temporary();
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
  });

  for (const route of routes) {
    it(`is installed by ${route.title}, without a build`, async function () {
      const folder = application(route.files);
      const database = await createDatabase();
      const [code, said] = attempt(folder, route.add, {});
      if (code !== 0 && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|E404|not in this registry/.test(said)) {
        process.stdout.write(`# skipped, the registry does not have what ${route.title} needs:\n${said}\n`);
        this.skip();
      }
      expect(code, said).to.equal(0);
      adopt(folder, route, database);
    });
  }

  it('takes a NestJS application from its sources to a start, which it refuses before', async () => {
    const folder = application();
    const database = await createDatabase();
    const env = { ...database.env(), MIGRATE_ENV: 'development', PGPASSWORD: database.password };
    cpSync(join(productRoot, 'test', 'fixtures', 'nest-app'), folder, { recursive: true });
    execute(folder, ['npm', 'install', '--no-audit', '--no-fund', './tool.tgz']);
    for (const name of ['@nestjs', '@types', 'reflect-metadata', 'rxjs'])
      symlinkSync(join(productRoot, 'node_modules', name), join(folder, 'node_modules', name));
    const migrate = ['npx', '--no', 'migrate'];
    execute(folder, [...migrate, 'init']);
    const directory = join(folder, 'db', 'migrations');
    const [up = ''] = readdirSync(directory).filter((file) => file.endsWith('.up.sql'));
    writeFileSync(join(directory, up), 'CREATE TABLE customers (id bigint PRIMARY KEY);\n');
    writeFileSync(join(directory, up.replace('.up.', '.down.')), 'DROP TABLE customers;\n');
    execute(folder, [
      process.execPath,
      join(productRoot, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      '.',
    ]);
    execute(folder, ['npm', 'run', '--silent', 'migrate:manifest']);
    const start = { ...env, DATABASE_URL: database.url };
    const [code, said] = attempt(folder, [process.execPath, 'dist/main.js'], start);
    expect(code, said).to.equal(1);
    expect(said).to.include(`lacks: ${up.replace('.up.sql', '')}`);
    execute(folder, ['npm', 'run', '--silent', 'migrate:up'], env);
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: folder,
      env: { ...process.env, ...start },
    });
    cleanUpAfterTest(async () => void child.kill('SIGKILL'));
    let output = '';
    for await (const data of child.stdout) {
      output += data;
      if (/listening on \d+/.test(output)) break;
    }
    expect(output).to.match(/listening on \d+/);
  });

  it('works as a workspace of a monorepo, built from its sources', async () => {
    const folder = application();
    const database = await createDatabase();
    const tool = join(folder, 'packages', 'migrations');
    mkdirSync(tool, { recursive: true });
    for (const path of [
      'package.json',
      'tsconfig.json',
      'scripts',
      'db/ledger',
      'db/templates',
      'db/roles.sql',
    ])
      cpSync(join(productRoot, path), join(tool, path), { recursive: true, filter: isSettled });
    writeFileSync(
      join(folder, 'package.json'),
      '{ "name": "shop", "private": true, "workspaces": ["packages/*"] }\n',
    );
    const [code, said] = attempt(folder, ['npm', 'install', '--no-audit', '--no-fund'], {});
    expect(code, said).to.equal(0);
    expect(existsSync(join(tool, 'node_modules', 'esbuild')), 'npm hoists the compiler').to.equal(false);
    adopt(folder, { migrate: ['npx', '--no', 'migrate'], node: ['node'] }, database);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).to.include('.postgres/');
  });
});
