// A labelled set: statements that hurt a live database and statements that do not. Counts how many are told apart.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type pg from 'pg';
import type { Finding, Migration } from '../../scripts/base/types.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { createDatabase } from '../support/database.ts';
import { empty, line, migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

const folder = join(import.meta.dirname, '../fixtures/snippets');
const wanted = { hazardsFound: 0.95, safeFlagged: 0 };

describe('lint: the labelled set, traced', () => {
  let client: pg.Client;
  let before: Migration;

  beforeEach(async () => {
    client = await (await createDatabase()).client();
    before = migration('20250101000000_before', readFileSync(join(folder, 'before.sql'), 'utf8'));
  });

  it(`finds at least 95 % of the hazards, each by the rule that is written in it`, async () => {
    const missed: string[] = [];
    const names = readdirSync(join(folder, 'hazards'));
    for (const name of names) {
      const text = readFileSync(join(folder, 'hazards', name), 'utf8');
      const expected = /^-- expects: (\S+)/.exec(text)?.[1];
      const findings = await review(text);
      const isFound = findings.some(({ rule }) => rule === expected);
      if (!isFound)
        missed.push(`${name}: expected ${expected}, found ${findings.map(line).join(' | ') || 'nothing'}`);
    }
    report('hazards found', names.length - missed.length, names.length);
    expect(names.length).to.be.at.least(40);
    expect((names.length - missed.length) / names.length, missed.join('\n')).to.be.at.least(
      wanted.hazardsFound,
    );
  });

  it('flags none of the safe ones as error or warning', async () => {
    const flagged: string[] = [];
    const names = readdirSync(join(folder, 'safe'));
    for (const name of names) {
      const findings = (await review(readFileSync(join(folder, 'safe', name), 'utf8'))).filter(
        ({ severity }) => severity !== 'info',
      );
      if (findings.length > 0) flagged.push(`${name}: ${findings.map(line).join(' | ')}`);
    }
    report('safe ones flagged', flagged.length, names.length);
    expect(names.length).to.be.at.least(25);
    expect(flagged.length / names.length, flagged.join('\n')).to.be.at.most(wanted.safeFlagged);
  });

  async function review(text: string): Promise<readonly Finding[]> {
    await empty(client);
    const underReview = [migration('20250102000000_snippet', text)];
    return reviewMigrations({ postgres: testMajor, earlier: [before], underReview, scratch: client });
  }
});

function report(what: string, count: number, all: number): void {
  process.stdout.write(`      ${what}: ${count} of ${all} (${((100 * count) / all).toFixed(1)} %)\n`);
}
