// What variables of make's command line mean to a command: one table, the command line's own.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { makeArguments, settingNames, splitWords, variablesOf } from '../../scripts/cli/make-variables.ts';
import { variablesSchema } from '../../scripts/config/settings.ts';

const line = (name: string) => commandLines.find((each) => each.name === name)!;
const given = (name: string, variables: Record<string, string>) =>
  makeArguments(line(name), { ...variables, MAKE_GIVEN: Object.keys(variables).join(' ') });
const refusal = (name: string, variables: Record<string, string>) => {
  try {
    return given(name, variables);
  } catch (error) {
    if (!(error instanceof MigrateError)) throw error;
    return `${error.code}: ${error.message}. ${error.options.hint ?? ''}`;
  }
};

describe('variables of make', () => {
  it('are the options of every command, with _ for -', () => {
    for (const each of commandLines) {
      for (const [name, { flag }] of variablesOf(each))
        expect(`--${name.replaceAll('_', '-')}`).to.equal(flag);
    }
    expect(given('down', { to: '0', dry_run: '1' })).to.deep.equal(['--to=0', '--dry-run']);
    expect(given('up', { expect_fingerprint: '', n: '2' })).to.deep.equal(['--expect-fingerprint', '--n=2']);
    expect(given('drift', { accept: '1', reason: 'it is right' })).to.deep.equal([
      '--accept',
      '--reason=it is right',
    ]);
    expect(given('repair', { record: '20250101000000=applied' })).to.deep.equal([
      '--record=20250101000000=applied',
    ]);
  });

  it('keep what they hold, and never become an option of their own', () => {
    for (const hostile of ['--json', '$(touch f)', '`x`', `"'\\`, 'a\nb', '=', ' ']) {
      expect(given('drift', { reason: hostile })).to.deep.equal([`--reason=${hostile}`]);
      expect(given('create', { name: hostile })).to.deep.equal(['--', hostile]);
    }
  });

  it('are refused where the command does not know them, with the nearest name', () => {
    expect(refusal('down', { To: '0' }))
      .to.match(/^usage: make knows no variable "To" for down/)
      .and.include('to=');
    expect(refusal('down', { dryrun: '1' })).to.include('dry_run=');
    expect(refusal('redo', { dry_run: '1' })).to.match(/^usage: make knows no variable "dry_run" for redo/);
    expect(refusal('up', { MIGRATE_EVN: 'staging' })).to.include('MIGRATE_ENV=');
    expect(refusal('down', { dry_run: 'please' })).to.include('dry_run=1');
  });

  it('are the settings of the tool as well, and these are no arguments', () => {
    expect(given('up', { MIGRATE_ENV: 'staging', PGPASSWORD: 'a$b' })).to.deep.equal([]);
    expect(settingNames).to.include.members(Object.keys(variablesSchema.shape));
  });

  it('count only when the Makefile says so', () => {
    expect(makeArguments(line('down'), { to: '0', n: '3' })).to.deep.equal([]);
    // `dry_run=1 make migrate-down` would revert.
    expect(() => makeArguments(line('down'), { dry_run: '1' })).to.throw('dry_run is set in the environment');
    expect(() => makeArguments(line('redo'), { dry_run: '1' })).to.throw('dry_run is set in the environment');
    // `n=1 make migrate-up` would apply all, and one with `targets` another database.
    for (const name of ['to', 'n', 'plan', 'targets', 'targets_query'])
      expect(() => makeArguments(line('up'), { [name]: '1' })).to.throw(`${name} is set in the environment`);
    expect(makeArguments(line('up'), { n: '', MAKE_GIVEN: '' })).to.deep.equal([]);
  });

  it('hold words in args=, told apart as a shell does, and nothing is carried out', () => {
    expect(splitWords(` --log  3 --reason "a \\"b\\" c" 'd e' f\\ g $(x) "" `)).to.deep.equal([
      ...['--log', '3', '--reason', 'a "b" c', 'd e', 'f g', '$(x)', ''],
    ]);
    expect(given('status', { args: '--log 3', json: '1' })).to.deep.equal(['--json', '--log', '3']);
  });
});
