// What a file does to take the bound on waiting for locks away: found by lint, and not carried out.
import { expect } from 'chai';
import { keepLockTimeout, lockBound } from '../../scripts/files/settings-set.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { migration } from '../support/lint.ts';

const lifting = [
  'SET lock_timeout = 0;',
  "SET LOCAL lock_timeout TO '0s';",
  "SELECT pg_catalog.set_config('lock_timeout', '0', true);",
  'DO $$ BEGIN SET LOCAL lock_timeout = 0; END $$;',
  "DO $$ BEGIN SET lock_timeout TO '0'; PERFORM 1; END $$;",
  "DO 'BEGIN SET lock_timeout TO ''0ms''; END';",
  "DO $$ BEGIN PERFORM set_config('lock_timeout', '0', true); END $$;",
  "DO $$ BEGIN EXECUTE 'SET LOCAL lock_timeout = 0'; END $$;",
];
const onlyFound = [
  'ALTER ROLE app SET lock_timeout = 0;',
  'ALTER ROLE app IN DATABASE db SET statement_timeout TO 0;',
  "ALTER DATABASE db SET lock_timeout = '0';",
  "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET lock_timeout = 0 AS 'SELECT 1';",
  'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET LOCAL statement_timeout = 0; END $$;',
  "DO $$ BEGIN EXECUTE format('ALTER ROLE %I SET lock_timeout = 0', current_user); END $$;",
];
const harmless = [
  "SET lock_timeout = '5s';",
  'SET lock_timeout = 500;',
  'RESET lock_timeout;',
  "DO $$ BEGIN SET LOCAL lock_timeout = '10s'; SET LOCAL lock_timeout = 100; END $$;",
  "DO $$ BEGIN RAISE NOTICE 'lock_timeout is %', 0; END $$;",
  "SELECT set_config('lock_timeout', '0.5s', true);",
];

async function found(sql: string): Promise<boolean> {
  const findings = await reviewMigrations({
    earlier: [],
    underReview: [migration('20250101000000_asked', sql)],
    postgres: 16,
  });
  return findings.some(({ rule }) => rule === 'time-out-lifted');
}

describe('A lock time-out of 0', () => {
  for (const sql of lifting)
    it(`is found and not carried out in ${sql}`, async () => {
      const parse = await loadParser(16);
      const kept = keepLockTimeout(sql, parse);
      expect(kept)
        .to.have.length(sql.length)
        .and.not.to.match(/lock_timeout/);
      expect(parse(kept).ok).to.equal(true);
      expect(await found(sql)).to.equal(true);
    });

  for (const sql of onlyFound) it(`is found in ${sql}`, async () => expect(await found(sql)).to.equal(true));

  for (const sql of harmless)
    it(`is not what this says: ${sql}`, async () => {
      expect(keepLockTimeout(sql, await loadParser(16))).to.equal(sql);
      expect(await found(sql)).to.equal(false);
    });

  it('leaves a file the bound that it sets itself, and any other the one of the tool', () => {
    const bounds: readonly (readonly [string, number | null])[] = [
      ['SELECT f();', 2000],
      ["SET lock_timeout = '5s'; SELECT f();", 5000],
      ['SET LOCAL lock_timeout TO 9000;', 9000],
      ["SELECT set_config('lock_timeout', '1min', true);", 60_000],
      ['SET lock_timeout = 0;', 2000],
      ["SET lock_timeout = '100ms'; RESET lock_timeout;", null],
      ['CREATE FUNCTION f() RETURNS int LANGUAGE sql SET lock_timeout FROM CURRENT AS $$ SELECT 1 $$;', null],
    ];
    for (const [text, expected] of bounds) expect(lockBound(text, 2000), text).to.equal(expected);
  });
});
