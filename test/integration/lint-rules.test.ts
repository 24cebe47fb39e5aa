// Every rule has a bad example that it finds and a good one that nothing is said about; both really run.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type pg from 'pg';
import type { Finding } from '../../scripts/base/types.ts';
import { rulesWithSql } from '../../scripts/lint/advice/advise.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { rules } from '../../scripts/lint/rules/rules.ts';
import { createDatabase } from '../support/database.ts';
import { administered, empty, line, lines, migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

const folder = join(import.meta.dirname, '../fixtures/rules');

describe('lint: every rule', () => {
  let client: pg.Client;

  beforeEach(async () => {
    client = await administered(await createDatabase());
  });

  it('has a folder of examples, and every folder has a rule', () => {
    expect(readdirSync(folder).sort()).to.deep.equal(Object.keys(rules).sort());
  });

  for (const id of Object.keys(rules)) {
    it(`${id} is found in its bad example, with a rewrite, and nothing in its good one`, async () => {
      const bad = await review(client, id, 'bad');
      const found = bad.filter(({ rule }) => rule === id);
      expect(found, lines(bad)).to.have.length(1);
      expect(found[0]?.help, 'why it hurts and what to write').to.match(/\S\n\S*/);
      if (!rulesWithSql.has(id))
        expect(found[0]?.help, 'words, and no SQL').not.to.match(/;$|^-- |WHERE true/m);

      await empty(client);
      const good = await review(client, id, 'good');
      expect(good.filter(({ severity }) => severity !== 'info').map(line)).to.deep.equal([]);
      expect(good.map(({ rule }) => rule)).not.to.include(id);
    });
  }
});

function review(client: pg.Client, id: string, example: 'bad' | 'good'): Promise<readonly Finding[]> {
  const before = join(folder, id, 'before.sql');
  const earlier = existsSync(before)
    ? [migration('20250101000000_before', readFileSync(before, 'utf8'))]
    : [];
  const text = readFileSync(join(folder, id, `${example}.up.sql`), 'utf8');
  return reviewMigrations({
    postgres: testMajor,
    earlier,
    underReview: [migration(`20250102000000_${example}`, text)],
    scratch: client,
  });
}
