// Directives: what the comments above a file's first statement ask for.
import { expect } from 'chai';
import { readDirectives } from '../../scripts/files/directives.ts';

const read = (text: string, direction: 'up' | 'down' = 'up') => readDirectives(text, direction);
const problem = (text: string, direction: 'up' | 'down' = 'up') =>
  read(text, direction)
    .problems.map(({ line, message }) => `${line}: ${message}`)
    .join('\n');

describe('Directives', () => {
  it('are read from comments before the first statement, whatever stands between them', () => {
    const text = [
      '/* about this file */',
      '-- migrate: no-transaction',
      '',
      '  -- migrate:lock-timeout=5s  ',
      '-- migrate: statement-timeout=10min',
      '-- migrate: allow drop-column the release before stopped reading it',
      'SELECT 1;',
    ].join('\r\n');
    const { directives, problems } = read(text);
    expect(problems).to.deep.equal([]);
    expect(directives).to.deep.include({
      noTransaction: true,
      lockTimeoutMs: 5000,
      statementTimeoutMs: 600_000,
    });
    expect(directives.allow).to.deep.equal([
      { rule: 'drop-column', reason: 'the release before stopped reading it', line: 6 },
    ]);
  });

  it('are absent in an ordinary file', () => {
    const { directives, problems } = read('-- a comment\nSELECT 1;');
    expect(problems).to.deep.equal([]);
    expect(directives).to.deep.equal({ noTransaction: false, allow: [] });
  });

  it('may say irreversible in a down file, with the reason', () => {
    expect(read('-- migrate: irreversible the rows are gone', 'down').directives.irreversible).to.equal(
      'the rows are gone',
    );
  });

  const wrong: [string, string, 'up' | 'down', string][] = [
    ['an unknown word', '-- migrate: no-transactions', 'up', '1: unknown directive "no-transactions"'],
    ['a wrong case', '-- migrate: No-Transaction', 'up', '1: unknown directive'],
    ['nothing at all', '\n-- migrate:\nSELECT 1', 'up', '2: unknown directive ""'],
    ['more than it takes', '-- migrate: no-transaction please', 'up', 'takes nothing after it'],
    ['irreversible in an up file', '-- migrate: irreversible because', 'up', 'belongs in the .down.sql'],
    ['irreversible without a reason', '-- migrate: irreversible', 'down', 'needs a reason'],
    ['a time-out that is none', '-- migrate: lock-timeout=soon', 'up', 'needs a duration'],
    ['a time-out without a value', '-- migrate: statement-timeout', 'up', 'needs a duration'],
    ['allow without a reason', '-- migrate: allow drop-column', 'up', 'needs a rule and a reason'],
    [
      'the same twice',
      '-- migrate: lock-timeout=5s\n-- migrate: lock-timeout=6s',
      'up',
      '2: directive lock-timeout is given twice',
    ],
    [
      'a place below a statement',
      'SELECT 1;\n-- migrate: no-transaction',
      'up',
      '2: a directive must stand before',
    ],
  ];
  for (const [what, text, direction, message] of wrong) {
    it(`with ${what} are a mistake with its line`, () =>
      expect(problem(text, direction)).to.include(message));
  }

  const near: [string, string][] = [
    ['-- Migrate: no-transaction', 'no-transaction'],
    ['-- MIGRATE: lock-timeout=5s', 'lock-timeout=5s'],
    ['-- migrate no-transaction', 'no-transaction'],
    ['-- migrate : no-transaction', 'no-transaction'],
    ['--migrate:no-transaction', 'no-transaction'],
    ['--migrate: irreversible gone', 'irreversible gone'],
    ['-- migrate: no transaction', 'no-transaction'],
    ['-- migrate: no_transaction', 'no-transaction'],
    ['-- migrate: NoTransaction', 'no-transaction'],
    ['-- migrate: lock_timeout 5s', 'lock-timeout=5s'],
    ['-- migrate lock-timeout=5s', 'lock-timeout=5s'],
    ['-- migration: no-transaction', 'no-transaction'],
    ['-- migrate allow drop-column it is gone', 'allow drop-column it is gone'],
  ];
  for (const [text, right] of near) {
    it(`are named with their right spelling where a comment nearly is one: ${text}`, () => {
      expect(problem(`${text}\nSELECT 1;`, 'down')).to.include(`"-- migrate: ${right}"`);
    });
  }

  for (const text of [
    '-- Migration: creates the users table',
    '-- Migrate the users to their new names',
    '-- migrations without a transaction are another matter',
    '-- This migrates: nothing',
    '-- irreversible on purpose',
    '-- migrate allows writes meanwhile',
  ]) {
    it(`are not suspected in prose: ${text}`, () => {
      expect(problem(`${text}\nSELECT 1;`)).to.equal('');
    });
  }

  it('may not switch the bound on waiting for locks off', () => {
    expect(problem('-- migrate: lock-timeout=0\nSELECT 1;')).to.include('wait for a lock without end');
    expect(problem('-- migrate: lock-timeout=0s\nSELECT 1;')).to.include('wait for a lock without end');
    expect(problem('-- migrate: lock-timeout=5\nSELECT 1;')).to.include('needs a duration');
  });

  it('are not looked for inside a block comment that stands above the first statement', () => {
    expect(read('/* how to:\n-- migrate: no-transaction\n*/\nSELECT 1;').directives.noTransaction).to.equal(
      false,
    );
  });

  it('are not looked for in the middle of a statement', () => {
    expect(read("SELECT 'text that names migrate: nothing';").problems).to.deep.equal([]);
  });

  it('are none in literals, quoted names, bodies and block comments behind the first statement', () => {
    const line = '\n-- migrate: no-transaction\n';
    for (const held of [
      `COMMENT ON TABLE a IS '${line}';`,
      `SELECT E'\\'${line}', 'it''s${line}';`,
      `CREATE TABLE "a""${line}" (id int);`,
      `DO $$ BEGIN${line}END $$; SELECT $a$ $$ ${line} $a$, $1;`,
      `SELECT 1 /* ${line} /* */ ${line} */;`,
    ])
      expect(readDirectives(`SELECT 1;\n${held}`, 'up').problems, held).to.deep.equal([]);
    for (const ended of ["SELECT 'a';", 'SELECT "a";', 'DO $$ $$;', 'SELECT 1 /* */;', "SELECT a$b$, 'x';"])
      expect(readDirectives(`${ended}${line}SELECT 1;`, 'up').problems, ended).to.have.length(1);
  });
});
