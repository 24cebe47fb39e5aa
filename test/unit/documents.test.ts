// The documents: that their tables are what the code says, that their links lead somewhere, that README stays short.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../scripts/base/paths.ts';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { sqlTools } from '../../scripts/commands/import-sources.ts';
import { pauseBounds } from '../../scripts/execute/retry.ts';
import { foreignTools } from '../../scripts/history/read-foreign.ts';
import { rules } from '../../scripts/lint/rules/rules.ts';

const documents = [
  'README.md',
  'db/README.md',
  'scripts/README.md',
  'test/README.md',
  '.github/APPLICATIONS.md',
  '.github/DEPLOY.md',
  '.github/SECURITY.md',
  '.github/CONTRIBUTING.md',
  '.github/CHANGELOG.md',
];
const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8');
const makefile = read('Makefile');
const targets = [...makefile.matchAll(/^([a-z][a-z-]*):.*## /gm)].map(([, name]) => name ?? '');

/** The text between a heading and the next one of any level. */
function section(text: string, heading: string): string {
  const [, after = ''] = text.split(new RegExp(`^#+ ${heading}\\n`, 'm'));
  return after.split(/^#+ /m)[0] ?? '';
}

/** `#heading` of a link, as GitHub writes it. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('The documents', () => {
  for (const path of documents) {
    it(`link only to what is there: ${path}`, () => {
      const text = read(path);
      const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^https?:/.test(target))
        .filter((target) => {
          const [file = '', anchor] = target.split('#');
          const found = file === '' ? path : join(dirname(path), file);
          if (!existsSync(join(packageRoot, found))) return true;
          return anchor !== undefined && !anchors(read(found)).includes(anchor);
        });
      expect(broken).to.deep.equal([]);
    });

    it(`name only targets that the Makefile has: ${path}`, () => {
      const named = [...read(path).matchAll(/`make ([a-z][a-z-]*)/g)].map(([, name = '']) => name);
      expect(named.filter((name) => !targets.includes(name))).to.deep.equal([]);
    });
  }

  it('list every rule of lint with its severity, in the order of the code', () => {
    const rows = section(read('db/README.md'), 'Catalogue of rules').matchAll(
      /^\| `([a-z-]+)` \| (\w+) \| (.+) \|$/gm,
    );
    const written = [...rows].map(([, id, severity, summary]) => `${id} ${severity} ${summary}`);
    const known = Object.values(rules).map(({ id, severity, summary }) => `${id} ${severity} ${summary}`);
    expect(written).to.deep.equal(known);
  });

  it('have every target of the Makefile in README’s table of commands', () => {
    const table = section(read('README.md'), 'Commands');
    const missing = targets.filter((name) => !new RegExp(`\`make ${name}[ \`]`).test(table));
    expect(missing).to.deep.equal([]);
  });

  it('leave no command without a target and a npm script', () => {
    const scripts = Object.values(
      (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts,
    );
    // `init` and `import` are for applications that begin with this tool.
    const names = commandLines.map(({ name }) => name).filter((name) => name !== 'init' && name !== 'import');
    const ofMake: Readonly<Record<string, string>> = { create: 'migrate-new', check: 'check-migrations' };
    const isTarget = (name: string) =>
      [ofMake[name] ?? name, `migrate-${name}`].some((target) => targets.includes(target));
    expect(names.filter((name) => !isTarget(name))).to.deep.equal([]);
    expect(names.filter((name) => !scripts.includes(`node scripts/run.cjs ${name}`))).to.deep.equal([]);
  });

  it('leave applications no target of a command out', () => {
    const commands = [...makefile.matchAll(/^([a-z-]+):.*\n\t\$\(run\)$/gm)].map(([, name = '']) => name);
    const [, list = ''] =
      /^migrate_targets := ((?:.*\\\n)*.*)$/m.exec(read('db/templates/init/migrate.mk')) ?? [];
    expect(list.split(/[\s\\]+/).sort()).to.deep.equal(commands.sort());
  });

  it('name every family of rules', () => {
    const families = [...read('scripts/lint/rules/rules.ts').matchAll(/Rules \} from '\.\/(.+)\.ts'/g)];
    const rows = section(read('scripts/README.md'), 'Where to change what')
      .split('| family in ')[1]!
      .matchAll(/^\| (`.+?) \| /gm);
    const named = [...rows].flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '));
    expect(named.sort()).to.deep.equal(families.map(([, name = '']) => name).sort());
  });

  it('name every tool that baseline and import read, in the help too', () => {
    const helpOf = (command: string) =>
      commandLines
        .find(({ name }) => name === command)
        ?.options?.find(([flags]) => flags.startsWith('--from '))?.[1];
    const named = (text: string) => text.split(/, | or /).sort();
    const help = helpOf('baseline')!.replace('take over the history of ', '');
    expect(named(help)).to.deep.equal([...foreignTools].sort());
    expect(named(helpOf('import')!)).to.deep.equal([...sqlTools.keys()].sort());
    const rows = section(read('db/README.md'), 'Adopting an existing database: `baseline`').matchAll(
      /^\| ((?:`[a-z-]+`(?:, )?)+) \|/gm,
    );
    const written = [...rows].flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '));
    expect(written.filter((name) => !name.startsWith('--')).sort()).to.deep.equal([...foreignTools].sort());
  });

  it('say how long the pauses between attempts at a lock are', () => {
    const seconds = (attempt: number) => {
      const { least, most } = pauseBounds(attempt);
      return `${least / 1000}–${most / 1000} s`;
    };
    expect(pauseBounds(1).most).to.equal(2 * pauseBounds(0).most);
    expect(read('db/README.md')).to.include(
      `The pause is ${seconds(0)} at first, doubles each time, and is ${seconds(99)} at most.`,
    );
  });

  it('keep README to what a newcomer and a bad night need', () => {
    expect(
      Buffer.byteLength(read('README.md')),
      'bytes of README.md; move something that is not of the first minutes to db/README.md',
    ).to.be.below(15_000);
  });
});
