// The proof of what lint prints as SQL: the original on one schema, the advice literally on the same, and both are alike
// in catalog and rows; nothing is found in the advice itself; its downs bring back what was there.
import { expect } from 'chai';
import type pg from 'pg';
import { rulesWithSql } from '../../scripts/lint/advice/advise.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { applyFile, differences, printedFiles, proveAdvice, stateOf } from '../support/advice.ts';
import { adviceCases, wordsOnly } from '../support/advice-cases.ts';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { empty, migration } from '../support/lint.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

describe('lint: advice', () => {
  // One for all: every case begins with an empty schema.
  let client: pg.Client;
  before(async () => {
    client = await (await createDatabase()).client();
    // Outside of a test, so that what it prepares is kept for all of them.
    await stateOf(client);
  });

  it('is proven for every rule that may print SQL', () => {
    expect([...new Set(adviceCases.map(({ rule }) => rule))].sort()).to.deep.equal(
      [...rulesWithSql].filter((rule) => rule !== 'foreign-key-without-index').sort(),
    );
  });

  it('of foreign-key-without-index adds that index and nothing else', async () => {
    await empty(client);
    const before = `CREATE TABLE p (a int, "B c" int, PRIMARY KEY (a, "B c")); CREATE SCHEMA "S";
      CREATE TABLE "S"."Child" (x int, "Y z" int);`;
    const key = 'ALTER TABLE "S"."Child" ADD FOREIGN KEY (x, "Y z") REFERENCES p NOT VALID;';
    const findings = await reviewMigrations({
      earlier: [migration('20250101000000_before', before)],
      underReview: [migration('20250102000000_key', key)],
      scratch: client,
      postgres: testMajor,
    });
    const found = findings.find(({ rule }) => rule === 'foreign-key-without-index');
    const states = await stateOf(client);
    for (const file of printedFiles(found?.help ?? '')) await applyFile(client, file);
    expect(differences(states, await stateOf(client)))
      .to.have.length(1)
      .and.to.match(/\+ index "S"."Child_x_Y z_idx"/);
  });

  for (const rule of new Set(adviceCases.map((one) => one.rule))) {
    it(`of ${rule} does what the statement does, on every shape of table`, async () => {
      const wrong: string[] = [];
      for (const one of adviceCases.filter((test) => test.rule === rule))
        wrong.push(...(await proveAdvice(client, one)).map((text) => `${one.shape}: ${text}`));
      expect(wrong.join('\n\n')).to.equal('');
    });
  }

  it('is words without SQL where no rewrite is proven, and says why', async () => {
    const wrong: string[] = [];
    for (const [rule, why, before, sql] of wordsOnly) {
      await empty(client);
      const findings = await reviewMigrations({
        earlier: [migration('20250101000000_before', before)],
        underReview: [migration('20250102000000_asked', sql)],
        scratch: client,
        postgres: testMajor,
      });
      const help = findings.find((finding) => finding.rule === rule)?.help ?? 'not found';
      if (!why.test(help) || printedFiles(help).length > 0) wrong.push(`${rule}: ${sql}\n${help}`);
    }
    expect(wrong.join('\n\n')).to.equal('');
  });

  it('with batches does the same when up runs it', async function () {
    this.timeout(180_000);
    const shapes = adviceCases.filter(({ rule }) => /^unbatched-|volatile/.test(rule));
    let ran = 0;
    const wrong: string[] = [];
    for (const { shape, before, sql, volatile, instead } of shapes.slice(0, 12)) {
      await empty(client);
      const findings = await reviewMigrations({
        earlier: [migration('20250101000000_before', before)],
        underReview: [migration('20250102000000_asked', sql)],
        scratch: client,
        postgres: testMajor,
      });
      const printed = findings
        .map(({ help }) => printedFiles(help))
        .find((one) => one.join().includes('migrate: batch'));
      if (printed === undefined) continue;
      await empty(client);
      await client.query(before);
      await applyFile(client, instead ?? sql);
      const database = await createDatabase();
      const series = printed.map((text, n) =>
        pair(n + 2, 'advised', text, '-- migrate: irreversible not the point'),
      );
      const repo = await project(
        Object.assign(pair(1, 'before', before, '-- migrate: irreversible not the point'), ...series),
      );
      const result = await runInProcess(repo.root, database.env(), ['up']);
      if (result.exitCode !== 0) wrong.push(`${shape}: ${result.said}`);
      const own = /migration_ledger|pgmigrations|comment on schema public/;
      wrong.push(
        ...differences(await stateOf(client, volatile), await stateOf(await database.client(), volatile))
          .filter((text) => !own.test(text))
          .map((text) => `${shape}: ${text}`),
      );
      ran += 1;
    }
    expect(wrong.join('\n\n')).to.equal('');
    expect(ran).to.be.above(4);
  });
});
