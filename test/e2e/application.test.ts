// The package in an application, as each package manager installs it: packed, without sources, nothing built on install.
// A newcomer lays the migrations, writes one, and the application starts only when the database has it.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  adopt,
  application,
  applicationOfNpm,
  attempt,
  type Caller,
  callerOf,
  execute,
  name,
  notThere,
  packTool,
  type Route,
  registry,
  writeFirst,
} from '../support/application.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { isSettled, productRoot } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const pnpm = ['pnpm@10.18.3', 'pnpm'] as const;
const yarnClassic = ['yarn@1.22.22', 'yarn'] as const;
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
    manager: pnpm,
    add: ['add', '--prefer-offline', './tool.tgz'],
    migrate: ['exec', 'migrate'],
  },
  {
    title: 'yarn classic',
    manager: yarnClassic,
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
  {
    title: 'pnpm in a workspace',
    manager: pnpm,
    files: { 'pnpm-workspace.yaml': 'packages: ["apps/*"]\n' },
    member: 'apps/shop',
    add: ['add', '--prefer-offline', '../../tool.tgz'],
    migrate: ['exec', 'migrate'],
  },
  {
    title: 'yarn classic in a workspace',
    manager: yarnClassic,
    member: 'apps/shop',
    add: ['add', '--non-interactive', '--prefer-offline', 'file:../../tool.tgz'],
    migrate: ['--silent', 'migrate'],
  },
  {
    title: 'yarn 4 in a workspace',
    manager: yarn4,
    files: { '.yarnrc.yml': 'nodeLinker: node-modules\nenableTelemetry: false\n', 'yarn.lock': '' },
    member: 'apps/shop',
    add: ['add', '../../tool.tgz'],
    migrate: ['run', 'migrate'],
  },
];

describe('The package in an application', function () {
  this.timeout(300_000);

  before(() => void packTool());

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
        folder = route.manager === undefined ? applicationOfNpm() : application(route.files, route.member);
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

  it('is installed by npm from a registry', async () => {
    const folder = application();
    const database = await createDatabase();
    const address = await registry();
    const add = ['npm', 'install', '--no-audit', '--no-fund', `--registry=${address}`, name];
    const [code, said] = attempt(folder, add, {});
    expect(code, said).to.equal(0);
    const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(dependencies[name], 'a version, not a file').to.match(/^\^\d/);
    const bin = join('node_modules', '.bin', 'migrate');
    adopt(folder, [bin], { manager: ['npm'], migrate: [bin], node: ['node'], env: {} }, database);
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
