// What PostgreSQL quotes of rows and files when it refuses a statement, without the secrets in it.
import { expect } from 'chai';
import { describeScratchError, describeSqlError } from '../../scripts/files/sql-error.ts';
import { loadParser } from '../../scripts/files/statements.ts';

const secret = 'Hunter2Hunter2';

/** All that would be shown of an error of the server. */
async function shown(sql: string, error: Record<string, unknown>, parsed = true): Promise<string> {
  const parse = await loadParser(16);
  const result = parse(sql);
  const statements = parsed && result.ok === true ? result.statements : null;
  const file = { path: 'a.sql', text: sql, statements, prefixLength: 0 };
  const { message, options } = describeSqlError(Object.assign(new Error(), error) as never, file, 0);
  return JSON.stringify([message, { ...options, cause: undefined }]);
}

describe('what is shown of a refused statement', () => {
  const insert = `INSERT INTO users (id, name, password) VALUES (1, 'a', 'x');`;
  const cases: [string, string, Record<string, unknown>][] = [
    [
      'a row that a constraint refuses',
      insert,
      { code: '23514', message: 'violates', detail: `Failing row contains (1, a, ${secret}).` },
    ],
    [
      'a row in another language',
      insert,
      { code: '23502', message: 'null', detail: `Fehlgeschlagene Zeile enthält (1, ${secret}, null).` },
    ],
    [
      'a row with lines and parentheses',
      insert,
      { code: '23514', message: 'x', detail: `Failing row contains (1, (a)\n(${secret}), b).` },
    ],
    [
      'a row of a table that says so itself',
      'UPDATE users SET age = -1;',
      {
        code: '23514',
        message: 'x',
        constraint: 'users_password_check',
        detail: `Failing row contains (${secret}).`,
      },
    ],
    [
      'a value that is no number',
      'ALTER TABLE users ALTER password TYPE int USING password::int;',
      { code: '22P02', message: `invalid input syntax for type integer: "${secret}"` },
    ],
    [
      'a value that is no JSON',
      'UPDATE t SET api_token = note::json;',
      {
        code: '22P02',
        message: 'invalid input syntax for type json',
        detail: `Token "${secret}" is invalid.`,
        where: `JSON data, line 1: ${secret}...`,
      },
    ],
    [
      'a value that is no date',
      'SELECT secret::date FROM t;',
      { code: '22007', message: `invalid input syntax for type date: "${secret}"` },
    ],
    [
      'a key',
      'CREATE UNIQUE INDEX ON t (name, api_key);',
      { code: '23505', message: 'x', detail: `Key (name, api_key)=(a, ${secret}) is duplicated.` },
    ],
    [
      'a key that is an expression',
      'SELECT 1;',
      { code: '23505', message: 'x', detail: `Key (lower(api_token))=(${secret}) already exists.` },
    ],
    [
      'two keys',
      'SELECT 1;',
      {
        code: '23P01',
        message: 'x',
        detail: `Key (token)=(${secret}) conflicts with existing key (token)=(${secret}).`,
      },
    ],
    [
      'a key that is not there',
      'SELECT 1;',
      {
        code: '23503',
        message: 'x',
        detail: `Key (session_token)=(${secret}) is not present in table "sessions".`,
      },
    ],
    [
      'a statement in the context',
      'SELECT f();',
      {
        code: '42P01',
        message: 'x',
        where: `SQL statement "ALTER ROLE a PASSWORD '${secret}'"`,
        internalQuery: `ALTER ROLE a PASSWORD '${secret}'`,
      },
    ],
    [
      'a key that stands bare beside a name',
      `UPDATE settings SET value = '${secret}' WHERE key = 'smtp_password';`,
      { code: '23505', message: 'x', detail: `Key (value)=(${secret}) already exists.` },
    ],
    [
      'what a trigger says of a row',
      `SELECT 1; INSERT INTO settings (value, key) VALUES ('${secret}', 'smtp_password');`,
      { code: 'P0001', message: `not ${secret}`, hint: `other than ${secret}`, where: `f('${secret}')` },
    ],
    [
      'a connection string',
      'SELECT f();',
      { code: '08001', message: `could not connect: password=${secret} host=h` },
    ],
  ];
  for (const [what, sql, error] of cases)
    it(`holds no secret where it quotes ${what}`, async () => {
      expect(await shown(sql, error)).not.to.include(secret);
    });

  it('holds the row and the value where nothing speaks of a secret', async () => {
    const detail = 'Failing row contains (1, a, -1).';
    expect(
      await shown('UPDATE users SET age = -1;', { code: '23514', message: 'x', table: 'users', detail }),
    ).to.include(detail);
    const message = 'invalid input syntax for type integer: "abc"';
    expect(await shown("SELECT 'abc'::int;", { code: '22P02', message })).to.include('abc');
  });

  it('masks a secret of the excerpt however far before it the statement begins, parsed or not', async () => {
    const rows = `('a', '${secret}'),\n`.repeat(20_000);
    const sql = `SELECT 1;\nINSERT INTO users (name, password) VALUES\n${rows}('b', 1 / 0);`;
    const position = sql.indexOf('1 / 0') + 1;
    for (const parsed of [true, false]) {
      const text = await shown(
        sql,
        { code: '22012', message: 'division by zero', position: String(position) },
        parsed,
      );
      expect(text).to.include('1 / 0').and.not.to.include(secret);
    }
  });

  it('shows stars where a secret may stand so far behind the beginning that nobody reads it', async () => {
    const sql = `INSERT INTO users (name, password) VALUES\n${`('a', '${secret}'),\n`.repeat(200_000)}('b', 1 / 0);`;
    const position = sql.length - 7;
    expect(
      await shown(sql, { code: '22012', message: 'x', position: String(position) }, false),
    ).not.to.include(secret);
  });

  it('is cut on a scratch database, and holds no row, whose columns nobody asks for there', () => {
    for (const [error, sql] of [
      [
        { code: '23505', message: 'x', detail: `Key (plain)=(${secret}) is duplicated.` },
        'CREATE UNIQUE INDEX ON t (plain)',
      ],
      [
        { code: '23503', message: 'x', detail: `Key (a, b)=(1, ${secret}) is not present in table "c".` },
        'SELECT 1',
      ],
    ] as const)
      expect(JSON.stringify(describeScratchError(error, sql))).not.to.include(secret);
    const long = 'a.a\u001b'.repeat(500_000);
    const row = { code: '23514', message: long, hint: long, detail: `Failing row contains (1, ${secret}).` };
    const { message, database } = describeScratchError(row, 'UPDATE users SET id = 1');
    expect(JSON.stringify([message, database])).not.to.include(secret);
    expect(database.detail).to.equal('Failing row contains (***).');
    for (const text of [message, database.hint ?? '']) expect(text.length).to.be.below(1100);
    const value = { code: '22P02', message: `invalid input syntax for type integer: "${secret}"` };
    expect(describeScratchError(value, 'SELECT api_token::int FROM users').message).not.to.include(secret);
    expect(describeScratchError(value, 'SELECT plain::int FROM told').message).not.to.include(secret);
    expect(describeScratchError(value, `SELECT '${secret}'::int`).message).to.include(secret);
  });
});
