// Messages name commands once, for make; here is what they become where there is no make.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { additionOf, callStyleOf, callStyleOfPackage, commandOf } from '../../scripts/base/call-style.ts';
import { MigrateError } from '../../scripts/base/errors.ts';
import { packageRoot } from '../../scripts/base/paths.ts';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { variablesOf } from '../../scripts/cli/make-variables.ts';
import { respell, respellError } from '../../scripts/cli/spelling.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';

describe('The spelling of commands', () => {
  const cases: readonly (readonly [written: string, npx: string])[] = [
    ['make migrate-up goes on.', 'npx migrate up goes on.'],
    ['Mend x.sql, then run make migrate-down again.', 'Mend x.sql, then run npx migrate down again.'],
    ['make migrate-baseline to=20250117090000, or', 'npx migrate baseline --to 20250117090000, or'],
    ['make migrate-new name=create-users', 'npx migrate create create-users'],
    ['(make migrate-new name=…).', '(npx migrate create …).'],
    [
      'make migrate-environment set=staging confirm=production',
      'npx migrate environment --set staging --confirm production',
    ],
    ['make migrate-drift accept=1 reason="a b"', 'npx migrate drift --accept --reason "a b"'],
    ['make migrate-drift verbose=1 shows', 'npx migrate drift --verbose shows'],
    ['make schema and commit', 'npx migrate schema and commit'],
    ['make check-migrations', 'npx migrate check'],
    ['npm run migrate:repair -- --accept 1 --reason "x"', 'npx migrate repair --accept 1 --reason "x"'],
    ['npm run migrate -- --help lists', 'npx migrate --help lists'],
    [
      'Wrote it: make manifest (npm run migrate:manifest).',
      'Wrote it: npx migrate manifest (npx migrate manifest).',
    ],
    ['make sure that it holds', 'make sure that it holds'],
  ];
  for (const [written, npx] of cases) {
    it(`turns "${written}" into "${npx}" in an application`, () => {
      expect(respell(written, 'npx')).to.equal(npx);
      expect(respell(written, 'make')).to.equal(written);
    });
  }

  it('adds a package with the manager whose lock file is there, else with the one that was called', () => {
    const root = mkdtempSync(join(tmpdir(), 'migrate-manager-'));
    cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
    const member = join(root, 'packages', 'api');
    mkdirSync(member, { recursive: true });
    const added = (folder: string, agent = '') => additionOf('x@1', folder, { npm_config_user_agent: agent });
    const lay = (name: string, text = '') => writeFileSync(join(root, name), text);
    expect(added(member)).to.equal('npm install --save-dev x@1');
    expect(added(member, 'pnpm/10.1.0 npm/? node/v22')).to.equal('pnpm add --save-dev x@1');
    expect(added(member, 'yarn/1.22.22 npm/? node/v22')).to.equal('yarn add --dev x@1');
    lay('yarn.lock');
    expect(added(root)).to.equal('yarn add --dev x@1');
    lay('package.json', '{ "workspaces": ["packages/*"] }');
    expect(added(root)).to.equal('yarn add --dev --ignore-workspace-root-check x@1');
    expect(added(member, 'npm/11'), 'below the root').to.equal('yarn add --dev x@1');
    lay('.yarnrc.yml');
    expect(added(root), 'a newer yarn').to.equal('yarn add --dev x@1');
    lay('pnpm-lock.yaml');
    lay('pnpm-workspace.yaml');
    expect(added(root)).to.equal('pnpm add --save-dev --workspace-root x@1');
    expect(added(member)).to.equal('pnpm add --save-dev x@1');
    lay('package-lock.json');
    expect(added(root)).to.equal('npm install --save-dev x@1');
  });

  it('reaches what an error says, but not what the database said', () => {
    const error = new MigrateError('locked', 'make migrate-up waits', {
      hint: 'make migrate-up',
      problems: ['make migrate-rebase'],
      database: { sqlState: '55P03', detail: 'make migrate-up' },
    });
    const told = respellError(error, 'npx') as MigrateError;
    expect(told.message).to.equal('npx migrate up waits');
    expect(told.options.hint).to.equal('npx migrate up');
    expect(told.options.problems).to.deep.equal(['npx migrate rebase']);
    expect(told.options.database?.detail).to.equal('make migrate-up');
  });

  it('is that of the place: a package in an application, its Makefile, the image, this repository', () => {
    const root = mkdtempSync(join(tmpdir(), 'migrate-place-'));
    cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
    const installed = '/shop/node_modules/.bin/migrate';
    expect(callStyleOf(root, installed, {})).to.equal('npx');
    expect(callStyleOf(root, installed, { npm_config_user_agent: 'yarn/4.10.3 npm/? node/v22' })).to.equal(
      'yarn',
    );
    expect(callStyleOf(root, '/tool/scripts/run.cjs', {})).to.equal('make');
    expect(callStyleOf(root, installed, { MIGRATE_CALLED_AS: 'container' })).to.equal('container');
    expect(callStyleOfPackage(root, {}), 'imported, whatever was called').to.equal('npx');
    for (const image of ['.github/Dockerfile', 'db/templates/init/Dockerfile'])
      expect(readFileSync(join(packageRoot, image), 'utf8'), image).to.match(
        /^ENV .*MIGRATE_CALLED_AS=container/m,
      );
    writeFileSync(join(root, 'Makefile'), 'migrate-up:\n\tnpx migrate up\n');
    expect(callStyleOf(root, installed, {})).to.equal('make');
  });

  it('is left to one place: messages name targets of make, or npm scripts, that become commands elsewhere', () => {
    const problems: string[] = [];
    for (const { path, text } of messages()) {
      const wrong = (what: string) => problems.push(`${path}: ${what}`);
      for (const [call] of text.matchAll(/\b(?:npx|yarn|pnpm) [a-z@-]+|\bdocker run\b|\bnode \S+\.c?js/g))
        wrong(`"${call}" is spelled in a message`);
      for (const [, script = ''] of text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g))
        if (script !== 'migrate' && !names.has(script.replace('migrate:', ''))) wrong(`npm run ${script}`);
      for (const [call, target = '', variables = ''] of text.matchAll(
        /\bmake ((?:migrate|check|db)-[a-z-]+|[a-z]+(?= [a-z_]+=))((?: [a-z_]+=)?)/g,
      )) {
        const command = commandOf(target) ?? '';
        const line = commandLines.find(({ name }) => name === command);
        const variable = variables.trim().replace('=', '');
        const known =
          line !== undefined && [...variablesOf(line).keys(), 'name', 'args', ''].includes(variable);
        if (!known) wrong(`"${call}" is no command with such a variable`);
      }
    }
    expect(problems).to.deep.equal([]);
  });
});

const names = new Set(commandLines.map(({ name }) => name));

/** The one file that decides, and the one whose words are laid into an application's files, and said to nobody. */
const ownWords = [join('base', 'call-style.ts'), join('commands', 'package-manager.ts')];

/** The texts of every source without its comments. */
function messages(): { readonly path: string; readonly text: string }[] {
  const folder = join(packageRoot, 'scripts');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !ownWords.includes(path))
    .map((path) => ({
      path,
      text: readFileSync(join(folder, path), 'utf8').replaceAll(/^\s*(?:\/\/|\*|\/\*).*$|\s\/\/ .*$/gm, ''),
    }));
}
