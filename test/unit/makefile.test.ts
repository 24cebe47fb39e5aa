// The Makefile as it is, with a stand-in for npm that tells what reached it: targets, names and values.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { productRoot } from '../support/cli.ts';

const npm = `#!${process.execPath}
const { MAKE_GIVEN = '' } = process.env;
const values = Object.fromEntries(MAKE_GIVEN.split(/\\s+/).filter(Boolean).map((name) => [name, process.env[name]]));
(await import('node:fs')).writeFileSync('reached.json', JSON.stringify({ args: process.argv.slice(2), values }));
`;

interface Reached {
  readonly args: readonly string[];
  readonly values: Readonly<Record<string, string>>;
}

describe('the Makefile', function () {
  this.timeout(120_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'migrate-make-'));
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'node_modules'));
    copyFileSync(join(productRoot, 'Makefile'), join(folder, 'Makefile'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), '{}');
    writeFileSync(join(folder, 'bin', 'npm'), npm);
    chmodSync(join(folder, 'bin', 'npm'), 0o755);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const make = (args: readonly string[], env: Record<string, string> = {}) => {
    const PATH = `${join(folder, 'bin')}${delimiter}${process.env.PATH}`;
    const result = spawnSync('make', args, { cwd: folder, encoding: 'utf8', env: { PATH, ...env } });
    return { status: result.status, all: `${result.stdout}${result.stderr}` };
  };
  const reached = (args: readonly string[], env: Record<string, string> = {}): Reached => {
    const { status, all } = make(args, env);
    expect(status, all).to.equal(0);
    return JSON.parse(readFileSync(join(folder, 'reached.json'), 'utf8')) as Reached;
  };

  it('runs the command of the tool that each target is named after', () => {
    const text = readFileSync(join(folder, 'Makefile'), 'utf8');
    const targets = [...text.matchAll(/^([a-z-]+): ready ##/gm)].map(([, name = '']) => name);
    const commands = targets
      .filter((name) => name !== 'bench' && name !== 'test' && name !== 'lint')
      .map((target) => reached([target]).args);
    for (const args of commands) expect(args.slice(0, 4)).to.deep.equal(['run', '--silent', 'migrate', '--']);
    // `init` and `import` are for applications that begin with this tool.
    const wanted = commandLines
      .map(({ name }) => name)
      .filter((name) => name !== 'init' && name !== 'import');
    expect(commands.map((args) => args[4]).sort()).to.deep.equal(wanted.sort());
    expect(new Set(commands.map((args) => args.slice(5).join()))).to.deep.equal(new Set(['--make']));
  });

  it('hands a value on as it is, whatever it holds, and carries nothing out', () => {
    const awkward = [
      'x $(shell touch f)',
      'cost $50',
      '$$',
      '`touch f`',
      `'";touch f;#\\`,
      'a\nb',
      '$(name)',
      '\\ ',
      'a # ',
      'ü€',
    ];
    for (const value of awkward)
      expect(reached(['migrate-new', `name=${value}`]).values).to.deep.equal({ name: value });
    // Make leaves out blanks at the beginning of a value.
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...`$(){}\\'"\`;#=:% \t\n!&|<>*?~axtofile`) }),
        (value) => reached(['migrate-drift', `reason=.${value}`]).values.reason === `.${value}`,
      ),
      { numRuns: 60 },
    );
    expect(readdirSync(folder).sort()).to.deep.equal(
      ['Makefile', 'bin', 'node_modules', 'package-lock.json', 'package.json', 'reached.json'].sort(),
    );
  });

  it('takes only its own command line, not what the environment happens to have', () => {
    const environment = {
      to: '0',
      n: '3',
      MAKE_GIVEN: 'to n',
      args: '--dry-run',
      reason: '$(shell touch f)',
    };
    expect(reached(['migrate-down'], environment)).to.deep.equal({
      args: ['run', '--silent', 'migrate', '--', 'down', '--make'],
      values: {},
    });
  });

  it('refuses a variable for targets that take none', () => {
    expect(make(['lint', 'to=1'])).to.have.property('status', 2);
    expect(make(['bench', 'arg=1']).all)
      .to.include('knows no variable arg')
      .and.include('args');
    expect(reached(['bench', 'args=--quick --rounds $3 *']).args.slice(3)).to.deep.equal([
      ...['--', '--quick', '--rounds', '$3', '*'],
    ]);
  });
});
