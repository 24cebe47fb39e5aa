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
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterRun, cleanUpAfterTest } from '../support/cleanup.ts';
import { isSettled, productRoot } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { nodeBinary } from '../support/node-versions.ts';

const name = 'postgres-migrations-orchestrator';

/** How one package manager adds the packed tool, runs its command, and runs a script of the application. */
interface Route {
  readonly title: string;
  /** The manager as a package with its command; npx fetches it once, and is not asked again. Else that of this machine. */
  readonly manager?: readonly [spec: string, command: string];
  /** A Node.js version that the manager needs, where it is not this one. */
  readonly nodeVersion?: string;
  readonly files?: Record<string, string>;
  readonly add: readonly string[];
  /** Behind the manager's command. */
  readonly migrate: readonly string[];
  /** No node_modules: every script runs through the manager. */
  readonly pnp?: boolean;
}

const yarn4 = ['@yarnpkg/cli-dist@4.10.3', 'yarn'] as const;
const npmAdd = ['install', '--no-audit', '--no-fund', './tool.tgz'];
const npmMigrate = ['exec', '--no', '--', 'migrate'];
const routes: readonly Route[] = [
  { title: 'npm', add: npmAdd, migrate: npmMigrate },
  { title: 'npm 10', manager: ['npm@10.9.4', 'npm'], add: npmAdd, migrate: npmMigrate },
  {
    title: 'npm 12',
    manager: ['npm@12.2.1', 'npm'],
    nodeVersion: '24.15.0',
    add: npmAdd,
    migrate: npmMigrate,
  },
  {
    title: 'pnpm',
    manager: ['pnpm@10.18.3', 'pnpm'],
    add: ['add', '--prefer-offline', './tool.tgz'],
    migrate: ['exec', 'migrate'],
  },
  {
    title: 'yarn classic',
    manager: ['yarn@1.22.22', 'yarn'],
    add: ['add', '--non-interactive', '--prefer-offline', 'file:./tool.tgz'],
    migrate: ['--silent', 'migrate'],
  },
  {
    title: 'yarn 4 with node_modules',
    manager: yarn4,
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n' },
    add: ['add', './tool.tgz'],
    migrate: ['run', 'migrate'],
  },
  {
    title: 'yarn 4 with Plug’n’Play, where the package lies in an archive',
    manager: yarn4,
    files: { '.yarnrc.yml': 'nodeLinker: pnp\nenableTelemetry: false\n' },
    add: ['add', './tool.tgz'],
    migrate: ['run', 'migrate'],
    pnp: true,
  },
];

/** The registry does not answer, or does not have it: a reason to skip, loudly. */
const notThere = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|E404|not in this registry/;

let packed: string;
/** Yarn's caches, of this run: yarn knows a package by its version, and another build of it would come out of an older one. */
let caches: string;
/** An application with the package, installed by npm: for tests that are not about installing. */
let installed: string | undefined;

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'migrate-application-'));
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

/** An application of one's own, as npm installed it once: the files are shared with the other ones, by hard links. */
function applicationOfNpm(): string {
  if (installed === undefined) {
    installed = temporary();
    const made = installed;
    cleanUpAfterRun(async () => rmSync(made, { recursive: true, force: true, maxRetries: 5 }));
    writeFileSync(join(made, 'package.json'), '{ "name": "shop", "private": true }\n');
    cpSync(packed, join(made, 'tool.tgz'));
    execute(made, ['npm', ...npmAdd]);
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
interface Caller {
  /** Through the package manager, as a person does. */
  readonly manager: readonly string[];
  readonly migrate: readonly string[];
  readonly node: readonly string[];
  readonly env: Record<string, string>;
}

/** @throws what npx said, where the manager cannot be fetched */
async function callerOf({ manager, nodeVersion, migrate, pnp }: Route): Promise<Caller> {
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
  return pnp
    ? { manager: call, migrate: [...call, ...migrate], node: [...call, 'node'], env }
    : { manager: call, migrate: [join('node_modules', '.bin', 'migrate')], node: [node], env };
}

/** Writes the first migration into the pair that `init` laid. @returns its id */
function writeFirst(folder: string): string {
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
function adopt(
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

describe('The package in an application', function () {
  this.timeout(300_000);

  before(() => {
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
  });

  for (const route of routes) {
    it(`is installed by ${route.title}, without a build`, async function () {
      const database = await createDatabase();
      const skip = (said: string) => {
        if (!notThere.test(said)) expect.fail(said);
        process.stdout.write(`# skipped, the registry does not have what ${route.title} needs:\n${said}\n`);
        this.skip();
      };
      let caller: Caller;
      let folder: string;
      try {
        caller = await callerOf(route);
        folder = route.manager === undefined ? applicationOfNpm() : application(route.files);
      } catch (error) {
        return skip((error as Error).message);
      }
      if (route.manager !== undefined) {
        const [code, said] = attempt(folder, [...caller.manager, ...route.add], caller.env);
        if (code !== 0) return skip(said);
      }
      adopt(folder, [...caller.manager, ...route.migrate], caller, database);
      // Where the package cannot be written to, the second run finds nothing that the first one left.
      if (route.pnp)
        expect(execute(folder, [...caller.migrate, 'up'], database.env())).to.include('Already up to date');
    });
  }

  it('finds the page of the schema in the package, and its types under every resolution', async () => {
    const folder = applicationOfNpm();
    const database = await createDatabase();
    execute(folder, ['npx', '--no', 'migrate', 'init']);
    writeFirst(folder);
    const shadow = { SHADOW_DATABASE_URL: database.url };
    const docs = execute(
      folder,
      ['npm', 'run', '--silent', 'migrate:docs', '--', '--html', 'schema.html'],
      shadow,
    );
    expect(docs).to.include('Wrote schema.html');
    expect(readFileSync(join(folder, 'schema.html'), 'utf8')).to.include('public.customers');
    for (const kind of ['@types', '@nestjs'])
      symlinkSync(join(productRoot, 'node_modules', kind), join(folder, 'node_modules', kind));
    const code = `import { down, plan, status, up, verify, type RunDocument } from '${name}';
import { assertSchema, type SchemaState } from '${name}/gate';
import { MigrationGateModule } from '${name}/nest';
import { testDatabase, type TestDatabase } from '${name}/testing';
export const run: Promise<RunDocument> = up({ signal: new AbortController().signal, logger: console, n: 1 });
export const state: Promise<SchemaState> = assertSchema({ fingerprint: true, logger: console });
export const database: Promise<TestDatabase> = testDatabase();
export const module = MigrationGateModule.forRoot({ onMismatch: 'not-ready' });
// @ts-expect-error a version is text: types must not have become any
export const all = [up({ to: 1 }), down(), plan(), status(), verify()];\n`;
    for (const file of ['app.mts', 'app.cts', 'app.ts']) writeFileSync(join(folder, file), code);
    const compiler = [process.execPath, join(productRoot, 'node_modules', 'typescript', 'bin', 'tsc')];
    const strict = ['--noEmit', '--strict', '--types', 'node'];
    for (const [module, resolution, ...files] of [
      ['node16', 'node16', 'app.mts', 'app.cts'],
      ['nodenext', 'nodenext', 'app.mts', '--skipLibCheck'],
      ['esnext', 'bundler', 'app.ts', '--skipLibCheck'],
    ] as const) {
      const options = [...strict, '--module', module, '--moduleResolution', resolution, ...files];
      const [wrong, said] = attempt(folder, [...compiler, ...options], {});
      expect(wrong, `${resolution}: ${said}`).to.equal(0);
    }
    // What resolution without "exports" (node10) goes by; TypeScript 7 has no such mode any more.
    const { exports, typesVersions, types } = JSON.parse(
      readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'),
    ) as {
      exports: Record<string, { types: string }>;
      typesVersions: { '*': Record<string, string[]> };
      types: string;
    };
    const older = Object.fromEntries(
      Object.entries(exports).flatMap(([path, { types: file }]) =>
        file === undefined || path === '.' ? [] : [[path.slice(2), [file.slice(2)]]],
      ),
    );
    expect(typesVersions['*']).to.deep.equal(older);
    expect(types).to.equal(exports['.']?.types);
  });

  it('takes a NestJS application from its sources to a start, which it refuses before', async () => {
    const folder = applicationOfNpm();
    const database = await createDatabase();
    const env = { ...database.env(), MIGRATE_ENV: 'development', PGPASSWORD: database.password };
    const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    cpSync(join(productRoot, 'test', 'fixtures', 'nest-app'), folder, { recursive: true });
    expect(dependencies).to.have.property(name);
    for (const each of ['@nestjs', '@types', 'reflect-metadata', 'rxjs'])
      symlinkSync(join(productRoot, 'node_modules', each), join(folder, 'node_modules', each));
    execute(folder, ['npx', '--no', 'migrate', 'init']);
    const first = writeFirst(folder);
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
    expect(said).to.include(`lacks: ${first}`);
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
    // Of what it is developed with only what its build needs: the rest would be fetched to no end.
    const manifest = JSON.parse(readFileSync(join(tool, 'package.json'), 'utf8'));
    const builds =
      /^(?:esbuild|typescript|d3-.*|@dagrejs\/dagre|@types\/(?:node|pg|d3-.*)|@nestjs\/common|reflect-metadata|rxjs)$/;
    manifest.devDependencies = Object.fromEntries(
      Object.entries(manifest.devDependencies).filter(([each]) => builds.test(each)),
    );
    writeFileSync(join(tool, 'package.json'), JSON.stringify(manifest));
    writeFileSync(
      join(folder, 'package.json'),
      '{ "name": "shop", "private": true, "workspaces": ["packages/*"] }\n',
    );
    const [code, said] = attempt(folder, ['npm', 'install', '--no-audit', '--no-fund'], {});
    expect(code, said).to.equal(0);
    expect(existsSync(join(tool, 'node_modules', 'esbuild')), 'npm hoists the compiler').to.equal(false);
    const bin = join('node_modules', '.bin', 'migrate');
    adopt(folder, [bin], { manager: ['npm'], migrate: [bin], node: ['node'], env: {} }, database);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).to.include('.postgres/');
  });
});
