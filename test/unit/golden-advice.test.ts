// The SQL that lint advises where it knows the text alone, held against approved files: test/fixtures/golden/advice.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { expectGolden, goldenPath } from '../support/golden.ts';
import { migration } from '../support/lint.ts';

describe('The advice of lint, to the letter', () => {
  const names = readdirSync(goldenPath('advice')).filter((name) => /^[a-z-]+\.sql$/.test(name));
  for (const name of names) {
    it(`for ${name}`, async () => {
      const sql = readFileSync(goldenPath('advice', name), 'utf8');
      const underReview = [migration('20250101000000_change', sql)];
      const findings = await reviewMigrations({ postgres: 16, earlier: [], underReview, settings: {} });
      expect(findings).not.to.have.length(0);
      const text = findings.map(({ rule, message, help }) => `-- ${rule}: ${message}\n${help}\n`).join('\n');
      expectGolden(goldenPath('advice', name.replace('.sql', '.advice')), text);
    });
  }
});
